//! Clients and provisioning tokens: made, shown once, replaced and ended.

use super::*;

/// What stands between `before` and the next `<`.
fn after<'a>(page: &'a Page, before: &str) -> &'a str {
    page.html.split(before).nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_else(|| panic!("{before}: {}", page.html))
}

/// The first id in an address of the console.
fn id_of<'a>(page: &'a Page, folder: &str) -> &'a str {
    let ids = page.html.split(folder).skip(1).filter_map(|rest| rest.get(..36));
    ids.into_iter().find(|id| id.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())).expect("an id")
}

#[tokio::test]
async fn a_token_is_shown_once_with_what_to_paste_where_and_works() {
    let house = House::build().await;
    let home = house.console(&house.root);
    let grace = house.signed_in("grace", &house.root).await;
    let list = grace.get(&format!("{home}/access")).await.expect(200);
    list.shows(&["There are no clients.", "Create token", "Create client"]).hides(&["Admit"]);
    let form = grace
        .get(&format!("{home}/access/tokens/new"))
        .await
        .expect(200)
        .shows(&["value=\"users:read\" checked", "value=\"audit:read\">"]);
    let fields = [("name", "<b>Okta</b>"), ("scope", "users:read"), ("scope", "users:write"), ("days", "90")];
    let made = form.submit(&grace, "/access/tokens/new", &fields).await.expect(200);
    let made = made.shows(&["never again", "&lt;b&gt;Okta", "data-copy=\"ey", "Good until"]).hides(&["<b>Okta"]);
    let token = after(&made, "Token: <code>").to_owned();
    let base = format!("{}/t/acme/o/{}/scim2", house.server.url, house.root);
    for product in ["Okta", "Microsoft Entra ID", "OneLogin", "JumpCloud", "authentik", "Keycloak"] {
        let guide =
            made.html.split(&format!("<summary>{product}</summary>")).nth(1).and_then(|rest| rest.split("</details>").next());
        let guide = guide.unwrap_or_else(|| panic!("no guide for {product}"));
        assert!(guide.contains(&base) && guide.contains(&token) && guide.contains("userName"), "{product}: {guide}");
    }
    let provider = house.server.stranger("acme", &house.root, Some(token.clone()));
    provider.get("/Users").await.expect(200);
    provider.get("/Groups").await.expect(403);
    let page = grace
        .get(&format!("{home}/access"))
        .await
        .expect(200)
        .shows(&["&lt;b&gt;Okta", "users:read users:write"])
        .hides(&[&token]);
    let id = id_of(&page, "/access/tokens/").to_owned();
    grace
        .get(&format!("{home}/access/tokens/{id}"))
        .await
        .expect(200)
        .shows(&["What to paste where", "Revoke"])
        .hides(&[&token]);
}

#[tokio::test]
async fn a_token_is_replaced_with_overlap_and_revoked() {
    let house = House::build().await;
    let home = house.console(&house.root);
    let grace = house.signed_in("grace", &house.root).await;
    let api = house.server.admin(&house.root).api();
    let old = api.post("/tokens", &json!({ "name": "Entra", "scope": "users:read", "expiresIn": 86_400 })).await.expect(201);
    let (id, old) = (old.id(), old.body["token"].as_str().expect("a token").to_owned());
    let page =
        grace.get(&format!("{home}/access/tokens/{id}")).await.expect(200).shows(&["It expires soon", "Make a new token"]);
    grace.get(&format!("{home}/access")).await.expect(200).shows(&["Expires soon"]);
    page.submit(&grace, "/rotate", &[("overlap", "31")]).await.expect(400).shows(&["`overlap`", "role=\"alert\""]);
    page.submit(&grace, "/rotate", &[("overlap", "soon")]).await.expect(400).shows(&["`overlap`"]);
    let made = page.submit(&grace, "/rotate", &[("overlap", "7")]).await.expect(200);
    let new = after(&made, "Token: <code>").to_owned();
    for token in [&old, &new] {
        house.server.stranger("acme", &house.root, Some(token.clone())).get("/Users").await.expect(200);
    }
    let page =
        grace.get(&format!("{home}/access/tokens/{id}")).await.expect(200).shows(&["Replaced by"]).hides(&["Make a new token"]);
    let sure =
        grace.get(&format!("{home}/access/tokens/{id}/revoke")).await.expect(200).shows(&["Revoke Entra", "next request"]);
    house.server.stranger("acme", &house.root, Some(old.clone())).get("/Users").await.expect(200);
    let done = sure.submit(&grace, "/revoke", &[]).await.expect(303);
    grace.get(done.location()).await.expect(200).shows(&["Revoked."]);
    house.server.stranger("acme", &house.root, Some(old)).get("/Users").await.expect(401);
    house.server.stranger("acme", &house.root, Some(new)).get("/Users").await.expect(200);
    let again = page.form("/signout", &[]).1.into_iter().find(|(name, _)| name == "csrf").expect("a form's token").1;
    let late = grace.post(&format!("{home}/access/tokens/{id}/rotate"), &[("csrf", &again)]).await;
    assert!(matches!(late.status, 404 | 409), "{}", late.status);
}

