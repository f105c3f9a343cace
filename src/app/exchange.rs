//! Switching: one token for another of an org below (RFC 8693), and where a caller may switch to.
//!
//! Down only. The audience of a token never widens (SEC S-28), so whoever goes back up takes the token that they came from.

use serde_json::{Value, json};

use super::clients::Presented;
use super::tokens::{Issued, Wording, asked};
use super::{App, Error, other_client};
use crate::auth::{self, Principal, Subject, exchange};
use crate::base::OrgId;
use crate::org::Org;
use crate::org::audit::Event;
use crate::store::{Actor, Enterable, Entrance};

impl App {
    /// A token for `target` in exchange for `subject_token`. A person enters the orgs down the chain of being a guest; a client, with a
    /// token of its own, those right below its own that admitted it. Both may have one of less scope in the org where they are.
    pub async fn token_exchange(
        &self,
        presented: &Presented,
        subject_token: &str,
        target: Option<(OrgId, Option<&str>)>,
        scope: Option<&str>,
        request: Option<&str>,
    ) -> Result<Issued, Error> {
        let client = self.client_authenticate(presented, request).await?;
        let now = self.now();
        let refused = || Error::from(auth::Error::SubjectToken);
        let token = self.issuers.verify(subject_token, now).await.map_err(|_| refused())?;
        match self.token_org(&token, now).await {
            Ok(Some(_)) => {}
            Ok(None) | Err(Error::Auth(_)) => return Err(refused()),
            Err(error) => return Err(error),
        }
        let may_exchange = match token.subject {
            // SEC S-30: whoever finds a client's token is not that client.
            Subject::Client(id) => id == client.id,
            // One of the org that the token enters, or whose token it is.
            Subject::User(_) => token.org == client.org || token.client_id.as_ref() == Some(&client.id.to_string()),
            // Who that is in another org nobody knows.
            Subject::External { .. } => false,
        };
        if !may_exchange {
            return Err(refused());
        }
        let asked = asked(scope)?;
        // What names no org is asked for like one that is not there (SEC S-29).
        let to = target.map_or(OrgId(uuid::Uuid::nil()), |(org, _)| org);
        let found = self.store.entrance(token.org, &token.subject, to, now).await?;
        let Entrance { org, subject, home_org, scopes } = found.ok_or(auth::Error::InvalidTarget)?;
        // The root of a URL belongs to the org as well (SEC S-33).
        if target.is_some_and(|(_, root)| root.is_some_and(|root| root != org.root_handle)) {
            return Err(auth::Error::InvalidTarget.into());
        }
        let out = exchange::exchange(&token, (client.id, client.scopes()), scopes, asked, now)?;
        let exchange::Exchanged { scopes, lifetime, sources, actors } = out;
        let wording = Wording { scopes, lifetime, client: Some(client.id), sources, actors };
        let issued = self.issue(&org, &subject, home_org, &wording, now)?;
        let detail = format!("{}: {scopes}", exchange::GRANT_TYPE);
        let event = self.issued(org.id, &Actor::Subject(subject.clone()), issued.token, detail, request);
        self.audit(Event { client: other_client(&subject, Some(&client.id.to_string())), ..event });
        Ok(issued)
    }

    /// A page of the orgs that the caller may switch to, by name, and how many there are. `search` is looked for in names and
    /// handles.
    pub async fn enterable_list(
        &self,
        who: &Principal,
        search: Option<&str>,
        offset: usize,
        count: usize,
    ) -> Result<(usize, Vec<Value>), Error> {
        let query = Enterable { search: search.map(crate::base::text::fold), offset, count, has_own: false };
        let (total, orgs) = self.store.enterable(who.org.id, &who.subject, &query, self.now()).await?;
        let shown = |org: &Org| {
            json!({
                "id": org.id, "handle": org.handle, "name": org.name, "parent": org.parent,
                "url": format!("{}/t/{}/o/{}", self.settings.public_url, org.root_handle, org.id),
            })
        };
        Ok((total, orgs.iter().map(shown).collect()))
    }
}
