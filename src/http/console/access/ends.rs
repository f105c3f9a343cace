//! Another secret in the place of one, and the end of a client or a token.

use serde_json::{Value, json};

use super::super::Answer;
use super::super::visit::Visit;
use super::{client_view, id, shown_once, token_view};
use crate::app;
use crate::auth::Scope;
use crate::base::{ClientId, TokenId};
use crate::http::error::Rejection;

/// For how many seconds what is replaced stays good; what is no number of days the use case judges as too long.
fn overlap(visit: &Visit) -> Option<u64> {
    let days = visit.form.get("overlap");
    (!days.is_empty()).then(|| days.parse::<u32>().map_or(u64::MAX / 1000, |days| u64::from(days) * 86_400))
}

/// `access/clients/{id}/rotate`.
pub(in crate::http::console) async fn rotate_client(visit: &Visit, client: &str) -> Answer {
    match visit.app().clients_rotate(visit.who(), id(client)?, overlap(visit)).await {
        Ok(rotated) => Ok(shown_once(visit, &rotated)),
        Err(error) => again(visit, "client", client_view(visit, client).await, error),
    }
}

/// `access/tokens/{id}/rotate`.
pub(in crate::http::console) async fn rotate_token(visit: &Visit, token: &str) -> Answer {
    match visit.app().tokens_rotate(visit.who(), id(token)?, overlap(visit)).await {
        Ok(rotated) => Ok(shown_once(visit, &rotated)),
        Err(error) => again(visit, "token", token_view(visit, token).await, error),
    }
}

/// Who may not even read it gets no page of it.
fn again(visit: &Visit, name: &str, page: Result<Value, Rejection>, error: app::Error) -> Answer {
    match page {
        Ok(page) => visit.again(name, &page, error),
        Err(_) => Err(error.into()),
    }
}

/// `access/clients/{id}/delete`.
pub(in crate::http::console) async fn delete_client(visit: &Visit, client: &str, is_post: bool) -> Answer {
    let id: ClientId = id(client)?;
    visit.who().require(Scope::ClientsWrite).map_err(app::Error::from)?;
    if is_post {
        visit.app().clients_delete(visit.who(), id).await?;
        return Ok(visit.see("/access", "deleted"));
    }
    let client = visit.app().clients_get(visit.who(), id).await?;
    let name = client["name"].as_str().unwrap_or("this client");
    let page = match client["authentication"] == "parent" {
        true => json!({
            "title": format!("Turn {name} away"), "button": "Turn away",
            "text": "It can enter this organization no more, and its tokens here are not believed from the next request on.",
            "items": ["The client itself stays: it belongs to the parent organization."],
        }),
        false => json!({
            "title": format!("Delete {name}"), "button": "Delete",
            "text": "Its secret and its tokens are not believed from the next request on. Whatever still uses them stops working.",
            "items": [],
        }),
    };
    Ok(confirm(visit, page, &format!("/access/clients/{id}"), "delete"))
}

/// `access/tokens/{id}/revoke`.
pub(in crate::http::console) async fn revoke_token(visit: &Visit, token: &str, is_post: bool) -> Answer {
    let id: TokenId = id(token)?;
    visit.who().require(Scope::TokensWrite).map_err(app::Error::from)?;
    if is_post {
        visit.app().tokens_delete(visit.who(), id).await?;
        return Ok(visit.see("/access", "revoked"));
    }
    let token = visit.app().tokens_get(visit.who(), id).await?;
    let page = json!({
        "title": format!("Revoke {}", token["name"].as_str().unwrap_or("this token")), "button": "Revoke", "items": [],
        "text": "It is not believed from the next request on, nor what it was exchanged for. Whatever still uses it stops working.",
    });
    Ok(confirm(visit, page, &format!("/access/tokens/{id}"), "revoke"))
}

fn confirm(visit: &Visit, mut page: Value, back: &str, action: &str) -> poem::Response {
    page["action"] = format!("{back}/{action}").into();
    page["back"] = back.into();
    page["fields"] = json!([]);
    page["kind"] = "danger".into();
    visit.show("confirm", &page)
}
