//! Lists: filters as SQL, order, pages and totals.

use usher::scim::filter::{Attr, CompareOp, Filter, Literal, Node};
use usher::scim::list::{SortOrder, Start};

use super::*;

/// A filter under construction: its nodes, the last of which is the root.
#[derive(Clone)]
struct F(Vec<Node>);

impl F {
    fn join(self, other: F, node: fn(usize, usize) -> Node) -> F {
        let (left, shift) = (self.0.len() - 1, self.0.len());
        let mut nodes = self.0;
        nodes.extend(other.0.into_iter().map(|node| match node {
            Node::And(a, b) => Node::And(a + shift, b + shift),
            Node::Or(a, b) => Node::Or(a + shift, b + shift),
            Node::Not(a) => Node::Not(a + shift),
            Node::ValuePath(attr, a) => Node::ValuePath(attr, a + shift),
            leaf => leaf,
        }));
        let right = nodes.len() - 1;
        nodes.push(node(left, right));
        F(nodes)
    }

    fn and(self, other: F) -> F {
        self.join(other, Node::And)
    }

    fn or(self, other: F) -> F {
        self.join(other, Node::Or)
    }

    fn not(mut self) -> F {
        self.0.push(Node::Not(self.0.len() - 1));
        self
    }

    fn within(mut self, name: &str) -> F {
        self.0.push(Node::ValuePath(attr(name), self.0.len() - 1));
        self
    }
}

/// `name`, `name.sub` or `urn:…:name.sub`, as the parser would resolve it.
fn attr(path: &str) -> Attr {
    let (extension, path) = match path.rsplit_once(':') {
        Some((urn, path)) => (Some(urn.to_owned()), path),
        None => (None, path),
    };
    let (name, sub) = match path.split_once('.') {
        Some((name, sub)) => (name, Some(sub.to_owned())),
        None => (path, None),
    };
    let multi_valued = ["emails", "members", "groups", "phoneNumbers", "schemas"].contains(&name);
    let sub = sub.or_else(|| (multi_valued && name != "schemas").then(|| "value".to_owned()));
    let case_exact = ["id", "externalId"].contains(&name)
        || ["members", "groups", "manager"].contains(&name) && sub.as_deref() == Some("value");
    Attr { extension, name: name.into(), sub, multi_valued, case_exact }
}

fn f(path: &str, op: CompareOp, value: impl Into<Lit>) -> F {
    F(vec![Node::Compare(attr(path), op, value.into().0)])
}

fn present(path: &str) -> F {
    let mut attr = attr(path);
    attr.sub = path.split_once('.').map(|(_, sub)| sub.to_owned());
    F(vec![Node::Present(attr)])
}

struct Lit(Literal);

impl From<&str> for Lit {
    fn from(text: &str) -> Lit {
        Lit(Literal::Text(text.into()))
    }
}

impl From<bool> for Lit {
    fn from(value: bool) -> Lit {
        Lit(Literal::Bool(value))
    }
}

impl From<Timestamp> for Lit {
    fn from(at: Timestamp) -> Lit {
        Lit(Literal::Instant(at))
    }
}

fn query(filter: F) -> Query {
    let root = filter.0.len() - 1;
    Query { filter: Some(Filter { nodes: filter.0, root }), count: 100, ..Query::default() }
}

/// The ids found, as small numbers; the total must agree with them.
async fn found(world: &World, kind: Kind, query: &Query) -> Vec<u128> {
    let page = world.store.resources(world.root, kind, query, NOW).await.expect("a list");
    let ids: Vec<u128> = page.records.iter().map(|record| record.id.as_u128()).collect();
    assert_eq!(page.total, ids.len());
    let none = Query { count: 0, ..query.clone() };
    let counted = world.store.resources(world.root, kind, &none, NOW).await.expect("a count");
    assert_eq!((counted.total, counted.records.len()), (ids.len(), 0), "G-03");
    ids
}

const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value";

