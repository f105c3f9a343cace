//! Groups in the console: what each gives, and who is in it.

use super::users::reading;
use super::*;

const ACCESS: &str = "urn:usher:scim:schemas:extension:access:2.0:Group";

#[tokio::test]
async fn a_group_is_made_renamed_and_deleted() {
    let house = House::build().await;
    let (admin, groups) = (house.server.admin(&house.root), format!("{}/groups", house.console(&house.root)));
    let grace = house.signed_in("grace", &house.root).await;
    let form = grace.get(&format!("{groups}/new")).await.expect(200);
    form.submit(&grace, "/groups/new", &[("name", "Plain")]).await.expect(303);
    form.submit(&grace, "/groups/new", &[("name", ""), ("scope", "users:read")]).await.expect(400).shows(&["role=\"alert\""]);
    let made = form.submit(&grace, "/groups/new", &[("name", "Crew"), ("scope", "users:read"), ("scope", "groups:read")]).await;
    let page =
        grace.get(made.expect(303).location()).await.expect(200).shows(&["Created.", "<h1>Crew</h1>", "Nobody is in it"]);
    let id = admin.find("/Groups", "displayName eq \"Crew\"").await.body["Resources"][0]["id"].as_str().expect("it").to_owned();
    assert_eq!(admin.get(&format!("/Groups/{id}")).await.body[ACCESS]["scopes"], json!(["users:read", "groups:read"]));
    grace.get(&groups).await.expect(200).shows(&["Crew", "users:read, groups:read", "22 rights", "3 groups"]);
    grace.get(&format!("{groups}?q=cre")).await.expect(200).shows(&["Crew", "1 group<"]).hides(&["Administrators"]);
    page.submit(&grace, &format!("/groups/{id}/rename"), &[("name", "Team")]).await.expect(303);
    // The page is older than that.
    let stale = page.submit(&grace, &format!("/groups/{id}/rename"), &[("name", "Gang")]).await.expect(412);
    stale.shows(&["changed this group meanwhile", "<h1>Team</h1>", "value=\"Gang\""]);
    let confirm = grace.get(&format!("{groups}/{id}/delete")).await.expect(200);
    let confirm = confirm.shows(&["Delete the group Team?", "Its members stay", "users:read, groups:read"]);
    confirm.submit(&grace, &format!("/groups/{id}/delete"), &[]).await.expect(303);
    admin.get(&format!("/Groups/{id}")).await.expect(404);
}

#[tokio::test]
async fn members_are_added_by_name_all_or_none_and_removed_together() {
    let house = House::build().await;
    let (admin, grace) = (house.server.admin(&house.root), house.signed_in("grace", &house.root).await);
    let (id, inner) = (admin.group("Crew", &[]).await, admin.group("Inner", &[]).await);
    let path = format!("{}/groups/{id}", house.console(&house.root));
    let (add, remove) = (format!("/groups/{id}/add"), format!("/groups/{id}/remove"));
    let page = grace.get(&path).await.expect(200);
    page.submit(&grace, &add, &[("names", " ")]).await.expect(400).shows(&["nobody is named"]);
    let wrong = page.submit(&grace, &add, &[("names", "ada\r\nnobody, <x>"), ("group", "Inner")]).await.expect(400);
    wrong.shows(&[
        "there is no user &quot;nobody&quot;, &quot;&lt;x&gt;&quot; here",
        ">ada\r\nnobody, &lt;x&gt;</textarea>",
        "Nobody is in it",
    ]);
    page.submit(&grace, &add, &[("names", "ADA grace"), ("group", "inner")]).await.expect(303);
    let page = grace.get(&path).await.expect(200).shows(&["ada@acme.test", "grace@acme.test", "2 users", ">Inner</a>"]);
    let found = grace.get(&format!("{path}?q=ada")).await.expect(200);
    found.shows(&["1 user<", "ada@acme.test"]).hides(&["grace@acme.test"]);
    // What is looked for does not reach beyond the group.
    let beyond = grace.get(&format!("{path}?q=userName+eq+%22x%22%29+or+%28userName+pr")).await.expect(400);
    beyond.shows(&["role=\"alert\""]).hides(&["ada@acme.test"]);
    let ada = admin.find("/Users", "userName eq \"ada\"").await.body["Resources"][0]["id"].as_str().expect("her").to_owned();
    page.submit(&grace, &remove, &[]).await.expect(400).shows(&["nobody is ticked"]);
    page.submit(&grace, &remove, &[("member", &ada), ("member", &inner)]).await.expect(303);
    grace.get(&path).await.expect(200).shows(&["1 user<", "grace@acme.test"]).hides(&["ada@acme.test", ">Inner</a>"]);
    // A group does not hold itself, and another org's users are nobody here.
    page.submit(&grace, &add, &[("names", ""), ("group", "Crew")]).await.expect(400).shows(&["would contain itself"]);
    let child = format!("{}/groups", house.console(&house.child));
    let theirs = house.server.admin(&house.child).group("Theirs", &[]).await;
    let page = grace.get(&format!("{child}/{theirs}")).await.expect(200);
    page.submit(&grace, &format!("/groups/{theirs}/add"), &[("names", "ada")]).await.expect(400).shows(&["there is no user"]);
}

