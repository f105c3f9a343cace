//! Schemas of a tree against a real store, and two processes on it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Stage, doc, map, patch, refused};
use crate::app::App;
use crate::auth::Principal;
use crate::base::UserId;
use crate::base::random::SystemRandom;
use crate::scim::urn::USER;
use crate::store::References::Omit;
use crate::store::sqlite::{OpenMode, Sqlite};

const BADGE: &str = "urn:example:scim:schemas:extension:2.0:Badge";

fn badge() -> Value {
    json!({ "id": BADGE, "attributes": [{ "name": "number", "type": "decimal", "uniqueness": "server" }] })
}

impl Stage {
    async fn attach(&self, root: &Principal, required: bool) {
        self.app.schema_put(root, BADGE, map(badge())).await.expect("a schema");
        let extensions = json!({ "name": "User", "schemaExtensions": [{ "schema": BADGE, "required": required }] });
        self.app.type_put(root, "User", map(extensions)).await.expect("attached");
    }

    /// The same caller with the schemas of now, as the next request has them.
    async fn again(&self, app: &App, who: &Principal) -> Principal {
        Principal { schemas: app.schemas(who.org.root).await.expect("schemas"), ..who.clone() }
    }
}

#[tokio::test]
async fn a_required_extension_is_not_demanded_of_a_guest() {
    // S-33: a guest is a projection of somebody else's user.
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let child = stage.org(Some(&acme), "child").await;
    stage.attach(&acme, true).await;
    let (acme, child) = (stage.again(&stage.app, &acme).await, stage.again(&stage.app, &child).await);
    let mut ada = json!({ "schemas": [USER], "userName": "ada", "emails": [{ "value": "ada@acme.test" }] });
    refused(stage.app.user_create(&acme, map(ada.clone())).await, 400, &format!("`{BADGE}` is required"));
    ada[BADGE] = json!({ "number": 1 });
    let home = UserId(stage.app.user_create(&acme, map(ada)).await.expect("a user").id);
    let guest = stage.guest(&child, "ada").await;
    let seen = doc(&stage.app.user_get(&child, guest, Omit).await.expect("there"));
    assert!(seen.get(BADGE).is_none(), "what the tree attached stays at home: {seen}");
    let off = patch(json!([{ "op": "replace", "path": "active", "value": false }]));
    stage.app.user_patch(&child, guest, None, off, Omit).await.expect("its own");
    let body = map(json!({ "schemas": [USER], "userName": "ada", "active": true }));
    let back = stage.app.user_replace(&child, guest, None, body, Omit).await.expect("its own");
    assert_eq!(doc(&back)["active"], true);
    let without = patch(json!([{ "op": "remove", "path": BADGE }]));
    refused(stage.app.user_patch(&acme, home, None, without, Omit).await, 400, &format!("`{BADGE}` is required"));
}

#[tokio::test]
async fn another_process_sees_a_change_within_a_second_and_never_writes_by_what_was() {
    // T-05.
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    stage.attach(&acme, false).await;
    let store = Sqlite::open(&stage._dir.path().join("usher.db"), OpenMode::Command).expect("the same database");
    let issuers = crate::app::Issuers::new(
        "http://usher.test",
        crate::auth::key::SigningKey::from_pem(crate::app::tokens::signing_key_create().expose()).expect("a key"),
        Vec::new(),
    );
    let (clock, settings) = (stage.clock.clone(), stage.app.settings.clone());
    let other = App::new(Arc::new(store), clock, Arc::new(SystemRandom), settings, issuers.expect("one issuer"));
    let old = stage.again(&other, &acme).await;
    let mut more = badge();
    more["attributes"][0]["type"] = "string".into();
    stage.app.schema_put(&acme, BADGE, map(more)).await.expect("nobody has a badge yet");
    let user = |name: &str| map(json!({ "schemas": [USER], "userName": name, BADGE: { "number": 1.0 } }));
    assert_eq!(stage.again(&other, &acme).await.schemas, old.schemas, "not yet seen");
    let error = other.user_create(&old, user("ada")).await.expect_err("by what was");
    assert_eq!(error.kind(), crate::app::ErrorKind::Busy, "{error}");
    let new = stage.again(&other, &acme).await;
    assert_ne!(new.schemas, old.schemas, "who was refused looks again");
    refused(other.user_create(&new, user("ada")).await, 400, "`number` is a number, expected a string");
    stage.app.schema_put(&acme, BADGE, map(badge())).await.expect("still nobody");
    stage.clock.advance(Duration::from_millis(1001));
    let new = stage.again(&other, &acme).await;
    other.user_create(&new, user("ada")).await.expect("by what is");
    // 1 and 1.0 are one number.
    let twin = map(json!({ "schemas": [USER], "userName": "bob", BADGE: { "number": 1 } }));
    refused(other.user_create(&new, twin).await, 409, &format!("`{BADGE}:number` \"1\" is already used"));
}
