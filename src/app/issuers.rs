//! Issuers: whose tokens are believed in which org.
