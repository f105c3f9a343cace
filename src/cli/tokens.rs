//! `usher client create`, `usher token create`.

use std::time::Duration;

use serde_json::json;

use super::data::{self, Data};
use super::{Common, Failure, print};
use crate::auth::ScopeSet;
use crate::base::OrgId;

/// Id and secret of a new client; the secret is shown here and never again.
pub(super) async fn client_create(common: &Common, org: OrgId, scope: &str) -> Result<(), Failure> {
    let data = Data::open(common)?;
    data::org(&data.app, org).await?;
    let (id, secret) = data.app.client_create(org, scope.parse()?).await?;
    let secret = secret.expose();
    let text = format!("client_id     {id}\nclient_secret {secret}");
    print::result(common, &json!({ "client_id": id, "client_secret": secret }), &text)
}

/// The bare token, so that `TOKEN=$(usher token create …)` works.
pub(super) async fn token_create(
    common: &Common,
    org: OrgId,
    user: Option<&str>,
    scope: Option<&str>,
    lifetime: Duration,
) -> Result<(), Failure> {
    let data = Data::open(common)?;
    data::org(&data.app, org).await?;
    let scopes: ScopeSet = scope.map_or(Ok(ScopeSet::ALL), str::parse)?;
    if let Some(name) = user {
        data.app.store.account(org, name).await?.ok_or_else(|| format!("no user {name:?} in organization {org}"))?;
    }
    let issued = data.app.token_create(org, user, scopes, Some(lifetime)).await?;
    let token = issued.access_token.expose();
    let json = json!({ "access_token": token, "jti": issued.token, "expires_in": issued.lifetime.as_secs(), "scope": issued.scopes.to_string() });
    print::result(common, &json, token)
}
