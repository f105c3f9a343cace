//! Groups: create, read, replace, patch, delete, list.

use serde_json::{Map, Value};

use super::idempotency::Ticket;
use super::{App, Error, TRIES, precondition, same_id};
use crate::auth::{Principal, Scope};
use crate::base::limit::PAGE_DEFAULT;
use crate::base::{GroupId, Timestamp};
use crate::directory::Change;
use crate::directory::groups::{self, Draft, Edits, Needs};
use crate::scim::list::Query;
use crate::scim::{self, Kind, Quirk, Quirks, Record, Reference, ScimType};
use crate::store::{self, Kept, Outcome, Page, References, RequestKept};

impl App {
    /// A new group of the caller's org. 400 `invalidValue` names a member who is no user or group there (S-45).
    pub async fn group_create(
        &self,
        who: &Principal,
        body: Map<String, Value>,
        references: References,
    ) -> Result<Record, Error> {
        self.group_create_once(who, None, body, references).await
    }

    /// The same, and the note of it under the key of `ticket`.
    pub async fn group_create_once(
        &self,
        who: &Principal,
        ticket: Option<&Ticket>,
        body: Map<String, Value>,
        references: References,
    ) -> Result<Record, Error> {
        let now = self.now();
        let id = GroupId(self.random.uuid(now));
        let kept = ticket.map(|ticket| ticket.kept(Kept::Made(id.0), now));
        self.group_commit(who, self.group_created(who, id, body, now)?, kept).await.map_err(refusal)?;
        self.load(who, Kind::Group, id.0, references).await
    }

    /// The change that makes the group `id` of `body`.
    pub(super) fn group_created(
        &self,
        who: &Principal,
        id: GroupId,
        body: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Change, Error> {
        Ok(groups::create(who.org.id, id, &self.group_draft(who, None, body)?, now)?)
    }

    /// A group of the caller's org.
    pub async fn group_get(&self, who: &Principal, id: GroupId, references: References) -> Result<Record, Error> {
        who.require(Scope::GroupsRead)?;
        self.load(who, Kind::Group, id.0, references).await
    }

    /// The groups of the caller's org that `query` asks for.
    pub async fn group_list(&self, who: &Principal, query: &Query) -> Result<Page, Error> {
        who.require(Scope::GroupsRead)?;
        Ok(self.store.resources(who.org.id, Kind::Group, query, self.now()).await?)
    }

    /// The first of the groups in the group, by name. Of its users there may be many: list those by `groups.value`.
    pub async fn group_subgroups(&self, who: &Principal, id: GroupId) -> Result<Vec<Reference>, Error> {
        who.require(Scope::GroupsRead)?;
        Ok(self.store.subgroups(who.org.id, id, PAGE_DEFAULT).await?)
    }

    /// The group with `body` in place of what it was; without `members` it has none (U-08).
    pub async fn group_replace(
        &self,
        who: &Principal,
        id: GroupId,
        if_match: Option<&str>,
        body: Map<String, Value>,
        references: References,
    ) -> Result<Record, Error> {
        let draft = self.group_draft(who, Some(id), body)?;
        for _ in 0..TRIES {
            let change = self.group_replaced(who, id, if_match, &draft).await?;
            if self.group_write(who, change).await?.is_some() {
                return self.load(who, Kind::Group, id.0, references).await;
            }
        }
        Err(store::Error::Stale.into())
    }

    /// Applies the operations of `body`, all or none. The version after it; [`App::group_written`] shows the group.
    ///
    /// Adding and removing members by id reads nothing, whatever the size of the group (P-30).
    pub async fn group_patch(
        &self,
        who: &Principal,
        id: GroupId,
        if_match: Option<&str>,
        body: Map<String, Value>,
    ) -> Result<u64, Error> {
        let mut edits = self.group_edits(who, body)?;
        for _ in 0..TRIES {
            let change = match self.group_patched(who, id, if_match, &mut edits).await? {
                Ok(change) => change,
                Err(version) => return Ok(version),
            };
            if let Some(version) = self.group_write(who, change).await? {
                return Ok(version);
            }
        }
        Err(store::Error::Stale.into())
    }

    /// The group as the answer to a write of it: who may write sees what came of it.
    pub async fn group_written(&self, who: &Principal, id: GroupId, references: References) -> Result<Record, Error> {
        who.require(Scope::GroupsWrite)?;
        self.load(who, Kind::Group, id.0, references).await
    }

    /// Removes the group and its memberships; its members stay.
    pub async fn group_delete(&self, who: &Principal, id: GroupId, if_match: Option<&str>) -> Result<(), Error> {
        for _ in 0..TRIES {
            match self.commit_one(who, self.group_deleted(who, id, if_match).await?).await {
                Ok(_) => return Ok(()),
                Err(store::Error::Stale) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(store::Error::Stale.into())
    }

    /// `body`, judged by the schema, for the group `id`, where there is one already.
    pub(super) fn group_draft<'w>(
        &self,
        who: &'w Principal,
        id: Option<GroupId>,
        body: Map<String, Value>,
    ) -> Result<Draft<'w>, Error> {
        who.require(Scope::GroupsWrite)?;
        let (profile, mut quirks) = (self.profile(who), Quirks::default());
        let named = same_id(&body, id.map(|id| id.0), profile, &mut quirks);
        let draft = named.and_then(|()| Ok(Draft::parse(body, who.schemas.group(), profile, &mut quirks)?));
        self.note(who, &quirks);
        draft
    }

    /// `body`, judged by the schema, and what was forgiven so far.
    pub(super) fn group_edits<'w>(&self, who: &'w Principal, body: Map<String, Value>) -> Result<(Edits<'w>, Quirks), Error> {
        who.require(Scope::GroupsWrite)?;
        let mut quirks = Quirks::default();
        let edits = Edits::parse(body, who.schemas.group(), self.profile(who), &mut quirks);
        self.note(who, &quirks);
        Ok((edits?, quirks))
    }

