//! The audit log of an org: what one event says, and how it is tied to the one before.
//!
//! Rows come from triggers and from [`Event`]s; `store/sqlite/change_log.rs` chains both. Nothing of a document and nothing that a
//! client wrote stands in them: ids, versions, scopes, and the program's own words.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::log::bounded;
use crate::base::{OrgId, Timestamp};

/// What happened beside the writes, which leave their events by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// In whose log.
    pub org: OrgId,
    /// When; the first of them, where it stands for several.
    pub at: Timestamp,
    /// Whose doing: `client …`, `user …`, `external …`, or `unauthenticated`.
    pub actor: String,
    /// `client_id` of the token.
    pub client: Option<String>,
    /// The request.
    pub request: Option<String>,
    /// What.
    pub action: Action,
    /// With what: `Token`, `Session`, `Client`, `User` or `Request`.
    pub resource_type: &'static str,
    /// Its id.
    pub resource: Option<Uuid>,
    /// Scopes, or what was refused and why.
    pub detail: Option<String>,
    /// How many alike.
    pub count: u32,
}

/// What events beside the writes tell of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Somebody signed in: a token was issued, or a session began.
    Issued,
    /// Somebody signed out of a session.
    Ended,
    /// Somebody was not let in, or might not do what was asked.
    Refused,
    /// An org below could not invite a user, and was not told why. Counted by itself, so that it hides no other refusal.
    Withheld,
}

impl Action {
    /// As the log shows it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Action::Issued => "issued",
            Action::Ended => "ended",
            Action::Refused | Action::Withheld => "refused",
        }
    }
}

/// Who claims to be somebody and does not prove it.
pub const UNAUTHENTICATED: &str = "unauthenticated";

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// In whose log.
    pub org: OrgId,
    /// From 1, without a gap.
    pub place: u64,
    /// When.
    pub at: Timestamp,
    /// Whose doing.
    pub actor: String,
    /// `client_id` of the token.
    pub client: Option<String>,
    /// The request.
    pub request: Option<String>,
    /// `created`, `changed`, `deleted`, `restored`, `invited`, `accepted` …
    pub action: String,
    /// With what.
    pub resource_type: String,
    /// Its id.
    pub resource: Option<Uuid>,
    /// None before it was made.
    pub version_before: Option<i64>,
    /// None after it is gone.
    pub version_after: Option<i64>,
    /// In the program's own words.
    pub detail: Option<String>,
    /// How many alike.
    pub count: i64,
    /// Over all of this and the hash of the entry before.
    pub hash: [u8; 32],
}

/// The hash of an org's first entry is over this one.
pub const START: [u8; 32] = [0; 32];

/// The hash that `entry` must have where the one before it has `before`: SHA-256 over fourteen lines, each with its `\n`; what is not
/// there is an empty line, and within a line `\` and a line's end are escaped.
pub fn link(before: &[u8; 32], entry: &Entry) -> [u8; 32] {
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let text = |text: &str| text.replace('\\', "\\\\").replace('\n', "\\n");
    let lines = [
        hex(before),
        entry.org.to_string(),
        entry.place.to_string(),
        entry.at.0.to_string(),
        text(&entry.actor),
        text(entry.client.as_deref().unwrap_or_default()),
        text(entry.request.as_deref().unwrap_or_default()),
        text(&entry.action),
        text(&entry.resource_type),
        entry.resource.map(|id| id.to_string()).unwrap_or_default(),
        number(entry.version_before),
        number(entry.version_after),
        text(entry.detail.as_deref().unwrap_or_default()),
        entry.count.to_string(),
    ];
    let mut hash = Sha256::new();
    lines.iter().for_each(|line| hash.update([line.as_bytes(), b"\n"].concat()));
    hash.finalize().into()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;

    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The action of a write, where nobody said it: the versions tell. A new resource has the first version, and one that comes back a
/// later one.
pub fn action(before: Option<i64>, after: Option<i64>) -> &'static str {
    match (before, after) {
        (None, Some(after)) if after > 1 => "restored",
        (None, _) => "created",
        (Some(_), Some(_)) => "changed",
        (Some(_), None) => "deleted",
    }
}

/// The last entry of an org's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Whose.
    pub org: OrgId,
    /// How many entries the chain has had.
    pub length: u64,
    /// The hash of the last of them.
    pub hash: [u8; 32],
}

/// What a walk along the chains found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Chains.
    pub orgs: u64,
    /// Entries that are there.
    pub entries: u64,
    /// Entries that were forgotten after their time.
    pub forgotten: u64,
    /// Heads noted elsewhere that are in their chains.
    pub noted: u64,
    /// The first one that is wrong.
    pub broken: Option<Broken>,
}

/// Where a chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Whose chain.
    pub org: OrgId,
    /// The place in it.
    pub place: u64,
    /// What is wrong.
    pub wrong: Wrong,
}

