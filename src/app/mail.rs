//! Letters: in which language.

use serde_json::Value;

use super::{App, Error};
use crate::invite::Invitation;
use crate::mail::{Catalogue, choose};
use crate::scim::Kind;
use crate::store::References;

impl App {
    /// The language in which the invitee reads: the invitation's, else the person's own `preferredLanguage` or `locale`, else what
    /// the `browser` accepts.
    pub async fn invitation_language(
        &self,
        invitation: &Invitation,
        browser: Option<&str>,
    ) -> Result<&'static Catalogue, Error> {
        let source = invitation.source.0;
        let source = self.store.resource(invitation.source_org, Kind::User, source, References::Omit, self.now()).await?;
        let doc: Value = source.and_then(|user| serde_json::from_str(&user.doc).ok()).unwrap_or_default();
        let own = |name: &str| doc.get(name).and_then(Value::as_str);
        Ok(choose([invitation.locale.as_deref(), own("preferredLanguage"), own("locale"), browser]))
    }
}
