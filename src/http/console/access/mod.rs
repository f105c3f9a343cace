//! Access of machines: clients and provisioning tokens, and what to paste where. What is secret is shown once, in the answer that
//! makes it.

pub(super) mod ends;

use serde_json::{Map, Value, json};

use super::Answer;
use super::visit::Visit;
use crate::app;
use crate::auth::Scope;
use crate::http::error::Rejection;
use crate::http::scim::id;
use crate::scim::{self, ScimType};

/// Rows of a page of each list.
const ROWS: usize = 25;

/// What a provisioning client needs, ticked before somebody chooses.
const USUAL: [Scope; 4] = [Scope::UsersRead, Scope::UsersWrite, Scope::GroupsRead, Scope::GroupsWrite];

/// `access`: both lists, as far as the caller may see them.
pub(super) async fn list(visit: &Visit) -> Answer {
    if !visit.may(Scope::ClientsRead) && !visit.may(Scope::TokensRead) {
        visit.who().require(Scope::ClientsRead).map_err(app::Error::from)?;
    }
    let offset = |name: &str| visit.query.get(name).parse().unwrap_or(0_usize);
    let (mut clients, mut tokens) = (Value::Null, Value::Null);
    if visit.may(Scope::ClientsRead) {
        let (total, rows) = visit.app().clients_list(visit.who(), offset("clients"), ROWS).await?;
        clients = paged(visit, "clients", offset("clients"), total, rows);
    }
    if visit.may(Scope::TokensRead) {
        let (total, rows) = visit.app().tokens_list(visit.who(), offset("tokens"), ROWS).await?;
        tokens = paged(visit, "tokens", offset("tokens"), total, rows);
    }
    Ok(visit.show("access", &json!({ "clients": clients, "tokens": tokens, "now": visit.app().now() })))
}

/// A page of a list that counts its rows.
fn paged(visit: &Visit, name: &str, offset: usize, total: usize, rows: Vec<Value>) -> Value {
    let other = if name == "clients" { "tokens" } else { "clients" };
    let at = |offset: usize| format!("{}{name}={offset}", visit.query.kept(&visit.here(), &[other]));
    json!({
        "total": total, "items": rows,
        "previous": (offset > 0).then(|| at(offset.saturating_sub(ROWS))),
        "next": (total.saturating_sub(offset) > ROWS).then(|| at(offset + ROWS)),
    })
}

/// What is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum New {
    /// A client of this org.
    Client,
    /// A client of the parent that is let in.
    Guest,
    /// A provisioning token.
    Token,
}

/// `access/clients/new`, `access/clients/admit` and `access/tokens/new`.
pub(super) async fn new(visit: &Visit, what: New, is_post: bool) -> Answer {
    let needed = if what == New::Token { Scope::TokensWrite } else { Scope::ClientsWrite };
    visit.who().require(needed).map_err(app::Error::from)?;
    let form = &visit.form;
    let ticked = |scope: Scope| match is_post {
        true => form.all("scope").any(|name| name == scope.as_str()),
        false => USUAL.contains(&scope),
    };
    let held = Scope::ALL.into_iter().filter(|scope| visit.may(*scope));
    let scopes: Vec<Value> = held.map(|scope| json!({ "name": scope.as_str(), "is_ticked": ticked(scope) })).collect();
    let (kind, address) = match what {
        New::Client => ("client", "/access/clients/new"),
        New::Guest => ("guest", "/access/clients/admit"),
        New::Token => ("token", "/access/tokens/new"),
    };
    let page = json!({
        "kind": kind, "action": address, "name": form.get("name"), "scopes": scopes, "keys": form.get("jwks"),
        "days": if is_post { form.get("days") } else { "180" }, "id": form.get("id"),
    });
    if !is_post {
        return Ok(visit.show("access-new", &page));
    }
    match make(visit, what).await {
        Ok(made) if made.get("secret").is_some() || made.get("token").is_some() => Ok(shown_once(visit, &made)),
        Ok(made) => Ok(visit.see(&format!("/access/clients/{}", made["id"].as_str().unwrap_or_default()), "created")),
        Err(error) => visit.again("access-new", &page, error),
    }
}

