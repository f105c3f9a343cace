//! Clients: making, listing and ending them, and telling whether one is who it says it is.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::provisioning::{name_checked, overlap, read};
use super::{App, Error};
use crate::auth::assertion::Assertion;
use crate::auth::client::check_keys;
use crate::auth::verify::LEEWAY;
use crate::auth::{self, Change, Client, Principal, Proof, Scope, ScopeSet};
use crate::base::{ClientId, OrgId, Secret};
use crate::scim;
use crate::store::{self, Actor, Author, Credentials};

/// A client that says who it is, and from where.
#[derive(Clone, Debug)]
pub struct Presented {
    /// By what.
    pub by: Shown,
    /// Its address, or whatever tells strangers apart; nothing for who calls from within.
    pub place: String,
}

/// How a client says who it is.
#[derive(Clone, Debug)]
pub enum Shown {
    /// Its id and its secret.
    Secret(String, Secret<String>),
    /// An assertion that its key signed (RFC 7523 §2.2), and the `client_id` beside it, where there is one.
    Assertion(Option<String>, Secret<String>),
}

/// A client to be made.
#[derive(Clone, Debug, Default)]
pub struct NewClient {
    /// What an administrator calls it.
    pub name: Option<String>,
    /// The most it may ask for.
    pub scopes: ScopeSet,
    /// The JWK set that its assertions are signed with; none for a secret.
    pub keys: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    name: Option<String>,
    scope: String,
    jwks: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Admitted {
    id: String,
    name: Option<String>,
    scope: String,
}

impl App {
    /// A page of the clients of the caller's org, the oldest first, and how many there are.
    pub async fn clients_list(&self, who: &Principal, offset: usize, count: usize) -> Result<(usize, Vec<Value>), Error> {
        who.require(Scope::ClientsRead)?;
        let query = Credentials { id: None, offset, count };
        let (total, clients) = self.store.clients(who.org.id, &query).await?;
        Ok((total, clients.iter().map(|client| self.client_shown(client)).collect()))
    }

    /// One of them.
    pub async fn clients_get(&self, who: &Principal, id: ClientId) -> Result<Value, Error> {
        who.require(Scope::ClientsRead)?;
        Ok(self.client_shown(&self.org_client(who.org.id, id).await?))
    }

    /// A new client that may ask for no more than the caller may do. The secret is in this answer and never again.
    pub async fn clients_create(&self, who: &Principal, body: Map<String, Value>) -> Result<Value, Error> {
        who.require(Scope::ClientsWrite)?;
        let Asked { name, scope, jwks } = read(body)?;
        let scopes = granted(who, &scope)?;
        let new = NewClient { name, scopes, keys: jwks };
        let (client, secret) = self.client_make(self.author_of(who), who.org.id, new).await?;
        Ok(self.client_with(&client, secret))
    }

    /// Lets a client of the parent org in as a guest, with scopes of this org's choice. It enters by token exchange.
    pub async fn clients_admit(&self, who: &Principal, body: Map<String, Value>) -> Result<Value, Error> {
        who.require(Scope::ClientsWrite)?;
        let Admitted { id, name, scope } = read(body)?;
        let scopes = granted(who, &scope)?;
        let name = name.map(name_checked).transpose()?;
        let parent = who.org.parent.ok_or_else(|| scim::Error::status(400, "a root organization has no parent"))?;
        let id = id.parse().map_err(|_| store::Error::NotFound)?;
        let scope = scopes.to_string();
        let client = Client { id, org: who.org.id, name, scope, proof: Proof::Elsewhere, created: self.now(), last_used: None };
        self.commit_one(who, Change::ClientAdmitted { client: client.clone(), parent }).await?;
        Ok(self.client_shown(&client))
    }

    /// A new secret, shown in this answer and never again; the one before is good for `seconds` more. Whoever asks comes to hold
    /// the client's rights, and so must hold them already.
    pub async fn clients_rotate(&self, who: &Principal, id: ClientId, seconds: Option<u64>) -> Result<Value, Error> {
        who.require(Scope::ClientsWrite)?;
        let client = self.org_client(who.org.id, id).await?;
        granted(who, &client.scope)?;
        let secret = self.client_rotate(self.author_of(who), who.org.id, id, seconds).await?;
        Ok(self.client_with(&self.org_client(who.org.id, id).await?, Some(secret)))
    }

