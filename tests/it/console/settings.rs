//! What an org chooses, what it inherits and from whom, and its letters.

use super::*;

async fn chosen(house: &House, org: &str) -> Value {
    house.server.admin(org).api().get("/settings").await.expect(200).body
}

#[tokio::test]
async fn each_setting_shows_its_own_choice_and_whose_it_inherits() {
    let house = House::build().await;
    let root = house.server.admin(&house.root).api();
    let above = json!({ "invitations": { "lifetime": 259_200 }, "mail": { "senderName": "<i>ACME</i>" }, "profile": "strict" });
    root.put("/settings", &above).await.expect(200);
    let grace = house.signed_in("grace", &house.root).await;
    let settings = format!("{}/settings", house.console(&house.child));
    let page = grace.get(&settings).await.expect(200);
    let page = page.shows(&[
        "From acme: 259200 (3 days).",
        "From acme: &lt;i&gt;ACME",
        "acme, profile strict",
        "Nobody above chooses.",
    ]);
    let page = page.shows(&[
        "<code>invitees.names</code>",
        "<code>retention.requests</code>",
        "<code>op-case</code>",
        "From acme: strict.",
    ]);
    let fields = [("lifetime", "3600"), ("missingGroups", "block"), ("perDay", "")];
    let saved = page.submit(&grace, "/settings/invitations", &fields).await.expect(303);
    grace.get(saved.location()).await.expect(200).shows(&[
        "Saved.",
        "value=\"3600\"",
        "That is 1 hour.",
        "Chosen here",
        "selected>block",
    ]);
    assert_eq!(chosen(&house, &house.child).await["invitations"], json!({ "lifetime": 3600, "missingGroups": "block" }));
    // What is left empty is no longer chosen, and other sections stay.
    page.submit(&grace, "/settings/mail", &[("footer", "Ask Ada")]).await.expect(303);
    page.submit(&grace, "/settings/invitations", &[("lifetime", "")]).await.expect(303);
    let own = chosen(&house, &house.child).await;
    assert_eq!((own.get("invitations"), &own["mail"]), (None, &json!({ "footer": "Ask Ada" })));
    assert_eq!(own["effective"]["invitations"]["lifetime"], 259_200);
    // The root has nobody above.
    grace.get(&format!("{}/settings", house.console(&house.root))).await.expect(200).hides(&["From acme:"]);
}

#[tokio::test]
async fn what_does_not_fit_is_told_as_the_api_tells_it() {
    let house = House::build().await;
    let grace = house.signed_in("grace", &house.root).await;
    let page = grace.get(&format!("{}/settings", house.console(&house.root))).await.expect(200);
    for (section, fields, detail) in [
        ("invitations", [("lifetime", "299"), ("perDay", "7")], "`invitations.lifetime` is 299, expected 300 to 2592000"),
        ("invitations", [("lifetime", "1 day"), ("perDay", "7")], "`invitations.lifetime` is a string, expected a number"),
        ("invitations", [("lifetimeMin", "900"), ("lifetimeMax", "600")], "in rising order"),
        ("mail", [("color", "red"), ("footer", "7")], "expected a colour such as"),
        ("invitees", [("opaque", "maybe"), ("names", "a")], "`invitees.opaque` is a string, expected a boolean"),
        ("behaviour", [("profile", "loose"), ("log", "all")], "loose"),
    ] {
        let wrong = page.submit(&grace, &format!("/settings/{section}"), &fields).await.expect(400);
        let wrong = wrong.shows(&["role=\"alert\"", detail]);
        if section != "behaviour" && fields[1].1 != "a" {
            wrong.shows(&[&format!("value=\"{}\"", fields[1].1)]);
        }
    }
    assert_eq!(chosen(&house, &house.root).await["quirks"], json!({}));
    let (address, fields) = page.form("/settings/mail", &[]);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    grace.post(&address.replace("/mail", "/nothing"), &fields).await.expect(404);
}

