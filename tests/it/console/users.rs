//! Users in the console: one of them, new ones, many at once.

use super::*;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The page of a user, and its id.
async fn page_of(house: &House, visitor: &Visitor, org: &str, user_name: &str) -> (String, Page) {
    let found = house.server.admin(org).find("/Users", &format!("userName eq \"{user_name}\"")).await.expect(200);
    let id = found.body["Resources"][0]["id"].as_str().expect("a user").to_owned();
    let page = visitor.get(&format!("{}/users/{id}", house.console(org))).await.expect(200);
    (id, page)
}

#[tokio::test]
async fn a_user_is_added_shown_changed_and_deleted() {
    let house = House::build().await;
    let (admin, users) = (house.server.admin(&house.root), format!("{}/users", house.console(&house.root)));
    let grace = house.signed_in("grace", &house.root).await;
    let form = grace.get(&format!("{users}/new")).await.expect(200);
    let taken =
        form.submit(&grace, "/users/new", &[("userName", "ADA"), ("title", "Countess"), ("password", "x-secret-x")]).await;
    taken.expect(409).shows(&["role=\"alert\"", "value=\"ADA\"", "value=\"Countess\""]).hides(&["x-secret-x"]);
    let typed = [
        ("userName", "eve"),
        ("givenName", "Eve"),
        ("department", "Engines"),
        ("emails", "eve@acme.test\r\neve@home.test"),
        ("password", PASSWORD),
    ];
    let made = form.submit(&grace, "/users/new", &typed).await.expect(303);
    let page = grace.get(made.location()).await.expect(200);
    let page =
        page.shows(&["Created.", "<h1>eve</h1>", "Engines", "eve@home.test (work)", "A resident", "In no group", "History"]);
    house.signed_in("eve", &house.root).await;

    let (id, _) = page_of(&house, &grace, &house.root, "eve").await;
    let edit = grace.get(&format!("{users}/{id}/edit")).await.expect(200).shows(&["value=\"Engines\""]);
    // What the form has no field for, and what was not touched, stays.
    let typed = [("userName", "eve"), ("department", ""), ("title", "Doctor"), ("emails", "eve@home.test\r\neve@acme.test")];
    edit.submit(&grace, &format!("/users/{id}/edit"), &typed).await.expect(303);
    let user = admin.get(&format!("/Users/{id}")).await.expect(200).body;
    assert_eq!((&user["title"], &user["name"]["givenName"], user.get(ENTERPRISE)), (&json!("Doctor"), &json!("Eve"), None));
    assert_eq!((&user["emails"][0]["value"], &user["emails"][0]["primary"]), (&json!("eve@home.test"), &json!(true)));
    assert_eq!(user["emails"][1].get("primary"), None);

    let confirm = page.submit(&grace, &format!("/users/{id}/active"), &[]).await.expect(303);
    let page = grace.get(confirm.location()).await.expect(200).shows(&["Deactivated.", "Inactive", "Activate"]);
    assert_eq!(admin.get(&format!("/Users/{id}")).await.body["active"], false);
    page.submit(&grace, &format!("/users/{id}/active"), &[]).await.expect(303);
    assert_eq!(admin.get(&format!("/Users/{id}")).await.body["active"], true);

    let confirm = grace.get(&format!("{users}/{id}/delete")).await.expect(200).shows(&["Delete eve?", "can restore it"]);
    admin.get(&format!("/Users/{id}")).await.expect(200);
    confirm.submit(&grace, &format!("/users/{id}/delete"), &[]).await.expect(303);
    admin.get(&format!("/Users/{id}")).await.expect(404);
}

