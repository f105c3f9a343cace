//! Guests against a real store.

use serde_json::{Value, json};

use super::{Stage, doc, map, patch, refused};
use crate::app::invitations::Holder;
use crate::auth::Principal;
use crate::base::{InvitationId, UserId};
use crate::invite::{self, Answer};
use crate::scim::urn::{MEMBERSHIP, USER};
use crate::store::References::Omit;

impl Stage {
    /// The guest that `name`, a user of the parent, becomes in `org`.
    pub(super) async fn guest(&self, org: &Principal, name: &str) -> UserId {
        let invitation = self.app.invitation_create(org, None, &map(json!({ "userName": name }))).await.expect("an invitation");
        let code = invite::code(self.app.settings.invitation_key.expose(), InvitationId(invitation.id), 1);
        let link = Holder::Link { org: org.org.id, id: None, code: &code, who: None, asked: None };
        let opened = self.app.invitation_answer(link, Answer::Accept).await.expect("accepted");
        opened.invitation.guest.expect("a guest")
    }

    pub(super) async fn person(&self, org: &Principal, name: &str) -> UserId {
        let emails = json!([{ "value": format!("{name}@acme.test"), "primary": true }]);
        let body = json!({ "schemas": [USER], "userName": name, "externalId": "hr-7", "emails": emails });
        UserId(self.app.user_create(org, map(body)).await.expect("a new user").id)
    }

    pub(super) async fn seen(&self, org: &Principal, id: UserId) -> Value {
        doc(&self.app.user_get(org, id, Omit).await.expect("there"))
    }

    async fn set_active(&self, org: &Principal, id: UserId, active: bool) -> Value {
        let operations = json!([{ "op": "replace", "path": "active", "value": active }]);
        doc(&self.app.user_patch(org, id, None, patch(operations), Omit).await.expect("a change"))
    }
}

#[tokio::test]
async fn the_childs_administrator_cannot_take_over_a_guests_identity() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let child = stage.org(Some(&acme), "child").await;
    let ada = stage.person(&acme, "ada").await;
    let guest = stage.guest(&child, "ada").await;
    let before = stage.seen(&child, guest).await;
    assert_ne!(guest, ada, "an id never crosses an org's border");
    assert!(before.get("externalId").is_none() && before[MEMBERSHIP]["homeOrg"] == json!(acme.org.id), "{before}");
    for (name, value) in
        [("emails", json!([{ "value": "eve@evil.test" }])), ("userName", json!("root")), ("password", json!("x1"))]
    {
        let operations = patch(json!([{ "op": "replace", "path": name, "value": value }]));
        refused(stage.app.user_patch(&child, guest, None, operations, Omit).await, 400, &format!("`{name}`"));
        let mut body = map(before.clone());
        body.insert(name.to_owned(), value);
        refused(stage.app.user_replace(&child, guest, None, body, Omit).await, 400, &format!("`{name}`"));
    }
    assert_eq!(stage.seen(&child, guest).await, before);
    stage.app.user_delete(&child, guest, None).await.expect("a guest may be sent home");
    assert_eq!(stage.seen(&acme, ada).await["userName"], "ada", "its home is untouched");
}

#[tokio::test]
async fn a_guest_is_active_when_the_whole_chain_is() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let child = stage.org(Some(&acme), "child").await;
    let grandchild = stage.org(Some(&child), "grandchild").await;
    let ada = stage.person(&acme, "ada").await;
    let guest = stage.guest(&child, "ada").await;
    let below = stage.guest(&grandchild, "ada").await;
    assert_eq!(stage.set_active(&child, guest, false).await["active"], false);
    assert_eq!(stage.seen(&grandchild, below).await["active"], false);
    assert_eq!(stage.seen(&acme, ada).await["active"], true);
    // The administrator of the grandchild locks the guest out while it is inactive anyway: the lock must hold.
    assert_eq!(stage.set_active(&grandchild, below, false).await["active"], false);
    assert_eq!(stage.set_active(&child, guest, true).await["active"], true);
    assert_eq!(stage.seen(&grandchild, below).await["active"], false, "its own share is still taken away");
    assert_eq!(stage.set_active(&grandchild, below, true).await["active"], true);
    stage.set_active(&acme, ada, false).await;
    assert_eq!(stage.seen(&grandchild, below).await["active"], false);
    assert_eq!(stage.set_active(&grandchild, below, true).await["active"], false, "the answer tells the effective state");
    // Writing back what is shown says nothing about the guest's own share.
    let shown = map(stage.seen(&child, guest).await);
    stage.app.user_replace(&child, guest, None, shown, Omit).await.expect("no change");
    stage.set_active(&acme, ada, true).await;
    assert_eq!(stage.seen(&child, guest).await["active"], true);
    assert_eq!(stage.seen(&grandchild, below).await["active"], true);
}

#[tokio::test]
async fn what_changes_at_home_changes_below() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let child = stage.org(Some(&acme), "child").await;
    let ada = stage.person(&acme, "ada").await;
    let guest = stage.guest(&child, "ada").await;
    let body = json!({ "schemas": [USER], "userName": "augusta", "title": "Countess", "externalId": "hr-8" });
    stage.app.user_replace(&acme, ada, None, map(body), Omit).await.expect("a change");
    let seen = stage.seen(&child, guest).await;
    assert_eq!((seen["userName"].as_str(), seen["title"].as_str()), (Some("augusta"), Some("Countess")));
    assert!(seen.get("externalId").is_none() && seen.get("emails").is_none(), "{seen}");
    stage.app.user_delete(&acme, ada, None).await.expect("gone");
    refused(stage.app.user_get(&child, guest, Omit).await, 404, "no such resource");
}
