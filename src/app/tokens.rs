//! Tokens: believing, issuing and revoking them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{App, Error};
use crate::auth::issue::{self, ACCESS_LIFETIME, LIFETIME_MAX, PROVISIONING_LIFETIME};
use crate::auth::{self, Change, Grant, Principal, Refusal, ScopeSet, Subject};
use crate::base::{OrgId, Secret, Timestamp, TokenId};
use crate::org::Org;
use crate::scim::{self, Noted, ScimType};
use crate::store::{self, Actor, Claim};

/// Less is none: claims count whole seconds.
const LIFETIME_MIN: Duration = Duration::from_secs(1);

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

impl App {
    /// Who holds `bearer`, for a request to `org`. The token may be sound and yet not for this org: that is 404, the same as
    /// for an org that does not exist.
    pub async fn token_verify(&self, bearer: &str, org: OrgId, now: Timestamp) -> Result<Principal, Error> {
        let verified = self.issuers.verify(bearer, now).await?;
        if verified.org != org {
            return Err(scim::Error::not_found().into());
        }
        // Asked at every request, so that a revocation or a deactivation takes effect with the next one (SEC S-27).
        let claim = Claim { subject: verified.subject.clone(), token: verified.token };
        let access = self.store.access(org, &claim).await?.ok_or_else(scim::Error::not_found)?;
        if !access.is_live || !access.org.active {
            return Err(auth::Error::from(Refusal::Dead).into());
        }
        let schemas = self.schemas(access.org.root).await?;
        Ok(Principal {
            org: access.org,
            subject: claim.subject,
            client_id: verified.client_id.clone(),
            scopes: verified.scopes,
            token: verified.token,
            expires_at: verified.expires_at,
            schemas,
            noted: Noted::default(),
        })
    }

    /// `client_credentials` (RFC 6749 §4.4): a token for the client's own org. `scope` is what it asks for; all that it may
    /// have where it does not say.
    pub async fn token_issue(&self, client_id: &str, secret: &Secret<String>, scope: Option<&str>) -> Result<Issued, Error> {
        let client = self.client_authenticate(client_id, secret).await?;
        let granted = ScopeSet::known(&client.scope);
        let asked: ScopeSet = match scope.filter(|scope| !scope.trim().is_empty()) {
            Some(scope) => scope.parse().map_err(auth::Error::from)?,
            None => granted,
        };
        if asked.is_empty() || !asked.is_within(granted) {
            return Err(auth::Error::ScopeNotGranted(asked.to_string()).into());
        }
        let org = self.store.org(client.org).await?.filter(|org| org.active).ok_or(auth::Error::InvalidClient)?;
        self.issue(&org, &Subject::Client(client.id), org.id, asked, ACCESS_LIFETIME)
    }

    /// A provisioning token, for an identity provider that can only paste one, or for the user `user_name`. Without a name a
    /// client of the org stands behind it, whose secret nobody has. 404 where `org` or the user is not there.
    pub async fn token_create(
        &self,
        org: OrgId,
        user_name: Option<&str>,
        scopes: ScopeSet,
        lifetime: Option<Duration>,
    ) -> Result<Issued, Error> {
        let org = self.store.org(org).await?.ok_or(store::Error::NotFound)?;
        let lifetime = lifetime.unwrap_or(PROVISIONING_LIFETIME);
        if lifetime > LIFETIME_MAX || lifetime < LIFETIME_MIN {
            let most = LIFETIME_MAX.as_secs() / 86_400;
            return Err(scim::Error::bad(ScimType::InvalidValue, format!("a token is good for 1 second to {most} days")).into());
        }
        if scopes.is_empty() {
            return Err(auth::Error::ScopeNotGranted(String::new()).into());
        }
        let (subject, user_org) = match user_name {
            Some(name) => {
                let account = self.store.account(org.id, name).await?.ok_or(store::Error::NotFound)?;
                (Subject::User(account.id), account.home_org)
            }
            None => (Subject::Client(self.client_create(org.id, scopes).await?.0), org.id),
        };
        self.issue(&org, &subject, user_org, scopes, lifetime)
    }

    /// From the next request on, `token` is not believed any more. `expires_at` is its `exp`, where it is known.
    pub async fn token_revoke(&self, org: OrgId, token: TokenId, expires_at: Option<Timestamp>) -> Result<(), Error> {
        // Nothing that was issued outlives this, so the row can be forgotten then.
        let expires_at = expires_at.unwrap_or_else(|| self.now() + LIFETIME_MAX);
        self.store.commit(self.author(Actor::Operator), vec![Change::TokenRevoked { org, token, expires_at }.into()]).await?;
        self.issuers.forget();
        Ok(())
    }

    fn issue(
        &self,
        org: &Org,
        subject: &Subject,
        user_org: OrgId,
        scopes: ScopeSet,
        lifetime: Duration,
    ) -> Result<Issued, Error> {
        let now = self.now();
        let token = self.random.uuid(now).into();
        let grant = Grant { org, subject, user_org, scopes, token, issued_at: now, lifetime };
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
