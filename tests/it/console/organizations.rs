//! The tree of organizations: looking, making, changing, moving and ending them.

use super::*;

const ORGANIZATION: &str = "urn:usher:scim:schemas:core:2.0:Organization";

/// A new org below `parent`, made by a machine of the root; its id.
async fn org(house: &House, parent: &str, handle: &str, name: &str) -> String {
    let body = json!({ "schemas": [ORGANIZATION], "handle": handle, "name": name, "parent": { "value": parent } });
    house.server.admin(&house.root).post("/Organizations", &body).await.expect(201).id()
}

async fn get(house: &House, org: &str) -> Value {
    house.server.admin(&house.root).get(&format!("/Organizations/{org}")).await.expect(200).body
}

#[tokio::test]
async fn the_tree_is_shown_level_by_level_and_searched_as_a_whole() {
    let house = House::build().await;
    let shops = org(&house, &house.child, "shops", "Shops").await;
    let east = org(&house, &shops, "east", "<b>East</b>").await;
    let pages = format!("{}/organizations", house.console(&house.root));
    let grace = house.signed_in("grace", &house.root).await;
    let tree = grace.get(&pages).await.expect(200).shows(&["Partners", "Shops", "1 child organization<", "Active"]);
    let tree = tree.shows(&[&format!("href=\"{pages}?under={shops}&amp;depth=2\">Open Shops</a>")]);
    // Grace is a guest of the one, and nobody in the other.
    let tree = tree.shows(&[&format!("href=\"{}\">Switch", house.console(&house.child))]);
    tree.hides(&["East", &format!("href=\"{}\">Switch", house.console(&shops))]);
    let all = grace.get(&format!("{pages}?depth=3")).await.expect(200);
    all.shows(&["&lt;b&gt;East&lt;/b&gt;"]).hides(&["<b>East", "Open "]);
    let branch = grace.get(&format!("{pages}?under={shops}")).await.expect(200);
    branch.shows(&["aria-label=\"Branch\"", &format!("{pages}?under={}\">Partners", house.child), &east]);
    grace.get(&format!("{pages}?under={east}")).await.expect(200).shows(&["No organization stands below"]);
    let found = grace.get(&format!("{pages}?q=EAST")).await.expect(200);
    found.shows(&[&east, "acme › Partners › Shops", "1 organization<"]).hides(&[&format!("href=\"{pages}/{}\"", house.child)]);
    grace.get(&format!("{pages}?q=hasChildren+eq+true")).await.expect(200).shows(&["SCIM filter", "2 organizations"]);
    grace.get(&format!("{pages}?q=name+xx+%22a%22")).await.expect(400).shows(&["role=\"alert\""]);
    // From below, what stands above or beside is not there.
    let below = format!("{}/organizations", house.console(&house.child));
    grace.get(&format!("{below}?q=acme")).await.expect(200).shows(&["No organization matches"]);
    grace.get(&format!("{below}/{}/move", house.child)).await.expect(403).shows(&["from one above it"]);
    for elsewhere in [&house.root, "01890a5d-ac96-774b-bcce-b302099a8057", "x"] {
        for tail in [format!("?under={elsewhere}"), format!("/{elsewhere}"), format!("/{elsewhere}/delete")] {
            grace.get(&format!("{below}{tail}")).await.expect(404);
        }
    }
}

#[tokio::test]
async fn a_long_level_is_paged_and_its_branches_are_bounded() {
    let house = House::build().await;
    for number in 0..27 {
        org(&house, &house.root, &format!("o-{number:02}"), &format!("Org {number:02}")).await;
    }
    let pages = format!("{}/organizations", house.console(&house.root));
    let grace = house.signed_in("grace", &house.root).await;
    let page = grace
        .get(&format!("{pages}?depth=1"))
        .await
        .expect(200)
        .shows(&["28 child organizations", "Org 24"])
        .hides(&["Org 25"]);
    let next = page.html.split("rel=\"next\" href=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a link");
    let next = grace.get(&next.replace("&amp;", "&")).await.expect(200);
    next.shows(&["Org 26", "Partners", "depth=1&amp;cursor="]).hides(&["Org 24"]);
}

