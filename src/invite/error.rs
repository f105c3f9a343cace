//! Why there is no invitation, or why it cannot be answered.

use crate::scim::{self, ScimType};

/// A refusal of a whole call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// 400: a root org has no parent.
    #[error("this is a root organization: it has no parent whose users it could invite")]
    Root,
    /// 400: no code was sent at all (V-39).
    #[error("`code` is missing: send the one from the link")]
    NoCode,
    /// 404: no such invitation, or the code is not its own.
    #[error("there is no invitation with this code")]
    Unknown,
    /// 410: its time has passed.
    #[error("the invitation has expired")]
    Expired,
    /// 410: the inviter took it back.
    #[error("the invitation was revoked")]
    Revoked,
    /// 410: it was accepted before.
    #[error("the invitation was used already")]
    Used,
    /// 410: it was declined before.
    #[error("the invitation was declined")]
    Declined,
    /// 409: the invitee or one of the two organizations is not active at present.
    #[error("the invitation cannot be accepted now: the invited user or an organization is not active")]
    Inactive,
}

/// Why one line of a request does not become an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineCode {
    /// The parent has no user of this name.
    UserNotInParent,
    /// The parent's user is not active.
    UserInactive,
    /// The parent's user has no address to write to.
    NoEmail,
    /// The user is a guest of this org already.
    AlreadyMember,
    /// A live invitation waits for the user's answer.
    AlreadyInvited,
    /// Another line of the request names the same user.
    DuplicateLine,
    /// This org has no such group.
    GroupNotFound,
    /// The inviter may not hand out this group.
    GroupNotAllowed,
    /// This org has too many pending invitations.
    QuotaExceeded,
}

impl LineCode {
    /// Every code there is.
    pub const ALL: [LineCode; 9] = [
        LineCode::UserNotInParent,
        LineCode::UserInactive,
        LineCode::NoEmail,
        LineCode::AlreadyMember,
        LineCode::AlreadyInvited,
        LineCode::DuplicateLine,
        LineCode::GroupNotFound,
        LineCode::GroupNotAllowed,
        LineCode::QuotaExceeded,
    ];

    /// The spelling on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            LineCode::UserNotInParent => "userNotInParent",
            LineCode::UserInactive => "userInactive",
            LineCode::NoEmail => "noEmail",
            LineCode::AlreadyMember => "alreadyMember",
            LineCode::AlreadyInvited => "alreadyInvited",
            LineCode::DuplicateLine => "duplicateLine",
            LineCode::GroupNotFound => "groupNotFound",
            LineCode::GroupNotAllowed => "groupNotAllowed",
            LineCode::QuotaExceeded => "quotaExceeded",
        }
    }
}

/// A [`LineCode`] with a sentence about this line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct LineError {
    /// To branch on.
    pub code: LineCode,
    /// To read.
    pub detail: String,
}

impl LineError {
    pub(super) fn new(code: LineCode, detail: impl Into<String>) -> Self {
        LineError { code, detail: detail.into() }
    }
}

impl From<LineError> for scim::Error {
    /// The same refusal for who creates a single invitation in plain SCIM.
    fn from(error: LineError) -> Self {
        match error.code {
            LineCode::AlreadyMember | LineCode::AlreadyInvited | LineCode::DuplicateLine => {
                scim::Error { status: 409, scim_type: Some(ScimType::Uniqueness), detail: error.detail }
            }
            LineCode::GroupNotAllowed | LineCode::QuotaExceeded => scim::Error::status(403, error.detail),
            LineCode::UserNotInParent | LineCode::UserInactive | LineCode::NoEmail | LineCode::GroupNotFound => {
                scim::Error::bad(ScimType::InvalidValue, error.detail)
            }
        }
    }
}