#[tokio::test]
async fn a_stale_edit_is_told_with_the_newest_values_beside() {
    let house = House::build().await;
    let (admin, users) = (house.server.admin(&house.root), format!("{}/users", house.console(&house.root)));
    let grace = house.signed_in("grace", &house.root).await;
    let (id, _) = page_of(&house, &grace, &house.root, "ada").await;
    let edit = grace.get(&format!("{users}/{id}/edit")).await.expect(200);
    let changed = json!([{ "op": "replace", "path": "title", "value": "Countess" }]);
    admin.patch(&format!("/Users/{id}"), changed).await.expect(200);
    let action = format!("/users/{id}/edit");
    let stale = edit.submit(&grace, &action, &[("title", "Doctor")]).await.expect(412);
    let stale = stale.shows(&["meanwhile", "value=\"Doctor\"", "Now: Countess"]);
    assert_eq!(admin.get(&format!("/Users/{id}")).await.body["title"], "Countess");
    // Sent again from there, it is meant.
    stale.submit(&grace, &action, &[("title", "Doctor")]).await.expect(303);
    assert_eq!(admin.get(&format!("/Users/{id}")).await.body["title"], "Doctor");
    // A form that was shown before someone changed the user deletes nobody either.
    let confirm = grace.get(&format!("{users}/{id}/delete")).await.expect(200);
    admin.patch(&format!("/Users/{id}"), json!([{ "op": "remove", "path": "title" }])).await.expect(200);
    confirm.submit(&grace, &format!("/users/{id}/delete"), &[]).await.expect(412).shows(&["role=\"alert\""]);
    admin.get(&format!("/Users/{id}")).await.expect(200);
}

#[tokio::test]
async fn a_password_is_set_and_never_shown() {
    let house = House::build().await;
    let grace = house.signed_in("grace", &house.root).await;
    let (id, page) = page_of(&house, &grace, &house.root, "ada").await;
    page.hides(&[PASSWORD, "argon2"]);
    let (path, action) = (format!("{}/users/{id}/password", house.console(&house.root)), format!("/users/{id}/password"));
    let form = grace.get(&path).await.expect(200);
    form.submit(&grace, &action, &[("password", "")]).await.expect(400).shows(&["role=\"alert\""]);
    form.submit(&grace, &action, &[("password", " another good secret ")]).await.expect(303);
    let visitor = house.visitor();
    let signin = visitor.get(&format!("{}/signin", house.console(&house.root))).await;
    signin.submit(&visitor, "/signin", &[("user_name", "ada"), ("password", PASSWORD)]).await.expect(401);
    signin.submit(&visitor, "/signin", &[("user_name", "ada"), ("password", " another good secret ")]).await.expect(303);
}

#[tokio::test]
async fn a_guest_shows_where_it_comes_from_and_only_its_membership_is_changed() {
    let house = House::build().await;
    let grace = house.signed_in("grace", &house.root).await;
    let (id, page) = page_of(&house, &grace, &house.child, "grace").await;
    let page = page.shows(&["Managed by parent organization", "Home organization</dt><dd>acme<", "End membership", "You"]);
    let page = page.hides(&["/edit\"", "/password\""]);
    let users = format!("{}/users/{id}", house.console(&house.child));
    let edit = grace.get(&format!("{users}/edit")).await.expect(303);
    assert_eq!(edit.location(), users);
    let csrf = page.form("/signout", &[]).1;
    let csrf = csrf[0].1.as_str();
    let forged = grace.post(&format!("{users}/edit"), &[("csrf", csrf), ("title", "Queen"), ("version", "1")]).await;
    forged.expect(400).shows(&["belongs to its home organization"]);
    grace.post(&format!("{users}/password"), &[("csrf", csrf), ("password", PASSWORD)]).await.expect(400);
    let confirm = grace.get(&format!("{users}/delete")).await.expect(200);
    let confirm = confirm.shows(&["End the membership of grace?", "This is you", "In the parent organization nothing changes"]);
    confirm.submit(&grace, &format!("/users/{id}/delete"), &[]).await.expect(303);
    house.server.admin(&house.child).get(&format!("/Users/{id}")).await.expect(404);
    house.server.admin(&house.root).find("/Users", "userName eq \"grace\"").await.expect(200).body["Resources"][0]["id"]
        .as_str()
        .expect("still there");
}

#[tokio::test]
async fn a_user_joins_and_leaves_groups_by_name() {
    let house = House::build().await;
    let (admin, grace) = (house.server.admin(&house.root), house.signed_in("grace", &house.root).await);
    let group = admin.group("Crew & <b>Co</b>", &[]).await;
    admin.group("Twins", &[]).await;
    admin.group("Twins", &[]).await;
    let (id, page) = page_of(&house, &grace, &house.root, "ada").await;
    let page = page.shows(&["value=\"Crew &amp; &lt;b&gt;Co&lt;/b&gt;\""]).hides(&["<b>Co</b>"]);
    let (join, leave) = (format!("/users/{id}/join"), format!("/users/{id}/leave"));
    page.submit(&grace, &join, &[("group", "Nowhere")]).await.expect(400).shows(&["there is no group", "value=\"Nowhere\""]);
    page.submit(&grace, &join, &[("group", "Twins")]).await.expect(400).shows(&["several groups"]);
    let joined = page.submit(&grace, &join, &[("group", "crew & <b>co</b>")]).await.expect(303);
    assert_eq!(admin.get(&format!("/Groups/{group}")).await.body["members"][0]["value"], id.as_str());
    let page = grace.get(joined.location()).await.expect(200).shows(&["Added to the group", &format!("/groups/{group}\"")]);
    page.submit(&grace, &leave, &[]).await.expect(303);
    assert_eq!(admin.get(&format!("/Groups/{group}")).await.body.get("members"), None);
}

