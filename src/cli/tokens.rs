//! `usher client …`, `usher token …`.

use serde_json::{Value, json};

use super::data::{self, Data};
use super::{Client, Common, Failure, Token, print};
use crate::app::clients::NewClient;
use crate::app::provisioning::{NewToken, Revoked};
use crate::app::tokens::Issued;
use crate::auth::{Change, ScopeSet};
use crate::store::{Actor, Credentials};

/// All that there are.
const ALL: Credentials = Credentials { id: None, offset: 0, count: usize::MAX };

/// Clients. A secret is shown when it is made, and never again.
pub(super) async fn client(common: &Common, client: Client) -> Result<(), Failure> {
    let data = Data::open(common)?;
    let app = &data.app;
    match client {
        Client::Create { org, scope, name, jwks } => {
            data::org(app, org).await?;
            let keys = jwks.map(|file| data::read(&file)).transpose()?;
            let keys = keys.map(|text| serde_json::from_str(&text).map_err(|error| format!("--jwks: {error}"))).transpose()?;
            let new = NewClient { name, scopes: scope.parse()?, keys };
            let (client, secret) = app.client_make(Actor::Operator, org, new).await?;
            let (mut json, mut text) = (json!({ "client_id": client.id }), format!("client_id     {}", client.id));
            if let Some(secret) = secret {
                json["client_secret"] = secret.expose().as_str().into();
                text += &format!("\nclient_secret {}", secret.expose());
            }
            print::result(common, &json, &text)
        }
        Client::List { org } => {
            data::org(app, org).await?;
            let clients = app.store.clients(org, &ALL).await?.1;
            rows(common, clients.iter().map(|client| app.client_shown(client)))
        }
        Client::Rotate { org, client, overlap } => {
            let secret = app.client_rotate(Actor::Operator, org, client, Some(overlap.as_secs())).await;
            let secret = secret.map_err(|error| format!("client {client}: {error}"))?;
            let json = json!({ "client_id": client, "client_secret": secret.expose() });
            print::result(common, &json, secret.expose())
        }
        Client::Delete { org, client } => {
            let change = Change::ClientDeleted { org, client };
            let done = app.store.commit(app.author(Actor::Operator), vec![change.into()]).await;
            done.map_err(|_| format!("no client {client} in organization {org}"))?;
            print::result(common, &json!({ "client_id": client }), "deleted")
        }
    }
}

/// Tokens. One that is made is printed bare, so that `TOKEN=$(usher token create …)` works.
pub(super) async fn token(common: &Common, token: Token) -> Result<(), Failure> {
    let data = Data::open(common)?;
    let app = &data.app;
    match token {
        Token::Create { org, user, scope, expires, name } => {
            data::org(app, org).await?;
            let scopes: ScopeSet = scope.as_deref().map_or(Ok(ScopeSet::ALL), str::parse)?;
            if let Some(name) = &user {
                app.store.account(org, name).await?.ok_or_else(|| format!("no user {name:?} in organization {org}"))?;
            }
            let new = NewToken { name, user_name: user, scopes, lifetime: Some(expires) };
            issued(common, &app.token_make(Actor::Operator, org, new).await?)
        }
        Token::List { org } => {
            data::org(app, org).await?;
            let tokens = app.store.tokens(org, &ALL).await?.1;
            rows(common, tokens.iter().map(|token| app.token_shown(token)))
        }
        Token::Rotate { org, token, overlap } => {
            let made = app.token_rotate(Actor::Operator, org, token, Some(overlap.as_secs())).await;
            issued(common, &made.map_err(|error| format!("token {token}: {error}"))?)
        }
        Token::Revoke { org, token, user, client, .. } => {
            data::org(app, org).await?;
            let whom = match (token, user, client) {
                (Some(token), ..) => Revoked::Token(token),
                (_, Some(name), _) => {
                    let account = app.store.account(org, &name).await?;
                    Revoked::Subject(account.ok_or_else(|| format!("no user {name:?} in organization {org}"))?.id.0)
                }
                (.., Some(client)) => Revoked::Subject(app.org_client(org, client).await?.id.0),
                _ => Revoked::All,
            };
            app.tokens_end(Actor::Operator, org, whom).await?;
            print::result(common, &json!({ "org": org }), "revoked")
        }
    }
}

fn issued(common: &Common, issued: &Issued) -> Result<(), Failure> {
    let token = issued.access_token.expose();
    let json = json!({ "access_token": token, "jti": issued.token, "expires_in": issued.lifetime.as_secs(), "scope": issued.scopes.to_string() });
    print::result(common, &json, token)
}

/// With `--json` an array, else one line each: id, end, name and scope, what there is of them.
fn rows(common: &Common, rows: impl Iterator<Item = Value>) -> Result<(), Failure> {
    if common.json {
        return print::line(&rows.collect::<Value>().to_string());
    }
    for row in rows {
        let columns = ["id", "expiresAt", "authentication", "name", "scope"].iter().filter_map(|name| row[name].as_str());
        print::line(&columns.collect::<Vec<_>>().join("  "))?;
    }
    Ok(())
}
