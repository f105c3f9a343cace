//! The story of the console: three are invited from the parent, one of them wrongly named, and what becomes of them.

use std::time::Duration;

use serde_json::json;
use thirtyfour::Key;

use super::door::sign_in;
use super::{Browser, let_pass};
use crate::console::{House, person};
use crate::mail::through;
use crate::smtp::{Letter, Sink};

/// The next letters, by the one they are to.
fn letters<const N: usize>(sink: &Sink) -> [Letter; N] {
    let mut letters: [Letter; N] = std::array::from_fn(|_| sink.next());
    letters.sort_by(|one, other| one.to.cmp(&other.to));
    letters
}

async fn name(browser: &Browser, names: &[&str]) {
    for name in names {
        browser.fill("User names", name).await;
        browser.press(Key::Enter).await;
    }
}

#[tokio::test]
#[ignore = "`make browser` installs what it needs and runs it"]
async fn three_are_invited_one_in_vain_and_what_becomes_of_them() {
    let sink = Sink::start();
    let house = House::on(through(sink.address.port()).serve()).await;
    for name in ["bob", "eve"] {
        person(&house.server.admin(&house.root), name).await;
    }
    house.server.admin(&house.child).group("Crew", &[]).await;
    let browser = Browser::start(&house.server.url).await;
    let child = house.console(&house.child);

    // In at the root, over to the child.
    sign_in(&browser, &house.console(&house.root)).await;
    browser.click("Switch").await;
    browser.click("Partners").await;
    browser.reads("SCIM base URL").await;
    browser.click("Users").await;
    browser.click("Invite parent users").await;
    browser.reads("Invite users of acme").await;
    browser.picture("invite").await;
    name(&browser, &["ada", "bob", "nobody"]).await;
    browser.tick("Crew").await;
    browser.fill("Message", "We start on Monday.").await;
    browser.reads("2 can be invited, 1 cannot").await;
    browser.reads("acme has no user of this name").await;
    assert!(sink.another_within(Duration::from_millis(300)).is_none(), "nothing is sent yet");
    browser.picture("invite-preflight").await;

    // Partly done, and said so; the one who failed is tried again under the right name.
    browser.click("Invite").await;
    browser.reads("2 invited, 1 not.").await;
    browser.picture("invited").await;
    let [to_ada, to_bob] = letters(&sink);
    assert_eq!((&*to_ada.to[0], &*to_bob.to[0]), ("ada@acme.test", "bob@acme.test"));
    browser.click("Retry failed").await;
    browser.click("Remove nobody").await;
    name(&browser, &["eve"]).await;
    browser.reads("1 can be invited").await;
    browser.click("Invite").await;
    browser.reads("1 invited.").await;
    let [to_eve] = letters(&sink);

    // Ada comes, in a browser of her own that was never signed in.
    let hers = Browser::start(&house.server.url).await;
    hers.open(&to_ada.link()).await;
    hers.reads("We start on Monday.").await;
    hers.click("Accept").await;
    hers.reads("Welcome to Partners").await;
    browser.click("Users").await;
    browser.reads("ada@acme.test").await;
    browser.reads("Managed by parent organization").await;
    browser.click("ada").await;
    browser.reads("Crew").await;
    browser.picture("guest").await;

    // Bob gets a new letter; the link of the one before is dead.
    browser.click("Invitations").await;
    for said in ["Accepted", "Pending", "Crew", "Grace Test"] {
        browser.reads(said).await;
    }
    browser.picture("invitations").await;
    browser.click("bob").await;
    browser.reads("It expires if nobody answers").await;
    browser.picture("invitation").await;
    browser.click("Send new link").await;
    browser.click("Send new links").await;
    browser.reads("A letter was sent a moment ago, wait").await;
    let_pass(&house.server.tree, "update invitations set letter_at = 0 where user_name = 'bob'");
    browser.open(&format!("{child}/invitations?q=bob")).await;
    browser.click("bob").await;
    browser.click("Send new link").await;
    browser.picture("invitation-resend").await;
    browser.click("Send new links").await;
    browser.reads("A new link was made.").await;
    let [again_to_bob] = letters(&sink);
    hers.open(&to_bob.link()).await;
    hers.reads("There is no such invitation").await;
    hers.open(&again_to_bob.link()).await;
    hers.reads("Invitation to Partners").await;

    // It is taken back.
    browser.open(&format!("{child}/invitations?status=pending")).await;
    browser.tick("Select bob").await;
    browser.click("Revoke").await;
    browser.fill("Reason", "He left").await;
    browser.picture("invitation-revoke").await;
    browser.click("Revoke invitations").await;
    browser.reads("Done: 1.").await;
    hers.open(&again_to_bob.link()).await;
    hers.reads("This invitation was withdrawn").await;

    // Eve is too late.
    let_pass(&house.server.tree, "update invitations set expires_at = last_modified where user_name = 'eve'");
    hers.open(&to_eve.link()).await;
    hers.reads("This invitation has expired").await;
    browser.open(&format!("{child}/invitations?status=revoked")).await;
    browser.click("bob").await;
    browser.reads("He left").await;
    let found = house.server.admin(&house.child).find("/Users", r#"userName ne "grace""#).await.expect(200);
    assert_eq!(found.all("userName"), ["ada"], "{}", found.text);
    hers.close().await;
    browser.close().await;
}

#[tokio::test]
#[ignore = "`make browser` installs what it needs and runs it"]
async fn a_keyboard_is_enough_to_invite_and_twice_is_once() {
    let sink = Sink::start();
    let house = House::on(through(sink.address.port()).serve()).await;
    let browser = Browser::start(&house.server.url).await;
    sign_in(&browser, &house.console(&house.child)).await;
    browser.open(&format!("{}/invite", house.console(&house.child))).await;
    browser.tab_to("User names").await;
    browser.press("ada").await;
    browser.press(Key::Enter).await;
    browser.reads("1 can be invited").await;
    browser.tab_to("Invite").await;
    let twice = "document.activeElement.click(); document.activeElement.click()";
    browser.driver.execute(twice, []).await.expect("it runs");
    browser.reads("1 invited.").await;
    assert_eq!(letters::<1>(&sink)[0].to, ["ada@acme.test"]);
    // The way back leads to a form that is not the one sent, and does not repeat it.
    browser.driver.back().await.expect("a way back");
    browser.reads("Invite users of acme").await;
    browser.click("Invite").await;
    browser.reads("An invitation of this user waits for an answer").await;
    assert!(sink.another_within(Duration::from_millis(500)).is_none(), "one letter");
    let found = house.server.admin(&house.child).query("/Invitations", &[]).await.expect(200);
    assert_eq!(found.body["Resources"][0]["status"], json!("pending"), "{}", found.text);
    assert_eq!(found.total(), 1);
    browser.close().await;
}
