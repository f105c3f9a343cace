//! SQL and the evaluator in memory give the same answer to the same filter, on random users, groups, invitations and organizations.

use std::collections::BTreeSet;

use proptest::prelude::*;
use usher::scim::{Profile, ResourceType, Schemas, filter, render};

use super::*;

/// Texts that differ in case, folding, wildcards and quotes, and are prefixes of one another.
const TEXTS: [&str; 14] = ["", "a", "A", "ab", "aB", "b", "ß", "SS", "é", "E\u{301}", "%", "_", "a\"'", "\u{10FFFF}x"];

fn text() -> impl Strategy<Value = String> {
    prop::sample::select(TEXTS.as_slice()).prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = String> {
    text().prop_filter("documents hold no empty texts", |text| !text.is_empty())
}

fn user() -> impl Strategy<Value = Value> {
    let email = (prop::option::of(value()), prop::option::of(prop::sample::select(vec!["work", "home"])), any::<bool>());
    let some = prop::collection::vec(prop::option::of(value()), 6);
    (some, any::<bool>(), prop::collection::vec(email, 0..3)).prop_map(|(some, active, emails)| {
        let mut user = json!({});
        for (name, value) in ["displayName", "title", "externalId"].iter().zip(&some) {
            if let Some(value) = value {
                user[*name] = json!(value);
            }
        }
        for (name, value) in ["familyName", "givenName"].iter().zip(&some[3..]) {
            if let Some(value) = value {
                user["name"][*name] = json!(value);
            }
        }
        if let Some(manager) = &some[5] {
            user[urn::ENTERPRISE_USER] = json!({ "manager": { "value": manager } });
        }
        // Every user that `directory` lets in has it (F-29).
        user["active"] = json!(active);
        for (value, kind, primary) in emails {
            let mut email = json!({});
            for (name, value) in [("value", value.map(Value::from)), ("type", kind.map(Value::from))] {
                if let Some(value) = value {
                    email[name] = value;
                }
            }
            if primary {
                email["primary"] = json!(true);
            }
            let is_something = email.as_object().is_some_and(|email| !email.is_empty());
            if is_something {
                match user.get_mut("emails").and_then(Value::as_array_mut) {
                    Some(emails) => emails.push(email),
                    None => user["emails"] = json!([email]),
                }
            }
        }
        user
    })
}

fn comparison(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let op = prop::sample::select(vec!["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]);
    (prop::sample::select(names), op, text()).prop_map(|(name, op, text)| format!("{name} {op} {}", json!(text)))
}

/// The same attributes by their whole names, and in another case (F-02, F-11).
fn renamed(filter: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let head = prop::sample::select(vec!["", "urn:ietf:params:scim:schemas:core:2.0:User:"]);
    (filter, head, any::<bool>()).prop_map(|(filter, head, is_loud)| match filter.split_once(' ') {
        Some((name, rest)) if is_loud => format!("{}{} {rest}", head.to_uppercase(), name.to_uppercase()),
        _ => format!("{head}{filter}"),
    })
}

/// Orders and equality of what is no text, `values` and what lies between.
fn ordered(names: &'static [&'static str], values: Vec<String>) -> impl Strategy<Value = String> {
    let op = prop::sample::select(vec!["eq", "ne", "gt", "ge", "lt", "le"]);
    let value = prop::sample::select(values);
    (prop::sample::select(names), op, value).prop_map(|(name, op, value)| format!("{name} {op} {value}"))
}

/// Instants about `NOW`, a second before and after, in several spellings (F-21).
fn instants() -> Vec<String> {
    ["00:16:39Z", "00:16:40", "00:16:40.000Z", "01:16:40+01:00", "00:16:40.500Z", "00:16:41Z", "00:17:00.001Z"]
        .map(|time| format!("\"1970-01-01T{time}\""))
        .into()
}

fn inside() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        comparison(&["value", "type"]),
        Just("primary eq true".to_owned()),
        Just("primary ne true".to_owned()),
        Just("value pr".to_owned()),
        Just("type eq \"work\"".to_owned()),
    ];
    combined(leaf)
}

