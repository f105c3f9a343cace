//! A guest's document: the home user's identity, as another org may see it.
//!
//! An id never crosses an org's border, so what names or ranks the person inside the parent (`externalId`, `manager`, roles,
//! entitlements, certificates) stays there.

use serde_json::{Map, Value, json};

use crate::base::{InvitationId, OrgId, Timestamp, UserId};
use crate::scim::urn;

/// Attributes that a guest's org sees of the source; every other one stays behind.
const IDENTITY: [&str; 14] = [
    "name",
    "displayName",
    "nickName",
    "profileUrl",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "emails",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
];

/// Where a guest comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The org of the home user, where the chain of sources ends.
    pub home_org: OrgId,
    /// The parent org, where the source is.
    pub source_org: OrgId,
    /// The invitation that made it, while that is known.
    pub invitation: Option<InvitationId>,
    /// Since when it is a guest.
    pub since: Timestamp,
    /// When the membership ends, if it does.
    pub until: Option<Timestamp>,
}

/// The document of `guest`, from the document of its source. `active` is the effective one: that of the whole chain.
///
/// A source document that is no JSON object, which the store never holds, gives a guest with a name and nothing else.
pub fn guest_doc(source_doc: &str, guest: UserId, user_name: &str, active: bool, membership: &Membership) -> String {
    let source: Map<String, Value> = serde_json::from_str(source_doc).unwrap_or_default();
    let mut doc = Map::new();
    doc.insert("schemas".into(), json!([urn::USER, urn::MEMBERSHIP]));
    doc.insert("id".into(), guest.to_string().into());
    doc.insert("userName".into(), user_name.into());
    for (name, value) in source {
        if IDENTITY.contains(&name.as_str()) {
            doc.insert(name, value);
        }
    }
    doc.insert("active".into(), active.into());
    doc.insert(urn::MEMBERSHIP.into(), extension(membership));
    Value::Object(doc).to_string()
}

/// The document of a guest whose membership is over, until it is removed: as it was, and not active.
pub fn ended_guest(doc: &str) -> String {
    let mut doc: Map<String, Value> = serde_json::from_str(doc).unwrap_or_default();
    doc.insert("active".into(), false.into());
    Value::Object(doc).to_string()
}

fn extension(membership: &Membership) -> Value {
    let mut extension = json!({
        "type": "guest",
        "homeOrg": membership.home_org,
        "sourceOrg": membership.source_org,
        "since": membership.since,
    });
    if let Some(until) = membership.until {
        extension["until"] = json!(until);
    }
    if let Some(invitation) = membership.invitation {
        extension["invitation"] = json!(invitation);
    }
    extension
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn membership() -> Membership {
        Membership {
            home_org: OrgId(Uuid::from_u128(1)),
            source_org: OrgId(Uuid::from_u128(2)),
            invitation: Some(InvitationId(Uuid::from_u128(3))),
            since: Timestamp(0),
            until: None,
        }
    }

    #[test]
    fn a_guest_shows_who_the_person_is_and_nothing_of_the_parents_directory() {
        let source = json!({
            "schemas": [urn::USER, urn::ENTERPRISE_USER],
            "id": "00000000-0000-0000-0000-00000000000a",
            "externalId": "hr-7",
            "userName": "ada",
            "name": { "givenName": "Ada" },
            "active": true,
            "emails": [{ "value": "ada@acme.test", "primary": true }],
            "roles": [{ "value": "admin" }],
            "entitlements": [{ "value": "all" }],
            "x509Certificates": [{ "value": "AAAA" }],
            urn::ENTERPRISE_USER: { "manager": { "value": "00000000-0000-0000-0000-00000000000b" } },
        });
        let guest = UserId(Uuid::from_u128(0xc));
        assert_eq!(
            guest_doc(&source.to_string(), guest, "ada@acme", false, &membership()),
            json!({
                "schemas": [urn::USER, urn::MEMBERSHIP],
                "id": "00000000-0000-0000-0000-00000000000c",
                "userName": "ada@acme",
                "name": { "givenName": "Ada" },
                "emails": [{ "value": "ada@acme.test", "primary": true }],
                "active": false,
                urn::MEMBERSHIP: {
                    "type": "guest",
                    "homeOrg": "00000000-0000-0000-0000-000000000001",
                    "sourceOrg": "00000000-0000-0000-0000-000000000002",
                    "since": "1970-01-01T00:00:00.000Z",
                    "invitation": "00000000-0000-0000-0000-000000000003",
                },
            })
            .to_string()
        );
    }

    #[test]
    fn a_guest_of_a_guest_carries_its_own_membership_only() {
        let first =
            guest_doc(r#"{"userName":"ada","title":"Countess"}"#, UserId(Uuid::from_u128(7)), "ada", true, &membership());
        let until = Some(Timestamp(1000));
        let below = Membership { source_org: OrgId(Uuid::from_u128(9)), invitation: None, until, ..membership() };
        let second: Value =
            serde_json::from_str(&guest_doc(&first, UserId(Uuid::from_u128(8)), "ada", true, &below)).expect("an object");
        assert_eq!(second["title"], "Countess");
        assert_eq!(second[urn::MEMBERSHIP]["sourceOrg"], "00000000-0000-0000-0000-000000000009");
        assert_eq!(second[urn::MEMBERSHIP].get("invitation"), None);
        assert_eq!(second[urn::MEMBERSHIP]["until"], "1970-01-01T00:00:01.000Z");
        assert_eq!(second["id"], "00000000-0000-0000-0000-000000000008");
    }
}
