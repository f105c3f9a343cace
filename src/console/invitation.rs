//! The page behind an invitation's link.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value};
use serde::Serialize;

use crate::base::Timestamp;
use crate::mail::Catalogue;
use crate::mail::catalogue::{Form, fill};

/// Everything the page shows.
#[derive(Clone, Debug)]
pub struct Page {
    /// In which language.
    pub language: &'static Catalogue,
    /// Which of its faces.
    pub state: State,
    /// The names of the inviting org and its ancestors, the root first. Empty where nothing may be told.
    pub path: Vec<String>,
    /// Who invites; none if that was a machine.
    pub inviter: Option<String>,
    /// The invitee's name in the parent.
    pub user_name: String,
    /// The groups that acceptance gives, or gave.
    pub groups: Vec<String>,
    /// Groups that were meant and no longer exist.
    pub vanished: Vec<String>,
    /// From when the link is dead.
    pub until: Timestamp,
    /// The inviter's words.
    pub message: Option<String>,
    /// Where the form posts, relative to the page: the invitation's id.
    pub action: String,
    /// The code, for the form.
    pub code: String,
    /// The org whose user is invited, by its id: there one can sign in and answer.
    pub parent: String,
}

/// The faces of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for an answer.
    Open,
    /// Accepted just now.
    Accepted,
    /// Declined, now or before.
    Declined,
    /// Its time has passed.
    Expired,
    /// The inviter took it back.
    Revoked,
    /// Accepted before.
    Used,
    /// It could not be accepted now: the user or an org is not active.
    Inactive,
    /// A group can no longer be given, and the org gives all or none.
    Blocked,
    /// The org wants the invitee to sign in, which one does in the console of the parent.
    SignIn,
    /// No such invitation, or not its code. Tells nothing.
    Unknown,
}

impl Page {
    /// The page that tells nothing.
    pub fn unknown(language: &'static Catalogue) -> Page {
        Page {
            language,
            state: State::Unknown,
            path: Vec::new(),
            inviter: None,
            user_name: String::new(),
            groups: Vec::new(),
            vanished: Vec::new(),
            until: Timestamp(0),
            message: None,
            action: String::new(),
            code: String::new(),
            parent: String::new(),
        }
    }
}

/// What the template sees: a face has what it shows, and nothing else is there. Sentences are escaped already.
#[derive(Serialize)]
struct View<'a> {
    lang: &'static str,
    title: String,
    path: String,
    /// The news of this face, or what is asked.
    lead: Value,
    is_news: bool,
    message: Option<&'a str>,
    lists: Vec<(Value, &'a [String])>,
    form: Option<FormView<'a>>,
    /// Where to go on: what it is called, and its address, relative to the page.
    link: Option<(Value, String)>,
    version: &'static str,
}

#[derive(Serialize)]
struct FormView<'a> {
    action: &'a str,
    code: &'a str,
    accept: &'a str,
    decline: &'a str,
    until: Value,
}

fn view(page: &Page) -> View<'_> {
    let said = page.language.page();
    let values = [
        ("org", page.path.last().map_or("", String::as_str)),
        ("inviter", page.inviter.as_deref().unwrap_or_default()),
        ("user", &page.user_name),
        ("date", &page.language.date(page.until)),
    ];
    let say = |sentence: &str| Value::from_safe_string(fill(sentence, Form::Html, &values));
    let is_by_person = page.inviter.is_some();
    let (title, lead) = match page.state {
        State::Open if is_by_person => (&said.title_open, &said.invites),
        State::Open => (&said.title_open, &said.invites_machine),
        State::Accepted => (&said.title_accepted, &said.accepted),
        State::Declined => (&said.title_declined, &said.declined),
        State::Expired if is_by_person => (&said.title_expired, &said.expired),
        State::Expired => (&said.title_expired, &said.expired_machine),
        State::Revoked => (&said.title_revoked, &said.revoked),
        State::Used => (&said.title_used, &said.used),
        State::Inactive => (&said.title_inactive, &said.inactive),
        State::Blocked => (&said.title_blocked, &said.blocked),
        State::SignIn => (&said.title_signin, &said.signin),
        State::Unknown => (&said.title_unknown, &said.unknown),
    };
    let is_open = matches!(page.state, State::Open | State::Inactive);
    let lists: [(&str, &[String]); 2] = match page.state {
        State::Open | State::Inactive => [(&said.groups, &page.groups), ("", &[])],
        State::Accepted => [(&said.groups_now, &page.groups), (&said.groups_gone, &page.vanished)],
        _ => [("", &[]), ("", &[])],
    };
    let lists = lists.into_iter().filter(|(_, names)| !names.is_empty());
    View {
        lang: page.language.tag,
        title: fill(title, Form::Text, &values),
        path: if page.state == State::Unknown { String::new() } else { page.path.join(" › ") },
        lead: say(lead),
        is_news: page.state != State::Open,
        message: page.message.as_deref().filter(|_| is_open),
        lists: lists.map(|(heading, names)| (say(heading), names)).collect(),
        form: is_open.then(|| FormView {
            action: &page.action,
            code: &page.code,
            accept: &said.accept,
            decline: &said.decline,
            until: say(&said.until),
        }),
        link: match page.state {
            State::SignIn => Some((say(&said.to_inbox), format!("../../{}/console/inbox", page.parent))),
            State::Accepted | State::Used => Some((say(&said.to_console), "../console".to_owned())),
            _ => None,
        },
        version: super::version(),
    }
}