#[tokio::test]
async fn profile_switches_and_lists_are_chosen_and_taken_back() {
    let house = House::build().await;
    let grace = house.signed_in("grace", &house.root).await;
    let page = grace.get(&format!("{}/settings", house.console(&house.root))).await.expect(200);
    let fields = [("profile", "interop"), ("log", "all"), ("op-case", "on"), ("json-media-type", "off"), ("bare-word", "")];
    page.submit(&grace, "/settings/behaviour", &fields).await.expect(303);
    let own = chosen(&house, &house.root).await;
    assert_eq!((&own["profile"], &own["log"]), (&json!("interop"), &json!("all")));
    assert_eq!(own["quirks"], json!({ "op-case": true, "json-media-type": false }));
    let below = grace.get(&format!("{}/settings", house.console(&house.child))).await.expect(200);
    below.shows(&["acme, profile interop", "<td>acme</td>"]);
    page.submit(&grace, "/settings/behaviour", &[]).await.expect(303);
    assert_eq!(chosen(&house, &house.root).await.get("profile"), None);
    // A list that is empty by choice is another thing than none.
    page.submit(&grace, "/settings/invitees", &[("names", "ada\r\n\r\n<b>eve</b>\r\n")]).await.expect(303);
    assert_eq!(chosen(&house, &house.root).await["invitees"], json!({ "names": ["ada", "<b>eve</b>"] }));
    grace.get(&format!("{}/settings", house.console(&house.root))).await.expect(200).shows(&["ada\n&lt;b&gt;eve"]);
    page.submit(&grace, "/settings/invitees", &[("names-chosen", "yes"), ("opaque", "yes")]).await.expect(303);
    assert_eq!(chosen(&house, &house.root).await["invitees"], json!({ "names": [], "opaque": true }));
    page.submit(&grace, "/settings/invitees", &[]).await.expect(303);
    assert_eq!(chosen(&house, &house.root).await.get("invitees"), None);
}

#[tokio::test]
async fn a_letter_is_looked_at_and_tried() {
    let house = House::build().await;
    let root = house.server.admin(&house.root).api();
    let mail = json!({ "mail": { "footer": "Ask <b>Ada</b>", "replyTo": "help@acme.test" } });
    root.put("/settings", &mail).await.expect(200);
    let grace = house.signed_in("grace", &house.root).await;
    let letters = format!("{}/settings/letters", house.console(&house.child));
    let page =
        grace.get(&letters).await.expect(200).shows(&["help@acme.test", "Ask &lt;b&gt;Ada", "&lt;!doctype html", "Partners"]);
    page.hides(&["<b>Ada", "<iframe", "srcdoc"]);
    let german = grace.get(&format!("{letters}?kind=reminder&language=de")).await.expect(200);
    let german = german.shows(&["<option selected>reminder", "<option selected>de", "Einladung"]);
    german
        .submit(&grace, "/settings/letters", &[("user_name", "nobody")])
        .await
        .expect(400)
        .shows(&["no user", "value=\"nobody\""]);
    let sent = german.submit(&grace, "/settings/letters", &[("user_name", "")]).await.expect(200);
    sent.shows(&["ent to grace", "<option selected>de"]);
}

#[tokio::test]
async fn who_may_only_look_changes_and_sends_nothing() {
    let house = House::build().await;
    let home = house.console(&house.root);
    let reader = house.reader("rita", "settings:read").await;
    let page = reader.get(&format!("{home}/settings")).await.expect(200).shows(&["<fieldset disabled>"]).hides(&[">Save<"]);
    page.submit(&reader, "/settings/mail", &[("footer", "x")]).await.expect(403).shows(&["settings:write"]);
    let letters = reader.get(&format!("{home}/settings/letters")).await.expect(200).hides(&["Send it"]);
    let csrf = letters.form("/signout", &[]).1.into_iter().find(|(name, _)| name == "csrf").expect("a form's token").1;
    reader.post(&format!("{home}/settings/letters"), &[("csrf", &csrf)]).await.expect(403);
    assert_eq!(chosen(&house, &house.root).await.get("mail"), None);
    let ada = house.signed_in("ada", &house.root).await;
    for path in ["/settings", "/settings/letters"] {
        ada.get(&format!("{home}{path}")).await.expect(403);
    }
    ada.get(&home).await.expect(200).hides(&[">Settings</a>"]);
}
