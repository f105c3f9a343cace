//! Groups: create, read, replace, patch, delete, list.
