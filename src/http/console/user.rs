//! One user: who that is, where from, and what may be done with it.

use serde_json::{Value, json};
use uuid::Uuid;

use super::Answer;
use super::groups::{group_named, offered};
use super::user_form::{patch, version};
use super::users::name;
use super::visit::Visit;
use super::{facts, history};
use crate::auth::{Scope, Subject};
use crate::base::UserId;
use crate::base::limit::PAGE_DEFAULT;
use crate::http::error::Rejection;
use crate::http::scim::id;
use crate::scim::urn;
use crate::store::References;

/// What the console writes without a version: what it does is meant whatever else has changed.
pub(super) const ANY: Option<&str> = Some("*");

/// `users/{id}`.
pub(super) async fn show(visit: &Visit, user: &str) -> Answer {
    Ok(visit.show("user", &view(visit, id(user)?).await?))
}

/// `users/{id}/active`: lets it in or shuts it out.
pub(super) async fn active(visit: &Visit, user: &str) -> Answer {
    let id = id(user)?;
    let active = visit.form.get("active") == "yes";
    let operations = vec![json!({ "op": "replace", "path": "active", "value": active })];
    match visit.app().user_patch(visit.who(), id, ANY, patch(operations), References::Omit).await {
        Ok(record) => {
            let user = visit.document(visit.who().schemas.user(), &record)?;
            let done = match (active, user["active"] == true) {
                (true, true) => "activated",
                (true, false) => "still-inactive",
                (false, _) => "deactivated",
            };
            Ok(visit.see(&format!("/users/{id}"), done))
        }
        Err(error) => refused(visit, id, error).await,
    }
}

/// `users/{id}/password`.
pub(super) async fn password(visit: &Visit, user: &str, is_post: bool) -> Answer {
    visit.require(Scope::UsersWrite)?;
    let id = id(user)?;
    let user = document(visit, id).await?;
    let page = json!({ "id": id, "called": user["userName"] });
    if !is_post {
        return Ok(visit.show("user-password", &page));
    }
    let operations = vec![json!({ "op": "replace", "path": "password", "value": visit.form.verbatim("password") })];
    match visit.app().user_patch(visit.who(), id, ANY, patch(operations), References::Omit).await {
        Ok(_) => Ok(visit.see(&format!("/users/{id}"), "password")),
        Err(error) => visit.again("user-password", &page, error),
    }
}

/// `users/{id}/join`: into a group that is called by its name.
pub(super) async fn join(visit: &Visit, user: &str) -> Answer {
    let id: UserId = id(user)?;
    let joined = async {
        let group = group_named(visit, visit.form.get("group")).await?;
        let operation = json!({ "op": "add", "path": "members", "value": [{ "value": id }] });
        visit.app().group_patch(visit.who(), group, ANY, patch(vec![operation])).await.map_err(Rejection::from)
    };
    match joined.await {
        Ok(_) => Ok(visit.see(&format!("/users/{id}"), "joined")),
        Err(rejection) => refused(visit, id, rejection).await,
    }
}

/// `users/{id}/leave`: out of a group.
pub(super) async fn leave(visit: &Visit, user: &str) -> Answer {
    let id: UserId = id(user)?;
    let group = crate::http::scim::id(visit.form.get("group"))?;
    let operation = json!({ "op": "remove", "path": "members", "value": [{ "value": id }] });
    match visit.app().group_patch(visit.who(), group, ANY, patch(vec![operation])).await {
        Ok(_) => Ok(visit.see(&format!("/users/{id}"), "left")),
        Err(error) => refused(visit, id, error).await,
    }
}

