//! What was deleted, against a real store.

use std::time::Duration;

use serde_json::json;

use super::{Stage, map, refused};
use crate::auth::{Scope, ScopeSet};
use crate::base::limit;
use crate::scim::urn::USER;

/// C-11: for a while, and for those who may.
#[tokio::test]
async fn what_was_deleted_can_be_restored_until_its_time_is_over() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let provisioner =
        stage.caller(acme.org.clone(), "users:read users:write groups:write deleted:read".parse().expect("scopes"));
    let ada = stage.person(&acme, "ada").await;
    stage.app.user_delete(&provisioner, ada, None).await.expect("a provisioner deletes");
    refused(stage.app.deleted_restore(&provisioner, ada.0).await, 403, "deleted:write");
    refused(stage.app.deleted_erase(&provisioner, ada.0).await, 403, "deleted:write");
    let nobody = stage.caller(acme.org.clone(), ScopeSet::from_iter([Scope::DeletedWrite]));
    refused(stage.app.deleted_list(&nobody, None, 0, 10).await, 403, "deleted:read");

    let again = map(json!({ "schemas": [USER], "userName": "ADA" }));
    let taken = stage.app.user_create(&acme, again).await.expect("the name is free at once");
    assert_ne!(taken.id, ada.0, "with a new id");
    refused(stage.app.deleted_restore(&acme, ada.0).await, 409, r#"`userName` "ada" is already used"#);
    stage.app.user_delete(&acme, taken.id.into(), None).await.expect("gone");

    stage.clock.advance(limit::RESTORABLE - Duration::from_millis(1));
    assert_eq!(stage.app.deleted_list(&acme, None, 0, 1).await.expect("two").0, 2);
    stage.app.deleted_restore(&acme, ada.0).await.expect("at the last moment");
    stage.app.user_delete(&acme, ada, None).await.expect("gone");
    stage.clock.advance(Duration::from_millis(1));
    let (total, page) = stage.app.deleted_list(&acme, None, 0, 10).await.expect("one");
    assert_eq!((total, page[0].id), (1, ada.0), "the other one's time is over");
    refused(stage.app.deleted_restore(&acme, taken.id).await, 404, "no such resource");

    stage.app.deleted_erase(&acme, ada.0).await.expect("for good");
    refused(stage.app.deleted_erase(&acme, ada.0).await, 404, "no such resource");
    stage.app.deleted_expire().await.expect("a look");
    assert_eq!(stage.app.deleted_list(&acme, None, 0, 10).await.expect("none").0, 0);
}

#[tokio::test]
async fn an_org_may_forget_sooner_than_the_operator_says() {
    let stage = Stage::new();
    let (acme, globex) = (stage.org(None, "acme").await, stage.org(None, "globex").await);
    let acme = stage.choosing(&acme, json!({ "retention": { "deleted": 1 } })).await;
    for org in [&acme, &globex] {
        let ada = stage.person(org, "ada").await;
        stage.app.user_delete(org, ada, None).await.expect("gone");
    }
    let count = async |who| stage.app.deleted_list(who, None, 0, 10).await.expect("a list").0;
    stage.clock.advance(Duration::from_secs(24 * 3600 - 1));
    stage.app.deleted_expire().await.expect("a look");
    assert_eq!((count(&acme).await, count(&globex).await), (1, 1));
    stage.clock.advance(Duration::from_secs(1));
    assert_eq!((count(&acme).await, count(&globex).await), (0, 1));
    stage.app.deleted_expire().await.expect("a look");
    let later = stage.choosing(&acme, json!({ "retention": { "deleted": 9 } })).await;
    assert_eq!(count(&later).await, 0, "nothing is left to be shown again");
}

#[tokio::test]
async fn a_guest_waits_for_its_source() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let child = stage.org(Some(&acme), "child").await;
    let ada = stage.person(&acme, "ada").await;
    let guest = stage.guest(&child, "ada").await;
    stage.app.user_delete(&acme, ada, None).await.expect("gone");
    refused(stage.app.deleted_restore(&child, guest.0).await, 409, "is not there");
    refused(stage.app.deleted_restore(&child, ada.0).await, 404, "no such resource");
    stage.app.deleted_restore(&acme, ada.0).await.expect("there again");
    let anew = stage.guest(&child, "ada").await;
    refused(stage.app.deleted_restore(&child, guest.0).await, 409, "a guest again already");
    stage.app.user_delete(&child, anew, None).await.expect("sent home");
    stage.app.deleted_restore(&child, guest.0).await.expect("there again");
    assert_eq!(stage.seen(&child, guest).await["userName"], "ada");
}
