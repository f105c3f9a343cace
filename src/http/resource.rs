//! What bodies look like, for the OpenAPI document: markers, one per component.
//!
//! A resource is a JSON map whose schema is built from the SCIM schema that is enforced, rather than a derived struct:
//! extensions under their URN, `$ref` and attributes nobody foresaw stay what they are. `resource::attributes` translates those
//! definitions, `resource::message` writes down what is no resource, `resource::example` shows one of each.

mod attributes;
mod audit;
mod credentials;
mod deleted;
mod example;
mod mail;
mod message;
mod orgs;
mod requests;
mod settings;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};

use crate::scim::Schemas;

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
    ($($(#[$doc:meta])* $name:ident => $schema:expr),+ $(,)?) => {$(
        $(#[$doc])*
        pub struct $name;

        impl Shape for $name {
            const NAME: &'static str = stringify!($name);

            fn schema(registry: &mut Registry) -> MetaSchema {
                let schema: fn(&mut Registry) -> MetaSchema = $schema;
                MetaSchema { example: example::of(Self::NAME), ..schema(registry) }
            }
        }
    )+};
}

shapes! {
    /// RFC 7643 §4.1, with the extensions of this server.
    User => |registry| attributes::resource(registry, Schemas::core().user()),
    /// RFC 7643 §4.2.
    Group => |registry| attributes::resource(registry, Schemas::core().group()),
    /// An invitation of a user of the parent organization.
    Invitation => |registry| attributes::resource(registry, Schemas::core().invitation()),
    /// An organization below the one of the address.
    Organization => |registry| attributes::resource(registry, Schemas::core().organization()),
    /// OpenAPI 3.0.
    OpenApiDocument => |_| MetaSchema::new("object"),
    /// RFC 7644 §3.4.2, of users.
    UserListResponse => message::list::<User>,
    /// RFC 7644 §3.4.2, of groups.
    GroupListResponse => message::list::<Group>,
    /// RFC 7644 §3.4.2, of invitations.
    InvitationListResponse => message::list::<Invitation>,
    /// RFC 7644 §3.4.2, of organizations.
    OrganizationListResponse => message::list::<Organization>,
    /// What a deletion takes along.
    OrganizationDeletion => |_| orgs::deletion(),
    /// Where an organization is to stand.
    OrganizationMove => |_| orgs::move_request(),
    /// What a move ended, or would.
    OrganizationMoved => |_| orgs::moved(),
    /// A resource of any type.
    Resource => message::any,
    /// RFC 7644 §3.4.2, of all types.
    ResourceListResponse => message::list::<Resource>,
    /// RFC 7644 §3.5.2.
    PatchOp => message::patch_op,
    /// RFC 7644 §3.4.3.
    SearchRequest => |_| message::search_request(),
    /// RFC 7644 §3.7.
    BulkRequest => message::bulk_request,
    /// Its answer.
    BulkResponse => message::bulk_response,
    /// RFC 7644 §3.12.
    ScimError => |_| message::error(),
    /// Several invitations at once.
    InviteRequest => message::invite_request,
    /// One result per line of an [`InviteRequest`].
    InviteResponse => message::invite_response,
    /// How long a new link is to be good for.
    ResendRequest => |_| message::resend_request(),
    /// Why an invitation is taken back.
    RevokeRequest => |_| message::revoke_request(),
    /// The invitations that wait for oneself.
    MyInvitations => message::list::<InvitationPreview>,
    /// The secret of an invitation's link.
    InvitationCode => |_| message::code(),
    /// What the holder of a link may know of the invitation.
    InvitationPreview => |_| message::preview(),
    /// What an organization chose, and what holds there.
    Settings => |_| settings::settings(),
    /// A letter to look at.
    MailPreview => |_| mail::preview(),
    /// A letter to be tried.
    MailTest => |_| mail::test(),
    /// What came of it.
    MailTested => |_| mail::tested(),
    /// A line of the request log.
    LoggedRequest => |_| requests::line(),
    /// A page of the request log.
    LoggedRequests => requests::page,
    /// An entry of the audit log.
    AuditEntry => |_| audit::entry(),
    /// A page of the audit log.
    AuditEntries => audit::page,
    /// What had to be forgiven.
    QuirkCounts => |_| requests::counts(),
    /// A machine caller.
    Client => |_| credentials::client(),
    /// A page of clients.
    ClientList => |registry| message::page::<Client>(registry, "The oldest first."),
    /// Which client of the parent organization may enter, and for what.
    ClientAdmission => |_| credentials::admission(),
    /// Organizations that the caller may switch to.
    EnterableOrganizations => credentials::enterable,
    /// A token that is listed by its id.
    ProvisioningToken => |_| credentials::token(),
    /// A page of provisioning tokens.
    ProvisioningTokenList => |registry| message::page::<ProvisioningToken>(registry, "The newest first."),
    /// Whose tokens end.
    Revocation => |_| credentials::revocation(),
    /// What was deleted and can be restored.
    DeletedList => deleted::list,
    /// What a restoration came to.
    Restoration => deleted::restoration,
    /// RFC 7643 §5.
    ServiceProviderConfig => |registry| attributes::discovery(registry, 0),
    /// RFC 7643 §6.
    ResourceType => |registry| attributes::discovery(registry, 1),
    /// RFC 7644 §4, of resource types.
    ResourceTypeListResponse => message::list::<ResourceType>,
    /// RFC 7643 §7.
    Schema => |registry| attributes::discovery(registry, 2),
    /// RFC 7644 §4, of schemas.
    SchemaListResponse => message::list::<Schema>,
}
