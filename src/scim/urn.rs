//! The URNs of schemas and messages, ours and the RFCs'.

/// RFC 7643 §4.1.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// RFC 7643 §4.2.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// RFC 7643 §4.3.
pub const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// Where a guest comes from; read-only.
pub const MEMBERSHIP: &str = "urn:usher:scim:schemas:extension:membership:2.0:User";
/// What a group lets its members do.
pub const ACCESS: &str = "urn:usher:scim:schemas:extension:access:2.0:Group";
/// An invitation as a resource.
pub const INVITATION: &str = "urn:usher:scim:schemas:core:2.0:Invitation";
/// An org as a resource of those above it.
pub const ORGANIZATION: &str = "urn:usher:scim:schemas:core:2.0:Organization";
/// RFC 7643 §5.
pub const SERVICE_PROVIDER_CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
/// RFC 7643 §6.
pub const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
/// RFC 7643 §7.
pub const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
/// RFC 7644 §3.4.2.
pub const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// RFC 7644 §3.4.3.
pub const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
/// RFC 7644 §3.5.2.
pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// RFC 7644 §3.7.
pub const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// Its answer.
pub const BULK_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
/// RFC 7644 §3.12.
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// The body of `POST …/Invitations/.invite`.
pub const INVITE_REQUEST: &str = "urn:usher:scim:schemas:messages:2.0:InviteRequest";
/// Its answer.
pub const INVITE_RESPONSE: &str = "urn:usher:scim:schemas:messages:2.0:InviteResponse";
/// The answer of `GET …/Organizations/{id}/.deletion`.
pub const ORGANIZATION_DELETION: &str = "urn:usher:scim:schemas:messages:2.0:OrganizationDeletion";
/// The answer of `POST …/Organizations/{id}/.move`.
pub const ORGANIZATION_MOVED: &str = "urn:usher:scim:schemas:messages:2.0:OrganizationMoved";
