//! The request log: what waits, what is written, what is forgotten.

use std::time::Duration;

use bytes::Bytes;

use super::{Stage, refused};
use crate::app::requests::Keep;
use crate::auth::{Principal, ScopeSet};
use crate::base::limit::LOG_QUEUE_MAX;
use crate::base::{Random, SystemRandom};
use crate::org::log::{Entry, Wanted};
use crate::scim::{Quirk, Quirks};

const DAY: Duration = Duration::from_secs(24 * 3600);
const KEEP: Keep = Keep { age: DAY, rows: 3 };

fn push(stage: &Stage, who: &Principal, status: u16, quirks: Quirks) {
    let at = stage.app.now();
    let entry = Entry {
        org: who.org.id,
        id: SystemRandom.uuid(at),
        at,
        method: "POST".into(),
        path: "/scim2/Users".into(),
        status,
        duration_us: 1500,
        client: who.client_id.clone(),
        user_agent: Some("Okta SCIM Client 1.0.0".into()),
        quirks,
        reason: None,
        body: None,
    };
    stage.app.requests.push(entry, Some(Bytes::from_static(br#"{"userName":"ada"}"#)));
}

async fn statuses(stage: &Stage, who: &Principal) -> Vec<u64> {
    let wanted = Wanted { limit: 10, ..Wanted::default() };
    let page = stage.app.requests_list(who, &wanted).await.expect("a page");
    page["requests"].as_array().expect("lines").iter().map(|line| line["status"].as_u64().expect("a status")).collect()
}

#[tokio::test]
async fn lines_are_kept_as_long_and_as_many_as_an_operator_says() {
    let stage = Stage::new();
    let (acme, globex) = (stage.org(None, "acme").await, stage.org(None, "globex").await);
    for status in [201, 400, 409, 500] {
        push(&stage, &acme, status, Quirks::new());
        stage.clock.advance(Duration::from_secs(1));
    }
    push(&stage, &globex, 201, Quirks::new());
    assert!(!stage.app.requests_flush().await.expect("written"));
    stage.app.requests_expire(KEEP).await.expect("forgotten");
    assert_eq!(statuses(&stage, &acme).await, [500, 409, 400], "the newest three, T-06: and no other org's");
    assert_eq!(statuses(&stage, &globex).await, [201]);
    stage.clock.advance(DAY);
    stage.app.requests_expire(KEEP).await.expect("forgotten");
    assert_eq!(statuses(&stage, &acme).await, [0; 0]);
}

#[tokio::test]
async fn an_org_may_keep_lines_for_less_long() {
    let stage = Stage::new();
    let (acme, globex) = (stage.org(None, "acme").await, stage.org(None, "globex").await);
    let acme = stage.choosing(&acme, serde_json::json!({ "retention": { "requests": 1 } })).await;
    for who in [&acme, &globex] {
        push(&stage, who, 201, Quirks::new());
    }
    stage.app.requests_flush().await.expect("written");
    stage.clock.advance(DAY + Duration::from_millis(1));
    stage.app.requests_expire(Keep { age: 9 * DAY, ..KEEP }).await.expect("forgotten");
    assert_eq!((statuses(&stage, &acme).await.len(), statuses(&stage, &globex).await.len()), (0, 1));
}

#[tokio::test]
async fn lines_of_an_org_that_is_gone_keep_no_others_from_being_written() {
    let stage = Stage::new();
    let (acme, globex) = (stage.org(None, "acme").await, stage.org(None, "globex").await);
    for who in [&globex, &acme] {
        push(&stage, who, 201, Quirks::of(Quirk::OpCase));
    }
    let intent = crate::app::orgs::Intent::Do;
    stage.app.org_remove(globex.org.id, crate::org::Children::Block, intent).await.expect("gone");
    stage.app.requests_flush().await.expect("written");
    assert_eq!(statuses(&stage, &acme).await, [201]);
}

#[tokio::test]
async fn what_was_needed_is_counted() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    let both: Quirks = [Quirk::OpCase, Quirk::BareWord].into_iter().collect();
    push(&stage, &acme, 200, both);
    push(&stage, &acme, 400, Quirks::of(Quirk::BareWord));
    stage.app.requests_flush().await.expect("written");
    let counts = stage.app.quirks_list(&acme).await.expect("counts");
    let counts: Vec<_> =
        counts["quirks"].as_array().expect("counts").iter().map(|one| (&one["quirk"], &one["count"])).collect();
    assert_eq!(counts, [(&"bare-word".into(), &2.into()), (&"op-case".into(), &1.into())]);
    let wanted = Wanted { limit: 10, quirks: Quirks::of(Quirk::OpCase), ..Wanted::default() };
    let page = stage.app.requests_list(&acme, &wanted).await.expect("a page");
    let line = &page["requests"][0];
    assert_eq!(
        (line["status"].as_u64(), &line["provider"], &line["body"]),
        (Some(200), &"okta".into(), &r#"{"userName":"…"}"#.into())
    );
    assert!(page["requests"].as_array().is_some_and(|lines| lines.len() == 1), "OK-15: {page}");
    refused(stage.app.quirks_list(&stage.caller(acme.org, ScopeSet::NONE)).await, 403, "requests:read");
}

#[tokio::test]
async fn a_log_that_is_full_loses_lines_and_holds_up_nobody() {
    let stage = Stage::new();
    let acme = stage.org(None, "acme").await;
    for _ in 0..LOG_QUEUE_MAX + 5 {
        push(&stage, &acme, 201, Quirks::of(Quirk::OpCase));
    }
    while stage.app.requests_flush().await.expect("written") {}
    let counts = stage.app.quirks_list(&acme).await.expect("counts");
    assert_eq!(counts["quirks"][0]["count"], LOG_QUEUE_MAX);
}
