//! Tokens: issuing, verifying, revoking.