#[tokio::test]
async fn a_client_gets_a_secret_another_one_and_an_end() {
    let house = House::build().await;
    let home = house.console(&house.root);
    let grace = house.signed_in("grace", &house.root).await;
    let form = grace.get(&format!("{home}/access/clients/new")).await.expect(200);
    let made = form.submit(&grace, "/access/clients/new", &[("name", "Sync"), ("scope", "users:read")]).await.expect(200);
    let made = made.shows(&["never again", "Token endpoint", &format!("{}/oauth2/token", house.server.url), "Token Endpoint"]);
    let (id, secret) = (after(&made, "Client id: <code>").to_owned(), after(&made, "Client secret: <code>").to_owned());
    let works = async |secret: &str| {
        let form = [("grant_type", "client_credentials"), ("client_id", id.as_str()), ("client_secret", secret)];
        house.visitor().post("/oauth2/token", &form).await.status
    };
    assert_eq!((works(&secret).await, works("wrong").await), (200, 401));
    let page =
        grace.get(&format!("{home}/access/clients/{id}")).await.expect(200).shows(&["A secret", "Delete"]).hides(&[&secret]);
    let rotated =
        page.submit(&grace, "/rotate", &[("overlap", "1")]).await.expect(200).shows(&["The secret before it is good until"]);
    let new = after(&rotated, "Client secret: <code>").to_owned();
    assert_eq!((works(&secret).await, works(&new).await), (200, 200));
    page.submit(&grace, "/rotate", &[("overlap", "0")]).await.expect(200);
    assert_eq!((works(&secret).await, works(&new).await), (401, 401));
    grace.get(&format!("{home}/access")).await.expect(200).shows(&["Sync", "1 client<"]);
    let sure = grace.get(&format!("{home}/access/clients/{id}/delete")).await.expect(200).shows(&["Delete Sync"]);
    let done = sure.submit(&grace, "/delete", &[]).await.expect(303);
    grace.get(done.location()).await.expect(200).shows(&["Deleted.", "There are no clients."]);
    grace.get(&format!("{home}/access/clients/{id}")).await.expect(404);
}

#[tokio::test]
async fn what_does_not_fit_is_told_on_the_form() {
    let house = House::build().await;
    let home = house.console(&house.root);
    let grace = house.signed_in("grace", &house.root).await;
    let client = grace.get(&format!("{home}/access/clients/new")).await.expect(200);
    for (fields, detail) in [
        ([("name", "\"N\""), ("jwks", "")], "at least one scope"),
        ([("scope", "users:read"), ("jwks", "{")], "`jwks` is no JSON"),
        ([("scope", "users:read"), ("jwks", "{\"keys\": []}")], "key"),
        ([("scope", "users:nothing"), ("jwks", "")], "users:nothing"),
    ] {
        client.submit(&grace, "/access/clients/new", &fields).await.expect(400).shows(&[
            "role=\"alert\"",
            detail,
            "id=\"f-name\"",
        ]);
    }
    let token = grace.get(&format!("{home}/access/tokens/new")).await.expect(200);
    for (days, detail) in [("401", "400 days"), ("0", "1 second"), ("many", "no number of days")] {
        let fields = [("scope", "users:read"), ("days", days)];
        let wrong = token.submit(&grace, "/access/tokens/new", &fields).await.expect(400);
        wrong
            .shows(&[detail, &format!("value=\"{days}\""), "value=\"users:read\" checked"])
            .hides(&["value=\"users:write\" checked"]);
    }
    grace.get(&format!("{home}/access")).await.expect(200).shows(&["There are no clients."]);
}

