//! What is known of a request beside its answer: parts of the way through the house put it here, and `guardrail` and the
//! parsers of bodies read it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use poem::http::{HeaderValue, Method, StatusCode, Uri};
use poem::{PathPattern, Request};

use super::tenant::Address;
use crate::app::App;
use crate::app::audit::Asked;
use crate::auth::{Principal, Subject};
use crate::base::OrgId;
use crate::base::limit::LOG_SENT_BYTES_MAX;
use crate::org::log::{self, Entry, Logged};
use crate::scim::{Noted, Profile, Quirk, Quirks};

/// Of one request. A clone is the same one.
#[derive(Clone, Default)]
pub(super) struct Exchange(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// As the answer's `X-Request-Id` says.
    request: Option<Arc<str>>,
    noted: Noted,
    admitted: OnceLock<Admitted>,
    body: OnceLock<Bytes>,
    /// Why it was refused, where the answer is no rejection.
    reason: OnceLock<String>,
}

/// No other has an operation.
fn method(method: &Method) -> &'static str {
    ["GET", "POST", "PUT", "PATCH", "DELETE"].into_iter().find(|known| method == known).unwrap_or("other")
}

/// Who was let in, and where.
struct Admitted {
    app: Arc<App>,
    org: OrgId,
    subject: Subject,
    client: Option<String>,
    asked: Asked,
    profile: Profile,
    logs_all: bool,
}

impl Exchange {
    /// A new one, of the request `id`.
    pub(super) fn new(id: &str) -> Exchange {
        Exchange(Arc::new(Inner { request: Some(id.into()), ..Inner::default() }))
    }

    /// That of `request`; a new one where it has none.
    pub(super) fn of(request: &Request) -> Exchange {
        request.data::<Exchange>().cloned().unwrap_or_default()
    }

    /// The request's name.
    pub(super) fn request(&self) -> Option<Arc<str>> {
        self.0.request.clone()
    }

    /// What `request` asks, without a word of the client's.
    pub(super) fn asked(&self, request: &Request) -> Asked {
        Asked {
            method: method(request.method()),
            pattern: request.data::<PathPattern>().map(|pattern| pattern.0.clone()).unwrap_or_default(),
            // The names are poem-openapi's. An id stands last.
            resource: ["param1", "param0"].into_iter().find_map(|name| request.raw_path_param(name)?.parse().ok()),
            request: self.request(),
        }
    }

    /// `who` is let in, to ask `request`.
    pub(super) fn admit(&self, app: &Arc<App>, who: &Principal, request: &Request) {
        let admitted = Admitted {
            app: app.clone(),
            org: who.org.id,
            subject: who.subject.clone(),
            client: who.client_id.clone(),
            asked: self.asked(request),
            profile: app.profile(who),
            logs_all: who.org.settings.log == Some(Logged::All),
        };
        let _ = self.0.admitted.set(admitted);
    }

    /// Whether the org forgives `quirk`; if so, it is recorded. Before anybody is let in, everything is forgiven.
    pub(super) fn allow(&self, quirk: Quirk) -> bool {
        let mut quirks = Quirks::new();
        let profile = self.0.admitted.get().map(|admitted| admitted.profile).unwrap_or_default();
        let is_allowed = quirks.allow(profile, quirk);
        self.0.noted.add(quirks);
        is_allowed
    }

    /// The record of what was forgiven.
    pub(super) fn noted(&self) -> &Noted {
        &self.0.noted
    }

    /// The body, as it was sent.
    pub(super) fn keep_body(&self, bytes: &Bytes) {
        let _ = self.0.body.set(bytes.clone());
    }

    /// The answer says no in words of its own; these are ours.
    pub(super) fn explain(&self, reason: &str) {
        let _ = self.0.reason.set(reason.to_owned());
    }

    /// Puts the request in the log of its org, if it belongs there. Who was not let in leaves no line: anybody could fill the
    /// log of anybody.
    pub(super) fn log(
        &self,
        (method, uri, user_agent): (&Method, &Uri, Option<&HeaderValue>),
        status: StatusCode,
        reason: Option<&str>,
        took: Duration,
    ) {
        let Some(admitted) = self.0.admitted.get() else { return };
        let reason = reason.or(self.0.reason.get().map(String::as_str));
        if status == StatusCode::FORBIDDEN {
            let Admitted { app, org, subject, client, asked, .. } = admitted;
            app.refused(*org, subject, client.as_deref(), asked, reason.unwrap_or_default());
        }
        let quirks = self.0.noted.quirks();
        let is_read = method.is_safe() || uri.path().trim_end_matches('/').ends_with("/.search");
        if is_read && quirks.is_empty() && status.as_u16() < 400 && !admitted.logs_all {
            return;
        }
        let at = admitted.app.now();
        let below = Address::parse(uri.path()).map(|address| format!("/{}{}", address.area, address.rest));
        let body = self.0.body.get();
        let is_long = |bytes: &&Bytes| bytes.len() > LOG_SENT_BYTES_MAX;
        let entry = Entry {
            org: admitted.org,
            id: admitted.app.random.uuid(at),
            at,
            method: method.to_string(),
            path: log::address(&below.unwrap_or_default(), uri.query()),
            status: status.as_u16(),
            duration_us: i64::try_from(took.as_micros()).unwrap_or(i64::MAX),
            client: admitted.client.clone(),
            user_agent: user_agent.map(|text| log::bounded(&String::from_utf8_lossy(text.as_bytes()))),
            quirks,
            reason: reason.map(log::reason),
            body: body.filter(is_long).map(|bytes| format!("{} bytes, too many to be kept", bytes.len())),
        };
        admitted.app.requests.push(entry, body.filter(|bytes| !is_long(bytes)).cloned());
    }
}
