//! The invitations of whoever has signed in.

use super::*;

async fn invite(house: &House, names: &[&str]) -> Vec<String> {
    let body = json!({ "userNames": names, "message": "Come <b>in</b>" });
    let answer = house.server.admin(&house.child).post("/Invitations/.invite", &body).await.expect(200);
    let results = answer.body["results"].as_array().cloned().unwrap_or_default();
    results.iter().map(|result| result["invitation"]["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn an_invitation_is_accepted_where_its_user_has_signed_in() {
    let house = House::build().await;
    person(&house.server.admin(&house.root), "bob").await;
    let home = house.console(&house.root);
    let ada = house.signed_in("ada", &house.root).await;
    ada.get(&format!("{home}/inbox")).await.expect(200).shows(&["No invitation waits for you in acme."]);
    ada.get(&home).await.expect(200).hides(&["wait for your answer"]);
    let ids = invite(&house, &["ada", "bob"]).await;
    ada.get(&home).await.expect(200).shows(&["/inbox\">1 invitation</a>", "waits for your answer"]);
    let inbox = ada.get(&format!("{home}/inbox")).await.expect(200);
    let inbox = inbox.shows(&["Partners", "acme › Partners", "Open until", "Come &lt;b&gt;in&lt;/b&gt;", "<time datetime="]);
    inbox.hides(&["bob"]);
    let users = || house.server.admin(&house.child);
    // Neither another's invitation, nor an answer that is none, does anything.
    let page = ada.get(&format!("{home}/inbox")).await;
    let (address, fields) = page.form(&format!("/inbox/{}", ids[0]), &[("answer", "accept")]);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    ada.post(&address.replace(&ids[0], &ids[1]), &fields).await.expect(404);
    ada.post(&address, &[fields[0], ("answer", "perhaps")]).await.expect(404);
    assert_eq!(users().find("/Users", "userName eq \"ada\"").await.expect(200).total(), 0);
    let accepted = ada.post(&address, &fields).await.expect(200);
    let console = house.console(&house.child);
    accepted.shows(&["You are now a guest of Partners.", &format!("href=\"{console}\""), "No invitation waits"]);
    assert_eq!(users().find("/Users", "userName eq \"ada\"").await.expect(200).total(), 1);
    ada.get(&console).await.expect(200);
    ada.post(&address, &fields).await.expect(410).shows(&["used already"]);

    let bob = house.signed_in("bob", &house.root).await;
    let page = bob.get(&format!("{home}/inbox")).await.expect(200);
    let declined = page.submit(&bob, &format!("/inbox/{}", ids[1]), &[("answer", "decline")]).await.expect(303);
    bob.get(declined.location()).await.expect(200).shows(&["The invitation is declined.", "No invitation waits"]);
    let invitation = users().get(&format!("/Invitations/{}", ids[1])).await.expect(200).body;
    assert_eq!((&invitation["status"], &invitation["endedVia"]), (&json!("declined"), &json!("token")));
}

#[tokio::test]
async fn where_the_org_wants_a_sign_in_the_page_leads_to_it() {
    let house = House::build().await;
    let child = house.server.admin(&house.child);
    child.api().put("/settings", &json!({ "invitations": { "answer": "sign-in" } })).await.expect(200);
    let body = json!({ "userNames": ["ada"], "sendMail": false });
    let made = child.post("/Invitations/.invite", &body).await.expect(200).body["results"][0]["invitation"].clone();
    let (id, code) = (made["id"].as_str().expect("an id"), made["code"].as_str().expect("a code"));
    let path = format!("/t/acme/o/{}/invitations/{id}", house.child);
    let visitor = house.visitor();
    let page = visitor.get(&format!("{path}?code={code}")).await.expect(200);
    page.shows(&["Sign in to answer", &format!("href=\"../../{}/console/inbox\"", house.root)]).hides(&["<form"]);
    visitor.post(&path, &[("code", code), ("answer", "accept")]).await.expect(403);
    let inbox = format!("{}/inbox", house.console(&house.root));
    let asked = visitor.get(&inbox).await.expect(303);
    let signin = visitor.get(asked.location()).await.expect(200);
    let entered = signin.submit(&visitor, "/signin", &[("user_name", "ada"), ("password", PASSWORD)]).await.expect(303);
    assert_eq!(entered.location(), inbox);
    let page = visitor.get(&inbox).await.expect(200);
    page.submit(&visitor, &format!("/inbox/{id}"), &[("answer", "accept")])
        .await
        .expect(200)
        .shows(&["now a guest of Partners"]);
    visitor.get(&format!("{path}?code={code}")).await.expect(410).shows(&["accepted already", "href=\"../console\""]);
}
