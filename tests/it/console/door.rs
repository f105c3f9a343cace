//! Ways in and out of the console, and who stays outside.

use super::*;

#[tokio::test]
async fn who_signs_in_sees_the_org_and_who_signs_out_sees_it_no_more() {
    let house = House::build().await;
    let (visitor, home) = (house.visitor(), house.console(&house.root));
    let asked = visitor.get(&format!("{home}/users?q=a%26b")).await.expect(303);
    let signin = asked.location().to_owned();
    let page = visitor.get(&signin).await.expect(200).shows(&["Sign in", "acme"]);
    let wrong = page.submit(&visitor, "/signin", &[("user_name", "grace"), ("password", "wrong")]).await.expect(401);
    let wrong = wrong.shows(&["role=\"alert\"", "value=\"grace\""]).hides(&["wrong"]);
    let answer = wrong.submit(&visitor, "/signin", &[("user_name", "Grace"), ("password", PASSWORD)]).await.expect(303);
    assert_eq!(answer.location(), format!("{home}/users?q=a%26b"), "back to what was asked");
    let cookie = answer.headers.get_all("set-cookie").iter().next().and_then(|line| line.to_str().ok()).expect("a cookie");
    for part in ["usher-session=", "; Path=/t/acme/; HttpOnly; SameSite=Lax"] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }
    let page = visitor.get(&home).await.expect(200).shows(&["SCIM base URL", "Sign out", "<strong>2</strong> users"]);
    let copied = house.visitor();
    *copied.cookies.lock().expect("unharmed") = visitor.cookies.lock().expect("unharmed").clone();
    copied.get(&home).await.expect(200);
    let out = page.submit(&visitor, "/signout", &[]).await.expect(303);
    visitor.get(out.location()).await.expect(200).shows(&["You have signed out."]);
    visitor.get(&home).await.expect(303);
    copied.get(&home).await.expect(303);
}

#[tokio::test]
async fn a_strangers_form_does_nothing() {
    // SEC V-37: neither another site's form nor a copied one is taken, with or without a session.
    let house = House::build().await;
    let home = house.console(&house.root);
    let stranger = house.visitor();
    let fields = [("user_name", "grace"), ("password", PASSWORD), ("csrf", "x")];
    stranger.post(&format!("{home}/signin"), &fields).await.expect(403);
    let grace = house.signed_in("grace", &house.root).await;
    for fields in [&[][..], &[("csrf", "")], &[("csrf", "x")]] {
        grace.post(&format!("{home}/signout"), fields).await.expect(403).shows(&["not of this session"]);
    }
    let page = grace.get(&home).await.expect(200);
    let (address, fields) = page.form("/signout", &[]);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    grace.post_from("https://evil.test", &address, &fields).await.expect(403);
    let ada = house.signed_in("ada", &house.root).await;
    ada.post(&address, &fields).await.expect(403);
    grace.get(&home).await.expect(200);
}

#[tokio::test]
async fn who_has_no_rights_is_shown_nothing_and_told_so() {
    let house = House::build().await;
    let home = house.console(&house.root);
    let ada = house.signed_in("ada", &house.root).await;
    ada.get(&home).await.expect(200).shows(&["give you no rights"]).hides(&[">Users</a>", "<strong>"]);
    ada.get(&format!("{home}/users")).await.expect(403).shows(&["users:read"]);
    ada.get(&house.console(&house.child)).await.expect(404).shows(&["You cannot enter this organization"]);
    ada.get(&house.console("01890a5d-ac96-774b-bcce-b302099a8057"))
        .await
        .expect(404)
        .shows(&["You cannot enter this organization"]);
    ada.get(&format!("{home}/nothing")).await.expect(404).shows(&["Not found"]);
}

#[tokio::test]
async fn one_session_enters_every_org_where_the_person_is_a_guest() {
    let house = House::build().await;
    let grace = house.signed_in("grace", &house.root).await;
    let (root, child) = (house.console(&house.root), house.console(&house.child));
    grace.get(&child).await.expect(200).shows(&[&format!("href=\"{root}\">acme</a>"), "Partners", "<strong>1</strong> users"]);
    let found = grace.get(&format!("{root}/switch?q=part")).await.expect(200);
    found.shows(&[&format!("href=\"{child}\""), "Partners"]);
    let none = grace.get(&format!("{root}/switch?q=nowhere&part=yes")).await.expect(200);
    none.shows(&["No organization"]).hides(&["<html"]);
    // At the child itself the same person comes in by the password of home.
    house.signed_in("grace", &house.child).await.get(&root).await.expect(200);
}

#[tokio::test]
async fn every_page_keeps_to_itself() {
    // SEC S-68.
    let house = House::build().await;
    let home = house.console(&house.root);
    let grace = house.signed_in("grace", &house.root).await;
    let sections =
        ["/organizations", "/organizations/new", "/settings", "/access", "/access/tokens/new", "/requests", "/audit"];
    for path in ["", "/users", "/signin", "/nothing", "/users?q=userName+eq"].into_iter().chain(sections) {
        let page = grace.get(&format!("{home}{path}")).await;
        let header = |name: &str| page.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        assert_eq!(header("cache-control"), "no-store", "{path}");
        let policy = header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        page.hides(&["style=", "onclick", "http-equiv", "src=\"http", "javascript:"]);
    }
    for asset in ["/console/console.css", "/console/console.js"] {
        let asset = grace.get(asset).await.expect(200);
        assert!(asset.headers["cache-control"].to_str().is_ok_and(|value| value.contains("immutable")));
        asset.hides(&["http://", "https://"]);
    }
    grace.get("/console/other.js").await.expect(404);
}

#[tokio::test]
async fn what_is_looked_for_is_a_word_or_a_filter_and_never_markup() {
    let house = House::build().await;
    let users = format!("{}/users", house.console(&house.root));
    let grace = house.signed_in("grace", &house.root).await;
    let all = grace.get(&users).await.expect(200);
    all.shows(&["ada@acme.test", "grace@acme.test", "2 users"]);
    grace.get(&format!("{users}?q=ADA")).await.expect(200).shows(&["ada@acme.test", "1 user"]).hides(&["grace@acme.test"]);
    let filter = grace.get(&format!("{users}?q=userName+sw+%22gr%22")).await.expect(200);
    filter.shows(&["grace@acme.test", "SCIM filter"]).hides(&["ada@acme.test"]);
    grace.get(&format!("{users}?q=userName+xx+%22gr%22")).await.expect(400).shows(&["role=\"alert\""]);
    let hostile = grace.get(&format!("{users}?q=%3Cscript%3E%22%27")).await;
    hostile.hides(&["<script>"]).shows(&["&lt;script&gt;"]);
    for number in 0..30 {
        person(&house.server.admin(&house.root), &format!("user{number:02}")).await;
    }
    let page = grace.get(&format!("{users}?q=user")).await.expect(200).shows(&["30 users", "user00", "rel=\"next\""]);
    let next = page.html.split("rel=\"next\" href=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a link");
    let next = next.replace("&amp;", "&");
    grace.get(&next).await.expect(200).shows(&["user29", "rel=\"prev\""]).hides(&["user00", "rel=\"next\""]);
}
