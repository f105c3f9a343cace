//! The caller of one request, after everything about it was checked.

use std::sync::Arc;

use super::{Error, Scope, ScopeSet, Subject};
use crate::base::{Timestamp, TokenId};
use crate::org::Org;
use crate::scim::{Noted, Schemas};

/// Who calls, in which org, with which rights. Only `App::token_verify` makes one from a bearer token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The one org that the token enters, the same as in the path.
    pub org: Arc<Org>,
    /// Whose rights these are.
    pub subject: Subject,
    /// `client_id`, for the logs; no right hangs on it.
    pub client_id: Option<String>,
    /// What it may do: what the token says, and of a person's what its groups give at this moment.
    pub scopes: ScopeSet,
    /// `jti`, if it is an id of ours.
    pub token: Option<TokenId>,
    /// `exp`.
    pub expires_at: Timestamp,
    /// The resource types of the org's tree, as they are for the whole request.
    pub schemas: Arc<Schemas>,
    /// What had to be forgiven of the request.
    pub noted: Noted,
    /// The request, where there is one.
    pub request: Option<Arc<str>>,
}

impl Principal {
    /// Default deny (S-51): 403 `insufficient_scope` unless the token carries `scope`.
    pub fn require(&self, scope: Scope) -> Result<(), Error> {
        if self.scopes.contains(scope) { Ok(()) } else { Err(Error::InsufficientScope(scope)) }
    }
}
