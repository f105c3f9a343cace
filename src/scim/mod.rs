//! The protocol: RFC 7643 and RFC 7644 as pure functions over JSON values, driven by the published schemas.
//!
//! Nothing here knows an organization, a database or a socket. `directory` uses it to decide, `store` to compile filters,
//! `http` to answer.

pub mod bulk;
pub mod cursor;
pub mod discovery;
pub mod error;
pub mod etag;
pub mod filter;
pub mod json;
pub mod list;
pub mod patch;
pub mod path;
pub mod profile;
pub mod project;
pub mod render;
pub mod resource;
pub mod schema;
pub mod urn;
mod value;

pub use error::{Error, ScimType};
pub use profile::{Noted, Preset, Profile, Quirk, Quirks};
pub use resource::{Kind, Record, Reference};
pub use schema::{ResourceType, Schemas};
