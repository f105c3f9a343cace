//! SQL and the evaluator in memory give the same answer to the same filter, on random users.

use proptest::prelude::*;
use usher::scim::{Profile, Schemas, filter};

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
            "meta.created ge \"1970-01-01T00:16:40Z\"", "meta.lastModified gt \"1970-01-01T00:16:40Z\"",
            "meta.resourceType eq \"User\"", "groups.value eq \"00000000-0000-0000-0000-000000000070\"",
            "id eq \"00000000-0000-0000-0000-000000000002\"", "id ne \"00000000-0000-0000-0000-000000000002\"",
            "groups[display eq \"staff\" and type eq \"direct\"]"])
            .prop_map(str::to_owned),
        2 => inside().prop_map(|inside| format!("emails[{inside}]")),
        1 => combined(comparison(&["familyName", "givenName"])).prop_map(|inside| format!("name[{inside}]")),
    ];
    combined(leaf)
}

/// The resource as it is answered, which is what a filter is about.
fn answered(record: &Record) -> Value {
    let mut resource: Value = serde_json::from_str(&record.doc).expect("a document");
    resource["meta"] = json!({ "resourceType": "User", "created": record.created, "lastModified": record.last_modified });
    if !record.references.is_empty() {
        let groups = record.references.iter();
        resource["groups"] =
            groups.map(|group| json!({ "value": group.id, "display": group.display, "type": "direct" })).collect();
    }
    resource
}

async fn agree(users: &[Value], filters: &[String]) -> Result<(), TestCaseError> {
    let world = World::new().await;
    for (number, user) in (1..).zip(users) {
        let mut user = user.clone();
        user["userName"] = json!(format!("{}{number}", TEXTS[number as usize % TEXTS.len()]));
        world.user_with(world.root, number, user).await;
    }
    world.group(world.root, 0x70, "Staff", &[1]).await;
    let all = Query { count: 100, references: true, ..Query::default() };
    let all = world.store.resources(world.root, Kind::User, &all, NOW).await.expect("all users").records;
    for text in filters {
        let filter = filter::parse(text, Schemas::core().user(), Profile::Lenient).expect(text);
        let matching = all.iter().filter(|record| filter::matches(&filter, &answered(record)));
        let expected: Vec<Uuid> = matching.map(|record| record.id).collect();
        let query = Query { filter: Some(filter), count: 100, ..Query::default() };
        let page = world.store.resources(world.root, Kind::User, &query, NOW).await.expect(text);
        let found: Vec<Uuid> = page.records.iter().map(|record| record.id).collect();
        prop_assert_eq!(found, expected, "{} over {:#?}", text, all.iter().map(|record| &record.doc).collect::<Vec<_>>());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sql_and_memory_agree(
        users in prop::collection::vec(user(), 1..6),
        filters in prop::collection::vec(any_filter(), 40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(agree(&users, &filters))?;
    }
}