/// `users/{id}/delete`.
pub(super) async fn delete(visit: &Visit, user: &str, is_post: bool) -> Answer {
    visit.require(Scope::UsersWrite)?;
    let id: UserId = id(user)?;
    let doc = document(visit, id).await?;
    let is_guest = doc.get(urn::MEMBERSHIP).is_some();
    let called = doc["userName"].as_str().unwrap_or_default();
    let mut items = match is_guest {
        true => vec!["It leaves all its groups here.".to_owned(), "In the parent organization nothing changes.".to_owned()],
        false => vec!["It leaves all its groups and is gone from this organization.".to_owned()],
    };
    items.push("Where it is a guest below this organization, those memberships end too.".to_owned());
    let days = visit.app().restorable(visit.org()).as_secs() / (24 * 3600);
    if days > 0 {
        items.push(format!("For {days} days, somebody with the right deleted:write can restore it."));
    }
    if is_caller(visit, id) {
        items.insert(0, "This is you: you will not be able to come back.".to_owned());
    }
    let verb = if is_guest { "End the membership" } else { "Delete" };
    let page = json!({
        "title": if is_guest { format!("End the membership of {called}?") } else { format!("Delete {called}?") },
        "text": "What will happen:",
        "items": items,
        "action": format!("/users/{id}/delete"),
        "fields": [("version", shown_version(&doc))],
        "kind": "danger",
        "button": verb,
        "back": format!("/users/{id}"),
    });
    if !is_post {
        return Ok(visit.show("confirm", &page));
    }
    match visit.app().user_delete(visit.who(), id, Some(&version(&visit.form))).await {
        Ok(()) => Ok(visit.see("/users", if is_guest { "ended" } else { "deleted" })),
        Err(error) => visit.again("confirm", &page, error),
    }
}

/// The number of the version that `doc` shows.
pub(super) fn shown_version(doc: &Value) -> &str {
    doc["meta"]["version"].as_str().unwrap_or_default().trim_start_matches("W/").trim_matches('"')
}

fn is_caller(visit: &Visit, id: UserId) -> bool {
    matches!(visit.who().subject, Subject::User(caller) if caller == id)
}

async fn document(visit: &Visit, id: UserId) -> Result<Value, Rejection> {
    let record = visit.app().user_get(visit.who(), id, References::Include).await?;
    visit.document(visit.who().schemas.user(), &record)
}

/// The page again, with what went wrong.
async fn refused(visit: &Visit, id: UserId, error: impl Into<Rejection>) -> Answer {
    visit.again("user", &view(visit, id).await?, error)
}

async fn view(visit: &Visit, id: UserId) -> Result<Value, Rejection> {
    let doc = document(visit, id).await?;
    let groups: Vec<Value> = doc["groups"].as_array().into_iter().flatten().take(PAGE_DEFAULT).cloned().collect();
    let filter = format!("members.value eq \"{id}\"");
    Ok(json!({
        "id": id,
        "called": doc["userName"],
        "name": name(&doc),
        "active": doc["active"] != false,
        "is_caller": is_caller(visit, id),
        "facts": facts::of(&doc, &[urn::MEMBERSHIP]),
        "created": doc["meta"]["created"],
        "changed": doc["meta"]["lastModified"],
        "groups": groups,
        "more_groups": doc["groups"].as_array().is_some_and(|all| all.len() > groups.len()).then_some(filter),
        "offered": offered(visit).await?,
        "group": visit.form.get("group"),
        "origin": origin(visit, &doc[urn::MEMBERSHIP]),
        "history": history::of(visit, id.0).await?,
    }))
}

/// Where a guest comes from; nothing of a resident. The orgs above have names that everybody here sees.
fn origin(visit: &Visit, membership: &Value) -> Value {
    if !membership.is_object() {
        return Value::Null;
    }
    let org = |name: &str| {
        let id = membership[name].as_str().and_then(|id| id.parse::<Uuid>().ok());
        let known = visit.ancestors().iter().find(|org| Some(org.id.0) == id);
        known.map_or(membership[name].clone(), |org| org.name.clone().into())
    };
    json!({
        "home": org("homeOrg"),
        "source": org("sourceOrg"),
        "invitation": membership["invitation"],
        "since": membership["since"],
        "until": membership["until"],
    })
}
