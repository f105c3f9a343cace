//! Invitations: create, answer, list, delete.
