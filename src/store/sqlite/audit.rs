//! Reading the log of every write, and walking along its chains.

use std::collections::HashMap;

use rusqlite::{Connection, ToSql};

use super::change_log::{COLUMNS, SEQ, from_row};
use super::readers::{Moment, all, int, one};
use crate::base::OrgId;
use crate::org::audit::{self, Broken, Entry, EntryId, Head, START, Verified, Wanted, Wrong};
use crate::store::Error;

/// The entries of `org` that are wanted, the newest first.
pub(super) fn list(db: &Connection, org: OrgId, wanted: &Wanted) -> Result<Vec<Entry>, Error> {
    let (sql, params) = question(org, wanted);
    let params: Vec<&dyn ToSql> = params.iter().map(|value| &**value).collect();
    all(db, &sql, &params, from_row)
}

/// Only what is asked stands in the statement, so that the planner sees which index answers it.
fn question(org: OrgId, wanted: &Wanted) -> (String, Vec<Box<dyn ToSql>>) {
    let mut params: Vec<Box<dyn ToSql>> = vec![Box::new(org.0)];
    let mut conditions = vec!["org_id = ?1 and place is not null".to_owned()];
    let mut ask = |condition: &str, value: Box<dyn ToSql>| {
        params.push(value);
        conditions.push(condition.replace('?', &format!("?{}", params.len())));
    };
    if let Some(id) = wanted.resource {
        ask("resource_id = ?", Box::new(id));
    }
    let texts = [
        ("actor = ?", &wanted.actor),
        ("action = ?", &wanted.action),
        ("resource_type = ?", &wanted.resource_type),
        ("request = ?", &wanted.request),
    ];
    for (condition, text) in texts.into_iter().filter_map(|(condition, text)| Some((condition, text.clone()?))) {
        ask(condition, Box::new(text));
    }
    if let Some(since) = wanted.since {
        ask("at >= ?", Box::new(since.0));
    }
    if let Some(until) = wanted.until {
        ask("at < ?", Box::new(until.0));
    }
    if let Some(EntryId { at, place }) = wanted.before {
        ask("at <= ?", Box::new(at.0));
        params.push(Box::new(int(place)));
        conditions.push(format!("(at < ?{} or place < ?{})", params.len() - 1, params.len()));
    }
    params.push(Box::new(int(wanted.limit as u64)));
    let conditions = conditions.join(" and ");
    let sql = format!("select {COLUMNS} from change_log where {conditions} order by at desc, seq desc limit ?{}", params.len());
    (sql, params)
}

/// One entry.
pub(super) fn entry(db: &Connection, org: OrgId, id: EntryId) -> Result<Option<Entry>, Error> {
    let sql = format!("select {COLUMNS} from change_log where org_id = ?1 and at = ?2 and place = ?3");
    one(db, &sql, &[&org.0, &id.at.0, &int(id.place)], from_row)
}

/// The last entry of each chain, or of one.
pub(super) fn heads(db: &Connection, org: Option<OrgId>) -> Result<Vec<Head>, Error> {
    let sql = "select org_id, length, hash from chains where ?1 is null or org_id = ?1 order by org_id";
    all(db, sql, &[&org.map(|org| org.0)], |row| {
        Ok(Head { org: OrgId(row.get(0)?), length: row.get::<_, i64>(1)?.unsigned_abs(), hash: row.get(2)? })
    })
}

/// How far the walk has come along one chain.
struct Walk {
    place: u64,
    hash: [u8; 32],
    head: Option<Head>,
    noted: Vec<Head>,
}

const UNKNOWN: Walk = Walk { place: 0, hash: START, head: None, noted: Vec::new() };

