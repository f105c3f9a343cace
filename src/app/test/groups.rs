//! Groups against a real store.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::{Stage, map, patch, refused};
use crate::auth::{Principal, ScopeSet};
use crate::base::GroupId;
use crate::scim::list;
use crate::scim::urn::{GROUP, USER};
use crate::store::References::{Include, Omit};

impl Stage {
    pub(super) async fn user(&self, org: &Principal, name: &str) -> Uuid {
        self.app.user_create(org, map(json!({ "schemas": [USER], "userName": name }))).await.expect("a new user").id
    }

    pub(super) async fn group(&self, org: &Principal, name: &str, members: &[Uuid]) -> GroupId {
        let members: Vec<_> = members.iter().map(|id| json!({ "value": id })).collect();
        let body = json!({ "schemas": [GROUP], "displayName": name, "members": members });
        GroupId(self.app.group_create(org, map(body), Omit).await.expect("a new group").id)
    }

    pub(super) async fn members(&self, org: &Principal, group: GroupId) -> Vec<Uuid> {
        let group = self.app.group_get(org, group, Include).await.expect("a group");
        group.references.iter().map(|member| member.id).collect()
    }
}

#[tokio::test]
async fn fifty_simultaneous_adds_make_fifty_members() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let group = stage.group(&acme, "all", &[]).await;
    let mut tasks = Vec::new();
    for n in 0..50 {
        let (app, acme, user) = (stage.app.clone(), acme.clone(), stage.user(&acme, &format!("user{n}")).await);
        let add = patch(json!([{ "op": "add", "path": "members", "value": [{ "value": user }] }]));
        tasks.push(tokio::spawn(async move { app.group_patch(&acme, group, None, add).await }));
    }
    for task in tasks {
        task.await.expect("no panic").expect("V-09: adding commutes");
    }
    assert_eq!(stage.members(&acme, group).await.len(), 50, "V-09");
    assert_eq!(stage.app.group_get(&acme, group, Omit).await.expect("there").version, 51);
}

#[tokio::test]
async fn a_member_of_another_org_is_as_unknown_as_nobody() {
    let stage = Stage::new();
    let (acme, other) = (stage.org(None, "acme").await, stage.org(None, "other").await);
    let (foreign, group) = (stage.user(&other, "mallory").await, stage.group(&acme, "all", &[]).await);
    for id in [foreign, Uuid::from_u128(7), stage.group(&other, "theirs", &[]).await.0] {
        let detail = format!("there is no user or group {id}");
        let body = || map(json!({ "schemas": [GROUP], "displayName": "x", "members": [{ "value": id }] }));
        refused(stage.app.group_create(&acme, body(), Omit).await, 400, &detail); // S-45
        refused(stage.app.group_replace(&acme, group, None, body(), Omit).await, 400, &detail);
        for op in ["add", "replace"] {
            let change = patch(json!([
                { "op": "replace", "path": "displayName", "value": "half" },
                { "op": op, "path": "members", "value": [{ "value": id }] },
            ]));
            refused(stage.app.group_patch(&acme, group, None, change).await, 400, &detail);
        }
    }
    let kept = stage.app.group_get(&acme, group, Include).await.expect("there");
    assert!(kept.version == 1 && kept.doc.contains(r#""displayName":"all""#) && kept.references.is_empty(), "P-05: {kept:?}");
    assert_eq!(stage.app.group_list(&acme, &list::Query::default()).await.expect("a list").total, 1);
}

#[tokio::test]
async fn what_another_org_owns_is_not_there() {
    let stage = Stage::new();
    let (acme, other) = (stage.org(None, "acme").await, stage.org(None, "other").await);
    let group = stage.group(&acme, "all", &[]).await;
    let mallory = stage.user(&other, "mallory").await;
    refused(stage.app.group_get(&other, group, Include).await, 404, "no such resource");
    refused(stage.app.group_written(&other, group, Include).await, 404, "no such resource");
    let body = map(json!({ "schemas": [GROUP], "displayName": "mine" }));
    refused(stage.app.group_replace(&other, group, None, body, Omit).await, 404, "no such resource");
    let add = patch(json!([{ "op": "add", "path": "members", "value": [{ "value": mallory }] }]));
    refused(stage.app.group_patch(&other, group, None, add.clone()).await, 404, "no such resource");
    refused(stage.app.group_patch(&other, group, Some("*"), add).await, 404, "no such resource");
    refused(stage.app.group_patch(&other, group, None, patch(json!([]))).await, 404, "no such resource");
    refused(stage.app.group_delete(&other, group, None).await, 404, "no such resource");
    assert_eq!(stage.members(&acme, group).await, Vec::<Uuid>::new());
}

#[tokio::test]
async fn each_use_case_needs_its_scope() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let group = stage.group(&acme, "all", &[]).await;
    let reader = stage.caller(acme.org.clone(), ScopeSet::known("groups:read users:read users:write"));
    let writer = stage.caller(acme.org.clone(), ScopeSet::known("groups:write users:read users:write"));
    let body = || map(json!({ "schemas": [GROUP], "displayName": "x" }));
    refused(stage.app.group_create(&reader, body(), Omit).await, 403, "groups:write");
    refused(stage.app.group_replace(&reader, group, None, body(), Omit).await, 403, "groups:write");
    refused(stage.app.group_patch(&reader, group, None, patch(json!([]))).await, 403, "groups:write");
    refused(stage.app.group_written(&reader, group, Omit).await, 403, "groups:write");
    refused(stage.app.group_delete(&reader, group, None).await, 403, "groups:write");
    refused(stage.app.group_get(&writer, group, Omit).await, 403, "groups:read");
    refused(stage.app.group_list(&writer, &list::Query::default()).await, 403, "groups:read");
}

#[tokio::test]
async fn members_come_and_go_and_only_real_changes_count() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let (ada, bob) = (stage.user(&acme, "ada").await, stage.user(&acme, "bob").await);
    let group = stage.group(&acme, "all", &[ada]).await;
    stage.clock.advance(Duration::from_secs(60));
    let step =
        async |operations: serde_json::Value| stage.app.group_patch(&acme, group, None, patch(operations)).await.expect("done");
    let version = step(json!([{ "op": "add", "path": "members", "value": [{ "value": ada }] }])).await;
    assert_eq!(version, 1, "S-14, V-05: who is a member is one");
    assert_eq!(step(json!([{ "op": "remove", "path": "members", "value": [{ "value": bob }] }])).await, 1, "P-18");
    assert_eq!(step(json!([{ "op": "replace", "path": "members", "value": [{ "value": ada }] }])).await, 1, "U-10");
    assert_eq!(step(json!([{ "op": "Add", "path": "members", "value": [{ "value": bob }] }])).await, 2);
    assert_eq!(step(json!([{ "op": "Remove", "path": "members", "value": [{ "value": ada }] }])).await, 3, "EN-11");
    assert_eq!(stage.members(&acme, group).await, [bob], "P-19: the others stay");
    assert_eq!(step(json!([{ "op": "remove", "path": "members[type eq \"User\"]" }])).await, 4);
    assert_eq!(stage.members(&acme, group).await, Vec::<Uuid>::new());
    assert_eq!(step(json!([])).await, 4, "EN-23");
    let user = stage.app.user_get(&acme, crate::base::UserId(bob), Omit).await.expect("there");
    assert_eq!(user.version, 1, "V-06: `groups` is derived");
}

