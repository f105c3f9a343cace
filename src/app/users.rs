//! Users: create, read, replace, patch, delete, list.

use serde_json::{Map, Value};

use super::idempotency::Ticket;
use super::{App, Error, TRIES, precondition, same_id};
use crate::auth::{Principal, Scope};
use crate::base::{Secret, Timestamp, UserId};
use crate::directory::users::{self, Draft, Edits};
use crate::directory::{Change, is_guest};
use crate::scim::list::Query;
use crate::scim::{self, Kind, Quirk, Quirks, Record, ScimType};
use crate::store::{self, Kept, Outcome, Page, References};

impl App {
    /// A new resident of the caller's org. 409 `uniqueness` where its `userName` is taken there.
    pub async fn user_create(&self, who: &Principal, body: Map<String, Value>) -> Result<Record, Error> {
        self.user_create_once(who, None, body).await
    }

    /// The same, and the note of it under the key of `ticket`.
    pub async fn user_create_once(
        &self,
        who: &Principal,
        ticket: Option<&Ticket>,
        body: Map<String, Value>,
    ) -> Result<Record, Error> {
        let now = self.now();
        let id = UserId(self.random.uuid(now));
        let change = self.user_created(who, id, body, now).await?;
        let doc = doc_of(&change);
        self.check_manager(who, &doc).await?;
        let born = Record { id: id.0, version: 1, created: now, last_modified: now, doc, references: Vec::new() };
        let kept = ticket.map(|ticket| ticket.kept(Kept::Made(id.0), now));
        let outcome = self.commit_kept(who, change, kept).await.map_err(|error| refusal(error, &born.doc))?;
        if users::manager(&born.doc).is_some() {
            return self.load(who, Kind::User, id.0, References::Omit).await;
        }
        Ok(at(born, &outcome))
    }

    /// What [`App::user_create`] would refuse of `body` now, without making anybody.
    pub async fn user_check(&self, who: &Principal, body: Map<String, Value>) -> Result<(), Error> {
        let now = self.now();
        let draft = self.user_draft(who, None, body)?;
        let doc = doc_of(&users::create(who.org.id, UserId(self.random.uuid(now)), &draft, None, now)?);
        self.check_manager(who, &doc).await?;
        let name = draft.user_name().unwrap_or_default();
        match self.store.account(who.org.id, name).await? {
            Some(_) => Err(scim::Error::taken("userName", name).into()),
            None => Ok(()),
        }
    }

    /// For each of `names`, the user of the caller's org who is called so, if there is one.
    pub async fn users_named(&self, who: &Principal, names: &[&str]) -> Result<Vec<Option<UserId>>, Error> {
        who.require(Scope::UsersRead)?;
        let mut ids = Vec::with_capacity(names.len());
        for name in names {
            ids.push(self.store.account(who.org.id, name).await?.map(|account| account.id));
        }
        Ok(ids)
    }

