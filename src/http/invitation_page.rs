//! The page behind a mailed link. GET shows it and changes nothing, since scanners open links (S-67); POST answers.
//!
//! The code is the only credential here, no cookie is read or set, and what the page says of an invitation is `console`'s.

use std::sync::Arc;

use poem::http::header::{
    ACCEPT_LANGUAGE, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode};
use poem::web::Form;
use poem::{Body, FromRequest, Request, RequestBody, Response, Result};

use super::error::Rejection;
use super::exchange::Exchange;
use super::payload;
use super::tenant::OrgContext;
use crate::app::App;
use crate::app::invitations::Holder;
use crate::base::InvitationId;
use crate::console::{self, Page, State};
use crate::invite::Answer;
use crate::mail::choose;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// `/t/{root}/o/{org}/invitations/{id}`, where `rest` is what follows `invitations`.
pub(super) async fn invitation_page(app: &Arc<App>, root: &str, org: &str, rest: &str, request: Request) -> Result<Response> {
    let browser = request.header(ACCEPT_LANGUAGE).map(str::to_owned);
    let browser = browser.as_deref();
    let unknown = || Page::unknown(choose([browser]));
    let answer = match *request.method() {
        Method::GET => None,
        Method::POST => Some(()),
        _ => {
            let mut response = html(StatusCode::METHOD_NOT_ALLOWED, &unknown());
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
            return Ok(response);
        }
    };
    let (Some(context), Ok(id)) = (OrgContext::new(app, root, org), rest.trim_matches('/').parse::<InvitationId>()) else {
        return Ok(html(StatusCode::NOT_FOUND, &unknown()));
    };
    match context.load().await {
        Err(rejection) if rejection.status == StatusCode::NOT_FOUND => {
            return Ok(html(StatusCode::NOT_FOUND, &unknown()));
        }
        found => found?,
    };
    let asked = Exchange::of(&request).asked(&request);
    let holder = |code| Holder::Link { org: context.org, id: Some(id), code, who: None, asked: Some(&asked) };
    let page = match answer {
        None => {
            let query: Vec<(String, String)> = request.params().unwrap_or_default();
            app.invitation_page(holder(field(&query, "code")), None, browser).await
        }
        Some(()) if is_from_elsewhere(request.headers(), &app.settings.public_url) => {
            return Ok(html(StatusCode::FORBIDDEN, &unknown()));
        }
        Some(()) => {
            let form = form(request).await?;
            let answer = match field(&form, "answer") {
                "accept" => Answer::Accept,
                "decline" => Answer::Decline,
                _ => return Ok(html(StatusCode::BAD_REQUEST, &unknown())),
            };
            app.invitation_page(holder(field(&form, "code")), Some(answer), browser).await
        }
    };
    let page = page.map_err(Rejection::from)?;
    Ok(html(status(page.state, answer.is_some()), &page))
}

/// 404 tells nothing, 410 tells the holder of a link how it ended.
fn status(state: State, is_answer: bool) -> StatusCode {
    match state {
        State::Open | State::Accepted => StatusCode::OK,
        State::Declined if is_answer => StatusCode::OK,
        State::Declined | State::Expired | State::Revoked | State::Used => StatusCode::GONE,
        State::Inactive | State::Blocked => StatusCode::CONFLICT,
        State::SignIn if is_answer => StatusCode::FORBIDDEN,
        State::SignIn => StatusCode::OK,
        State::Unknown => StatusCode::NOT_FOUND,
    }
}

/// A page of another site has no business to answer. `Origin: null` is what our own page sends, which has no referrer.
pub(super) fn is_from_elsewhere(headers: &HeaderMap, public_url: &str) -> bool {
    let says = |name: HeaderName| headers.get(name).map(HeaderValue::as_bytes);
    let is_other_site = says(SEC_FETCH_SITE).is_some_and(|site| site != b"same-origin" && site != b"none");
    let own = public_url.split('/').take(3).collect::<Vec<_>>().join("/");
    let is_other_origin = says(ORIGIN).is_some_and(|origin| origin != b"null" && origin != own.as_bytes());
    is_other_site || is_other_origin
}

async fn form(request: Request) -> Result<Vec<(String, String)>> {
    let (request, mut body) = request.split();
    let bytes = payload::read(request.headers(), body.take()?).await?;
    let mut body = RequestBody::new(Body::from_bytes(bytes));
    Ok(<Form<Vec<(String, String)>>>::from_request(&request, &mut body).await?.0)
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

fn html(status: StatusCode, page: &Page) -> Response {
    let mut response = Response::builder().status(status).body(console::invitation_page(page));
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (CONTENT_SECURITY_POLICY, console::CONTENT_SECURITY_POLICY),
        (X_FRAME_OPTIONS, "DENY"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_page_answers() {
        let cases: [(&[(&str, &str)], bool); 7] = [
            (&[], false),
            (&[("origin", "null"), ("sec-fetch-site", "same-origin")], false),
            (&[("origin", "https://usher.test")], false),
            (&[("origin", "https://evil.test")], true),
            (&[("origin", "https://usher.test.evil.test")], true),
            (&[("origin", "null"), ("sec-fetch-site", "cross-site")], true),
            (&[("sec-fetch-site", "same-site")], true),
        ];
        for (sent, refused) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in sent {
                let name: HeaderName = name.parse().expect("a header name");
                headers.insert(name, HeaderValue::from_str(value).expect("a header value"));
            }
            assert_eq!(is_from_elsewhere(&headers, "https://usher.test/behind/a/path"), refused, "{sent:?}");
        }
    }

    #[test]
    fn every_face_has_the_headers_of_a_page_with_a_secret() {
        let response = html(StatusCode::NOT_FOUND, &Page::unknown(choose([])));
        for (name, part) in [
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("content-security-policy", "frame-ancestors 'none'"),
            ("x-content-type-options", "nosniff"),
        ] {
            let value = response.header(name).expect(name);
            assert!(value.contains(part), "S-68: {name}: {value}");
        }
    }
}
