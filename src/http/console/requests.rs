//! The request log: what was asked, what had to be forgiven, and what that means.

use serde_json::{Value, json};

use super::Answer;
use super::visit::Visit;
use crate::http::api::requests::{instant, quirk_of, statuses};
use crate::http::error::Rejection;
use crate::org::log::Wanted;
use crate::scim::{self, Quirk, Quirks, ScimType};

/// Lines of a page.
pub(super) const ROWS: usize = 50;

const FILTERS: [&str; 6] = ["status", "method", "quirk", "client", "since", "until"];

/// `requests`: the newest first.
pub(super) async fn list(visit: &Visit) -> Answer {
    let found = match wanted(visit) {
        Ok(wanted) => visit.app().requests_list(visit.who(), &wanted).await.map_err(Rejection::from),
        Err(error) => Err(error),
    };
    let names: Vec<&str> = Quirk::ALL.iter().map(|quirk| quirk.name()).collect();
    let page = |body: &Value| {
        let rows = body["requests"].as_array().into_iter().flatten().map(row);
        json!({
            "rows": rows.collect::<Vec<_>>(), "older": older(visit, &FILTERS, body), "is_first": !visit.query.has("before"), "newest": visit.query.kept(&visit.here(), &FILTERS),
            "filter": filter(visit, &FILTERS), "quirks": names,
            "methods": ["GET", "POST", "PUT", "PATCH", "DELETE"], "statuses": ["2xx", "3xx", "4xx", "5xx"],
        })
    };
    match found {
        Ok(body) => Ok(visit.show("requests", &page(&body))),
        Err(rejection) => visit.again("requests", &page(&Value::Null), rejection),
    }
}

fn wanted(visit: &Visit) -> Result<Wanted, Rejection> {
    let some = |name: &str| Some(visit.query.get(name)).filter(|text| !text.is_empty());
    Ok(Wanted {
        status: some("status").map(statuses).transpose()?,
        method: some("method").map(str::to_ascii_uppercase),
        quirks: some("quirk").map_or(Ok(Quirks::default()), quirk_of)?,
        client: some("client").map(str::to_owned),
        since: some("since").map(|text| instant("since", &utc(text))).transpose()?,
        until: some("until").map(|text| instant("until", &utc(text))).transpose()?,
        before: before(visit)?,
        limit: ROWS,
    })
}

/// The line before which the page starts.
pub(super) fn before<T: std::str::FromStr>(visit: &Visit) -> Result<Option<T>, Rejection> {
    let text = Some(visit.query.get("before")).filter(|text| !text.is_empty());
    let wrong = |_| Rejection::from(scim::Error::bad(ScimType::InvalidValue, "this page of the list is not there"));
    text.map(|text| text.parse().map_err(wrong)).transpose()
}

/// A date or a time of a form is one in UTC.
pub(super) fn utc(text: &str) -> String {
    let rest = match text.len() {
        10 => "T00:00:00Z",
        16 => ":00Z",
        19 => "Z",
        _ => "",
    };
    format!("{text}{rest}")
}

/// The address of the lines before those of `body`.
pub(super) fn older(visit: &Visit, filters: &[&str], body: &Value) -> Option<String> {
    Some(format!("{}before={}", visit.query.kept(&visit.here(), filters), body["next"].as_str()?))
}

/// What was typed into the filter.
pub(super) fn filter(visit: &Visit, filters: &[&str]) -> Value {
    let mut typed: Value = filters.iter().map(|name| ((*name).to_owned(), Value::from(visit.query.get(name)))).collect();
    typed["is_set"] = filters.iter().any(|name| visit.query.has(name)).into();
    typed
}

fn row(line: &Value) -> Value {
    let status = line["status"].as_u64().unwrap_or_default();
    let quirks = line["quirks"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let quirks = quirks.map(|name| json!({ "name": name, "about": about(name) }));
    json!({
        "id": line["id"], "at": line["at"], "method": line["method"], "path": line["path"], "status": status,
        "is_bad": status >= 400, "meaning": meaning(status), "reason": line.get("reason"), "quirks": quirks.collect::<Vec<_>>(),
        "client": line.get("client"), "provider": line.get("provider"), "user_agent": line.get("userAgent"),
        "duration": line["durationMs"],
    })
}

/// `requests/{id}`.
pub(super) async fn one(visit: &Visit, id: &str) -> Answer {
    let id = id.parse().map_err(|_| Rejection::not_found())?;
    let line = visit.app().requests_get(visit.who(), id).await?;
    let mut page = row(&line);
    page["body"] = match line["body"].as_str() {
        // What was cut is shown as it is.
        Some(body) => serde_json::from_str::<Value>(body)
            .and_then(|body| serde_json::to_string_pretty(&body))
            .unwrap_or_else(|_| body.to_owned())
            .into(),
        None => Value::Null,
    };
    Ok(visit.show("request", &page))
}

/// `requests/quirks`: how often what was forgiven.
pub(super) async fn quirks(visit: &Visit) -> Answer {
    let body = visit.app().quirks_list(visit.who()).await?;
    let rows = body["quirks"].as_array().into_iter().flatten().map(|count| {
        let name = count["quirk"].as_str().unwrap_or_default();
        json!({ "name": name, "about": about(name), "count": count["count"], "last": count["lastSeen"] })
    });
    Ok(visit.show("quirks", &json!({ "rows": rows.collect::<Vec<_>>() })))
}

/// What a switch does; nothing of one that another version of the program knew.
fn about(name: &str) -> &'static str {
    name.parse::<Quirk>().map_or("", Quirk::about)
}

/// A status in plain words.
fn meaning(status: u64) -> &'static str {
    match status {
        200..=299 => "done",
        304 => "nothing new",
        401 => "the token is missing, wrong or over",
        403 => "the token does not allow it",
        404 => "not there, or not in this organization",
        405 => "not with this method",
        408 => "the request came too slowly",
        409 => "something else has this name, or is in the way",
        412 => "it has changed meanwhile",
        413 => "too large",
        415 => "another media type than SCIM",
        428 => "If-Match is missing",
        429 => "too many requests",
        400..=499 => "the request is wrong",
        500..=599 => "the server failed",
        _ => "",
    }
}