#[tokio::test]
async fn a_client_of_the_parent_is_admitted_and_turned_away() {
    let house = House::build().await;
    let home = house.console(&house.child);
    let grace = house.signed_in("grace", &house.root).await;
    let client =
        house.server.admin(&house.root).api().post("/clients", &json!({ "scope": "users:read" })).await.expect(201).id();
    grace.get(&format!("{home}/access")).await.expect(200).shows(&["Admit a client of the parent"]);
    let form = grace.get(&format!("{home}/access/clients/admit")).await.expect(200);
    let unknown = [("id", "01890a5d-ac96-774b-bcce-b302099a8057"), ("scope", "users:read")];
    form.submit(&grace, "/admit", &unknown).await.expect(400).shows(&["has no client with this id"]);
    let done = form.submit(&grace, "/admit", &[("id", &client), ("name", "Sync"), ("scope", "users:read")]).await.expect(303);
    grace
        .get(done.location())
        .await
        .expect(200)
        .shows(&["Client of the parent organization", "Turn away"])
        .hides(&["Another secret"]);
    let sure = grace.get(&format!("{home}/access/clients/{client}/delete")).await.expect(200).shows(&["Turn Sync away"]);
    sure.submit(&grace, "/delete", &[]).await.expect(303);
    house.server.admin(&house.root).api().get(&format!("/clients/{client}")).await.expect(200);
    grace.get(&format!("{home}/access/clients/{client}")).await.expect(404);
}

#[tokio::test]
async fn nobody_hands_out_what_he_does_not_hold_or_sees_what_he_may_not() {
    let house = House::build().await;
    let home = house.console(&house.root);
    let tina = house.reader("tina", "tokens:read tokens:write users:read").await;
    let page = tina
        .get(&format!("{home}/access"))
        .await
        .expect(200)
        .shows(&["Provisioning tokens", ">Access</a>"])
        .hides(&["<h2>Clients"]);
    let form = tina
        .get(&format!("{home}/access/tokens/new"))
        .await
        .expect(200)
        .shows(&["value=\"users:read\""])
        .hides(&["value=\"users:write\""]);
    form.submit(&tina, "/access/tokens/new", &[("scope", "users:write")]).await.expect(403).shows(&["users:write"]);
    let strong =
        house.server.admin(&house.root).api().post("/tokens", &json!({ "scope": "users:write" })).await.expect(201).id();
    let strong = tina.get(&format!("{home}/access/tokens/{strong}")).await.expect(200);
    strong.submit(&tina, "/rotate", &[("overlap", "1")]).await.expect(403).hides(&["never again"]);
    let csrf = page.form("/signout", &[]).1.into_iter().find(|(name, _)| name == "csrf").expect("a form's token").1;
    tina.get(&format!("{home}/access/clients/new")).await.expect(403);
    tina.post(&format!("{home}/access/clients/new"), &[("csrf", &csrf), ("scope", "users:read")]).await.expect(403);
    // What another org has is not there.
    let elsewhere = house.server.admin(&house.child).api();
    let token = elsewhere.post("/tokens", &json!({ "scope": "users:read" })).await.expect(201).id();
    let client = elsewhere.post("/clients", &json!({ "scope": "users:read" })).await.expect(201).id();
    let grace = house.signed_in("grace", &house.root).await;
    for address in [
        format!("tokens/{token}"),
        format!("tokens/{token}/revoke"),
        format!("clients/{client}"),
        format!("clients/{client}/delete"),
    ] {
        grace.get(&format!("{home}/access/{address}")).await.expect(404);
    }
    let csrf =
        grace.get(&home).await.form("/signout", &[]).1.into_iter().find(|(name, _)| name == "csrf").expect("a form's token").1;
    for address in [
        format!("tokens/{token}/revoke"),
        format!("tokens/{token}/rotate"),
        format!("clients/{client}/delete"),
        format!("clients/{client}/rotate"),
    ] {
        grace.post(&format!("{home}/access/{address}"), &[("csrf", &csrf)]).await.expect(404);
    }
    elsewhere.get(&format!("/tokens/{token}")).await.expect(200);
    let ada = house.signed_in("ada", &house.root).await;
    ada.get(&format!("{home}/access")).await.expect(403);
    ada.get(&home).await.expect(200).hides(&[">Access</a>"]);
}

#[tokio::test]
async fn long_lists_are_paged_each_for_itself() {
    let house = House::build().await;
    let api = house.server.admin(&house.root).api();
    for number in 0..27 {
        api.post("/clients", &json!({ "name": format!("c{number:02}"), "scope": "users:read" })).await.expect(201);
    }
    let grace = house.signed_in("grace", &house.root).await;
    let page = grace.get(&format!("{}/access?tokens=0", house.console(&house.root))).await.expect(200);
    let page = page.shows(&["27 clients", ">c24<", "rel=\"next\""]).hides(&[">c25<", "rel=\"prev\""]);
    let next = page.html.split("rel=\"next\" href=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a link");
    let next = grace.get(&next.replace("&amp;", "&")).await.expect(200);
    next.shows(&[">c26<", "rel=\"prev\"", "tokens=0"]).hides(&[">c24<", "rel=\"next\""]);
    let beyond = grace.get(&format!("{}/access?clients={}", house.console(&house.root), u64::MAX)).await.expect(200);
    beyond.hides(&["rel=\"next\""]);
}
