//! The answers of SCIM operations: ready bytes, documented as what they are.
//!
//! Nothing is parsed or printed here. Each type is one row of RFC 7644's table of answers, so that an operation's signature
//! tells its status, its headers and the schema of its body.

use std::marker::PhantomData;

use poem::http::header::{CACHE_CONTROL, CONTENT_LOCATION, CONTENT_TYPE, ETAG, LOCATION, X_CONTENT_TYPE_OPTIONS};
use poem::http::{HeaderName, HeaderValue, StatusCode};
use poem::{Body, IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;

use super::payload::media_types;
use super::resource::Shape;

/// What every SCIM body is sent as (S-05).
pub(super) const SCIM_UTF8: HeaderValue = HeaderValue::from_static("application/scim+json; charset=utf-8");

/// 200 with one resource, or 304.
pub struct Fetched<T>(Response, PhantomData<fn() -> T>);

/// 201 with the new resource.
pub struct Created<T>(Response, PhantomData<fn() -> T>);

/// 200 with the resource as it is now, or 204 where the client prefers a minimal answer (H-10).
pub struct Changed<T>(Response, PhantomData<fn() -> T>);

/// 200 with a list, a message or a discovery document.
pub struct Answered<T>(Response, PhantomData<fn() -> T>);

/// 204: it is gone.
pub struct Deleted;

impl<T: Shape> Fetched<T> {
    /// The resource `body` of `version`, which lives at `location`.
    pub fn new(body: Vec<u8>, version: u64, location: &str) -> Self {
        Fetched(resource(StatusCode::OK, body, version, CONTENT_LOCATION, location), PhantomData)
    }

    /// `If-None-Match` names the present version (V-02).
    pub fn not_modified(version: u64) -> Self {
        Fetched(bare(StatusCode::NOT_MODIFIED, Some(version)), PhantomData)
    }
}

impl<T: Shape> Created<T> {
    /// The resource `body` of `version`, which lives at `location` from now on.
    pub fn new(body: Vec<u8>, version: u64, location: &str) -> Self {
        Created(resource(StatusCode::CREATED, body, version, LOCATION, location), PhantomData)
    }
}

impl<T: Shape> Changed<T> {
    /// The resource `body` of `version`, which lives at `location`.
    pub fn new(body: Vec<u8>, version: u64, location: &str) -> Self {
        Changed(resource(StatusCode::OK, body, version, CONTENT_LOCATION, location), PhantomData)
    }

    /// Nothing but the version.
    pub fn minimal(version: u64) -> Self {
        Changed(bare(StatusCode::NO_CONTENT, Some(version)), PhantomData)
    }
}

impl<T: Shape> Answered<T> {
    /// `body` as it is.
    pub fn new(body: Vec<u8>) -> Self {
        Answered(scim(StatusCode::OK, body.into()), PhantomData)
    }
}

/// A SCIM answer with `body`, never to be cached (S-06).
pub(super) fn scim(status: StatusCode, body: Body) -> Response {
    let mut response = bare(status, None);
    response.set_body(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, SCIM_UTF8);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn resource(status: StatusCode, body: Vec<u8>, version: u64, header: HeaderName, location: &str) -> Response {
    let mut response = scim(status, body.into());
    let headers = response.headers_mut();
    headers.insert(ETAG, etag(version));
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.insert(header, location);
    }
    response
}

fn bare(status: StatusCode, version: Option<u64>) -> Response {
    let mut response = Response::default();
    response.set_status(status);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(version) = version {
        response.headers_mut().insert(ETAG, etag(version));
    }
    response
}

fn etag(version: u64) -> HeaderValue {
    HeaderValue::try_from(format!("W/\"{version}\"")).expect("digits and quotes are visible ASCII")
}

macro_rules! answers {
    ($($name:ident: $($status:literal $description:literal $content:expr, [$($header:literal),*]);+)+) => {$(
        impl<T: Shape> ApiResponse for $name<T> {
            fn meta() -> MetaResponses {
                MetaResponses { responses: vec![$(meta($status, $description, $content, &[$($header),*])),+] }
            }

            fn register(registry: &mut Registry) {
                T::register(registry);
            }
        }

        impl<T: Shape> IntoResponse for $name<T> {
            fn into_response(self) -> Response {
                self.0
            }
        }
    )+};
}

answers! {
    Fetched: 200 "The resource." media_types::<T>(), ["ETag", "Content-Location"];
             304 "`If-None-Match` names the present version." vec![], ["ETag"]
    Created: 201 "The new resource." media_types::<T>(), ["ETag", "Location"]
    Changed: 200 "The resource as it is now." media_types::<T>(), ["ETag", "Content-Location"];
             204 "Changed; the client prefers a minimal answer." vec![], ["ETag"]
    Answered: 200 "The answer." media_types::<T>(), []
}

impl ApiResponse for Deleted {
    fn meta() -> MetaResponses {
        MetaResponses { responses: vec![meta(204, "It is gone.", vec![], &[])] }
    }

    fn register(_: &mut Registry) {}
}

impl IntoResponse for Deleted {
    fn into_response(self) -> Response {
        bare(StatusCode::NO_CONTENT, None)
    }
}

/// One row of an operation's answers.
pub(super) fn meta(status: u16, description: &'static str, content: Vec<MetaMediaType>, headers: &[&str]) -> MetaResponse {
    let header = |name: &&str| MetaHeader {
        name: (*name).to_owned(),
        description: None,
        required: false,
        deprecated: false,
        schema: String::schema_ref(),
    };
    MetaResponse {
        description,
        status: Some(status),
        status_range: None,
        content,
        headers: headers.iter().map(header).collect(),
    }
}