#[tokio::test]
async fn the_history_of_a_user_names_who_did_what() {
    let house = House::build().await;
    let grace = house.signed_in("grace", &house.root).await;
    let (id, page) = page_of(&house, &grace, &house.root, "ada").await;
    for _ in 0..6 {
        page.submit(&grace, &format!("/users/{id}/active"), &[("active", "no")]).await.expect(303);
        page.submit(&grace, &format!("/users/{id}/active"), &[("active", "yes")]).await.expect(303);
    }
    let path = format!("{}/users/{id}", house.console(&house.root));
    let page = grace.get(&path).await.expect(200).shows(&["changed", ">Grace Test</a>", ">Older</a>"]).hides(&["created</td>"]);
    let next = page.html.split("?before=").nth(1).and_then(|rest| rest.split('#').next()).expect("a link");
    grace.get(&format!("{path}?before={next}")).await.expect(200).shows(&["created</td>", ">Latest</a>"]);
}

#[tokio::test]
async fn several_users_come_from_a_spreadsheet_each_judged_by_itself() {
    let house = House::build().await;
    let (admin, import) = (house.server.admin(&house.root), format!("{}/users/import", house.console(&house.root)));
    let grace = house.signed_in("grace", &house.root).await;
    let form = grace.get(&import).await.expect(200);
    let send = |fields: Vec<(&'static str, &'static str)>| async {
        let fields = fields;
        form.submit(&grace, "/users/import", &fields).await
    };
    const LINES: &str =
        "userName;givenName;department;email\r\nnew1;\"Ne;w\";IT;new1@acme.test\r\nADA;;;\r\n;x;;\r\nnew1;;;\r\nnew2;<b>;;\r\n";
    let seen = send(vec![("lines", LINES), ("do", "preview")]).await.expect(200);
    let seen =
        seen.shows(&["2 would be created, 2 already there, 1 wrong.", "Preview</h2>", "same user name as line 1", "userName"]);
    seen.hides(&["<b>"]).shows(&["new2;&lt;b&gt;;;"]);
    assert_eq!(admin.get("/Users").await.total(), 2, "a preview makes nobody");
    let done = send(vec![("lines", LINES), ("do", "create")]).await.expect(200);
    let done = done.shows(&["2 created, 2 already there, 1 wrong.", "Result</h2>"]);
    let left = done.html.split("<textarea").nth(1).and_then(|area| area.split(['>', '<']).nth(1)).expect("a text area");
    assert_eq!(left, "userName;givenName;department;email\nADA;;;\n;x;;\nnew1;;;", "what failed stays, under its heading");
    let made = admin.find("/Users", "userName eq \"new1\"").await.body;
    let made = &made["Resources"][0];
    assert_eq!((&made["name"]["givenName"], &made[ENTERPRISE]["department"]), (&json!("Ne;w"), &json!("IT")));
    assert_eq!(made["emails"], json!([{ "value": "new1@acme.test", "type": "work", "primary": true }]));
    // A part of the page, for the script that sends lines in parts.
    let part = send(vec![("lines", "p1,,,\np2,,,"), ("do", "create"), ("part", "yes"), ("before", "100")]).await.expect(200);
    part.shows(&["<td>101</td>", "<td>102</td>", "2 created"]).hides(&["<html"]);
    send(vec![("lines", " \r\n"), ("do", "preview")]).await.expect(400).shows(&["there is no line"]);
    send(vec![("lines", "userName,shoeSize\na,1"), ("do", "create")]).await.expect(400).shows(&["shoeSize"]);
}

