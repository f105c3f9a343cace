//! When credentials were last used: noted in memory at every request, written by the worker, exact to a minute.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use uuid::Uuid;

use crate::base::limit::{LAST_USE, LAST_USES_MAX};
use crate::base::{OrgId, Timestamp};

/// A credential, by its org and its id.
type Key = (OrgId, Uuid);

/// What was noted, and what of it waits to be written.
#[derive(Default)]
pub(crate) struct LastUses {
    noted: RwLock<HashMap<Key, AtomicI64>>,
    waiting: Mutex<Vec<(OrgId, Uuid, Timestamp)>>,
}

impl LastUses {
    /// `key` is used at `now`. Nothing waits for a disk; within a minute of the last note it is a look and no more.
    pub(crate) fn note(&self, key: Key, now: Timestamp) {
        let noted = self.noted.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = noted.get(&key) {
            let before = last.load(Ordering::Relaxed);
            let is_fresh = (before..=(Timestamp(before) + LAST_USE).0).contains(&now.0);
            if is_fresh || last.compare_exchange(before, now.0, Ordering::Relaxed, Ordering::Relaxed).is_err() {
                return;
            }
        } else {
            drop(noted);
            let mut noted = self.noted.write().unwrap_or_else(PoisonError::into_inner);
            if noted.len() >= LAST_USES_MAX {
                noted.clear();
            }
            noted.insert(key, AtomicI64::new(now.0));
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < LAST_USES_MAX {
            waiting.push((key.0, key.1, now));
        }
    }

    /// What waits.
    pub(crate) fn take(&self) -> Vec<(OrgId, Uuid, Timestamp)> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_written_down_once_a_minute() {
        let uses = LastUses::default();
        let key = (OrgId(Uuid::from_u128(1)), Uuid::from_u128(2));
        let other = (OrgId(Uuid::from_u128(3)), Uuid::from_u128(2));
        for (key, at) in [(key, 0), (key, 1), (other, 1), (key, 60_000), (key, 60_001), (key, 70_000), (key, 5)] {
            uses.note(key, Timestamp(at));
        }
        let of = |key: Key, at| (key.0, key.1, Timestamp(at));
        assert_eq!(uses.take(), [of(key, 0), of(other, 1), of(key, 60_001), of(key, 5)], "the last by a clock that went back");
        assert_eq!(uses.take(), []);
    }
}