#[tokio::test]
async fn a_put_without_members_clears_them() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let (ada, bob) = (stage.user(&acme, "ada").await, stage.user(&acme, "bob").await);
    let group = stage.group(&acme, "all", &[ada, bob]).await;
    let body = json!({ "schemas": [GROUP], "displayName": "all", "members": [{ "value": bob }, { "value": ada }] });
    let put = stage.app.group_replace(&acme, group, Some(r#"W/"1""#), map(body), Include).await.expect("U-07");
    assert_eq!((put.version, put.references.len()), (1, 2), "U-07, U-10");
    let bare = json!({ "schemas": [GROUP], "displayName": "all" });
    let put = stage.app.group_replace(&acme, group, None, map(bare), Include).await.expect("U-08");
    assert_eq!((put.version, put.references.len()), (2, 0), "U-08");
}

#[tokio::test]
async fn a_group_cannot_contain_itself() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let inner = stage.group(&acme, "inner", &[]).await;
    let outer = stage.group(&acme, "outer", &[inner.0]).await;
    for (group, member) in [(inner, outer), (inner, inner)] {
        let add = patch(json!([{ "op": "add", "path": "members", "value": [{ "value": member }] }]));
        refused(stage.app.group_patch(&acme, group, None, add).await, 400, "would contain itself");
    }
    assert_eq!(stage.members(&acme, inner).await, Vec::<Uuid>::new());
}

#[tokio::test]
async fn a_stale_version_writes_nothing() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let ada = stage.user(&acme, "ada").await;
    let group = stage.group(&acme, "all", &[]).await;
    let add = || patch(json!([{ "op": "add", "path": "members", "value": [{ "value": ada }] }]));
    let body = || map(json!({ "schemas": [GROUP], "displayName": "x" }));
    refused(stage.app.group_patch(&acme, group, Some(r#"W/"2""#), add()).await, 412, "If-Match");
    refused(stage.app.group_replace(&acme, group, Some(r#"W/"2""#), body(), Omit).await, 412, "If-Match");
    refused(stage.app.group_delete(&acme, group, Some(r#"W/"2""#)).await, 412, "If-Match");
    assert_eq!(stage.members(&acme, group).await, Vec::<Uuid>::new());
    assert_eq!(stage.app.group_patch(&acme, group, Some(r#"W/"1""#), add()).await.expect("V-03"), 2);
    stage.app.group_delete(&acme, group, Some(r#"W/"1", W/"2""#)).await.expect("V-03");
    refused(stage.app.group_get(&acme, group, Omit).await, 404, "no such resource");
}
