//! Pages and look-ups, by the size of the organization: what is found on an index must not cost more in a large one.

use std::time::Duration;

use serde_json::Value;

use crate::client::{self, drive, request};
use crate::stage::{self, Stage};
use crate::{ROUNDS, median};

const ROUND: Duration = Duration::from_millis(300);
const PAGE: usize = 100;

/// What is asked, and of which stage.
type Question = (&'static str, fn(&Stage, &Places) -> String);

/// Cursors of one stage, and the id of a group.
struct Places {
    middle: String,
    last: String,
    group: String,
}

const QUESTIONS: [Question; 18] = [
    ("page by cursor, first", |_, _| "Users?cursor&count=100".into()),
    ("page by cursor, middle", |_, places| format!("Users?cursor={}&count=100", places.middle)),
    ("page by cursor, last", |_, places| format!("Users?cursor={}&count=100", places.last)),
    ("page by index, first", |_, _| "Users?count=100".into()),
    ("page by index, middle", |stage, _| format!("Users?count=100&startIndex={}", stage.users.len() / 2)),
    ("page by index, last", |stage, _| format!("Users?count=100&startIndex={}", stage.users.len() - PAGE + 1)),
    ("id eq", |stage, _| find("Users", &format!("id eq \"{}\"", stage.users[stage.users.len() / 2]))),
    ("userName eq", |stage, _| find("Users", &format!("userName eq \"{}\"", middle(stage).0))),
    ("externalId eq", |stage, _| find("Users", &format!("externalId eq \"ext-{}\"", stage.users.len() / 2))),
    ("emails.value eq", |stage, _| find("Users", &format!("emails.value eq \"{}\"", middle(stage).1))),
    ("emails[type eq \"work\"].value eq", |stage, _| {
        find("Users", &format!("emails[type eq \"work\"].value eq \"{}\"", middle(stage).1))
    }),
    ("displayName eq of a group", |_, _| find("Groups", "displayName eq \"of 500\"&excludedAttributes=members")),
    ("id and members of a group", |stage, places| {
        let filter = format!("id eq \"{}\" and members eq \"{}\"&excludedAttributes=members", places.group, stage.users[7]);
        find("Groups", &filter)
    }),
    ("members.value eq", |stage, _| {
        find("Groups", &format!("members.value eq \"{}\"&excludedAttributes=members", stage.users[7]))
    }),
    ("manager eq", |stage, _| find("Users", &format!("manager eq \"{}\"", stage.users[7]))),
    ("meta.lastModified gt", |_, _| find("Users", "meta.lastModified gt \"2999-01-01T00:00:00Z\"")),
    ("userName co, scans an index", |_, _| find("Users", "userName co \"777@acme\"&count=100")),
    ("displayName co, scans an index", |_, _| find("Users", "displayName co \"e 777\"&count=100")),
];

fn middle(stage: &Stage) -> (String, String) {
    stage::name(stage.users.len() as u64 / 2)
}

fn find(endpoint: &str, filter: &str) -> String {
    let (filter, more) = filter.split_once('&').unwrap_or((filter, ""));
    let filter = filter.replace(' ', "%20").replace('"', "%22").replace('[', "%5B").replace(']', "%5D");
    format!("{endpoint}?filter={filter}&{more}")
}

/// Milliseconds of each question, one connection, in organizations of these sizes.
pub(crate) async fn lists(sizes: &[usize]) {
    println!("\nlists, 1 connection: milliseconds, and to {} users", sizes[0]);
    let mut stages = Vec::new();
    for size in sizes {
        let stage = Stage::start(*size).await;
        let places = walk(&stage).await;
        stages.push((stage, places));
    }
    for (what, question) in QUESTIONS {
        let mut rates = vec![Vec::new(); sizes.len()];
        for _ in 0..ROUNDS {
            for ((stage, places), rates) in stages.iter().zip(&mut rates) {
                let wanted = request("GET", &format!("{}/{}", stage.path, question(stage, places)), &stage.token, None);
                rates.push(drive(stage.address, 1, ROUND, |_| wanted.clone()).await);
            }
        }
        let times: Vec<f64> = rates.into_iter().map(|rates| 1000.0 / median(rates)).collect();
        let cells = times.iter().map(|time| format!("{time:>10.3} {:>6.2}", time / times[0]));
        println!("  {what:<38} {}", cells.collect::<String>());
    }
    for (stage, _) in &stages {
        let users = stage.users.len();
        println!("  {users:>9} users: {:>5} bytes of database for each", stage.database_bytes() / users as u64);
    }
    println!("  {:>9} KiB resident, mapped pages of the databases not counted", stage::resident_kib("self", "RssAnon:"));
}

/// From page to page to the end; where the middle and the last one begin.
async fn walk(stage: &Stage) -> Places {
    let started = std::time::Instant::now();
    let (mut cursor, mut cursors) = (String::new(), Vec::new());
    loop {
        let path = format!("{}/Users?cursor={cursor}&count={PAGE}", stage.path);
        let body = client::body(stage.address, &request("GET", &path, &stage.token, None)).await;
        let page: Value = serde_json::from_slice(&body).expect("a page");
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = next.to_owned();
        cursors.push(cursor.clone());
    }
    let users = stage.users.len();
    println!("  {users:>9} users walked by cursor: {:.0} a second", users as f64 / started.elapsed().as_secs_f64());
    let group = stage.groups(&[500]).await[0].to_string();
    Places { middle: cursors[cursors.len() / 2].clone(), last: cursor, group }
}
