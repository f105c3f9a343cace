//! Ways into the console, through it and out.

use thirtyfour::Key;

use super::{Browser, Script};
use crate::console::{House, PASSWORD};

/// As `grace`, at the org whose console is `home`.
pub(super) async fn sign_in(browser: &Browser, home: &str) {
    browser.open(home).await;
    browser.fill("User name", "grace").await;
    browser.fill("Password", PASSWORD).await;
    browser.click("Sign in").await;
    browser.reads("Sign out").await;
}

#[tokio::test]
#[ignore = "`make browser` installs what it needs and runs it"]
async fn one_signs_in_switches_goes_back_and_forth_and_signs_out() {
    let house = House::build().await;
    let browser = Browser::start(&house.server.url).await;
    let (root, child) = (house.console(&house.root), house.console(&house.child));
    browser.open(&format!("{root}/users")).await;
    browser.reads("Sign in").await;
    browser.picture("signin").await;
    browser.fill("User name", "grace").await;
    browser.fill("Password", "wrong").await;
    browser.click("Sign in").await;
    browser.reads("unknown user name, or not its password").await;
    browser.picture("signin-wrong").await;
    browser.fill("Password", PASSWORD).await;
    browser.click("Sign in").await;
    browser.reads("grace@acme.test").await;
    assert_eq!(browser.path().await, format!("{root}/users"), "where one wanted to go");
    browser.reads_local_times().await;
    browser.picture("users").await;
    let cookies = browser.driver.get_all_cookies().await.expect("cookies");
    let session = cookies.iter().find(|cookie| cookie.name == "usher-session").expect("a session");
    assert_eq!((session.path.as_deref(), session.same_site), (Some("/t/acme/"), Some(thirtyfour::SameSite::Lax)));
    let seen = browser.driver.execute("return document.cookie", []).await.expect("it runs");
    assert_eq!(seen.json(), "", "a script of the page sees no session");

    browser.click("Switch").await;
    browser.reads("acme › Partners").await;
    browser.fill("Organization", "nowhere").await;
    browser.reads("No organization that you can enter").await;
    browser.fill("Organization", "part").await;
    browser.reads("acme › Partners").await;
    browser.picture("switcher").await;
    browser.click("Partners").await;
    browser.reads("SCIM base URL").await;
    assert_eq!(browser.path().await, child);
    browser.picture("overview").await;
    browser.driver.back().await.expect("a way back");
    browser.reads("grace@acme.test").await;
    assert_eq!(browser.path().await, format!("{root}/users"));
    browser.driver.forward().await.expect("a way forth");
    assert_eq!(browser.path().await, child);

    let other = house.server.tree.org(&house.root, "strangers");
    browser.open(&house.console(&other)).await;
    browser.reads("You cannot enter this organization").await;
    browser.reads("Ask one of its administrators to invite you").await;
    browser.picture("switch-failed").await;

    browser.open(&child).await;
    browser.click("Sign out").await;
    browser.reads("You have signed out").await;
    browser.driver.back().await.expect("a way back");
    browser.reads("Password").await;
    assert!(!browser.text().await.contains("SCIM base URL"), "what was seen is not kept");
    browser.close().await;
}

#[tokio::test]
#[ignore = "`make browser` installs what it needs and runs it"]
async fn a_keyboard_is_enough() {
    let house = House::build().await;
    let browser = Browser::start(&house.server.url).await;
    browser.open(&house.console(&house.root)).await;
    browser.tab_to("User name").await;
    browser.press("grace").await;
    browser.tab_to("Password").await;
    browser.press(PASSWORD).await;
    browser.press(Key::Enter).await;
    browser.reads("SCIM base URL").await;
    browser.tab_to("Skip to the content").await;
    browser.picture("skip").await;
    browser.press(Key::Enter).await;
    browser.tab_to("2 users").await;
    browser.open(&house.console(&house.root)).await;
    browser.tab_to("Switch").await;
    browser.press(Key::Enter).await;
    browser.press("partners").await;
    browser.reads("acme › Partners").await;
    browser.tab_to("Partners").await;
    browser.press(Key::Enter).await;
    browser.reads("Partners").await;
    assert_eq!(browser.path().await, house.console(&house.child));
    browser.close().await;
}

#[tokio::test]
#[ignore = "`make browser` installs what it needs and runs it"]
async fn without_scripts_everything_is_a_page() {
    let house = House::build().await;
    let browser = Browser::with(&house.server.url, Script::Off, "en").await;
    sign_in(&browser, &house.console(&house.root)).await;
    browser.click("Switch").await;
    browser.fill("Organization", "part").await;
    browser.click("Search").await;
    browser.reads("Switch organization").await;
    browser.click("Partners").await;
    browser.reads("SCIM base URL").await;
    assert_eq!(browser.path().await, house.console(&house.child));
    browser.click("Users").await;
    browser.reads("Managed by parent organization").await;
    browser.reads(" UTC").await;
    browser.close().await;
}