    /// The change that puts `draft` in place of the group.
    pub(super) async fn group_replaced(
        &self,
        who: &Principal,
        id: GroupId,
        if_match: Option<&str>,
        draft: &Draft<'_>,
    ) -> Result<Change, Error> {
        self.conditional(who, if_match)?;
        let current = self.load(who, Kind::Group, id.0, References::Omit).await?;
        precondition(if_match, current.version)?;
        let mut quirks = Quirks::default();
        let change = groups::replace(who.org.id, &current, draft, self.profile(who), &mut quirks, self.now())?;
        self.note(who, &quirks);
        Ok(change)
    }

    /// The change that `edits` make, or the version of the group, where they make none.
    pub(super) async fn group_patched(
        &self,
        who: &Principal,
        id: GroupId,
        if_match: Option<&str>,
        (edits, quirks): &mut (Edits<'_>, Quirks),
    ) -> Result<Result<Change, u64>, Error> {
        self.conditional(who, if_match)?;
        let references = match edits.needs() {
            Needs::Nothing => {
                let expected = self.expected(who, Kind::Group, id.0, if_match).await?;
                return Ok(Ok(groups::patch_members(who.org.id, id, expected, edits, self.now())));
            }
            Needs::Document => References::Omit,
            Needs::Members => References::Include,
        };
        let current = self.load(who, Kind::Group, id.0, references).await?;
        precondition(if_match, current.version)?;
        let change = groups::patch(who.org.id, &current, edits, self.profile(who), quirks, self.now());
        self.note(who, quirks);
        Ok(change?.ok_or(current.version))
    }

    /// The change that removes the group.
    pub(super) async fn group_deleted(&self, who: &Principal, id: GroupId, if_match: Option<&str>) -> Result<Change, Error> {
        who.require(Scope::GroupsWrite)?;
        self.conditional(who, if_match)?;
        let expected = self.expected(who, Kind::Group, id.0, if_match).await?;
        Ok(Change::GroupDeleted { org: who.org.id, id, expected, at: self.now() })
    }

    /// The version after `change`; none where it was stale and has to be decided anew.
    async fn group_write(&self, who: &Principal, change: Change) -> Result<Option<u64>, Error> {
        match self.group_commit(who, change, None).await {
            Ok(Outcome::Written { version, .. }) => Ok(Some(version)),
            Ok(_) | Err(store::Error::Stale) => Ok(None),
            Err(error) => Err(refusal(error)),
        }
    }

    /// Commits `change`; without the members that are not there, where the org passes them over (S-45, OK-14).
    async fn group_commit(&self, who: &Principal, change: Change, kept: Option<RequestKept>) -> Result<Outcome, store::Error> {
        let again = self.profile(who).has(Quirk::UnknownMembersSkipped).then(|| change.clone());
        match (self.commit_kept(who, change, kept.clone()).await, again) {
            (Err(store::Error::NoSuchMember(_)), Some(change)) => {
                let known = self.store.members_known(who.org.id, groups::new_members(&change)).await?;
                self.note(who, &Quirks::of(Quirk::UnknownMembersSkipped));
                self.commit_kept(who, groups::only(change, &known), kept).await
            }
            (outcome, _) => outcome,
        }
    }
}

/// Members are named, as the client wrote them; another org's are as unknown as any (V-40).
pub(super) fn refusal(error: store::Error) -> Error {
    let detail = match error {
        store::Error::NoSuchMember(id) => format!("`members`: there is no user or group {id}"),
        store::Error::Taken { .. } => {
            let taken = scim::Error::status(409, error.to_string());
            return scim::Error { scim_type: Some(ScimType::Uniqueness), ..taken }.into();
        }
        store::Error::MemberCycle(id) => format!("`members`: the group {id} would contain itself"),
        error => return error.into(),
    };
    scim::Error::bad(ScimType::InvalidValue, detail).into()
}
