//! The request log and the audit log, as administrators read them.

use std::time::{Duration, Instant};

use super::*;

/// The page at `path`, as soon as it shows `text`: logs are written beside the requests.
async fn soon(visitor: &Visitor, path: &str, text: &str) -> Page {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let page = visitor.get(path).await.expect(200);
        if page.html.contains(text) {
            return page;
        }
        assert!(Instant::now() < until, "{path}: no {text} in {}", page.html);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The address of the first row of `section`.
fn first(page: &Page, section: &str) -> String {
    let (_, rest) = page.html.split_once("<tbody>").expect("rows");
    let link = rest.split("href=\"").find(|link| link.contains(section) && !link.contains('?'));
    link.and_then(|link| link.split('"').next()).expect("a link").to_owned()
}

#[tokio::test]
async fn a_request_is_found_and_explained_in_plain_words() {
    let house = House::build().await;
    let admin = house.server.admin(&house.root);
    let user = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada", "nope": "secret" });
    admin.post("/Users", &user).await.expect(409);
    let user = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "<b>eve</b>", "nope": "secret" });
    admin.post("/Users", &user).await.expect(201);
    let log = format!("{}/requests", house.console(&house.root));
    let grace = house.signed_in("grace", &house.root).await;
    let all = soon(&grace, &log, "something else has this name").await;
    all.shows(&["is already used in this organization", "unknown-attribute", "Attributes that no schema has"])
        .hides(&["<b>eve", "secret"]);
    let bad = grace.get(&format!("{log}?status=4xx&method=POST")).await.expect(200).shows(&["409"]).hides(&[">201<"]);
    let one = grace.get(&first(&bad, "/requests/")).await.expect(200);
    let one = one.shows(&[
        "POST, answered with 409",
        "something else has this name",
        "<h2>Body</h2>",
        "&quot;userName&quot;: &quot;…&quot;",
    ]);
    one.hides(&["secret"]);
    let quirk = soon(&grace, &format!("{log}?quirk=unknown-attribute"), ">201<").await.shows(&["selected>unknown-attribute"]);
    grace
        .get(&first(&quirk, "/requests/"))
        .await
        .expect(200)
        .shows(&["What had to be forgiven", "Attributes that no schema has"]);
    grace
        .get(&format!("{log}?since=2020-01-01T00:00&until=2020-01-02"))
        .await
        .expect(200)
        .shows(&["No request matches", "2020-01-01T00:00"]);
    grace.get(&format!("{log}?client=%3Cb%3E")).await.expect(200).shows(&["No request matches", "value=\"&lt;b&gt;\""]);
    let quirks = soon(&grace, &format!("{log}/quirks"), "unknown-attribute").await;
    quirks.shows(&["Attributes that no schema has", "?quirk=unknown-attribute"]);
}

#[tokio::test]
async fn a_filter_that_is_none_is_told_and_pages_go_on() {
    let house = House::build().await;
    let admin = house.server.admin(&house.root);
    for _ in 0..55 {
        admin.get("/Users?filter=userName").await.expect(400);
    }
    let home = house.console(&house.root);
    let grace = house.signed_in("grace", &house.root).await;
    for query in ["status=many", "quirk=none", "since=yesterday", "before=x"] {
        let page = grace.get(&format!("{home}/requests?{query}")).await.expect(400);
        page.shows(&["role=\"alert\"", "<label for=\"f-status\">"]);
    }
    for query in ["resourceId=x", "until=soon", "before=x"] {
        grace.get(&format!("{home}/audit?{query}")).await.expect(400).shows(&["role=\"alert\""]);
    }
    let page = soon(&grace, &format!("{home}/requests?status=400"), "rel=\"next\"").await;
    let link = |page: &Page| {
        let next = page.html.split("rel=\"next\" href=\"").nth(1).and_then(|rest| rest.split('"').next());
        next.expect("a link").replace("&amp;", "&")
    };
    assert!(link(&page).contains("status=400"), "the filter goes along");
    grace.get(&link(&page)).await.expect(200).shows(&["Newest", "GET"]).hides(&["rel=\"next\""]);
    for number in 0..51 {
        admin.group(&format!("group {number}"), &[]).await;
    }
    let page = grace.get(&format!("{home}/audit?action=created&resourceType=Group")).await.expect(200).shows(&["rel=\"next\""]);
    grace.get(&link(&page)).await.expect(200).shows(&["Group created", "Newest"]).hides(&["User created"]);
}

#[tokio::test]
async fn the_audit_log_says_who_did_what_and_leads_there() {
    let house = House::build().await;
    let admin = house.server.admin(&house.root);
    let eve = person(&admin, "eve").await;
    let replace = json!([{ "op": "replace", "path": "displayName", "value": "Eve" }]);
    admin.patch(&format!("/Users/{eve}"), replace).await.expect(200);
    let home = house.console(&house.root);
    let grace = house.signed_in("grace", &house.root).await;
    let history = grace.get(&format!("{home}/audit?resourceId={eve}")).await.expect(200);
    let history =
        history.shows(&["User changed", "User created", &format!("href=\"{home}/users/{eve}\"")]).hides(&["Group created"]);
    let changed = grace.get(&first(&history, "/audit/")).await.expect(200);
    let changed = changed.shows(&[
        "a client or provisioning token",
        "<dt>Version before</dt><dd>1",
        "<dt>Version after</dt><dd>2",
        "its history",
    ]);
    let request = changed.html.split("?request=").nth(1).and_then(|rest| rest.split('"').next()).expect("a request id");
    grace.get(&format!("{home}/audit?request={request}")).await.expect(200).shows(&["User changed"]).hides(&["User created"]);
    admin.delete(&format!("/Users/{eve}")).await.expect(204);
    let gone = grace.get(&format!("{home}/audit?resourceId={eve}&action=deleted")).await.expect(200);
    gone.shows(&["User deleted", &eve]).hides(&[&format!("href=\"{home}/users/{eve}\"")]);
    // A refusal in the console stands there like one of the API.
    let ada = house.signed_in("ada", &house.root).await;
    ada.get(&format!("{home}/audit")).await.expect(403).shows(&["audit:read"]);
    ada.get(&format!("{home}/requests")).await.expect(403).shows(&["requests:read"]);
    ada.get(&home).await.expect(200).hides(&[">Audit log</a>", ">Request log</a>"]);
    soon(&grace, &format!("{home}/audit?action=refused"), "GET /console/audit").await;
    // Of another org nothing is to be seen.
    let entry = first(&history, "/audit/").replace(&house.root, &house.child);
    grace.get(&entry).await.expect(404);
    grace
        .get(&format!("{}/audit?resourceId={eve}", house.console(&house.child)))
        .await
        .expect(200)
        .shows(&["No entry matches"]);
    for path in ["audit/x", "requests/x", "requests/01890a5d-ac96-774b-bcce-b302099a8057"] {
        grace.get(&format!("{home}/{path}")).await.expect(404);
    }
}
