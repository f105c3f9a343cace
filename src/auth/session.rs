//! Sessions: somebody signed in with a password, and a browser holds a secret for it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::base::{OrgId, Timestamp, UserId};

/// How long a session lasts at the most.
pub const LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// How long one lasts that nobody uses.
pub const IDLE: Duration = Duration::from_secs(2 * 3600);
/// How exact the last use of one is.
pub const SEEN: Duration = Duration::from_secs(5 * 60);

/// `client_id` of who comes by a session.
pub const CLIENT: &str = "usher-console";

/// Keeps these codes apart from whatever else is derived from the key.
const CONTEXT: &[u8] = b"usher session csrf";

/// SHA-256 of a session's secret, by which it is found.
pub type SessionId = [u8; 32];

/// A session, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// By which it is found.
    pub id: SessionId,
    /// The org of the user at home.
    pub org: OrgId,
    /// The user at home.
    pub user: UserId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, as far as that was written down.
    pub seen_at: Timestamp,
    /// When it ends, used or not.
    pub expires_at: Timestamp,
}

impl Session {
    /// Whether it is over at `now`. A clock that went back opens none again that began later.
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.expires_at || now >= self.seen_at + IDLE
    }
}

/// By which the session with this secret is found.
pub fn id(secret: &str) -> SessionId {
    Sha256::digest(secret.as_bytes()).into()
}

/// What a form of this session must carry: base64url of HMAC-SHA-256 over context and secret. Whoever cannot read the cookie cannot
/// know it.
pub fn csrf(key: &[u8; 32], secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(CONTEXT);
    mac.update(secret.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}
