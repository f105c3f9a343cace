//! Provisioning tokens: for identity providers that can only paste one, and for operators. Listed by their id, with their last
//! use; revoked, or replaced with overlap.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::clients::granted;
use super::tokens::{Issued, Wording};
use super::{App, Error};
use crate::auth::issue::{LIFETIME_MAX, PROVISIONING_LIFETIME};
use crate::auth::{self, Bearer, Change, Principal, ProvisioningToken, Scope, ScopeSet, Subject};
use crate::base::limit::{EXPIRES_SOON, NAME_CHARS_MAX, OVERLAP, OVERLAP_MAX, TOKENS_SHOWN};
use crate::base::{ClientId, OrgId, Timestamp, TokenId};
use crate::org::Org;
use crate::scim::{self, ScimType};
use crate::store::{self, Actor, Author, Credentials};

/// Less is none: claims count whole seconds.
const LIFETIME_MIN: Duration = Duration::from_secs(1);

/// Whose tokens end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// This one, by its `jti`.
    Token(TokenId),
    /// This one, whose `exp` is known.
    Known(TokenId, Timestamp),
    /// All of a user or a client.
    Subject(Uuid),
    /// All of the org.
    All,
}

/// A token to be made.
#[derive(Clone, Debug, Default)]
pub struct NewToken {
    /// What an administrator calls it.
    pub name: Option<String>,
    /// The person it speaks for; none for a machine.
    pub user_name: Option<String>,
    /// What it may do.
    pub scopes: ScopeSet,
    /// How long it is good for; 180 days where nobody says.
    pub lifetime: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Asked {
    name: Option<String>,
    scope: String,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedRevoked {
    token: Option<Uuid>,
    user: Option<Uuid>,
    client: Option<Uuid>,
    #[serde(default)]
    all: bool,
}

impl App {
    /// A page of the provisioning tokens of the caller's org, the newest first, and how many there are.
    pub async fn tokens_list(&self, who: &Principal, offset: usize, count: usize) -> Result<(usize, Vec<Value>), Error> {
        who.require(Scope::TokensRead)?;
        let (total, tokens) = self.store.tokens(who.org.id, &Credentials { id: None, offset, count }).await?;
        Ok((total, tokens.iter().map(|token| self.token_shown(token)).collect()))
    }

    /// One of them.
    pub async fn tokens_get(&self, who: &Principal, id: TokenId) -> Result<Value, Error> {
        who.require(Scope::TokensRead)?;
        Ok(self.token_shown(&self.org_token(who.org.id, id).await?))
    }

    /// A new one that may do no more than the caller. The token is in this answer and never again.
    pub async fn tokens_create(&self, who: &Principal, body: Map<String, Value>) -> Result<Value, Error> {
        who.require(Scope::TokensWrite)?;
        let Asked { name, scope, expires_in } = read(body)?;
        let scopes = granted(who, &scope)?;
        let new = NewToken { name, user_name: None, scopes, lifetime: expires_in.map(Duration::from_secs) };
        let issued = self.token_make(self.author_of(who), who.org.id, new).await?;
        self.token_with(who.org.id, &issued).await
    }

    /// Another one in its place, in the same name and as long-lived as it was made to be; it is good for `seconds` more itself. Whoever
    /// asks comes to hold its rights, and so must hold them already.
    pub async fn tokens_rotate(&self, who: &Principal, id: TokenId, seconds: Option<u64>) -> Result<Value, Error> {
        who.require(Scope::TokensWrite)?;
        let token = self.org_token(who.org.id, id).await?;
        granted(who, &token.scope)?;
        let issued = self.token_rotate(self.author_of(who), who.org.id, id, seconds).await?;
        self.token_with(who.org.id, &issued).await
    }

    /// Ends one that is listed.
    pub async fn tokens_delete(&self, who: &Principal, id: TokenId) -> Result<(), Error> {
        who.require(Scope::TokensWrite)?;
        self.org_token(who.org.id, id).await?;
        self.tokens_end(self.author_of(who), who.org.id, Revoked::Token(id)).await
    }

    /// Ends tokens of the caller's org, listed or not: what `body` names.
    pub async fn tokens_revoke(&self, who: &Principal, body: Map<String, Value>) -> Result<(), Error> {
        who.require(Scope::TokensWrite)?;
        let whom = match read(body)? {
            AskedRevoked { token: Some(id), user: None, client: None, all: false } => Revoked::Token(id.into()),
            AskedRevoked { token: None, user: Some(id), client: None, all: false }
            | AskedRevoked { token: None, user: None, client: Some(id), all: false } => Revoked::Subject(id),
            AskedRevoked { token: None, user: None, client: None, all: true } => Revoked::All,
            _ => {
                let detail = "expected one of `token`, `user`, `client` and `all`";
                return Err(scim::Error::bad(ScimType::InvalidValue, detail).into());
            }
        };
        self.tokens_end(self.author_of(who), who.org.id, whom).await
    }

    /// From the next request on, these tokens of `org` are not believed any more, nor what they were exchanged for.
    pub async fn tokens_end(&self, actor: impl Into<Author> + Send, org: OrgId, whom: Revoked) -> Result<(), Error> {
        let at = self.now();
        let change = match whom {
            // Nothing that was issued outlives this, so the row can be forgotten then.
            Revoked::Token(token) => Change::TokenRevoked { org, token, expires_at: at + LIFETIME_MAX },
            Revoked::Known(token, expires_at) => Change::TokenRevoked { org, token, expires_at },
            Revoked::Subject(subject) => Change::SubjectRevoked { org, subject, at },
            Revoked::All => Change::SubjectRevoked { org, subject: org.0, at },
        };
        self.store.commit(self.author(actor), vec![change.into()]).await?;
        Ok(())
    }

    /// A provisioning token of an operator's making: for an identity provider, or for the user `user_name`. 404 where `org` or the
    /// user is not there.
    pub async fn token_create(
        &self,
        org: OrgId,
        user_name: Option<&str>,
        scopes: ScopeSet,
        lifetime: Option<Duration>,
    ) -> Result<Issued, Error> {
        let new = NewToken { name: None, user_name: user_name.map(str::to_owned), scopes, lifetime };
        self.token_make(Actor::Operator, org, new).await
    }

    /// A provisioning token of `org`.
    pub async fn token_make(&self, actor: impl Into<Author> + Send, org: OrgId, new: NewToken) -> Result<Issued, Error> {
        let org = self.store.org(org).await?.ok_or(store::Error::NotFound)?;
        let lifetime = new.lifetime.unwrap_or(PROVISIONING_LIFETIME);
        if lifetime > LIFETIME_MAX || lifetime < LIFETIME_MIN {
            let most = LIFETIME_MAX.as_secs() / 86_400;
            return Err(scim::Error::bad(ScimType::InvalidValue, format!("a token is good for 1 second to {most} days")).into());
        }
        if new.scopes.is_empty() {
            return Err(auth::Error::ScopeNotGranted(String::new()).into());
        }
        let (bearer, user_org) = match &new.user_name {
            Some(name) => {
                let account = self.store.account(org.id, name).await?.ok_or(store::Error::NotFound)?;
                (Bearer::Person(account.id), account.home_org)
            }
            None => (Bearer::Machine(ClientId(self.random.uuid(self.now()))), org.id),
        };
        let name = new.name.map(name_checked).transpose()?;
        self.token_keep(actor, &org, (bearer, user_org), name, new.scopes, lifetime, None).await
    }

    /// Another token in the place of `id`, in the same name. A person's is not replaced: whoever did would speak for the person.
    pub async fn token_rotate(
        &self,
        actor: impl Into<Author> + Send,
        org: OrgId,
        id: TokenId,
        seconds: Option<u64>,
    ) -> Result<Issued, Error> {
        let now = self.now();
        let until = now + overlap(seconds)?;
        let org = self.store.org(org).await?.ok_or(store::Error::NotFound)?;
        let old = self.org_token(org.id, id).await?;
        if old.replaced_by.is_some() || old.expires_at <= now {
            return Err(scim::Error::status(409, "the token has ended, or another has taken its place").into());
        }
        if let Bearer::Person(_) = old.bearer {
            return Err(scim::Error::status(409, "a token that speaks for a person is not replaced by another").into());
        }
        let lifetime = Duration::from_millis(u64::try_from(old.expires_at.0 - old.created.0).unwrap_or(0));
        let scopes = ScopeSet::known(&old.scope);
        self.token_keep(actor, &org, (old.bearer, org.id), old.name, scopes, lifetime, Some((id, until))).await
    }

    #[allow(clippy::too_many_arguments, reason = "all that a token says")]
    async fn token_keep(
        &self,
        actor: impl Into<Author> + Send,
        org: &Org,
        (bearer, user_org): (Bearer, OrgId),
        name: Option<String>,
        scopes: ScopeSet,
        lifetime: Duration,
        before: Option<(TokenId, Timestamp)>,
    ) -> Result<Issued, Error> {
        let subject = match bearer {
            Bearer::Machine(client) => Subject::Client(client),
            Bearer::Person(user) => Subject::User(user),
        };
        let now = self.now();
        let issued = self.issue(org, &subject, user_org, &Wording { scopes, lifetime, ..Wording::default() }, now)?;
        let token = ProvisioningToken {
            id: issued.token,
            org: org.id,
            name,
            bearer,
            scope: scopes.to_string(),
            created: now,
            expires_at: now + lifetime,
            last_used: None,
            replaced_by: None,
        };
        self.store.commit(self.author(actor), vec![Change::TokenCreated(token, before).into()]).await?;
        Ok(issued)
    }

    /// A token of `org` that is listed.
    pub async fn org_token(&self, org: OrgId, id: TokenId) -> Result<ProvisioningToken, Error> {
        let query = Credentials { id: Some(id.0), offset: 0, count: 1 };
        Ok(self.store.tokens(org, &query).await?.1.pop().ok_or(store::Error::NotFound)?)
    }

    async fn token_with(&self, org: OrgId, issued: &Issued) -> Result<Value, Error> {
        let mut shown = self.token_shown(&self.org_token(org, issued.token).await?);
        shown["token"] = issued.access_token.expose().as_str().into();
        Ok(shown)
    }

    /// A token as an administrator may see it: without the token itself.
    pub fn token_shown(&self, token: &ProvisioningToken) -> Value {
        let mut shown = json!({
            "id": token.id, "scope": token.scope, "created": token.created, "expiresAt": token.expires_at,
            "expiresSoon": token.expires_soon(self.now()),
        });
        let mut put = |name: &str, value: Value| shown[name] = value;
        token.name.iter().for_each(|name| put("name", name.as_str().into()));
        match token.bearer {
            Bearer::Person(user) => put("user", json!(user)),
            Bearer::Machine(client) => put("client", json!(client)),
        }
        token.last_used.iter().for_each(|at| put("lastUsed", json!(at)));
        token.replaced_by.iter().for_each(|id| put("replacedBy", json!(id)));
        shown
    }

    /// Takes expired tokens off the list, and warns of those that end soon. For the worker.
    pub async fn tokens_look(&self) -> Result<(), Error> {
        let now = self.now();
        let change = Change::TokensExpired { before: now - TOKENS_SHOWN };
        self.store.commit(self.author(Actor::Worker), vec![change.into()]).await?;
        for token in self.store.tokens_ending(now, now + EXPIRES_SOON).await? {
            // One that was made for less is meant to end.
            if token.expires_at > token.created + EXPIRES_SOON {
                tracing::warn!(
                    org.id = %token.org, token.id = %token.id, expires_at = %token.expires_at, "a provisioning token ends soon"
                );
            }
        }
        Ok(())
    }

    /// Writes when credentials and sessions were last used. For the worker.
    pub async fn last_uses_flush(&self) -> Result<(), Error> {
        let uses = Some(self.last_uses.take()).filter(|uses| !uses.is_empty()).map(Change::Used);
        let changes: Vec<store::Change> = uses.into_iter().chain(self.sessions_seen()).map(Into::into).collect();
        if !changes.is_empty() {
            self.store.commit(self.author(Actor::Worker), changes).await?;
        }
        Ok(())
    }
}

/// A body of the API; what is unknown in it is an error.
pub(super) fn read<T: DeserializeOwned>(body: Map<String, Value>) -> Result<T, Error> {
    serde_json::from_value(Value::Object(body))
        .map_err(|error| scim::Error::bad(ScimType::InvalidValue, error.to_string()).into())
}

/// A name that can be shown anywhere.
pub(super) fn name_checked(name: String) -> Result<String, Error> {
    let is_fine = !name.trim().is_empty() && name.chars().count() <= NAME_CHARS_MAX && !name.contains(char::is_control);
    let detail = || format!("`name` is not a line of 1 to {NAME_CHARS_MAX} characters");
    if is_fine { Ok(name) } else { Err(scim::Error::bad(ScimType::InvalidValue, detail()).into()) }
}

/// How long what is replaced stays good.
pub(super) fn overlap(seconds: Option<u64>) -> Result<Duration, Error> {
    let overlap = seconds.map_or(OVERLAP, Duration::from_secs);
    let detail = || format!("`overlap` is {} seconds, {} at the most", overlap.as_secs(), OVERLAP_MAX.as_secs());
    if overlap <= OVERLAP_MAX { Ok(overlap) } else { Err(scim::Error::bad(ScimType::InvalidValue, detail()).into()) }
}
