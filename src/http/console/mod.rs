//! The console: `/t/{root}/o/{org}/console`. Pages for administrators, over the same use cases as the API and with no rights of its
//! own: a person who signs in may do here what a token of theirs may do there.
//!
//! [`answer`] is the map of it. A handler reads a [`Visit`], calls a use case and shows a page, or sends on to one. Every form comes
//! with a token of its session and is judged before any handler sees it. Nothing secret stands in an address.

mod access;
mod audit;
mod facts;
mod fields;
mod groups;
mod history;
mod home;
mod import;
mod inbox;
mod invitations;
mod invite;
mod list;
mod organizations;
mod requests;
mod settings;
mod signin;
mod user;
mod user_form;
mod users;
mod visit;

use std::sync::Arc;

use poem::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use poem::http::{HeaderName, HeaderValue, Method, StatusCode};
use poem::{Request, Response, Result};
use serde_json::json;

use self::access::New;
use self::fields::Fields;
use self::visit::Visit;
use super::error::Rejection;
use super::exchange::Exchange;
use super::invitation_page::is_from_elsewhere;
use super::tenant::OrgContext;
use crate::app::{self, App};
use crate::console::{self, ASSETS};

/// What a handler comes to: a page, or a way to one. A refusal is shown in the frame of the console.
type Answer = Result<Response, Rejection>;

/// Which page answers what: the sections of an org, and below each its resources by id.
async fn answer(visit: &Visit, is_post: bool, path: &[&str]) -> Answer {
    match (is_post, path) {
        (false, []) => home::home(visit).await,
        (false, ["switch"]) => home::switch(visit).await,
        (false, ["users"]) => users::list(visit).await,
        (_, ["users", "new"]) => user_form::create(visit, is_post).await,
        (_, ["users", "import"]) => import::import(visit, is_post).await,
        (false, ["users", id]) => user::show(visit, id).await,
        (_, ["users", id, "edit"]) => user_form::edit(visit, id, is_post).await,
        (_, ["users", id, "password"]) => user::password(visit, id, is_post).await,
        (true, ["users", id, "active"]) => user::active(visit, id).await,
        (true, ["users", id, "join"]) => user::join(visit, id).await,
        (true, ["users", id, "leave"]) => user::leave(visit, id).await,
        (_, ["users", id, "delete"]) => user::delete(visit, id, is_post).await,
        (false, ["groups"]) => groups::list(visit).await,
        (_, ["groups", "new"]) => groups::create(visit, is_post).await,
        (false, ["groups", id]) => groups::show(visit, id).await,
        (true, ["groups", id, "rename"]) => groups::rename(visit, id).await,
        (true, ["groups", id, "rights"]) => groups::set_rights(visit, id).await,
        (true, ["groups", id, "add"]) => groups::add(visit, id).await,
        (true, ["groups", id, "remove"]) => groups::remove(visit, id).await,
        (_, ["groups", id, "delete"]) => groups::delete(visit, id, is_post).await,
        (false, ["invite"]) => invite::form(visit).await,
        (true, ["invite"]) => invite::sent(visit).await,
        (true, ["invite", "preflight"]) => invite::preflight(visit).await,
        (false, ["invitations"]) => invitations::list(visit).await,
        (false, ["invitations", "selected"]) => invitations::selected(visit).await,
        (true, ["invitations", "selected"]) => invitations::done(visit).await,
        (false, ["invitations", id]) => invitations::invitation(visit, id).await,
        (false, ["inbox"]) => inbox::inbox(visit).await,
        (true, ["inbox", id]) => inbox::answer(visit, id).await,
        (false, ["organizations"]) => organizations::list(visit).await,
        (_, ["organizations", "new"]) => organizations::new(visit, is_post).await,
        (_, ["organizations", id]) => organizations::one(visit, id, is_post).await,
        (_, ["organizations", id, "deactivate"]) => organizations::ends::deactivate(visit, id, is_post).await,
        (true, ["organizations", id, "activate"]) => organizations::ends::activate(visit, id).await,
        (_, ["organizations", id, "delete"]) => organizations::ends::delete(visit, id, is_post).await,
        (_, ["organizations", id, "move"]) => organizations::ends::shift(visit, id, is_post).await,
        (false, ["settings"]) => settings::settings(visit).await,
        (_, ["settings", "letters"]) => settings::letters(visit, is_post).await,
        (true, ["settings", section]) => settings::save(visit, section).await,
        (false, ["access"]) => access::list(visit).await,
        (_, ["access", "clients", "new"]) => access::new(visit, New::Client, is_post).await,
        (_, ["access", "clients", "admit"]) => access::new(visit, New::Guest, is_post).await,
        (_, ["access", "tokens", "new"]) => access::new(visit, New::Token, is_post).await,
        (false, ["access", "clients", id]) => access::client(visit, id).await,
        (true, ["access", "clients", id, "rotate"]) => access::ends::rotate_client(visit, id).await,
        (_, ["access", "clients", id, "delete"]) => access::ends::delete_client(visit, id, is_post).await,
        (false, ["access", "tokens", id]) => access::token(visit, id).await,
        (true, ["access", "tokens", id, "rotate"]) => access::ends::rotate_token(visit, id).await,
        (_, ["access", "tokens", id, "revoke"]) => access::ends::revoke_token(visit, id, is_post).await,
        (false, ["requests"]) => requests::list(visit).await,
        (false, ["requests", "quirks"]) => requests::quirks(visit).await,
        (false, ["requests", id]) => requests::one(visit, id).await,
        (false, ["audit"]) => audit::list(visit).await,
        (false, ["audit", id]) => audit::one(visit, id).await,
        _ => Err(Rejection::not_found()),
    }
}

