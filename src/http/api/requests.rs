//! `/requests` and `/quirks`: what the org was asked, and what had to be forgiven.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::Tag;
use crate::base::{Timestamp, limit};
use crate::http::answer::Told;
use crate::http::resource::{LoggedRequest, LoggedRequests, QuirkCounts};
use crate::http::scim::parameter::Integer;
use crate::http::{Authed, OAuthScope, Rejection};
use crate::org::log::Wanted;
use crate::scim::{self, Quirk, Quirks, ScimType};

/// The operations on the request log.
pub struct RequestsApi;

#[OpenApi(tag = "Tag::Requests")]
impl RequestsApi {
    /// List logged requests
    ///
    /// The newest first: every write, every failure, everything that needed a quirk; successful reads too where the setting
    /// `log` is `all`. Values that are about a person are left out. A request shows up within seconds.
    #[allow(clippy::too_many_arguments, reason = "every parameter stands in the document by itself")]
    #[oai(path = "/requests", method = "get", operation_id = "listRequests")]
    async fn list(
        &self,
        #[oai(scope = "OAuthScope::RequestsRead")] caller: Authed,
        /// A status such as `409`, or all of them as `4xx`.
        status: Query<Option<String>>,
        /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
        method: Query<Option<String>>,
        /// The name of a switch that the request needed.
        quirk: Query<Option<String>>,
        /// The `client_id` of the token.
        client: Query<Option<String>>,
        /// From then on, such as `2026-11-24T04:40:37Z`.
        since: Query<Option<String>>,
        /// Before then.
        until: Query<Option<String>>,
        /// How many: 100 if not said, 1000 at the most.
        limit: Query<Option<Integer>>,
        /// `next` of the page before.
        before: Query<Option<String>>,
    ) -> Result<Told<LoggedRequests>, Rejection> {
        let limit = limit.0.map(|text| text.0);
        let limit = limit.map(|text| text.parse::<usize>().map_err(|_| wrong("limit", &text, "an integer"))).transpose()?;
        let wanted = Wanted {
            status: status.0.map(|text| statuses(&text)).transpose()?,
            method: method.0.map(|method| method.to_ascii_uppercase()),
            quirks: quirk.0.map_or(Ok(Quirks::default()), |name| quirk_of(&name))?,
            client: client.0,
            since: since.0.map(|text| instant("since", &text)).transpose()?,
            until: until.0.map(|text| instant("until", &text)).transpose()?,
            before: before.0.map(|text| text.parse().map_err(|_| wrong("before", &text, "`next` of a page"))).transpose()?,
            limit: limit.unwrap_or(limit::PAGE_DEFAULT).clamp(1, limit::PAGE_MAX),
        };
        Ok(Told::new(&caller.app.requests_list(&caller.who, &wanted).await?))
    }

    /// Read a logged request
    #[oai(path = "/requests/:id", method = "get", operation_id = "getRequest")]
    async fn get(
        &self,
        #[oai(scope = "OAuthScope::RequestsRead")] caller: Authed,
        /// The `id` of the line.
        id: Path<String>,
    ) -> Result<Told<LoggedRequest>, Rejection> {
        let id = id.parse().map_err(|_| Rejection::not_found())?;
        Ok(Told::new(&caller.app.requests_get(&caller.who, id).await?))
    }

    /// Count what had to be forgiven
    ///
    /// For each switch that a request needed: how many did, and when the last one. To see what would break before a profile
    /// becomes stricter.
    #[oai(path = "/quirks", method = "get", operation_id = "listQuirks")]
    async fn quirks(&self, #[oai(scope = "OAuthScope::RequestsRead")] caller: Authed) -> Result<Told<QuirkCounts>, Rejection> {
        Ok(Told::new(&caller.app.quirks_list(&caller.who).await?))
    }
}

pub(in crate::http) fn wrong(name: &str, text: &str, expected: &str) -> scim::Error {
    scim::Error::bad(ScimType::InvalidValue, format!("`{name}` is {text:?}, expected {expected}"))
}

/// `404` is itself, `4xx` all from 400 to 499.
pub(in crate::http) fn statuses(text: &str) -> Result<(u16, u16), scim::Error> {
    let lowest = text.to_ascii_lowercase().replace('x', "0").parse::<u16>();
    match (text.len(), lowest) {
        (3, Ok(lowest)) if text.ends_with(['x', 'X']) && lowest % 100 == 0 => Ok((lowest, lowest + 99)),
        (3, Ok(status)) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok((status, status)),
        _ => Err(wrong("status", text, "one such as `409` or `4xx`")),
    }
}

pub(in crate::http) fn quirk_of(name: &str) -> Result<Quirks, scim::Error> {
    let quirk = name.parse::<Quirk>().map_err(|error| scim::Error::bad(ScimType::InvalidValue, error.to_string()))?;
    Ok(Quirks::of(quirk))
}

pub(in crate::http) fn instant(name: &str, text: &str) -> Result<Timestamp, scim::Error> {
    // A `+` that was not escaped arrives as a blank.
    Timestamp::parse(&text.replace(' ', "+")).ok_or_else(|| wrong(name, text, "a dateTime such as `2026-11-24T04:40:37Z`"))
}
