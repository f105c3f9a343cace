//! One good body of each kind: what Swagger UI offers to send. A test sends each through the parser that takes it.

use serde_json::{Value, json};

use crate::scim::urn;

const ID: &str = "01938d7a-2f5c-7d3e-9a4b-6c1f0e8d7b52";
const OTHER: &str = "01938d7a-3a10-7f00-8c2d-5b9e4f6a7c81";
const ORG: &str = "01938d79-0d3e-7a10-8f6c-3b2a1c0d9e8f";

/// The example of the component `name`, where a body is sent by clients.
pub(super) fn of(name: &str) -> Option<Value> {
    Some(match name {
        "User" => json!({
            "schemas": [urn::USER, urn::ENTERPRISE_USER],
            "userName": "ada@acme.test",
            "externalId": "00u1a2b3",
            "name": { "givenName": "Ada", "familyName": "Lovelace" },
            "displayName": "Ada Lovelace",
            "active": true,
            "emails": [{ "value": "ada@acme.test", "type": "work", "primary": true }],
            (urn::ENTERPRISE_USER): { "department": "Analysis", "employeeNumber": "1815" },
        }),
        "Group" => json!({
            "schemas": [urn::GROUP],
            "displayName": "Engineers",
            "members": [{ "value": ID }],
        }),
        "Invitation" => json!({
            "schemas": [urn::INVITATION],
            "userName": "ada@acme.test",
            "groups": [{ "value": OTHER }],
            "message": "Welcome to the partner project.",
            "expiresIn": 259_200,
        }),
        "Organization" => json!({
            "schemas": [urn::ORGANIZATION],
            "handle": "acme-partners",
            "name": "ACME Partners",
            "attributes": [{ "type": "region", "value": "EMEA" }],
        }),
        "OrganizationMove" => json!({ "parent": { "value": ORG }, "dryRun": true }),
        "PatchOp" => json!({
            "schemas": [urn::PATCH_OP],
            "Operations": [{ "op": "replace", "path": "displayName", "value": "Countess Lovelace" }],
        }),
        "SearchRequest" => json!({
            "schemas": [urn::SEARCH_REQUEST],
            "attributes": ["displayName"],
            "filter": "meta.lastModified gt \"2026-01-01T00:00:00Z\"",
            "startIndex": 1,
            "count": 10,
        }),
        "BulkRequest" => json!({
            "schemas": [urn::BULK_REQUEST],
            "failOnErrors": 10,
            "Operations": [
                {
                    "method": "POST",
                    "path": "/Users",
                    "bulkId": "ada",
                    "data": { "schemas": [urn::USER], "userName": "ada@acme.test" },
                },
                {
                    "method": "POST",
                    "path": "/Groups",
                    "bulkId": "engineers",
                    "data": { "schemas": [urn::GROUP], "displayName": "Engineers", "members": [{ "value": "bulkId:ada" }] },
                },
                {
                    "method": "PATCH",
                    "path": format!("/Users/{ID}"),
                    "version": "W/\"3\"",
                    "data": {
                        "schemas": [urn::PATCH_OP],
                        "Operations": [{ "op": "replace", "path": "title", "value": "Countess" }],
                    },
                },
                { "method": "DELETE", "path": format!("/Groups/{OTHER}") },
            ],
        }),
        "BulkResponse" => json!({
            "schemas": [urn::BULK_RESPONSE],
            "Operations": [
                {
                    "location": format!("https://usher.test/t/acme/o/{ORG}/scim2/Users/{ID}"),
                    "method": "POST",
                    "bulkId": "ada",
                    "version": "W/\"1\"",
                    "status": "201",
                },
                {
                    "location": format!("https://usher.test/t/acme/o/{ORG}/scim2/Groups/{OTHER}"),
                    "method": "DELETE",
                    "status": "404",
                    "response": { "schemas": [urn::ERROR], "status": "404", "detail": "no such resource" },
                },
            ],
        }),
        "ScimError" => json!({
            "schemas": [urn::ERROR],
            "status": "409",
            "scimType": "uniqueness",
            "detail": "`userName` \"ada@acme.test\" is already used in this organization",
        }),
        "InviteRequest" => json!({
            "schemas": [urn::INVITE_REQUEST],
            "userNames": ["ada@acme.test", "grace@acme.test"],
            "groups": [{ "value": OTHER }],
            "invitations": [{ "userName": "eve@acme.test", "locale": "de" }],
            "message": "Welcome to the partner project.",
            "expiresIn": 259_200,
        }),
        "InviteResponse" => json!({
            "schemas": [urn::INVITE_RESPONSE],
            "invited": 1,
            "failed": 1,
            "results": [
                {
                    "userName": "ada@acme.test",
                    "status": "invited",
                    "invitation": { "id": ID, "expiresAt": "2026-11-27T12:00:00.000Z" },
                },
                {
                    "userName": "grace@acme.test",
                    "status": "failed",
                    "error": { "code": "alreadyMember", "detail": "\"grace@acme.test\" is a member already" },
                },
            ],
        }),
        "ResendRequest" => json!({ "expiresIn": 259_200 }),
        "RevokeRequest" => json!({ "reason": "The project has ended." }),
        "InvitationCode" => json!({ "code": "AZONei9cfT6aS2wfDo17UgVq3uN4x0mQ1b8dLk7yPzA5cR2tW6fJ9hE0sXgB4nMv" }),
        "MailTest" => json!({ "userName": "ada@acme.test", "kind": "invitation", "language": "de-AT" }),
        "Settings" => json!({ "profile": "strict", "quirks": { "boolean-as-text": true } }),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;
    use crate::invite::{Policy, request};
    use crate::scim::bulk::BulkRequest;
    use crate::scim::list::SearchRequest;
    use crate::scim::{Profile, Quirks, Schemas, resource};

    fn map(name: &str) -> serde_json::Map<String, Value> {
        of(name).expect(name).as_object().expect("an object").clone()
    }

    #[test]
    fn every_example_is_taken_without_a_quirk() {
        for resource_type in Schemas::core().types() {
            let name = &resource_type.name;
            let mut quirks = Quirks::new();
            resource::accept(resource_type, map(name), Profile::Strict, &mut quirks).expect(name);
        }
        let bulk =
            BulkRequest::parse(map("BulkRequest"), Schemas::core(), Profile::Strict, &mut Quirks::new()).expect("BulkRequest");
        assert!(bulk.operations.iter().all(|operation| operation.request.is_ok()), "{bulk:?}");
        SearchRequest::parse(map("SearchRequest"), Profile::Strict, &mut Quirks::new()).expect("SearchRequest");
        let (policy, now) = (Policy::default(), Timestamp(0));
        request::InviteRequest::parse(&map("InviteRequest"), &policy, now).expect("InviteRequest");
        request::resend(&map("ResendRequest"), &policy).expect("ResendRequest");
        request::revoke(&map("RevokeRequest")).expect("RevokeRequest");
    }
}
