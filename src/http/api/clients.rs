//! `/clients`: machine callers of the org, and those of its parent that are its guests.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::{Tag, page};
use crate::http::answer::{Made, Told};
use crate::http::resource::{Client, ClientAdmission, ClientList, EnterableOrganizations};
use crate::http::scim::{id, parameter::Integer};
use crate::http::{Authed, Deleted, OAuthScope, Rejection, ScimBody};

/// The operations on clients.
pub struct ClientsApi;

#[OpenApi(tag = "Tag::Clients")]
impl ClientsApi {
    /// List clients
    ///
    /// The oldest first, with those of the parent organization that are guests here. Secrets are never shown.
    #[oai(path = "/clients", method = "get", operation_id = "listClients")]
    async fn list(
        &self,
        #[oai(scope = "OAuthScope::ClientsRead")] caller: Authed,
        /// The first result, counted from 1.
        #[oai(name = "startIndex")]
        start_index: Query<Option<Integer>>,
        /// Results in one page: 100 if not said, 1000 at the most; 0 for `totalResults` alone.
        count: Query<Option<Integer>>,
    ) -> Result<Told<ClientList>, Rejection> {
        let (start, count) = page::of(&caller, &start_index, &count)?;
        let (total, clients) = caller.app.clients_list(&caller.who, start - 1, count).await?;
        Ok(Told::new(&page::print(total, start, clients)))
    }

    /// Create a client
    ///
    /// With a secret, which is in this answer and never shown again; with `jwks`, it signs assertions instead (`private_key_jwt`, RFC
    /// 7523). A client may ask for no scope that the caller does not have.
    #[oai(path = "/clients", method = "post", operation_id = "createClient")]
    async fn create(
        &self,
        #[oai(scope = "OAuthScope::ClientsWrite")] caller: Authed,
        /// `name`, `scope` and `jwks` of the new client.
        client: ScimBody<Client>,
    ) -> Result<Made<Client>, Rejection> {
        Ok(Made::new(&caller.app.clients_create(&caller.who, client.map).await?))
    }

    /// Read a client
    #[oai(path = "/clients/:id", method = "get", operation_id = "getClient")]
    async fn get(
        &self,
        #[oai(scope = "OAuthScope::ClientsRead")] caller: Authed,
        /// The `client_id`.
        id: Path<String>,
    ) -> Result<Told<Client>, Rejection> {
        Ok(Told::new(&caller.app.clients_get(&caller.who, self::id(&id)?).await?))
    }

    /// Delete a client
    ///
    /// Its tokens are not believed any more, from the next request on. Of a guest, its being one: the parent's client stays.
    #[oai(path = "/clients/:id", method = "delete", operation_id = "deleteClient")]
    async fn delete(
        &self,
        #[oai(scope = "OAuthScope::ClientsWrite")] caller: Authed,
        /// The `client_id`.
        id: Path<String>,
    ) -> Result<Deleted, Rejection> {
        caller.app.clients_delete(&caller.who, self::id(&id)?).await?;
        Ok(Deleted)
    }

    /// Rotate the secret of a client
    ///
    /// The new one is in this answer and never shown again. The one before is good for `overlap` more. The caller needs the
    /// client's scopes, too. 409 for a client without a secret.
    #[oai(path = "/clients/:id/.rotate", method = "post", operation_id = "rotateClient")]
    async fn rotate(
        &self,
        #[oai(scope = "OAuthScope::ClientsWrite")] caller: Authed,
        /// The `client_id`.
        id: Path<String>,
        /// Seconds: 604800 (7 days) if not said, 2592000 (30 days) at the most, 0 for none.
        overlap: Query<Option<Integer>>,
    ) -> Result<Told<Client>, Rejection> {
        let overlap = page::seconds("overlap", &overlap)?;
        Ok(Told::new(&caller.app.clients_rotate(&caller.who, self::id(&id)?, overlap).await?))
    }

    /// Admit a client of the parent organization
    ///
    /// As a guest, with scopes that this organization chooses and the caller has. It enters by exchanging a token of the parent for one of
    /// this organization. 404 where the immediate parent has no such client.
    #[oai(path = "/clients/.admit", method = "post", operation_id = "admitClient")]
    async fn admit(
        &self,
        #[oai(scope = "OAuthScope::ClientsWrite")] caller: Authed,
        /// Which client, and what it may do here.
        admission: ScimBody<ClientAdmission>,
    ) -> Result<Told<Client>, Rejection> {
        Ok(Told::new(&caller.app.clients_admit(&caller.who, admission.map).await?))
    }

    /// List organizations to switch to
    ///
    /// Those that admitted the calling client, or of a person those further down where it is a guest, by name: the targets of token exchange.
    #[oai(path = "/enterable-organizations", method = "get", operation_id = "listEnterableOrganizations")]
    async fn enterable(
        &self,
        caller: Authed,
        /// Only those with this in their name or handle.
        search: Query<Option<String>>,
        /// The first result, counted from 1.
        #[oai(name = "startIndex")]
        start_index: Query<Option<Integer>>,
        /// Results in one page: 100 if not said, 1000 at the most; 0 for `totalResults` alone.
        count: Query<Option<Integer>>,
    ) -> Result<Told<EnterableOrganizations>, Rejection> {
        let (start, count) = page::of(&caller, &start_index, &count)?;
        let (total, orgs) = caller.app.enterable_list(&caller.who, search.0.as_deref(), start - 1, count).await?;
        Ok(Told::new(&page::print(total, start, orgs)))
    }
}
