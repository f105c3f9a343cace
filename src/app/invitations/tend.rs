//! What time does to invitations and memberships. What is over is over by the clock; this writes it down, reminds and forgets.

use crate::app::{App, Error};
use crate::base::limit;
use crate::directory;
use crate::invite;
use crate::store::{self, Actor, Change};

impl App {
    /// Writes down what has expired, queues reminders, removes guests whose time is over: a bounded number of each. Whether
    /// there may be more.
    pub async fn invitations_tend(&self) -> Result<bool, Error> {
        let now = self.now();
        let due = self.store.invitations_due(now).await?;
        let has_more = due.reminders.len().max(due.guests.len()) == limit::TENDED_MAX;
        if due.has_expired {
            self.tended(invite::Change::InvitationsExpired { at: now }).await?;
        }
        for (org, id, generation) in due.reminders {
            let wants = self.store.org(org).await?.is_some_and(|org| self.invite_policy(&org).remind_before.is_some());
            let letter = wants.then(|| self.random.uuid(now));
            self.tended(invite::Change::InvitationReminded { org, id, generation, letter, at: now }).await?;
            self.letters.notify_one();
        }
        for (org, id) in due.guests {
            self.tended(directory::Change::UserDeleted { org, id, expected: None, at: now }).await?;
        }
        Ok(has_more)
    }

    /// Forgets invitations that ended longer ago than their org wants to know, some of each org at a time.
    pub async fn invitations_forget(&self) -> Result<(), Error> {
        let now = self.now();
        for id in self.store.invitations_ended(now - limit::INVITATIONS_KEPT_MIN).await? {
            let Some(org) = self.store.org(id).await? else { continue };
            let before = now - self.invite_policy(&org).kept;
            self.tended(invite::Change::InvitationsForgotten { org: id, before }).await?;
        }
        Ok(())
    }

    /// What somebody else did meanwhile needs no doing.
    async fn tended(&self, change: impl Into<Change>) -> Result<(), Error> {
        match self.store.commit(self.author(Actor::Worker), vec![change.into()]).await {
            Ok(_) | Err(store::Error::Stale | store::Error::NotFound) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