    /// The change that makes the resident `id` of `body`.
    pub(super) async fn user_created(
        &self,
        who: &Principal,
        id: UserId,
        body: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Change, Error> {
        let draft = self.user_draft(who, None, body)?;
        let hash = self.hash_of(draft.password()).await?;
        Ok(users::create(who.org.id, id, &draft, hash, now)?)
    }

    /// A user of the caller's org.
    pub async fn user_get(&self, who: &Principal, id: UserId, references: References) -> Result<Record, Error> {
        who.require(Scope::UsersRead)?;
        self.load(who, Kind::User, id.0, references).await
    }

    /// The users of the caller's org that `query` asks for.
    pub async fn user_list(&self, who: &Principal, query: &Query) -> Result<Page, Error> {
        who.require(Scope::UsersRead)?;
        self.page(who, Kind::User, query).await
    }

    /// The user with `body` in place of what it was (RFC 7644 §3.5.1). `if_match` is the header, where one was sent.
    pub async fn user_replace(
        &self,
        who: &Principal,
        id: UserId,
        if_match: Option<&str>,
        body: Map<String, Value>,
        references: References,
    ) -> Result<Record, Error> {
        let draft = self.user_draft(who, Some(id), body)?;
        let hash = self.hash_for(who, id, if_match, draft.password()).await?;
        for _ in 0..TRIES {
            let (current, change) = self.user_replaced(who, id, if_match, &draft, hash.clone(), references).await?;
            if let Some(record) = self.user_write(who, current, change, references).await? {
                return Ok(record);
            }
        }
        Err(store::Error::Stale.into())
    }

    /// The user after the operations of `body` (RFC 7644 §3.5.2), all or none of them.
    pub async fn user_patch(
        &self,
        who: &Principal,
        id: UserId,
        if_match: Option<&str>,
        body: Map<String, Value>,
        references: References,
    ) -> Result<Record, Error> {
        let mut edits = self.user_edits(who, body)?;
        let hash = self.hash_for(who, id, if_match, edits.0.password()).await?;
        for _ in 0..TRIES {
            let (current, change) = self.user_patched(who, id, if_match, &mut edits, hash.clone(), references).await?;
            if let Some(record) = self.user_write(who, current, change, references).await? {
                return Ok(record);
            }
        }
        Err(store::Error::Stale.into())
    }

    /// Removes the user, its memberships and its guests below. Of a guest, this ends the membership and nothing else.
    pub async fn user_delete(&self, who: &Principal, id: UserId, if_match: Option<&str>) -> Result<(), Error> {
        for _ in 0..TRIES {
            match self.commit_one(who, self.user_deleted(who, id, if_match).await?).await {
                Ok(_) => return Ok(()),
                Err(store::Error::Stale) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(store::Error::Stale.into())
    }

    /// `body`, judged by the schema, for the user `id`, where there is one already.
    pub(super) fn user_draft<'w>(
        &self,
        who: &'w Principal,
        id: Option<UserId>,
        body: Map<String, Value>,
    ) -> Result<Draft<'w>, Error> {
        who.require(Scope::UsersWrite)?;
        let (profile, mut quirks) = (self.profile(who), Quirks::default());
        let named = same_id(&body, id.map(|id| id.0), profile, &mut quirks);
        let draft = named.and_then(|()| Ok(Draft::parse(body, who.schemas.user(), profile, &mut quirks)?));
        self.note(who, &quirks);
        draft
    }

    /// `body`, judged by the schema, and what was forgiven so far.
    pub(super) fn user_edits<'w>(&self, who: &'w Principal, body: Map<String, Value>) -> Result<(Edits<'w>, Quirks), Error> {
        who.require(Scope::UsersWrite)?;
        let mut quirks = Quirks::default();
        let edits = Edits::parse(body, who.schemas.user(), self.profile(who), &mut quirks);
        self.note(who, &quirks);
        Ok((edits?, quirks))
    }

    /// The user, and the change that puts `draft` in its place, if that changes anything.
    pub(super) async fn user_replaced(
        &self,
        who: &Principal,
        id: UserId,
        if_match: Option<&str>,
        draft: &Draft<'_>,
        hash: Option<String>,
        references: References,
    ) -> Result<(Record, Option<Change>), Error> {
        self.conditional(who, if_match)?;
        let current = self.load(who, Kind::User, id.0, references).await?;
        precondition(if_match, current.version)?;
        let change = users::replace(who.org.id, &current, draft, hash, self.now())?;
        Ok((current, change))
    }

