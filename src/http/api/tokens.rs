//! `/tokens`: provisioning tokens of the org, and the end of any of its tokens.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::{Tag, page};
use crate::http::answer::{Made, Told};
use crate::http::resource::{ProvisioningToken, ProvisioningTokenList, Revocation};
use crate::http::scim::{id, parameter::Integer};
use crate::http::{Authed, Deleted, OAuthScope, Rejection, ScimBody};

/// The operations on tokens.
pub struct TokensApi;

#[OpenApi(tag = "Tag::ProvisioningTokens")]
impl TokensApi {
    /// List provisioning tokens
    ///
    /// The newest first, those included that expired within the last 30 days. The tokens themselves are never shown.
    #[oai(path = "/tokens", method = "get", operation_id = "listTokens")]
    async fn list(
        &self,
        #[oai(scope = "OAuthScope::TokensRead")] caller: Authed,
        /// The first result, counted from 1.
        #[oai(name = "startIndex")]
        start_index: Query<Option<Integer>>,
        /// Results in one page: 100 if not said, 1000 at the most; 0 for `totalResults` alone.
        count: Query<Option<Integer>>,
    ) -> Result<Told<ProvisioningTokenList>, Rejection> {
        let (start, count) = page::of(&caller, &start_index, &count)?;
        let (total, tokens) = caller.app.tokens_list(&caller.who, start - 1, count).await?;
        Ok(Told::new(&page::print(total, start, tokens)))
    }

    /// Create a provisioning token
    ///
    /// For those who can only paste one. The token is in this answer and never shown again. It may do nothing that the caller may not.
    #[oai(path = "/tokens", method = "post", operation_id = "createToken")]
    async fn create(
        &self,
        #[oai(scope = "OAuthScope::TokensWrite")] caller: Authed,
        /// `name`, `scope` and `expiresIn` of the new token.
        token: ScimBody<ProvisioningToken>,
    ) -> Result<Made<ProvisioningToken>, Rejection> {
        Ok(Made::new(&caller.app.tokens_create(&caller.who, token.map).await?))
    }

    /// Read a provisioning token
    #[oai(path = "/tokens/:id", method = "get", operation_id = "getToken")]
    async fn get(
        &self,
        #[oai(scope = "OAuthScope::TokensRead")] caller: Authed,
        /// Its `jti`.
        id: Path<String>,
    ) -> Result<Told<ProvisioningToken>, Rejection> {
        Ok(Told::new(&caller.app.tokens_get(&caller.who, self::id(&id)?).await?))
    }

    /// Revoke a provisioning token
    ///
    /// From the next request on it is not believed any more, nor what it was exchanged for.
    #[oai(path = "/tokens/:id", method = "delete", operation_id = "deleteToken")]
    async fn delete(
        &self,
        #[oai(scope = "OAuthScope::TokensWrite")] caller: Authed,
        /// Its `jti`.
        id: Path<String>,
    ) -> Result<Deleted, Rejection> {
        caller.app.tokens_delete(&caller.who, self::id(&id)?).await?;
        Ok(Deleted)
    }

    /// Replace a provisioning token
    ///
    /// Another one takes its place, as long-lived as it was made to be, and is shown in this answer alone. The one before is good
    /// for `overlap` more, and not longer than it was. The caller needs the token's scopes, too. 409 for one that has ended, that was
    /// replaced before, or that speaks for a person.
    #[oai(path = "/tokens/:id/.rotate", method = "post", operation_id = "rotateToken")]
    async fn rotate(
        &self,
        #[oai(scope = "OAuthScope::TokensWrite")] caller: Authed,
        /// Its `jti`.
        id: Path<String>,
        /// Seconds: 604800 (7 days) if not said, 2592000 (30 days) at the most, 0 for none.
        overlap: Query<Option<Integer>>,
    ) -> Result<Told<ProvisioningToken>, Rejection> {
        let overlap = page::seconds("overlap", &overlap)?;
        Ok(Told::new(&caller.app.tokens_rotate(&caller.who, self::id(&id)?, overlap).await?))
    }

    /// Revoke tokens
    ///
    /// Listed or not, from the next request on: one by its `jti`, all of a user or of a client, or all of the organization, the caller's own
    /// included. What they were exchanged for ends with them. Whom the tokens belong to may get new ones.
    #[oai(path = "/tokens/.revoke", method = "post", operation_id = "revokeTokens")]
    async fn revoke(
        &self,
        #[oai(scope = "OAuthScope::TokensWrite")] caller: Authed,
        /// Whose tokens; one member.
        whom: ScimBody<Revocation>,
    ) -> Result<Deleted, Rejection> {
        caller.app.tokens_revoke(&caller.who, whom.map).await?;
        Ok(Deleted)
    }
}
