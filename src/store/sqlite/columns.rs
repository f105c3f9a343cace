//! What of a document is kept in columns too, because people look it up or sort by it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::base::text;
use crate::scim::urn;

/// The columns of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct UserColumns {
    pub(super) user_name: String,
    pub(super) user_name_key: String,
    pub(super) display_name: Option<String>,
    pub(super) display_name_key: Option<String>,
    pub(super) family_name_key: Option<String>,
    pub(super) given_name_key: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) manager_id: Option<String>,
    /// As the document says; active if it says nothing.
    pub(super) active: bool,
    /// Rows of `user_emails`.
    pub(super) email_keys: BTreeSet<String>,
}

/// The columns of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct GroupColumns {
    pub(super) display_name: String,
    pub(super) display_name_key: String,
    pub(super) external_id: Option<String>,
    /// What members may do, in the order of the document.
    pub(super) scopes: Option<String>,
}

/// The document as a JSON object. The store never holds anything else; a guess would hide that it does.
pub(super) fn object(doc: &str) -> Result<Map<String, Value>, crate::store::Error> {
    serde_json::from_str(doc).map_err(|error| crate::store::Error::Engine(error.into()))
}

/// The columns of a user's document.
pub(super) fn user(doc: &Map<String, Value>) -> UserColumns {
    let user_name = text(doc.get("userName")).unwrap_or_default();
    let display_name = text(doc.get("displayName"));
    let name = doc.get("name");
    let part = |part: &str| text(name.and_then(|name| name.get(part))).map(|part| text::fold(&part));
    UserColumns {
        user_name_key: text::user_name_key(&user_name),
        user_name,
        display_name_key: display_name.as_deref().map(text::fold),
        display_name,
        family_name_key: part("familyName"),
        given_name_key: part("givenName"),
        external_id: text(doc.get("externalId")),
        manager_id: text(doc.get(urn::ENTERPRISE_USER).and_then(|user| user.get("manager")?.get("value"))),
        active: doc.get("active").and_then(Value::as_bool).unwrap_or(true),
        email_keys: emails(doc).filter_map(|email| text(email.get("value"))).map(|email| text::fold(&email)).collect(),
    }
}

/// The columns of a group's document.
pub(super) fn group(doc: &Map<String, Value>) -> GroupColumns {
    let display_name = text(doc.get("displayName")).unwrap_or_default();
    let scopes = doc.get(urn::ACCESS).and_then(|access| access.get("scopes")?.as_array());
    let scopes: Vec<&str> = scopes.into_iter().flatten().filter_map(Value::as_str).collect();
    GroupColumns {
        display_name_key: text::fold(&display_name),
        display_name,
        external_id: text(doc.get("externalId")),
        scopes: (!scopes.is_empty()).then(|| scopes.join(" ")),
    }
}

/// The elements of `emails`.
pub(super) fn emails(doc: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    doc.get("emails").and_then(Value::as_array).into_iter().flatten()
}

/// A string that is not empty.
pub(super) fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}
