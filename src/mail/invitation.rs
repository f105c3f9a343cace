//! The letter that brings an invitation. A language is a folder beside this file; English stands in for the others.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value};
use serde::Serialize;

use super::text;
use crate::base::Timestamp;

/// What the letter says, as people wrote it.
#[derive(Clone, Debug)]
pub struct Invitation {
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
    /// BCP 47; where none of its languages is known, English.
    pub locale: Option<String>,
}

/// A letter in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// The text part, with the raw link.
    pub text: String,
    /// The HTML part, with the link as a button.
    pub html: String,
}

/// What the templates see: every field is clean.
#[derive(Serialize)]
struct View<'a> {
    inviter: Option<String>,
    user_name: String,
    org: String,
    parent: String,
    path: String,
    groups: Vec<String>,
    message: Vec<String>,
    link: &'a str,
    /// The link, fit for an attribute. minijinja would write each slash as `&#x2f;`, which is right and which simple readers
    /// of mail, scanners among them, do not undo.
    href: Value,
    count: i64,
    unit: &'static str,
    until: String,
}

macro_rules! languages {
    ($($language:literal),+) => {
        const LANGUAGES: &[(&str, [(&str, &str); 3])] = &[$((
            $language,
            [
                (concat!($language, "/subject.txt"), include_str!(concat!("invitation/", $language, "/subject.txt"))),
                (concat!($language, "/body.txt"), include_str!(concat!("invitation/", $language, "/body.txt"))),
                (concat!($language, "/body.html"), include_str!(concat!("invitation/", $language, "/body.html"))),
            ],
        )),+];
    };
}

languages!("en", "de");

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    templates.set_syntax(syntax.expect("the usual delimiters"));
    for (name, source) in LANGUAGES.iter().flat_map(|(_, files)| files) {
        templates.add_template(name, source).expect("tests render every language");
    }
    templates
});

/// The letter, in the language of its locale.
pub fn render(letter: &Invitation) -> Rendered {
    let (count, unit) = span(letter.expires_at.0.saturating_sub(letter.now.0));
    let names: Vec<String> = letter.path.iter().map(|name| text::line(name)).collect();
    let view = View {
        inviter: letter.inviter.as_deref().map(text::line).filter(|name| !name.is_empty()),
        user_name: text::line(&letter.user_name),
        org: names.last().cloned().unwrap_or_default(),
        parent: names.iter().rev().nth(1).cloned().unwrap_or_default(),
        path: names.join(" › "),
        groups: letter.groups.iter().map(|name| text::line(name)).collect(),
        message: letter.message.as_deref().map(text::lines).unwrap_or_default(),
        link: &letter.link,
        href: Value::from_safe_string(attribute(&letter.link)),
        count,
        unit,
        until: letter.expires_at.to_utc().format("%Y-%m-%d %H:%M UTC").to_string(),
    };
    let language = language(letter.locale.as_deref());
    let part = |file: &str| {
        let template = TEMPLATES.get_template(&format!("{language}/{file}")).expect("every language has every file");
        template.render(Serde(&view)).expect("every name the templates use is a field of the view")
    };
    Rendered { subject: text::line(&part("subject.txt")), text: part("body.txt"), html: part("body.html") }
}

fn attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('\'', "&#39;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The language of a tag such as `de-AT` that there is a folder for.
fn language(locale: Option<&str>) -> &'static str {
    let primary = locale.and_then(|tag| tag.split(['-', '_']).next()).unwrap_or_default();
    LANGUAGES.iter().map(|(language, _)| *language).find(|known| known.eq_ignore_ascii_case(primary)).unwrap_or("en")
}

/// A span of time in the unit that a person would choose, rounded to it.
fn span(millis: i64) -> (i64, &'static str) {
    let minutes = millis.max(0).saturating_add(30_000) / 60_000;
    let hours = (minutes + 30) / 60;
    let days = (hours + 12) / 24;
    match (hours, days) {
        (..2, _) => (minutes, "minute"),
        (..48, _) => (hours, "hour"),
        _ => (days, "day"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::mail) fn letter() -> Invitation {
        Invitation {
            inviter: Some("Grace Hopper".into()),
            user_name: "ada".into(),
            path: vec!["Acme".into(), "Acme Partners".into()],
            groups: vec!["Crew".into(), "R&D <read>".into()],
            message: Some("Welcome aboard!\n\nGrace".into()),
            expires_at: Timestamp(1_795_495_200_000 + 72 * 3_600_000),
            now: Timestamp(1_795_495_200_000 + 2_000),
            link: "https://usher.acme.test/t/acme/o/2/invitations/1?code=C0de".into(),
            locale: None,
        }
    }

    #[test]
    fn an_english_letter() {
        let Rendered { subject, text, html } = render(&letter());
        insta::assert_snapshot!(format!("{subject}\n\n----\n{text}\n----\n{html}"));
    }

    #[test]
    fn a_german_letter_from_a_machine_without_groups_or_message() {
        let letter = Invitation { inviter: None, groups: vec![], message: None, locale: Some("de-AT".into()), ..letter() };
        let Rendered { subject, text, html } = render(&letter);
        insta::assert_snapshot!(format!("{subject}\n\n----\n{text}\n----\n{html}"));
    }

    #[test]
    fn every_language_says_everything() {
        for (language, _) in LANGUAGES {
            let letter = Invitation { locale: Some((*language).into()), ..letter() };
            let Rendered { subject, text, html } = render(&letter);
            assert!(subject.contains("Acme Partners"), "{language}");
            for said in
                ["Grace Hopper", "ada", "Acme › Acme Partners", "Crew", "2026-11-27 04:40 UTC", " 3 ", "Welcome aboard!"]
            {
                assert!(text.contains(said), "{language}: {said} in {text}");
                assert!(html.contains(said), "{language}: {said} in {html}");
            }
            assert_eq!(text.matches(&letter.link).count(), 1, "{language}");
            assert_eq!(html.matches("href=").count(), 1, "{language}");
            assert!(html.contains(&format!("href=\"{}\"", letter.link)), "{language}");
        }
    }

    #[test]
    fn not_even_the_link_becomes_markup() {
        let letter = Invitation { link: "https://x/\"'><script>&".into(), ..letter() };
        assert!(render(&letter).html.contains(r#"href="https://x/&quot;&#39;&gt;&lt;script&gt;&amp;""#));
    }

    #[test]
    fn an_unknown_language_is_english() {
        for locale in [None, Some("fr-CA"), Some(""), Some("../../etc/passwd"), Some("english")] {
            assert_eq!(language(locale), "en", "{locale:?}");
        }
        for locale in ["de", "DE", "de-CH", "de_AT"] {
            assert_eq!(language(Some(locale)), "de", "{locale}");
        }
    }

    #[test]
    fn a_span_is_told_as_a_person_would() {
        const MINUTE: i64 = 60_000;
        for (millis, told) in [
            (-1, (0, "minute")),
            (5 * MINUTE, (5, "minute")),
            (89 * MINUTE, (89, "minute")),
            (90 * MINUTE, (2, "hour")),
            (72 * 60 * MINUTE - 2_000, (3, "day")),
            (72 * 60 * MINUTE, (3, "day")),
            (47 * 60 * MINUTE, (47, "hour")),
            (30 * 24 * 60 * MINUTE, (30, "day")),
        ] {
            assert_eq!(span(millis), told, "{millis}");
        }
    }
}
