//! HTTP: routes, media types, authentication of callers, and the form of every answer.
//!
//! Nothing is decided here: a handler reads the request, calls one use case of `app` and writes the answer. `routes` assembles
//! the whole; `error` is the only place that turns kinds of errors into statuses.

pub mod answer;
pub mod api;
mod compat;
mod console;
pub mod docs;
pub mod error;
mod exchange;
pub mod guard;
mod guardrail;
mod health;
mod invitation_page;
pub mod oauth;
mod operations;
pub mod payload;
pub mod resource;
pub mod routes;
pub mod scim;
pub mod tenant;

pub use answer::{Answered, Changed, Created, Deleted, Fetched, Preference};
pub use docs::openapi_document;
pub use error::Rejection;
pub use guard::{Authed, OAuthScope};
pub use payload::ScimBody;
pub use routes::{Documentation, routes};
pub use tenant::OrgContext;

#[cfg(test)]
mod tests;
