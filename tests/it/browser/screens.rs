//! Every screen of the console, by the way that people take to it.

use serde_json::json;

use super::Browser;
use super::door::sign_in;
use crate::console::{House, PASSWORD};
use crate::server::USER;

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

#[tokio::test]
#[ignore = "`make browser` installs what it needs and runs it"]
async fn organizations_are_made_moved_and_deleted_with_what_that_ends_in_view() {
    let house = House::build().await;
    let browser = Browser::start(&house.server.url).await;
    sign_in(&browser, &house.console(&house.root)).await;
    browser.click("Organizations").await;
    browser.reads("Partners").await;
    for (name, handle) in [("Shops & Co", "shops-co"), ("Störe", "store")] {
        browser.click("Create organization").await;
        browser.fill("Name", name).await;
        assert_eq!(browser.value("Handle").await, handle, "the handle follows the name");
        browser.picture("organization-new").await;
        browser.click("Create").await;
        browser.reads("Created.").await;
        browser.click("Organizations").await;
    }
    browser.picture("organizations").await;
    browser.click("Shops & Co").await;
    browser.fill("Name", "Shops").await;
    browser.fill("Name of attribute 1", "region").await;
    browser.fill("Value of attribute 1", "EMEA").await;
    browser.picture("organization").await;
    browser.click("Save").await;
    browser.reads("Saved.").await;
    browser.click("Move").await;
    browser.tick("Partners").await;
    browser.picture("organization-move").await;
    browser.click("See what would end").await;
    browser.reads("ends for good").await;
    browser.picture("organization-move-preview").await;
    browser.click("Move").await;
    browser.reads("Moved.").await;
    browser.reads("acme › Partners").await;
    browser.click("Deactivate").await;
    browser.picture("organization-deactivate").await;
    browser.click("Deactivate").await;
    browser.reads("Inactive").await;
    browser.click("Delete").await;
    browser.reads("There is no way back.").await;
    browser.picture("organization-delete").await;
    browser.fill("Type its handle, shops-co", "shops-co").await;
    browser.click("Delete").await;
    browser.reads("Deleted.").await;
    browser.close().await;
}

#[tokio::test]
#[ignore = "`make browser` installs what it needs and runs it"]
async fn settings_access_and_both_logs_are_looked_after() {
    let house = House::build().await;
    let browser = Browser::start(&house.server.url).await;
    sign_in(&browser, &house.console(&house.child)).await;
    browser.click("Settings").await;
    browser.choose("Profile", "strict").await;
    browser.click("Switches one by one").await;
    browser.picture("settings").await;
    browser.click("Save").await;
    browser.reads("Saved.").await;
    browser.click("See the letters").await;
    browser.choose("Language", "de").await;
    browser.click("Show").await;
    browser.reads("lädt Sie zu Partners ein").await;
    browser.picture("letters").await;

    browser.click("Access").await;
    browser.click("Create token").await;
    browser.fill("Name", "Okta of the house").await;
    browser.picture("token-new").await;
    browser.click("Create").await;
    browser.reads("it is shown here and never again").await;
    browser.click("Okta").await;
    browser.picture("token-secret").await;
    let secret = browser.visible("//*[@class='secret']//code").await.text().await.expect("a text");
    let okta = house.server.stranger("acme", &house.child, Some(secret));
    okta.get("/Users").await.expect(200);
    browser.click("Done").await;
    browser.picture("token").await;
    browser.click("Access").await;
    browser.click("Create client").await;
    browser.fill("Name", "Sync").await;
    browser.picture("client-new").await;
    browser.click("Create").await;
    browser.reads("it is shown here and never again").await;
    browser.click("Done").await;
    browser.picture("client").await;
    browser.click("Access").await;
    browser.picture("access").await;
    browser.click("Okta of the house").await;
    browser.click("Revoke").await;
    browser.picture("token-revoke").await;
    browser.click("Revoke").await;
    browser.reads("Revoked.").await;
    okta.get("/Users").await.expect(401);

    let admin = house.server.admin(&house.child);
    admin.user("eve").await;
    admin.post("/Users", &json!({ "schemas": [USER], "userName": "eve" })).await.expect(409);
    while !browser.text().await.contains("409") {
        browser.click("Request log").await;
    }
    browser.picture("requests").await;
    browser.click("What had to be forgiven").await;
    browser.picture("quirks").await;
    browser.click("Audit log").await;
    browser.reads_local_times().await;
    browser.picture("audit").await;
    browser.choose("Action", "revoked").await;
    browser.click("Filter").await;
    browser.click("Token revoked").await;
    browser.reads("Hash").await;
    browser.picture("audit-entry").await;
    browser.close().await;
}
