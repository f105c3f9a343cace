//! Sessions: a person signs in with a password, enters the orgs where it is or is a guest, and signs out.
//!
//! A session belongs to the user at home, who has the password. Who that is in another org, and what it may do there, is asked at every
//! request: what shuts a person out takes effect with the next one, as for tokens (SEC S-27).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::{App, Error};
use crate::auth::session::{self, LIFETIME, SEEN, SessionId};
use crate::auth::{self, Change, Principal, Subject};
use crate::base::limit::LAST_USES_MAX;
use crate::base::{OrgId, Secret, Timestamp, UserId, text};
use crate::directory::password;
use crate::org::Org;
use crate::org::audit::{Action, Event};
use crate::scim::{self, Kind, Noted};
use crate::store::{self, Account, Actor, Author, Claim, Enterable, Entrance, References};

/// Uses of sessions that wait to be written.
pub(super) type Seen = Mutex<HashMap<SessionId, Timestamp>>;

/// A session that has just begun.
#[derive(Clone, Debug)]
pub struct Started {
    /// By which it is entered; in this answer and never again.
    pub secret: Secret<String>,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

/// Who is signed in, in one org.
#[derive(Clone, Debug)]
pub struct Session {
    /// Whoever that is there.
    pub who: Principal,
    /// The org of the user at home.
    pub home: OrgId,
    /// The user at home.
    pub user: UserId,
    /// What a form of this session must carry.
    pub csrf: String,
}

/// An org that somebody may enter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The org, which is active.
    pub org: Org,
    /// Names, from the one at home down to its own.
    pub path: Vec<String>,
}

impl App {
    /// Signs in at `org`, as a resident or a guest, with the password of the user at home; from `place`, the client's address. Whatever
    /// is wrong, the answer is the same and takes the same time (SEC S-69).
    pub async fn session_start(
        &self,
        org: OrgId,
        user_name: &str,
        password: Secret<String>,
        place: &str,
        request: Option<&str>,
    ) -> Result<Started, Error> {
        let now = self.now();
        let account = self.store.account(org, user_name).await?;
        // One password is guessed no faster through the many orgs that its user is a guest of.
        let (at, name) = match &account {
            Some(account) => (account.home_org, account.home.to_string()),
            None => (org, text::user_name_key(user_name)),
        };
        self.limits.password(at, &name, place, now)?;
        let hash = account.as_ref().and_then(|account| account.password_hash.clone());
        let typed = password::prepare(&Value::String(password.expose().clone()));
        let is_typed = typed.is_ok();
        let typed = typed.unwrap_or(Secret::new(String::new()));
        let is_right = self.password_verify(typed, hash.clone().unwrap_or(password::NOBODYS.to_owned())).await? && is_typed;
        let (Some(Account { id, home_org, home, .. }), Some(password_hash)) = (account, hash) else {
            return Err(auth::Error::SignIn.into());
        };
        // A guest whose time is over is none.
        let entrance = self.store.entrance(home_org, &Subject::User(home), org, now).await?;
        if !is_right || entrance.is_none() {
            self.audit(self.unproven(org, ("User", id.0), request));
            return Err(auth::Error::SignIn.into());
        }
        let secret = self.session_secret();
        let expires_at = now + LIFETIME;
        let session = auth::Session {
            id: session::id(secret.expose()),
            org: home_org,
            user: home,
            created_at: now,
            seen_at: now,
            expires_at,
        };
        match self.session_write(home, Change::SessionStarted { session, password_hash }, request).await {
            // Another password, or shut out, while this one was compared.
            Err(store::Error::Stale) => return Err(auth::Error::SignIn.into()),
            written => written?,
        }
        self.limits.password_was_right(at, &name, place);
        self.audit(self.signed((org, id), Action::Issued, request));
        if org != home_org {
            self.audit(self.signed((home_org, home), Action::Issued, request));
        }
        Ok(Started { secret, expires_at })
    }

