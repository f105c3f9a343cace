//! `/deleted`: what was deleted, and its way back.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use serde_json::{Value, json};

use super::{Tag, page};
use crate::base::limit;
use crate::directory::deleted::{self, Reason, Restored, Tombstone};
use crate::http::answer::Told;
use crate::http::resource::{DeletedList, Restoration};
use crate::http::scim::{id, parameter::Integer};
use crate::http::{Authed, Deleted, OAuthScope, Rejection};
use crate::scim::{self, Kind, ScimType};

/// The operations on what was deleted.
pub struct DeletedApi;

#[OpenApi(tag = "Tag::Deleted")]
impl DeletedApi {
    /// List what was deleted
    ///
    /// Users and groups that can still be restored, the latest first. SCIM knows nothing of them, and their names are free.
    #[oai(path = "/deleted", method = "get", operation_id = "listDeleted")]
    async fn list(
        &self,
        #[oai(scope = "OAuthScope::DeletedRead")] caller: Authed,
        /// Only these: `User` or `Group`.
        #[oai(name = "type")]
        kind: Query<Option<String>>,
        /// The first result, counted from 1.
        #[oai(name = "startIndex")]
        start_index: Query<Option<Integer>>,
        /// Results in one page: 100 if not said, 1000 at the most; 0 for `totalResults` alone.
        count: Query<Option<Integer>>,
    ) -> Result<Told<DeletedList>, Rejection> {
        let kind = kind.0.as_deref().map(kind_of).transpose()?;
        let (start, count) = page::of(&caller, &start_index, &count)?;
        let (total, deleted) = caller.app.deleted_list(&caller.who, kind, start - 1, count).await?;
        let deleted = deleted.iter().map(|tombstone| shown(&caller, tombstone)).collect();
        Ok(Told::new(&page::print(total, start, deleted)))
    }

    /// Restore what was deleted
    ///
    /// It is there again under its `id`, with its password and with those of its memberships whose other end is there; the
    /// answer names the others. What is deleted itself takes the membership along when it is restored. A guest needs the user
    /// of the parent organization that it stands for; guests of the restored user stay deleted until their own organization
    /// restores them. 409 `uniqueness` if somebody else has the name now; 403 if it brings somebody scopes that the token does
    /// not hold.
    #[oai(path = "/deleted/:id/.restore", method = "post", operation_id = "restoreDeleted")]
    async fn restore(
        &self,
        #[oai(scope = "OAuthScope::DeletedWrite")] caller: Authed,
        /// The `id` it had.
        id: Path<String>,
    ) -> Result<Told<Restoration>, Rejection> {
        let (tombstone, restored) = caller.app.deleted_restore(&caller.who, self::id(&id)?).await?;
        Ok(Told::new(&report(&caller, &tombstone, &restored)))
    }

    /// Erase what was deleted
    ///
    /// At once and for good: nothing of it is left, in no organization.
    #[oai(path = "/deleted/:id", method = "delete", operation_id = "eraseDeleted")]
    async fn erase(
        &self,
        #[oai(scope = "OAuthScope::DeletedWrite")] caller: Authed,
        /// The `id` it had.
        id: Path<String>,
    ) -> Result<Deleted, Rejection> {
        caller.app.deleted_erase(&caller.who, self::id(&id)?).await?;
        Ok(Deleted)
    }
}

fn kind_of(name: &str) -> Result<Kind, Rejection> {
    let found = [Kind::User, Kind::Group].into_iter().find(|kind| deleted::name(*kind) == name);
    let wrong = || scim::Error::bad(ScimType::InvalidValue, format!("`type` is {name:?}, expected `User` or `Group`"));
    Ok(found.ok_or_else(wrong)?)
}

fn shown(caller: &Authed, tombstone: &Tombstone) -> Value {
    json!({
        "id": tombstone.id,
        "type": deleted::name(tombstone.kind),
        "display": tombstone.display,
        "guest": tombstone.is_guest,
        "deletedAt": tombstone.deleted_at,
        "restorableUntil": tombstone.deleted_at + caller.app.restorable(&caller.who.org),
    })
}

fn report(caller: &Authed, tombstone: &Tombstone, restored: &Restored) -> Value {
    let name = deleted::name(tombstone.kind);
    let missing = restored.missing.iter().take(limit::MISSING_MAX).map(|missing| {
        let reason = match missing.reason {
            Reason::Deleted => "deleted",
            Reason::Gone => "gone",
            Reason::Cycle => "cycle",
        };
        json!({ "value": missing.id, "reason": reason })
    });
    json!({
        "id": tombstone.id,
        "type": name,
        "location": caller.location(&format!("{name}s"), tombstone.id),
        "memberships": restored.memberships,
        "missingTotal": restored.missing.len(),
        "missing": missing.collect::<Vec<_>>(),
    })
}
