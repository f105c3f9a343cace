//! The one integration binary. Modules mirror the rooms; what concerns the whole server speaks to the real binary from outside:
//! `server` starts it, `smtp` receives its letters.

mod audit;
mod browser;
mod bulk;
mod cli;
mod clients;
mod compat;
mod coverage;
mod cursors;
mod deleted;
mod docs;
mod endpoints;
mod errors;
mod idempotency;
mod idp;
mod mail;
mod openapi;
mod orgs;
mod profiles;
mod requests;
mod rights;
mod scim_groups;
mod scim_http;
mod scim_manager;
mod scim_me;
mod scim_resources;
mod scim_root;
mod scim_schemas;
mod scim_users;
mod scopes;
mod server;
mod smtp;
mod store;
mod story;
mod tidy;
mod tokens;
