//! `usher audit verify`, `head`, `list`: for whoever must be able to say that nobody has touched the log.

use std::path::Path;

use serde_json::{Value, json};

use super::data::{self, Data};
use super::{Common, Failure, print};
use crate::base::OrgId;
use crate::base::limit::PAGE_MAX;
use crate::org::audit::{Head, Wanted, hex};

/// Walks along the chains; fails at the first entry that is wrong.
pub(super) async fn verify(common: &Common, org: Option<OrgId>, noted: Option<&Path>) -> Result<(), Failure> {
    let data = Data::open(common)?;
    let noted = noted.map_or(Ok(Vec::new()), heads_of)?;
    let found = data.app.store.audit_verify(org, noted).await?;
    let broken = found.broken.as_ref();
    let wrong = broken.map(|at| json!({ "org": at.org, "place": at.place, "wrong": at.wrong.to_string() }));
    let json = json!({
        "holds": wrong.is_none(), "orgs": found.orgs, "entries": found.entries, "forgotten": found.forgotten, "noted": found.noted,
        "broken": wrong,
    });
    let text = format!(
        "{} entries of {} organizations hold, {} more were forgotten after their time; {} noted heads are among them",
        found.entries, found.orgs, found.forgotten, found.noted
    );
    match broken {
        None => print::result(common, &json, &text),
        Some(at) => {
            if common.json {
                print::line(&json.to_string())?;
            }
            Err(format!("the audit log of organization {} does not hold at entry {}: {}", at.org, at.place, at.wrong).into())
        }
    }
}

/// The last entry of each chain, to be noted where nobody of this machine can write.
pub(super) async fn head(common: &Common, org: Option<OrgId>) -> Result<(), Failure> {
    let heads = Data::open(common)?.app.store.audit_heads(org).await?;
    if common.json {
        let show = |head: &Head| json!({ "org": head.org, "place": head.length, "hash": hex(&head.hash) });
        return print::line(&heads.iter().map(show).collect::<Value>().to_string());
    }
    heads.iter().try_for_each(|head| print::line(&format!("{} {} {}", head.org, head.length, hex(&head.hash))))
}

/// What `usher audit head` has printed: a line for each org, or JSON.
fn heads_of(file: &Path) -> Result<Vec<Head>, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let from = |org: &str, place: &str, hash: &str| {
        let bytes: Option<Vec<u8>> = (0..hash.len()).step_by(2).map(|at| byte(hash.get(at..at + 2)?)).collect();
        Some(Head { org: org.parse().ok()?, length: place.parse().ok()?, hash: bytes?.try_into().ok()? })
    };
    let heads: Option<Vec<Head>> = match serde_json::from_str::<Vec<Value>>(&text) {
        Ok(heads) => heads
            .iter()
            .map(|head| from(head["org"].as_str()?, &head["place"].as_u64()?.to_string(), head["hash"].as_str()?))
            .collect(),
        Err(_) => text
            .lines()
            .map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
                [org, place, hash] => from(org, place, hash),
                _ => None,
            })
            .collect(),
    };
    heads.ok_or_else(|| format!("{}: expected what `usher audit head` prints", file.display()).into())
}

fn byte(hex: &str) -> Option<u8> {
    u8::from_str_radix(hex, 16).ok()
}

/// The newest entries of an org, the newest first.
pub(super) async fn list(common: &Common, org: OrgId, wanted: Wanted) -> Result<(), Failure> {
    let app = Data::open(common)?.app;
    data::org(&app, org).await?;
    let page = app.org_audit(org, &Wanted { limit: wanted.limit.clamp(1, PAGE_MAX), ..wanted }).await?;
    if common.json {
        return print::line(&page.to_string());
    }
    page["entries"].as_array().into_iter().flatten().try_for_each(|entry| print::line(&line(entry)))
}

fn line(entry: &Value) -> String {
    let text = |name: &str| match &entry[name] {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let shown = ["at", "action", "resourceType", "resourceId", "versionBefore", "versionAfter", "actor", "request", "detail"];
    shown.map(text).join("  ")
}
