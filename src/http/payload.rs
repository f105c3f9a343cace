//! The body of a SCIM request: media type, size and JSON are judged here, once, for every operation.

use std::marker::PhantomData;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use poem::http::HeaderMap;
use poem::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use poem::{Body, Request, RequestBody, Result};
use poem_openapi::payload::{ParsePayload, Payload};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::{Map, Value};

use super::error::Rejection;
use super::exchange::Exchange;
use super::resource::Shape;
use crate::base::limit;
use crate::scim::Quirk;

/// RFC 7644 §3.8.
pub const SCIM_JSON: &str = "application/scim+json";
/// What many clients send instead (H-01).
pub const JSON: &str = "application/json";

/// A JSON object, documented as `T` under both media types. What is in it is for the rooms to judge.
pub struct ScimBody<T> {
    /// The object as it was sent, no key twice.
    pub map: Map<String, Value>,
    shape: PhantomData<fn() -> T>,
}

impl<T: Shape> Payload for ScimBody<T> {
    const CONTENT_TYPE: &'static str = SCIM_JSON;

    fn check_content_type(content_type: &str) -> bool {
        is_json(content_type)
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Shape> ParsePayload for ScimBody<T> {
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> Result<Self> {
        let exchange = Exchange::of(request);
        check_head(request.headers(), &exchange)?;
        let bytes = read(request.headers(), body.take()?).await?;
        exchange.keep_body(&bytes);
        let map = crate::scim::json::object(&bytes).map_err(Rejection::from)?;
        Ok(ScimBody { map, shape: PhantomData })
    }
}

impl<'a, T: Shape> ApiExtractor<'a> for ScimBody<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest { description: None, content: media_types::<T>(), required: true })
    }

    async fn from_request(request: &'a Request, body: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Self> {
        <Self as ParsePayload>::from_request(request, body).await
    }
}

/// The same where nothing has to be said: without a body, the object is empty.
pub struct OptionalBody<T> {
    /// The object as it was sent, or none of it.
    pub map: Map<String, Value>,
    shape: PhantomData<fn() -> T>,
}

impl<'a, T: Shape> ApiExtractor<'a> for OptionalBody<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest { description: None, content: media_types::<T>(), required: false })
    }

    async fn from_request(request: &'a Request, body: &mut RequestBody, _: ExtractParamOptions<()>) -> Result<Self> {
        let exchange = Exchange::of(request);
        let bytes = read(request.headers(), body.take()?).await?;
        if bytes.is_empty() {
            return Ok(OptionalBody { map: Map::new(), shape: PhantomData });
        }
        check_head(request.headers(), &exchange)?;
        exchange.keep_body(&bytes);
        let map = crate::scim::json::object(&bytes).map_err(Rejection::from)?;
        Ok(OptionalBody { map, shape: PhantomData })
    }
}

/// `T` under both media types, the registered one first: Swagger UI sends the first by default.
pub(super) fn media_types<T: Shape>() -> Vec<MetaMediaType> {
    [SCIM_JSON, JSON].map(|content_type| MetaMediaType { content_type, schema: T::schema_ref() }).into()
}

/// All of `body`, at most [`limit::BODY_BYTES_MAX`] bytes within [`limit::BODY_DEADLINE`]. Counts what arrives, so that it holds
/// for chunked bodies too, and believes a `Content-Length` only when it announces too much (D-4).
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Rejection> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit::BODY_BYTES_MAX) {
        return Err(Rejection::too_large());
    }
    read_within(limit::BODY_DEADLINE, body).await
}

async fn read_within(deadline: Duration, body: Body) -> Result<Bytes, Rejection> {
    tokio::time::timeout(deadline, collect(body)).await.unwrap_or_else(|_| Err(Rejection::too_slow()))
}