#[tokio::test]
async fn who_makes_one_becomes_its_administrator_and_can_switch_to_it() {
    let house = House::build().await;
    let home = house.console(&house.root);
    let grace = house.signed_in("grace", &house.root).await;
    let form = grace.get(&format!("{home}/organizations/new")).await.expect(200).shows(&["below acme", "first administrator"]);
    let wrong =
        form.submit(&grace, "/organizations/new", &[("name", "The \"Shops\""), ("handle", "The Shops")]).await.expect(400);
    let wrong =
        wrong.shows(&["role=\"alert\"", "lower-case letters", "value=\"The Shops\"", "value=\"The &quot;Shops&quot;\""]);
    wrong.submit(&grace, "/organizations/new", &[("name", ""), ("handle", "partners")]).await.expect(409).shows(&["partners"]);
    let made = wrong.submit(&grace, "/organizations/new", &[("name", "Shops"), ("handle", "shops")]).await.expect(303);
    let page = grace.get(made.location()).await.expect(200).shows(&["Created.", "Shops", "Switch"]);
    let id = made.location().split(['/', '?']).find(|part| part.len() == 36 && *part != house.root).expect("its id").to_owned();
    page.shows(&[&format!("href=\"{}\">Switch", house.console(&id))]);
    grace.get(&house.console(&id)).await.expect(200).shows(&["<strong>1</strong> users"]);
    assert_eq!(get(&house, &id).await["name"], "Shops");
    // Further down nobody is there yet, and the page says so.
    let below = grace.get(&format!("{home}/organizations/new?parent={id}")).await.expect(200);
    let below = below.shows(&["below Shops"]).hides(&["first administrator"]);
    let made = below.submit(&grace, "/organizations/new", &[("handle", "west")]).await.expect(303);
    grace.get(made.location()).await.expect(200).shows(&["west"]).hides(&[">Switch</a>"]);
    grace.get(&format!("{home}/organizations/new?parent={}", house.root)).await.expect(200).shows(&["first administrator"]);
}

#[tokio::test]
async fn name_and_attributes_are_changed_from_above_only() {
    let house = House::build().await;
    let grace = house.signed_in("grace", &house.root).await;
    let address = format!("{}/organizations/{}", house.console(&house.root), house.child);
    let page = grace.get(&address).await.expect(200).shows(&["Name of attribute 3", "partners", "Deactivate"]);
    let action = format!("/organizations/{}", house.child);
    let fields = [
        ("name", "Partners & <i>friends</i>"),
        ("type", "region"),
        ("value", "EMEA, \"all\""),
        ("type", ""),
        ("value", ""),
        ("type", "tier"),
        ("value", "1"),
    ];
    let saved = page.submit(&grace, &action, &fields).await.expect(303);
    grace.get(saved.location()).await.expect(200).shows(&[
        "Saved.",
        "&lt;i&gt;friends",
        "EMEA, &quot;all&quot;",
        "attribute 5",
    ]);
    let org = get(&house, &house.child).await;
    assert_eq!(org["name"], "Partners & <i>friends</i>");
    let pairs = json!([{ "type": "region", "value": "EMEA, \"all\"" }, { "type": "tier", "value": "1" }]);
    assert_eq!(org["attributes"], pairs);
    // What was shown is no longer what is there.
    let stale = page.submit(&grace, &action, &[("name", "Late")]).await.expect(412);
    stale.shows(&["role=\"alert\"", "value=\"Late\""]);
    let page = grace.get(&address).await.expect(200);
    let twice = [("name", "P"), ("type", "a"), ("value", "1"), ("type", "a"), ("value", "2")];
    page.submit(&grace, &action, &twice).await.expect(400).shows(&["twice", "value=\"2\""]);
    page.submit(&grace, &action, &[("name", "Partners")]).await.expect(303);
    assert_eq!(get(&house, &house.child).await.get("attributes"), None);
    let own = grace.get(&format!("{}/organizations/{}", house.console(&house.child), house.child)).await.expect(200);
    own.shows(&["changed from one above it"]).hides(&["<h2>Name", "Deactivate"]);
}

#[tokio::test]
async fn one_is_deactivated_with_what_is_below_and_opened_again() {
    let house = House::build().await;
    org(&house, &house.child, "shops", "Shops").await;
    let grace = house.signed_in("grace", &house.root).await;
    let address = format!("{}/organizations/{}", house.console(&house.root), house.child);
    let sure = grace.get(&format!("{address}/deactivate")).await.expect(200).shows(&["1 organization below"]);
    assert_eq!(get(&house, &house.child).await["active"], true, "GET changes nothing");
    let done = sure.submit(&grace, "/deactivate", &[]).await.expect(303);
    assert_eq!(get(&house, &house.child).await["active"], false);
    let page =
        grace.get(done.location()).await.expect(200).shows(&["Inactive", "Activate"]).hides(&["Switch</a>", "/deactivate"]);
    let tree = grace.get(&format!("{}/organizations", house.console(&house.root))).await.expect(200);
    tree.shows(&["Shut: an organization above it is inactive"]);
    grace.get(&house.console(&house.child)).await.expect(404);
    page.submit(&grace, "/activate", &[]).await.expect(303);
    grace.get(&house.console(&house.child)).await.expect(200);
}

