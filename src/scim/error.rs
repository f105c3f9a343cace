//! RFC 7644 §3.12: what went wrong, as a status, a `scimType` and a sentence.

use serde_json::{Value, json};

use super::urn;

/// The `scimType` of an error, RFC 7644 Table 9 and RFC 9865 §2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScimType {
    /// The filter does not parse, or compares what cannot be compared.
    InvalidFilter,
    /// The answer would be too large, or too costly to find.
    TooMany,
    /// A unique attribute's value is taken.
    Uniqueness,
    /// The attribute may not be written, or not any more.
    Mutability,
    /// The body is not what the operation takes.
    InvalidSyntax,
    /// The path of a PATCH operation does not parse or names nothing.
    InvalidPath,
    /// The path of a PATCH operation matched no value.
    NoTarget,
    /// A value has the wrong type or form, or is missing.
    InvalidValue,
    /// This version of the protocol is not spoken here.
    InvalidVers,
    /// The request would put personal data where it does not belong.
    Sensitive,
    /// The cursor was never issued for this question to this caller (K-07).
    InvalidCursor,
    /// The cursor was good once.
    ExpiredCursor,
    /// Another `count` than that of the first page.
    InvalidCount,
}

impl ScimType {
    /// The spelling on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            ScimType::InvalidFilter => "invalidFilter",
            ScimType::TooMany => "tooMany",
            ScimType::Uniqueness => "uniqueness",
            ScimType::Mutability => "mutability",
            ScimType::InvalidSyntax => "invalidSyntax",
            ScimType::InvalidPath => "invalidPath",
            ScimType::NoTarget => "noTarget",
            ScimType::InvalidValue => "invalidValue",
            ScimType::InvalidVers => "invalidVers",
            ScimType::Sensitive => "sensitive",
            ScimType::InvalidCursor => "invalidCursor",
            ScimType::ExpiredCursor => "expiredCursor",
            ScimType::InvalidCount => "invalidCount",
        }
    }
}

/// A refusal in the protocol's own terms.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Error {
    /// HTTP status.
    pub status: u16,
    /// Only with 400, 409 `uniqueness`, 403 `sensitive` (E-02) and within a bulk answer 409 `invalidValue` (B-07).
    pub scim_type: Option<ScimType>,
    /// A sentence that names the attribute, path, operation or limit.
    pub detail: String,
}

impl Error {
    /// A 400 with its `scimType`.
    pub fn bad(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Error { status: 400, scim_type: Some(scim_type), detail: bounded(detail.into()) }
    }

    /// A refusal by status alone.
    pub fn status(status: u16, detail: impl Into<String>) -> Self {
        Error { status, scim_type: None, detail: bounded(detail.into()) }
    }

    /// What another org owns, and what was never there, alike.
    pub fn not_found() -> Self {
        Error::status(404, "no such resource")
    }

    /// 409 `uniqueness`: `attribute` holds a value that another resource of the org has.
    pub fn taken(attribute: &str, value: &str) -> Self {
        let detail = format!("`{attribute}` {value:?} is already used in this organization");
        Error { status: 409, scim_type: Some(ScimType::Uniqueness), detail: bounded(detail) }
    }

    /// The body of the answer. `status` is a string, as in the RFC's samples (E-01).
    pub fn body(&self) -> Value {
        let mut body = json!({ "schemas": [urn::ERROR], "status": self.status.to_string() });
        if let Some(scim_type) = self.scim_type {
            body["scimType"] = scim_type.as_str().into();
        }
        body["detail"] = self.detail.as_str().into();
        body
    }
}

/// A refusal quotes what was sent, and what was sent may be megabytes.
fn bounded(detail: String) -> String {
    const CHARS_MAX: usize = 512;
    match detail.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &detail[..end]),
        None => detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_the_shape_of_the_rfc() {
        // E-01, E-02.
        let body = Error::bad(ScimType::InvalidPath, "x").body();
        let expected = json!({"schemas": [urn::ERROR], "status": "400", "scimType": "invalidPath", "detail": "x"});
        assert_eq!(body, expected);
        let body = Error::not_found().body();
        assert_eq!(body, json!({"schemas": [urn::ERROR], "status": "404", "detail": "no such resource"}));
    }

    #[test]
    fn a_refusal_does_not_repeat_megabytes() {
        assert_eq!(Error::bad(ScimType::InvalidValue, "ä".repeat(1_000_000)).detail.chars().count(), 513);
    }
}