async fn collect(body: Body) -> Result<Bytes, Rejection> {
    let mut body: http_body_util::combinators::BoxBody<Bytes, std::io::Error> = body.into();
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Rejection::cut_off())?;
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + rest.len() + data.len() > limit::BODY_BYTES_MAX {
            return Err(Rejection::too_large());
        }
        // Nearly every body comes in one frame, which is then passed on without a copy.
        if first.is_empty() {
            first = data;
        } else {
            rest.extend_from_slice(&data);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    let mut all = BytesMut::with_capacity(first.len() + rest.len());
    all.extend_from_slice(&first);
    all.extend_from_slice(&rest);
    Ok(all.freeze())
}

/// 415 for another media type, another charset or an encoding. Nothing is ever inflated (S-62); a missing `Content-Type`
/// is taken for the right one where the org does that (H-04).
fn check_head(headers: &HeaderMap, exchange: &Exchange) -> Result<(), Rejection> {
    let is_taken = match headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default()) {
        Some(text) if essence(text).eq_ignore_ascii_case(SCIM_JSON) => is_json(text),
        Some(text) => is_json(text) && exchange.allow(Quirk::JsonMediaType),
        None => exchange.allow(Quirk::NoMediaType),
    };
    if !is_taken {
        return Err(Rejection::media_type("`Content-Type` is not `application/scim+json` or `application/json` in UTF-8"));
    }
    let encoded = |value: &poem::http::HeaderValue| !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().any(encoded) {
        return Err(Rejection::media_type("an encoded body is not taken, send it without `Content-Encoding`"));
    }
    Ok(())
}

fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Whether the media type is one of the two, in any case, with any parameter but another charset (H-01, H-02).
fn is_json(content_type: &str) -> bool {
    let parts = content_type.split(';').skip(1).map(str::trim);
    let essence = essence(content_type);
    let is_known = essence.eq_ignore_ascii_case(SCIM_JSON) || essence.eq_ignore_ascii_case(JSON);
    is_known
        && parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
            let value = value.trim().trim_matches('"');
            !name.trim().eq_ignore_ascii_case("charset") || value.eq_ignore_ascii_case("utf-8")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_media_types_are_taken_in_any_case_and_no_other() {
        for good in [
            "application/scim+json",
            "Application/SCIM+JSON; charset=utf-8",
            "application/json",
            "application/json;charset=\"UTF-8\"; odata=x",
        ] {
            assert!(is_json(good), "{good}");
        }
        for bad in ["", "text/json", "application/xml", "application/json; charset=latin1", "application/jsonp"] {
            assert!(!is_json(bad), "{bad}");
        }
    }

    #[test]
    fn an_encoded_body_is_415() {
        for (encoding, taken) in [("identity", true), ("gzip", false), ("br", false), ("identity, gzip", false)] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_ENCODING, encoding.parse().expect("a header value"));
            assert_eq!(check_head(&headers, &Exchange::default()).is_ok(), taken, "{encoding}");
        }
    }

    #[tokio::test]
    async fn a_chunked_body_is_counted_as_it_arrives() {
        let chunk = Bytes::from(vec![b' '; 1024 * 1024]);
        let endless = futures_util::stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()));
        let error = read(&HeaderMap::new(), Body::from_bytes_stream(endless)).await.expect_err("too large");
        assert_eq!(error.status.as_u16(), 413);
    }

    #[tokio::test]
    async fn a_body_that_drips_is_given_up() {
        // SEC F-31.
        let drip = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
        });
        let error = read_within(Duration::from_millis(50), Body::from_bytes_stream(drip)).await.expect_err("too slow");
        assert_eq!(error.status.as_u16(), 408);
    }

    #[tokio::test]
    async fn a_body_in_parts_is_put_together() {
        let parts = ["{\"userName\"", ":", "\"ada\"}"].map(|part| Ok::<_, std::io::Error>(Bytes::from_static(part.as_bytes())));
        let body = Body::from_bytes_stream(futures_util::stream::iter(parts));
        let read = read(&HeaderMap::new(), body).await.expect("a small body");
        assert_eq!(read, Bytes::from_static(b"{\"userName\":\"ada\"}"));
    }
}