/// Walks along every chain, or that of `org`, from where it starts to its head, and past what was `noted` of it elsewhere.
pub(super) fn verify(db: &Connection, org: Option<OrgId>, noted: &[Head]) -> Result<Verified, Error> {
    // One moment: a server may write meanwhile.
    let _moment = Moment::of(db)?;
    let mut verified = Verified::default();
    let mut walks: HashMap<OrgId, Walk> = HashMap::new();
    let sql = "select org_id, forgotten, forgotten_hash from chains where ?1 is null or org_id = ?1";
    let starts = all(db, sql, &[&org.map(|org| org.0)], |row| {
        Ok(Head { org: OrgId(row.get(0)?), length: row.get::<_, i64>(1)?.unsigned_abs(), hash: row.get(2)? })
    })?;
    for start in starts {
        verified.orgs += 1;
        verified.forgotten += start.length;
        walks.insert(start.org, Walk { place: start.length, hash: start.hash, ..UNKNOWN });
    }
    for head in heads(db, org)? {
        walks.entry(head.org).and_modify(|walk| walk.head = Some(head));
    }
    for head in noted.iter().filter(|head| org.is_none_or(|org| org == head.org)) {
        let walk = walks.entry(head.org).or_insert(UNKNOWN);
        // What was forgotten since can be compared with nothing.
        if head.length < walk.place {
            continue;
        }
        walk.noted.push(*head);
        verified.noted += 1;
        if walk.is_other() {
            verified.broken = Some(Broken { org: head.org, place: head.length, wrong: Wrong::Other });
            return Ok(verified);
        }
    }
    let sql = format!("select {COLUMNS}, seq from change_log where ?1 is null or org_id = ?1 order by seq");
    let mut statement = db.prepare(&sql)?;
    let mut rows = statement.query([org.map(|org| org.0)])?;
    while let Some(row) = rows.next()? {
        let org = OrgId(row.get(0)?);
        let walk = walks.entry(org).or_insert(UNKNOWN);
        verified.entries += 1;
        let wrong = match row.get::<_, Option<i64>>(SEQ - 2)? {
            None => Some((walk.place, Wrong::Inserted)),
            Some(_) => walk.step(&from_row(row)?),
        };
        if let Some((place, wrong)) = wrong {
            verified.broken = Some(Broken { org, place, wrong });
            return Ok(verified);
        }
    }
    for (org, walk) in walks {
        if let Some((place, wrong)) = walk.end() {
            verified.broken = Some(Broken { org, place, wrong });
            return Ok(verified);
        }
    }
    Ok(verified)
}

impl Walk {
    /// One entry further, or what is wrong with it.
    fn step(&mut self, entry: &Entry) -> Option<(u64, Wrong)> {
        if entry.place > self.place + 1 {
            return Some((self.place + 1, Wrong::Missing));
        }
        if entry.place != self.place + 1 {
            return Some((self.place, Wrong::Inserted));
        }
        if audit::link(&self.hash, entry) != entry.hash {
            return Some((entry.place, Wrong::Changed));
        }
        (self.place, self.hash) = (entry.place, entry.hash);
        self.is_other().then_some((self.place, Wrong::Other))
    }

    /// Whether something else was noted of this place.
    fn is_other(&self) -> bool {
        self.noted.iter().any(|head| head.length == self.place && head.hash != self.hash)
    }

    /// What is wrong with the end.
    fn end(&self) -> Option<(u64, Wrong)> {
        let Some(head) = self.head else { return Some((self.place, Wrong::Head)) };
        let longest = self.noted.iter().map(|head| head.length).max().unwrap_or_default().max(head.length);
        if longest > self.place {
            return Some((self.place, Wrong::Cut));
        }
        if self.place > head.length {
            return Some((head.length, Wrong::Inserted));
        }
        (head.hash != self.hash).then_some((self.place, Wrong::Head))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::base::Timestamp;

    /// No question about time, actor or resource walks along the log of the org, let alone that of others.
    #[test]
    fn what_is_asked_for_is_on_an_index() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("usher.db");
        super::super::Sqlite::migrate(&path).expect("a new database");
        let db = super::super::open::connection(&path, super::super::open::Role::Read).expect("a connection");
        let plan = |wanted: &Wanted| {
            let (sql, params) = question(OrgId(Uuid::nil()), wanted);
            let params: Vec<&dyn ToSql> = params.iter().map(|value| &**value).collect();
            let plan = all(&db, &format!("explain query plan {sql}"), &params, |row| row.get::<_, String>(3));
            plan.expect("a plan").join("; ")
        };
        let wanted = Wanted { limit: 10, ..Wanted::default() };
        let (at, id) = (Some(Timestamp(1)), Uuid::from_u128(1));
        let before = Some(EntryId { at: Timestamp(1), place: 1 });
        for (wanted, index) in [
            (wanted.clone(), "change_log_by_time (org_id=?)"),
            (Wanted { since: at, until: at, ..wanted.clone() }, "change_log_by_time (org_id=? AND at>? AND at<?)"),
            (Wanted { before, ..wanted.clone() }, "change_log_by_time (org_id=? AND at<?)"),
            (Wanted { actor: Some("operator".into()), ..wanted.clone() }, "change_log_by_actor (org_id=? AND actor=?)"),
            (Wanted { request: Some("r".into()), ..wanted.clone() }, "change_log_by_request (org_id=? AND request=?)"),
            (
                Wanted { resource: Some(id), before, ..wanted.clone() },
                "change_log_by_resource (org_id=? AND resource_id=? AND at<?)",
            ),
            (
                Wanted { resource: Some(id), actor: Some("worker".into()), ..wanted },
                "change_log_by_resource (org_id=? AND resource_id=?)",
            ),
        ] {
            let plan = plan(&wanted);
            assert!(plan.contains(&format!("USING INDEX {index}")), "{wanted:?}: {plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{wanted:?}: {plan}");
        }
    }
}
