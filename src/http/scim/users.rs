//! `/Users`: RFC 7644 §3.3 to §3.6 for people.

// Every parameter stands in the document by itself.
#![allow(clippy::too_many_arguments)]

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::parameter::{Integer, ListHeader, Names};
use super::{Tag, changed, created, fetched, id, projection, query, references};
use crate::app::idempotency::Turn;
use crate::http::resource::{PatchOp, SearchRequest, User, UserListResponse};
use crate::http::{Answered, Authed, Changed, Created, Deleted, Fetched, OAuthScope, Rejection, ScimBody};
use crate::scim::Kind;

/// The operations on users.
pub struct Users;

#[OpenApi(tag = "Tag::Users")]
impl Users {
    /// Create a user
    ///
    /// RFC 7644 §3.3. The new user is a resident of the organization. `id`, `meta` and `groups` are the server's and ignored
    /// in the body; without `active` the user is active; `password` is kept as an Argon2id hash and never returned.
    /// 409 `uniqueness` if another user of the organization has the `userName`, whatever its case.
    #[oai(path = "/Users", method = "post", operation_id = "createUser")]
    async fn create(
        &self,
        #[oai(scope = "OAuthScope::UsersWrite")] caller: Authed,
        /// Only these attributes in the answer, separated by commas (RFC 7644 §3.9).
        attributes: Query<Option<Names>>,
        /// Not these attributes in the answer.
        #[oai(name = "excludedAttributes")]
        excluded_attributes: Query<Option<Names>>,
        /// `return=minimal` for an answer without a body (RFC 7240).
        #[oai(name = "Prefer")]
        prefer: ListHeader,
        /// Your own name for this request: sent again within 24 hours, it is not carried out again.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: ListHeader,
        /// The user: `schemas` and `userName` at least.
        user: ScimBody<User>,
    ) -> Result<Created<User>, Rejection> {
        let projection = projection(caller.who.schemas.user(), &caller, &attributes, &excluded_attributes)?;
        let wanted = references(Kind::User, &projection);
        let record = match caller.app.turn(&caller.who, idempotency_key.as_deref(), "POST /Users", &user.map).await? {
            Turn::First(ticket) => caller.app.user_create_once(&caller.who, ticket.as_ref(), user.map).await?,
            Turn::Again(kept) => caller.app.made(&caller.who, Kind::User, kept, wanted).await?,
        };
        Ok(created(caller.who.schemas.user(), &caller, &record, &projection, &prefer))
    }

    /// List users
    ///
    /// RFC 7644 §3.4.2. Residents and guests alike, in the order of their creation unless sorted. No match is an empty list,
    /// never 404. To sync, page with `cursor`: whatever is written meanwhile, no other user is missed or seen twice.
    #[oai(path = "/Users", method = "get", operation_id = "listUsers")]
    async fn list(
        &self,
        #[oai(scope = "OAuthScope::UsersRead")] caller: Authed,
        /// RFC 7644 §3.4.2.2: `attribute operator value`, joined by `and`, `or`, `not ( )`; `emails[type eq "work"]`.
        filter: Query<Option<String>>,
        /// The attribute to sort by.
        #[oai(name = "sortBy")]
        sort_by: Query<Option<String>>,
        /// `ascending` (the default) or `descending`.
        #[oai(name = "sortOrder")]
        sort_order: Query<Option<String>>,
        /// The first result, counted from 1.
        #[oai(name = "startIndex")]
        start_index: Query<Option<Integer>>,
        /// Results in one page: 100 if not said, 1000 at the most; 0 for `totalResults` alone.
        count: Query<Option<Integer>>,
        /// RFC 9865: empty for the first page, then `nextCursor` with all else as before. Not together with `startIndex`.
        cursor: Query<Option<String>>,
        /// Only these attributes in the answer, separated by commas (RFC 7644 §3.9).
        attributes: Query<Option<Names>>,
        /// Not these attributes in the answer.
        #[oai(name = "excludedAttributes")]
        excluded_attributes: Query<Option<Names>>,
    ) -> Result<Answered<UserListResponse>, Rejection> {
        let order = (sort_by, sort_order);
        let window = (start_index, count, cursor);
        let request = query::request(filter, order, window, (attributes, excluded_attributes));
        query::list(caller.who.schemas.user(), &caller, &request).await.map(Answered::new)
    }

    /// Search users
    ///
    /// RFC 7644 §3.4.3: the same as a list, with the parameters in the body, so that a filter with personal data does not
    /// appear in logs of URLs.
    #[oai(path = "/Users/.search", method = "post", operation_id = "searchUsers")]
    async fn search(
        &self,
        #[oai(scope = "OAuthScope::UsersRead")] caller: Authed,
        /// The parameters.
        request: ScimBody<SearchRequest>,
    ) -> Result<Answered<UserListResponse>, Rejection> {
        query::search(caller.who.schemas.user(), &caller, request).await.map(Answered::new)
    }

