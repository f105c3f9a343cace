//! Users: create, read, replace, patch, delete, list.
