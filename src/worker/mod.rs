//! The worker: carries letters out of the outbox and tends what time changes, beside the requests and never inside one.
//!
//! At least once: between the mail server's yes and the note of it lies a gap that SMTP cannot close, so a crash there sends
//! a letter twice, under one `Message-ID` (SEC F-16). `outbox` says when to try again, `mail` what a letter says.

pub mod carrier;
pub mod credentials;
pub mod keys;
pub mod log;
pub mod post;
pub mod purge;
mod smtp;
pub mod tend;

pub use carrier::carry;
pub use credentials::keep_credentials;
pub use keys::refresh_keys;
pub use log::log_requests;
pub use post::{MailSettings, Post, Tls, Transport};
pub use purge::{purge, sweep};
pub use tend::tend;

#[cfg(test)]
mod tests;
