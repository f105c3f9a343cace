//! The protocol: RFC 7643 and RFC 7644 as pure functions over JSON values, driven by the published schemas.
//!
//! Nothing here knows an organization, a database or a socket. `directory` uses it to decide, `store` to compile filters,
//! `http` to answer.

pub mod error;
pub mod filter;
pub mod list;
pub mod resource;
pub mod urn;

pub use error::{Error, ScimType};
pub use resource::{Kind, Record, Reference};