#[tokio::test]
async fn a_deletion_tells_what_goes_and_wants_the_handle() {
    let house = House::build().await;
    let shops = org(&house, &house.child, "shops", "Shops").await;
    person(&house.server.admin(&house.child), "bob").await;
    let grace = house.signed_in("grace", &house.root).await;
    let address = format!("{}/organizations/{}/delete", house.console(&house.root), house.child);
    let sure = grace.get(&address).await.expect(200);
    let sure = sure.shows(&["1 user<", "1 guest<", "1 group<", "everything below it: 1 organization.", "Type its handle"]);
    sure.submit(&grace, "/delete", &[("handle", "acme"), ("recursive", "yes")])
        .await
        .expect(400)
        .shows(&["type its handle: partners"]);
    let held = sure.submit(&grace, "/delete", &[("handle", "partners")]).await.expect(409);
    held.shows(&["role=\"alert\"", "value=\"partners\""]);
    get(&house, &shops).await;
    let gone = sure.submit(&grace, "/delete", &[("handle", "partners"), ("recursive", "yes")]).await.expect(303);
    grace.get(gone.location()).await.expect(200).shows(&["Deleted.", "No organization stands below acme"]);
    house.server.admin(&house.root).get(&format!("/Organizations/{shops}")).await.expect(404);
    grace.get(&address).await.expect(404);
}

#[tokio::test]
async fn a_move_shows_what_it_ends_before_it_does() {
    let house = House::build().await;
    let shops = org(&house, &house.root, "shops", "Shops").await;
    let leaf = org(&house, &house.child, "leaf", "Leaf").await;
    let grace = house.signed_in("grace", &house.root).await;
    let address = format!("{}/organizations/{}/move", house.console(&house.root), house.child);
    // Not under itself, nor where it stands.
    let choice = grace.get(&address).await.expect(200).shows(&[&shops, "below acme"]).hides(&[&leaf, "this organization"]);
    choice.hides(&[&format!("value=\"{}\"", house.child)]);
    grace.get(&format!("{address}?q=sho")).await.expect(200).shows(&[&shops]);
    grace.get(&format!("{address}?q=none")).await.expect(200).shows(&["no other place"]);
    let sure = grace.get(&format!("{address}?parent={shops}")).await.expect(200).shows(&["below Shops", "1 guest<"]);
    assert_eq!(get(&house, &house.child).await["parent"]["value"], house.root.as_str(), "GET changes nothing");
    grace.get(&format!("{address}?parent={leaf}")).await.expect(400).shows(&["role=\"alert\"", "New parent"]);
    grace.get(&format!("{address}?parent=01890a5d-ac96-774b-bcce-b302099a8057")).await.expect(404);
    let moved = sure.submit(&grace, "/move", &[]).await.expect(303);
    grace.get(moved.location()).await.expect(200).shows(&["Moved.", "Shops"]).hides(&["Switch</a>"]);
    assert_eq!(get(&house, &house.child).await["parent"]["value"], shops.as_str());
    grace.get(&address).await.expect(200).shows(&["this organization"]);
}

#[tokio::test]
async fn who_may_only_look_is_offered_no_more_and_refused_the_rest() {
    let house = House::build().await;
    let home = house.console(&house.root);
    let reader = house.reader("rita", "organizations:read").await;
    reader.get(&format!("{home}/organizations")).await.expect(200).shows(&["Partners"]).hides(&["Create organization"]);
    let page =
        reader.get(&format!("{home}/organizations/{}", house.child)).await.expect(200).hides(&["Deactivate", "<h2>Name"]);
    let csrf = page.form("/signout", &[]).1.into_iter().find(|(name, _)| name == "csrf").expect("a form's token").1;
    for tail in [
        "new".to_owned(),
        format!("{}/delete", house.child),
        format!("{}/move", house.child),
        format!("{}/deactivate", house.child),
    ] {
        reader.get(&format!("{home}/organizations/{tail}")).await.expect(403);
        let fields = [("csrf", csrf.as_str()), ("handle", "partners"), ("parent", &house.child)];
        reader.post(&format!("{home}/organizations/{tail}"), &fields).await.expect(403).shows(&["organizations:write"]);
    }
    reader.post(&format!("{home}/organizations/{}", house.child), &[("csrf", &csrf), ("name", "x")]).await.expect(403);
    assert_eq!(get(&house, &house.child).await["name"], "Partners");
    let ada = house.signed_in("ada", &house.root).await;
    ada.get(&home).await.expect(200).hides(&[">Organizations</a>"]);
    ada.get(&format!("{home}/organizations")).await.expect(403);
}
