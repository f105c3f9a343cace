//! The audit log: who did what, and who was refused.

use serde_json::{Value, json};

use super::Answer;
use super::requests::{ROWS, before, filter, older, utc};
use super::visit::Visit;
use crate::auth::Scope;
use crate::http::api::requests::{instant, wrong};
use crate::http::error::Rejection;
use crate::org::audit::Wanted;

const FILTERS: [&str; 7] = ["action", "actor", "resourceType", "resourceId", "request", "since", "until"];

const ACTIONS: [&str; 13] = [
    "created", "changed", "deleted", "restored", "invited", "resent", "accepted", "declined", "revoked", "expired", "issued",
    "ended", "refused",
];

/// What is often looked for; types that the tree added are typed.
const TYPES: [&str; 11] = [
    "User",
    "Group",
    "Invitation",
    "Organization",
    "Settings",
    "Schemas",
    "Client",
    "Token",
    "Session",
    "Request",
    "Tombstone",
];

/// `audit`: the newest first.
pub(super) async fn list(visit: &Visit) -> Answer {
    let found = match wanted(visit) {
        Ok(wanted) => visit.app().audit_list(visit.who(), &wanted).await.map_err(Rejection::from),
        Err(error) => Err(error),
    };
    let page = |body: &Value| {
        let rows = body["entries"].as_array().into_iter().flatten().map(|entry| row(visit, entry));
        json!({
            "rows": rows.collect::<Vec<_>>(), "older": older(visit, &FILTERS, body), "is_first": !visit.query.has("before"), "newest": visit.query.kept(&visit.here(), &FILTERS),
            "filter": filter(visit, &FILTERS), "actions": ACTIONS, "types": TYPES,
        })
    };
    match found {
        Ok(body) => Ok(visit.show("audit", &page(&body))),
        Err(rejection) => visit.again("audit", &page(&Value::Null), rejection),
    }
}

fn wanted(visit: &Visit) -> Result<Wanted, Rejection> {
    let some = |name: &str| Some(visit.query.get(name)).filter(|text| !text.is_empty());
    let text = |name: &str| some(name).map(str::to_owned);
    let resource = some("resourceId").map(|text| text.parse().map_err(|_| wrong("resourceId", text, "an id")));
    Ok(Wanted {
        action: text("action"),
        actor: text("actor"),
        resource_type: text("resourceType"),
        resource: resource.transpose()?,
        request: text("request"),
        since: some("since").map(|text| instant("since", &utc(text))).transpose()?,
        until: some("until").map(|text| instant("until", &utc(text))).transpose()?,
        before: before(visit)?,
        limit: ROWS,
    })
}

fn row(visit: &Visit, entry: &Value) -> Value {
    json!({
        "id": entry["id"], "place": entry["place"], "at": entry["at"], "action": entry["action"], "type": entry["resourceType"],
        "resource": entry.get("resourceId"), "link": link(visit, entry), "actor": entry["actor"], "detail": entry.get("detail"),
        "who": who(entry["actor"].as_str().unwrap_or_default()), "count": entry["count"], "client": entry.get("client"),
        "request": entry.get("request"), "before": entry.get("versionBefore"), "after": entry.get("versionAfter"),
        "hash": entry["hash"],
    })
}

/// `audit/{id}`.
pub(super) async fn one(visit: &Visit, id: &str) -> Answer {
    let id = id.parse().map_err(|_| Rejection::not_found())?;
    let entry = visit.app().audit_get(visit.who(), id).await?;
    Ok(visit.show("audit-entry", &row(visit, &entry)))
}

/// Where the resource can be seen, if it is still there and the caller may see it.
fn link(visit: &Visit, entry: &Value) -> Option<String> {
    let id = entry["resourceId"].as_str().filter(|_| entry["action"] != "deleted");
    let (path, scope) = match entry["resourceType"].as_str()? {
        "User" => ("/users/", Scope::UsersRead),
        "Group" => ("/groups/", Scope::GroupsRead),
        "Invitation" => ("/invitations/", Scope::InvitationsRead),
        "Organization" => ("/organizations/", Scope::OrganizationsRead),
        "Client" => ("/access/clients/", Scope::ClientsRead),
        "Settings" => return visit.may(Scope::SettingsRead).then(|| "/settings".to_owned()),
        _ => return None,
    };
    id.filter(|_| visit.may(scope)).map(|id| format!("{path}{id}"))
}

/// Who that is, in words.
fn who(actor: &str) -> &'static str {
    match actor.split(' ').next().unwrap_or_default() {
        "user" => "a person",
        "client" => "a client or provisioning token",
        "external" => "somebody another issuer vouches for",
        "invitee" => "the holder of an invitation's link",
        "operator" => "an operator, on the command line",
        "worker" => "the server itself",
        "unauthenticated" => "somebody who did not prove who he is",
        "sql" => "somebody who wrote to the database without the server",
        _ => "",
    }
}
