//! One request of somebody who has signed in.

use std::sync::Arc;

use poem::Response;
use poem::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::fields::Fields;
use super::{bare, html, see};
use crate::app::App;
use crate::app::audit::Asked;
use crate::app::sessions::Session;
use crate::auth::{Principal, Scope};
use crate::console;
use crate::console::page::{Section, Shell, Step};
use crate::http::Authed;
use crate::http::error::Rejection;
use crate::http::exchange::Exchange;
use crate::http::tenant::OrgContext;
use crate::org::Org;
use crate::scim::{Record, ResourceType, render};

/// What is asked, by whom, and where.
pub(super) struct Visit {
    /// The caller, as every use case knows him.
    pub(super) caller: Authed,
    /// How he came in.
    pub(super) session: Session,
    /// Of the address.
    pub(super) query: Fields,
    /// Of the form, if it is one.
    pub(super) form: Fields,
    /// `/t/{root}/o/{org}/console`
    pub(super) home: String,
    /// The first part of the address: the section, empty for the overview.
    section: String,
    /// What the person is called at home.
    user_name: String,
    /// The org and those above it, the root first.
    ancestry: Vec<Org>,
}

/// The sections: what each is called, where it lives, and which scope opens it.
const SECTIONS: &[(&str, &str, Option<Scope>)] = &[
    ("Overview", "", None),
    ("Users", "/users", Some(Scope::UsersRead)),
    ("Groups", "/groups", Some(Scope::GroupsRead)),
    (INVITATIONS, "/invitations", Some(Scope::InvitationsRead)),
    ("Organizations", "/organizations", Some(Scope::OrganizationsRead)),
    ("Settings", "/settings", Some(Scope::SettingsRead)),
    ("Access", "/access", Some(Scope::TokensRead)),
    ("Request log", "/requests", Some(Scope::RequestsRead)),
    ("Audit log", "/audit", Some(Scope::AuditRead)),
    ("Inbox", "/inbox", None),
];

/// Which only orgs with a parent have.
const INVITATIONS: &str = "Invitations";

/// What can be told on the page that a form led to, by its name in the address: nobody writes a text of his own there.
const NOTICES: &[(&str, &str)] = &[
    ("created", "Created."),
    ("saved", "Saved."),
    ("deleted", "Deleted."),
    ("activated", "Active again."),
    ("still-inactive", "Activated here, but still inactive in the parent organization."),
    ("deactivated", "Deactivated. No session or token of this user is good any more."),
    ("password", "The new password is set."),
    ("joined", "Added to the group."),
    ("left", "Removed from the group."),
    ("ended", "The membership has ended."),
    ("moved", "Moved."),
    ("revoked", "Revoked."),
    ("declined", "The invitation is declined."),
];

/// The path of the public URL, which every address on a page begins with.
pub(super) fn site(app: &App) -> &str {
    let url = &app.settings.public_url;
    let authority = url.find("://").map_or(0, |at| at + 3);
    url[authority..].find('/').map_or("", |at| &url[authority + at..])
}

/// Somebody of whom nothing is known.
pub(super) struct Stranger<'a>(&'a App);

impl Stranger<'_> {
    /// What went wrong, as a page.
    pub(super) fn refuse(&self, rejection: &Rejection) -> Response {
        let reason = rejection.status.canonical_reason().unwrap_or("Refused");
        bare(self.0, rejection.status, reason, &rejection.detail, &[])
    }
}

