//! `/Invitations`: an organization asks users of its parent to become guests, and they answer.
//!
//! `.accept`, `.decline` and `.introspect` take no token: whoever holds the code of the mailed link is the invitee. The code
//! travels in the body, where no log and no referrer sees it.

// Every parameter stands in the document by itself.
#![allow(clippy::too_many_arguments)]

use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use serde_json::{Map, Value, json};

use super::parameter::{Integer, ListHeader, Names};
use super::{Tag, body, created, fetched, id, projection, query};
use crate::app;
use crate::app::invitations::Opened;
use crate::http::resource::{
    Invitation, InvitationCode, InvitationListResponse, InvitationPreview, InviteRequest, InviteResponse, SearchRequest,
};
use crate::http::{Answered, Authed, Created, Deleted, Fetched, OAuthScope, OrgContext, Rejection, ScimBody};
use crate::invite::{self, Answer};
use crate::scim::{Quirks, resource};

/// The operations on invitations.
pub struct Invitations;

#[OpenApi(tag = "Tag::Invitations")]
impl Invitations {
    /// Invite several users
    ///
    /// Invites users of the immediate parent organization, and of no other, by `userName`. One result per line, in order; a
    /// line that fails harms no other. Codes of failure: `userNotInParent`, `userInactive`, `noEmail`, `alreadyMember`,
    /// `alreadyInvited`, `duplicateLine`, `groupNotFound`, `groupNotAllowed`, `quotaExceeded`. The letters are queued in the
    /// same transaction. 400 if the organization is a root and so has no parent.
    #[oai(path = "/Invitations/.invite", method = "post", operation_id = "invite")]
    async fn invite(
        &self,
        #[oai(scope = "OAuthScope::InvitationsWrite")] caller: Authed,
        /// Whom to invite, into which groups, with which words, until when.
        request: ScimBody<InviteRequest>,
    ) -> Result<Answered<InviteResponse>, Rejection> {
        let response = caller.app.invitation_invite(&caller.who, &request.map).await?;
        Ok(Answered::new(serde_json::to_vec(&response).map_err(Rejection::failure)?))
    }

    /// Invite one user
    ///
    /// RFC 7644 §3.3: an invitation as a plain SCIM resource. `userName` is that of a user of the immediate parent
    /// organization; `groups`, `message`, `locale` and `expiresIn` (seconds) are optional. Where `.invite` would tell a
    /// failed line, this is 400, 404 or 409.
    #[oai(path = "/Invitations", method = "post", operation_id = "createInvitation")]
    async fn create(
        &self,
        #[oai(scope = "OAuthScope::InvitationsWrite")] caller: Authed,
        /// Only these attributes in the answer, separated by commas (RFC 7644 §3.9).
        attributes: Query<Option<Names>>,
        /// Not these attributes in the answer.
        #[oai(name = "excludedAttributes")]
        excluded_attributes: Query<Option<Names>>,
        /// `return=minimal` for an answer without a body (RFC 7240).
        #[oai(name = "Prefer")]
        prefer: ListHeader,
        /// The invitation: `userName` at least.
        invitation: ScimBody<Invitation>,
    ) -> Result<Created<Invitation>, Rejection> {
        let projection = projection(caller.who.schemas.invitation(), &caller, &attributes, &excluded_attributes)?;
        let (profile, mut quirks) = (caller.profile(), Quirks::new());
        let accepted = resource::accept(caller.who.schemas.invitation(), invitation.map, profile, &mut quirks)?;
        caller.who.noted.add(quirks);
        let record = caller.app.invitation_create(&caller.who, &accepted).await?;
        Ok(created(caller.who.schemas.invitation(), &caller, &record, &projection, &prefer))
    }

