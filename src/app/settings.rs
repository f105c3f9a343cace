//! What an org chose of how forgiving it is, and what holds there.

use serde_json::{Map, Value, json};

use super::{App, Error, TRIES};
use crate::auth::{Principal, Scope};
use crate::base::OrgId;
use crate::org::log::Logged;
use crate::org::{Change, Org, Settings};
use crate::scim::{self, Preset, Quirk};
use crate::store::{self, Author};

impl App {
    /// The choice of the caller's org and what holds there.
    pub async fn settings_get(&self, who: &Principal) -> Result<Value, Error> {
        who.require(Scope::SettingsRead)?;
        self.org_settings(who.org.id).await
    }

    /// What those above the caller's org chose themselves, its parent first.
    pub async fn settings_above(&self, who: &Principal) -> Result<Vec<(Org, Settings)>, Error> {
        who.require(Scope::SettingsRead)?;
        let mut above = Vec::new();
        for org in self.org_ancestry(who.org.parent).await? {
            let chosen = self.store.settings(org.id).await?.ok_or(store::Error::NotFound)?;
            above.push((org, chosen));
        }
        Ok(above)
    }

    /// `body` in place of what the org chose before.
    pub async fn settings_replace(&self, who: &Principal, body: Map<String, Value>) -> Result<Value, Error> {
        who.require(Scope::SettingsWrite)?;
        self.org_settings_change(self.author_of(who), who.org.id, |_| Settings::parse(Settings::default(), body.clone())).await
    }

    /// What `body` names, chosen anew (RFC 7396).
    pub async fn settings_patch(&self, who: &Principal, body: Map<String, Value>) -> Result<Value, Error> {
        who.require(Scope::SettingsWrite)?;
        self.org_settings_change(self.author_of(who), who.org.id, |own| Settings::parse(own, body.clone())).await
    }

    /// The choice of `org` and what holds there. For operators; requests come by [`App::settings_get`].
    pub async fn org_settings(&self, org: OrgId) -> Result<Value, Error> {
        let own = self.store.settings(org).await?.ok_or(store::Error::NotFound)?;
        let holds = self.store.org(org).await?.ok_or(store::Error::NotFound)?.settings;
        let profile = holds.profile(self.settings.profile);
        let quirks: Map<String, Value> =
            Quirk::ALL.iter().map(|quirk| (quirk.name().to_owned(), profile.has(*quirk).into())).collect();
        let preset = holds.profile.or_else(|| Preset::ALL.into_iter().find(|one| one.profile() == self.settings.profile));
        let mut body = own.to_json();
        let mut effective = holds.to_json();
        effective["profile"] = json!(preset.map(Preset::name));
        effective["quirks"] = quirks.into();
        effective["log"] = holds.log.unwrap_or(Logged::Writes).name().into();
        body["effective"] = effective;
        Ok(body)
    }

    /// Changes what `org` chose as `decide` says, in the name of `author`, and shows it.
    pub async fn org_settings_change(
        &self,
        author: Author,
        org: OrgId,
        decide: impl Fn(Settings) -> Result<Settings, scim::Error> + Send + Sync,
    ) -> Result<Value, Error> {
        for _ in 0..TRIES {
            let expected = self.store.settings(org).await?.ok_or(store::Error::NotFound)?;
            let settings = decide(expected.clone())?;
            let change = Change::SettingsChanged { org, expected, settings }.into();
            match self.store.commit(author.clone(), vec![change]).await {
                Ok(_) => return self.org_settings(org).await,
                Err(store::Error::Stale) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(store::Error::Stale.into())
    }
}