#[tokio::test]
async fn more_lines_than_one_form_takes_wait_in_it() {
    let house = House::build().await;
    let grace = house.signed_in("grace", &house.root).await;
    let form = grace.get(&format!("{}/users/import", house.console(&house.root))).await.expect(200);
    let lines: String = (0..1003).map(|number| format!("n{number},,,\n")).collect();
    let done = form.submit(&grace, "/users/import", &[("lines", &lines), ("do", "create")]).await.expect(200);
    done.shows(&["1000 created", "3 more lines are left", ">n1000,,,\nn1001,,,\nn1002,,,</textarea>"]);
    assert_eq!(house.server.admin(&house.root).get("/Users?count=0").await.total(), 1002);
}

#[tokio::test]
async fn who_may_only_read_is_offered_nothing_and_other_orgs_users_are_not_there() {
    let house = House::build().await;
    let (admin, users) = (house.server.admin(&house.root), format!("{}/users", house.console(&house.root)));
    let found = admin.find("/Users", "userName eq \"ada\"").await;
    let ada = found.body["Resources"][0]["id"].as_str().expect("a user").to_owned();
    admin.post("/Groups", &reading(&ada, &["users:read"])).await.expect(201);
    let visitor = house.signed_in("ada", &house.root).await;
    let page = visitor.get(&format!("{users}/{ada}")).await.expect(200).shows(&["ada@acme.test"]);
    let page = page.hides(&["/edit", "/delete", "/active", "/join", "/leave", "/password", "History", "/groups/"]);
    let csrf = page.form("/signout", &[]).1;
    let fields =
        [("csrf", csrf[0].1.as_str()), ("active", "no"), ("userName", "x"), ("group", "x"), ("lines", "x"), ("password", "x")];
    for path in ["new", "import", "ID/edit", "ID/password", "ID/delete"] {
        visitor.get(&format!("{users}/{}", path.replace("ID", &ada))).await.expect(403).shows(&["users:write"]);
    }
    for path in ["new", "import", "ID/edit", "ID/password", "ID/delete", "ID/active", "ID/join", "ID/leave"] {
        let answer = visitor.post(&format!("{users}/{}", path.replace("ID", &ada)), &fields).await;
        // The group of a form may be no id at all.
        assert!(matches!(answer.status, 403 | 404), "{path}: {}", answer.status);
    }
    assert_eq!(admin.get(&format!("/Users/{ada}")).await.body["active"], true);
    let grace = house.signed_in("grace", &house.root).await;
    let foreign = house.server.admin(&house.child).find("/Users", "userName eq \"grace\"").await;
    let foreign = foreign.body["Resources"][0]["id"].as_str().expect("a guest").to_owned();
    let csrf = grace.get(&users).await.form("/signout", &[]).1;
    let fields = [("csrf", csrf[0].1.as_str()), ("active", "no"), ("password", PASSWORD), ("version", "1"), ("title", "x")];
    for id in [foreign.as_str(), "01890a5d-ac96-774b-bcce-b302099a8057", "..%2f", "x"] {
        for path in ["", "/edit", "/password", "/delete"] {
            grace.get(&format!("{users}/{id}{path}")).await.expect(404);
        }
        for path in ["/edit", "/password", "/delete", "/active"] {
            grace.post(&format!("{users}/{id}{path}"), &fields).await.expect(404);
        }
    }
}

#[tokio::test]
async fn hostile_names_are_text_on_every_page_of_a_user() {
    let house = House::build().await;
    let (admin, grace) = (house.server.admin(&house.root), house.signed_in("grace", &house.root).await);
    const NAME: &str = "\"><script>alert(1)</script>{{7*7}}";
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": NAME, "displayName": NAME, "title": NAME,
        "name": { "givenName": NAME }, "emails": [{ "value": "a@x.test", "type": NAME }], "roles": [{ "value": NAME }],
    });
    let id = admin.post("/Users", &user).await.expect(201).id();
    let users = format!("{}/users", house.console(&house.root));
    for path in ["", &format!("/{id}"), &format!("/{id}/edit"), &format!("/{id}/password"), &format!("/{id}/delete")] {
        let page = grace.get(&format!("{users}{path}")).await.expect(200);
        page.hides(&["<script>alert", "49"]).shows(&["&lt;script&gt;alert"]);
    }
}

/// A group whose member may do `scopes`.
pub(super) fn reading(member: &str, scopes: &[&str]) -> Value {
    let access = "urn:usher:scim:schemas:extension:access:2.0:Group";
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", access], "displayName": "Readers",
        "members": [{ "value": member }], access: { "scopes": scopes },
    })
}
