//! Inviting, and what is done to invitations.

use super::*;

const ACCESS: &str = "urn:usher:scim:schemas:extension:access:2.0:Group";

/// The form of a person who may do everything in the child.
async fn form(house: &House) -> (Visitor, Page) {
    let grace = house.signed_in("grace", &house.child).await;
    let page = grace.get(&format!("{}/invite", house.console(&house.child))).await.expect(200);
    (grace, page)
}

async fn group(house: &House, name: &str, scopes: &[&str]) -> String {
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", ACCESS], "displayName": name, ACCESS: { "scopes": scopes },
    });
    house.server.admin(&house.child).post("/Groups", &group).await.expect(201).id()
}

/// The path of the one link that a page shows.
#[track_caller]
fn link(house: &House, page: &Page) -> String {
    let link = page.html.split("data-copy=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a link");
    link.strip_prefix(&house.server.url).expect("a link to this server").to_owned()
}

/// Invites them in the console; their ids, in that order.
async fn invited(house: &House, names: &[&str]) -> (Visitor, Vec<String>) {
    let (grace, page) = form(house).await;
    let names_sent = names.join(",");
    page.submit(&grace, "/invite", &[("names", &names_sent), ("step", "invite")])
        .await
        .expect(200)
        .shows(&["class=\"notice\""]);
    let admin = house.server.admin(&house.child);
    let mut ids = Vec::new();
    for name in names {
        let found = admin.find("/Invitations", &format!("userName eq \"{name}\"")).await.expect(200);
        ids.push(found.body["Resources"][0]["id"].as_str().expect("an id").to_owned());
    }
    (grace, ids)
}

#[tokio::test]
async fn each_user_is_answered_in_words_and_those_who_failed_can_be_tried_again() {
    let house = House::build().await;
    let admin = house.server.admin(&house.child);
    let crew = group(&house, "Crew <b>", &[]).await;
    let (grace, page) = form(&house).await;
    let page = page.shows(&[
        "Invite users of acme",
        "Crew &lt;b&gt;",
        "data-preflight",
        "From 5 minutes to 30 days; 3 days if left empty",
    ]);
    let preflight = format!("{}/invite/preflight", house.console(&house.child));
    let fields =
        [("names", "ada, nobody\ngrace;<i>x</i>"), ("group", &*crew), ("count", "2"), ("unit", "3600"), ("message", "Hi <u>")];
    // As the script asks while the form is filled.
    let (_, form) = page.form("/invite", &fields);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let told = ["Nothing is sent yet. 1 can be invited, 3 cannot.", "Can be invited", "&lt;i&gt;x&lt;/i&gt;"];
    grace.post(&preflight, &form).await.expect(200).shows(&told).hides(&["<html", "<i>"]);
    // And without a script.
    let checked = page.submit(&grace, "/invite", &[&fields[..], &[("step", "check")]].concat()).await.expect(200);
    let checked = checked.shows(&told).shows(&["value=\"2\"", "value=\"3600\" selected", "checked"]);
    assert_eq!(admin.get("/Invitations").await.expect(200).total(), 0);

    let order = [&fields[..], &[("step", "invite")]].concat();
    let done = checked.submit(&grace, "/invite", &order).await.expect(200).shows(&[
        "class=\"warning\" role=\"status\">1 invited, 3 not.",
        "acme has no user of this name.",
        "This user is a member of this organization already.",
        "/users?q=grace\">Show</a>",
        "The link is good until <time",
    ]);
    done.shows(&["<span class=\"chip good\">Invited</span>", "<span class=\"chip bad\">Not invited</span>"]);
    // Sent twice, it invites once, and says the same.
    let again = checked.submit(&grace, "/invite", &order).await.expect(200).shows(&["1 invited, 3 not."]);
    let invitations = admin.get("/Invitations").await.expect(200);
    assert_eq!(invitations.total(), 1);
    let invitation = &invitations.body["Resources"][0];
    assert_eq!((&invitation["userName"], &invitation["message"]), (&json!("ada"), &json!("Hi <u>")));
    assert_eq!(invitation["groups"][0]["value"], json!(crew));

    let retry = again.submit(&grace, "/invite", &[("step", "retry")]).await.expect(200);
    let retry = retry.shows(&[">nobody\ngrace\n&lt;i&gt;x&lt;/i&gt;</textarea>", "checked", "Hi &lt;u&gt;", "value=\"2\""]);
    let failed = retry.submit(&grace, "/invite", &[("names", "nobody"), ("step", "invite")]).await.expect(200);
    failed.shows(&["role=\"alert\">Nobody was invited."]);
    // What was sent under one key is not another order.
    let other = checked.submit(&grace, "/invite", &[("names", "nobody"), ("step", "invite")]).await.expect(422);
    let other = other.shows(&["This form was sent before", ">nobody</textarea>"]);
    other.submit(&grace, "/invite", &[("names", "nobody"), ("step", "invite")]).await.expect(200);
}