    /// Ends a client and all its tokens; of a guest, its being one.
    pub async fn clients_delete(&self, who: &Principal, id: ClientId) -> Result<(), Error> {
        who.require(Scope::ClientsWrite)?;
        self.commit_one(who, Change::ClientDeleted { org: who.org.id, client: id }).await?;
        Ok(())
    }

    /// A new client of `org` that may ask for up to `scopes`, and its secret. For operators.
    pub async fn client_create(&self, org: OrgId, scopes: ScopeSet) -> Result<(ClientId, Secret<String>), Error> {
        let (client, secret) = self.client_make(Actor::Operator, org, NewClient { scopes, ..NewClient::default() }).await?;
        Ok((client.id, secret.unwrap_or(Secret::new(String::new()))))
    }

    /// A new client of `org`, and its secret where it has one, which is not kept and so never shown again.
    pub async fn client_make(
        &self,
        actor: impl Into<Author> + Send,
        org: OrgId,
        new: NewClient,
    ) -> Result<(Client, Option<Secret<String>>), Error> {
        let org = self.store.org(org).await?.ok_or(store::Error::NotFound)?;
        if new.scopes.is_empty() {
            return Err(auth::Error::ScopeNotGranted(String::new()).into());
        }
        let (proof, secret) = match &new.keys {
            Some(keys) => (Proof::Keys(check_keys(keys)?), None),
            None => {
                let secret = self.secret();
                (Proof::Secret { hash: hash(secret.expose()), before: None }, Some(secret))
            }
        };
        let now = self.now();
        let client = Client {
            id: self.random.uuid(now).into(),
            org: org.id,
            name: new.name.map(name_checked).transpose()?,
            scope: new.scopes.to_string(),
            proof,
            created: now,
            last_used: None,
        };
        self.store.commit(self.author(actor), vec![Change::ClientCreated(client.clone()).into()]).await?;
        Ok((client, secret))
    }

