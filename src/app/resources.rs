//! Resources of types that somebody added: create, read, replace, patch, delete, list. All types share two scopes.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{App, Error, TRIES, precondition, same_id};
use crate::auth::{Principal, Scope};
use crate::base::{Timestamp, TypeId};
use crate::directory::Change;
use crate::directory::resources::{self, Draft, Edits};
use crate::scim::list::Query;
use crate::scim::{self, Kind, Quirks, Record, ResourceType};
use crate::store::{self, Outcome, Page, References};

/// The resource as it is, and what makes another of it.
type Decided = Result<(Record, Option<Change>), Error>;

impl App {
    /// A new resource. 409 `uniqueness` where a unique value is taken.
    pub async fn resource_create(
        &self,
        who: &Principal,
        resource_type: &ResourceType,
        body: Map<String, Value>,
    ) -> Result<Record, Error> {
        let now = self.now();
        let id = self.random.uuid(now);
        self.commit_one(who, self.resource_created(who, resource_type, id, body, now)?).await?;
        self.load(who, resource_type.kind, id, References::Omit).await
    }

    /// A resource of the caller's org.
    pub async fn resource_get(&self, who: &Principal, resource_type: &ResourceType, id: Uuid) -> Result<Record, Error> {
        who.require(Scope::ResourcesRead)?;
        self.load(who, resource_type.kind, id, References::Omit).await
    }

    /// The resources that `query` asks for.
    pub async fn resource_list(&self, who: &Principal, resource_type: &ResourceType, query: &Query) -> Result<Page, Error> {
        who.require(Scope::ResourcesRead)?;
        Ok(self.store.resources(who.org.id, resource_type.kind, query, self.now()).await?)
    }

    /// The resource with `body` in place of what it was (RFC 7644 §3.5.1).
    pub async fn resource_replace(
        &self,
        who: &Principal,
        resource_type: &ResourceType,
        id: Uuid,
        if_match: Option<&str>,
        body: Map<String, Value>,
    ) -> Result<Record, Error> {
        let draft = self.resource_draft(who, resource_type, Some(id), body)?;
        for _ in 0..TRIES {
            let decided = self.resource_replaced(who, resource_type, id, if_match, &draft).await?;
            if let Some(record) = self.resource_write(who, decided).await? {
                return Ok(record);
            }
        }
        Err(store::Error::Stale.into())
    }

    /// The resource after the operations of `body` (RFC 7644 §3.5.2), all or none of them.
    pub async fn resource_patch(
        &self,
        who: &Principal,
        resource_type: &ResourceType,
        id: Uuid,
        if_match: Option<&str>,
        body: Map<String, Value>,
    ) -> Result<Record, Error> {
        let mut edits = self.resource_edits(who, resource_type, body)?;
        for _ in 0..TRIES {
            let decided = self.resource_patched(who, resource_type, id, if_match, &mut edits).await?;
            if let Some(record) = self.resource_write(who, decided).await? {
                return Ok(record);
            }
        }
        Err(store::Error::Stale.into())
    }

    /// Removes the resource.
    pub async fn resource_delete(
        &self,
        who: &Principal,
        resource_type: &ResourceType,
        id: Uuid,
        if_match: Option<&str>,
    ) -> Result<(), Error> {
        for _ in 0..TRIES {
            match self.commit_one(who, self.resource_deleted(who, resource_type, id, if_match).await?).await {
                Ok(_) => return Ok(()),
                Err(store::Error::Stale) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(store::Error::Stale.into())
    }

    /// The change that makes the resource `id` of `body`.
    pub(super) fn resource_created(
        &self,
        who: &Principal,
        resource_type: &ResourceType,
        id: Uuid,
        body: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Change, Error> {
        let draft = self.resource_draft(who, resource_type, None, body)?;
        Ok(resources::create(who.org.id, type_id(resource_type)?, id, &draft, now)?)
    }

    /// `body`, judged by the schema, for the resource `id`, where there is one already.
    pub(super) fn resource_draft<'s>(
        &self,
        who: &Principal,
        resource_type: &'s ResourceType,
        id: Option<Uuid>,
        body: Map<String, Value>,
    ) -> Result<Draft<'s>, Error> {
        who.require(Scope::ResourcesWrite)?;
        let (profile, mut quirks) = (self.profile(who), Quirks::default());
        let named = same_id(&body, id, profile, &mut quirks);
        let draft = named.and_then(|()| Ok(Draft::parse(body, resource_type, profile, &mut quirks)?));
        self.note(who, &quirks);
        draft
    }

    /// `body`, judged by the schema, and what was forgiven so far.
    pub(super) fn resource_edits<'s>(
        &self,
        who: &Principal,
        resource_type: &'s ResourceType,
        body: Map<String, Value>,
    ) -> Result<(Edits<'s>, Quirks), Error> {
        who.require(Scope::ResourcesWrite)?;
        let mut quirks = Quirks::default();
        let edits = Edits::parse(body, resource_type, self.profile(who), &mut quirks);
        self.note(who, &quirks);
        Ok((edits?, quirks))
    }

    pub(super) async fn resource_replaced(
        &self,
        who: &Principal,
        resource_type: &ResourceType,
        id: Uuid,
        if_match: Option<&str>,
        draft: &Draft<'_>,
    ) -> Decided {
        self.conditional(who, if_match)?;
        let current = self.load(who, resource_type.kind, id, References::Omit).await?;
        precondition(if_match, current.version)?;
        let change = resources::replace(who.org.id, type_id(resource_type)?, &current, draft, self.now())?;
        Ok((current, change))
    }

    pub(super) async fn resource_patched(
        &self,
        who: &Principal,
        resource_type: &ResourceType,
        id: Uuid,
        if_match: Option<&str>,
        (edits, quirks): &mut (Edits<'_>, Quirks),
    ) -> Decided {
        self.conditional(who, if_match)?;
        let current = self.load(who, resource_type.kind, id, References::Omit).await?;
        precondition(if_match, current.version)?;
        let (type_id, profile) = (type_id(resource_type)?, self.profile(who));
        let change = resources::patch(who.org.id, type_id, &current, edits, profile, quirks, self.now());
        self.note(who, quirks);
        Ok((current, change?))
    }

    /// The change that removes the resource.
    pub(super) async fn resource_deleted(
        &self,
        who: &Principal,
        resource_type: &ResourceType,
        id: Uuid,
        if_match: Option<&str>,
    ) -> Result<Change, Error> {
        who.require(Scope::ResourcesWrite)?;
        self.conditional(who, if_match)?;
        let expected = self.expected(who, resource_type.kind, id, if_match).await?;
        Ok(Change::ResourceDeleted { org: who.org.id, type_id: type_id(resource_type)?, id, expected })
    }

    /// The resource after what was decided; none where it was stale and has to be decided anew.
    async fn resource_write(
        &self,
        who: &Principal,
        (current, change): (Record, Option<Change>),
    ) -> Result<Option<Record>, Error> {
        let Some(change) = change else { return Ok(Some(current)) };
        let doc = match &change {
            Change::ResourceReplaced { doc, .. } => doc.clone(),
            _ => current.doc.clone(),
        };
        match self.commit_one(who, change).await {
            Ok(Outcome::Written { version, last_modified }) => Ok(Some(Record { doc, version, last_modified, ..current })),
            Ok(_) | Err(store::Error::Stale) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Users, groups and invitations have use cases of their own.
fn type_id(resource_type: &ResourceType) -> Result<TypeId, Error> {
    match resource_type.kind {
        Kind::Custom(type_id) => Ok(type_id),
        _ => Err(scim::Error::not_found().into()),
    }
}
