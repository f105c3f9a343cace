//! How often credentials that are wrong may be tried.
//!
//! They are counted by what was tried *and* where it came from, so that a stranger locks nobody out; and, of a password, which can be
//! guessed, with a higher bound by what was tried alone.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use super::Error;
use crate::base::{OrgId, Timestamp};

/// Independent locks, so that requests on other cores do not wait.
const SHARDS: usize = 16;
/// Keys of one shard; beyond it those that are at rest are forgotten, and all if there are none.
const KEYS_MAX: usize = 4096;
/// What `Retry-After` says at the most; Okta gives up on longer ones.
const WAIT_MAX_SECONDS: u64 = 30;

/// So many in a row, and then one in each interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many at once.
    pub burst: u32,
    /// Between two of the others.
    pub interval: Duration,
}

/// What an operator chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Wrong credentials of one kind from one address.
    pub attempts: Rate,
    /// How many times as many wrong passwords of one user from everywhere.
    pub everywhere: u32,
}

impl Default for Chosen {
    fn default() -> Self {
        Chosen { attempts: Rate { burst: 10, interval: Duration::from_secs(6) }, everywhere: 10 }
    }
}

/// The counts.
#[derive(Default)]
pub struct Limits {
    chosen: Chosen,
    passwords: Buckets<u64>,
    hasher: RandomState,
}

impl Limits {
    /// With nothing counted yet.
    pub fn new(chosen: Chosen) -> Limits {
        Limits { chosen, ..Limits::default() }
    }

    /// Somebody tries a password of `user_name` from `place`. It counts until it proves right: a hash takes long enough for many to be
    /// tried side by side.
    pub(crate) fn password(&self, org: OrgId, user_name: &str, place: &str, now: Timestamp) -> Result<(), Error> {
        let [(here, rate), (anywhere, all)] = self.keys(org, user_name, place);
        self.passwords.take(anywhere, all, now).map_err(too_many)?;
        self.passwords.take(here, rate, now).map_err(|wait| {
            // Who is held back here holds nobody back elsewhere.
            self.passwords.give_back(anywhere, all);
            too_many(wait)
        })
    }

    /// It was right.
    pub(crate) fn password_was_right(&self, org: OrgId, user_name: &str, place: &str) {
        self.keys(org, user_name, place).into_iter().for_each(|(key, rate)| self.passwords.give_back(key, rate));
    }

    fn keys(&self, org: OrgId, user_name: &str, place: &str) -> [(u64, Rate); 2] {
        let Chosen { attempts, everywhere } = self.chosen;
        let times = everywhere.max(1);
        let all = Rate { burst: attempts.burst.saturating_mul(times), interval: attempts.interval / times };
        let key = |place: Option<&str>| self.hasher.hash_one((org, user_name, place));
        [(key(Some(place)), attempts), (key(None), all)]
    }
}

fn too_many(wait: Duration) -> Error {
    Error::TooMany { seconds: wait.as_secs_f64().ceil().clamp(1.0, WAIT_MAX_SECONDS as f64) as u32 }
}

/// Leaky buckets (GCRA): for each key the moment, in microseconds, at which its bucket will have run dry.
struct Buckets<K>([RwLock<HashMap<K, AtomicI64>>; SHARDS], RandomState);

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Buckets(std::array::from_fn(|_| RwLock::default()), RandomState::new())
    }
}

impl<K: Hash + Eq + Copy> Buckets<K> {
    /// One more, or how long to wait until there is room for it.
    fn take(&self, key: K, rate: Rate, now: Timestamp) -> Result<(), Duration> {
        let shard = self.shard(key);
        let read = shard.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(dry) = read.get(&key) {
            let mut result = Ok(());
            let _ = dry.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |dry| {
                let filled = filled(dry, rate, now);
                result = filled.map(|_| ());
                filled.ok()
            });
            return result;
        }
        drop(read);
        let mut write = shard.write().unwrap_or_else(PoisonError::into_inner);
        if write.len() >= KEYS_MAX {
            write.retain(|_, dry| *dry.get_mut() > micros(now));
        }
        if write.len() >= KEYS_MAX {
            write.clear();
        }
        let dry = write.entry(key).or_insert(AtomicI64::new(i64::MIN));
        *dry.get_mut() = filled(*dry.get_mut(), rate, now)?;
        Ok(())
    }

    /// One that was taken does not count.
    fn give_back(&self, key: K, rate: Rate) {
        let read = self.shard(key).read().unwrap_or_else(PoisonError::into_inner);
        if let Some(dry) = read.get(&key) {
            dry.fetch_sub(one(rate), Ordering::Relaxed);
        }
    }

    fn shard(&self, key: K) -> &RwLock<HashMap<K, AtomicI64>> {
        &self.0[self.1.hash_one(key) as usize % SHARDS]
    }
}