async fn world() -> World {
    let world = World::new().await;
    let users = [
        json!({ "userName": "Ada", "displayName": "Ada Lovelace", "externalId": "E-1", "title": "Countess",
            "name": { "familyName": "Lovelace", "givenName": "Ada" },
            "emails": [{ "value": "ada@x.test", "type": "work", "primary": true }, { "value": "ada@home.test", "type": "home" }],
            urn::ENTERPRISE_USER: { "manager": { "value": "m-1" } } }),
        json!({ "userName": "straße_1%", "displayName": "STRASSE", "externalId": "e-1", "active": false,
            "emails": [{ "value": "s@x.test", "type": "home" }] }),
        json!({ "userName": "eve", "name": { "familyName": "Łódź" }, "profileUrl": "" }),
        json!({ "userName": "a\"b'c\u{1F600}", "title": "countess of x" }),
    ];
    for (number, user) in (1..).zip(users) {
        world.user_with(world.root, number, user).await;
    }
    world.user(world.parent, 99, "Ada").await;
    world.group(world.root, 11, "Inner", &[1]).await;
    world.group(world.root, 12, "Outer", &[1, 2, 11]).await;
    world.group(world.root, 13, "empty", &[]).await;
    world
}

#[tokio::test]
async fn filters_on_users_find_what_scim_means() {
    use CompareOp::{Co, Eq, Ew, Ge, Gt, Le, Lt, Ne, Sw};
    let world = world().await;
    let all = vec![1, 2, 3, 4];
    let later = Timestamp(NOW.0 + 1);
    let one = id(1).to_string();
    for (name, filter, expected) in [
        ("eq folds", f("userName", Eq, "ADA"), vec![1]),
        ("eq folds by Unicode (F-15)", f("userName", Eq, "STRASSE_1%"), vec![2]),
        ("eq with quotes and emoji (F-20)", f("userName", Eq, "a\"b'c\u{1F600}"), vec![4]),
        ("eq of an exact attribute", f("externalId", Eq, "E-1"), vec![1]),
        ("id", f("id", Eq, one.as_str()), vec![1]),
        ("id that is none", f("id", Eq, "1 or 1=1"), vec![]),
        ("id ne", f("id", Ne, one.as_str()), vec![2, 3, 4]),
        ("id sw", f("id", Sw, "0000"), all.clone()),
        ("co", f("displayName", Co, "LOVE"), vec![1]),
        ("co takes % and _ as letters", f("userName", Co, "%"), vec![2]),
        ("sw", f("userName", Sw, "stras"), vec![2]),
        ("sw takes _ as a letter", f("userName", Sw, "_"), vec![]),
        ("ew", f("userName", Ew, "_1%"), vec![2]),
        ("ew longer than the value", f("userName", Ew, "xxxxxxxxeve"), vec![]),
        ("ne of an unset attribute is true (F-07)", f("title", Ne, "Countess"), vec![2, 3, 4]),
        ("not is the exact complement", f("title", Eq, "countess").not(), vec![2, 3, 4]),
        ("not not", f("title", Eq, "countess").not().not(), vec![1]),
        ("not over or", f("title", Co, "count").or(f("userName", Eq, "eve")).not(), vec![2]),
        ("not over and", f("title", Co, "count").and(f("userName", Eq, "ada")).not(), vec![2, 3, 4]),
        ("pr", present("title"), vec![1, 4]),
        ("pr of an empty string is false (F-14)", present("profileUrl"), vec![]),
        ("pr of a complex one", present("name"), vec![1, 3]),
        ("pr of a multi-valued one", present("emails"), vec![1, 2]),
        ("pr of its sub-attribute", present("emails.primary"), vec![1]),
        ("active is a default too (F-29)", f("active", Eq, true), vec![1, 3, 4]),
        ("inactive", f("active", Eq, false), vec![2]),
        ("a name's part", f("name.familyName", Eq, "łÓDŹ"), vec![3]),
        ("any value (F-07)", f("emails.type", Eq, "home"), vec![1, 2]),
        ("ne: any value differs", f("emails.type", Ne, "work"), vec![1, 2]),
        ("not eq: no value is", f("emails.type", Eq, "work").not(), vec![2, 3, 4]),
        ("emails means its value (F-08)", f("emails", Eq, "ADA@home.test"), vec![1]),
        ("emails co", f("emails", Co, "x.test"), vec![1, 2]),
        (
            "two elements may share the work (F-06)",
            f("emails.type", Eq, "work").and(f("emails.value", Eq, "ada@home.test")),
            vec![1],
        ),
        (
            "one element must do both",
            f("emails.type", Eq, "work").and(f("emails.value", Eq, "ada@home.test")).within("emails"),
            vec![],
        ),
        (
            "one element does both",
            f("emails.type", Eq, "home").and(f("emails.value", Eq, "ada@home.test")).within("emails"),
            vec![1],
        ),
        (
            "not inside an element",
            f("emails.type", Eq, "home").and(f("emails.primary", Eq, true).not()).within("emails"),
            vec![1, 2],
        ),
        ("a value path on a singular one", f("name.givenName", Eq, "ada").within("name"), vec![1]),
        ("its negation needs the attribute", f("name.givenName", Eq, "ada").not().within("name"), vec![3]),
        ("groups.value (F-26)", f("groups.value", Eq, &*id(12).to_string()), vec![1, 2]),
        ("groups.display", f("groups.display", Eq, "INNER"), vec![1]),
        ("groups pr", present("groups"), vec![1, 2]),
        ("manager", f(MANAGER, Eq, "m-1"), vec![1]),
        ("manager is exact", f(MANAGER, Eq, "M-1"), vec![]),
        ("created", f("meta.created", Ge, NOW).and(f("meta.created", Lt, later)), all.clone()),
        ("lastModified", f("meta.lastModified", Gt, NOW), vec![]),
        ("resource type", f("meta.resourceType", Eq, "User"), all.clone()),
        ("order of texts", f("userName", Le, "b"), vec![1, 4]),
        ("an extension (F-12)", F(vec![Node::Extension(urn::ENTERPRISE_USER.into())]), vec![1]),
        ("a schema (F-27)", F(vec![Node::Schema(urn::USER.to_uppercase())]), all.clone()),
        ("another schema", F(vec![Node::Schema(urn::GROUP.into())]), vec![]),
    ] {
        assert_eq!(found(&world, Kind::User, &query(filter)).await, expected, "{name}");
    }
}