    /// List invitations
    ///
    /// RFC 7644 §3.4.2. Ended ones stay and are listed; filter by `status` for those that wait.
    #[oai(path = "/Invitations", method = "get", operation_id = "listInvitations")]
    async fn list(
        &self,
        #[oai(scope = "OAuthScope::InvitationsRead")] caller: Authed,
        /// RFC 7644 §3.4.2.2: `attribute operator value`, joined by `and`, `or`, `not ( )`.
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
    ) -> Result<Answered<InvitationListResponse>, Rejection> {
        let order = (sort_by, sort_order);
        let window = (start_index, count, cursor);
        let request = query::request(filter, order, window, (attributes, excluded_attributes));
        query::list(caller.who.schemas.invitation(), &caller, &request).await.map(Answered::new)
    }

    /// Search invitations
    ///
    /// RFC 7644 §3.4.3: the same as a list, with the parameters in the body.
    #[oai(path = "/Invitations/.search", method = "post", operation_id = "searchInvitations")]
    async fn search(
        &self,
        #[oai(scope = "OAuthScope::InvitationsRead")] caller: Authed,
        /// The parameters.
        request: ScimBody<SearchRequest>,
    ) -> Result<Answered<InvitationListResponse>, Rejection> {
        query::search(caller.who.schemas.invitation(), &caller, request).await.map(Answered::new)
    }

    /// Read an invitation
    ///
    /// RFC 7644 §3.4.1. `delivery` tells how far the letter got; the secret of the link is never shown.
    #[oai(path = "/Invitations/:id", method = "get", operation_id = "getInvitation")]
    async fn get(
        &self,
        #[oai(scope = "OAuthScope::InvitationsRead")] caller: Authed,
        /// The `id` of the invitation.
        id: Path<String>,
        /// Only these attributes in the answer, separated by commas (RFC 7644 §3.9).
        attributes: Query<Option<Names>>,
        /// Not these attributes in the answer.
        #[oai(name = "excludedAttributes")]
        excluded_attributes: Query<Option<Names>>,
        /// A version already known: 304 if it is still the present one (RFC 7644 §3.14).
        #[oai(name = "If-None-Match")]
        if_none_match: ListHeader,
    ) -> Result<Fetched<Invitation>, Rejection> {
        let projection = projection(caller.who.schemas.invitation(), &caller, &attributes, &excluded_attributes)?;
        let record = caller.app.invitation_get(&caller.who, self::id(&id)?).await?;
        Ok(fetched(caller.who.schemas.invitation(), &caller, &record, &projection, &if_none_match))
    }

    /// Delete an invitation
    ///
    /// RFC 7644 §3.6. A pending one cannot be accepted any more; a guest that it made stays.
    #[oai(path = "/Invitations/:id", method = "delete", operation_id = "deleteInvitation")]
    async fn delete(
        &self,
        #[oai(scope = "OAuthScope::InvitationsWrite")] caller: Authed,
        /// The `id` of the invitation.
        id: Path<String>,
        /// The version to be deleted: 412 if it is not the present one (RFC 7644 §3.14).
        #[oai(name = "If-Match")]
        if_match: ListHeader,
    ) -> Result<Deleted, Rejection> {
        caller.app.invitation_delete(&caller.who, self::id(&id)?, if_match.as_deref()).await?;
        Ok(Deleted)
    }

    /// Revoke an invitation
    ///
    /// Takes a pending invitation back: its link opens no more and its letter is not sent, but it stays in the list as
    /// history. 410 if it has ended already.
    #[oai(path = "/Invitations/:id/.revoke", method = "post", operation_id = "revokeInvitation")]
    async fn revoke(
        &self,
        #[oai(scope = "OAuthScope::InvitationsWrite")] caller: Authed,
        org: Data<&OrgContext>,
        /// The `id` of the invitation.
        id: Path<String>,
    ) -> Result<Fetched<Invitation>, Rejection> {
        let record = org.app.invitation_revoke(&caller.who, self::id(&id)?).await?;
        let location = caller.location("Invitations", record.id);
        let whole = crate::scim::project::Projection::default();
        Ok(Fetched::new(body(caller.who.schemas.invitation(), &record, &caller.base, &whole), record.version, &location))
    }

