//! The page behind an invitation's link, opened from the letter.

use serde_json::{Value, json};
use thirtyfour::Key;

use super::{Browser, Script, let_pass};
use crate::server::text;
use crate::story::{INVITE_REQUEST, Stage, person};

/// A tree whose people can be invited from the group `Buyers`.
struct Guests {
    stage: Stage,
    group: String,
}

impl Guests {
    async fn new() -> Guests {
        let stage = Stage::new();
        let group = stage.child().group("Buyers", &[]).await;
        Guests { stage, group }
    }

    /// Somebody of the parent is invited, and the letter arrives: the id of the invitation, and the link.
    async fn invited(&self, name: &str) -> (String, String) {
        self.stage.parent().post("/Users", &person(name)).await.expect(201);
        let request = json!({
            "schemas": [INVITE_REQUEST], "userNames": [name], "groups": [{ "value": self.group }],
            "message": "We start on Monday.\nBring a friend & <b>lunch</b>.",
        });
        let invited = self.stage.child().post("/Invitations/.invite", &request).await.expect(200);
        (text(&invited.body["results"][0]["invitation"], "id"), self.stage.sink.next().link())
    }

    async fn status(&self, id: &str) -> Value {
        self.stage.child().get(&format!("/Invitations/{id}")).await.expect(200).body["status"].clone()
    }

    async fn browser(&self) -> Browser {
        Browser::start(&self.stage.server.url).await
    }
}

#[tokio::test]
#[ignore = "`make browser` installs what it needs and runs it"]
async fn a_link_is_opened_and_the_invitation_accepted_once() {
    let guests = Guests::new().await;
    let (id, link) = guests.invited("ada").await;
    let browser = guests.browser().await;
    browser.open(&link).await;
    browser.reads("Invitation to partners").await;
    for said in ["acme › partners", "The user ada", "Buyers", "Bring a friend & <b>lunch</b>."] {
        browser.reads(said).await;
    }
    browser.picture("accept-open").await;
    // S-67: whoever only looks, however often, answers nothing.
    browser.open(&link).await;
    assert_eq!(guests.status(&id).await, "pending");
    browser.click("Accept").await;
    browser.reads("The user ada is now a guest of partners").await;
    browser.picture("accept-accepted").await;
    let address = browser.address().await;
    assert!(!address.contains("code"), "the answer left the secret behind: {address}");
    let found = guests.stage.child().find("/Users", r#"userName eq "ada""#).await.expect(200);
    assert_eq!(found.body["Resources"][0]["groups"][0]["display"], "Buyers", "{}", found.text);
    browser.open(&link).await;
    browser.reads("accepted already").await;
    browser.picture("accept-used").await;
    browser.close().await;
}

#[tokio::test]
#[ignore = "`make browser` installs what it needs and runs it"]
async fn a_reader_without_scripts_declines_in_his_language() {
    let guests = Guests::new().await;
    let (id, link) = guests.invited("bob").await;
    let browser = Browser::with(&guests.stage.server.url, Script::Off, "de").await;
    browser.open(&link).await;
    browser.reads("Einladung zu partners").await;
    browser.click("Ablehnen").await;
    browser.reads("Einladung abgelehnt").await;
    assert_eq!(guests.status(&id).await, "declined");
    browser.open(&link).await;
    browser.reads("Einladung abgelehnt").await;
    browser.close().await;
}

#[tokio::test]
#[ignore = "`make browser` installs what it needs and runs it"]
async fn a_link_is_answered_by_keyboard_alone() {
    let guests = Guests::new().await;
    let (id, link) = guests.invited("eve").await;
    let browser = guests.browser().await;
    browser.open(&link).await;
    browser.tab_to("Accept").await;
    browser.tab_to("Decline").await;
    browser.picture("accept-focus").await;
    browser.press(Key::Enter).await;
    browser.reads("Invitation declined").await;
    browser.picture("accept-declined").await;
    assert_eq!(guests.status(&id).await, "declined");
    browser.close().await;
}

#[tokio::test]
#[ignore = "`make browser` installs what it needs and runs it"]
async fn a_link_that_leads_nowhere_says_why() {
    let guests = Guests::new().await;
    let child = guests.stage.child();
    let browser = guests.browser().await;

    let (id, link) = guests.invited("ada").await;
    child.post(&format!("/Invitations/{id}/.revoke"), &json!({})).await.expect(200);
    browser.open(&link).await;
    browser.reads("This invitation was withdrawn").await;
    browser.picture("accept-revoked").await;

    let (_, link) = guests.invited("bob").await;
    let_pass(&guests.stage.server.tree, "update invitations set expires_at = last_modified where user_name = 'bob'");
    browser.open(&link).await;
    browser.reads("This invitation has expired").await;
    browser.picture("accept-expired").await;

    let (_, link) = guests.invited("eve").await;
    browser.open(&link[..link.len() - 1]).await;
    browser.reads("There is no such invitation").await;
    let said = browser.text().await;
    assert!(!said.contains("the user") && !said.contains("partners"), "it tells nothing: {said}");
    browser.picture("accept-unknown").await;

    browser.close().await;
}

#[tokio::test]
#[ignore = "`make browser` installs what it needs and runs it"]
async fn what_goes_wrong_is_noticed() {
    let guests = Guests::new().await;
    let (_, link) = guests.invited("ada").await;
    let browser = guests.browser().await;
    browser.open(&link).await;
    for (script, word) in [
        ("fetch('http://elsewhere.test/')", "Content Security Policy"),
        ("setTimeout(() => { throw new Error('oh dear') })", "oh dear"),
        ("location = 'http://elsewhere.test/page'", "elsewhere: http://elsewhere.test/page"),
    ] {
        browser.open(&link).await;
        assert_eq!(browser.noticed().await, [""; 0]);
        browser.driver.execute(script, []).await.expect("it runs");
        let mut noticed = Vec::new();
        for _ in 0..100 {
            noticed.extend(browser.noticed().await);
            if noticed.iter().any(|noticed| noticed.contains(word)) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert!(noticed.iter().any(|noticed| noticed.contains(word)), "{script}: {noticed:?}");
    }
    browser.open(&link).await;
    browser.driver.execute("document.querySelector('button').innerText = ''", []).await.expect("it runs");
    let faults = browser.faults().await;
    assert!(faults.len() == 1 && faults[0].starts_with("button-name (critical)"), "{faults:?}");
    browser.close().await;
}
