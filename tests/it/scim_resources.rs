//! Resources seen from outside: what of a body is kept, what PUT and PATCH leave, and what lists and discovery tell.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{Answer, GROUP, Persona, Server, USER, answer, http, text};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
const UNKNOWN: &str = "019aa000-0000-7000-8000-00000000beef";

fn admin() -> (Server, Persona) {
    let server = Server::start();
    let admin = server.admin(&server.tree.root);
    (server, admin)
}

/// Creates a user with these attributes besides.
async fn named(admin: &Persona, user_name: &str, more: Value) -> Answer {
    let mut body = json!({ "schemas": [USER], "userName": user_name });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    admin.post("/Users", &body).await
}

/// S-35, S-37, S-43: all of the schema is kept. S-12, S-15, S-31, S-36: as it was sent, canonical or not.
#[tokio::test]
async fn every_attribute_of_a_user_comes_back_as_it_was_sent() {
    let (_server, admin) = admin();
    let sent = json!({
        "name": {
            "formatted": "Dr. Ada K. Stone II", "familyName": "Stone", "givenName": "Ada", "middleName": "K.",
            "honorificPrefix": "Dr.", "honorificSuffix": "II",
        },
        "displayName": "Ada", "nickName": "A", "profileUrl": "https://acme.test/ada", "title": "Pilot", "userType": "Crew",
        "preferredLanguage": "xx-Nowhere, en;q=0.2", "locale": "not_a_LOCALE", "timezone": "Mars/Olympus", "active": true,
        "emails": [
            { "value": "Ada@WORK.Test", "type": "work", "primary": true, "display": "at work" },
            { "value": "ada@yacht.test", "type": "yacht" },
        ],
        "phoneNumbers": [{ "value": "+1 (201) 555-0123", "type": "satellite" }],
        "ims": [{ "value": "ada", "type": "xmpp" }],
        "photos": [{ "value": "https://acme.test/ada.png", "type": "thumbnail" }],
        "addresses": [{ "type": "work", "streetAddress": "1 Quay", "locality": "Port", "region": "R", "postalCode": "7",
            "country": "Atlantis", "formatted": "1 Quay\nPort" }],
        "entitlements": [{ "value": "e1", "type": "t", "display": "E", "primary": true }],
        "roles": [{ "value": "captain" }],
        "x509Certificates": [{ "value": "MIIBAA==" }],
        ENTERPRISE: {
            "employeeNumber": "7", "costCenter": "c", "organization": "o", "division": "d", "department": "Deck",
        },
    });
    let made = named(&admin, "ada", sent.clone()).await.expect(201);
    let got = admin.get(&format!("/Users/{}", made.id())).await.expect(200);
    for (name, value) in sent.as_object().expect("an object") {
        assert_eq!(&got.body[name], value, "{name}");
    }
    let by_mail = admin.find("/Users", r#"emails.value eq "ada@work.test""#).await.expect(200);
    assert_eq!(by_mail.all("id"), [made.id()], "S-15: found by any spelling");
}

/// S-40, S-41, S-49, S-24: what no attribute of a user can be.
#[tokio::test]
async fn a_value_that_cannot_be_is_named() {
    let (_server, admin) = admin();
    for (attribute, value) in [
        ("x509Certificates", json!([{ "value": "not base64!" }])),
        ("photos", json!([{ "value": format!("data:image/png;base64,{}", "A".repeat(9000)) }])),
        ("title", json!("x".repeat(9000))),
        ("userName", json!("x".repeat(300))),
    ] {
        let refused = named(&admin, "ada", json!({ attribute: value })).await.expect_error(400, Some("invalidValue"));
        assert!(text(&refused.body, "detail").contains(attribute), "{}", refused.text);
    }
    // A member needs a `value`; a group needs no member.
    let group = json!({ "schemas": [GROUP], "displayName": "Crew", "members": [{ "display": "nobody" }] });
    admin.post("/Groups", &group).await.expect_error(400, Some("invalidValue"));
    admin.post("/Groups", &json!({ "schemas": [GROUP], "displayName": "Crew" })).await.expect(201);
}

/// S-44: a manager nobody knows may come later. S-48, S-47: schemas and attributes nobody knows are dropped.
#[tokio::test]
async fn what_nobody_knows_is_kept_as_a_reference_and_else_dropped() {
    let (_server, admin) = admin();
    let more = json!({
        "schemas": ["urn:nobody:2.0:User", USER, ENTERPRISE, "urn:ietf:params:scim:schemas:core:2.0:User"],
        "shoeSize": 43, "urn:nobody:2.0:User": { "x": 1 },
        ENTERPRISE: { "manager": { "value": "someone-later" } },
    });
    let made = named(&admin, "ada", more).await.expect(201);
    assert_eq!(made.body["schemas"], json!([USER, ENTERPRISE]));
    assert_eq!(made.body[ENTERPRISE]["manager"]["value"], "someone-later");
    assert!(made.body.get("shoeSize").is_none() && !made.text.contains("nobody"), "{}", made.text);
}

/// S-07
#[tokio::test]
async fn two_spellings_of_an_instant_are_one() {
    let (_server, admin) = admin();
    let made = named(&admin, "ada", json!({})).await.expect(201);
    let created = text(&made.body["meta"], "created");
    assert!(created.len() == "2026-01-01T00:00:00.000Z".len() && created.ends_with('Z'), "{created}");
    let at = chrono::DateTime::parse_from_rfc3339(&created).expect("a dateTime");
    let east = at.with_timezone(&chrono::FixedOffset::east_opt(2 * 3600).expect("a zone")).to_rfc3339();
    for spelled in [&*created, &east, created.trim_end_matches('Z')] {
        let found = admin.find("/Users", &format!("meta.created eq \"{spelled}\"")).await.expect(200);
        assert_eq!(found.total(), 1, "{spelled}");
        let later = admin.find("/Users", &format!("meta.created gt \"{spelled}\"")).await.expect(200);
        assert_eq!(later.total(), 0, "{spelled}");
    }
}

/// S-19, T-03: the client's own id of a resource, in its org.
#[tokio::test]
async fn an_external_id_minds_case_and_need_not_be_unique() {
    let (server, admin) = admin();
    let other = server.admin(&server.tree.org(&server.tree.root, "partners"));
    for (persona, name, external) in [(&admin, "a", "X1"), (&admin, "b", "X1"), (&admin, "c", "x1"), (&other, "a", "X1")] {
        named(persona, name, json!({ "externalId": external })).await.expect(201);
    }
    let found = admin.find("/Users", r#"externalId eq "X1""#).await.expect(200);
    assert_eq!(found.all("userName"), ["a", "b"]);
    assert_eq!(other.find("/Users", r#"externalId eq "X1""#).await.expect(200).total(), 1);
    let none = named(&admin, "d", json!({})).await.expect(201);
    assert_eq!(none.body.get("externalId"), None, "the server sets none");
}

/// S-17, U-01, U-02, U-05, U-06, P-29
#[tokio::test]
async fn put_replaces_all_patch_touches_what_it_names_and_neither_creates() {
    let (_server, admin) = admin();
    let more = json!({ "title": "Pilot", "externalId": "x", "active": false, "emails": [{ "value": "a@a.test" }] });
    let one = format!("/Users/{}", named(&admin, "ada", more).await.expect(201).id());
    let patched = admin.patch(&one, json!([{ "op": "replace", "path": "nickName", "value": "A" }])).await.expect(200);
    assert_eq!((&patched.body["title"], &patched.body["externalId"]), (&json!("Pilot"), &json!("x")), "untouched");
    let put = admin.put(&one, &json!({ "schemas": [USER], "userName": "ada", "displayName": "Ada" })).await.expect(200);
    for cleared in ["title", "externalId", "nickName", "emails"] {
        assert_eq!(put.body.get(cleared), None, "{cleared}");
    }
    assert_eq!(put.body["active"], false, "nobody comes back by omission");
    let got = admin.get(&one).await.expect(200);
    assert_eq!((&got.body, got.header("etag")), (&put.body, put.header("etag")), "U-06");
    admin.put(&one, &json!({ "schemas": [USER], "displayName": "x" })).await.expect_error(400, Some("invalidValue"));
    for endpoint in ["Users", "Groups"] {
        let schema = if endpoint == "Users" { USER } else { GROUP };
        let body = json!({ "schemas": [schema], "userName": "new", "displayName": "new" });
        admin.put(&format!("/{endpoint}/{UNKNOWN}"), &body).await.expect_error(404, None);
        let rename = json!([{ "op": "replace", "path": "displayName", "value": "new" }]);
        admin.patch(&format!("/{endpoint}/{UNKNOWN}"), rename).await.expect_error(404, None);
    }
    assert_eq!((admin.get("/Users").await.total(), admin.get("/Groups").await.total()), (1, 0), "nothing came of it");
}

/// P-32
#[tokio::test]
async fn an_attribute_under_two_spellings_is_refused() {
    let (_server, admin) = admin();
    let one = format!("/Users/{}", named(&admin, "ada", json!({})).await.expect(201).id());
    let twice = json!({ "emails": [{ "value": "a@a.test" }], "Emails": [{ "value": "b@a.test" }] });
    for op in ["add", "replace"] {
        admin.patch(&one, json!([{ "op": op, "value": twice }])).await.expect_error(400, Some("invalidSyntax"));
    }
    assert_eq!(admin.get(&one).await.expect(200).body.get("emails"), None);
}

/// C-08, C-12, C-13, H-05
#[tokio::test]
async fn a_user_is_found_inactive_or_asked_for_twice() {
    let (_server, admin) = admin();
    let made = named(&admin, "ada", json!({ "active": false })).await.expect(201);
    let one = format!("/Users/{}", made.id());
    assert_eq!(admin.get(&one).await.expect(200).body, made.body);
    assert_eq!(admin.get("/Users").await.expect(200).total(), 1);
    assert_eq!(admin.find("/Users", r#"userName eq "ada""#).await.expect(200).all("id"), [made.id()]);
    // C-13: a client that lost the answer learns from 409 and finds what it made.
    let again = named(&admin, "ada", json!({ "active": false })).await.expect_error(409, Some("uniqueness"));
    assert!(text(&again.body, "detail").contains("\"ada\""), "{}", again.text);
    assert_eq!(admin.get("/Users").await.expect(200).total(), 1);
    // C-08
    assert_eq!(admin.find(&one, r#"userName eq "somebody else""#).await.expect(200).body, made.body);
    admin.get(&format!("{one}.scim")).await.expect_error(404, None);
}

/// Q-01, Q-05, Q-08, A-12
#[tokio::test]
async fn every_type_can_be_listed_and_searched_and_a_resource_cannot() {
    let (server, root) = admin();
    let child = server.tree.org(&server.tree.root, "partners");
    let admin = server.admin(&child);
    root.user("eve").await;
    let user = admin.user("ada").await;
    let group = admin.group("Crew", &[&user]).await;
    admin.post("/Invitations", &json!({ "userName": "eve" })).await.expect(201);
    for (endpoint, attribute) in [("Users", "userName"), ("Groups", "displayName"), ("Invitations", "userName")] {
        let list = admin.get(&format!("/{endpoint}?attributes={attribute}")).await.expect(200);
        let resources = list.body["Resources"].as_array().expect("a list");
        assert_eq!((resources.len(), list.total()), (1, 1), "{endpoint}");
        let keys: BTreeSet<&str> = resources[0].as_object().expect("a resource").keys().map(String::as_str).collect();
        assert_eq!(keys, BTreeSet::from(["schemas", "id", attribute]), "{endpoint}");
        for attributes in [json!([attribute]), json!(attribute), json!(format!("{attribute},nothing"))] {
            let body = json!({ "schemas": [SEARCH], "attributes": attributes });
            assert_eq!(admin.post(&format!("/{endpoint}/.search"), &body).await.expect(200).body, list.body, "{attributes}");
        }
    }
    let body = json!({ "schemas": [SEARCH] });
    admin.post(&format!("/Groups/{group}/.search"), &body).await.expect_error(404, None);
    admin.post("/Nothing/.search", &body).await.expect_error(404, None);
}

/// D-09, O-07, F-34: what is announced is there, whole, of the right type, and kept.
#[tokio::test]
async fn the_configuration_can_be_read_strictly_and_says_the_truth() {
    let (_server, admin) = admin();
    let config = admin.get("/ServiceProviderConfig").await.expect(200).body;
    for (feature, members) in [
        ("patch", &[][..]),
        ("bulk", &["maxOperations", "maxPayloadSize"]),
        ("filter", &["maxResults"]),
        ("changePassword", &[]),
        ("sort", &[]),
        ("etag", &[]),
    ] {
        assert!(config[feature]["supported"].is_boolean(), "{feature}: {config}");
        for member in members {
            assert!(config[feature][member].is_u64(), "{feature}.{member}: {config}");
        }
    }
    for scheme in config["authenticationSchemes"].as_array().filter(|all| !all.is_empty()).expect("schemes") {
        for member in ["type", "name", "description"] {
            assert!(scheme[member].is_string(), "D-02: {scheme}");
        }
    }
    assert_eq!(config["sort"]["supported"], true);
    let most = usize::try_from(config["filter"]["maxResults"].as_u64().expect("a number")).expect("small");
    let makers = (0..16).map(|maker| {
        let admin = admin.clone();
        tokio::spawn(async move {
            for n in (maker..=most).step_by(16) {
                named(&admin, &format!("user{n:05}"), json!({})).await.expect(201);
            }
        })
    });
    for maker in makers.collect::<Vec<_>>() {
        maker.await.expect("made");
    }
    let page = admin.query("/Users", &[("filter", "userName pr"), ("count", "1000000")]).await.expect(200);
    assert_eq!((page.total(), page.all("id").len()), (most as u64 + 1, most));
    let sorted =
        admin.query("/Users", &[("sortBy", "userName"), ("sortOrder", "descending"), ("count", "2")]).await.expect(200);
    assert_eq!(sorted.all("userName"), [format!("user{most:05}"), format!("user{:05}", most - 1)]);
}

/// S-22, S-50, D-11: discovery has no `externalId`, no schema redefines what is common, and the RFC's own slips are mended.
#[tokio::test]
async fn the_published_schemas_are_consistent() {
    let (_server, admin) = admin();
    let schemas = admin.get("/Schemas").await.expect(200).body;
    let types = admin.get("/ResourceTypes").await.expect(200).body;
    let config = answer(admin.request(Method::GET, "/ServiceProviderConfig").header("if-none-match", "*")).await.expect(200);
    assert_eq!((config.header("etag"), config.body["meta"].get("version")), (None, None), "D-11");
    for document in [&schemas, &types] {
        for resource in document["Resources"].as_array().expect("a list") {
            assert_eq!(resource.get("externalId"), None, "{resource}");
        }
    }
    for schema in schemas["Resources"].as_array().expect("schemas") {
        for attribute in schema["attributes"].as_array().expect("attributes") {
            let name = text(attribute, "name").to_lowercase();
            assert!(!["id", "externalid", "meta", "schemas"].contains(&&*name), "{} in {}", name, schema["id"]);
        }
    }
    let config = admin.get("/Schemas/urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig").await.expect(200).body;
    let attributes = config["attributes"].as_array().expect("attributes");
    let schemes = attributes.iter().find(|one| one["name"] == "authenticationSchemes").expect("authenticationSchemes");
    let subs: BTreeSet<String> =
        schemes["subAttributes"].as_array().expect("sub-attributes").iter().map(|sub| text(sub, "name")).collect();
    for sub in ["type", "primary", "name", "description", "specUri", "documentationUri"] {
        assert!(subs.contains(sub), "erratum 8011: no {sub} in {subs:?}");
    }
}

/// H-03, E-04: whatever a client accepts it is answered, and never sent elsewhere.
#[tokio::test]
async fn any_accept_is_answered_and_nobody_is_redirected() {
    let (server, admin) = admin();
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
    for accept in ["application/scim+json", "application/json", "*/*", browser, "text/html", "application/scim+json, */*;q=0"] {
        let got = answer(admin.request(Method::GET, "/Users").header("accept", accept)).await.expect(200);
        assert_eq!(got.header("content-type"), Some("application/scim+json; charset=utf-8"), "{accept}");
        let refused = answer(admin.request(Method::GET, "/Users/x").header("accept", accept)).await;
        refused.expect_error(404, None);
    }
    for path in ["", "/", "/docs/", "/t/acme", "/healthz/", "//healthz", "/openapi.json/"] {
        let status = answer(http().get(format!("{}{path}", server.url))).await.status;
        assert!(!(300..400).contains(&status), "{path}: {status}");
    }
}

/// E-03: no word but those of RFC 7644 Table 9 and RFC 9865 §2.1.
#[tokio::test]
async fn every_scim_type_is_one_of_the_rfcs() {
    let words = BTreeSet::from([
        "invalidFilter",
        "tooMany",
        "uniqueness",
        "mutability",
        "invalidSyntax",
        "invalidPath",
        "noTarget",
        "invalidValue",
        "invalidVers",
        "sensitive",
        "invalidCursor",
        "expiredCursor",
        "invalidCount",
    ]);
    let (server, admin) = admin();
    let document = answer(http().get(format!("{}/openapi.json", server.url))).await.expect(200).body;
    let announced = document["components"]["schemas"]["ScimError"]["properties"]["scimType"]["enum"].as_array().cloned();
    for word in announced.expect("an enumeration") {
        assert!(words.contains(word.as_str().expect("a text")), "{word}");
    }
    let one = format!("/Users/{}", named(&admin, "ada", json!({})).await.expect(201).id());
    for (refused, word) in [
        (admin.find("/Users", "userName").await, "invalidFilter"),
        (named(&admin, "ada", json!({})).await, "uniqueness"),
        (admin.patch(&one, json!([{ "op": "replace", "path": "id", "value": "x" }])).await, "mutability"),
        (admin.patch(&one, json!([{ "op": "copy", "path": "title" }])).await, "invalidSyntax"),
        (admin.patch(&one, json!([{ "op": "add", "path": "1x", "value": "x" }])).await, "invalidPath"),
        (admin.patch(&one, json!([{ "op": "remove" }])).await, "noTarget"),
        (admin.query("/Users", &[("count", "x")]).await, "invalidValue"),
        (admin.get("/v1/Users").await, "invalidVers"),
    ] {
        assert_eq!(refused.body["scimType"], word, "{}", refused.text);
    }
}

/// W-05: what the IPSIE profile asks of a provider, step by step.
#[tokio::test]
async fn the_life_of_an_account_as_ipsie_has_it() {
    let (_server, admin) = admin();
    let emails = json!([{ "type": "work", "value": "ada@acme.test", "primary": true }]);
    let made = named(&admin, "ada", json!({ "externalId": "e1", "displayName": "Ada", "emails": emails })).await.expect(201);
    let one = format!("/Users/{}", made.id());
    for filter in [
        r#"userName eq "ada""#,
        r#"externalId eq "e1""#,
        r#"emails[value eq "ada@acme.test"]"#,
        r#"emails[type eq "work" and value eq "ada@acme.test"]"#,
    ] {
        assert_eq!(admin.find("/Users", filter).await.expect(200).all("id"), [made.id()], "{filter}");
    }
    for active in [false, true] {
        let change = json!([
            { "op": "replace", "path": "active", "value": active },
            { "op": "replace", "path": "displayName", "value": format!("Ada {active}") },
        ]);
        let changed = admin.patch(&one, change).await.expect(200);
        assert_eq!((&changed.body["active"], &changed.body["displayName"]), (&json!(active), &json!(format!("Ada {active}"))));
    }
    let mut crew = Vec::new();
    for n in 0..50 {
        crew.push(admin.user(&format!("crew{n}")).await);
    }
    let group = json!({ "schemas": [GROUP], "displayName": "Crew", "externalId": "g1" });
    let group = admin.post("/Groups", &group).await.expect(201).id();
    let each = |op: &str| -> Value {
        crew.iter()
            .map(|id| match op {
                "add" => json!({ "op": op, "path": "members", "value": [{ "value": id }] }),
                _ => json!({ "op": op, "path": format!("members[value eq \"{id}\"]") }),
            })
            .collect()
    };
    admin.patch(&format!("/Groups/{group}"), each("add")).await.expect(204);
    for filter in [r#"displayName eq "Crew""#, r#"externalId eq "g1""#, &format!("members[value eq \"{}\"]", crew[7])] {
        let found = admin.find("/Groups", filter).await.expect(200);
        assert_eq!(found.body["Resources"][0]["members"].as_array().map(Vec::len), Some(50), "{filter}");
    }
    admin.patch(&format!("/Groups/{group}"), each("remove")).await.expect(204);
    assert_eq!(admin.get(&format!("/Groups/{group}")).await.expect(200).body.get("members"), None, "an empty group");
    admin.delete(&one).await.expect(204);
    assert_ne!(named(&admin, "ada", json!({})).await.expect(201).id(), made.id(), "the same name again");
}

/// T-02, X-10, PI-02: two clients of one org, each with its own secret and tokens.
#[tokio::test]
async fn clients_of_one_org_work_side_by_side() {
    let (server, admin) = admin();
    let root = server.tree.root.clone();
    let one = format!("/Users/{}", named(&admin, "ada", json!({})).await.expect(201).id());
    for (attribute, value) in [("title", "Pilot"), ("nickName", "A")] {
        let client = server.tree.json(&["client", "create", "--org", &root, "--scope", "users:read users:write"]);
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            text(&client, "client_id"),
            text(&client, "client_secret")
        );
        let mut tokens = Vec::new();
        for _ in 0..2 {
            let request = http().post(format!("{}/oauth2/token", server.url));
            let request = request.header("content-type", "application/x-www-form-urlencoded").body(form.clone());
            tokens.push(text(&answer(request).await.expect(200).body, "access_token"));
        }
        let [first, second] =
            <[String; 2]>::try_from(tokens).expect("two").map(|token| server.stranger("acme", &root, Some(token)));
        first.get(&one).await.expect(200);
        second.patch(&one, json!([{ "op": "add", "path": attribute, "value": value }])).await.expect(200);
    }
    let got = admin.get(&one).await.expect(200);
    assert_eq!((&got.body["title"], &got.body["nickName"]), (&json!("Pilot"), &json!("A")));
}
