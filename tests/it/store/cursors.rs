//! Walks from page to page, while nothing changes and while others write.

use proptest::prelude::*;
use usher::scim::list::{self, ListParams, SortOrder, Start};
use usher::scim::{Profile, Schemas, filter};

use super::*;

/// What is sorted by: columns with an index and without, the document, one of several values, the id alone.
const SORTS: [Option<&str>; 9] = [
    None,
    Some("userName"),
    Some("displayName"),
    Some("name.givenName"),
    Some("title"),
    Some("emails"),
    Some("active"),
    Some("meta.lastModified"),
    Some("id"),
];

fn query(sort: Option<&str>, order: SortOrder, count: usize) -> Query {
    let params = ListParams { sort_by: sort, ..ListParams::default() };
    let parsed = list::parse(&params, Schemas::core().user(), Profile::Lenient).expect("a query");
    Query { sort: parsed.sort.map(|(attr, _)| (attr, order)), count, references: false, ..parsed }
}

async fn page(world: &World, query: &Query, start: &Start) -> usher::store::Page {
    let query = Query { start: start.clone(), ..query.clone() };
    let page = world.store.resources(world.root, Kind::User, &query, NOW).await.expect("a page");
    assert!(page.records.len() <= query.count, "K-05");
    page
}

fn ids(page: &usher::store::Page) -> Vec<u128> {
    page.records.iter().map(|record| record.id.as_u128()).collect()
}

/// All pages from the first on, each with its start.
async fn forward(world: &World, query: &Query) -> Vec<(Start, Vec<u128>)> {
    let (mut pages, mut start) = (Vec::new(), Start::default());
    loop {
        let page = page(world, query, &start).await;
        pages.push((start.clone(), ids(&page)));
        match page.next(&start) {
            Some(next) => start = next,
            None => return pages,
        }
    }
}

fn user() -> impl Strategy<Value = Value> {
    let some = || prop::option::of(prop::sample::select(vec!["a", "B", "b", "ß", "SS", "\u{10FFFF}"]));
    (some(), some(), some(), prop::option::of(some()), any::<bool>()).prop_map(|(display, given, title, email, active)| {
        let mut user = json!({ "active": active });
        for (name, value) in [("displayName", display), ("title", title)] {
            user.as_object_mut().expect("an object").extend(value.map(|value| (name.to_owned(), json!(value))));
        }
        if let Some(given) = given {
            user["name"] = json!({ "givenName": given });
        }
        if let Some(value) = email {
            user["emails"] = json!([{ "value": "z", "type": "home" }, { "value": value, "primary": true, "type": "work" }]);
        }
        user
    })
}

