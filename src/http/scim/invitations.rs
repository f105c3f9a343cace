//! `/Invitations`: an organization asks users of its parent to become guests, and they answer.
//!
//! `.accept`, `.decline` and `.introspect` take no token: whoever holds the code of the mailed link is the invitee. The code
//! travels in the body, where no log and no referrer sees it.

// Every parameter stands in the document by itself.
#![allow(clippy::too_many_arguments)]

use poem::Request;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use serde_json::{Map, Value, json};

use super::parameter::{Integer, ListHeader, Names};
use super::{Tag, body, created, fetched, id, projection, query};
use crate::app::idempotency::Turn;
use crate::app::invitations::{Holder, Opened};
use crate::app::{self, App};
use crate::http::exchange::Exchange;
use crate::http::guard::signed_in;
use crate::http::payload::OptionalBody;
use crate::http::resource::{
    Invitation, InvitationCode, InvitationListResponse, InvitationPreview, InviteRequest, InviteResponse, ResendRequest,
    RevokeRequest, SearchRequest,
};
use crate::http::{Answered, Authed, Created, Deleted, Fetched, OAuthScope, OrgContext, Rejection, ScimBody};
use crate::invite::{self, Answer};
use crate::scim::project::Projection;
use crate::scim::{Kind, Quirks, Record, resource};
use crate::store::References;

/// The operations on invitations.
pub struct Invitations;