#[tokio::test]
async fn members_of_a_group_come_by_pages() {
    let house = House::build().await;
    let (admin, grace) = (house.server.admin(&house.root), house.signed_in("grace", &house.root).await);
    let mut members = Vec::new();
    for number in 0..30 {
        members.push(admin.user(&format!("user{number:02}")).await);
    }
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let id = admin.group("Crew", &members).await;
    let page = grace.get(&format!("{}/groups/{id}", house.console(&house.root))).await.expect(200);
    let page = page.shows(&["30 users", "user00", "user24", "rel=\"next\""]).hides(&["user25"]);
    let next = page.html.split("rel=\"next\" href=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a link");
    grace.get(&next.replace("&amp;", "&")).await.expect(200).shows(&["user25", "user29", "rel=\"prev\""]).hides(&["user00"]);
}

#[tokio::test]
async fn rights_change_only_where_the_caller_holds_them() {
    let house = House::build().await;
    let (admin, grace) = (house.server.admin(&house.root), house.signed_in("grace", &house.root).await);
    let ada = admin.find("/Users", "userName eq \"ada\"").await.body["Resources"][0]["id"].as_str().expect("her").to_owned();
    admin.post("/Groups", &reading(&ada, &["users:read", "groups:read", "groups:write"])).await.expect(201);
    let crew = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", ACCESS], "displayName": "Crew",
        ACCESS: { "scopes": ["users:read", "audit:read"] },
    });
    let id = admin.post("/Groups", &crew).await.expect(201).id();
    let (path, rights) = (format!("{}/groups/{id}", house.console(&house.root)), format!("/groups/{id}/rights"));
    let visitor = house.signed_in("ada", &house.root).await;
    let page = visitor.get(&path).await.expect(200);
    let page =
        page.shows(&["value=\"audit:read\" checked disabled", "value=\"users:read\" checked>", "value=\"groups:read\">"]);
    let scopes = || async { admin.get(&format!("/Groups/{id}")).await.body[ACCESS]["scopes"].clone() };
    // She takes one and gives another; what she does not hold stays, though her browser cannot send it.
    page.submit(&visitor, &rights, &[("scope", "groups:read")]).await.expect(303);
    assert_eq!(scopes().await, json!(["audit:read", "groups:read"]));
    let page = visitor.get(&path).await.expect(200);
    page.submit(&visitor, &rights, &[("scope", "groups:read"), ("scope", "users:write")]).await.expect(403);
    page.submit(&visitor, &rights, &[("scope", "nonsense")]).await.expect(400).shows(&["unknown scope"]);
    // Nor can she bring anybody in, since the group gives what she does not hold.
    page.submit(&visitor, &format!("/groups/{id}/add"), &[("names", "ada")]).await.expect(403).shows(&["audit:read"]);
    assert_eq!(scopes().await, json!(["audit:read", "groups:read"]));
    let page = grace.get(&path).await.expect(200);
    page.submit(&grace, &rights, &[]).await.expect(303);
    assert_eq!(scopes().await, Value::Null);
}