fn combined(leaf: impl Strategy<Value = String> + 'static) -> impl Strategy<Value = String> {
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

fn any_filter() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => comparison(&["userName", "displayName", "title", "externalId", "name.familyName", "name.givenName", "nickName",
            "emails", "emails.value", "emails.type", "id", "groups.display",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value"]),
        1 => prop::sample::select(vec!["title pr", "name pr", "emails pr", "emails.type pr", "emails.primary pr", "groups pr",
            "active eq true", "active ne false", "active eq null", "title eq null",
            "emails.primary eq true", "emails.primary ne true", "emails.primary eq false",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User pr",
            "meta.resourceType eq \"User\"", "groups.value eq \"00000000-0000-0000-0000-000000000070\"",
            "id eq \"00000000-0000-0000-0000-000000000002\"", "id ne \"00000000-0000-0000-0000-000000000002\"",
            "groups[display eq \"staff\" and type eq \"direct\"]"])
            .prop_map(str::to_owned),
        1 => renamed(comparison(&["userName", "displayName", "title", "externalId", "name.givenName", "emails", "emails.value"])),
        1 => ordered(&["meta.created", "meta.lastModified"], instants()),
        2 => inside().prop_map(|inside| format!("emails[{inside}]")),
        1 => combined(comparison(&["familyName", "givenName"])).prop_map(|inside| format!("name[{inside}]")),
    ];
    combined(leaf)
}

fn any_group_filter() -> impl Strategy<Value = String> {
    let members = || {
        prop_oneof![
            comparison(&["display", "type", "value"]),
            prop::sample::select(vec![
                "value eq \"00000000-0000-0000-0000-000000000001\"",
                "value ne \"00000000-0000-0000-0000-000000000001\"",
                "value eq \"00000000-0000-0000-0000-000000000070\"",
                "type eq \"Group\"",
                "type ne \"Group\"",
                "display pr",
            ])
            .prop_map(str::to_owned),
        ]
    };
    combined(prop_oneof![
        2 => comparison(&["displayName", "externalId", "id"]),
        2 => members().prop_map(|inside| format!("members.{inside}")),
        2 => combined(members()).prop_map(|inside| format!("members[{inside}]")),
        1 => ordered(&["meta.created", "meta.lastModified"], instants()),
        1 => Just("members pr".to_owned()),
    ])
}

fn any_invitation_filter() -> impl Strategy<Value = String> {
    let numbers = ["-1", "0", "1", "1.5", "2", "2e0", "30"].map(str::to_owned).into();
    let groups = || {
        prop_oneof![
            comparison(&["display", "value"]),
            prop::sample::select(vec![
                "value eq \"00000000-0000-0000-0000-000000000070\"",
                "vanished eq true",
                "vanished ne true",
                "vanished pr",
            ])
            .prop_map(str::to_owned),
        ]
    };
    combined(prop_oneof![
        2 => comparison(&["userName", "email", "status", "message", "inviter", "delivery.state", "delivery.answer"]),
        2 => ordered(&["delivery.attempts"], numbers),
        2 => ordered(&["expiresAt", "endedAt", "delivery.sentAt", "meta.created", "meta.lastModified"], instants()),
        1 => groups().prop_map(|inside| format!("groups.{inside}")),
        1 => combined(groups()).prop_map(|inside| format!("groups[{inside}]")),
        1 => prop::sample::select(vec!["status eq \"pending\"", "status eq \"expired\"", "endedAt pr", "message pr", "groups pr",
            "delivery pr", "guest pr", "delivery.sentAt eq null", "delivery[attempts gt 0 and sentAt pr]"]).prop_map(str::to_owned),
    ])
}

fn any_organization_filter() -> impl Strategy<Value = String> {
    let above = || {
        prop_oneof![
            comparison(&["display", "value"]),
            Just(format!("value eq \"{}\"", id(0xf02))),
            Just(format!("value ne \"{}\"", id(0xf02))),
            Just("display co \"ren\"".to_owned()),
        ]
    };
    combined(prop_oneof![
        2 => comparison(&["handle", "name", "externalId", "attributes.type", "attributes.value", "id", "parent.display"]),
        1 => combined(comparison(&["type", "value"])).prop_map(|inside| format!("attributes[{inside}]")),
        1 => above().prop_map(|inside| format!("parent.{inside}")),
        1 => above().prop_map(|inside| format!("ancestors.{inside}")),
        1 => combined(above()).prop_map(|inside| format!("ancestors[{inside}]")),
        1 => ordered(&["meta.created", "meta.lastModified"], instants()),
        1 => prop::sample::select(vec!["active eq true", "active ne true", "status eq \"suspended\"", "status eq \"INACTIVE\"",
            "hasChildren eq true", "hasChildren eq false", "parent pr", "ancestors pr", "attributes pr", "name pr",
            "externalId pr", "meta.resourceType eq \"Organization\""]).prop_map(str::to_owned),
    ])
}

/// The resource as it is answered, which is what a filter is about.
fn answered(resource_type: &ResourceType, record: &Record) -> Value {
    serde_json::from_slice(&render::resource(resource_type, record, "http://h")).expect("a resource")
}

async fn compare(
    world: &World,
    org: OrgId,
    resource_type: &ResourceType,
    now: Timestamp,
    filters: &[String],
) -> Result<(), TestCaseError> {
    let kind = resource_type.kind;
    let all = Query { count: 100, references: true, deeper: 31, ..Query::default() };
    let all = world.store.resources(org, kind, &all, now).await.expect("all").records;
    for text in filters {
        let filter = filter::parse(text, resource_type, Profile::Lenient).expect(text);
        let matching = all.iter().filter(|record| filter::matches(&filter, &answered(resource_type, record)));
        let expected: Vec<Uuid> = matching.map(|record| record.id).collect();
        let query = Query { filter: Some(filter), count: 100, deeper: 31, ..Query::default() };
        let page = world.store.resources(org, kind, &query, now).await.expect(text);
        let found: Vec<Uuid> = page.records.iter().map(|record| record.id).collect();
        let resources: Vec<Value> = all.iter().map(|record| answered(resource_type, record)).collect();
        prop_assert_eq!(&found, &expected, "{} over {:#?}", text, resources);
        // The count is another statement.
        let counted = world.store.resources(org, kind, &Query { count: 0, ..query }, now).await.expect(text).total;
        prop_assert_eq!(counted, expected.len(), "{} counted", text);
    }
    Ok(())
}

async fn users_agree(users: &[Value], filters: &[String]) -> Result<(), TestCaseError> {
    let world = World::new().await;
    for (number, user) in (1..).zip(users) {
        let mut user = user.clone();
        user["userName"] = json!(format!("{}{number}", TEXTS[number as usize % TEXTS.len()]));
        let doc = document(urn::USER, number, user);
        let at = Timestamp(NOW.0 + 500 * (number as i64 - 1));
        let created = directory::Change::UserCreated { org: world.root, id: user_id(number), doc, password_hash: None, at };
        world.write(created).await.expect("a user");
    }
    world.group(world.root, 0x70, "Staff", &[1]).await;
    compare(&world, world.root, Schemas::core().user(), NOW, filters).await
}

async fn groups_agree(groups: &[(String, BTreeSet<u128>)], filters: &[String]) -> Result<(), TestCaseError> {
    let world = World::new().await;
    for number in 1..=3 {
        let name = TEXTS[number as usize * 3];
        world.user_with(world.root, number, json!({ "userName": format!("u{number}"), "displayName": name })).await;
    }
    world.group(world.root, 0x70, "Staff", &[]).await;
    for (number, (name, members)) in (0x71..).zip(groups) {
        let members: Vec<u128> = members.iter().copied().collect();
        world.group(world.root, number, name, &members).await;
    }
    compare(&world, world.root, Schemas::core().group(), NOW, filters).await
}

type Sent = (String, Option<String>, i64, Option<i64>, bool);

async fn invitations_agree(sent: &[Sent], filters: &[String]) -> Result<(), TestCaseError> {
    let world = World::new().await;
    world.group(world.child, 0x70, "Staff", &[]).await;
    world.group(world.child, 0x71, "Vanished", &[]).await;
    for (number, (name, message, attempts, sent_at, has_groups)) in (1..).zip(sent) {
        let source = world.user(world.parent, number, &format!("{name}{number}")).await;
        let groups: &[u128] = if *has_groups { &[0x70, 0x71] } else { &[] };
        let mut new = invitation(world.child, world.parent, source, number, groups);
        (new.user_name, new.message) = (format!("{name}{number}"), message.clone());
        new.expires_at = Timestamp(NOW.0 + 500 * number as i64);
        world
            .write(invite::Change::InvitationCreated { invitation: new, letter: Some(id(number)), quota: QUOTA })
            .await
            .expect("an invitation");
        let sql = "update invitations set delivery_attempts = ?1, delivery_sent_at = ?2, delivery_answer = ?3 where id = ?4";
        let sent_at = sent_at.map(|later| NOW.0 + later);
        world.sql().execute(sql, (attempts, sent_at, message.clone(), id(number).as_bytes())).expect("a row");
    }
    let gone = directory::Change::GroupDeleted { org: world.child, id: group_id(0x71), expected: None, at: NOW };
    world.write(gone).await.expect("it goes");
    let now = Timestamp(NOW.0 + 1000);
    compare(&world, world.child, Schemas::core().invitation(), now, filters).await
}

type Below = (String, Option<String>, Option<String>, bool, usize);

async fn organizations_agree(below: &[Below], filters: &[String]) -> Result<(), TestCaseError> {
    let world = World::new().await;
    let mut parents = vec![world.root, world.parent, world.child];
    for (number, (name, external_id, pair, active, parent)) in (1_u128..).zip(below) {
        let mut attributes = json!({ "handle": format!("h{number}"), "name": name, "active": active });
        if let Some(external_id) = external_id {
            attributes["externalId"] = json!(external_id);
        }
        if let Some(pair) = pair {
            attributes["attributes"] = json!([{ "type": pair, "value": name }, { "type": "x", "value": pair }]);
        }
        let parent = parents[parent % parents.len()];
        let above = world.store.org(parent).await.expect("a read").expect("an org");
        let (handle, name) = (format!("h{number}"), name.clone());
        let created = Timestamp(NOW.0 + 500 * number as i64);
        let id = OrgId(id(number));
        let org = Org { id, parent: Some(parent), handle, name, active: *active, created, ..above };
        let doc = document(urn::ORGANIZATION, number, attributes);
        world.write(usher::org::Change::OrgCreated { below: None, org, doc }).await.expect("an org");
        parents.push(id);
    }
    compare(&world, world.root, Schemas::core().organization(), NOW, filters).await
}

fn run(agree: impl Future<Output = Result<(), TestCaseError>>) -> Result<(), TestCaseError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(agree)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// F-01 … F-03, F-06, F-07, F-11, F-14 … F-16, F-19, F-21, F-29
    #[test]
    fn sql_and_memory_agree_on_users(
        users in prop::collection::vec(user(), 1..6),
        filters in prop::collection::vec(any_filter(), 80),
    ) {
        run(users_agree(&users, &filters))?;
    }

    /// F-06, F-07, F-26
    #[test]
    fn sql_and_memory_agree_on_groups(
        groups in prop::collection::vec((value(), prop::collection::btree_set(prop::sample::select(vec![1, 2, 3, 0x70]), 0..4)), 1..4),
        filters in prop::collection::vec(any_group_filter(), 60),
    ) {
        run(groups_agree(&groups, &filters))?;
    }

    /// F-03, F-06, F-07, F-21
    #[test]
    fn sql_and_memory_agree_on_organizations(
        below in prop::collection::vec(
            (value(), prop::option::of(value()), prop::option::of(value()), any::<bool>(), 0..9usize),
            1..5,
        ),
        filters in prop::collection::vec(any_organization_filter(), 60),
    ) {
        run(organizations_agree(&below, &filters))?;
    }

    /// F-16, F-21
    #[test]
    fn sql_and_memory_agree_on_invitations(
        sent in prop::collection::vec(
            (value(), prop::option::of(value()), 0..4i64, prop::option::of(-1..2i64), any::<bool>()),
            1..4,
        ),
        filters in prop::collection::vec(any_invitation_filter(), 60),
    ) {
        run(invitations_agree(&sent, &filters))?;
    }
}
