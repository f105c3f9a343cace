//! What shuts, removes or moves an organization, each over a page that tells what follows.

use serde_json::{Value, json};

use super::super::Answer;
use super::super::visit::Visit;
use super::{document, in_sight, operations, some, wanted};
use crate::app;
use crate::app::orgs::Intent;
use crate::auth::Scope;
use crate::base::OrgId;
use crate::http::error::Rejection;
use crate::http::scim::id;
use crate::org::{Children, Uprooted};
use crate::scim::{self, ScimType};

/// `organizations/{id}/deactivate`: nobody enters it any more, nor what stands below.
pub(in crate::http::console) async fn deactivate(visit: &Visit, org: &str, is_post: bool) -> Answer {
    if is_post {
        return set_active(visit, org, false).await;
    }
    let id: OrgId = id(org)?;
    let contents = visit.app().org_contents(visit.who(), id).await?;
    let name = document(visit, id).await?["name"].clone();
    let below = match contents.organizations {
        0 => "Nothing stands below it.".to_owned(),
        count => format!("The same holds for the {} below it.", counted(count, "organization")),
    };
    let page = json!({
        "title": format!("Deactivate {}", name.as_str().unwrap_or_default()),
        "text": "Nothing is lost: activating it again opens what was open before.",
        "items": [
            "From the next request on nobody enters it: people, clients and identity providers are turned away.",
            "No invitation into it can be accepted.",
            below,
        ],
        "action": format!("/organizations/{id}/deactivate"), "back": format!("/organizations/{id}"),
        "fields": [], "button": "Deactivate", "kind": "danger",
    });
    Ok(visit.show("confirm", &page))
}

/// `organizations/{id}/activate`.
pub(in crate::http::console) async fn activate(visit: &Visit, org: &str) -> Answer {
    set_active(visit, org, true).await
}

async fn set_active(visit: &Visit, org: &str, is_active: bool) -> Answer {
    let id: OrgId = id(org)?;
    let active = json!({ "op": "replace", "path": "active", "value": is_active });
    visit.app().org_patch(visit.who(), id, None, operations([active])).await?;
    Ok(visit.see(&format!("/organizations/{id}"), "saved"))
}

/// `organizations/{id}/delete`: what goes, and whoever types the handle means it.
pub(in crate::http::console) async fn delete(visit: &Visit, org: &str, is_post: bool) -> Answer {
    let id: OrgId = id(org)?;
    let contents = visit.app().org_contents(visit.who(), id).await?;
    let org = document(visit, id).await?;
    let goes = contents.counts().into_iter().filter(|(name, count)| *count > 0 && *name != "organizations");
    let goes = goes.map(|(name, count)| counted(count, if name == "tokens" { "provisioning token" } else { singular(name) }));
    let (is_recursive, typed) = (visit.form.has("recursive"), visit.form.get("handle"));
    let page = json!({
        "id": id, "name": org["name"], "handle": org["handle"], "goes": goes.collect::<Vec<_>>(),
        "below": contents.organizations, "is_recursive": is_recursive, "typed": typed,
    });
    if !is_post {
        return Ok(visit.show("organization-delete", &page));
    }
    if org["handle"] != typed {
        let detail = format!("To delete it, type its handle: {}", org["handle"].as_str().unwrap_or_default());
        return visit.again("organization-delete", &page, scim::Error::bad(ScimType::InvalidValue, detail));
    }
    let children = if is_recursive { Children::Go } else { Children::Block };
    match visit.app().org_delete(visit.who(), id, None, children).await {
        Ok(()) => Ok(visit.see("/organizations", "deleted")),
        Err(error) => visit.again("organization-delete", &page, error),
    }
}

/// `organizations/{id}/move`: a search for the new parent; with `parent`, what the move ends.
pub(in crate::http::console) async fn shift(visit: &Visit, org: &str, is_post: bool) -> Answer {
    visit.who().require(Scope::OrganizationsWrite).map_err(app::Error::from)?;
    let id: OrgId = id(org)?;
    if id == visit.org().id {
        let detail = "an organization is moved from one above it, not from within";
        return Err(scim::Error::status(403, detail).into());
    }
    let org = document(visit, id).await?;
    let parent = some(if is_post { visit.form.get("parent") } else { visit.query.get("parent") });
    let mut page = json!({
        "id": id, "name": org["name"], "parent": org["parent"]["display"], "q": visit.query.get("q"),
        "to": null, "ends": [], "places": [], "total": 0,
    });
    let Some(parent) = parent else {
        places(visit, &org, &mut page).await?;
        return Ok(visit.show("organization-move", &page));
    };
    let parent: OrgId = parent.parse().map_err(|_| Rejection::not_found())?;
    let target = document(visit, parent).await?;
    page["to"] = json!({ "id": parent, "name": target["name"] });
    let intent = if is_post { Intent::Do } else { Intent::Preview };
    match visit.app().org_move(visit.who(), id, parent, intent).await {
        Ok(_) if is_post => Ok(visit.see(&format!("/organizations/{id}"), "moved")),
        Ok(Uprooted { guests, invitations, clients }) => {
            let ends = [(guests, "guest"), (invitations, "pending invitation"), (clients, "admitted client")];
            let ends = ends.into_iter().filter(|(count, _)| *count > 0).map(|(count, noun)| counted(count, noun));
            page["ends"] = ends.collect();
            Ok(visit.show("organization-move", &page))
        }
        Err(error) => {
            page["to"] = Value::Null;
            places(visit, &org, &mut page).await?;
            visit.again("organization-move", &page, error)
        }
    }
}

/// Where it could go: this org, and those below it that do not stand below itself.
async fn places(visit: &Visit, org: &Value, page: &mut Value) -> Result<(), Rejection> {
    let id = &org["id"];
    let words = Value::from(visit.query.get("q"));
    let by_name = some(visit.query.get("q")).map(|_| format!(" and (name co {words} or handle co {words})"));
    let filter = format!("not (id eq {id} or ancestors.value eq {id}){}", by_name.unwrap_or_default());
    let list = visit.found(visit.who().schemas.organization(), &wanted(visit, Some(filter), "name,handle,ancestors")).await?;
    let own = json!({ "id": visit.org().id, "name": visit.org().name, "path": "this organization" });
    let others = list.items.iter().map(|place| {
        let path: Vec<_> = in_sight(place).iter().filter_map(|step| Some(step["name"].as_str()?.to_owned())).collect();
        json!({ "id": place["id"], "name": place["name"], "path": path.join(" › ") })
    });
    let is_elsewhere = |place: &Value| place["id"] != org["parent"]["value"];
    page["places"] = std::iter::once(own).chain(others).filter(is_elsewhere).collect();
    page["total"] = list.total.into();
    Ok(())
}

fn singular(name: &str) -> &str {
    name.strip_suffix('s').unwrap_or(name)
}

/// `1 guest`, `2 guests`.
fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
