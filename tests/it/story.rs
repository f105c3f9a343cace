//! The whole story, from an identity provider's first sync to a guest in a group of the child, by way of a real letter.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{Answer, GROUP, Persona, Server, Tree, USER, answer, encode, http, text};
use crate::smtp::{Letter, Sink};

const MEMBERSHIP: &str = "urn:usher:scim:schemas:extension:membership:2.0:User";
pub(crate) const INVITE_REQUEST: &str = "urn:usher:scim:schemas:messages:2.0:InviteRequest";

/// A tree acme → partners → east, whose letters go to a mail server of our own.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) sink: Sink,
    pub(crate) child: String,
    grandchild: String,
}

impl Stage {
    pub(crate) fn new() -> Stage {
        let sink = Sink::start();
        let port = sink.address.port().to_string();
        let tree = Tree::new(&[
            ("USHER_MAIL__TRANSPORT", "smtp"),
            ("USHER_MAIL__HOST", "127.0.0.1"),
            ("USHER_MAIL__PORT", &port),
            ("USHER_MAIL__TLS", "none"),
            ("USHER_MAIL__FROM", "Usher <usher@acme.test>"),
        ]);
        let child = tree.org(&tree.root, "partners");
        let grandchild = tree.org(&child, "east");
        Stage { server: tree.serve(), sink, child, grandchild }
    }

    pub(crate) fn parent(&self) -> Persona {
        self.server.admin(&self.server.tree.root)
    }

    pub(crate) fn child(&self) -> Persona {
        self.server.admin(&self.child)
    }

    /// The next letters, by the address they went to.
    pub(crate) fn letters(&self, number: usize) -> BTreeMap<String, Letter> {
        let letters = (0..number).map(|_| self.sink.next());
        letters
            .map(|letter| {
                assert_eq!(letter.to.len(), 1, "one recipient a letter: {:?}", letter.to);
                (letter.to[0].clone(), letter)
            })
            .collect()
    }
}

/// The one who holds a link: a browser without a token.
struct Invitee(reqwest::Client);

impl Invitee {
    async fn open(&self, link: &str) -> Answer {
        answer(self.0.get(link)).await
    }

    /// Opens the page and presses the button whose form speaks of `verb`.
    async fn press(&self, link: &str, verb: &str) -> Answer {
        let page = self.open(link).await.expect(200);
        let form = form(&page.text, verb);
        let base = reqwest::Url::parse(link).expect("a link is a URL");
        let action = base.join(&form.action).expect("an action is a URL");
        let body: Vec<String> = form.fields.iter().map(|(k, v)| format!("{}={}", encode(k), encode(v))).collect();
        let request = self.0.post(action).header("content-type", "application/x-www-form-urlencoded").body(body.join("&"));
        let request = match page.header("set-cookie").and_then(|cookie| cookie.split(';').next()) {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        };
        answer(request.header("origin", base.origin().ascii_serialization())).await
    }
}

struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

/// The form that posts, and whose action or button names `verb`.
fn form(page: &str, verb: &str) -> Form {
    for form in page.split("<form").skip(1) {
        let form = form.split("</form>").next().unwrap_or_default();
        let head = form.split('>').next().unwrap_or_default();
        let posts = attribute(head, "method").is_some_and(|m| m.eq_ignore_ascii_case("post"));
        let mut fields = Vec::new();
        let mut action = attribute(head, "action").unwrap_or_default();
        let mut named = action.contains(verb);
        for tag in form.split('<').skip(1) {
            let tag = tag.split('>').next().unwrap_or_default();
            let field = attribute(tag, "name").map(|name| (name, attribute(tag, "value").unwrap_or_default()));
            let hidden = tag.starts_with("input") && attribute(tag, "type").as_deref() == Some("hidden");
            let speaks = field.as_ref().is_some_and(|(_, value)| value.contains(verb));
            let moves = attribute(tag, "formaction").filter(|action| action.contains(verb));
            if let Some(moved) = &moves {
                action.clone_from(moved);
            }
            let pressed = tag.starts_with("button") && (speaks || moves.is_some());
            named |= pressed;
            if hidden || pressed {
                fields.extend(field);
            }
        }
        if posts && named {
            return Form { action, fields };
        }
    }
    panic!("no form for {verb} in {page}");
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?;
    Some(value.replace("&amp;", "&").replace("&#x2f;", "/").replace("&#x3d;", "=").replace("&quot;", "\""))
}

