//! Organizations: those below the caller's own, as resources; and all of them, for operators.

use serde_json::{Map, Value, json};

use super::{App, Error, TRIES, precondition, same_id};
use crate::auth::{Principal, Scope, ScopeSet, Subject};
use crate::base::{GroupId, OrgId, UserId};
use crate::directory;
use crate::directory::orgs::{self, Draft, Edits};
use crate::org::{self, Change, Children, Contents, Org, Uprooted};
use crate::scim::list::Query;
use crate::scim::{self, Kind, Quirks, Record, Schemas, ScimType, resource, urn};
use crate::store::{self, Actor, Author, Outcome, Page, References};

/// Whether something is done, or only told what it would come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Done.
    Do,
    /// Told.
    Preview,
}

/// The group of those who may do everything in an org.
pub fn administrators() -> Value {
    json!({
        "schemas": [urn::GROUP, urn::ACCESS], "displayName": "Administrators",
        (urn::ACCESS): { "scopes": Scope::ALL.map(Scope::as_str) },
    })
}

impl App {
    /// An org below the caller's, or that one itself.
    pub async fn org_get(&self, who: &Principal, id: OrgId, references: References) -> Result<Record, Error> {
        who.require(Scope::OrganizationsRead)?;
        self.load(who, Kind::Organization, id.0, references).await
    }

    /// The orgs below the caller's that `query` asks for.
    pub async fn org_list(&self, who: &Principal, query: &Query) -> Result<Page, Error> {
        who.require(Scope::OrganizationsRead)?;
        Ok(self.store.resources(who.org.id, Kind::Organization, query, self.now()).await?)
    }

