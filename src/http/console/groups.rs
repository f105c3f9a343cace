//! Groups: which there are, what each gives, and who is in it.

use serde_json::{Value, json};

use super::Answer;
use super::history;
use super::list::{List, Search};
use super::user::{ANY, shown_version};
use super::user_form::{object, patch, version};
use super::users;
use super::visit::Visit;
use crate::app::ErrorKind;
use crate::auth::Scope;
use crate::base::GroupId;
use crate::base::limit::{CONSOLE_NAMES_MAX, PAGE_DEFAULT};
use crate::http::error::Rejection;
use crate::http::scim::id;
use crate::scim::{self, Reference, ScimType, urn};
use crate::store::References;

/// What the list shows; not the members, of whom there may be many.
const COLUMNS: &str = "displayName,externalId,meta.lastModified,urn:usher:scim:schemas:extension:access:2.0:Group:scopes";

/// `groups`: the list, with a search.
pub(super) async fn list(visit: &Visit) -> Answer {
    let group = visit.who().schemas.group();
    let search = Search::of(visit, group, &["displayName"]);
    let page = |list: &List| json!({ "search": search, "list": list });
    let row = |group: &Value| {
        json!({
            "id": group["id"],
            "name": group["displayName"],
            "scopes": scopes_of(group),
            "external": group["externalId"],
            "changed": group["meta"]["lastModified"],
        })
    };
    match visit.list(group, search.filter.clone(), "displayName", COLUMNS).await {
        Ok(list) => Ok(visit.show("groups", &page(&list.map(row)))),
        Err(rejection) => visit.again("groups", &page(&List::default()), rejection),
    }
}

/// `groups/new`.
pub(super) async fn create(visit: &Visit, is_post: bool) -> Answer {
    visit.require(Scope::GroupsWrite)?;
    let chosen: Vec<&str> = visit.form.all("scope").collect();
    let page = json!({ "name": visit.form.get("name"), "rights": rights(visit, &chosen) });
    if !is_post {
        return Ok(visit.show("group-new", &page));
    }
    let mut group = json!({ "schemas": [urn::GROUP], "displayName": visit.form.get("name") });
    if !chosen.is_empty() {
        group["schemas"] = json!([urn::GROUP, urn::ACCESS]);
        group[urn::ACCESS] = json!({ "scopes": chosen });
    }
    match visit.app().group_create(visit.who(), object(group), References::Omit).await {
        Ok(record) => Ok(visit.see(&format!("/groups/{}", record.id), "created")),
        Err(error) => visit.again("group-new", &page, error),
    }
}

/// `groups/{id}`.
pub(super) async fn show(visit: &Visit, group: &str) -> Answer {
    page(visit, id(group)?, None).await
}

/// `groups/{id}/rename`.
pub(super) async fn rename(visit: &Visit, group: &str) -> Answer {
    let operation = json!({ "op": "replace", "path": "displayName", "value": visit.form.get("name") });
    change(visit, id(group)?, Some(&version(&visit.form)), vec![operation]).await
}

/// `groups/{id}/rights`: what is ticked. What the caller does not hold is not his to take away, so it stays; what he ticks
/// without holding it, the use case refuses.
pub(super) async fn set_rights(visit: &Visit, group: &str) -> Answer {
    let id = id(group)?;
    let given = scopes_of(&document(visit, id).await?);
    let is_held = |scope: &str| scope.parse().is_ok_and(|scope| visit.may(scope));
    let mut wanted: Vec<&str> = given.iter().map(String::as_str).filter(|scope| !is_held(scope)).collect();
    wanted.extend(visit.form.all("scope"));
    let path = format!("{}:scopes", urn::ACCESS);
    let operation = match wanted.is_empty() {
        true => json!({ "op": "remove", "path": path }),
        false => json!({ "op": "replace", "path": path, "value": wanted }),
    };
    change(visit, id, Some(&version(&visit.form)), vec![operation]).await
}

