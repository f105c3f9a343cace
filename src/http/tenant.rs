//! The org of the path: `/t/{root}/o/{org}` is taken off here, and what is left is the same for every org.

use std::sync::Arc;

use crate::app::App;
use crate::base::OrgId;

/// The org that the path names. Whether it exists is asked together with the caller's rights: one probe, one answer.
#[derive(Clone)]
pub struct OrgContext {
    /// The use cases.
    pub app: Arc<App>,
    /// `{root}`.
    pub root: Arc<str>,
    /// `{org}`.
    pub org: OrgId,
    /// Public URL of the org's SCIM root, without a slash at the end.
    pub base: Arc<str>,
}
