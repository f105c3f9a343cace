//! Users against a real store.

use std::time::Duration;

use serde_json::json;

use super::{Stage, doc, map, patch, refused};
use crate::app::Error;
use crate::auth::ScopeSet;
use crate::base::UserId;
use crate::scim::urn::{ENTERPRISE_USER, USER};
use crate::scim::{Profile, Schemas, list};
use crate::store::References::Omit;

#[tokio::test]
async fn a_user_name_is_taken_in_any_case_and_only_in_its_org() {
    let stage = Stage::new();
    let (acme, other) = (stage.org(None, "acme").await, stage.org(None, "other").await);
    let ada = json!({ "schemas": [USER], "userName": "Ada" });
    let made = stage.app.user_create(&acme, map(ada.clone())).await.expect("a new user");
    assert_eq!((made.version, made.created, made.last_modified), (1, stage.app.now(), stage.app.now()), "S-20");
    assert_eq!(stage.app.user_get(&acme, UserId(made.id), Omit).await.expect("C-07"), made);
    let again = stage.app.user_create(&acme, map(json!({ "schemas": [USER], "userName": "aDA" }))).await;
    refused(again, 409, r#"`userName` "aDA" is already used"#); // S-30, C-04
    let elsewhere = stage.app.user_create(&other, map(ada)).await.expect("another org, another name space");
    assert_ne!(elsewhere.id, made.id, "S-18");
    let bob = stage.app.user_create(&acme, map(json!({ "schemas": [USER], "userName": "bob" }))).await.expect("a new user");
    let rename = patch(json!([{ "op": "replace", "path": "userName", "value": "ADA" }]));
    refused(stage.app.user_patch(&acme, UserId(bob.id), None, rename, Omit).await, 409, r#""ADA""#);
}

#[tokio::test]
async fn what_another_org_owns_is_not_there() {
    let stage = Stage::new();
    let (acme, other) = (stage.org(None, "acme").await, stage.org(None, "other").await);
    let child = stage.org(Some(&acme), "child").await;
    let ada = json!({ "schemas": [USER], "userName": "ada" });
    let made = stage.app.user_create(&acme, map(ada.clone())).await.expect("a new user");
    let id = UserId(made.id);
    for stranger in [&other, &child] {
        refused(stage.app.user_get(stranger, id, Omit).await, 404, "no such resource");
        let password = json!({ "schemas": [USER], "userName": "root", "password": "s3cret" });
        refused(stage.app.user_replace(stranger, id, None, map(password), Omit).await, 404, "no such resource");
        refused(stage.app.user_replace(stranger, id, Some("*"), map(ada.clone()), Omit).await, 404, "no such resource");
        let operations = patch(json!([{ "op": "replace", "path": "active", "value": false }]));
        refused(stage.app.user_patch(stranger, id, None, operations, Omit).await, 404, "no such resource");
        refused(stage.app.user_delete(stranger, id, None).await, 404, "no such resource");
        refused(stage.app.user_delete(stranger, id, Some("*")).await, 404, "no such resource");
        let query = list::parse(&list::ListParams::default(), Schemas::core().user(), Profile::Lenient).expect("a query");
        assert_eq!(stage.app.user_list(stranger, &query).await.expect("a list").total, 0);
    }
    assert_eq!(stage.app.user_get(&acme, id, Omit).await.expect("untouched"), made);
}

#[tokio::test]
async fn each_use_case_needs_its_scope() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let id = UserId(stage.app.user_create(&acme, map(json!({ "schemas": [USER], "userName": "ada" }))).await.expect("made").id);
    let reader = stage.caller(acme.org.clone(), ScopeSet::known("users:read groups:read groups:write"));
    let writer = stage.caller(acme.org.clone(), ScopeSet::known("users:write groups:read groups:write"));
    let body = || map(json!({ "schemas": [USER], "userName": "eve" }));
    refused(stage.app.user_create(&reader, body()).await, 403, "users:write");
    refused(stage.app.user_replace(&reader, id, None, body(), Omit).await, 403, "users:write");
    refused(stage.app.user_patch(&reader, id, None, patch(json!([])), Omit).await, 403, "users:write");
    refused(stage.app.user_delete(&reader, id, None).await, 403, "users:write");
    refused(stage.app.user_get(&writer, id, Omit).await, 403, "users:read");
    refused(stage.app.user_list(&writer, &list::Query::default()).await, 403, "users:read");
}

#[tokio::test]
async fn a_write_that_changes_nothing_leaves_no_trace() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let ada = json!({ "schemas": [USER], "userName": "ada", "title": "Countess", "active": true });
    let made = stage.app.user_create(&acme, map(ada.clone())).await.expect("a new user");
    let id = UserId(made.id);
    stage.clock.advance(Duration::from_secs(60));
    let put = stage.app.user_replace(&acme, id, None, map(ada), Omit).await.expect("U-07");
    assert_eq!(put, made, "V-05");
    let operations = json!([{ "op": "replace", "path": "title", "value": "Baroness" }]);
    let changed = stage.app.user_patch(&acme, id, None, patch(operations.clone()), Omit).await.expect("a change");
    assert_eq!((changed.version, changed.created, changed.last_modified), (2, made.created, stage.app.now()));
    assert_eq!(doc(&changed)["title"], "Baroness");
    assert_eq!(stage.app.user_get(&acme, id, Omit).await.expect("stored"), changed, "the answer is what is stored");
    stage.clock.advance(Duration::from_secs(60));
    assert_eq!(stage.app.user_patch(&acme, id, None, patch(operations), Omit).await.expect("P-08"), changed, "V-05");
}

