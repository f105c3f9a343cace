//! Tokens that were believed a moment ago, so that a signature is checked once and not at every request.
//!
//! Keyed by the token's SHA-256: the token itself is never kept. What only the store knows (revocation, a deactivated user) is
//! not remembered here and asked at every request (SEC S-27).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use crate::auth::Verified;
use crate::auth::verify::LEEWAY;
use crate::base::Timestamp;

/// Independent locks, so that requests on other cores do not wait.
const SHARDS: usize = 16;
/// Entries of one shard; with a kilobyte each, 16 MiB in all.
const ENTRIES_MAX: usize = 1024;

/// SHA-256 of a token.
pub(crate) type Fingerprint = [u8; 32];

type Shard = HashMap<Fingerprint, (Epoch, Arc<Verified>)>;

/// The memory.
#[derive(Default)]
pub(crate) struct Remembered {
    shards: [Mutex<Shard>; SHARDS],
    epoch: AtomicU64,
}

/// Counts how often everything was forgotten. What was verified before, with keys of before, is not remembered after.
pub(crate) type Epoch = u64;

pub(crate) fn fingerprint(token: &str) -> Fingerprint {
    Sha256::digest(token.as_bytes()).into()
}

impl Remembered {
    /// What was believed of the token, unless it has expired since.
    pub(crate) fn get(&self, token: &Fingerprint, now: Timestamp) -> Option<Arc<Verified>> {
        let (epoch, found) = self.shard(token).get(token).cloned()?;
        (epoch == self.epoch() && is_current(&found, now)).then_some(found)
    }

    /// To be asked before the keys are looked up, and given to [`put`](Remembered::put).
    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Remembers it. A full shard drops what has expired, and everything if that is nothing.
    pub(crate) fn put(&self, epoch: Epoch, token: Fingerprint, verified: Arc<Verified>, now: Timestamp) {
        let mut shard = self.shard(&token);
        if shard.len() >= ENTRIES_MAX {
            shard.retain(|_, (_, verified)| is_current(verified, now));
        }
        if shard.len() >= ENTRIES_MAX {
            shard.clear();
        }
        shard.insert(token, (epoch, verified));
    }

    /// Forgets everything: a key or a token is no longer believed.
    pub(crate) fn clear(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        for shard in &self.shards {
            shard.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    fn shard(&self, token: &Fingerprint) -> MutexGuard<'_, Shard> {
        // A shard whose holder panicked is still a map of believed tokens.
        self.shards[usize::from(token[0]) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_current(verified: &Verified, now: Timestamp) -> bool {
    verified.expires_at + LEEWAY > now
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{ScopeSet, Subject};

    fn verified(expires_at: Timestamp) -> Arc<Verified> {
        let id = uuid::Uuid::from_u128(1);
        Arc::new(Verified {
            org: id.into(),
            subject: Subject::User(id.into()),
            client_id: None,
            scopes: ScopeSet::ALL,
            token: None,
            issued_at: Timestamp(0),
            expires_at,
            sources: Vec::new(),
            actors: Vec::new(),
        })
    }

    #[test]
    fn a_token_is_remembered_until_it_expires_or_all_are_forgotten() {
        let memory = Remembered::default();
        let (one, other) = (fingerprint("a.b.c"), fingerprint("a.b.d"));
        memory.put(0, one, verified(Timestamp(60_000)), Timestamp(0));
        assert!(memory.get(&one, Timestamp(89_999)).is_some());
        assert!(memory.get(&one, Timestamp(90_000)).is_none(), "exp and the leeway have passed");
        assert!(memory.get(&other, Timestamp(0)).is_none(), "one byte makes another token");
        memory.clear();
        assert!(memory.get(&one, Timestamp(0)).is_none());
        memory.put(0, one, verified(Timestamp(60_000)), Timestamp(0));
        assert!(memory.get(&one, Timestamp(0)).is_none(), "verified with the keys of before");
        memory.put(memory.epoch(), one, verified(Timestamp(60_000)), Timestamp(0));
        assert!(memory.get(&one, Timestamp(0)).is_some());
    }

    #[test]
    fn memory_is_bounded_whatever_is_sent() {
        let memory = Remembered::default();
        let token = |at: u32| {
            let mut token = [0; 32];
            token[4..8].copy_from_slice(&at.to_be_bytes());
            token
        };
        for at in 0..3000 {
            memory.put(0, token(at), verified(Timestamp(i64::MAX)), Timestamp(0));
        }
        assert!(memory.shard(&token(0)).len() <= ENTRIES_MAX);
        assert!(memory.get(&token(2999), Timestamp(0)).is_some(), "the newest is there");
    }
}
