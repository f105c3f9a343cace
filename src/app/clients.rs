//! Clients: making them.