#[tokio::test]
async fn what_is_wrong_with_the_form_is_told_on_it() {
    let house = House::build().await;
    let (grace, page) = form(&house).await;
    for (fields, text) in [
        (&[("names", " , ")][..], "Name at least one user."),
        (&[("names", "ada"), ("count", "1"), ("unit", "60")], "The link can be good for 5 minutes to 30 days."),
        (&[("names", "ada"), ("count", "\"><b>"), ("unit", "60")], "The link can be good for 5 minutes to 30 days."),
        (&[("names", "ada"), ("count", "99999999999999999999"), ("unit", "86400")], "The link can be good for"),
        (&[("names", "ada"), ("count", "1"), ("unit", "1")], "The link can be good for"),
        (&[("names", "ada"), ("until", "2020-01-01")], "one to come"),
        (&[("names", "ada"), ("until", "soon")], "one to come"),
        (&[("names", "ada"), ("language", "<b>")], "a language tag"),
        (&[("names", "ada"), ("group", "nonsense")], "A group that you chose is no longer there."),
    ] {
        let fields = [fields, &[("step", "check")]].concat();
        let page = page.submit(&grace, "/invite", &fields).await.shows(&[text]).hides(&["<b>"]);
        assert!(page.status == 400 || fields.iter().any(|(name, _)| *name == "group"), "{fields:?}: {}", page.status);
        let preflight = format!("{}/invite/preflight", house.console(&house.child));
        let (_, form) = page.form("/invite", &fields);
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let part = grace.post(&preflight, &form).await.expect(200);
        assert!(part.html.contains(text) || fields[0].1 == " , ", "{fields:?}: {}", part.html);
    }
    let many: Vec<String> = (0..501).map(|number| format!("user{number}")).collect();
    page.submit(&grace, "/invite", &[("names", &*many.join(" "))]).await.expect(400).shows(&["501 invitations", "500"]);
    let good = [("names", "ada"), ("until", "2099-12-31"), ("language", "de"), ("count", ""), ("step", "invite")];
    page.submit(&grace, "/invite", &good).await.expect(200).shows(&["1 invited."]);
    let invitation = &house.server.admin(&house.child).get("/Invitations").await.expect(200).body["Resources"][0];
    assert_eq!((&invitation["locale"], &invitation["until"]), (&json!("de"), &json!("2099-12-31T23:59:59.000Z")));
}

#[tokio::test]
async fn only_groups_that_one_may_give_can_be_ticked() {
    let house = House::build().await;
    let carol = person(&house.server.admin(&house.root), "carol").await;
    assert!(!carol.is_empty());
    let inviters = group(&house, "Inviters", &["invitations:read", "invitations:write", "groups:read"]).await;
    let (grace, page) = form(&house).await;
    page.submit(&grace, "/invite", &[("names", "carol"), ("group", &inviters), ("step", "invite")]).await.expect(200);
    let at_home = house.signed_in("carol", &house.root).await;
    let inbox = at_home.get(&format!("{}/inbox", house.console(&house.root))).await.expect(200);
    let id = house.server.admin(&house.child).get("/Invitations").await.expect(200).body["Resources"][0]["id"].clone();
    let action = format!("/inbox/{}", id.as_str().expect("an id"));
    inbox.submit(&at_home, &action, &[("answer", "accept")]).await.expect(200);

    let visitor = house.signed_in("carol", &house.child).await;
    let invite = format!("{}/invite", house.console(&house.child));
    let crew = group(&house, "Crew", &[]).await;
    let rights = group(&house, "Rights", &["users:write"]).await;
    for number in 0..30 {
        group(&house, &format!("Many {number:02}"), &[]).await;
    }
    let page = visitor.get(&invite).await.expect(200).shows(&[
        &format!("value=\"{crew}\">"),
        &format!("value=\"{inviters}\">"),
        "disabled",
        "gives rights that you do not have",
        "Not all of 34 are shown",
    ]);
    let found =
        page.submit(&visitor, "/invite", &[("group", &crew), ("group_q", "rig"), ("names", "ada"), ("step", "search")]).await;
    let found = found.expect(200).shows(&[
        &format!("value=\"{crew}\" checked>"),
        &format!("value=\"{rights}\" disabled>"),
        ">ada</textarea>",
    ]);
    found.hides(&["Many 00"]);
    // A box that is not offered does nothing either when it is sent.
    let refused =
        page.submit(&visitor, "/invite", &[("names", "ada"), ("group", &rights), ("step", "invite")]).await.expect(200);
    refused.shows(&["You chose a group that gives rights which you do not have yourself.", "Nobody was invited."]);
    assert_eq!(house.server.admin(&house.child).find("/Invitations", "userName eq \"ada\"").await.expect(200).total(), 0);
    // Neither users nor settings are hers to see, and nothing of them is offered.
    visitor.get(&invite).await.expect(200).shows(&[">Invitations</a>"]).hides(&[">Users</a>"]);
}