/// `/t/{root}/o/{org}/console{rest}`.
pub(super) async fn console(app: &Arc<App>, root: &str, org: &str, rest: &str, mut request: Request) -> Result<Response> {
    let is_post = match *request.method() {
        Method::GET => false,
        Method::POST => true,
        _ => {
            let mut response = Visit::stranger(app).refuse(&Rejection::method("GET, HEAD, POST"));
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
            return Ok(response);
        }
    };
    let Some(context) = OrgContext::new(app, root, org) else {
        return Ok(Visit::stranger(app).refuse(&Rejection::not_found()));
    };
    if is_post && is_from_elsewhere(request.headers(), &app.settings.public_url) {
        return Ok(Visit::stranger(app).refuse(&foreign()));
    }
    let path: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    let query = Fields::query(request.uri().query());
    let form = if is_post { Fields::form(&mut request).await? } else { Fields::default() };
    let cookies = signin::Cookies::of(app, root, request.headers());
    if path == ["signin"] {
        return Ok(signin::signin(&context, &cookies, is_post.then_some(&form), &query, &request).await);
    }
    let entered = match cookies.session() {
        Some(secret) => app.session_enter(secret, context.org).await,
        None => return Ok(signin::ask(&context, is_post, &request)),
    };
    let session = match entered {
        Ok(session) if context.is(&session.who.org) => session,
        Err(app::Error::Auth(_)) => return Ok(signin::ask(&context, is_post, &request)),
        Ok(_) => return Ok(signin::not_yours(&context)),
        Err(app::Error::Scim(error)) if error.status == 404 => return Ok(signin::not_yours(&context)),
        Err(error) => return Ok(Visit::stranger(app).refuse(&error.into())),
    };
    let exchange = Exchange::of(&request);
    let section = path.first().copied().unwrap_or_default();
    let visit = Visit::new(context, session, &exchange, section, (query, form)).await?;
    if is_post && !visit.is_form_ours() {
        return Ok(visit.refuse(&foreign()));
    }
    if is_post && path == ["signout"] {
        return Ok(signin::signout(&visit, &cookies).await);
    }
    Ok(match answer(&visit, is_post, &path).await {
        Ok(response) => response,
        Err(rejection) => {
            visit.note_refusal(&path, &rejection);
            visit.refuse(&rejection)
        }
    })
}

/// A form that none of our pages made, or one of an ended session.
fn foreign() -> Rejection {
    Rejection::status(StatusCode::FORBIDDEN, "This form is not of this session. Open the page again and repeat what you did.")
}

/// A file that pages refer to; none if there is no such.
pub(super) fn asset(path: &str) -> Option<Response> {
    let asset = ASSETS.iter().find(|asset| asset.path == path)?;
    let response = Response::builder().content_type(asset.content_type);
    // The pages name the version, so another one is another address.
    let response = response.header(CACHE_CONTROL, "public, max-age=31536000, immutable");
    Some(response.header(X_CONTENT_TYPE_OPTIONS, "nosniff").body(asset.body))
}

/// The headers of every page (SEC S-68).
fn html(status: StatusCode, body: String) -> Response {
    let mut response = Response::builder().status(status).body(body);
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "same-origin"),
        (CONTENT_SECURITY_POLICY, console::CONSOLE_SECURITY_POLICY),
        (X_FRAME_OPTIONS, "DENY"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// 303: the next page, which a reload asks for alone.
fn see(address: &str) -> Response {
    let mut response = Response::builder().status(StatusCode::SEE_OTHER).header(CACHE_CONTROL, "no-store").finish();
    if let Ok(address) = HeaderValue::try_from(address) {
        response.headers_mut().insert(LOCATION, address);
    }
    response
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// A page outside the frame: what it is about, and where to go on.
fn bare(app: &App, status: StatusCode, title: &str, detail: &str, links: &[(&str, &str)]) -> Response {
    let links: Vec<_> = links.iter().map(|(label, url)| json!({ "label": label, "url": url })).collect();
    let page = json!({ "title": title, "detail": detail, "links": links });
    html(status, console::render("error", visit::site(app), None, &page))
}
