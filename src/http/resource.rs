//! What bodies look like, for the OpenAPI document: markers whose schemas are built from the SCIM schemas that are enforced.
//!
//! A resource is a JSON map with a schema registered by hand rather than a derived struct: extensions under their URN, `$ref`
//! and attributes nobody foresaw stay what they are.

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};

/// A body with a name in the OpenAPI document.
pub trait Shape: Sized + 'static {
    /// The component's name.
    const NAME: &'static str;

    /// The component itself; registers what it refers to.
    fn schema(registry: &mut Registry) -> MetaSchema;

    /// How others refer to it.
    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Reference(Self::NAME.to_owned())
    }

    /// Adds it to the document, once.
    fn register(registry: &mut Registry) {
        registry.create_schema::<Self, _>(Self::NAME.to_owned(), Self::schema);
    }
}

macro_rules! shapes {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        pub struct $name;

        impl Shape for $name {
            const NAME: &'static str = stringify!($name);

            fn schema(_: &mut Registry) -> MetaSchema {
                MetaSchema::new("object")
            }
        }
    )+};
}

shapes! {
    /// RFC 7643 §4.1, with the extensions of this server.
    User,
    /// RFC 7643 §4.2.
    Group,
    /// An invitation of a user of the parent organization.
    Invitation,
    /// RFC 7644 §3.4.2, of users.
    UserListResponse,
    /// RFC 7644 §3.4.2, of groups.
    GroupListResponse,
    /// RFC 7644 §3.4.2, of invitations.
    InvitationListResponse,
    /// RFC 7644 §3.5.2.
    PatchOp,
    /// RFC 7644 §3.4.3.
    SearchRequest,
    /// RFC 7644 §3.12.
    ScimError,
    /// Several invitations at once.
    InviteRequest,
    /// One result per line of an [`InviteRequest`].
    InviteResponse,
    /// The secret of an invitation's link.
    InvitationCode,
    /// What the holder of a link may know of the invitation.
    InvitationPreview,
    /// RFC 7643 §5.
    ServiceProviderConfig,
    /// RFC 7643 §6.
    ResourceType,
    /// RFC 7644 §4, of resource types.
    ResourceTypeListResponse,
    /// RFC 7643 §7.
    Schema,
    /// RFC 7644 §4, of schemas.
    SchemaListResponse,
}