    /// Accept an invitation
    ///
    /// Public: the code of the mailed link is the credential. Makes the invitee a guest of the organization, with those of
    /// the groups that still exist. 404 if the code opens nothing here; 410 if the invitation has expired, was revoked,
    /// declined or used; 409 if the invitee or an organization is not active. Of many simultaneous calls one succeeds.
    #[oai(path = "/Invitations/.accept", method = "post", operation_id = "acceptInvitation")]
    async fn accept(
        &self,
        org: Data<&OrgContext>,
        /// The code of the link.
        code: ScimBody<InvitationCode>,
    ) -> Result<Answered<InvitationPreview>, Rejection> {
        answer(org.0, &code.map, Answer::Accept).await
    }

    /// Decline an invitation
    ///
    /// Public: the code of the mailed link is the credential. 404 and 410 as for accepting.
    #[oai(path = "/Invitations/.decline", method = "post", operation_id = "declineInvitation")]
    async fn decline(
        &self,
        org: Data<&OrgContext>,
        /// The code of the link.
        code: ScimBody<InvitationCode>,
    ) -> Result<Answered<InvitationPreview>, Rejection> {
        answer(org.0, &code.map, Answer::Decline).await
    }

    /// Look at an invitation
    ///
    /// Public: the code of the mailed link is the credential. Shows what the invitee should know before answering and
    /// changes nothing. 404 and 410 as for accepting.
    #[oai(path = "/Invitations/.introspect", method = "post", operation_id = "introspectInvitation")]
    async fn introspect(
        &self,
        org: Data<&OrgContext>,
        /// The code of the link.
        code: ScimBody<InvitationCode>,
    ) -> Result<Answered<InvitationPreview>, Rejection> {
        org.load().await?;
        let opened = org.app.invitation_open(org.org, None, secret(&code.map)?).await?;
        invite::answer::open(&opened.invitation, org.app.now()).map_err(app::Error::from)?;
        Ok(preview(org.0, &opened))
    }
}

async fn answer(org: &OrgContext, body: &Map<String, Value>, answer: Answer) -> Result<Answered<InvitationPreview>, Rejection> {
    org.load().await?;
    let opened = org.app.invitation_answer(org.org, None, secret(body)?, answer).await?;
    Ok(preview(org, &opened))
}

/// The `code` of the body.
fn secret(body: &Map<String, Value>) -> Result<&str, Rejection> {
    let code = body.get("code").and_then(Value::as_str);
    Ok(code.ok_or(invite::Error::NoCode).map_err(app::Error::from)?)
}

/// What the holder of the link may know: who asks, for what, until when. No address, no id but the guest's own.
fn preview(org: &OrgContext, opened: &Opened) -> Answered<InvitationPreview> {
    let invitation = &opened.invitation;
    let groups: Vec<Value> = invitation
        .groups
        .iter()
        .map(|group| {
            let mut shown = json!({ "display": group.display });
            if !group.exists {
                shown["vanished"] = true.into();
            }
            shown
        })
        .collect();
    let path: Vec<&str> = opened.path.iter().map(|org| org.name.as_str()).collect();
    let mut preview = json!({
        "userName": invitation.user_name,
        "status": invitation.status_at(org.app.now()).as_str(),
        "organization": { "value": invitation.org, "display": path.last(), "path": path },
        "groups": groups,
        "expiresAt": invitation.expires_at,
    });
    let inviter = invitation.inviter_name().map(Value::from);
    let message = invitation.message.as_deref().map(Value::from);
    let ended_at = invitation.ended_at.map(|at| at.to_string().into());
    let guest = invitation.guest.map(|id| json!({ "value": id, "$ref": format!("{}/Users/{id}", org.base) }));
    for (name, value) in [("inviter", inviter), ("message", message), ("endedAt", ended_at), ("guest", guest)] {
        if let Some(value) = value {
            preview[name] = value;
        }
    }
    Answered::new(preview.to_string().into_bytes())
}
