//! What was deleted: listing it, restoring it, and forgetting it at once.
//!
//! The scopes are of their own: whoever provisions can delete, and must not be able to make that final.

use std::time::Duration;

use uuid::Uuid;

use super::{App, Error};
use crate::auth::{Principal, Scope};
use crate::base::Timestamp;
use crate::directory::Change;
use crate::directory::deleted::{Restored, Tombstone};
use crate::org::{Org, Setting};
use crate::scim::{self, Kind, ScimType};
use crate::store::{self, Actor, Deleted, Outcome};

impl App {
    /// What was deleted in the caller's org and can be restored: how many, and a page, the latest first.
    pub async fn deleted_list(
        &self,
        who: &Principal,
        kind: Option<Kind>,
        offset: usize,
        count: usize,
    ) -> Result<(usize, Vec<Tombstone>), Error> {
        who.require(Scope::DeletedRead)?;
        let query = Deleted { kind, id: None, after: self.restorable_after(who), offset, count };
        Ok(self.store.deleted(who.org.id, &query).await?)
    }

    /// Makes it again, under its id and with those memberships whose other end is there. A guest needs its source to be a
    /// user of the parent; its own guests stay deleted, since their orgs decide on them. 409 where its name is taken meanwhile.
    pub async fn deleted_restore(&self, who: &Principal, id: Uuid) -> Result<(Tombstone, Restored), Error> {
        who.require(Scope::DeletedWrite)?;
        let after = self.restorable_after(who);
        let query = Deleted { kind: None, id: Some(id), after, offset: 0, count: 1 };
        let tombstone = self.store.deleted(who.org.id, &query).await?.1.pop().ok_or(store::Error::NotFound)?;
        match self.commit_one(who, Change::Restored { org: who.org.id, id, after, at: self.now() }).await {
            Ok(Outcome::Restored(restored)) => Ok((tombstone, restored)),
            Ok(_) => Err(Error::Task("a restoration")),
            Err(store::Error::Taken { attribute: "source" }) => {
                let detail = "the user of the parent organization that it stands for is a guest again already";
                Err(scim::Error { scim_type: Some(ScimType::Uniqueness), ..scim::Error::status(409, detail) }.into())
            }
            Err(store::Error::Taken { attribute: attribute @ ("userName" | "displayName") }) => {
                Err(scim::Error::taken(attribute, &tombstone.display).into())
            }
            Err(error @ store::Error::Taken { .. }) => {
                Err(scim::Error { scim_type: Some(ScimType::Uniqueness), ..scim::Error::status(409, error.to_string()) }.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets it now. Of a home user nothing is left in the orgs below either.
    pub async fn deleted_erase(&self, who: &Principal, id: Uuid) -> Result<(), Error> {
        who.require(Scope::DeletedWrite)?;
        self.commit_one(who, Change::Erased { org: who.org.id, id }).await?;
        Ok(())
    }

    /// Forgets some of what can no longer be restored, whatever its org.
    pub async fn deleted_expire(&self) -> Result<(), Error> {
        let change = Change::Expired { until: self.now() - self.settings.restorable, at: self.now() };
        self.store.commit(self.author(Actor::Worker), vec![change.into()]).await?;
        Ok(())
    }

    /// For how long what was deleted in `org` can be restored: as the operator says, or less where the org chose less.
    pub fn restorable(&self, org: &Org) -> Duration {
        let days = org.settings.choices.number(Setting::RetentionDeleted);
        let chosen = days.map(|days| Duration::from_secs(days * 24 * 3600));
        chosen.map_or(self.settings.restorable, |chosen| chosen.min(self.settings.restorable))
    }

    fn restorable_after(&self, who: &Principal) -> Timestamp {
        self.now() - self.restorable(&who.org)
    }
}