    /// Who is signed in by `secret`, in `org`. 401 where nobody is; 404 where it has no way into that org, or there is no such org.
    pub async fn session_enter(&self, secret: &str, org: OrgId) -> Result<Session, Error> {
        let now = self.now();
        let auth::Session { id, org: home, user, created_at, seen_at, expires_at } = self.session_live(secret, now).await?;
        if now >= seen_at + SEEN {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.len() < LAST_USES_MAX {
                seen.insert(id, now);
            }
        }
        let at_home = Subject::User(user);
        let entrance = self.store.entrance(home, &at_home, org, now).await?;
        let Entrance { subject, .. } = entrance.ok_or_else(scim::Error::not_found)?;
        let claim = Claim { issued_at: created_at, ..Claim::of(subject.clone(), None) };
        let access = self.store.access(org, &claim).await?.filter(|access| access.is_live && access.org.active);
        let access = access.ok_or_else(scim::Error::not_found)?;
        self.limits.request(org, now)?;
        let schemas = self.schemas(access.org.root).await?;
        let who = Principal {
            org: access.org,
            subject,
            client_id: Some(session::CLIENT.to_owned()),
            scopes: access.rights,
            token: None,
            expires_at,
            schemas,
            noted: Noted::default(),
            request: None,
        };
        Ok(Session { who, home, user, csrf: session::csrf(self.settings.invitation_key.expose(), secret) })
    }

    /// The `userName` of whoever is signed in, at home.
    pub async fn session_user_name(&self, session: &Session) -> Result<String, Error> {
        let user = self.store.resource(session.home, Kind::User, session.user.0, References::Omit, self.now()).await?;
        let doc: Value = user.and_then(|user| serde_json::from_str(&user.doc).ok()).unwrap_or_default();
        Ok(doc["userName"].as_str().unwrap_or_default().to_owned())
    }

    /// Signs out. Of what is over already nothing is left to end.
    pub async fn session_end(&self, secret: &str, request: Option<&str>) -> Result<(), Error> {
        let id = session::id(secret);
        let Some(session) = self.store.session(&id).await? else { return Ok(()) };
        self.session_write(session.user, Change::SessionEnded(id), request).await?;
        self.audit(self.signed((session.org, session.user), Action::Ended, request));
        Ok(())
    }

    /// A page of the orgs that the person may enter, the one at home first and the others by name, and how many there are. `search` is
    /// looked for in names and handles.
    pub async fn session_orgs(
        &self,
        session: &Session,
        search: Option<&str>,
        offset: usize,
        count: usize,
    ) -> Result<(usize, Vec<Place>), Error> {
        let query = Enterable { search: search.map(text::fold), offset, count, has_own: true };
        let (total, orgs) = self.store.enterable(session.home, &Subject::User(session.user), &query, self.now()).await?;
        let mut places = Vec::with_capacity(orgs.len());
        for org in orgs {
            let ancestry = self.org_ancestry(Some(org.id)).await?;
            let below = ancestry.iter().position(|org| org.id == session.home).map_or(ancestry.len(), |at| at + 1);
            let path = ancestry[..below].iter().rev().map(|org| org.name.clone()).collect();
            places.push(Place { org, path });
        }
        Ok((total, places))
    }

    /// Whether the person may enter `org`.
    pub async fn session_may_enter(&self, session: &Session, org: OrgId) -> Result<bool, Error> {
        Ok(self.store.entrance(session.home, &Subject::User(session.user), org, self.now()).await?.is_some())
    }

    /// The session of `secret`, whose user lives on.
    async fn session_live(&self, secret: &str, now: Timestamp) -> Result<auth::Session, Error> {
        let session = self.store.session(&session::id(secret)).await?.filter(|session| !session.is_over(now));
        let session = session.ok_or(auth::Error::Session)?;
        let claim = Claim { issued_at: session.created_at, ..Claim::of(Subject::User(session.user), None) };
        let access = self.store.access(session.org, &claim).await?;
        let is_live = access.is_some_and(|access| access.is_live && access.org.active);
        if is_live { Ok(session) } else { Err(auth::Error::Session.into()) }
    }

    /// Writes when sessions were last used. For the worker.
    pub(super) fn sessions_seen(&self) -> Option<Change> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        (!seen.is_empty()).then(|| Change::SessionsSeen(seen.into_iter().collect()))
    }

    async fn session_write(&self, user: UserId, change: Change, request: Option<&str>) -> Result<(), store::Error> {
        let actor = Actor::Subject(Subject::User(user));
        let author = Author { request: request.map(Into::into), ..self.author(actor) };
        self.store.commit(author, vec![change.into()]).await.map(|_| ())
    }

    fn signed(&self, (org, user): (OrgId, UserId), action: Action, request: Option<&str>) -> Event {
        Event {
            org,
            at: self.now(),
            actor: Actor::Subject(Subject::User(user)).to_string(),
            client: Some(session::CLIENT.to_owned()),
            request: request.map(str::to_owned),
            action,
            resource_type: "Session",
            resource: None,
            detail: None,
            count: 1,
        }
    }

    fn session_secret(&self) -> Secret<String> {
        let mut secret = [0; 32];
        self.random.fill(&mut secret);
        Secret::new(URL_SAFE_NO_PAD.encode(secret))
    }
}
