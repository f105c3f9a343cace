//! Every screen of the console, by the way that people take to it.

use super::Browser;
use super::door::sign_in;
use crate::console::{House, PASSWORD};

#[tokio::test]
#[ignore = "`make browser` installs what it needs and runs it"]
async fn users_are_looked_for_made_changed_and_put_into_groups() {
    let house = House::build().await;
    let browser = Browser::start(&house.server.url).await;
    sign_in(&browser, &house.console(&house.root)).await;
    browser.click("Users").await;
    browser.reads("ada@acme.test").await;
    browser.reads_local_times().await;
    browser.picture("users").await;
    for (looked_for, said) in
        [("ADA", "1 user"), (r#"userName sw "gr""#, "Read as a SCIM filter."), ("nobody", "No user matches.")]
    {
        browser.fill("Search", looked_for).await;
        browser.click("Search").await;
        browser.reads(said).await;
    }
    browser.picture("users-none").await;

    browser.click("Users").await;
    browser.click("Add user").await;
    browser.fill("User name", "ada").await;
    browser.fill("Title", "Countess").await;
    browser.fill("Password", PASSWORD).await;
    browser.picture("user-new").await;
    browser.click("Add user").await;
    browser.reads("is already used").await;
    browser.picture("user-new-refused").await;
    browser.fill("User name", "eve").await;
    browser.click("Add user").await;
    browser.reads("Created.").await;
    browser.reads("Countess").await;
    browser.reads("In no group.").await;
    browser.click("Edit").await;
    browser.fill("Title", "Engineer").await;
    browser.picture("user-edit").await;
    browser.click("Save").await;
    browser.reads("Saved.").await;
    browser.reads("Engineer").await;
    browser.click("Set password").await;
    browser.picture("user-password").await;
    browser.click("Cancel").await;

    browser.click("Groups").await;
    browser.reads("Administrators").await;
    browser.picture("groups").await;
    browser.click("Add group").await;
    browser.fill("Name", "Pilots").await;
    browser.tick("users:read").await;
    browser.picture("group-new").await;
    browser.click("Add group").await;
    browser.reads("Nobody is in it yet.").await;
    browser.fill("Add users", "eve ada").await;
    browser.click("Add").await;
    browser.reads("2 users").await;
    browser.picture("group").await;
    browser.click("eve").await;
    browser.reads("Pilots").await;
    browser.reads("History").await;
    browser.reads_local_times().await;
    browser.picture("user").await;
    browser.click("Deactivate").await;
    browser.reads("Deactivated.").await;
    browser.click("Delete").await;
    browser.reads("Delete eve?").await;
    browser.picture("user-delete").await;
    browser.click("Delete").await;
    browser.reads("Deleted.").await;
    browser.close().await;
}

#[tokio::test]
#[ignore = "`make browser` installs what it needs and runs it"]
async fn several_users_are_pasted_seen_and_made() {
    let house = House::build().await;
    let browser = Browser::start(&house.server.url).await;
    sign_in(&browser, &house.console(&house.root)).await;
    browser.click("Users").await;
    browser.click("Add several").await;
    let lines: Vec<String> = (0..120).map(|number| format!("n{number}")).collect();
    browser.fill("Lines", "ada,Ada,Lovelace,ada@acme.test\nada,A,B,a@b.test\neve,C,D,eve@acme.test").await;
    browser.click("Preview").await;
    browser.reads("1 would be created, 2 already there, 0 wrong.").await;
    browser.picture("import-preview").await;
    browser.fill("Lines", &format!("{}\nada", lines.join("\n"))).await;
    browser.click("Create users").await;
    browser.reads("120 created, 1 not.").await;
    browser.picture("import").await;
    let found = house.server.admin(&house.root).query("/Users", &[("count", "0")]).await.expect(200);
    assert_eq!(found.total(), 122);
    browser.click("Users").await;
    browser.click("Next").await;
    browser.reads("122 users").await;
    browser.click("Previous").await;
    browser.reads("ada@acme.test").await;
    browser.close().await;
}
