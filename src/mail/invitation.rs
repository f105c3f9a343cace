//! The letter that brings an invitation, and the one that reminds of it: one layout, the sentences of [`super::catalogue`].

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use super::catalogue::{Catalogue, Form, escape, fill};
use super::{Letterhead, text};
use crate::base::Timestamp;

/// What the letter says, as people wrote it.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// The first letter, or a later one.
    pub kind: Kind,
    /// In which language.
    pub language: &'static Catalogue,
    /// In whose colours.
    pub letterhead: Letterhead,
    /// Who invites; none if that was a machine, for which the org stands.
    pub inviter: Option<String>,
    /// The invitee's name in the parent.
    pub user_name: String,
    /// The names of the inviting org and its ancestors, the root first.
    pub path: Vec<String>,
    /// The groups that acceptance gives.
    pub groups: Vec<String>,
    /// The inviter's words.
    pub message: Option<String>,
    /// From when the link is dead.
    pub expires_at: Timestamp,
    /// When the letter is written.
    pub now: Timestamp,
    /// The only link in it.
    pub link: String,
}

/// Which letter of an invitation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// The first one, and those that somebody sends again.
    #[default]
    Invitation,
    /// The one that comes by itself while there still is time.
    Reminder,
}

impl Kind {
    /// Both.
    pub const ALL: [Kind; 2] = [Kind::Invitation, Kind::Reminder];

    /// Its name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Invitation => "invitation",
            Kind::Reminder => "reminder",
        }
    }

    /// The one of that name.
    pub fn of(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A letter in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Its language.
    pub language: &'static str,
    /// One line.
    pub subject: String,
    /// The text part, with the raw link.
    pub text: String,
    /// The HTML part, with the link as a button, and raw.
    pub html: String,
}

/// What a layout sees. Every field is clean, and escaped where the layout is HTML.
#[derive(Serialize)]
struct View {
    lang: &'static str,
    org: String,
    color: String,
    ink: &'static str,
    /// Empty where there is none, as is the footer.
    logo: String,
    footer: String,
    subject: String,
    greeting: String,
    opening: String,
    user: String,
    organization: String,
    groups_heading: String,
    groups: Vec<String>,
    writes: String,
    message: Vec<String>,
    open: String,
    button: String,
    copy: String,
    link: String,
    expires: String,
    unexpected: String,
}

static LAYOUTS: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut layouts = Environment::new();
    layouts.set_undefined_behavior(UndefinedBehavior::Strict);
    // `view` has escaped all of it.
    layouts.set_auto_escape_callback(|_| AutoEscape::None);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    layouts.set_syntax(syntax.expect("the usual delimiters"));
    for (name, source) in [(TEXT, include_str!("layout.txt")), (HTML, include_str!("layout.html"))] {
        layouts.add_template(name, source).expect("tests render both");
    }
    layouts
});

const TEXT: &str = "layout.txt";
const HTML: &str = "layout.html";

/// The letter, in its language.
pub fn render(letter: &Invitation) -> Rendered {
    let part = |layout: &str, form: Form| {
        let layout = LAYOUTS.get_template(layout).expect("added above");
        layout.render(Serde(&view(letter, form))).expect("every name the layouts use is a field of the view")
    };
    Rendered {
        language: letter.language.tag,
        subject: view(letter, Form::Text).subject,
        text: part(TEXT, Form::Text),
        html: part(HTML, Form::Html),
    }
}