#[tokio::test]
async fn who_may_only_read_groups_is_offered_nothing_and_other_orgs_groups_are_not_there() {
    let house = House::build().await;
    let (admin, groups) = (house.server.admin(&house.root), format!("{}/groups", house.console(&house.root)));
    let ada = admin.find("/Users", "userName eq \"ada\"").await.body["Resources"][0]["id"].as_str().expect("her").to_owned();
    let visitor = house.signed_in("ada", &house.root).await;
    visitor.get(&groups).await.expect(403).shows(&["groups:read"]);
    let id = admin.post("/Groups", &reading(&ada, &["groups:read"])).await.expect(201).id();
    visitor.get(&groups).await.expect(200).shows(&["Readers"]).hides(&["/groups/new"]);
    let page = visitor.get(&format!("{groups}/{id}")).await.expect(200).shows(&["you need the right users:read"]);
    let page = page.hides(&["/add\"", "/delete", "/rename", ">Save", "ada@acme.test", "History"]);
    let csrf = page.form("/signout", &[]).1;
    let fields =
        [("csrf", csrf[0].1.as_str()), ("name", "x"), ("member", ada.as_str()), ("group", "Readers"), ("version", "1")];
    for path in ["new", "ID/delete"] {
        visitor.get(&format!("{groups}/{}", path.replace("ID", &id))).await.expect(403).shows(&["groups:write"]);
    }
    for path in ["new", "ID/delete", "ID/add", "ID/remove", "ID/rename", "ID/rights"] {
        visitor.post(&format!("{groups}/{}", path.replace("ID", &id)), &fields).await.expect(403);
    }
    assert_eq!(admin.get(&format!("/Groups/{id}")).await.body["members"][0]["value"], ada.as_str());
    let grace = house.signed_in("grace", &house.root).await;
    let theirs = house.server.admin(&house.child).group("Theirs", &[]).await;
    let csrf = grace.get(&groups).await.form("/signout", &[]).1;
    let fields = [("csrf", csrf[0].1.as_str()), ("name", "x"), ("member", ada.as_str()), ("names", "ada"), ("version", "1")];
    for id in [theirs.as_str(), "01890a5d-ac96-774b-bcce-b302099a8057", "x"] {
        grace.get(&format!("{groups}/{id}")).await.expect(404);
        grace.get(&format!("{groups}/{id}/delete")).await.expect(404);
        for path in ["delete", "add", "remove", "rename", "rights"] {
            grace.post(&format!("{groups}/{id}/{path}"), &fields).await.expect(404);
        }
    }
}

#[tokio::test]
async fn hostile_names_are_text_on_every_page_of_a_group() {
    let house = House::build().await;
    let (admin, grace) = (house.server.admin(&house.root), house.signed_in("grace", &house.root).await);
    const NAME: &str = "\"><script>alert(1)</script>{{7*7}}";
    let member = admin.user(NAME).await;
    let inner = admin.group(NAME, &[]).await;
    let id = admin.group(NAME, &[&member, &inner]).await;
    let groups = format!("{}/groups", house.console(&house.root));
    for path in ["", &format!("/{id}"), &format!("/{id}/delete")] {
        let page = grace.get(&format!("{groups}{path}")).await.expect(200);
        page.hides(&["<script>alert"]).shows(&["&lt;script&gt;alert", "{{7*7}}"]);
    }
}