/// The page as HTML, complete. Whatever it shows is escaped.
pub fn invitation_page(page: &Page) -> String {
    static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        templates.set_syntax(syntax.expect("the usual delimiters"));
        templates.add_template("invitation.html", include_str!("invitation.html")).expect("tests render it");
        templates
    });
    let template = TEMPLATES.get_template("invitation.html").expect("added above");
    template.render(Serde(&view(page))).expect("every name the template uses is a field of the view")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::catalogue::{choose, tags};

    fn page(state: State) -> Page {
        Page {
            language: choose([]),
            state,
            path: vec!["Acme".into(), "Acme Partners".into()],
            inviter: Some("Grace Hopper".into()),
            user_name: "ada".into(),
            groups: vec!["Crew".into(), "Readers".into()],
            vanished: vec![],
            until: Timestamp(1_795_754_400_000),
            message: Some("Welcome!\nSee you.".into()),
            action: "01890a5d-ac96-774b-bcce-b302099a8057".into(),
            code: "C0de".into(),
            parent: "01890a5d-ac96-774b-bcce-b302099a8056".into(),
        }
    }

    const ALL: [State; 10] = [
        State::Open,
        State::Accepted,
        State::Declined,
        State::Expired,
        State::Revoked,
        State::Used,
        State::Inactive,
        State::Blocked,
        State::SignIn,
        State::Unknown,
    ];

    #[test]
    fn the_open_page_asks_and_says_for_what() {
        let html = invitation_page(&page(State::Open)).replace(super::super::version(), "VERSION");
        insta::assert_snapshot!(html);
    }

    #[test]
    fn only_the_open_page_can_be_answered_and_only_by_post() {
        for state in ALL {
            let html = invitation_page(&page(state));
            let forms = html.matches("<form method=\"post\"").count();
            assert_eq!(forms, usize::from(matches!(state, State::Open | State::Inactive)), "{state:?}");
            assert_eq!(html.matches("<form").count(), forms, "{state:?}");
            assert_eq!(html.contains("C0de"), forms == 1, "{state:?}: the code is only where it is needed");
        }
    }

    #[test]
    fn every_face_has_its_own_heading_in_every_language() {
        let mut headings = std::collections::BTreeSet::new();
        for tag in tags() {
            for state in ALL {
                let html = invitation_page(&Page { language: choose([Some(tag)]), ..page(state) });
                assert!(html.contains(&format!("<html lang=\"{tag}\">")), "{tag}");
                let start = html.find("<h1>").expect("a heading") + 4;
                headings.insert(html[start..html.find("</h1>").expect("its end")].to_owned());
            }
        }
        assert_eq!(headings.len(), ALL.len() * tags().count(), "{headings:?}");
    }

    #[test]
    fn every_face_in_every_language() {
        // Read by people: whoever changes a sentence sees here what it becomes.
        let mut all = String::new();
        for tag in tags() {
            let shown = ALL.map(|state| Page { language: choose([Some(tag)]), vanished: vec!["Gone".into()], ..page(state) });
            let by_machine = [State::Open, State::Expired].map(|state| Page { inviter: None, message: None, ..page(state) });
            let by_machine = by_machine.map(|page| Page { language: choose([Some(tag)]), ..page });
            for page in shown.iter().chain(&by_machine) {
                let html = invitation_page(page);
                let body = html
                    .split_once("<main class=\"card\">")
                    .and_then(|(_, rest)| rest.split_once("</main>"))
                    .expect("a body")
                    .0;
                all.push_str(&format!("==== {tag} {:?}{body}", page.state));
            }
        }
        insta::assert_snapshot!(all);
    }

    #[test]
    fn the_unknown_page_tells_nothing() {
        let html = invitation_page(&Page { state: State::Unknown, ..page(State::Open) });
        for secret in ["Acme", "ada", "Grace", "Crew", "Welcome", "C0de"] {
            assert!(!html.contains(secret), "{secret}");
        }
        assert_eq!(html, invitation_page(&Page::unknown(choose([]))));
    }

    #[test]
    fn nothing_shown_becomes_markup_or_a_link() {
        let hostile = "\"'><script>alert(1)</script><a href=https://evil.test>x</a><img src=x onerror=y>{{7*7}}{% raw %}";
        for state in ALL {
            let html = invitation_page(&Page {
                language: choose([]),
                state,
                path: vec![hostile.into(), hostile.into()],
                inviter: Some(hostile.into()),
                user_name: hostile.into(),
                groups: vec![hostile.into()],
                vanished: vec![hostile.into()],
                until: Timestamp(0),
                message: Some(hostile.into()),
                action: hostile.into(),
                code: hostile.into(),
                parent: hostile.into(),
            });
            for bad in ["<script", "<a href=https", "<img", "49", "style=", "onerror=y>"] {
                assert!(!html.contains(bad), "{state:?}: {bad} in {html}");
            }
            let plain = invitation_page(&page(state));
            let tags = |html: &str| html.matches('<').count();
            // One more list item for the vanished group, one group less.
            assert!(tags(&html) <= tags(&plain) + 6, "{state:?}");
        }
    }

    #[test]
    fn no_page_runs_or_loads_anything_from_elsewhere() {
        // S-68. The style is addressed relatively, so it works behind a public URL with a path.
        for state in ALL {
            let html = invitation_page(&page(state)).replace("&#x2f;", "/");
            for bad in ["<script", "http:", "https:", "//", "style=", "javascript:", "onclick", "onload", "<iframe", "src="] {
                assert!(!html.contains(bad), "{state:?}: {bad}");
            }
            let goes_on = matches!(state, State::SignIn | State::Accepted | State::Used);
            assert_eq!(html.matches("href=\"../").count(), 1 + usize::from(goes_on), "{state:?}");
            assert_eq!(html.matches("href=\"../").count(), html.matches("href=").count(), "{state:?}");
            assert!(html.contains("href=\"../../../../../console/console.css?v="));
        }
        let style = super::super::ASSETS[0].body;
        assert!(!style.contains("url(") && !style.contains("@import"));
    }
}
