//! How much is asked at a time: by an org, and by whoever tries credentials that are wrong.
//!
//! An org always has what identity providers need, 25 requests a second and a hundred at once (SEC V-28). What goes beyond that is
//! refused only while more is under way than the machine takes in its stride, so that one org cannot push the others aside.
//!
//! Wrong credentials are counted by what was tried *and* where it came from, so that a stranger locks nobody out; and, of a password,
//! which can be guessed, with a higher bound by what was tried alone.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
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
    /// What an org always has.
    pub requests: Rate,
    /// Requests under way up to which no org is held to that.
    pub under_way: usize,
    /// Wrong credentials of one kind from one address.
    pub attempts: Rate,
    /// How many times as many wrong passwords of one user from everywhere.
    pub everywhere: u32,
}

impl Default for Chosen {
    fn default() -> Self {
        Chosen {
            requests: Rate { burst: 100, interval: Duration::from_millis(40) },
            under_way: 256,
            attempts: Rate { burst: 10, interval: Duration::from_secs(6) },
            everywhere: 10,
        }
    }
}

/// The counts.
#[derive(Default)]
pub struct Limits {
    chosen: Chosen,
    under_way: AtomicUsize,
    requests: Buckets<OrgId>,
    passwords: Buckets<u64>,
    // Whoever floods these ends no count of passwords.
    clients: Buckets<u64>,
    hasher: RandomState,
}

/// A request that is under way until this is dropped.
pub(crate) struct UnderWay<'a>(&'a AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Limits {
    /// With nothing counted yet.
    pub fn new(chosen: Chosen) -> Limits {
        Limits { chosen, ..Limits::default() }
    }

    /// A request begins.
    pub(crate) fn begin(&self) -> UnderWay<'_> {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(&self.under_way)
    }

    /// Counts a request of a caller who was let into `org`.
    pub(crate) fn request(&self, org: OrgId, now: Timestamp) -> Result<(), Error> {
        match self.requests.take(org, self.chosen.requests, now) {
            Err(wait) if self.under_way.load(Ordering::Relaxed) > self.chosen.under_way => Err(too_many(wait)),
            _ => Ok(()),
        }
    }

    /// Whether a client that says it is `client` may prove it once more from `place`.
    pub(crate) fn client(&self, client: &str, place: &str, now: Timestamp) -> Result<(), Error> {
        self.clients.look(self.hasher.hash_one((client, place)), self.chosen.attempts, now).map_err(too_many)
    }

    /// It did not.
    pub(crate) fn client_failed(&self, client: &str, place: &str, now: Timestamp) {
        let _ = self.clients.take(self.hasher.hash_one((client, place)), self.chosen.attempts, now);
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
        let Chosen { attempts, everywhere, .. } = self.chosen;
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

    /// Whether there is room for one more.
    fn look(&self, key: K, rate: Rate, now: Timestamp) -> Result<(), Duration> {
        let read = self.shard(key).read().unwrap_or_else(PoisonError::into_inner);
        let dry = read.get(&key).map_or(i64::MIN, |dry| dry.load(Ordering::Relaxed));
        filled(dry, rate, now).map(|_| ())
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

    /// X-11, SEC V-28, S-63
    #[test]
    fn an_org_has_its_burst_and_its_rate_and_no_other_org_pays_for_more() {
        let limits = Limits::new(Chosen { under_way: 0, ..Chosen::default() });
        let _one = limits.begin();
        let at = |ms| Timestamp(NOW.0 + ms);
        assert!((0..100).all(|_| limits.request(org(1), at(0)).is_ok()));
        assert_eq!(seconds(limits.request(org(1), at(0))), Some(1));
        assert!(limits.request(org(2), at(0)).is_ok());
        // Twenty-five a second for a minute, evenly and in heaps.
        assert!((1..=1500).all(|count| limits.request(org(1), at(count * 40)).is_ok()));
        assert!(limits.request(org(1), at(60_000)).is_err());
        assert!((0..25).all(|_| limits.request(org(1), at(61_000)).is_ok()));
        assert!(limits.request(org(1), at(61_000)).is_err());
        assert!(limits.request(org(1), at(-300_000)).is_ok(), "SEC F-23: a clock that goes back locks nobody out");
    }

    #[test]
    fn while_little_is_under_way_nobody_is_refused() {
        let limits = Limits::new(Chosen { under_way: 2, ..Chosen::default() });
        let ask = || (0..200).filter(|_| limits.request(org(1), NOW).is_err()).count();
        let (_one, _two) = (limits.begin(), limits.begin());
        assert_eq!(ask(), 0);
        let three = limits.begin();
        assert_eq!(ask(), 200);
        drop(three);
        assert_eq!(ask(), 0);
    }

    #[test]
    fn a_client_is_held_back_where_it_failed_and_nowhere_else() {
        let limits = Limits::default();
        for _ in 0..10 {
            assert!(limits.client("okta", "here", NOW).is_ok());
            limits.client_failed("okta", "here", NOW);
        }
        assert_eq!(seconds(limits.client("okta", "here", NOW)), Some(6));
        assert!(limits.client("okta", "there", NOW).is_ok() && limits.client("entra", "here", NOW).is_ok());
        assert!(limits.client("okta", "here", NOW + Duration::from_secs(6)).is_ok());
    }

    /// SEC S-63
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
        let limits = Limits::new(Chosen { attempts: slow, everywhere: 1, ..Chosen::default() });
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
            limits.client_failed(&number.to_string(), "here", NOW);
        }
        assert!(limits.clients.0.iter().all(|shard| shard.read().expect("unharmed").len() <= KEYS_MAX));
        assert!(limits.passwords.0.iter().all(|shard| shard.read().expect("unharmed").len() <= KEYS_MAX));
    }
}
