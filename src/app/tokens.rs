//! Tokens: believing, issuing and revoking them.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::clients::Presented;
use super::provisioning::Revoked;
use super::{App, Error};
use crate::auth::issue::{self, ACCESS_LIFETIME};
use crate::auth::{self, Grant, Principal, Refusal, ScopeSet, Source, Subject, Verified};
use crate::base::{ClientId, OrgId, Secret, Timestamp, TokenId};
use crate::org::Org;
use crate::scim::{self, Noted};
use crate::store::{self, Actor, Author, Claim};

/// A token that was issued, and what its holder should know of it.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The token itself.
    pub access_token: Secret<String>,
    /// Its `jti`, to revoke it by.
    pub token: TokenId,
    /// What it may do.
    pub scopes: ScopeSet,
    /// How long it is good for.
    pub lifetime: Duration,
}

/// What a token is to say beside its org and its subject.
#[derive(Clone, Debug, Default)]
pub(super) struct Wording {
    pub(super) scopes: ScopeSet,
    pub(super) lifetime: Duration,
    /// The client that a person's token goes to.
    pub(super) client: Option<ClientId>,
    pub(super) sources: Vec<Source>,
    pub(super) actors: Vec<ClientId>,
}

/// The scopes of a `scope` parameter; none where it is not there, or empty.
pub(super) fn asked(scope: Option<&str>) -> Result<Option<ScopeSet>, auth::Error> {
    let scope = scope.filter(|scope| !scope.trim().is_empty());
    Ok(scope.map(str::parse).transpose()?)
}

impl App {
    /// Who holds `bearer`, for a request to `org`. The token may be sound and yet not for this org: that is 404, the same as
    /// for an org that does not exist.
    pub async fn token_verify(&self, bearer: &str, org: OrgId, now: Timestamp) -> Result<Principal, Error> {
        let verified = self.issuers.verify(bearer, now).await?;
        if verified.org != org {
            return Err(scim::Error::not_found().into());
        }
        let (org, scopes) = self.token_org(&verified, now).await?.ok_or_else(scim::Error::not_found)?;
        let schemas = self.schemas(org.root).await?;
        Ok(Principal {
            org,
            subject: verified.subject.clone(),
            client_id: verified.client_id.clone(),
            scopes,
            token: verified.token,
            expires_at: verified.expires_at,
            schemas,
            noted: Noted::default(),
            request: None,
        })
    }

    /// Who holds `bearer`, in whichever org that is for.
    pub async fn token_enter(&self, bearer: &str, now: Timestamp) -> Result<Principal, Error> {
        let org = self.issuers.verify(bearer, now).await?.org;
        self.token_verify(bearer, org, now).await
    }

    /// The org of a token that is believed, if it still counts there, and what it may do at this moment; none if there is no such
    /// org. Asked at every request, so that a revocation, a deactivation or another group takes effect with the next one (SEC S-27).
    pub(super) async fn token_org(&self, verified: &Verified, now: Timestamp) -> Result<Option<(Arc<Org>, ScopeSet)>, Error> {
        let Some(access) = self.store.access(verified.org, &Claim::from(verified)).await? else { return Ok(None) };
        let is_over = access.ends_at.is_some_and(|end| end <= now);
        if !access.is_live || !access.org.active || is_over {
            return Err(auth::Error::from(Refusal::Dead).into());
        }
        if let Some(token) = verified.token.filter(|_| access.is_listed) {
            self.last_uses.note((verified.org, token.0), now);
        }
        Ok(Some((access.org, verified.scopes_within(access.rights))))
    }

    /// `client_credentials` (RFC 6749 §4.4): a token for the client's own org. `scope` is what it asks for; all that it may
    /// have where it does not say.
    pub async fn token_issue(
        &self,
        presented: &Presented,
        scope: Option<&str>,
        request: Option<&str>,
    ) -> Result<Issued, Error> {
        let client = self.client_authenticate(presented, request).await?;
        let granted = client.scopes();
        let asked = asked(scope)?.unwrap_or(granted);
        if asked.is_empty() || !asked.is_within(granted) {
            return Err(auth::Error::ScopeNotGranted(asked.to_string()).into());
        }
        let org = self.store.org(client.org).await?.filter(|org| org.active).ok_or(auth::Error::InvalidClient)?;
        let wording = Wording { scopes: asked, lifetime: ACCESS_LIFETIME, ..Wording::default() };
        let subject = Subject::Client(client.id);
        let issued = self.issue(&org, &subject, org.id, &wording, self.now())?;
        let detail = format!("client_credentials: {asked}");
        self.audit(self.issued(org.id, &Actor::Subject(subject), issued.token, detail, request));
        Ok(issued)
    }

    /// RFC 7009: from the next request on, `token` is not believed any more, nor what it was exchanged for. A client ends tokens
    /// of its own; what is no token that could be believed has ended already.
    pub async fn token_end(&self, presented: &Presented, token: &str, request: Option<&str>) -> Result<(), Error> {
        let client = self.client_authenticate(presented, request).await?;
        let Ok(verified) = self.issuers.verify(token, self.now()).await else { return Ok(()) };
        let Some(id) = verified.token.filter(|_| verified.client_id.as_ref() == Some(&client.id.to_string())) else {
            return Err(auth::Error::NotItsToken.into());
        };
        let author = Author { request: request.map(Arc::from), ..Actor::Subject(Subject::Client(client.id)).into() };
        match self.tokens_end(author, verified.org, Revoked::Known(id, verified.expires_at)).await {
            // With the org, the token went.
            Err(Error::Store(store::Error::NotFound)) => Ok(()),
            ended => ended,
        }
    }

    pub(super) fn issue(
        &self,
        org: &Org,
        subject: &Subject,
        user_org: OrgId,
        wording: &Wording,
        now: Timestamp,
    ) -> Result<Issued, Error> {
        let Wording { scopes, lifetime, client, sources, actors } = wording;
        let (scopes, lifetime, client) = (*scopes, *lifetime, *client);
        let token = self.random.uuid(now).into();
        let grant = Grant { org, subject, user_org, client, scopes, token, issued_at: now, lifetime, sources, actors };
        let (name, key) = self.issuers.embedded();
        let text = issue::issue(key, name, name, &grant).ok_or(auth::Error::InvalidClient)?;
        Ok(Issued { access_token: Secret::new(text), token, scopes, lifetime })
    }

    /// Our public keys, for those who verify our tokens.
    pub fn jwks(&self) -> serde_json::Value {
        auth::jwks::print(self.issuers.embedded().1)
    }

    /// The embedded issuer's name, as in `iss`.
    pub fn issuer(&self) -> &str {
        self.issuers.embedded().0
    }
}

/// A new key for the embedded issuer, as the PEM text (PKCS#8, P-256) that rests in the data directory.
pub fn signing_key_create() -> Secret<String> {
    let key = aws_lc_rs::signature::EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING);
    let der = key.and_then(|key| key.to_pkcs8v1()).expect("the operating system gives randomness or nothing here is safe");
    let mut text = STANDARD.encode(der.as_ref());
    // RFC 7468 §2: lines of 64 characters.
    for at in (64..text.len()).step_by(64).rev() {
        text.insert(at, '\n');
    }
    Secret::new(format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n"))
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