    /// The user, and the change that `edits` make, if they make any.
    pub(super) async fn user_patched(
        &self,
        who: &Principal,
        id: UserId,
        if_match: Option<&str>,
        (edits, quirks): &mut (Edits<'_>, Quirks),
        hash: Option<String>,
        references: References,
    ) -> Result<(Record, Option<Change>), Error> {
        self.conditional(who, if_match)?;
        let current = self.load(who, Kind::User, id.0, references).await?;
        precondition(if_match, current.version)?;
        let change = users::patch(who.org.id, &current, edits, hash, self.profile(who), quirks, self.now());
        self.note(who, quirks);
        Ok((current, change?))
    }

    /// The change that removes the user.
    pub(super) async fn user_deleted(&self, who: &Principal, id: UserId, if_match: Option<&str>) -> Result<Change, Error> {
        who.require(Scope::UsersWrite)?;
        self.conditional(who, if_match)?;
        let expected = self.expected(who, Kind::User, id.0, if_match).await?;
        Ok(Change::UserDeleted { org: who.org.id, id, expected, at: self.now() })
    }

    /// `current` after `change`; none where it was stale and has to be decided anew.
    async fn user_write(
        &self,
        who: &Principal,
        current: Record,
        change: Option<Change>,
        references: References,
    ) -> Result<Option<Record>, Error> {
        let Some(change) = change else { return Ok(Some(current)) };
        let doc = doc_of(&change);
        self.check_manager(who, &doc).await?;
        match self.commit_one(who, change).await {
            // Whether a guest is active depends on the whole chain above it, and what a manager is called on the manager: only
            // the store knows.
            Ok(_) if is_guest(&current) || users::manager(&doc).is_some() => {
                self.load(who, Kind::User, current.id, references).await.map(Some)
            }
            Ok(outcome) => Ok(Some(at(Record { doc, ..current }, &outcome))),
            Err(store::Error::Stale) => Ok(None),
            Err(error) => Err(refusal(error, &doc)),
        }
    }

    /// S-44: a manager who is no user here is kept as the weak reference that it is, or refused.
    pub(super) async fn check_manager(&self, who: &Principal, doc: &str) -> Result<(), Error> {
        if self.profile(who).has(Quirk::UnknownManager) {
            return Ok(());
        }
        let Some(manager) = users::manager(doc) else { return Ok(()) };
        let is_there = match manager.parse::<UserId>() {
            Ok(id) => self.store.resource(who.org.id, Kind::User, id.0, References::Omit, self.now()).await?.is_some(),
            Err(_) => false,
        };
        let refused = || scim::Error::bad(ScimType::InvalidValue, format!("`manager.value` {manager:?} is no user"));
        if is_there { Ok(()) } else { Err(refused().into()) }
    }

    /// The hash of a new password for a user who is there: a stranger's id must not cost a hash.
    pub(super) async fn hash_for(
        &self,
        who: &Principal,
        id: UserId,
        if_match: Option<&str>,
        password: Option<&Secret<String>>,
    ) -> Result<Option<String>, Error> {
        if password.is_some() {
            precondition(if_match, self.load(who, Kind::User, id.0, References::Omit).await?.version)?;
        }
        self.hash_of(password).await
    }

    async fn hash_of(&self, password: Option<&Secret<String>>) -> Result<Option<String>, Error> {
        match password {
            Some(password) => self.password_hash(password.clone()).await.map(Some),
            None => Ok(None),
        }
    }
}

/// `record` with the version and time that its write came to.
fn at(record: Record, outcome: &Outcome) -> Record {
    match *outcome {
        Outcome::Written { version, last_modified } => Record { version, last_modified, ..record },
        _ => record,
    }
}

fn doc_of(change: &Change) -> String {
    match change {
        Change::UserCreated { doc, .. } | Change::UserReplaced { doc, .. } => doc.clone(),
        _ => String::new(),
    }
}

/// A value that is taken is named as it was written (C-13).
pub(super) fn refusal(error: store::Error, doc: &str) -> Error {
    match error {
        store::Error::Taken { attribute } => {
            let doc: Value = serde_json::from_str(doc).unwrap_or_default();
            scim::Error::taken(attribute, doc[attribute].as_str().unwrap_or_default()).into()
        }
        error => error.into(),
    }
}
