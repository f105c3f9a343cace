//! Bulk, where it takes a stage to see it.

use serde_json::{Value, json};

use super::*;
use crate::app::idempotency::Turn;
use crate::base::limit;
use crate::scim::urn::{BULK_REQUEST, ENTERPRISE_USER, USER};
use crate::store::{self, Kept, RequestKept};

fn user(name: &str, manager: &str) -> Value {
    let data = json!({ "schemas": [USER], "userName": name, ENTERPRISE_USER: { "manager": { "value": manager } } });
    json!({ "method": "POST", "path": "/Users", "bulkId": name, "data": data })
}

async fn statuses(stage: &Stage, who: &Principal, operations: Value) -> Vec<u16> {
    let body = map(json!({ "schemas": [BULK_REQUEST], "Operations": operations }));
    let entries = stage.app.bulk(who, None, body).await.expect("a bulk answer");
    let status = |error: Error| match error {
        Error::Scim(error) => error.status,
        error => panic!("{error}"),
    };
    entries.into_iter().map(|entry| entry.outcome.map_or_else(status, |written| written.status)).collect()
}

#[tokio::test]
async fn strict_takes_managers_who_are_there_or_are_being_made() {
    // S-44, B-05.
    let mut stage = Stage::new();
    Arc::get_mut(&mut stage.app).expect("nobody else has it").settings.profile = Profile::Strict;
    let acme = stage.org(None, "acme").await;
    let old = stage.app.user_create(&acme, map(json!({ "schemas": [USER], "userName": "old" }))).await.expect("made").id;
    let made = json!([
        user("a", "bulkId:b"),
        user("b", "bulkId:a"),
        user("c", &old.to_string()),
        user("d", "E-4711"),
        user("e", "bulkId:d"),
        { "method": "DELETE", "path": format!("/Users/{old}") },
        user("f", &old.to_string()),
    ]);
    assert_eq!(statuses(&stage, &acme, made).await, [201, 201, 201, 400, 409, 204, 400]);
}

#[tokio::test]
async fn a_request_that_was_cut_off_is_told_as_such_until_it_is_forgotten() {
    // B-16.
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let body = map(json!({ "schemas": [BULK_REQUEST], "Operations": [user("a", "b")] }));
    let turn = || stage.app.turn(&acme, Some("k"), "POST /Bulk", &body);
    let Ok(Turn::First(Some(ticket))) = turn().await else { panic!("the first") };
    assert!(matches!(turn().await, Err(Error::UnderWay)), "while it is under way");
    stage.app.bulk(&acme, Some(&ticket), body.clone()).await.expect("a bulk answer");
    drop(ticket);
    let Err(Error::Scim(error)) = turn().await else { panic!("its answer was not kept") };
    assert_eq!(error.status, 409, "{error}");
    let later = stage.app.now() + limit::REQUESTS_KEPT;
    stage.clock.set(later);
    assert!(matches!(turn().await, Err(Error::Scim(_))), "it is kept that long");
    stage.clock.advance(std::time::Duration::from_millis(1));
    let Ok(Turn::First(Some(ticket))) = turn().await else { panic!("forgotten") };
    stage.app.bulk(&acme, Some(&ticket), body.clone()).await.expect("a key that is free again");
    stage.app.request_answered(&acme, &ticket, "{}").await.expect("kept");
    drop(ticket);
    assert!(matches!(turn().await, Ok(Turn::Again(Kept::Answered(answer))) if answer == "{}"));
    // The worker's rounds take what is too old out of the database.
    let kept = || stage.app.store.request_kept(acme.org.id, [1; 32], later);
    let old = RequestKept { org: acme.org.id, key: [1; 32], request: [2; 32], outcome: Kept::Begun, at: later };
    stage.app.store.commit(stage.app.author(store::Actor::Worker), vec![old.clone().into()]).await.expect("kept");
    assert_eq!(kept().await.expect("a look"), Some(old));
    let end = later + limit::REQUESTS_KEPT + std::time::Duration::from_millis(1);
    stage.app.store.commit(stage.app.author(store::Actor::Worker), vec![store::Change::Swept(end)]).await.expect("swept");
    assert_eq!(kept().await.expect("a look"), None);
}
