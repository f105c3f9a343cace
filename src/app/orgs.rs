//! Organizations: making and listing them. For operators; no request reaches this.

use super::{App, Error};
use crate::base::OrgId;
use crate::org::{self, Org};
use crate::scim;
use crate::store::{self, Actor};

impl App {
    /// A new root, or a child of `parent`. 409 where the handle is taken in its tree.
    pub async fn org_create(&self, parent: Option<OrgId>, handle: &str, name: Option<&str>) -> Result<Org, Error> {
        let ancestors = self.org_ancestry(parent).await?;
        let now = self.now();
        let org = org::create(self.random.uuid(now).into(), &ancestors, handle, name, now)?;
        match self.store.commit(self.author(Actor::Operator), vec![org::Change::OrgCreated(org.clone()).into()]).await {
            Ok(_) => Ok(org),
            Err(store::Error::Taken { attribute }) => Err(scim::Error::taken(attribute, handle).into()),
            Err(error) => Err(error.into()),
        }
    }

    /// `first` and what stands above it, the root last; nothing for none.
    pub async fn org_ancestry(&self, first: Option<OrgId>) -> Result<Vec<Org>, Error> {
        let mut ancestry = Vec::new();
        let mut next = first;
        while let Some(id) = next {
            let org = self.store.org(id).await?.ok_or(store::Error::NotFound)?;
            next = org.parent;
            ancestry.push(org);
        }
        Ok(ancestry)
    }
}
