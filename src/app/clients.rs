//! Clients: making them, and telling whether one is who it says it is.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{App, Error};
use crate::auth::{self, Client, ScopeSet};
use crate::base::{ClientId, OrgId, Secret};
use crate::store::{self, Actor};

impl App {
    /// A new client of `org` that may ask for up to `scopes`, and its secret, which is not kept and so never shown again.
    pub async fn client_create(&self, org: OrgId, scopes: ScopeSet) -> Result<(ClientId, Secret<String>), Error> {
        let org = self.store.org(org).await?.ok_or(store::Error::NotFound)?;
        if scopes.is_empty() {
            return Err(auth::Error::ScopeNotGranted(String::new()).into());
        }
        let mut secret = [0; 32];
        self.random.fill(&mut secret);
        // The prefix lets scanners of repositories and logs find a leaked one.
        let secret = format!("usher_secret_{}", URL_SAFE_NO_PAD.encode(secret));
        let now = self.now();
        let client = Client {
            id: self.random.uuid(now).into(),
            org: org.id,
            scope: scopes.to_string(),
            secret_hash: hash(&secret),
            created: now,
        };
        let id = client.id;
        self.store.commit(self.author(Actor::Operator), vec![auth::Change::ClientCreated(client).into()]).await?;
        Ok((id, Secret::new(secret)))
    }

    /// The client, if `secret` is its own. Unknown and wrong take the same steps and get the same answer (SEC S-13).
    pub(super) async fn client_authenticate(&self, client_id: &str, secret: &Secret<String>) -> Result<Client, Error> {
        let client = match client_id.parse::<ClientId>() {
            Ok(id) => self.store.client(id).await?,
            Err(_) => None,
        };
        let kept = client.as_ref().map_or([0; 32], |client| client.secret_hash);
        let is_own = bool::from(kept.ct_eq(&hash(secret.expose())));
        client.filter(|_| is_own).ok_or_else(|| auth::Error::InvalidClient.into())
    }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}
