//! `/Me`: RFC 7644 §3.11, an alias of the user whose token this is (M-01). The same operations, under the same scopes, as at
//! the user's own address, which `Location`, `Content-Location` and `meta.location` tell (M-02).

// Every parameter stands in the document by itself.
#![allow(clippy::too_many_arguments)]

use poem::http::StatusCode;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use serde_json::{Value, json};

use super::invitations::preview;
use super::parameter::{ListHeader, Names};
use super::{Tag, Users};
use crate::app;
use crate::app::invitations::Holder;
use crate::auth::{Scope, Subject};
use crate::http::resource::{InvitationPreview, MyInvitations, PatchOp, User};
use crate::http::{Answered, Authed, Changed, Deleted, Fetched, OAuthScope, Rejection, ScimBody};
use crate::invite::Answer;
use crate::scim::urn;

/// The operations on oneself.
pub struct Me;

#[OpenApi(tag = "Tag::Users")]
impl Me {
    /// Read oneself
    ///
    /// RFC 7644 §3.11: the user whose token this is, as at its own address, which `Location` tells. 404 for the token of a
    /// client, behind which there is no user.
    #[oai(path = "/Me", method = "get", operation_id = "getMe")]
    async fn get(
        &self,
        #[oai(scope = "OAuthScope::UsersRead")] caller: Authed,
        /// Only these attributes in the answer, separated by commas (RFC 7644 §3.9).
        attributes: Query<Option<Names>>,
        /// Not these attributes in the answer.
        #[oai(name = "excludedAttributes")]
        excluded_attributes: Query<Option<Names>>,
        /// A version already known: 304 if it is still the present one (RFC 7644 §3.14).
        #[oai(name = "If-None-Match")]
        if_none_match: ListHeader,
    ) -> Result<Fetched<User>, Rejection> {
        let id = me(&caller, Scope::UsersRead)?;
        Ok(Users.get(caller, id, attributes, excluded_attributes, if_none_match).await?.at_alias())
    }

    /// Replace oneself
    ///
    /// As at the user's own address: a guest can change `active` alone.
    #[oai(path = "/Me", method = "put", operation_id = "replaceMe")]
    async fn replace(
        &self,
        #[oai(scope = "OAuthScope::UsersWrite")] caller: Authed,
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
        let id = me(&caller, Scope::UsersWrite)?;
        Ok(Users.replace(caller, id, attributes, excluded_attributes, if_match, prefer, user).await?.at_alias())
    }

    /// Patch oneself
    ///
    /// As at the user's own address: a guest can change `active` alone.
    #[oai(path = "/Me", method = "patch", operation_id = "patchMe")]
    async fn patch(
        &self,
        #[oai(scope = "OAuthScope::UsersWrite")] caller: Authed,
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
        let id = me(&caller, Scope::UsersWrite)?;
        Ok(Users.patch(caller, id, attributes, excluded_attributes, if_match, prefer, patch).await?.at_alias())
    }

    /// Delete oneself
    ///
    /// The token is not believed any more afterwards. For a guest, this is how to leave the organization.
    #[oai(path = "/Me", method = "delete", operation_id = "deleteMe")]
    async fn delete(
        &self,
        #[oai(scope = "OAuthScope::UsersWrite")] caller: Authed,
        /// The version to be deleted: 412 if it is not the present one (RFC 7644 §3.14).
        #[oai(name = "If-Match")]
        if_match: ListHeader,
    ) -> Result<Deleted, Rejection> {
        let id = me(&caller, Scope::UsersWrite)?;
        Users.delete(caller, id, if_match).await
    }

    /// List one's own invitations
    ///
    /// The invitations that wait for the user whose token this is, from children of this organization, the latest first, 1000
    /// at the most. Any token of the user will do. 404 for the token of a client.
    #[oai(path = "/Me/Invitations", method = "get", operation_id = "listMyInvitations")]
    async fn invitations(&self, caller: Authed) -> Result<Answered<MyInvitations>, Rejection> {
        let opened = caller.app.me_invitations(&caller.who).await?;
        let mine: Vec<Value> = opened
            .iter()
            .map(|opened| {
                let mut mine = preview(&caller.app, opened);
                mine["id"] = json!(opened.invitation.id);
                mine
            })
            .collect();
        let count = mine.len();
        let list = json!({
            "schemas": [urn::LIST_RESPONSE], "totalResults": count, "startIndex": 1, "itemsPerPage": count, "Resources": mine,
        });
        Ok(Answered::new(list.to_string().into_bytes()))
    }

    /// Accept one's own invitation
    ///
    /// Without the code of the link: the token tells who accepts. 404 if it is no invitation of this user; 409 and 410 as for
    /// accepting by the link.
    #[oai(path = "/Me/Invitations/:id/.accept", method = "post", operation_id = "acceptMyInvitation")]
    async fn accept(
        &self,
        caller: Authed,
        /// The `id` of the invitation.
        id: Path<String>,
    ) -> Result<Answered<InvitationPreview>, Rejection> {
        answer(&caller, &id, Answer::Accept).await
    }

    /// Decline one's own invitation
    ///
    /// Without the code of the link: the token tells who declines. 404 and 410 as for accepting.
    #[oai(path = "/Me/Invitations/:id/.decline", method = "post", operation_id = "declineMyInvitation")]
    async fn decline(
        &self,
        caller: Authed,
        /// The `id` of the invitation.
        id: Path<String>,
    ) -> Result<Answered<InvitationPreview>, Rejection> {
        answer(&caller, &id, Answer::Decline).await
    }
}

async fn answer(caller: &Authed, id: &str, answer: Answer) -> Result<Answered<InvitationPreview>, Rejection> {
    let opened = caller.app.invitation_answer(Holder::User(&caller.who, super::id(id)?), answer).await?;
    Ok(Answered::new(preview(&caller.app, &opened).to_string().into_bytes()))
}

/// The caller's id, as if it stood in the path. M-04: behind the token of a client, or of another issuer, stands no user.
fn me(caller: &Authed, scope: Scope) -> Result<Path<String>, Rejection> {
    caller.who.require(scope).map_err(app::Error::from)?;
    match caller.who.subject {
        Subject::User(id) => Ok(Path(id.to_string())),
        Subject::Client(_) | Subject::External { .. } => Err(Rejection::status(
            StatusCode::NOT_FOUND,
            "this token stands for no user of the organization, so there is no `/Me`",
        )),
    }
}
