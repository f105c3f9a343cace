//! What every room may use: ids, time, secrets, text folding and the bounds of everything.
//!
//! No I/O here. The clock and randomness are traits, so that a test can compare a whole reply, ids and timestamps included;
//! their real implementations are the only place that asks the machine.

pub mod clock;
pub mod id;
pub mod limit;
pub mod random;
pub mod secret;
pub mod text;

pub use clock::{Clock, SystemClock, Timestamp};
pub use id::{ClientId, GroupId, InvitationId, OrgId, TokenId, TypeId, UserId};
pub use random::{Random, SystemRandom};
pub use secret::Secret;