fn view(letter: &Invitation, form: Form) -> View {
    let language = letter.language;
    let said = language.letter();
    let path: Vec<String> = letter.path.iter().map(|name| text::line(name)).collect();
    let org = path.last().cloned().unwrap_or_default();
    let inviter = letter.inviter.as_deref().map(text::line).filter(|name| !name.is_empty());
    let values = [
        ("inviter", inviter.clone().unwrap_or_default()),
        ("author", inviter.clone().unwrap_or_else(|| org.clone())),
        ("user", text::line(&letter.user_name)),
        ("org", org.clone()),
        ("parent", path.iter().rev().nth(1).cloned().unwrap_or_default()),
        ("path", path.join(" › ")),
        ("time", language.span(letter.expires_at.0.saturating_sub(letter.now.0))),
        ("date", language.date(letter.expires_at)),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    let say = |sentence: &str| fill(sentence, form, &values);
    let shown = |text: String| if form == Form::Html { escape(&text) } else { text };
    let (subject, opening) = match (letter.kind, &inviter) {
        (Kind::Invitation, Some(_)) => (&said.subject, &said.invites),
        (Kind::Invitation, None) => (&said.subject_machine, &said.invites_machine),
        (Kind::Reminder, Some(_)) => (&said.subject_reminder, &said.reminds),
        (Kind::Reminder, None) => (&said.subject_reminder, &said.reminds_machine),
    };
    let Letterhead { color, logo, footer, .. } = &letter.letterhead;
    View {
        lang: language.tag,
        org: shown(org.clone()),
        color: shown(color.clone()),
        ink: letter.letterhead.ink(),
        logo: shown(logo.clone().unwrap_or_default()),
        footer: shown(footer.as_deref().map(text::line).unwrap_or_default()),
        // A title holds no tags.
        subject: shown(fill(subject, Form::Text, &values)),
        greeting: say(&said.greeting),
        opening: say(opening),
        user: say(&said.user),
        organization: say(&said.organization),
        groups_heading: say(&language.page().groups),
        groups: letter.groups.iter().map(|name| shown(text::line(name))).collect(),
        writes: say(&said.writes),
        message: letter.message.as_deref().map(text::lines).unwrap_or_default().into_iter().map(shown).collect(),
        open: say(&said.open),
        button: say(&said.button),
        copy: say(&said.copy),
        link: shown(letter.link.clone()),
        expires: say(&said.expires),
        unexpected: say(&said.unexpected),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::catalogue::{choose, tags};
    use super::*;

    pub(in crate::mail) fn letter() -> Invitation {
        Invitation {
            kind: Kind::Invitation,
            language: choose([]),
            letterhead: Letterhead::default(),
            inviter: Some("Grace Hopper".into()),
            user_name: "ada".into(),
            path: vec!["Acme".into(), "Acme Partners".into()],
            groups: vec!["Crew".into(), "R&D <read>".into()],
            message: Some("Welcome aboard!\n\nGrace".into()),
            expires_at: Timestamp(1_795_495_200_000 + 72 * 3_600_000),
            now: Timestamp(1_795_495_200_000 + 2_000),
            link: "https://usher.acme.test/t/acme/o/2/invitations/1?code=C0de".into(),
        }
    }

    #[test]
    fn a_letter_in_every_language() {
        // Read by people: whoever changes a sentence sees here what it becomes.
        let mut all = String::new();
        for tag in tags() {
            let language = choose([Some(tag)]);
            let plain = Invitation { language, inviter: None, groups: vec![], message: None, ..letter() };
            for letter in [
                Invitation { language, ..letter() },
                Invitation { kind: Kind::Reminder, ..plain.clone() },
                plain,
                Invitation { kind: Kind::Reminder, language, ..letter() },
            ] {
                let Rendered { subject, text, .. } = render(&letter);
                all.push_str(&format!("==== {tag} {:?}\n{subject}\n\n{text}\n", letter.kind));
            }
        }
        insta::assert_snapshot!(all);
    }

    #[test]
    fn a_letter_as_html() {
        insta::assert_snapshot!(render(&letter()).html);
    }

    #[test]
    fn every_language_says_everything() {
        for tag in tags() {
            for kind in Kind::ALL {
                let letter = Invitation { kind, language: choose([Some(tag)]), ..letter() };
                let Rendered { language, subject, text, html } = render(&letter);
                assert_eq!(language, tag);
                assert!(subject.contains("Acme Partners"), "{tag}");
                for said in ["Grace Hopper", "ada", "Acme › Acme Partners", "Crew", "04:40", "UTC", "3", "Welcome aboard!"] {
                    assert!(text.contains(said), "{tag}: {said} in {text}");
                    assert!(html.contains(said), "{tag}: {said} in {html}");
                }
                assert_eq!(text.matches(&letter.link).count(), 1, "{tag}");
                assert_eq!(html.matches("href=").count(), 1, "{tag}");
                assert!(html.contains(&format!("href=\"{}\"", letter.link)), "{tag}");
                assert!(html.contains(&format!("<html lang=\"{tag}\">")), "{tag}");
            }
        }
    }

    #[test]
    fn a_letter_in_the_colours_of_its_org() {
        let letterhead = Letterhead {
            color: "#ffd400".into(),
            logo: Some("https://acme.test/logo.png?a=1&b=2".into()),
            footer: Some("Questions? help@acme.test".into()),
            ..Letterhead::default()
        };
        let Rendered { text, html, .. } = render(&Invitation { letterhead, ..letter() });
        assert!(html.contains("background:#ffd400;color:#000000"), "{html}");
        assert!(html.contains(r#"<img src="https://acme.test/logo.png?a=1&amp;b=2" alt="Acme Partners""#), "{html}");
        assert!(html.contains("Questions? help@acme.test") && text.ends_with("Questions? help@acme.test"), "{text}");
        let plain = render(&letter());
        assert!(!plain.html.contains("<img") && !plain.text.contains("Questions"));
    }

    #[test]
    fn not_even_the_link_becomes_markup() {
        let letter = Invitation { link: "https://x/\"'><script>&".into(), ..letter() };
        let html = render(&letter).html;
        assert!(html.contains(r#"href="https://x/&quot;&#39;&gt;&lt;script&gt;&amp;""#) && !html.contains("<script"), "{html}");
    }
}
