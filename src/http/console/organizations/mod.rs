//! Organizations: what stands below, level by level, and making, showing and changing one.

pub(super) mod ends;

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::Answer;
use super::list::{List, Search};
use super::visit::{Visit, site};
use crate::app;
use crate::auth::Scope;
use crate::base::OrgId;
use crate::http::error::Rejection;
use crate::http::scim::id;
use crate::scim::list::SearchRequest;
use crate::scim::urn;
use crate::store::References;

/// What a branch shows, and what a search does.
const BRANCH: &str = "handle,name,status,hasChildren,parent";
const FOUND: &str = "handle,name,status,ancestors";

/// Levels shown where nobody says, and at the most.
const DEPTH: usize = 2;
const DEPTH_MAX: usize = 5;

/// Of each level below the first, at the most so many orgs, and the branches of so many: as many as a filter has terms.
const LEVEL_ROWS: usize = 200;
const BRANCHES: usize = 100;

/// `organizations`: a search in all that stands below, or the tree under this org or the one of `under`.
pub(super) async fn list(visit: &Visit) -> Answer {
    let search = Search::of(visit, visit.who().schemas.organization(), &["name", "handle"]);
    let under = some(visit.query.get("under"));
    let shown = match under {
        Some(under) => document(visit, id(under)?).await?,
        None => json!({ "name": visit.org().name, "id": visit.org().id, "ancestors": [] }),
    };
    let depth = visit.query.get("depth").parse().unwrap_or(DEPTH).clamp(1, DEPTH_MAX);
    let page = |list: &List, tree: Vec<Value>| {
        json!({
            "search": search, "list": list, "tree": tree, "depth": depth, "depths": (1..=DEPTH_MAX).collect::<Vec<_>>(),
            "under": under, "name": shown["name"], "path": in_sight(&shown),
            "here": visit.query.kept(&visit.here(), &["under", "depth"]),
        })
    };
    let found = match &search.filter {
        Some(filter) => found(visit, filter.clone()).await.map(|list| (list, Vec::new())),
        None => tree(visit, under, depth).await,
    };
    match found {
        Ok((list, tree)) => Ok(visit.show("organizations", &page(&list, tree))),
        Err(rejection) => visit.again("organizations", &page(&List::default(), Vec::new()), rejection),
    }
}

/// Whatever stands below and matches, wherever.
async fn found(visit: &Visit, filter: String) -> Result<List, Rejection> {
    let list = visit.found(visit.who().schemas.organization(), &wanted(visit, Some(filter), FOUND)).await?;
    let mut items = Vec::with_capacity(list.items.len());
    for org in &list.items {
        let mut node = node(visit, org).await?;
        let names = in_sight(org).into_iter().filter_map(|step| Some(step["name"].as_str()?.to_owned()));
        node["path"] = names.collect::<Vec<_>>().join(" › ").into();
        items.push(node);
    }
    Ok(List { items, ..list })
}

/// A page of the first level, and what stands below it on the levels after that.
async fn tree(visit: &Visit, under: Option<&str>, depth: usize) -> Result<(List, Vec<Value>), Rejection> {
    let organization = visit.who().schemas.organization();
    let first = under.map_or(visit.org().id.to_string(), str::to_owned);
    let mut list = visit.found(organization, &wanted(visit, Some(format!("parent.value eq \"{first}\"")), BRANCH)).await?;
    let mut levels = vec![std::mem::take(&mut list.items)];
    let mut cut = Vec::new();
    while levels.len() < depth {
        let parents = levels.last().into_iter().flatten().filter(|org| org["hasChildren"] == true);
        let terms: Vec<String> = parents.take(BRANCHES).map(|org| format!("parent.value eq {}", org["id"])).collect();
        if terms.is_empty() {
            break;
        }
        let request = SearchRequest {
            count: Some(LEVEL_ROWS.to_string()),
            cursor: None,
            ..wanted(visit, Some(terms.join(" or ")), BRANCH)
        };
        let level = visit.found(organization, &request).await?;
        cut.push(level.total > level.items.len() as u64);
        levels.push(level.items);
    }
    // From the leaves up, each finds its children.
    let mut below: HashMap<String, Vec<Value>> = HashMap::new();
    for (nth, level) in levels.iter().enumerate().rev() {
        let mut children = std::mem::take(&mut below);
        for org in level {
            let mut node = node(visit, org).await?;
            let own = children.remove(org["id"].as_str().unwrap_or_default()).unwrap_or_default();
            // What is not shown is one link away.
            node["is_cut"] = (org["hasChildren"] == true && (own.is_empty() || cut.get(nth) == Some(&true))).into();
            node["children"] = own.into();
            let parent = if nth == 0 { first.as_str() } else { org["parent"]["value"].as_str().unwrap_or_default() };
            below.entry(parent.to_owned()).or_default().push(node);
        }
    }
    Ok((list, below.remove(&first).unwrap_or_default()))
}

/// By name, from all that stands below.
fn wanted(visit: &Visit, filter: Option<String>, attributes: &str) -> SearchRequest {
    SearchRequest {
        filter,
        sort_by: Some("name".into()),
        count: Some("25".into()),
        cursor: Some(visit.query.get("cursor").to_owned()),
        depth: Some("32".into()),
        attributes: Some(attributes.to_owned()),
        ..SearchRequest::default()
    }
}