#[OpenApi(tag = "Tag::Invitations")]
impl Invitations {
    /// Invite several users
    ///
    /// Invites users of the immediate parent organization, and of no other, by `userName`. One result per line, in order; a
    /// line that fails harms no other. Codes of failure: `userNotInParent`, `userInactive`, `noEmail`, `alreadyMember`,
    /// `alreadyInvited`, `duplicateLine`, `groupNotFound`, `groupNotAllowed`, `quotaExceeded`, `notInvitable`. The letters are
    /// queued in the same transaction. 400 if the organization is a root and so has no parent.
    #[oai(path = "/Invitations/.invite", method = "post", operation_id = "invite")]
    async fn invite(
        &self,
        #[oai(scope = "OAuthScope::InvitationsWrite")] caller: Authed,
        /// A name for this request: sent again within a day, it is not carried out again but answered as before.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: ListHeader,
        /// Whom to invite, into which groups, with which words, until when.
        request: ScimBody<InviteRequest>,
    ) -> Result<Answered<InviteResponse>, Rejection> {
        let response = caller.app.invitation_invite(&caller.who, idempotency_key.as_deref(), &request.map).await?;
        Ok(Answered::new(response.to_string().into_bytes()))
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
        /// A name for this request: sent again within a day, it is not carried out again but answered as before.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: ListHeader,
        /// The invitation: `userName` at least.
        invitation: ScimBody<Invitation>,
    ) -> Result<Created<Invitation>, Rejection> {
        let projection = projection(caller.who.schemas.invitation(), &caller, &attributes, &excluded_attributes)?;
        let key = idempotency_key.as_deref();
        let record = match caller.app.turn(&caller.who, key, "POST /Invitations", &invitation.map).await? {
            Turn::First(ticket) => {
                let (profile, mut quirks) = (caller.profile(), Quirks::new());
                let accepted = resource::accept(caller.who.schemas.invitation(), invitation.map, profile, &mut quirks)?;
                caller.who.noted.add(quirks);
                caller.app.invitation_create(&caller.who, ticket.as_ref(), &accepted).await?
            }
            Turn::Again(kept) => caller.app.made(&caller.who, Kind::Invitation, kept, References::Include).await?,
        };
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
    /// history, with who revoked it and why. 410 if it has ended already.
    #[oai(path = "/Invitations/:id/.revoke", method = "post", operation_id = "revokeInvitation")]
    async fn revoke(
        &self,
        #[oai(scope = "OAuthScope::InvitationsWrite")] caller: Authed,
        /// The `id` of the invitation.
        id: Path<String>,
        /// Why, if that is to be kept. The body may be left out.
        reason: OptionalBody<RevokeRequest>,
    ) -> Result<Fetched<Invitation>, Rejection> {
        let record = caller.app.invitation_revoke(&caller.who, self::id(&id)?, &reason.map).await?;
        Ok(whole(&caller, &record))
    }

    /// Send a new link
    ///
    /// Mails a new link to the address that the invitee has now; the link before opens nothing from here on. Of an invitation
    /// that was made with `sendMail` false, no letter is sent and the answer holds the new `code`. The invitation ends when it did
    /// before, unless `expiresIn` says otherwise. 410 if it has ended already; 400 or 403 if the invitee could not be invited any
    /// more; 429 within a minute of the letter before, or when the day's quota is used up.
    #[oai(path = "/Invitations/:id/.resend", method = "post", operation_id = "resendInvitation")]
    async fn resend(
        &self,
        #[oai(scope = "OAuthScope::InvitationsWrite")] caller: Authed,
        /// The `id` of the invitation.
        id: Path<String>,
        /// How long the new link is to be good for. The body may be left out.
        lifetime: OptionalBody<ResendRequest>,
    ) -> Result<Fetched<Invitation>, Rejection> {
        let record = caller.app.invitation_resend(&caller.who, self::id(&id)?, &lifetime.map).await?;
        Ok(whole(&caller, &record))
    }

    /// Accept an invitation
    ///
    /// Public: the code of the mailed link is the credential. Makes the invitee a guest of the organization, with those of
    /// the groups that still exist; `assigned` and `skipped` tell which. 404 if the code opens nothing here; 410 if the
    /// invitation has expired, was revoked, declined or used; 409 if the invitee or an organization is not active, or a group
    /// is gone and the organization wants all or none; 401 where it wants a bearer token of the invitee, from the parent
    /// organization, in `Authorization`. Of many simultaneous calls one succeeds.
    #[oai(path = "/Invitations/.accept", method = "post", operation_id = "acceptInvitation")]
    async fn accept(
        &self,
        org: Data<&OrgContext>,
        request: &Request,
        /// The code of the link.
        code: ScimBody<InvitationCode>,
    ) -> Result<Answered<InvitationPreview>, Rejection> {
        answer(org.0, request, &code.map, Answer::Accept).await
    }

    /// Decline an invitation
    ///
    /// Public: the code of the mailed link is the credential. 401, 404 and 410 as for accepting.
    #[oai(path = "/Invitations/.decline", method = "post", operation_id = "declineInvitation")]
    async fn decline(
        &self,
        org: Data<&OrgContext>,
        request: &Request,
        /// The code of the link.
        code: ScimBody<InvitationCode>,
    ) -> Result<Answered<InvitationPreview>, Rejection> {
        answer(org.0, request, &code.map, Answer::Decline).await
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
        let opened = org
            .app
            .invitation_open(Holder::Link { org: org.org, id: None, code: secret(&code.map)?, who: None, asked: None })
            .await?;
        invite::answer::open(&opened.invitation, org.app.now()).map_err(app::Error::from)?;
        Ok(Answered::new(preview(&org.app, &opened).to_string().into_bytes()))
    }
}

async fn answer(
    context: &OrgContext,
    request: &Request,
    body: &Map<String, Value>,
    answer: Answer,
) -> Result<Answered<InvitationPreview>, Rejection> {
    let (org, app) = (context.load().await?, &context.app);
    let who = signed_in(app, &org, request.headers()).await;
    let asked = Exchange::of(request).asked(request);
    let holder = Holder::Link { org: org.id, id: None, code: secret(body)?, who: who.as_ref(), asked: Some(&asked) };
    let opened = app.invitation_answer(holder, answer).await?;
    Ok(Answered::new(preview(app, &opened).to_string().into_bytes()))
}

/// 200 with all of the invitation.
fn whole(caller: &Authed, record: &Record) -> Fetched<Invitation> {
    let location = caller.location("Invitations", record.id);
    let body = body(caller.who.schemas.invitation(), record, &caller.base, &Projection::default());
    Fetched::new(body, record.version, &location)
}

/// The `code` of the body.
fn secret(body: &Map<String, Value>) -> Result<&str, Rejection> {
    let code = body.get("code").and_then(Value::as_str);
    Ok(code.ok_or(invite::Error::NoCode).map_err(app::Error::from)?)
}

/// What the invitee may know: who asks, for what, until when. No address, no id but the guest's own.
pub(super) fn preview(app: &App, opened: &Opened) -> Value {
    let (invitation, org) = (&opened.invitation, opened.org());
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
        "status": invitation.status_at(app.now()).as_str(),
        "organization": { "value": invitation.org, "display": path.last(), "path": path },
        "groups": groups,
        "expiresAt": invitation.expires_at,
    });
    let names = |is_given: bool| -> Value {
        let groups = invitation.groups.iter().filter(|group| group.is_given == Some(is_given));
        groups.map(|group| group.display.as_str()).collect()
    };
    let base = format!("{}/t/{}/o/{}/scim2", app.settings.public_url, org.root_handle, org.id);
    let guest = invitation.guest.map(|id| json!({ "value": id, "$ref": format!("{base}/Users/{id}") }));
    for (name, value) in [
        ("inviter", invitation.inviter_name().map(Value::from)),
        ("message", invitation.message.as_deref().map(Value::from)),
        ("until", invitation.until.map(|at| at.to_string().into())),
        ("endedAt", invitation.ended_at.map(|at| at.to_string().into())),
        ("assigned", guest.is_some().then(|| names(true))),
        ("skipped", guest.is_some().then(|| names(false))),
        ("guest", guest),
    ] {
        if let Some(value) = value {
            preview[name] = value;
        }
    }
    preview
}