/// When a bucket that runs dry at `dry` will, with one more in it.
fn filled(dry: i64, rate: Rate, now: Timestamp) -> Result<i64, Duration> {
    let (now, one) = (micros(now), one(rate));
    let full = one.saturating_mul(rate.burst.into());
    // Further ahead than full it cannot be: the clock went back.
    let from = if dry.saturating_sub(now) > full { now } else { dry.max(now) };
    let over = from.saturating_add(one).saturating_sub(now).saturating_sub(full);
    if over > 0 { Err(Duration::from_micros(over.unsigned_abs())) } else { Ok(from.saturating_add(one)) }
}

fn one(rate: Rate) -> i64 {
    i64::try_from(rate.interval.as_micros()).unwrap_or(i64::MAX)
}

fn micros(at: Timestamp) -> i64 {
    at.0.saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn org(number: u128) -> OrgId {
        OrgId(uuid::Uuid::from_u128(number))
    }

    fn seconds(result: Result<(), Error>) -> Option<u32> {
        match result {
            Ok(()) => None,
            Err(Error::TooMany { seconds }) => Some(seconds),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn passwords_are_counted_by_whose_and_where_and_a_stranger_locks_nobody_out() {
        let limits = Limits::default();
        let ask = |name: &str, place: &str, now| seconds(limits.password(org(1), name, place, now));
        assert!((0..10).all(|_| ask("ada", "here", NOW).is_none()));
        assert_eq!(ask("ada", "here", NOW), Some(6));
        assert_eq!((ask("ada", "there", NOW), ask("bob", "here", NOW)), (None, None));
        assert_eq!(seconds(limits.password(org(2), "ada", "here", NOW)), None);
        assert_eq!(ask("ada", "here", NOW + Duration::from_secs(6)), None);
        assert_eq!(ask("ada", "here", NOW - Duration::from_secs(300)), None, "a clock that goes back locks nobody out");
        let slow = Rate { burst: 1, interval: Duration::from_secs(3600) };
        let limits = Limits::new(Chosen { attempts: slow, everywhere: 1 });
        assert!(limits.password(org(1), "ada", "here", NOW).is_ok());
        assert_eq!(seconds(limits.password(org(1), "ada", "here", NOW)), Some(30), "never longer than a provider waits");
    }

    #[test]
    fn the_right_password_does_not_count_and_a_thousand_places_do() {
        let limits = Limits::default();
        for _ in 0..100 {
            assert!(limits.password(org(1), "ada", "here", NOW).is_ok());
            limits.password_was_right(org(1), "ada", "here");
        }
        let tried = (0..1000).filter(|at| limits.password(org(1), "ada", &format!("place {at}"), NOW).is_ok()).count();
        assert_eq!(tried, 100, "a user's password is guessed no faster from many places");
    }

    #[test]
    fn who_is_held_back_in_one_place_uses_up_nothing_of_the_others() {
        let limits = Limits::default();
        assert_eq!((0..1000).filter(|_| limits.password(org(1), "ada", "here", NOW).is_ok()).count(), 10);
        assert!(limits.password(org(1), "ada", "there", NOW).is_ok());
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let limits = Limits::default();
        for number in 0..100_000_u32 {
            let _ = limits.password(org(1), &number.to_string(), "here", NOW);
        }
        assert!(limits.passwords.0.iter().all(|shard| shard.read().expect("unharmed").len() <= KEYS_MAX));
    }
}