async fn walk(users: &[Value], sort: Option<&str>, order: SortOrder, count: usize) -> Result<(), TestCaseError> {
    let world = World::new().await;
    for (number, user) in (1..).zip(users) {
        let mut user = user.clone();
        user["userName"] = json!(format!("{}{number}", ["a", "B", "ß", "z"][number as usize % 4]));
        world.user_with(world.root, number * 2, user).await;
    }
    let query = query(sort, order, count);
    let all = ids(&page(&world, &Query { count: 100, ..query.clone() }, &Start::default()).await);
    let pages = forward(&world, &query).await;
    // K-02, K-09: the list in its order, in full pages but for the last, none of them empty.
    let expected: Vec<Vec<u128>> = all.chunks(count).map(<[u128]>::to_vec).collect();
    let walked: Vec<Vec<u128>> = pages.iter().map(|(_, ids)| ids.clone()).collect();
    prop_assert_eq!(&walked, &expected, "{:?} {:?}", sort, order);
    // K-03: from the last page back, the same pages.
    let mut start = pages.last().expect("a page").0.clone();
    let mut back = Vec::new();
    loop {
        let page = page(&world, &query, &start).await;
        prop_assert_eq!(page.total, users.len(), "K-08");
        back.insert(0, ids(&page));
        match page.previous(&start) {
            Some(previous) => start = previous,
            None => break,
        }
    }
    prop_assert_eq!(&back, &expected, "backward {:?} {:?}", sort, order);
    // K-19: between two pages somebody comes and somebody goes, on either side of the place and at it.
    let (mut seen, mut start, mut gone, mut number) = (Vec::new(), Start::default(), Vec::new(), 1);
    loop {
        let page = page(&world, &query, &start).await;
        seen.extend(ids(&page));
        let Some(next) = page.next(&start) else { break };
        start = next;
        if number < 16 {
            world.user_with(world.root, number, json!({ "userName": format!("c{number}"), "displayName": "B" })).await;
            number += 2;
        }
        for victim in [seen.last().copied(), all.iter().copied().find(|id| !gone.contains(id))].into_iter().flatten() {
            let deleted = directory::Change::UserDeleted { org: world.root, id: user_id(victim), expected: None, at: NOW };
            if world.write(deleted).await.is_ok() {
                gone.push(victim);
            }
        }
    }
    let old: Vec<u128> = seen.iter().copied().filter(|id| id % 2 == 0).collect();
    let unseen_gone = |id: &&u128| !gone.contains(id) || old.contains(id);
    prop_assert_eq!(&old, &all.iter().filter(unseen_gone).copied().collect::<Vec<_>>(), "{:?} {:?}", sort, order);
    let mut once = seen.clone();
    once.sort_unstable();
    once.dedup();
    prop_assert_eq!(once.len(), seen.len(), "nobody twice");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// K-02, K-03, K-05, K-08, K-09, K-19; O-03, O-04, O-06
    #[test]
    fn pages_are_the_list_in_order_both_ways_and_under_writes(
        users in prop::collection::vec(user(), 1..12),
        sort in prop::sample::select(SORTS.as_slice()),
        order in prop::sample::select(vec![SortOrder::Ascending, SortOrder::Descending]),
        count in 1..5usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(walk(&users, sort, order, count))?;
    }
}

#[tokio::test]
async fn a_filter_holds_on_every_page() {
    let world = World::new().await;
    for number in 1..=9_u128 {
        let active = !number.is_multiple_of(3);
        world.user_with(world.root, number, json!({ "userName": format!("u{number}"), "active": active })).await;
    }
    let text = "active eq true and userName sw \"u\"";
    let filter = filter::parse(text, Schemas::core().user(), Profile::Lenient).expect(text);
    for sort in [None, Some("userName")] {
        let query = Query { filter: Some(filter.clone()), ..query(sort, SortOrder::Ascending, 3) };
        let pages = forward(&world, &query).await;
        // K-02: the second page is full and still the last.
        assert_eq!(pages.iter().map(|(_, ids)| ids.clone()).collect::<Vec<_>>(), [[1, 2, 4], [5, 7, 8]]);
        assert_eq!(page(&world, &query, &pages[1].0).await.total, 6, "K-08");
    }
}

#[tokio::test]
async fn a_place_reaches_no_other_org() {
    let world = World::new().await;
    for (org, number) in [(world.root, 1), (world.root, 2), (world.foreign, 3)] {
        world.user(org, number, &format!("u{number}")).await;
    }
    let query = query(None, SortOrder::Ascending, 1);
    let start = page(&world, &query, &Start::default()).await.next(&Start::default()).expect("a next page");
    let elsewhere = Query { start, ..query };
    let page = world.store.resources(world.foreign, Kind::User, &elsewhere, NOW).await.expect("a page");
    assert_eq!((ids(&page), page.total), (vec![3], 1), "K-16");
}

#[tokio::test]
async fn invitations_are_walked_like_users() {
    let world = World::new().await;
    for number in 1..=5 {
        let source = world.user(world.parent, number, &format!("u{number}")).await;
        world.invite(world.child, world.parent, source, number, &[]).await.expect("an invitation");
    }
    let (mut seen, mut start) = (Vec::new(), Start::default());
    loop {
        let query = Query { start: start.clone(), count: 2, ..Query::default() };
        let page = world.store.resources(world.child, Kind::Invitation, &query, NOW).await.expect("a page");
        seen.extend(ids(&page));
        match page.next(&start) {
            Some(next) => start = next,
            None => break,
        }
    }
    assert_eq!(seen, [1, 2, 3, 4, 5], "K-02");
}
