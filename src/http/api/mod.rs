//! What an org has beside its directory: settings, mail, schemas, clients and tokens, the request log, the audit log, and what was deleted. Below
//! `/t/{root}/o/{org}/api`; errors are SCIM's.

mod audit;
mod clients;
mod deleted;
mod mail;
mod page;
pub(super) mod requests;
mod schemas;
mod settings;
mod tokens;

use poem_openapi::Tags;

pub use audit::AuditApi;
pub use clients::ClientsApi;
pub use deleted::DeletedApi;
pub use mail::MailApi;
pub use requests::RequestsApi;
pub use schemas::SchemasApi;
pub use settings::SettingsApi;
pub use tokens::TokensApi;

/// Headings in the document.
#[derive(Tags)]
enum Tag {
    /// Who did what, and who was refused.
    Audit,
    /// Machine callers, with their own credentials and scopes.
    Clients,
    /// What was deleted and can be restored for a while.
    Deleted,
    /// What the organization's letters look like, and whether they get out.
    Mail,
    /// What the organization was asked, and what had to be forgiven.
    Requests,
    /// What the organization chose where the RFCs or its identity provider leave a choice.
    Settings,
    /// Schemas and resource types that the tree defines for itself.
    Schemas,
    /// Tokens that are listed by their id, for those who can only paste one; and the end of any token.
    ProvisioningTokens,
}

/// The first segments of the paths, to tell them from those below `scim2`.
const PATHS: [&str; 12] = [
    "/clients",
    "/audit",
    "/deleted",
    "/enterable-organizations",
    "/mail",
    "/quirks",
    "/requests",
    "/settings",
    "/schemas",
    "/resource-types",
    "/tokens",
    "/openapi.json",
];

/// Whether an operation at `path` stands below `api`.
pub(super) fn is_ours(path: &str) -> bool {
    PATHS.iter().any(|ours| path.strip_prefix(ours).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}
