//! What stands around every handler: a request id, a deadline, a net for panics, the form of every failure, and one log line
//! for each.
//!
//! Whatever goes wrong further in, the answer has the dialect of its address (E-01), and nothing of the cause in it (SEC S-07).

use std::any::Any;
use std::error::Error;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::combinators::BoxBody;
use hyper::body::Body;
use poem::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, USER_AGENT};
use poem::http::{HeaderValue, Method, StatusCode};
use poem::{Endpoint, Request, Response, Result};

use super::answer::SCIM_UTF8;
use super::compat::{Guests, TraceId};
use super::error::Rejection;
use super::exchange::Exchange;
use super::tenant::Address;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// An endpoint that always answers.
pub(super) struct Guardrail<E> {
    inner: E,
    deadline: Duration,
    prefix: u32,
    count: AtomicU64,
}

impl<E: Endpoint<Output = Response>> Guardrail<E> {
    /// Around `inner`, which has `deadline` for each answer; `prefix` tells the request ids of one process from another's.
    pub(super) fn new(inner: E, deadline: Duration, prefix: u32) -> Self {
        Guardrail { inner, deadline, prefix, count: AtomicU64::new(1) }
    }

    async fn answer(&self, request: Request) -> Result<Response, Rejection> {
        // SEC S-03: two hosts are two readings of one request.
        if request.headers().get_all(HOST).iter().nth(1).is_some() {
            return Err(Rejection::status(StatusCode::BAD_REQUEST, "more than one `Host` header"));
        }
        let work = tokio::time::timeout(self.deadline, self.inner.call(request));
        match AssertUnwindSafe(work).catch_unwind().await {
            Ok(Ok(Ok(response))) => Ok(response),
            Ok(Ok(Err(error))) => match Rejection::of(error) {
                Ok(rejection) => Err(rejection),
                Err(response) => Ok(*response),
            },
            Ok(Err(_)) => Err(Rejection::busy("the answer took too long")),
            Err(panic) => Err(Rejection::failure(words(&*panic))),
        }
    }

    fn request_id(&self) -> HeaderValue {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        HeaderValue::try_from(format!("{:08x}-{count:x}", self.prefix)).expect("hexadecimal digits are visible ASCII")
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for Guardrail<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let started = Instant::now();
        let id = self.request_id();
        let (method, uri) = (request.method().clone(), request.uri().clone());
        if method == Method::HEAD {
            request.set_method(Method::GET);
        }
        // What concerns an org goes to its own log, too.
        let exchange = Exchange::new(id.to_str().unwrap_or_default());
        let is_compat = Guests::parse(uri.path()).is_some();
        if is_compat {
            request.extensions_mut().insert(TraceId(id.clone()));
        }
        let user_agent = request.headers().get(USER_AGENT).cloned();
        request.extensions_mut().insert(exchange.clone());
        let answer = self.answer(request).await;
        let reason = answer.as_ref().err().map(|rejection| rejection.detail.clone());
        let cause = answer.as_ref().err().and_then(chain);
        let mut response = answer.unwrap_or_else(|rejection| rejection.to_response());
        let status = response.status();
        if status.is_client_error() || status.is_server_error() {
            if is_page(uri.path()) && response.headers().get(CONTENT_TYPE) == Some(&SCIM_UTF8) {
                // For eyes, not for a parser; what is known of an invitation has a page of its own.
                let reason = format!("{status}\n");
                response = Response::builder().status(status).content_type("text/plain; charset=utf-8").body(reason);
            } else if !is_compat && is_scim(uri.path()) && response.headers().get(CONTENT_TYPE) != Some(&SCIM_UTF8) {
                // The last resort: an error from below that never was a rejection.
                let reason = status.canonical_reason().unwrap_or("refused").to_ascii_lowercase();
                response = Rejection::status(status, reason).to_response();
            }
            log(&id, &method, uri.path(), status, started.elapsed(), cause);
        }
        exchange.log((&method, &uri, user_agent.as_ref()), status, reason.as_deref(), started.elapsed());
        if method == Method::HEAD {
            strip_body(&mut response);
        }
        response.headers_mut().insert(REQUEST_ID, id);
        Ok(response)
    }
}

/// Whether failures at this address are told in SCIM's words.
fn is_scim(path: &str) -> bool {
    Address::parse(path).is_some_and(|address| matches!(address.area, "scim2" | "api"))
}

/// Whether people come here rather than programs.
fn is_page(path: &str) -> bool {
    Address::parse(path).is_some_and(|address| matches!(address.area, "invitations" | "console"))
}