#[tokio::test]
async fn a_stale_version_writes_nothing() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let made = stage.app.user_create(&acme, map(json!({ "schemas": [USER], "userName": "ada" }))).await.expect("made");
    let id = UserId(made.id);
    let body = || map(json!({ "schemas": [USER], "userName": "eve", "password": "s3cret" }));
    let operations = || patch(json!([{ "op": "replace", "path": "active", "value": false }]));
    for stale in [r#"W/"2""#, r#""0", W/"9""#, "1", ""] {
        refused(stage.app.user_replace(&acme, id, Some(stale), body(), Omit).await, 412, "If-Match");
        refused(stage.app.user_patch(&acme, id, Some(stale), operations(), Omit).await, 412, "If-Match");
        refused(stage.app.user_delete(&acme, id, Some(stale)).await, 412, "If-Match");
    }
    assert_eq!(stage.app.user_get(&acme, id, Omit).await.expect("untouched"), made);
    let changed = stage.app.user_patch(&acme, id, Some(r#""1""#), operations(), Omit).await.expect("V-04");
    assert_eq!(changed.version, 2);
    stage.app.user_delete(&acme, id, Some("*")).await.expect("V-03");
    refused(stage.app.user_delete(&acme, id, None).await, 404, "no such resource"); // C-10
    let again = stage.app.user_create(&acme, map(json!({ "schemas": [USER], "userName": "ada" }))).await.expect("C-11");
    assert_ne!(again.id, made.id, "C-11");
}

#[tokio::test]
async fn simultaneous_patches_of_one_user_lose_nothing() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let id = UserId(stage.app.user_create(&acme, map(json!({ "schemas": [USER], "userName": "ada" }))).await.expect("made").id);
    let attributes = ["title", "nickName", "displayName", "locale", "timezone", "userType"];
    let tasks = attributes.map(|name| {
        let (app, acme) = (stage.app.clone(), acme.clone());
        tokio::spawn(async move {
            let operations = json!([{ "op": "replace", "path": name, "value": name }]);
            app.user_patch(&acme, id, None, patch(operations), Omit).await
        })
    });
    let mut written = Vec::new();
    for (name, task) in attributes.into_iter().zip(tasks) {
        match task.await.expect("no panic") {
            Ok(_) => written.push(name),
            Err(error) => refused::<()>(Err(error), 409, "changed meanwhile"),
        }
    }
    let ada = stage.app.user_get(&acme, id, Omit).await.expect("there");
    assert!(!written.is_empty());
    for name in &written {
        assert_eq!(doc(&ada)[name], *name, "V-09: what was answered with success is there");
    }
    assert_eq!(ada.version, 1 + written.len() as u64);
}

#[tokio::test]
async fn a_password_is_kept_as_a_hash_and_survives_a_put() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let body = json!({ "schemas": [USER], "userName": "ada", "password": "s3cret" });
    let made = stage.app.user_create(&acme, map(body)).await.expect("a new user");
    assert!(!made.doc.contains("s3cret") && !made.doc.contains("argon2"), "S-27: {}", made.doc);
    let opens = async |password: &str| -> Result<bool, Error> {
        let account = stage.app.store.account(acme.org.id, "ADA").await?.expect("an account");
        let password = crate::directory::password::prepare(&json!(password))?;
        stage.app.password_verify(password, account.password_hash.expect("a hash")).await
    };
    assert!(opens("s3cret").await.expect("verified") && !opens("S3cret").await.expect("verified"));
    let put = map(json!({ "schemas": [USER], "userName": "ada", "title": "Countess" }));
    stage.app.user_replace(&acme, UserId(made.id), None, put, Omit).await.expect("a change");
    assert!(opens("s3cret").await.expect("verified"), "U-02");
    let change = patch(json!([{ "op": "replace", "value": { "password": "n3w" } }]));
    let changed = stage.app.user_patch(&acme, UserId(made.id), None, change, Omit).await.expect("a change");
    assert_eq!(changed.version, 2, "nothing that anybody can read has changed");
    assert!(opens("n3w").await.expect("verified") && !opens("s3cret").await.expect("verified"));
}

#[tokio::test]
async fn strict_refuses_a_manager_who_is_not_there() {
    // S-44.
    let mut stage = Stage::new();
    std::sync::Arc::get_mut(&mut stage.app).expect("nobody else has it").settings.profile = Profile::Strict;
    let (acme, other) = (stage.org(None, "acme").await, stage.org(None, "other").await);
    let ada = |manager: &str| {
        let enterprise = json!({ "manager": { "value": manager } });
        map(json!({ "schemas": [USER, ENTERPRISE_USER], "userName": "ada", ENTERPRISE_USER: enterprise }))
    };
    let boss = map(json!({ "schemas": [USER], "userName": "boss" }));
    let foreign = stage.app.user_create(&other, boss.clone()).await.expect("made").id.to_string();
    for nobody in [foreign.as_str(), "E-4711"] {
        refused(stage.app.user_create(&acme, ada(nobody)).await, 400, "`manager.value`");
    }
    let boss = stage.app.user_create(&acme, boss).await.expect("made").id.to_string();
    let made = stage.app.user_create(&acme, ada(&boss)).await.expect("made");
    assert_eq!(made.references[0].display, "boss", "S-43");
    let id = UserId(made.id);
    refused(stage.app.user_replace(&acme, id, None, ada(&foreign), Omit).await, 400, "is no user");
    let path = format!("{ENTERPRISE_USER}:manager.value");
    let change = patch(json!([{ "op": "replace", "path": path, "value": foreign }]));
    refused(stage.app.user_patch(&acme, id, None, change, Omit).await, 400, "is no user");
}
