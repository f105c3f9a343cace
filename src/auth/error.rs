//! Why somebody is not let in, in the terms of RFC 6750 and RFC 6749.

use super::{Scope, UnknownScope};

/// A refusal. The text names the rule and never repeats the token or the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// 401 without an error code (RFC 6750 §3.1): nothing was sent that could be checked.
    #[error("a bearer token is needed")]
    NoCredentials,
    /// 401 `invalid_token`.
    #[error("the token is refused: {0}")]
    InvalidToken(Refusal),
    /// 403 `insufficient_scope`.
    #[error("this needs the scope `{0}`")]
    InsufficientScope(Scope),
    /// 401: one and the same, whatever of it was wrong (SEC S-69).
    #[error("unknown user name, or not its password")]
    SignIn,
    /// 401: no session, or one that is over.
    #[error("nobody is signed in")]
    Session,
    /// 503: the keys of the token's issuer have never been loaded (F-39).
    #[error("the keys of the token's issuer are not available yet")]
    KeysUnavailable,
    /// 401 `invalid_client`: unknown client and wrong secret look alike.
    #[error("unknown client, or not its secret")]
    InvalidClient,
    /// 401 `invalid_client`: an assertion breaks a rule that no client's keys are needed for.
    #[error("the client assertion is refused: {0}")]
    Assertion(Refusal),
    /// 400 `invalid_request`: not one that can be exchanged.
    #[error("the subject token is not believed, or is none that this client can exchange")]
    SubjectToken,
    /// 400 `invalid_target`: no such org, or none for this subject; told alike (SEC S-29).
    #[error("there is no such organization for the subject of this token")]
    InvalidTarget,
    /// 400 `unauthorized_client`: another client's token.
    #[error("the token is not one of this client")]
    NotItsToken,
    /// 400: what was sent as the keys of a client is of no use.
    #[error("`jwks`: {0}")]
    ClientKeys(String),
    /// 400 `invalid_scope`: no such scope.
    #[error(transparent)]
    UnknownScope(#[from] UnknownScope),
    /// 400 `invalid_scope`: more than the client was given, or nothing at all.
    #[error("the scope `{0}` goes beyond what this client may ask for")]
    ScopeNotGranted(String),
}

/// The rule that a token breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// More than 8 KiB (SEC S-26).
    #[error("it is larger than 8192 bytes")]
    Size,
    /// Not three parts of unpadded base64url holding JSON objects (SEC S-21).
    #[error("it is not a signed JWT")]
    Form,
    /// A member occurs twice (SEC S-23).
    #[error("a member occurs twice")]
    Duplicate,
    /// `typ` is not that of an access token (SEC S-18).
    #[error("`typ` is not at+jwt")]
    Type,
    /// `crit`, `b64`, `zip` or `cty` (SEC S-21).
    #[error("its header asks for an extension that is not understood")]
    Extension,
    /// Not an algorithm that is allowed, or not that of the key (SEC S-14).
    #[error("`alg` is not that of the key")]
    Algorithm,
    /// No such key of this issuer (SEC S-16, S-22).
    #[error("`kid` names no key of its issuer")]
    Key,
    /// Not signed by the key (SEC S-15).
    #[error("the signature is not valid")]
    Signature,
    /// `iss` is none that is configured (SEC S-16).
    #[error("`iss` is not an issuer known here")]
    Issuer,
    /// `aud` does not contain us (SEC S-17).
    #[error("`aud` does not name this server")]
    Audience,
    /// `sub` is missing, empty or too long (SEC S-24).
    #[error("`sub` is missing")]
    Subject,
    /// `exp` has passed, or is missing (SEC S-20).
    #[error("it has expired")]
    Expired,
    /// `nbf` or `iat` lies ahead (SEC S-20).
    #[error("it is not valid yet")]
    Premature,
    /// `exp` − `iat` is more than this server allows (SEC S-11).
    #[error("its lifetime is too long")]
    Lifetime,
    /// `org_id` is missing, not an id, or none that this issuer may speak for (SEC S-50).
    #[error("`org_id` names no organization this issuer may speak for")]
    Org,
    /// A claim has the wrong type, or there are too many (SEC S-26, V-48).
    #[error("its claims do not have the expected form")]
    Claims,
    /// Revoked, or its subject is gone or not active (SEC S-27).
    #[error("it is revoked, or whom it stands for is not active")]
    Dead,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error::InvalidToken(refusal)
    }
}