/// `groups/{id}/add`: users by name, and a group. One that is not there, and nobody is added.
pub(super) async fn add(visit: &Visit, group: &str) -> Answer {
    let id = id(group)?;
    match added(visit).await {
        Ok(members) => change(visit, id, ANY, vec![json!({ "op": "add", "path": "members", "value": members })]).await,
        Err(rejection) => page(visit, id, Some(rejection)).await,
    }
}

/// `groups/{id}/remove`: those who are ticked.
pub(super) async fn remove(visit: &Visit, group: &str) -> Answer {
    let id = id(group)?;
    let gone: Vec<Value> = visit.form.all("member").map(|member| json!({ "value": member })).collect();
    if gone.is_empty() {
        return page(visit, id, Some(wrong("nobody is ticked who could be removed"))).await;
    }
    change(visit, id, ANY, vec![json!({ "op": "remove", "path": "members", "value": gone })]).await
}

/// `groups/{id}/delete`.
pub(super) async fn delete(visit: &Visit, group: &str, is_post: bool) -> Answer {
    visit.require(Scope::GroupsWrite)?;
    let id: GroupId = id(group)?;
    let doc = document(visit, id).await?;
    let scopes = scopes_of(&doc);
    let mut items = vec!["Its members stay, and lose what it gives them.".to_owned()];
    if !scopes.is_empty() {
        items.push(format!("It gives: {}", scopes.join(", ")));
    }
    items.push("Invitations into it no longer give it.".to_owned());
    let page = json!({
        "title": format!("Delete the group {}?", doc["displayName"].as_str().unwrap_or_default()),
        "text": "What will happen:",
        "items": items,
        "action": format!("/groups/{id}/delete"),
        "fields": [("version", shown_version(&doc))],
        "kind": "danger",
        "button": "Delete",
        "back": format!("/groups/{id}"),
    });
    if !is_post {
        return Ok(visit.show("confirm", &page));
    }
    match visit.app().group_delete(visit.who(), id, Some(&version(&visit.form))).await {
        Ok(()) => Ok(visit.see("/groups", "deleted")),
        Err(error) => visit.again("confirm", &page, error),
    }
}

/// The group that is called `name`.
pub(super) async fn group_named(visit: &Visit, name: &str) -> Result<GroupId, Rejection> {
    let filter = format!("displayName eq {}", Value::from(name));
    let found = visit.first(visit.who().schemas.group(), Some(filter), "", "displayName").await?;
    match &found.items[..] {
        [] => Err(wrong(&format!("there is no group {name:?} here"))),
        [group] => id(group["id"].as_str().unwrap_or_default()),
        _ => Err(wrong(&format!("several groups are called {name:?}; open the one you mean and add there"))),
    }
}

/// Names of groups that a field can offer: the first of those that give nothing but what the caller holds.
pub(super) async fn offered(visit: &Visit) -> Result<Vec<Value>, Rejection> {
    if !(visit.may(Scope::GroupsRead) && visit.may(Scope::GroupsWrite)) {
        return Ok(Vec::new());
    }
    let groups = visit.first(visit.who().schemas.group(), None, "displayName", COLUMNS).await?;
    let is_his = |group: &&Value| scopes_of(group).iter().all(|scope| scope.parse().is_ok_and(|scope| visit.may(scope)));
    Ok(groups.items.iter().filter(is_his).map(|group| group["displayName"].clone()).collect())
}

/// The scopes that a group gives.
fn scopes_of(group: &Value) -> Vec<String> {
    let scopes = group[urn::ACCESS]["scopes"].as_array().into_iter().flatten();
    scopes.filter_map(|scope| scope.as_str().map(str::to_owned)).collect()
}

/// Every scope: whether it is given, and whether the caller may change that.
fn rights(visit: &Visit, given: &[&str]) -> Vec<Value> {
    let right = |scope: Scope| {
        let name = scope.as_str();
        json!({ "scope": name, "is_given": given.contains(&name), "may": visit.may(scope) })
    };
    Scope::ALL.into_iter().map(right).collect()
}