impl Visit {
    /// Of somebody of whom nothing is known.
    pub(super) fn stranger(app: &App) -> Stranger<'_> {
        Stranger(app)
    }

    /// Of `session`, in the org of `context`.
    pub(super) async fn new(
        context: OrgContext,
        session: Session,
        exchange: &Exchange,
        section: &str,
        (query, form): (Fields, Fields),
    ) -> Result<Visit, Rejection> {
        let OrgContext { app, base, .. } = context;
        let who = Principal { noted: exchange.noted().clone(), request: exchange.request(), ..session.who.clone() };
        let mut ancestry = app.org_ancestry(Some(who.org.id)).await.map_err(Rejection::from)?;
        ancestry.reverse();
        let user_name = app.session_user_name(&session).await?;
        let home = home(&app, &who.org);
        Ok(Visit {
            caller: Authed { who, app, base },
            session,
            query,
            form,
            home,
            section: section.to_owned(),
            user_name,
            ancestry,
        })
    }

    pub(super) fn app(&self) -> &Arc<App> {
        &self.caller.app
    }

    pub(super) fn who(&self) -> &Principal {
        &self.caller.who
    }

    pub(super) fn org(&self) -> &Org {
        &self.caller.who.org
    }

    /// The orgs above, the root first.
    pub(super) fn ancestors(&self) -> &[Org] {
        self.ancestry.split_last().map_or(&[], |(_, above)| above)
    }

    /// The section, as an address.
    pub(super) fn here(&self) -> String {
        format!("{}/{}", self.home, self.section)
    }

    /// Whether the caller may do this here; pages offer nothing else.
    pub(super) fn may(&self, scope: Scope) -> bool {
        self.who().scopes.contains(scope)
    }

    /// 403 where the caller may not: for forms, whose use case is called only when they are sent.
    pub(super) fn require(&self, scope: Scope) -> Result<(), Rejection> {
        Ok(self.who().require(scope)?)
    }

    /// Whether the form is one of this session.
    pub(super) fn is_form_ours(&self) -> bool {
        self.session.csrf.as_bytes().ct_eq(self.form.get("csrf").as_bytes()).into()
    }

    /// 200 with the page `name`.
    pub(super) fn show(&self, name: &str, page: &impl Serialize) -> Response {
        self.shown(StatusCode::OK, name, page, None)
    }

    /// A part of a page, for the script that puts it there.
    pub(super) fn part(&self, name: &str, page: &impl Serialize) -> Response {
        html(StatusCode::OK, console::render(name, site(self.app()), Some(&self.shell(None)), page))
    }

    /// The page of a form again, with what is wrong about it. A failure of ours is not shown there.
    pub(super) fn again(&self, name: &str, page: &impl Serialize, error: impl Into<Rejection>) -> Result<Response, Rejection> {
        let rejection = error.into();
        if !matches!(rejection.status.as_u16(), 400 | 403 | 409 | 410 | 412 | 413 | 422 | 429) {
            return Err(rejection);
        }
        if rejection.status == StatusCode::FORBIDDEN {
            self.note_refusal(&[name], &rejection);
        }
        Ok(self.shown(rejection.status, name, page, Some(rejection.detail)))
    }

    /// What went wrong, in the frame.
    pub(super) fn refuse(&self, rejection: &Rejection) -> Response {
        let (status, here) = (rejection.status, [("Back to the overview", self.home.as_str())]);
        if status == StatusCode::NOT_FOUND {
            return bare(self.app(), status, "Not found", "There is no such page or resource in this organization.", &here);
        }
        bare(self.app(), status, status.canonical_reason().unwrap_or("Refused"), &rejection.detail, &here)
    }

    /// On to `path` of the console, which tells the notice of `done`.
    pub(super) fn see(&self, path: &str, done: &str) -> Response {
        let mark = if path.contains('?') { '&' } else { '?' };
        see(&format!("{}{path}{mark}done={done}", self.home))
    }

    /// What was refused for want of a right goes to the audit log, as it does in the API.
    pub(super) fn note_refusal(&self, path: &[&str], rejection: &Rejection) {
        if rejection.status != StatusCode::FORBIDDEN {
            return;
        }
        let is_id = |part: &&str| part.parse::<uuid::Uuid>().is_ok();
        let resource = path.iter().copied().find(is_id).and_then(|id| id.parse().ok());
        let names = path.iter().map(|part| if is_id(part) { ":id" } else { part });
        let pattern = names.fold(String::from("/console"), |pattern, name| pattern + "/" + name);
        let method = if self.form.is_empty() { "GET" } else { "POST" };
        let asked = Asked { method, pattern: pattern.into(), resource, request: self.who().request.clone() };
        let Principal { org, subject, client_id, .. } = self.who();
        self.app().refused(org.id, subject, client_id.as_deref(), &asked, &rejection.detail);
    }

    /// A resource as a client of the API sees it.
    pub(super) fn document(&self, resource_type: &ResourceType, record: &Record) -> Result<Value, Rejection> {
        serde_json::from_slice(&render::resource(resource_type, record, &self.caller.base)).map_err(Rejection::failure)
    }

    fn shown(&self, status: StatusCode, name: &str, page: &impl Serialize, alert: Option<String>) -> Response {
        html(status, console::render(name, site(self.app()), Some(&self.shell(alert)), page))
    }

    fn shell(&self, alert: Option<String>) -> Shell {
        let done = self.query.get("done");
        let is_open = |path: &str, scope: Option<Scope>| {
            scope.is_none_or(|scope| self.may(scope)) || path == "/access" && self.may(Scope::ClientsRead)
        };
        let has_parent = self.org().parent.is_some();
        let sections = SECTIONS.iter().filter(|(_, path, scope)| is_open(path, *scope));
        let sections = sections.filter(|(label, ..)| has_parent || *label != INVITATIONS);
        Shell {
            home: self.home.clone(),
            path: self.ancestry.iter().map(|org| Step { name: org.name.clone(), url: home(self.app(), org) }).collect(),
            sections: sections
                .map(|&(label, path, _)| Section { label, path, is_current: path.trim_start_matches('/') == self.section })
                .collect(),
            user_name: self.user_name.clone(),
            csrf: self.session.csrf.clone(),
            has_parent,
            scopes: Scope::ALL.into_iter().filter(|scope| self.may(*scope)).map(Scope::as_str).collect(),
            notice: NOTICES.iter().find(|(name, _)| *name == done).map(|(_, text)| *text),
            alert,
        }
    }
}

/// Where the console of `org` lives.
pub(super) fn home(app: &App, org: &Org) -> String {
    format!("{}/t/{}/o/{}/console", site(app), org.root_handle, org.id)
}
