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

use super::payload::{JSON, media_types};
use super::resource::Shape;

/// What every SCIM body is sent as (SEC S-05).
pub(super) const SCIM_UTF8: HeaderValue = HeaderValue::from_static("application/scim+json; charset=utf-8");

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// 200 with one resource, or 304.
pub struct Fetched<T>(Response, PhantomData<fn() -> T>);

/// 201 with the new resource.
pub struct Created<T>(Response, PhantomData<fn() -> T>);

/// 200 with the resource as it is now, or 204 where the client prefers a minimal answer (H-10).
pub struct Changed<T>(Response, PhantomData<fn() -> T>);

/// 200 with a list, a message or a discovery document.
pub struct Answered<T>(Response, PhantomData<fn() -> T>);

/// 200 with what is no SCIM message, as plain JSON.
pub struct Told<T>(Response, PhantomData<fn() -> T>);

/// 201 with something that was made, and is shown as it never will be again.
pub struct Made<T>(Response, PhantomData<fn() -> T>);

/// 204: it is gone.
pub struct Deleted;

impl<T: Shape> Fetched<T> {
    /// The resource `body` of `version`, which lives at `location`.
    pub fn new(body: Vec<u8>, version: u64, location: &str) -> Self {
        Fetched(versioned(scim(StatusCode::OK, body.into()), version, CONTENT_LOCATION, location), PhantomData)
    }

    /// `If-None-Match` names the present version (V-02). The headers are those of the 200 (RFC 9110 §15.4.5).
    pub fn not_modified(version: u64, location: &str) -> Self {
        Fetched(versioned(bare(StatusCode::NOT_MODIFIED), version, CONTENT_LOCATION, location), PhantomData)
    }

    /// At an alias of the resource, where `Location` is its own address (M-02).
    pub fn at_alias(self) -> Self {
        Fetched(located(self.0), PhantomData)
    }
}

impl<T: Shape> Created<T> {
    /// The resource `body` of `version`, which lives at `location` from now on; its address alone where there is no body.
    pub fn new(body: Option<Vec<u8>>, version: u64, location: &str) -> Self {
        let response = body.map_or_else(|| bare(StatusCode::CREATED), |body| scim(StatusCode::CREATED, body.into()));
        Created(versioned(response, version, LOCATION, location), PhantomData)
    }

    /// Tells the client which preference the answer follows.
    pub fn as_preferred(self, preference: Option<Preference>) -> Self {
        Created(noted(self.0, preference), PhantomData)
    }
}

impl<T: Shape> Changed<T> {
    /// The resource `body` of `version`, which lives at `location`; nothing but the version where there is no body.
    pub fn new(body: Option<Vec<u8>>, version: u64, location: &str) -> Self {
        let response = body.map_or_else(|| bare(StatusCode::NO_CONTENT), |body| scim(StatusCode::OK, body.into()));
        Changed(versioned(response, version, CONTENT_LOCATION, location), PhantomData)
    }

    /// Tells the client which preference the answer follows.
    pub fn as_preferred(self, preference: Option<Preference>) -> Self {
        Changed(noted(self.0, preference), PhantomData)
    }

    /// At an alias of the resource, where `Location` is its own address (M-02).
    pub fn at_alias(self) -> Self {
        Changed(located(self.0), PhantomData)
    }
}

impl<T: Shape> Answered<T> {
    /// `body` as it is.
    pub fn new(body: Vec<u8>) -> Self {
        Answered(scim(StatusCode::OK, body.into()), PhantomData)
    }
}

/// What `Prefer` (RFC 7240 §4.2) says of the answer to a write (H-10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preference {
    /// No body.
    Minimal,
    /// The resource as it is now.
    Representation,
}

impl Preference {
    /// The first one in the header, where there is one.
    pub fn parse(header: Option<&str>) -> Option<Preference> {
        header?.split([',', ';']).find_map(|word| match word.trim().replace('"', "").to_ascii_lowercase().as_str() {
            "return=minimal" => Some(Preference::Minimal),
            "return=representation" => Some(Preference::Representation),
            _ => None,
        })
    }
}

impl<T: Shape> Told<T> {
    /// `body` as it is.
    pub fn new(body: &serde_json::Value) -> Self {
        let mut response = scim(StatusCode::OK, body.to_string().into());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        Told(response, PhantomData)
    }
}

impl<T: Shape> Made<T> {
    /// `body` as it is.
    pub fn new(body: &serde_json::Value) -> Self {
        let mut response = Told::<T>::new(body).0;
        response.set_status(StatusCode::CREATED);
        Made(response, PhantomData)
    }
}

/// A SCIM answer with `body`, never to be cached (SEC S-06).
pub(super) fn scim(status: StatusCode, body: Body) -> Response {
    let mut response = bare(status);
    response.set_body(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, SCIM_UTF8);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn versioned(mut response: Response, version: u64, header: HeaderName, location: &str) -> Response {
    let headers = response.headers_mut();
    headers.insert(ETAG, etag(version));
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.insert(header, location);
    }
    response
}

/// RFC 7240 §3.
fn noted(mut response: Response, preference: Option<Preference>) -> Response {
    if let Some(preference) = preference {
        let applied = match preference {
            Preference::Minimal => "return=minimal",
            Preference::Representation => "return=representation",
        };
        response.headers_mut().insert(PREFERENCE_APPLIED, HeaderValue::from_static(applied));
    }
    response
}

fn located(mut response: Response) -> Response {
    if let Some(location) = response.headers().get(CONTENT_LOCATION).cloned() {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn bare(status: StatusCode) -> Response {
    let mut response = Response::default();
    response.set_status(status);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
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
             304 "`If-None-Match` names the present version." vec![], ["ETag", "Content-Location"]
    Created: 201 "The new resource; without a body where the client prefers that." media_types::<T>(),
             ["ETag", "Location", "Preference-Applied"]
    Changed: 200 "The resource as it is now." media_types::<T>(), ["ETag", "Content-Location", "Preference-Applied"];
             204 "Changed; the client prefers a minimal answer." vec![], ["ETag", "Content-Location", "Preference-Applied"]
    Answered: 200 "The answer." media_types::<T>(), []
    Told: 200 "The answer." vec![MetaMediaType { content_type: JSON, schema: T::schema_ref() }], []
    Made: 201 "What was made." vec![MetaMediaType { content_type: JSON, schema: T::schema_ref() }], []
}

impl ApiResponse for Deleted {
    fn meta() -> MetaResponses {
        MetaResponses { responses: vec![meta(204, "It is gone.", vec![], &[])] }
    }

    fn register(_: &mut Registry) {}
}

impl IntoResponse for Deleted {
    fn into_response(self) -> Response {
        bare(StatusCode::NO_CONTENT)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preference_is_read_among_others() {
        // H-10.
        for (header, expected) in [
            ("respond-async, Return=\"minimal\"; foo=bar", Some(Preference::Minimal)),
            ("return=representation", Some(Preference::Representation)),
            ("return=minimal, return=representation", Some(Preference::Minimal)),
            ("wait=10", None),
            ("", None),
        ] {
            assert_eq!(Preference::parse(Some(header)), expected, "{header}");
        }
        assert_eq!(Preference::parse(None), None);
    }
}