async fn make(visit: &Visit, what: New) -> Result<Value, Rejection> {
    let form = &visit.form;
    let mut body = Map::new();
    body.insert("scope".into(), form.all("scope").collect::<Vec<_>>().join(" ").into());
    if form.has("name") {
        body.insert("name".into(), form.get("name").into());
    }
    let wrong = |detail: String| Rejection::from(scim::Error::bad(ScimType::InvalidValue, detail));
    if !form.has("scope") {
        return Err(wrong("it needs at least one scope".into()));
    }
    Ok(match what {
        New::Client => {
            if form.has("jwks") {
                let keys = serde_json::from_str::<Value>(form.get("jwks"));
                body.insert("jwks".into(), keys.map_err(|error| wrong(format!("`jwks` is no JSON: {error}")))?);
            }
            visit.app().clients_create(visit.who(), body).await?
        }
        New::Guest => {
            body.insert("id".into(), form.get("id").into());
            visit.app().clients_admit(visit.who(), body).await.map_err(|error| match Rejection::from(error) {
                missing if missing.status == 404 => wrong("the parent organization has no client with this id".into()),
                other => other,
            })?
        }
        New::Token => {
            if form.has("days") {
                let days = form.get("days").parse::<u32>();
                let days = days.map_err(|_| wrong(format!("days: {:?} is no number of days", form.get("days"))))?;
                body.insert("expiresIn".into(), (u64::from(days) * 86_400).into());
            }
            visit.app().tokens_create(visit.who(), body).await?
        }
    })
}

/// The page with a secret or token, which is never shown again.
fn shown_once(visit: &Visit, made: &Value) -> poem::Response {
    let is_token = made.get("token").is_some();
    let (noun, secret) = if is_token { ("tokens", &made["token"]) } else { ("clients", &made["secret"]) };
    let id = made["id"].as_str().unwrap_or_default();
    visit.show(
        "secret",
        &json!({
            "is_token": is_token, "id": id, "name": made.get("name"), "secret": secret, "scope": made["scope"],
            "expires": made.get("expiresAt"), "old_until": made.get("oldSecretUntil"), "back": format!("/access/{noun}/{id}"),
            "guide": guide(visit, if is_token { secret } else { &Value::Null }),
        }),
    )
}

/// What identity providers are told.
fn guide(visit: &Visit, token: &Value) -> Value {
    json!({
        "base": &*visit.caller.base, "token": token,
        "token_url": format!("{}/oauth2/token", visit.app().settings.public_url),
    })
}

/// `access/clients/{id}`.
pub(super) async fn client(visit: &Visit, client: &str) -> Answer {
    Ok(visit.show("client", &client_view(visit, client).await?))
}

async fn client_view(visit: &Visit, client: &str) -> Result<Value, Rejection> {
    let client = visit.app().clients_get(visit.who(), id(client)?).await?;
    Ok(json!({
        "id": client["id"], "name": client.get("name"), "scope": client["scope"], "authentication": client["authentication"],
        "created": client["created"], "last_used": client.get("lastUsed"), "old_until": client.get("oldSecretUntil"),
        "keys": client.get("jwks").map(|set| serde_json::to_string_pretty(set).unwrap_or_default()),
        "may_write": visit.may(Scope::ClientsWrite), "guide": guide(visit, &Value::Null),
    }))
}

/// `access/tokens/{id}`.
pub(super) async fn token(visit: &Visit, token: &str) -> Answer {
    Ok(visit.show("token", &token_view(visit, token).await?))
}

async fn token_view(visit: &Visit, token: &str) -> Result<Value, Rejection> {
    let token = visit.app().tokens_get(visit.who(), id(token)?).await?;
    Ok(json!({
        "id": token["id"], "name": token.get("name"), "scope": token["scope"], "created": token["created"],
        "expires": token["expiresAt"], "expires_soon": token["expiresSoon"], "last_used": token.get("lastUsed"),
        "is_over": is_over(visit, &token), "user": token.get("user"), "client": token.get("client"),
        "replaced_by": token.get("replacedBy"), "may_write": visit.may(Scope::TokensWrite),
        "guide": guide(visit, &Value::Null),
    }))
}

fn is_over(visit: &Visit, token: &Value) -> bool {
    let ends = token["expiresAt"].as_str().and_then(crate::base::Timestamp::parse);
    ends.is_some_and(|ends| ends <= visit.app().now())
}
