//! The request log: answers wait in memory until the worker writes them, many at a time, and administrators read them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{App, Error};
use crate::auth::{Principal, Scope};
use crate::base::limit::{LOG_BATCH_MAX, LOG_QUEUE_BYTES_MAX, LOG_QUEUE_MAX};
use crate::org::Change;
use crate::org::log::{self, Entry, Wanted};
use crate::store::{self, Actor};

/// Lines that wait, with the bodies as they were sent: they are redacted off the way of the request, before they are written.
#[derive(Default)]
pub struct Requests {
    waiting: Mutex<Waiting>,
    /// Told when a batch is full.
    pub(crate) full: tokio::sync::Notify,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<(Entry, Option<Bytes>)>,
    bytes: usize,
    dropped: u64,
}

/// How long lines are kept, and how many of each org.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Their age.
    pub age: std::time::Duration,
    /// Their number.
    pub rows: u32,
}

impl Requests {
    /// Takes a line; one that finds no room is counted and lost, for no answer waits for the log. Where room for bytes is short, its
    /// body is lost alone.
    pub fn push(&self, entry: Entry, body: Option<Bytes>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let body = body.filter(|body| waiting.bytes + body.len() <= LOG_QUEUE_BYTES_MAX);
        let size = body.as_ref().map_or(0, Bytes::len);
        if waiting.lines.len() >= LOG_QUEUE_MAX {
            waiting.dropped += 1;
            return;
        }
        waiting.bytes += size;
        waiting.lines.push_back((entry, body));
        if waiting.lines.len() >= LOG_BATCH_MAX || waiting.bytes > LOG_QUEUE_BYTES_MAX / 2 {
            self.full.notify_one();
        }
    }

    fn lose(&self, count: u64) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).dropped += count;
    }

    /// Puts lines that could not be written back in their place, as far as there is room.
    fn put_back(&self, entries: Vec<Entry>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in entries.into_iter().rev() {
            match waiting.lines.len() < LOG_QUEUE_MAX {
                true => waiting.lines.push_front((entry, None)),
                false => waiting.dropped += 1,
            }
        }
    }

    /// The oldest lines, and how many were lost since the last call.
    fn take(&self) -> (Vec<(Entry, Option<Bytes>)>, u64) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.lines.len().min(LOG_BATCH_MAX);
        let lines: Vec<_> = waiting.lines.drain(..count).collect();
        waiting.bytes -= lines.iter().filter_map(|(_, body)| body.as_ref()).map(Bytes::len).sum::<usize>();
        (lines, std::mem::take(&mut waiting.dropped))
    }
}

impl App {
    /// Writes what waits, if anything does. Whether more waits.
    pub async fn requests_flush(&self) -> Result<bool, store::Error> {
        let (lines, dropped) = self.requests.take();
        if dropped > 0 {
            tracing::warn!(dropped, "the request log was full");
        }
        if lines.is_empty() {
            return Ok(false);
        }
        let is_more = lines.len() == LOG_BATCH_MAX;
        let entries =
            lines.into_iter().map(|(entry, body)| Entry { body: body.map(|bytes| log::body(&bytes)).or(entry.body), ..entry });
        let entries: Vec<Entry> = entries.collect();
        let change = Change::RequestsLogged { entries: entries.clone() };
        let written = self.store.commit(self.author(Actor::Worker), vec![change.into()]).await;
        written.inspect_err(|error| match error {
            store::Error::Busy => self.requests.put_back(entries),
            // What the engine does not take it may never take.
            _ => self.requests.lose(entries.len() as u64),
        })?;
        Ok(is_more)
    }

    /// Forgets some of what is too old or too much, also of an org that nobody calls any more.
    pub async fn requests_expire(&self, keep: Keep) -> Result<(), store::Error> {
        let surplus = self.store.requests_surplus(keep.rows).await?;
        let change = Change::RequestsExpired { since: self.now() - keep.age, at: self.now(), surplus };
        self.store.commit(self.author(Actor::Worker), vec![change.into()]).await?;
        Ok(())
    }

    /// The lines of the caller's org that are wanted, the newest first, and where the next page starts.
    pub async fn requests_list(&self, who: &Principal, wanted: &Wanted) -> Result<Value, Error> {
        who.require(Scope::RequestsRead)?;
        let entries = self.store.request_log(who.org.id, wanted).await?;
        let next = entries.last().filter(|_| entries.len() == wanted.limit).map(|entry| entry.id);
        let mut body = json!({ "requests": entries.iter().map(show).collect::<Vec<_>>() });
        if let Some(next) = next {
            body["next"] = next.to_string().into();
        }
        Ok(body)
    }

    /// One line of the caller's org.
    pub async fn requests_get(&self, who: &Principal, id: Uuid) -> Result<Value, Error> {
        who.require(Scope::RequestsRead)?;
        let entry = self.store.request_logged(who.org.id, id).await?;
        Ok(show(&entry.ok_or(store::Error::NotFound)?))
    }

    /// What had to be forgiven in the caller's org, and how often.
    pub async fn quirks_list(&self, who: &Principal) -> Result<Value, Error> {
        who.require(Scope::RequestsRead)?;
        let counts = self.store.quirk_counts(who.org.id).await?;
        let show = |count: &log::QuirkCount| json!({ "quirk": count.quirk, "count": count.count, "lastSeen": count.last_seen });
        Ok(json!({ "quirks": counts.iter().map(show).collect::<Vec<_>>() }))
    }
}

fn show(entry: &Entry) -> Value {
    let mut line = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            line.insert(name.to_owned(), value);
        }
    };
    put("id", entry.id.to_string().into());
    put("at", json!(entry.at));
    put("method", entry.method.clone().into());
    put("path", entry.path.clone().into());
    put("status", entry.status.into());
    put("durationMs", json!(entry.duration_us as f64 / 1000.0));
    put("client", json!(entry.client));
    put("userAgent", json!(entry.user_agent));
    put("provider", json!(entry.provider()));
    put("quirks", json!(entry.quirks.names()));
    put("reason", json!(entry.reason));
    put("body", json!(entry.body));
    Value::Object(line)
}
