//! The latest instant that a write knew, so that what was over stays over when the clock goes back (SEC F-23).
//!
//! Until something is written after the clock has gone back, readers see what the latest instant makes them see. The first
//! write then puts down for good what was over by that instant, and from there on the clock is believed again: one that was
//! wrong for a moment must not end what is made later.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use super::change_log::Signatures;
use super::readers::one;
use super::{invitation_life, users};
use crate::base::Timestamp;
use crate::invite::{Invitation, Status};
use crate::store::{Actor, Author, Error};

/// In milliseconds, as a [`Timestamp`].
pub(super) struct Latest(AtomicI64);

impl Latest {
    /// As the last write left it.
    pub(super) fn read(db: &Connection) -> Result<Latest, Error> {
        Ok(Latest(one(db, "select latest from author", &[], |row| row.get::<_, i64>(0))?.unwrap_or(0).into()))
    }

    pub(super) fn get(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Acquire))
    }

    pub(super) fn set(&self, at: Timestamp) {
        self.0.store(at.0, Ordering::Release);
    }

    /// The instant by which a reader at `now` judges what is over.
    pub(super) fn of(&self, now: Timestamp) -> Timestamp {
        now.max(self.get())
    }

    /// `invitation`, expired if its time had passed at the latest instant.
    pub(super) fn aged(&self, invitation: Invitation) -> Invitation {
        match invitation.status_at(self.get()) {
            Status::Expired => Invitation { status: Status::Expired, ..invitation },
            _ => invitation,
        }
    }
}

/// Whether a write of `at`, after one of `latest`, shows that the clock has gone back. Those that wait side by side are a little
/// out of order.
pub(super) fn has_gone_back(latest: Timestamp, at: Timestamp) -> bool {
    at + Duration::from_secs(5) < latest
}

/// Puts down what was over by `latest`, before the first write with an earlier time.
pub(super) fn settle(db: &Connection, signatures: &mut Signatures, latest: Timestamp) -> Result<(), Error> {
    signatures.sign(db, &Author::new(Actor::Worker, latest))?;
    invitation_life::expire(db, latest, usize::MAX)?;
    users::end_memberships(db, latest)
}