/// What can be wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Its hash is not that of its content.
    #[error("it was changed, or another stands before it")]
    Changed,
    /// A later one follows.
    #[error("it is missing")]
    Missing,
    /// It has a place that is taken, or none.
    #[error("another one was put in after it")]
    Inserted,
    /// The chain once was longer.
    #[error("it is the last one, and was not")]
    Cut,
    /// The head of the chain is not there, or not this one.
    #[error("it is the last one, and the head of the chain is another")]
    Head,
    /// A head noted elsewhere has another hash.
    #[error("it is another than the one that was noted")]
    Other,
}

/// Which entries are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of this action.
    pub action: Option<String>,
    /// Of this actor: `user …`, `client …`, `operator` …
    pub actor: Option<String>,
    /// About resources of this type.
    pub resource_type: Option<String>,
    /// About this one.
    pub resource: Option<Uuid>,
    /// Of this request.
    pub request: Option<String>,
    /// From then on.
    pub since: Option<Timestamp>,
    /// Before then.
    pub until: Option<Timestamp>,
    /// Older than this one.
    pub before: Option<EntryId>,
    /// At the most.
    pub limit: usize,
}

/// Names an entry of an org: when it happened, and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryId {
    /// When.
    pub at: Timestamp,
    /// Its place.
    pub place: u64,
}

impl Entry {
    /// Its name.
    pub fn id(&self) -> EntryId {
        EntryId { at: self.at, place: self.place }
    }
}

impl std::fmt::Display for EntryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.at.0, self.place)
    }
}

impl std::str::FromStr for EntryId {
    type Err = crate::base::id::NotAnId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (at, place) = text.split_once('-').ok_or(crate::base::id::NotAnId)?;
        let (at, place) = (at.parse(), place.parse());
        let (Ok(at), Ok(place)) = (at, place) else { return Err(crate::base::id::NotAnId) };
        let id = EntryId { at: Timestamp(at), place };
        // One spelling.
        if id.to_string() == text { Ok(id) } else { Err(crate::base::id::NotAnId) }
    }
}

impl Event {
    /// With every text cut to what the log takes.
    #[must_use]
    pub fn bounded(mut self) -> Event {
        self.actor = bounded(&self.actor);
        for text in [&mut self.client, &mut self.request, &mut self.detail].into_iter().flatten() {
            *text = bounded(text);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let id = Uuid::from_u128(7);
        Entry {
            org: OrgId(Uuid::from_u128(1)),
            place: 2,
            at: Timestamp(1_800_000_000_000),
            actor: "operator".into(),
            client: None,
            request: Some("0a-1".into()),
            action: "changed".into(),
            resource_type: "User".into(),
            resource: Some(id),
            version_before: Some(1),
            version_after: Some(2),
            detail: None,
            count: 1,
            hash: START,
        }
    }

    /// `docs/audit.md` does the same in a shell.
    #[test]
    fn the_hash_is_over_lines_that_anybody_can_write() {
        let lines = format!(
            "{}\n00000000-0000-0000-0000-000000000001\n2\n1800000000000\noperator\n\n0a-1\nchanged\nUser\n\
             00000000-0000-0000-0000-000000000007\n1\n2\n\n1\n",
            "0".repeat(64)
        );
        assert_eq!(hex(&link(&START, &entry())), hex(&Sha256::digest(lines)));
    }

    #[test]
    fn no_field_can_change_unnoticed_nor_flow_into_the_next() {
        let entry = entry();
        let other = Uuid::from_u128(8);
        let changed = [
            Entry { org: OrgId(other), ..entry.clone() },
            Entry { place: 3, ..entry.clone() },
            Entry { at: Timestamp(0), ..entry.clone() },
            Entry { actor: "worker".into(), ..entry.clone() },
            Entry { actor: "operator\n0a-1".into(), request: None, ..entry.clone() },
            Entry { actor: "operator\\n".into(), ..entry.clone() },
            Entry { actor: "operator\n".into(), ..entry.clone() },
            Entry { client: Some("c".into()), ..entry.clone() },
            Entry { request: None, client: entry.request.clone(), ..entry.clone() },
            Entry { action: "deleted".into(), ..entry.clone() },
            Entry { resource_type: "Group".into(), ..entry.clone() },
            Entry { resource: Some(other), ..entry.clone() },
            Entry { version_before: None, ..entry.clone() },
            Entry { version_after: None, ..entry.clone() },
            Entry { detail: Some("d".into()), ..entry.clone() },
            Entry { count: 2, ..entry.clone() },
        ];
        let mut hashes: Vec<_> = changed.iter().chain([&entry]).map(|entry| link(&START, entry)).collect();
        hashes.push(link(&[1; 32], &entry));
        let count = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), count);
    }

    #[test]
    fn versions_tell_what_happened() {
        for (before, after, word) in
            [(None, Some(1), "created"), (None, Some(4), "restored"), (Some(1), Some(2), "changed"), (Some(2), None, "deleted")]
        {
            assert_eq!(action(before, after), word);
        }
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = EntryId { at: Timestamp(5), place: 7 };
        assert_eq!("5-7".parse::<EntryId>().ok(), Some(id));
        for wrong in ["", "5", "5-", "-5-7", "+5-7", "05-7", "5-7-1", "5-+7"] {
            assert!(wrong.parse::<EntryId>().is_err(), "{wrong}");
        }
    }
}