#[tokio::test]
async fn filters_on_groups_see_their_members() {
    use CompareOp::{Co, Eq};
    let world = world().await;
    let [ada, inner, stranger] = [1, 11, 99].map(|number| id(number).to_string());
    for (name, filter, expected) in [
        ("displayName", f("displayName", Eq, "OUTER"), vec![12]),
        ("members.value of a user", f("members.value", Eq, ada.as_str()), vec![11, 12]),
        ("members means its value (Entra)", f("members", Eq, ada.as_str()), vec![11, 12]),
        ("members.value of a group", f("members.value", Eq, inner.as_str()), vec![12]),
        ("of another org's user", f("members.value", Eq, stranger.as_str()), vec![]),
        ("id and members.value (Entra)", f("id", Eq, inner.as_str()).and(f("members.value", Eq, ada.as_str())), vec![11]),
        ("members[value eq]", f("members.value", Eq, ada.as_str()).within("members"), vec![11, 12]),
        ("members.type", f("members.type", Eq, "Group"), vec![12]),
        ("one element", f("members.type", Eq, "Group").and(f("members.value", Eq, ada.as_str())).within("members"), vec![]),
        ("members.display", f("members.display", Co, "lovelace"), vec![11, 12]),
        ("no members", present("members").not(), vec![13]),
    ] {
        assert_eq!(found(&world, Kind::Group, &query(filter)).await, expected, "{name}");
    }
}

#[tokio::test]
async fn filters_on_invitations_see_the_status_of_the_moment() {
    use CompareOp::{Eq, Gt, Ne};
    let world = World::new().await;
    world.group(world.child, 12, "Partners", &[]).await;
    for (number, name) in [(1, "ada"), (2, "eve"), (3, "grace")] {
        let source = world.user(world.parent, number, name).await;
        let mut new = invitation(world.child, world.parent, source, number + 0x20, &[]);
        new.user_name = name.into();
        if number == 1 {
            new.groups = vec![invite::Group { id: group_id(12), display: "Partners".into(), exists: true, is_given: None }];
        }
        new.expires_at = Timestamp(NOW.0 + i64::try_from(number).expect("small") * 100);
        world
            .write(invite::Change::InvitationCreated { invitation: new, letter: Some(id(number)), quota: QUOTA })
            .await
            .expect("an invitation");
    }
    world.accept(world.child, 0x22, 9, NOW).await.expect("accepted");
    let at = Timestamp(NOW.0 + 150);
    for (name, filter, expected) in [
        ("pending", f("status", Eq, "pending"), vec![0x23]),
        ("expired", f("status", Eq, "expired"), vec![0x21]),
        ("not pending", f("status", Ne, "pending"), vec![0x21, 0x22]),
        ("accepted", f("status", Eq, "ACCEPTED"), vec![0x22]),
        ("userName", f("userName", Eq, "GRACE"), vec![0x23]),
        ("groups.value", f("groups.value", Eq, &*id(12).to_string()), vec![0x21]),
        ("expiresAt", f("expiresAt", Gt, Timestamp(NOW.0 + 200)), vec![0x23]),
        ("endedAt", present("endedAt"), vec![0x21, 0x22]),
        ("guest.value", f("guest.value", Eq, &*id(9).to_string()), vec![0x22]),
        ("delivery.state", f("delivery.state", Eq, "queued").and(f("status", Eq, "pending")), vec![0x23]),
        ("lastModified", f("meta.lastModified", Gt, NOW), vec![0x21]),
    ] {
        let page = world.store.resources(world.child, Kind::Invitation, &query(filter), at).await.expect("a list");
        assert_eq!(page.records.iter().map(|record| record.id.as_u128()).collect::<Vec<_>>(), expected, "{name}");
    }
    let all = world.store.resources(world.child, Kind::Invitation, &Query { count: 1, ..Query::default() }, at).await;
    assert_eq!(all.expect("a list").total, 3);
}

