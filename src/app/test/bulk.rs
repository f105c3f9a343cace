//! Bulk, where it takes a stage to see it.

use serde_json::{Value, json};

use super::*;
use crate::scim::urn::{BULK_REQUEST, ENTERPRISE_USER, USER};

fn user(name: &str, manager: &str) -> Value {
    let data = json!({ "schemas": [USER], "userName": name, ENTERPRISE_USER: { "manager": { "value": manager } } });
    json!({ "method": "POST", "path": "/Users", "bulkId": name, "data": data })
}

async fn statuses(stage: &Stage, who: &Principal, operations: Value) -> Vec<u16> {
    let body = map(json!({ "schemas": [BULK_REQUEST], "Operations": operations }));
    let entries = stage.app.bulk(who, body).await.expect("a bulk answer");
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
