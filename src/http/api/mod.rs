//! What an org has beside its directory: settings, mail, schemas, the request log, and what was deleted. Below `/t/{root}/o/{org}/api`; errors are SCIM's.

mod deleted;
mod mail;
mod requests;
mod schemas;
mod settings;

use poem_openapi::Tags;

pub use deleted::DeletedApi;
pub use mail::MailApi;
pub use requests::RequestsApi;
pub use schemas::SchemasApi;
pub use settings::SettingsApi;

/// Headings in the document.
#[derive(Tags)]
enum Tag {
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
}

/// The first segments of the paths, to tell them from those below `scim2`.
const PATHS: [&str; 8] =
    ["/deleted", "/mail", "/quirks", "/requests", "/settings", "/schemas", "/resource-types", "/openapi.json"];

/// Whether an operation at `path` stands below `api`.
pub(super) fn is_ours(path: &str) -> bool {
    PATHS.iter().any(|ours| path.strip_prefix(ours).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}
