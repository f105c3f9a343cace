//! Why a use case refused: the rooms' errors side by side, and what a caller should do about each.

use crate::scim::ScimType;
use crate::{auth, invite, scim, store};

/// A refusal, or a failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// In the protocol's own terms, with its status.
    #[error(transparent)]
    Scim(#[from] scim::Error),
    /// Not believed, or not entitled.
    #[error(transparent)]
    Auth(#[from] auth::Error),
    /// An invitation cannot be made or answered.
    #[error(transparent)]
    Invite(invite::Error),
    /// The store refused or failed.
    #[error(transparent)]
    Store(store::Error),
    /// The client insisted on a version that is not the present one (V-03).
    #[error("the resource has another version than `If-Match` asks for")]
    Precondition,
    /// The same request is being carried out (B-16).
    #[error("the request of this `Idempotency-Key` is under way")]
    UnderWay,
    /// Too many requests, or too many wrong credentials, in too short a time.
    #[error("too many, try again in {seconds} seconds")]
    TooMany {
        /// How long to wait.
        seconds: u32,
    },
    /// A task of this process failed; nothing is known of its work.
    #[error("{0} failed")]
    Task(&'static str),
}

/// What shall the program do? `http::error` turns it into a status, the text of the error into the `detail`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request is wrong; a [`scim::Error`] knows its status and `scimType`.
    Scim,
    /// Not let in: an [`auth::Error`] knows the words of RFC 6750 or RFC 6749 for it.
    Auth,
    /// Not there, or another org's: 404.
    NotFound,
    /// It was there and has ended: 410.
    Gone,
    /// It is another's to do: 403.
    Forbidden,
    /// Too often; try again later: 429.
    TooOften,
    /// It clashes with what is there: 409.
    Conflict,
    /// `If-Match` does not hold: 412.
    Precondition,
    /// Too much at once; try again: 503.
    Busy,
    /// Our fault; the text stays in the log: 500.
    Failure,
}

impl From<invite::Error> for Error {
    fn from(error: invite::Error) -> Self {
        match error {
            // What is wrong with the request itself is said in the protocol's terms.
            invite::Error::Root | invite::Error::NoCode => Error::Scim(scim::Error::status(400, error.to_string())),
            invite::Error::Barred(error) => Error::Scim(error.into()),
            error => Error::Invite(error),
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::TooMuch => Error::Scim(scim::Error::bad(ScimType::TooMany, error.to_string())),
            store::Error::NotHeld { .. } | store::Error::NotHeldByPassword { .. } => {
                Error::Scim(scim::Error::status(403, error.to_string()))
            }
            // C-13: named as it was written.
            store::Error::ValueTaken { attribute, value } => Error::Scim(scim::Error::taken(&attribute, &value)),
            error => Error::Store(error),
        }
    }
}

impl Error {
    /// What shall the program do?
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Scim(_) => ErrorKind::Scim,
            Error::Auth(_) => ErrorKind::Auth,
            Error::Store(error) => match error {
                store::Error::TooMuch => ErrorKind::Scim,
                store::Error::NotHeld { .. } | store::Error::NotHeldByPassword { .. } => ErrorKind::Scim,
                store::Error::NotFound => ErrorKind::NotFound,
                store::Error::Stale | store::Error::Taken { .. } | store::Error::NoSource => ErrorKind::Conflict,
                store::Error::NoSuchMember(_) | store::Error::MemberCycle(_) => ErrorKind::Conflict,
                store::Error::ValueTaken { .. } | store::Error::InUse(_) => ErrorKind::Conflict,
                store::Error::Busy | store::Error::SchemasChanged => ErrorKind::Busy,
                store::Error::Engine(_) => ErrorKind::Failure,
            },
            Error::Invite(error) => match error {
                invite::Error::Root | invite::Error::NoCode | invite::Error::Barred(_) => ErrorKind::Scim,
                invite::Error::Unknown => ErrorKind::NotFound,
                invite::Error::Expired | invite::Error::Revoked => ErrorKind::Gone,
                invite::Error::Used | invite::Error::Declined => ErrorKind::Gone,
                invite::Error::Inactive | invite::Error::MissingGroups => ErrorKind::Conflict,
                invite::Error::SignIn => ErrorKind::Auth,
                invite::Error::NotInvitee => ErrorKind::Forbidden,
                invite::Error::TooSoon(_) | invite::Error::Quota => ErrorKind::TooOften,
            },
            Error::Precondition => ErrorKind::Precondition,
            Error::UnderWay => ErrorKind::Conflict,
            Error::TooMany { .. } => ErrorKind::TooOften,
            Error::Task(_) => ErrorKind::Failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_the_engine_is_ours_and_a_missing_row_is_not() {
        let engine = store::Error::Engine("disk I/O error".into());
        assert_eq!(Error::from(engine).kind(), ErrorKind::Failure);
        assert_eq!(Error::from(store::Error::NotFound).kind(), ErrorKind::NotFound);
        assert_eq!(Error::from(store::Error::Busy).kind(), ErrorKind::Busy);
        let Error::Scim(costly) = Error::from(store::Error::TooMuch) else { panic!("F-31: the client asked for it") };
        assert_eq!((costly.status, costly.scim_type), (400, Some(ScimType::TooMany)));
        assert_eq!(Error::from(scim::Error::not_found()).kind(), ErrorKind::Scim);
    }
}