fn wrong(detail: &str) -> Rejection {
    scim::Error::bad(ScimType::InvalidValue, detail).into()
}

/// Whom the form names.
async fn added(visit: &Visit) -> Result<Vec<Value>, Rejection> {
    let names = visit.form.words("names");
    if names.len() > CONSOLE_NAMES_MAX {
        return Err(wrong(&format!("{} users are named, at most {CONSOLE_NAMES_MAX} can be added at once", names.len())));
    }
    let (mut members, mut unknown) = (Vec::new(), Vec::new());
    for (name, id) in names.iter().zip(visit.app().users_named(visit.who(), &names).await?) {
        match id {
            Some(id) => members.push(json!({ "value": id })),
            None => unknown.push(*name),
        }
    }
    if !unknown.is_empty() {
        let named: Vec<String> = unknown.iter().take(10).map(|name| format!("{name:?}")).collect();
        let more = unknown.len() - named.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        return Err(wrong(&format!("nobody was added: there is no user {}{more} here", named.join(", "))));
    }
    if !visit.form.get("group").is_empty() {
        members.push(json!({ "value": group_named(visit, visit.form.get("group")).await? }));
    }
    match members.is_empty() {
        true => Err(wrong("nobody is named who could be added")),
        false => Ok(members),
    }
}

async fn document(visit: &Visit, id: GroupId) -> Result<Value, Rejection> {
    let record = visit.app().group_get(visit.who(), id, References::Omit).await?;
    visit.document(visit.who().schemas.group(), &record)
}

/// Does it, and shows the group.
async fn change(visit: &Visit, id: GroupId, if_match: Option<&str>, operations: Vec<Value>) -> Answer {
    match visit.app().group_patch(visit.who(), id, if_match, patch(operations)).await {
        Ok(_) => Ok(visit.see(&format!("/groups/{id}"), "saved")),
        Err(error) => {
            let is_stale = error.kind() == ErrorKind::Precondition;
            let mut rejection = Rejection::from(error);
            if is_stale {
                rejection.detail = "Somebody has changed this group meanwhile. The page shows it as it is now.".to_owned();
            }
            page(visit, id, Some(rejection)).await
        }
    }
}

/// The page of a group, with what was typed and what was wrong about it.
async fn page(visit: &Visit, id: GroupId, rejection: Option<Rejection>) -> Answer {
    let doc = document(visit, id).await?;
    let user = visit.who().schemas.user();
    let search = Search::of(visit, user, &users::WORDS);
    let search = search.within(visit, &format!("/groups/{id}"), &format!("groups.value eq \"{id}\""));
    let (mut members, mut rejection) = (List::default(), rejection);
    if visit.may(Scope::UsersRead) {
        match visit.list(user, search.filter.clone(), "userName", users::COLUMNS).await {
            Ok(found) => members = found.map(users::row),
            Err(error) => rejection = rejection.or(Some(error)),
        }
    }
    let subgroups = visit.app().group_subgroups(visit.who(), id).await?;
    let subgroup = |group: &Reference| json!({ "id": group.id, "name": group.display });
    let given = scopes_of(&doc);
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    let page = json!({
        "id": id,
        "called": doc["displayName"],
        "name": visit.form.find("name").map_or(doc["displayName"].clone(), Value::from),
        "external": doc["externalId"],
        "version": shown_version(&doc),
        "created": doc["meta"]["created"],
        "changed": doc["meta"]["lastModified"],
        "rights": rights(visit, &given),
        "search": search,
        "list": members,
        "subgroups": subgroups.iter().map(subgroup).collect::<Vec<_>>(),
        "has_more_subgroups": subgroups.len() == PAGE_DEFAULT,
        "names": visit.form.get("names"),
        "group": visit.form.get("group"),
        "offered": offered(visit).await?,
        "history": history::of(visit, id.0).await?,
    });
    match rejection {
        Some(rejection) => visit.again("group", &page, rejection),
        None => Ok(visit.show("group", &page)),
    }
}