async fn node(visit: &Visit, org: &Value) -> Result<Value, Rejection> {
    Ok(json!({
        "id": org["id"], "name": org["name"], "handle": org["handle"], "status": org["status"],
        "switch": switch(visit, org).await?,
    }))
}

/// The console of `org`, if the person may enter it.
async fn switch(visit: &Visit, org: &Value) -> Result<Option<String>, Rejection> {
    let id: OrgId = id(org["id"].as_str().unwrap_or_default())?;
    let may = id != visit.org().id && visit.app().session_may_enter(&visit.session, id).await?;
    Ok(may.then(|| format!("{}/t/{}/o/{id}/console", site(visit.app()), visit.org().root_handle)))
}

/// The orgs above `org` that can be seen from here, the caller's own first.
fn in_sight(org: &Value) -> Vec<Value> {
    let above = org["ancestors"].as_array().into_iter().flatten().filter(|above| above.get("$ref").is_some());
    above.map(|above| json!({ "id": above["value"], "name": above["display"] })).collect()
}

/// `organizations/new`, under the org of `parent` or this one.
pub(super) async fn new(visit: &Visit, is_post: bool) -> Answer {
    visit.who().require(Scope::OrganizationsWrite).map_err(app::Error::from)?;
    let fields = if is_post { &visit.form } else { &visit.query };
    let parent = some(fields.get("parent")).filter(|parent| *parent != visit.org().id.to_string());
    let above = match parent {
        Some(parent) => document(visit, id(parent)?).await?["name"].clone(),
        None => visit.org().name.clone().into(),
    };
    let (name, handle) = (fields.get("name"), fields.get("handle"));
    let page = json!({ "parent": parent, "above": above, "name": name, "handle": handle });
    if !is_post {
        return Ok(visit.show("organization-new", &page));
    }
    let mut body = json!({ "schemas": [urn::ORGANIZATION], "handle": handle });
    some(name).into_iter().for_each(|name| body["name"] = name.into());
    parent.into_iter().for_each(|parent| body["parent"] = json!({ "value": parent }));
    match visit.app().org_make(visit.who(), map(body)).await {
        Ok(record) => Ok(visit.see(&format!("/organizations/{}", record.id), "created")),
        Err(error) => visit.again("organization-new", &page, error),
    }
}

/// `organizations/{id}`: what it is, and its form.
pub(super) async fn one(visit: &Visit, org: &str, is_post: bool) -> Answer {
    let id: OrgId = id(org)?;
    let org = document(visit, id).await?;
    let mut page = view(visit, &org).await?;
    if !is_post {
        return Ok(visit.show("organization", &page));
    }
    let form = &visit.form;
    let rows = form.rows("type", "value").filter(|row| row.iter().any(|text| !text.trim().is_empty()));
    let attributes: Vec<Value> = rows.map(|[name, value]| json!({ "type": name.trim(), "value": value })).collect();
    page["name"] = form.get("name").into();
    page["rows"] = with_blanks(&attributes);
    let attributes = match attributes.is_empty() {
        true => json!({ "op": "remove", "path": "attributes" }),
        false => json!({ "op": "replace", "path": "attributes", "value": attributes }),
    };
    let name = json!({ "op": "replace", "path": "name", "value": some(form.get("name")).or(org["handle"].as_str()) });
    match visit.app().org_patch(visit.who(), id, some(form.get("version")), operations([name, attributes])).await {
        Ok(_) => Ok(visit.see(&format!("/organizations/{id}"), "saved")),
        Err(error) => visit.again("organization", &page, error),
    }
}

async fn view(visit: &Visit, org: &Value) -> Result<Value, Rejection> {
    let attributes = org["attributes"].as_array().cloned().unwrap_or_default();
    Ok(json!({
        "id": org["id"], "title": org["name"], "name": org["name"], "handle": org["handle"], "status": org["status"],
        "is_active": org["active"] != false, "has_children": org["hasChildren"] == true, "path": in_sight(org),
        "is_own": org["id"] == visit.org().id.to_string(), "attributes": attributes, "rows": with_blanks(&attributes),
        "external_id": org.get("externalId"), "created": org["meta"]["created"], "changed": org["meta"]["lastModified"],
        "version": org["meta"]["version"], "switch": switch(visit, org).await?,
    }))
}

/// The rows of the form: what there is, and room for more.
fn with_blanks(attributes: &[Value]) -> Value {
    let blank = json!({ "type": "", "value": "" });
    attributes.iter().cloned().chain(std::iter::repeat_n(blank, 3)).collect()
}

/// As a client of the API sees it; 404 unless it stands below this org or is that one.
async fn document(visit: &Visit, id: OrgId) -> Result<Value, Rejection> {
    let record = visit.app().org_get(visit.who(), id, References::Include).await?;
    visit.document(visit.who().schemas.organization(), &record)
}

fn operations(operations: impl IntoIterator<Item = Value>) -> Map<String, Value> {
    let operations: Vec<Value> = operations.into_iter().collect();
    map(json!({ "schemas": [urn::PATCH_OP], "Operations": operations }))
}

fn map(body: Value) -> Map<String, Value> {
    match body {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