    /// Another secret for a client of `org` that has one; the one before is good for `seconds` more.
    pub async fn client_rotate(
        &self,
        actor: impl Into<Author> + Send,
        org: OrgId,
        client: ClientId,
        seconds: Option<u64>,
    ) -> Result<Secret<String>, Error> {
        let until = self.now() + overlap(seconds)?;
        let secret = self.secret();
        let change = Change::SecretRotated { org, client, hash: hash(secret.expose()), until };
        match self.store.commit(self.author(actor), vec![change.into()]).await {
            Ok(_) => Ok(secret),
            // It may be there, and have no secret.
            Err(store::Error::NotFound) if self.org_client(org, client).await.is_ok() => {
                Err(scim::Error::status(409, "the client has no secret that this organization could rotate").into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A client or a guest of `org`.
    pub async fn org_client(&self, org: OrgId, id: ClientId) -> Result<Client, Error> {
        let query = Credentials { id: Some(id.0), offset: 0, count: 1 };
        Ok(self.store.clients(org, &query).await?.1.pop().ok_or(store::Error::NotFound)?)
    }

    /// The client that proves to be the one it says. Unknown and wrong get the same answer (SEC S-13).
    pub(super) async fn client_authenticate(&self, presented: &Presented, request: Option<&str>) -> Result<Client, Error> {
        let place = &presented.place;
        let client = match &presented.by {
            Shown::Secret(id, secret) => self.client_by_secret(id, secret, place, request).await?,
            Shown::Assertion(id, assertion) => self.client_by_assertion(id.as_deref(), assertion, place, request).await?,
        };
        self.last_uses.note((client.org, client.id.0), self.now());
        Ok(client)
    }

    async fn client_by_secret(
        &self,
        client_id: &str,
        secret: &Secret<String>,
        place: &str,
        request: Option<&str>,
    ) -> Result<Client, Error> {
        self.limits.client(client_id, place, self.now())?;
        let client = match client_id.parse::<ClientId>() {
            Ok(id) => self.store.client(id).await?,
            Err(_) => None,
        };
        let shown = hash(secret.expose());
        let (kept, before) = match client.as_ref().map(|client| &client.proof) {
            Some(Proof::Secret { hash, before }) => (*hash, before.filter(|(_, until)| self.now() < *until)),
            _ => ([0; 32], None),
        };
        let is_own = kept.ct_eq(&shown) | before.map_or([0; 32], |(hash, _)| hash).ct_eq(&shown);
        self.proven(client, is_own.into(), (client_id, place), request)
    }

    async fn client_by_assertion(
        &self,
        client_id: Option<&str>,
        assertion: &Secret<String>,
        place: &str,
        request: Option<&str>,
    ) -> Result<Client, Error> {
        let audiences = [self.issuer().to_owned(), format!("{}/oauth2/token", self.settings.public_url)];
        let assertion = Assertion::parse(assertion.expose(), &audiences, self.now()).map_err(auth::Error::Assertion)?;
        if client_id.is_some_and(|id| id != assertion.client.to_string()) {
            return Err(auth::Error::InvalidClient.into());
        }
        let named = assertion.client.to_string();
        self.limits.client(&named, place, self.now())?;
        let client = self.store.client(assertion.client).await?;
        let is_own = client.as_ref().is_some_and(|client| assertion.is_signed_by(&client.keys()));
        let client = self.proven(client, is_own, (&named, place), request)?;
        let (id, expires_at) = (hash(&assertion.id), assertion.expires_at + LEEWAY);
        let used = Change::AssertionUsed { client: client.id, id, expires_at };
        let author = self.author(Actor::Subject(auth::Subject::Client(client.id)));
        match self.store.commit(author, vec![used.into()]).await {
            Ok(_) => Ok(client),
            // Shown before, or the client has just gone.
            Err(store::Error::Stale | store::Error::NotFound) => Err(auth::Error::InvalidClient.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// The client, if it is proven to be that; else it counts what was `named` and from where, and where that exists, the audit log
    /// tells.
    fn proven(
        &self,
        client: Option<Client>,
        is_own: bool,
        (named, place): (&str, &str),
        request: Option<&str>,
    ) -> Result<Client, Error> {
        match client {
            Some(client) if is_own => return Ok(client),
            Some(client) => self.audit(self.unproven(client.org, ("Client", client.id.0), request)),
            None => {}
        }
        self.limits.client_failed(named, place, self.now());
        Err(auth::Error::InvalidClient.into())
    }

    fn secret(&self) -> Secret<String> {
        let mut secret = [0; 32];
        self.random.fill(&mut secret);
        // The prefix lets scanners of repositories and logs find a leaked one.
        Secret::new(format!("usher_secret_{}", URL_SAFE_NO_PAD.encode(secret)))
    }

    fn client_with(&self, client: &Client, secret: Option<Secret<String>>) -> Value {
        let mut shown = self.client_shown(client);
        if let Some(secret) = secret {
            shown["secret"] = secret.expose().as_str().into();
        }
        shown
    }

    /// A client as an administrator may see it: without anything secret.
    pub fn client_shown(&self, client: &Client) -> Value {
        let mut shown = json!({ "id": client.id, "scope": client.scope, "created": client.created });
        let mut put = |name: &str, value: Value| shown[name] = value;
        client.name.iter().for_each(|name| put("name", name.as_str().into()));
        client.last_used.iter().for_each(|at| put("lastUsed", json!(at)));
        match &client.proof {
            Proof::Secret { before, .. } => {
                put("authentication", "client_secret".into());
                before
                    .iter()
                    .filter(|(_, until)| self.now() < *until)
                    .for_each(|(_, until)| put("oldSecretUntil", json!(until)));
            }
            Proof::Keys(set) => {
                put("authentication", "private_key_jwt".into());
                put("jwks", serde_json::from_str(set).unwrap_or_default());
            }
            Proof::Elsewhere => put("authentication", "parent".into()),
        }
        shown
    }
}

/// The scopes of `text`, if the caller holds them all: nobody hands out what they do not have.
pub(super) fn granted(who: &Principal, text: &str) -> Result<ScopeSet, Error> {
    let scopes: ScopeSet = text.parse().map_err(auth::Error::from)?;
    scopes.iter().try_for_each(|scope| who.require(scope))?;
    if scopes.is_empty() { Err(auth::Error::ScopeNotGranted(String::new()).into()) } else { Ok(scopes) }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}