#[tokio::test]
async fn missing_values_sort_last_and_ties_by_id() {
    let world = world().await;
    for (by, expected) in [
        ("userName", [4, 1, 3, 2]),
        ("displayName", [1, 2, 3, 4]),
        ("name.familyName", [1, 3, 2, 4]),
        ("emails", [1, 2, 3, 4]),
        ("title", [1, 4, 2, 3]),
        ("active", [2, 1, 3, 4]),
        ("meta.created", [1, 2, 3, 4]),
        ("id", [1, 2, 3, 4]),
    ] {
        let sorted = async |order| {
            found(&world, Kind::User, &Query { sort: Some((attr(by), order)), count: 10, ..Query::default() }).await
        };
        assert_eq!(sorted(SortOrder::Ascending).await, expected, "O-03, O-06: {by}");
        let reversed: Vec<u128> = expected.into_iter().rev().collect();
        assert_eq!(sorted(SortOrder::Descending).await, reversed, "O-03: {by} descending");
    }
}

#[tokio::test]
async fn pages_follow_one_another_and_bring_what_refers_to_them() {
    let world = world().await;
    let page = async |offset, count| {
        let query = Query { start: Start::Offset(offset), count, references: true, ..Query::default() };
        let page = world.store.resources(world.root, Kind::User, &query, NOW).await.expect("a page");
        let seen = page.records.iter().map(|record| (record.id.as_u128(), record.references.len())).collect::<Vec<_>>();
        (page.total, seen)
    };
    assert_eq!(page(0, 2).await, (4, vec![(1, 2), (2, 1)]));
    assert_eq!(page(2, 2).await, (4, vec![(3, 0), (4, 0)]));
    assert_eq!(page(4, 2).await, (4, vec![]));
    assert_eq!(page(0, 0).await, (4, vec![]));
}

#[tokio::test]
async fn a_page_is_the_same_from_whichever_end_it_is_found() {
    // G-09: beyond the first hundred rows the nearer end is where the walk begins.
    let world = World::new().await;
    for number in 1..=230_u128 {
        let mut user = json!({ "userName": format!("user{number}") });
        if number % 3 > 0 {
            user["displayName"] = json!(format!("Name {}", number % 7));
        }
        world.user_with(world.root, number, user).await;
    }
    for sort in [None, Some((attr("displayName"), SortOrder::Ascending)), Some((attr("displayName"), SortOrder::Descending))] {
        let page = async |offset, count| {
            let query = Query { start: Start::Offset(offset), count, sort: sort.clone(), ..Query::default() };
            let page = world.store.resources(world.root, Kind::User, &query, NOW).await.expect("a page");
            assert_eq!(page.total, 230);
            let ids = page.records.iter().map(|record| record.id.as_u128()).collect::<Vec<_>>();
            (ids, page.has_more, page.keys.len())
        };
        let all = page(0, 300).await.0;
        assert_eq!(all.len(), 230);
        for offset in [0, 99, 100, 101, 114, 115, 130, 200, 228, 229, 230, 300] {
            for count in [1, 2, 50, 200] {
                let end = (offset + count).min(230);
                let expected = all.get(offset.min(end)..end).unwrap_or_default().to_vec();
                let length = expected.len();
                assert_eq!(page(offset, count).await, (expected, offset + count < 230, length), "{sort:?} {offset} {count}");
            }
        }
    }
}