#[tokio::test]
async fn invitations_are_found_by_status_and_name_and_shown_with_their_history() {
    let house = House::build().await;
    let admin = house.server.admin(&house.root);
    person(&admin, "bob").await;
    let (_, mut ids) = invited(&house, &["ada"]).await;
    let (grace, later) = invited(&house, &["bob"]).await;
    ids.extend(later);
    let list = format!("{}/invitations", house.console(&house.child));
    let child = house.server.admin(&house.child);
    child.post(&format!("/Invitations/{}/.revoke", ids[1]), &json!({ "reason": "a <mistake>" })).await.expect(200);
    let all = grace.get(&list).await.expect(200).shows(&[
        ">ada</a>",
        ">bob</a>",
        "Grace Test",
        "Pending",
        "Revoked",
        "2 invitations",
    ]);
    assert!(all.html.find(">bob<") < all.html.find(">ada<"), "the newest first");
    grace.get(&format!("{list}?status=pending")).await.expect(200).shows(&[">ada</a>"]).hides(&[">bob</a>"]);
    grace.get(&format!("{list}?status=revoked&q=b")).await.expect(200).shows(&[">bob</a>"]).hides(&[">ada</a>"]);
    grace.get(&format!("{list}?status=accepted")).await.expect(200).shows(&["No invitation is like this."]);
    grace.get(&format!("{list}?q=userName+xx+%22a%22")).await.expect(400).shows(&["role=\"alert\""]);
    grace.get(&format!("{list}?q=%3Cscript%3E&status=%3Cscript%3E")).await.expect(200).hides(&["<script>"]);
    let one = grace.get(&format!("{list}/{}", ids[1])).await.expect(200);
    one.shows(&["Grace Test invited bob", "revoked it: a &lt;mistake&gt;", "bob@acme.test", "<time datetime=", "Delete</a>"])
        .hides(&["do=resend", "do=revoke", "code="]);
    grace.get(&format!("{list}/{}", ids[0])).await.expect(200).shows(&[
        "It expires if nobody answers",
        "do=revoke",
        "Send new link",
    ]);

    // A group that is gone is marked.
    let crew = group(&house, "Crew", &[]).await;
    person(&admin, "eve").await;
    let (visitor, page) = form(&house).await;
    page.submit(&visitor, "/invite", &[("names", "eve"), ("group", &crew), ("step", "invite")]).await.expect(200);
    child.delete(&format!("/Groups/{crew}")).await.expect(204);
    grace.get(&format!("{list}?q=eve")).await.expect(200).shows(&["class=\"vanished\">Crew</span> (no longer there)"]);
}

#[tokio::test]
async fn several_are_revoked_or_deleted_at_once_and_each_is_answered() {
    let house = House::build().await;
    let admin = house.server.admin(&house.root);
    person(&admin, "bob").await;
    let (grace, ids) = invited(&house, &["ada", "bob"]).await;
    let list = format!("{}/invitations", house.console(&house.child));
    let selected = |act: &str| format!("{list}/selected?do={act}&id={}&id={}&id={}", ids[0], ids[1], ids[0]);
    grace.get(&list).await.expect(200).shows(&["name=\"do\" value=\"revoke\"", &format!("name=\"id\" value=\"{}\"", ids[0])]);
    let asked = grace.get(&selected("revoke")).await.expect(200).shows(&["Revoke invitations", "ada", "bob", "Cancel"]);
    let child = house.server.admin(&house.child);
    let statuses = async || child.get("/Invitations").await.expect(200).all("status");
    assert_eq!(statuses().await, ["pending", "pending"], "a look changes nothing");
    let both: Vec<(&str, &str)> = ids.iter().map(|id| ("id", id.as_str())).collect();
    let send = async |act: &str, more: &[(&str, &str)]| {
        let (address, fields) = asked.form("/invitations/selected", &[&both[..], &[("do", act)], more].concat());
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        grace.post(&address, &fields).await
    };
    // Their letters were queued a moment ago.
    send("resend", &[]).await.expect(200).shows(&["Nothing was done.", "A letter was sent a moment ago, wait "]);
    child.post(&format!("/Invitations/{}/.revoke", ids[0]), &json!({})).await.expect(200);
    let done = send("revoke", &[("reason", "enough")]).await.expect(200);
    done.shows(&["class=\"warning\" role=\"status\">Done: 1. Not done: 1.", "The invitation was revoked.", "Revoked."]);
    assert_eq!(statuses().await, ["revoked", "revoked"]);
    assert_eq!(child.get(&format!("/Invitations/{}", ids[1])).await.expect(200).body["reason"], json!("enough"));
    send("delete", &[]).await.expect(200).shows(&["class=\"notice\" role=\"status\">Done: 2.", "ada", "bob"]);
    assert!(statuses().await.is_empty());
    send("delete", &[]).await.expect(200).shows(&["There is no such invitation in this organization any more."]);
    for (query, status) in [("do=revoke", 400), ("do=x&id=1", 404), ("do=revoke&id=x", 404)] {
        grace.get(&format!("{list}/selected?{query}")).await.expect(status);
    }
    grace.get(&selected("revoke")).await.expect(404);
}

