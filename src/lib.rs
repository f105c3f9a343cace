//! Usher: SCIM 2.0 provisioning for hierarchies of organizations.
//!
//! Rooms in the order in which they may use one another, lowest first; `tests/it/tidy.rs` holds the order. ARCHITECTURE.md is
//! the map.

pub mod app;
pub mod auth;
pub mod base;
pub mod cli;
pub mod config;
pub mod console;
pub mod directory;
pub mod http;
pub mod invite;
pub mod mail;
pub mod org;
pub mod outbox;
pub mod scim;
pub mod serve;
pub mod store;
pub mod worker;

/// Serving is many small allocations: with this one, creates at 64 connections gain a fifth and look-ups a tenth.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