    /// A new child of the caller's org, or of one below it that the body names. A person who makes a child of its own org
    /// becomes a guest of it and the first of its administrators. 409 `uniqueness` where the handle is taken in the tree.
    pub async fn org_make(&self, who: &Principal, body: Map<String, Value>) -> Result<Record, Error> {
        who.require(Scope::OrganizationsWrite)?;
        let draft = self.org_draft(who, None, body)?;
        let parent = draft.parent().unwrap_or(who.org.id);
        for _ in 0..TRIES {
            let ancestors = match self.org_ancestry(Some(parent)).await {
                Ok(path) if path.iter().any(|org| org.id == who.org.id) => path,
                Ok(_) | Err(Error::Store(store::Error::NotFound)) => {
                    let detail = format!("`parent.value`: there is no organization {parent}");
                    return Err(scim::Error::bad(ScimType::InvalidValue, detail).into());
                }
                Err(error) => return Err(error),
            };
            let now = self.now();
            let id = OrgId(self.random.uuid(now));
            let change = orgs::create(id, who.org.id, &ancestors, &draft, now)?;
            let mut changes: Vec<store::Change> = vec![change.into()];
            if let (Subject::User(source), true) = (&who.subject, parent == who.org.id) {
                let (guest, group) = (UserId(self.random.uuid(now)), GroupId(self.random.uuid(now)));
                let (source_org, source) = (parent, *source);
                changes.push(directory::Change::GuestCreated { org: id, id: guest, source_org, source, at: now }.into());
                let doc = resource::document(Kind::Group, group.0, administrators().as_object().expect("it is an object"));
                let members = vec![guest.0];
                changes.push(directory::Change::GroupCreated { org: id, id: group, doc, members, at: now }.into());
            }
            // Nobody else is there yet who could hold anything.
            match self.org_commit(Author { holds: ScopeSet::ALL, ..self.author_of(who) }, changes).await {
                Ok(()) => return self.load(who, Kind::Organization, id.0, References::Include).await,
                // The parent was moved meanwhile.
                Err(Error::Store(store::Error::Stale)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(store::Error::Stale.into())
    }

    /// The org with `body` in place of what it was. Without a `parent` it stays where it is.
    pub async fn org_replace(
        &self,
        who: &Principal,
        id: OrgId,
        if_match: Option<&str>,
        body: Map<String, Value>,
    ) -> Result<Record, Error> {
        let draft = self.org_draft(who, Some(id), body)?;
        for _ in 0..TRIES {
            let current = self.org_below(who, id, if_match).await?;
            let change = orgs::replace(who.org.id, &current, &draft, self.now())?;
            if let Some(record) = self.org_write(who, current, change).await? {
                return Ok(record);
            }
        }
        Err(store::Error::Stale.into())
    }

    /// The org after the operations of `body`, all or none of them. Another `parent` moves it.
    pub async fn org_patch(
        &self,
        who: &Principal,
        id: OrgId,
        if_match: Option<&str>,
        body: Map<String, Value>,
    ) -> Result<Record, Error> {
        who.require(Scope::OrganizationsWrite)?;
        let (profile, mut quirks) = (self.profile(who), Quirks::default());
        let edits = Edits::parse(body, who.schemas.organization(), profile, &mut quirks);
        self.note(who, &quirks);
        let edits = edits?;
        for _ in 0..TRIES {
            let current = self.org_below(who, id, if_match).await?;
            let change = orgs::patch(who.org.id, &current, &edits, profile, &mut quirks, self.now())?;
            if let Some(record) = self.org_write(who, current, change).await? {
                self.note(who, &quirks);
                return Ok(record);
            }
        }
        Err(store::Error::Stale.into())
    }

    /// Removes the org and all that belongs to it. 409 while others stand below it, unless they go too.
    pub async fn org_delete(
        &self,
        who: &Principal,
        id: OrgId,
        if_match: Option<&str>,
        children: Children,
    ) -> Result<(), Error> {
        for _ in 0..TRIES {
            let current = self.org_below(who, id, if_match).await?;
            let expected = if_match.map(|_| current.version);
            match self.commit_one(who, Change::OrgDeleted { below: who.org.id, id, expected, children }).await {
                Ok(_) => return Ok(()),
                Err(store::Error::Stale) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(store::Error::Stale.into())
    }

    /// What its deletion would take along.
    pub async fn org_contents(&self, who: &Principal, id: OrgId) -> Result<Contents, Error> {
        self.org_below(who, id, None).await?;
        Ok(self.store.org_contents(who.org.id, id).await?)
    }

    /// Puts it under `parent` and tells what that ended, or would end.
    pub async fn org_move(&self, who: &Principal, id: OrgId, parent: OrgId, intent: Intent) -> Result<Uprooted, Error> {
        self.org_below(who, id, None).await?;
        may_move_to(who, parent)?;
        self.org_shift(self.author_of(who), who.org.id, id, parent, intent).await
    }

    fn org_draft<'w>(&self, who: &'w Principal, id: Option<OrgId>, body: Map<String, Value>) -> Result<Draft<'w>, Error> {
        who.require(Scope::OrganizationsWrite)?;
        let (profile, mut quirks) = (self.profile(who), Quirks::default());
        let named = same_id(&body, id.map(|id| id.0), profile, &mut quirks);
        let draft = named.and_then(|()| Ok(Draft::parse(body, who.schemas.organization(), profile, &mut quirks)?));
        self.note(who, &quirks);
        draft
    }

    /// An org below the caller's, to be written. Its own is for those above it to change: 403.
    async fn org_below(&self, who: &Principal, id: OrgId, if_match: Option<&str>) -> Result<Record, Error> {
        who.require(Scope::OrganizationsWrite)?;
        if id == who.org.id {
            let detail = "an organization is changed from one above it, not from within";
            return Err(scim::Error::status(403, detail).into());
        }
        let current = self.load(who, Kind::Organization, id.0, References::Include).await?;
        precondition(if_match, current.version)?;
        Ok(current)
    }

    /// The org after what was decided; none where it was stale and has to be decided anew.
    async fn org_write(&self, who: &Principal, current: Record, change: Option<Change>) -> Result<Option<Record>, Error> {
        let Some(change) = change else { return Ok(Some(current)) };
        if let Change::OrgChanged { parent: Some(parent), .. } = &change {
            may_move_to(who, *parent)?;
        }
        match self.commit_one(who, change).await {
            Ok(Outcome::Written { .. }) => self.load(who, Kind::Organization, current.id, References::Include).await.map(Some),
            Ok(_) | Err(store::Error::Stale) => Ok(None),
            Err(error) => Err(misplaced(error)),
        }
    }

    async fn org_commit(&self, author: Author, changes: Vec<store::Change>) -> Result<(), Error> {
        let handle = changes.iter().find_map(|change| match change {
            store::Change::Org(Change::OrgCreated { org, .. }) => Some(org.handle.clone()),
            _ => None,
        });
        match self.store.commit(author, changes).await {
            Ok(_) => Ok(()),
            Err(store::Error::Taken { attribute }) => Err(scim::Error::taken(attribute, &handle.unwrap_or_default()).into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts `id`, below `below` or that one itself, under `parent`, and tells what that ended, or would end. For operators;
    /// requests come by [`App::org_move`].
    pub async fn org_shift(
        &self,
        author: Author,
        below: OrgId,
        id: OrgId,
        parent: OrgId,
        intent: Intent,
    ) -> Result<Uprooted, Error> {
        for _ in 0..TRIES {
            let current = self.org_record(below, id).await?;
            if current.references.last().is_some_and(|old| old.id == parent.0) {
                return Ok(Uprooted::default());
            }
            let (expected, at) = (current.version, self.now());
            let ends = self.store.org_uprooted(below, id, parent, at).await.map_err(misplaced)?;
            let change = Change::OrgChanged { below, id, expected, doc: None, parent: Some(parent), at };
            if intent == Intent::Preview {
                return Ok(ends);
            }
            match self.store.commit(author.clone(), vec![change.into()]).await {
                Ok(_) => return Ok(ends),
                Err(store::Error::Stale) => {}
                Err(error) => return Err(misplaced(error)),
            }
        }
        Err(store::Error::Stale.into())
    }

    /// Removes `id` and all that belongs to it, and tells what that is; a root too. For operators.
    pub async fn org_remove(&self, id: OrgId, children: Children, intent: Intent) -> Result<Contents, Error> {
        let contents = self.store.org_contents(id, id).await?;
        if intent == Intent::Do {
            let change = Change::OrgDeleted { below: id, id, expected: None, children };
            self.store.commit(self.author(Actor::Operator), vec![change.into()]).await?;
        }
        Ok(contents)
    }

    /// Does the operations of `body`, a PatchOp, to `id`. For operators.
    pub async fn org_edit(&self, id: OrgId, body: Map<String, Value>) -> Result<(), Error> {
        let (profile, mut quirks) = (self.settings.profile, Quirks::default());
        let edits = Edits::parse(body, Schemas::core().organization(), profile, &mut quirks)?;
        for _ in 0..TRIES {
            let current = self.org_record(id, id).await?;
            let Some(change) = orgs::patch(id, &current, &edits, profile, &mut quirks, self.now())? else { return Ok(()) };
            match self.store.commit(self.author(Actor::Operator), vec![change.into()]).await {
                Ok(_) => return Ok(()),
                Err(store::Error::Stale) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(store::Error::Stale.into())
    }

    async fn org_record(&self, below: OrgId, id: OrgId) -> Result<Record, Error> {
        let found = self.store.resource(below, Kind::Organization, id.0, References::Include, self.now()).await?;
        found.ok_or(store::Error::NotFound.into())
    }

    /// A new root, or a child of `parent`. 409 where the handle is taken in its tree.
    pub async fn org_create(&self, parent: Option<OrgId>, handle: &str, name: Option<&str>) -> Result<Org, Error> {
        let ancestors = self.org_ancestry(parent).await?;
        let now = self.now();
        let org = org::create(self.random.uuid(now).into(), &ancestors, handle, name, now)?;
        self.org_commit(self.author(Actor::Operator), vec![orgs::created(org.clone()).into()]).await?;
        Ok(org)
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

/// What holds in `parent` will hold in what is moved below it: whoever chose it there chooses the settings of others.
fn may_move_to(who: &Principal, parent: OrgId) -> Result<(), Error> {
    if parent != who.org.id {
        who.require(Scope::SettingsWrite)?;
    }
    Ok(())
}

/// Where an org cannot stand, that is the request's fault.
fn misplaced(error: store::Error) -> Error {
    match error {
        store::Error::InUse(detail) => scim::Error::bad(ScimType::InvalidValue, detail).into(),
        error => error.into(),
    }
}