/// C-17: the headers of GET, and no body.
fn strip_body(response: &mut Response) {
    let body: BoxBody<Bytes, std::io::Error> = response.take_body().into();
    if let Some(length) = body.size_hint().exact().filter(|length| *length > 0) {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
}

/// One line per failure: never a query, a token, a body or a detail that may name a person.
fn log(id: &HeaderValue, method: &Method, path: &str, status: StatusCode, took: Duration, cause: Option<String>) {
    let (id, status_code) = (id.to_str().unwrap_or_default(), status.as_u16());
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match cause {
        Some(cause) => {
            tracing::error!(request.id = id, %method, path, status = status_code, duration_ms = ms, cause, "a request failed");
        }
        None if status.is_server_error() => {
            tracing::error!(request.id = id, %method, path, status = status_code, duration_ms = ms, "a request failed");
        }
        None => tracing::info!(request.id = id, %method, path, status = status_code, duration_ms = ms, "a request was refused"),
    }
}

/// The whole chain of causes.
fn chain(rejection: &Rejection) -> Option<String> {
    let mut texts = Vec::new();
    let mut next = rejection.source();
    while let Some(error) = next {
        texts.push(error.to_string());
        next = error.source();
    }
    (!texts.is_empty()).then(|| texts.join(": "))
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref().cloned());
    format!("panic: {}", text.unwrap_or_else(|| "without words".to_owned()))
}

#[cfg(test)]
mod tests {
    use poem::endpoint::make;
    use poem::test::TestClient;

    use super::*;

    const USERS: &str = "/t/acme/o/1/scim2/Users";

    async fn status_and_body(
        path: &str,
        inner: impl Endpoint<Output = Response> + 'static,
    ) -> (StatusCode, Option<String>, serde_json::Value) {
        let client = TestClient::new(Guardrail::new(inner, Duration::from_millis(50), 7));
        let response = client.get(path).send().await.0;
        let content_type = response.content_type().map(str::to_owned);
        assert!(response.headers().contains_key(REQUEST_ID), "{path}");
        let status = response.status();
        let body = response.into_body().into_string().await.expect("a body");
        (status, content_type, serde_json::from_str(&body).unwrap_or(body.into()))
    }

    #[tokio::test]
    async fn a_panic_is_a_scim_500_that_tells_nothing() {
        let (status, content_type, body) = status_and_body(
            USERS,
            make(|_| async { if true { panic!("secret") } else { Ok::<_, poem::Error>(Response::default()) } }),
        )
        .await;
        assert_eq!(status, 500);
        assert_eq!(content_type.as_deref(), Some("application/scim+json; charset=utf-8"), "E-09");
        assert_eq!(body["status"], "500", "E-01");
        assert!(!body.to_string().contains("secret"), "SEC S-07: {body}");
    }

    #[tokio::test]
    async fn an_answer_that_never_comes_is_503() {
        let (status, _, body) = status_and_body(USERS, make(|_| std::future::pending::<Result<Response>>())).await;
        assert_eq!((status.as_u16(), &body["detail"]), (503, &"the answer took too long".into()));
    }

    #[tokio::test]
    async fn an_error_without_a_scim_body_gets_one_under_scim2_only() {
        let bare = || make(|_| async { Ok::<_, poem::Error>(Response::builder().status(StatusCode::IM_A_TEAPOT).body("tea")) });
        let (status, _, body) = status_and_body(USERS, bare()).await;
        assert_eq!((status.as_u16(), &body["status"]), (418, &"418".into()));
        let (status, _, body) = status_and_body("/oauth2/token", bare()).await;
        assert_eq!((status.as_u16(), body), (418, "tea".into()));
    }

    #[tokio::test]
    async fn errors_of_the_framework_are_told_in_our_words() {
        for (error, status, detail) in [
            (poem::Error::from(poem::error::NotFoundError), 404, "no such resource"),
            (poem::error::ReadBodyError::PayloadTooLarge.into(), 413, "the body is larger than 8388608 bytes"),
            (StatusCode::NOT_ACCEPTABLE.into(), 406, "not acceptable"),
            (poem::Error::from_string("no such table", StatusCode::BAD_GATEWAY), 500, "the server failed, the request id"),
        ] {
            let error = std::sync::Mutex::new(Some(error));
            let inner = make(move |_| {
                let error = error.lock().expect("one thread").take();
                async move { Err::<Response, _>(error.expect("called once")) }
            });
            let (got, _, body) = status_and_body(USERS, inner).await;
            assert_eq!(got.as_u16(), status);
            assert!(body["detail"].as_str().is_some_and(|text| text.starts_with(detail)), "{body}");
        }
    }
}
