//! The page behind an invitation's link.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

/// Everything the page shows.
#[derive(Clone, Debug, Serialize)]
pub struct Page {
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
    /// From when the link is dead, for people.
    pub until: String,
    /// The inviter's words.
    pub message: Option<String>,
    /// Where the form posts, relative to the page: the invitation's id.
    pub action: String,
    /// The code, for the form.
    pub code: String,
}

/// The faces of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
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
    /// No such invitation, or not its code. Tells nothing.
    Unknown,
}

impl Page {
    /// The page that tells nothing.
    pub fn unknown() -> Page {
        Page {
            state: State::Unknown,
            path: Vec::new(),
            inviter: None,
            user_name: String::new(),
            groups: Vec::new(),
            vanished: Vec::new(),
            until: String::new(),
            message: None,
            action: String::new(),
            code: String::new(),
        }
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
    template.render(Serde(page)).expect("every name the template uses is a field of the page")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(state: State) -> Page {
        Page {
            state,
            path: vec!["Acme".into(), "Acme Partners".into()],
            inviter: Some("Grace Hopper".into()),
            user_name: "ada".into(),
            groups: vec!["Crew".into(), "Readers".into()],
            vanished: vec![],
            until: "2026-11-27 04:40 UTC".into(),
            message: Some("Welcome!\nSee you.".into()),
            action: "01890a5d-ac96-774b-bcce-b302099a8057".into(),
            code: "C0de".into(),
        }
    }

    const ALL: [State; 8] = [
        State::Open,
        State::Accepted,
        State::Declined,
        State::Expired,
        State::Revoked,
        State::Used,
        State::Inactive,
        State::Unknown,
    ];

    #[test]
    fn the_open_page_asks_and_says_for_what() {
        insta::assert_snapshot!(invitation_page(&page(State::Open)));
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
    fn every_face_has_its_own_heading() {
        let heading = |state| {
            let html = invitation_page(&page(state));
            let start = html.find("<h1>").expect("a heading") + 4;
            html[start..html.find("</h1>").expect("its end")].to_owned()
        };
        let headings: std::collections::BTreeSet<_> = ALL.map(heading).into_iter().collect();
        assert_eq!(headings.len(), ALL.len(), "{headings:?}");
    }

    #[test]
    fn the_unknown_page_tells_nothing() {
        let html = invitation_page(&Page { state: State::Unknown, ..page(State::Open) });
        for secret in ["Acme", "ada", "Grace", "Crew", "Welcome", "C0de"] {
            assert!(!html.contains(secret), "{secret}");
        }
        assert_eq!(html, invitation_page(&Page::unknown()));
    }

    #[test]
    fn nothing_shown_becomes_markup_or_a_link() {
        let hostile = "\"'><script>alert(1)</script><a href=https://evil.test>x</a><img src=x onerror=y>{{7*7}}{% raw %}";
        for state in ALL {
            let html = invitation_page(&Page {
                state,
                path: vec![hostile.into(), hostile.into()],
                inviter: Some(hostile.into()),
                user_name: hostile.into(),
                groups: vec![hostile.into()],
                vanished: vec![hostile.into()],
                until: hostile.into(),
                message: Some(hostile.into()),
                action: hostile.into(),
                code: hostile.into(),
            });
            for bad in ["<script", "<a ", "<img", "49", "style=", "onerror=y>"] {
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
            let html = invitation_page(&page(state));
            for bad in ["<script", "http:", "https:", "//", "style=", "javascript:", "onclick", "onload", "<iframe", "src="] {
                assert!(!html.contains(bad), "{state:?}: {bad}");
            }
            assert_eq!(html.matches("href=").count(), 1, "{state:?}");
            assert!(html.contains("href=\"../../../../../console/invitation.css\""));
        }
        assert!(!super::super::INVITATION_CSS.contains("url(") && !super::super::INVITATION_CSS.contains("@import"));
    }
}
