//! `/settings`: how forgiving the org is.

use poem_openapi::OpenApi;

use super::Tag;
use crate::http::answer::Told;
use crate::http::resource::Settings;
use crate::http::{Authed, OAuthScope, Rejection, ScimBody};

/// The operations on settings.
pub struct SettingsApi;

#[OpenApi(tag = "Tag::Settings")]
impl SettingsApi {
    /// Read the settings
    ///
    /// What the organization itself chose, and under `effective` what holds: what it did not choose it takes from its parent,
    /// and a root from the server.
    #[oai(path = "/settings", method = "get", operation_id = "getSettings")]
    async fn get(&self, #[oai(scope = "OAuthScope::SettingsRead")] caller: Authed) -> Result<Told<Settings>, Rejection> {
        Ok(Told::new(&caller.app.settings_get(&caller.who).await?))
    }

    /// Replace the settings
    ///
    /// What is left out is no longer chosen here. Organizations below follow at once, as far as they chose nothing else. A
    /// switch that does not exist is 400 and names those that do.
    #[oai(path = "/settings", method = "put", operation_id = "replaceSettings")]
    async fn replace(
        &self,
        #[oai(scope = "OAuthScope::SettingsWrite")] caller: Authed,
        /// All that the organization chooses.
        settings: ScimBody<Settings>,
    ) -> Result<Told<Settings>, Rejection> {
        Ok(Told::new(&caller.app.settings_replace(&caller.who, settings.map).await?))
    }

    /// Change some settings
    ///
    /// RFC 7396: what is left out stays, `null` takes a choice back.
    #[oai(path = "/settings", method = "patch", operation_id = "patchSettings")]
    async fn patch(
        &self,
        #[oai(scope = "OAuthScope::SettingsWrite")] caller: Authed,
        /// What is chosen anew.
        settings: ScimBody<Settings>,
    ) -> Result<Told<Settings>, Rejection> {
        Ok(Told::new(&caller.app.settings_patch(&caller.who, settings.map).await?))
    }
}
