//! What an org has beside its directory: settings, and what was deleted. Below `/t/{root}/o/{org}/api`, in plain JSON; errors are SCIM's.

mod deleted;
mod settings;

use poem_openapi::Tags;

pub use deleted::DeletedApi;
pub use settings::SettingsApi;

/// Headings in the document.
#[derive(Tags)]
enum Tag {
    /// What was deleted and can be restored for a while.
    Deleted,
    /// What the organization chose where the RFCs or its identity provider leave a choice.
    Settings,
}

/// The first segments of the paths, to tell them from those below `scim2`.
const PATHS: [&str; 2] = ["/deleted", "/settings"];

/// Whether an operation at `path` stands below `api`.
pub(super) fn is_ours(path: &str) -> bool {
    PATHS.iter().any(|ours| path.strip_prefix(ours).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}