/// The identity provider's own client: `client create`, then RFC 6749 §4.4.
async fn provider(server: &Server) -> Persona {
    let root = &server.tree.root;
    let made = server.tree.json(&["client", "create", "--org", root, "--scope", "users:read users:write"]);
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        encode(&text(&made, "client_id")),
        encode(&text(&made, "client_secret"))
    );
    let request = http().post(format!("{}/oauth2/token", server.url));
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
    let answer = answer(request).await.expect(200);
    assert_eq!(answer.body["token_type"], "Bearer");
    server.stranger("acme", root, Some(text(&answer.body, "access_token")))
}

pub(crate) fn person(name: &str) -> Value {
    json!({
        "schemas": [USER], "userName": name, "externalId": format!("ext-{name}"), "displayName": format!("{name} <of> Acme"),
        "name": { "givenName": name, "familyName": "Stone" }, "active": true, "title": "Buyer",
        "emails": [
            { "type": "home", "value": format!("{name}@home.test") },
            { "type": "work", "value": format!("{name}@acme.test"), "primary": true },
        ],
    })
}

#[tokio::test]
async fn an_idp_syncs_a_child_invites_a_letter_is_followed_and_a_guest_is_in_the_group() {
    let stage = Stage::new();
    let (parent, child, invitee) = (stage.parent(), stage.child(), Invitee(http()));

    // The identity provider brings three people into the root.
    let idp = provider(&stage.server).await;
    let mut ids = BTreeMap::new();
    for name in ["ada", "bob", "eve"] {
        ids.insert(name, idp.post("/Users", &person(name)).await.expect(201).id());
    }
    let before = parent.get(&format!("/Users/{}", ids["ada"])).await.expect(200);

    // The child invites them, a stranger, and one of them twice.
    let buyers = child.group("Buyers", &[]).await;
    let request = json!({
        "schemas": [INVITE_REQUEST],
        "userNames": ["ada", "nobody", "bob", "Ada", "eve"],
        "groups": [{ "value": buyers }],
        "message": "Welcome <b>aboard</b>",
        "expiresIn": 86400,
    });
    let invited = child.post("/Invitations/.invite", &request).await.expect(200);
    assert_eq!(invited.body["invited"], 3, "{}", invited.text);
    assert_eq!(invited.body["failed"], 2, "{}", invited.text);
    let results = invited.body["results"].as_array().expect("results");
    let told: Vec<Value> =
        results.iter().map(|line| json!([line["userName"], line["status"], line["error"]["code"]])).collect();
    assert_eq!(
        Value::from(told),
        json!([
            ["ada", "invited", null],
            ["nobody", "failed", "userNotInParent"],
            ["bob", "invited", null],
            ["Ada", "failed", "duplicateLine"],
            ["eve", "invited", null],
        ])
    );
    let ada_invitation = text(&results[0]["invitation"], "id");
    text(&results[0]["invitation"], "expiresAt");

    // Three letters, each to the primary address of one.
    let letters = stage.letters(3);
    assert_eq!(letters.keys().collect::<Vec<_>>(), ["ada@acme.test", "bob@acme.test", "eve@acme.test"]);
    let letter = &letters["ada@acme.test"];
    assert_eq!(letter.from, "usher@acme.test");
    let message = letter.parse();
    let (plain, html) = (message.body_text(0).expect("text"), message.body_html(0).expect("HTML"));
    assert!(plain.contains("Welcome <b>aboard</b>"), "{plain}");
    assert!(html.contains("Welcome &lt;b&gt;aboard") && !html.contains("<b>aboard"), "{html}");
    assert!(plain.contains("Buyers") && plain.contains("UTC"), "groups and the end are told: {plain}");
    assert_eq!(html.matches("<a ").count(), 1, "one link and no more (S-72): {html}");
    let link = letter.link();
    let home = format!("{}/t/acme/o/{}/invitations/{ada_invitation}?code=", stage.server.url, stage.child);
    assert!(link.starts_with(&home), "{link}");

    // A mail scanner opens the link, and nothing happens (V-38).
    for method in [Method::HEAD, Method::GET, Method::OPTIONS].iter().cycle().take(9) {
        let answer = answer(http().request(method.clone(), &link)).await;
        assert!(answer.status < 400 || *method == Method::OPTIONS, "{method}: {}", answer.status);
    }
    let pending = child.get(&format!("/Invitations/{ada_invitation}")).await.expect(200);
    assert_eq!(pending.body["status"], "pending");
    assert_eq!(pending.body["delivery"]["state"], "sent", "{}", pending.text);
    assert_eq!(child.get("/Users").await.expect(200).total(), 0);

    // S-68
    let page = invitee.open(&link).await.expect(200);
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert!(page.header("cache-control").is_some_and(|value| value.contains("no-store")));
    assert!(page.header("content-security-policy").is_some_and(|value| value.contains("frame-ancestors 'none'")));
    assert!(page.header("content-type").is_some_and(|value| value.starts_with("text/html")));

    // She accepts.
    invitee.press(&link, "accept").await.expect(200);
    let found = child.find("/Users", r#"userName eq "ada""#).await.expect(200);
    assert_eq!(found.total(), 1, "{}", found.text);
    let guest = found.body["Resources"][0].clone();
    let id = text(&guest, "id");
    assert_ne!(id, ids["ada"], "an id never crosses a border");
    assert_eq!(
        guest["groups"],
        json!([{ "value": buyers, "$ref": format!("{}/Groups/{buyers}", child.base), "display": "Buyers", "type": "direct" }])
    );
    let membership = &guest[MEMBERSHIP];
    assert_eq!(membership["type"], "guest");
    assert_eq!(membership["homeOrg"], stage.server.tree.root);
    assert_eq!(membership["sourceOrg"], stage.server.tree.root);
    assert_eq!(membership["invitation"], ada_invitation);
    assert!(membership["since"].is_string());
    assert_eq!(guest["schemas"], json!([USER, MEMBERSHIP]));
    for attribute in ["userName", "name", "displayName", "title", "emails", "active"] {
        assert_eq!(guest[attribute], before.body[attribute], "{attribute}");
    }
    assert_eq!(guest.get("externalId"), None, "the parent's externalId is the parent's");
    let members = child.get(&format!("/Groups/{buyers}")).await.expect(200).body["members"].clone();
    assert_eq!(members[0]["value"], id);
    assert_eq!(members[0]["type"], "User");
    let accepted = child.get(&format!("/Invitations/{ada_invitation}")).await.expect(200);
    assert_eq!(accepted.body["status"], "accepted");
    assert_eq!(accepted.body["guest"]["value"], id);

    // Her identity belongs to the parent (GitLab's CVE-2022-1680).
    for (path, value) in [
        ("displayName", json!("Mallory")),
        ("userName", json!("mallory")),
        ("emails", json!([{ "value": "m@evil.test" }])),
        ("password", json!("Stolen-horse-9")),
    ] {
        let operations = json!([{ "op": "replace", "path": path, "value": value }]);
        let refused = child.patch(&format!("/Users/{id}"), operations).await.expect_error(400, Some("mutability"));
        assert!(text(&refused.body, "detail").contains(path), "{}", refused.text);
    }
    let mut whole = guest.clone();
    whole["displayName"] = "Mallory".into();
    child.put(&format!("/Users/{id}"), &whole).await.expect_error(400, Some("mutability"));
    child.put(&format!("/Users/{id}"), &guest).await.expect(200);
    child.patch(&format!("/Users/{id}"), json!([{ "op": "replace", "path": "active", "value": false }])).await.expect(200);
    let after = parent.get(&format!("/Users/{}", ids["ada"])).await.expect(200);
    assert_eq!(after.text, before.text, "the parent's record");
    child.patch(&format!("/Users/{id}"), json!([{ "op": "replace", "path": "active", "value": true }])).await.expect(200);

    // What the parent changes shows at once.
    let rename = json!([{ "op": "replace", "path": "displayName", "value": "Ada S." }]);
    idp.patch(&format!("/Users/{}", ids["ada"]), rename).await.expect(200);
    assert_eq!(child.get(&format!("/Users/{id}")).await.expect(200).body["displayName"], "Ada S.");

    // The link is used.
    assert_eq!(invitee.open(&link).await.status, 410);
    let code = link.split("code=").nth(1).expect("a code");
    let nobody = stage.server.stranger("acme", &stage.child, None);
    nobody.post("/Invitations/.accept", &json!({ "code": code })).await.expect_error(410, None);
    nobody.post("/Invitations/.decline", &json!({ "code": code })).await.expect_error(410, None);

    // Eve declines, and that is that.
    let eve = letters["eve@acme.test"].link();
    invitee.press(&eve, "decline").await.expect(200);
    let filter = r#"status eq "declined""#;
    let declined = child.find("/Invitations", filter).await.expect(200);
    assert_eq!(declined.all("userName"), ["eve"]);
    assert_eq!(invitee.open(&eve).await.status, 410);
    assert_eq!(child.find("/Users", r#"userName eq "eve""#).await.expect(200).total(), 0);

    // When the parent lets her go, so does the child, and the group.
    parent.delete(&format!("/Users/{}", ids["ada"])).await.expect(204);
    child.get(&format!("/Users/{id}")).await.expect_error(404, None);
    assert_eq!(child.get(&format!("/Groups/{buyers}")).await.expect(200).body.get("members"), None);
    assert!(stage.sink.another_within(std::time::Duration::ZERO).is_none(), "no letter but those three");
}

#[tokio::test]
async fn only_the_immediate_parent_is_a_source() {
    let stage = Stage::new();
    let (parent, child) = (stage.parent(), stage.child());
    let grandchild = stage.server.admin(&stage.grandchild);
    for name in ["ada", "bob"] {
        parent.post("/Users", &person(name)).await.expect(201);
    }
    child.user("carl").await;

    // Of the grandparent: unknown here, in the same words as one who is nowhere.
    let invite = |name: &str| json!({ "schemas": [INVITE_REQUEST], "userNames": [name] });
    let ada = grandchild.post("/Invitations/.invite", &invite("ada")).await.expect(200).body;
    let ghost = grandchild.post("/Invitations/.invite", &invite("ghost")).await.expect(200).body;
    assert_eq!(ada["results"][0]["error"]["code"], "userNotInParent");
    assert_eq!(ada.to_string().replace("ada", "ghost"), ghost.to_string());

    // Of the child, downwards: carl is no user of acme.
    let up = parent.post("/Invitations/.invite", &invite("carl")).await.expect(400);
    assert!(text(&up.body, "detail").contains("parent"), "a root org is told why: {}", up.text);
    parent.post("/Invitations", &json!({ "userName": "carl" })).await.expect(400);

    // A guest of the child is a user there, so the grandchild may invite her; the chain ends at home.
    child.post("/Invitations/.invite", &invite("ada")).await.expect(200);
    let invitee = Invitee(http());
    invitee.press(&stage.sink.next().link(), "accept").await.expect(200);
    let deeper = grandchild.post("/Invitations/.invite", &invite("ada")).await.expect(200);
    assert_eq!(deeper.body["invited"], 1, "{}", deeper.text);
    invitee.press(&stage.sink.next().link(), "accept").await.expect(200);
    let guest = grandchild.find("/Users", r#"userName eq "ada""#).await.expect(200).body["Resources"][0].clone();
    assert_eq!(guest[MEMBERSHIP]["homeOrg"], stage.server.tree.root);
    assert_eq!(guest[MEMBERSHIP]["sourceOrg"], stage.child);

    // And she leaves both with the link between them.
    let middle = child.find("/Users", r#"userName eq "ada""#).await.expect(200).all("id").remove(0);
    child.delete(&format!("/Users/{middle}")).await.expect(204);
    assert_eq!(grandchild.get("/Users").await.expect(200).total(), 0);
    assert_eq!(parent.find("/Users", r#"userName eq "ada""#).await.expect(200).total(), 1, "she is still at home");
}

#[tokio::test]
async fn a_member_a_pending_one_and_an_inactive_one_are_not_invited_again() {
    let stage = Stage::new();
    let (parent, child, invitee) = (stage.parent(), stage.child(), Invitee(http()));
    for name in ["ada", "bob", "eve"] {
        parent.post("/Users", &person(name)).await.expect(201);
    }
    let eve = parent.find("/Users", r#"userName eq "eve""#).await.expect(200).all("id").remove(0);
    parent.patch(&format!("/Users/{eve}"), json!([{ "op": "replace", "path": "active", "value": false }])).await.expect(200);
    let mute = json!({ "schemas": [USER], "userName": "mute" });
    parent.post("/Users", &mute).await.expect(201);
    let missing = "019aa000-0000-7000-8000-00000000beef";
    let all = json!({ "schemas": [INVITE_REQUEST], "userNames": ["ada", "bob", "eve", "mute"] });
    let first = child.post("/Invitations/.invite", &all).await.expect(200);
    assert_eq!(first.body["invited"], 2, "{}", first.text);
    invitee.press(&stage.letters(2)["ada@acme.test"].link(), "accept").await.expect(200);
    let again = child.post("/Invitations/.invite", &all).await.expect(200);
    let codes: Vec<&str> = (0..4).filter_map(|n| again.body["results"][n]["error"]["code"].as_str()).collect();
    assert_eq!(codes, ["alreadyMember", "alreadyInvited", "userInactive", "noEmail"], "{}", again.text);
    parent.user("fay").await;
    let nowhere = json!({ "schemas": [INVITE_REQUEST], "userNames": ["fay"], "groups": [{ "value": missing }] });
    let lost = child.post("/Invitations/.invite", &nowhere).await.expect(200);
    assert_eq!(lost.body["results"][0]["error"]["code"], "groupNotFound", "{}", lost.text);
    let foreign = parent.group("Board", &[]).await;
    let stolen = json!({ "schemas": [INVITE_REQUEST], "userNames": ["fay"], "groups": [{ "value": foreign }] });
    let stolen = child.post("/Invitations/.invite", &stolen).await.expect(200);
    assert_eq!(
        stolen.body["results"][0]["error"]["code"], "groupNotFound",
        "a group of the parent is none here: {}",
        stolen.text
    );
    let nothing = json!({ "schemas": [INVITE_REQUEST], "userNames": ["fay"], "dryRun": true });
    child.post("/Invitations/.invite", &nothing).await.expect(200);
    assert_eq!(child.find("/Invitations", r#"userName eq "fay""#).await.expect(200).total(), 0, "a dry run writes nothing");
}

#[tokio::test]
async fn of_many_simultaneous_accepts_one_succeeds() {
    let stage = Stage::new();
    let (parent, child) = (stage.parent(), stage.child());
    parent.post("/Users", &person("ada")).await.expect(201);
    child.post("/Invitations", &json!({ "userName": "ada" })).await.expect(201);
    let link = stage.sink.next().link();
    let code = link.split("code=").nth(1).expect("a code").to_owned();
    let nobody = stage.server.stranger("acme", &stage.child, None);
    let tries = (0..50).map(|_| {
        let (nobody, body) = (nobody.clone(), json!({ "code": code }));
        tokio::spawn(async move { nobody.post("/Invitations/.accept", &body).await.status })
    });
    let mut statuses = BTreeMap::new();
    for one in tries.collect::<Vec<_>>() {
        *statuses.entry(one.await.expect("it ends")).or_insert(0) += 1;
    }
    assert_eq!(statuses.remove(&410), Some(49), "{statuses:?}");
    assert_eq!(statuses.into_values().sum::<i32>(), 1);
    assert_eq!(child.get("/Users").await.expect(200).total(), 1);
}

#[tokio::test]
async fn a_link_of_another_org_or_with_a_changed_code_opens_nothing() {
    let stage = Stage::new();
    let (parent, child) = (stage.parent(), stage.child());
    parent.post("/Users", &person("ada")).await.expect(201);
    let made = child.post("/Invitations", &json!({ "userName": "ada" })).await.expect(201);
    let link = stage.sink.next().link();
    let (path, code) = link.split_once("?code=").expect("a code");
    let elsewhere = link.replace(&stage.child, &stage.grandchild);
    let other_id = link.replace(&made.id(), "019aa000-0000-7000-8000-00000000beef");
    let flipped = if &code[30..31] == "A" { "B" } else { "A" };
    let forged = format!("{path}?code={}{flipped}{}", &code[..30], &code[31..]);
    for wrong in [&elsewhere, &other_id, &forged, &path.to_owned(), &format!("{path}?code="), &format!("{path}?code=%00")] {
        assert_eq!(answer(http().get(wrong)).await.status, 404, "{wrong}");
    }
    let grandchild = stage.server.stranger("acme", &stage.grandchild, None);
    grandchild.post("/Invitations/.accept", &json!({ "code": code })).await.expect_error(404, None);
    let seen = stage.server.stranger("acme", &stage.child, None);
    let seen = seen.post("/Invitations/.introspect", &json!({ "code": code })).await.expect(200);
    assert_eq!(seen.body["status"], "pending", "{}", seen.text);
    child.delete(&format!("/Invitations/{}", made.id())).await.expect(204);
    assert_eq!(answer(http().get(&link)).await.status, 404);
    assert_eq!(child.post("/Groups", &json!({ "schemas": [GROUP], "displayName": "x" })).await.status, 201);
}

/// M-01: a guest is itself where it is a guest; of itself, too, it can change `active` alone, and it can leave.
#[tokio::test]
async fn a_guest_looks_at_itself_and_leaves() {
    let stage = Stage::new();
    let (parent, child) = (stage.parent(), stage.child());
    let source = parent.post("/Users", &person("ada")).await.expect(201).id();
    child.post("/Invitations", &json!({ "userName": "ada" })).await.expect(201);
    Invitee(http()).press(&stage.sink.next().link(), "accept").await.expect(200);
    let guest = child.find("/Users", r#"userName eq "ada""#).await.expect(200).all("id").remove(0);

    let token = stage.server.tree.token_of("ada", &stage.child, crate::server::ALL_SCOPES);
    let ada = stage.server.stranger("acme", &stage.child, Some(token));
    let me = ada.get("/Me").await.expect(200);
    assert_eq!((me.id(), me.header("location")), (guest.clone(), Some(format!("{}/Users/{guest}", child.base).as_str())));
    let rename = json!([{ "op": "replace", "path": "displayName", "value": "x" }]);
    ada.patch("/Me", rename).await.expect_error(400, Some("mutability"));
    ada.delete("/Me").await.expect(204);
    assert_eq!(child.get("/Users").await.expect(200).total(), 0);
    assert_eq!(parent.get(&format!("/Users/{source}")).await.expect(200).body["active"], true, "the home user stays");
}