#[tokio::test]
async fn whoever_brings_the_links_is_shown_them_once() {
    let house = House::build().await;
    let (grace, page) = form(&house).await;
    let done = page.submit(&grace, "/invite", &[("names", "ada"), ("brings", "yes"), ("step", "invite")]).await.expect(200);
    let first = link(&house, &done.shows(&["it is shown only now"]));
    let list = format!("{}/invitations", house.console(&house.child));
    let row = grace.get(&list).await.expect(200).shows(&["the inviter brings the link"]).hides(&["code="]);
    let id = attribute(row.html.split("<td><input").nth(1).expect("a row"), "value").expect("an id").to_owned();
    // A new link takes the place of the first.
    let asked = grace.get(&format!("{list}/selected?do=resend&id={id}")).await.expect(200);
    let path = link(&house, &asked.submit(&grace, "/invitations/selected", &[]).await.expect(200));
    grace.get(&format!("{list}/{id}")).await.expect(200).shows(&["Grace Test made a new link", "New link"]).hides(&["code="]);
    let stranger = house.visitor();
    stranger.get(&first).await.expect(404);
    let page = stranger.get(&path).await.expect(200).shows(&["Invitation to Partners", "Accept", "Decline", "console.css?v="]);
    let code = path.split("code=").nth(1).expect("a code");
    let (_, fields) = page.form(&id, &[("answer", "accept")]);
    assert!(fields.iter().any(|(name, value)| name == "code" && value == code));
    let address = path.split('?').next().expect("an address");
    let accepted = stranger.post(address, &[("code", code), ("answer", "accept")]).await.expect(200);
    accepted.shows(&["Welcome to Partners", "href=\"../console\""]);
    grace.get(&format!("{list}/{id}")).await.expect(200).shows(&["ada accepted it by the link", "/users/"]);
    house.signed_in("ada", &house.child).await;
}

#[tokio::test]
async fn who_may_not_invite_is_offered_nothing_and_no_org_sees_anothers() {
    let house = House::build().await;
    let (grace, ids) = invited(&house, &["ada"]).await;
    let (root, child) = (house.console(&house.root), house.console(&house.child));
    for path in ["invite", "invitations"] {
        grace.get(&format!("{root}/{path}")).await.expect(400).shows(&["it has no parent"]);
    }
    grace.get(&root).await.expect(200).hides(&[">Invitations</a>"]);
    grace.get(&format!("{root}/invitations/{}", ids[0])).await.expect(404);
    grace.get(&format!("{root}/invitations/selected?do=revoke&id={}", ids[0])).await.expect(404);
    grace.get(&format!("{child}/invitations/nonsense")).await.expect(404);
    let ada = house.signed_in("ada", &house.root).await;
    let inbox = ada.get(&format!("{root}/inbox")).await.expect(200);
    inbox.submit(&ada, &format!("/inbox/{}", ids[0]), &[("answer", "accept")]).await.expect(200);
    for path in
        ["invite", "invitations", &format!("invitations/{}", ids[0]), &format!("invitations/selected?do=delete&id={}", ids[0])]
    {
        ada.get(&format!("{child}/{path}")).await.expect(403).shows(&["invitations:"]);
    }
    let page = ada.get(&child).await.expect(200).hides(&[">Invitations</a>", "/invite\""]);
    let (_, fields) = page.form("/signout", &[("names", "grace"), ("do", "delete"), ("id", &ids[0])]);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for path in ["invite", "invite/preflight", "invitations/selected"] {
        ada.post(&format!("{child}/{path}"), &fields).await.expect(403);
    }
    assert_eq!(house.server.admin(&house.child).get("/Invitations").await.expect(200).total(), 1);
}