    /// Read a user
    ///
    /// RFC 7644 §3.4.1. `groups` is derived from the groups' members, and `$ref` and `displayName` of a manager from the user
    /// that `value` names; none of them changes the version.
    #[oai(path = "/Users/:id", method = "get", operation_id = "getUser")]
    pub(super) async fn get(
        &self,
        #[oai(scope = "OAuthScope::UsersRead")] caller: Authed,
        /// The `id` of the user.
        id: Path<String>,
        /// Only these attributes in the answer, separated by commas (RFC 7644 §3.9).
        attributes: Query<Option<Names>>,
        /// Not these attributes in the answer.
        #[oai(name = "excludedAttributes")]
        excluded_attributes: Query<Option<Names>>,
        /// A version already known: 304 if it is still the present one (RFC 7644 §3.14).
        #[oai(name = "If-None-Match")]
        if_none_match: ListHeader,
    ) -> Result<Fetched<User>, Rejection> {
        let projection = projection(caller.who.schemas.user(), &caller, &attributes, &excluded_attributes)?;
        let record = caller.app.user_get(&caller.who, self::id(&id)?, references(Kind::User, &projection)).await?;
        Ok(fetched(caller.who.schemas.user(), &caller, &record, &projection, &if_none_match))
    }

    /// Replace a user
    ///
    /// RFC 7644 §3.5.1. Attributes that the body omits are cleared, but for `password` and `active`. What is read-only is
    /// ignored. A body that changes nothing keeps the version. Of a guest only `active` can be changed: 400 `mutability` if
    /// anything else differs.
    #[oai(path = "/Users/:id", method = "put", operation_id = "replaceUser")]
    pub(super) async fn replace(
        &self,
        #[oai(scope = "OAuthScope::UsersWrite")] caller: Authed,
        /// The `id` of the user.
        id: Path<String>,
        /// Only these attributes in the answer, separated by commas (RFC 7644 §3.9).
        attributes: Query<Option<Names>>,
        /// Not these attributes in the answer.
        #[oai(name = "excludedAttributes")]
        excluded_attributes: Query<Option<Names>>,
        /// The version to be replaced: 412 if it is not the present one (RFC 7644 §3.14).
        #[oai(name = "If-Match")]
        if_match: ListHeader,
        /// `return=minimal` for 204 without a body (RFC 7240).
        #[oai(name = "Prefer")]
        prefer: ListHeader,
        /// The whole user.
        user: ScimBody<User>,
    ) -> Result<Changed<User>, Rejection> {
        let projection = projection(caller.who.schemas.user(), &caller, &attributes, &excluded_attributes)?;
        let wanted = references(Kind::User, &projection);
        let record = caller.app.user_replace(&caller.who, self::id(&id)?, if_match.as_deref(), user.map, wanted).await?;
        Ok(changed(caller.who.schemas.user(), &caller, &record, &projection, &prefer))
    }

    /// Patch a user
    ///
    /// RFC 7644 §3.5.2. The operations apply in order, all or none. The dialects of the great identity providers are
    /// understood. The answer is 200 with the user. Of a guest only `active` can be changed: 400 `mutability` if anything
    /// else would.
    #[oai(path = "/Users/:id", method = "patch", operation_id = "patchUser")]
    pub(super) async fn patch(
        &self,
        #[oai(scope = "OAuthScope::UsersWrite")] caller: Authed,
        /// The `id` of the user.
        id: Path<String>,
        /// Only these attributes in the answer, separated by commas (RFC 7644 §3.9).
        attributes: Query<Option<Names>>,
        /// Not these attributes in the answer.
        #[oai(name = "excludedAttributes")]
        excluded_attributes: Query<Option<Names>>,
        /// The version to be changed: 412 if it is not the present one (RFC 7644 §3.14).
        #[oai(name = "If-Match")]
        if_match: ListHeader,
        /// `return=minimal` for 204 without a body (RFC 7240).
        #[oai(name = "Prefer")]
        prefer: ListHeader,
        /// The operations.
        patch: ScimBody<PatchOp>,
    ) -> Result<Changed<User>, Rejection> {
        let projection = projection(caller.who.schemas.user(), &caller, &attributes, &excluded_attributes)?;
        let wanted = references(Kind::User, &projection);
        let record = caller.app.user_patch(&caller.who, self::id(&id)?, if_match.as_deref(), patch.map, wanted).await?;
        Ok(changed(caller.who.schemas.user(), &caller, &record, &projection, &prefer))
    }

    /// Delete a user
    ///
    /// RFC 7644 §3.6. The user is gone at once, with its memberships and its guests in child organizations. Deleting a guest
    /// ends the membership and touches nothing in the parent organization. To keep a user from signing in, set `active` to
    /// false instead.
    #[oai(path = "/Users/:id", method = "delete", operation_id = "deleteUser")]
    pub(super) async fn delete(
        &self,
        #[oai(scope = "OAuthScope::UsersWrite")] caller: Authed,
        /// The `id` of the user.
        id: Path<String>,
        /// The version to be deleted: 412 if it is not the present one (RFC 7644 §3.14).
        #[oai(name = "If-Match")]
        if_match: ListHeader,
    ) -> Result<Deleted, Rejection> {
        caller.app.user_delete(&caller.who, self::id(&id)?, if_match.as_deref()).await?;
        Ok(Deleted)
    }
}
