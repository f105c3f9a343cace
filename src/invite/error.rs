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
    /// 409: the invitee or one of the two organizations is not active at present, or the parent lets nobody invite the user.
    #[error("the invitation cannot be accepted now: the user or an organization is not active, or the user may not be invited")]
    Inactive,
    /// 409: a group of it is gone, or the inviter may no longer give it, and the org wants all or none.
    #[error("the invitation cannot be accepted: not all of its groups can be given any more, ask for a new one")]
    MissingGroups,
    /// 401: the code alone does not do.
    #[error("this organization wants the invited user to sign in: send a token of that user, from the parent organization")]
    SignIn,
    /// 403: the token is somebody else's.
    #[error("the token is not that of the invited user")]
    NotInvitee,
    /// As the same refusal of a first invitation: the invitee cannot be written to any more.
    #[error(transparent)]
    Barred(LineError),
    /// 429: a letter went out only just now.
    #[error("a letter was sent a moment ago, wait {0} seconds")]
    TooSoon(u64),
    /// 429: the day's quota is used up.
    #[error("the quota of invitations is used up for today")]
    Quota,
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
    /// This org has too many pending invitations, or has sent too many today.
    QuotaExceeded,
    /// The parent lets nobody invite this user; or it does not tell why not.
    NotInvitable,
}

impl LineCode {
    /// Every code there is.
    pub const ALL: [LineCode; 10] = [
        LineCode::UserNotInParent,
        LineCode::UserInactive,
        LineCode::NoEmail,
        LineCode::AlreadyMember,
        LineCode::AlreadyInvited,
        LineCode::DuplicateLine,
        LineCode::GroupNotFound,
        LineCode::GroupNotAllowed,
        LineCode::QuotaExceeded,
        LineCode::NotInvitable,
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
            LineCode::NotInvitable => "notInvitable",
        }
    }

    /// Whether it tells something of the parent's users, which the parent may not want to be told.
    pub fn tells_of_parent(self) -> bool {
        use LineCode::{DuplicateLine, NoEmail, NotInvitable, UserInactive, UserNotInParent};
        matches!(self, UserNotInParent | UserInactive | NoEmail | NotInvitable | DuplicateLine)
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
            LineCode::GroupNotAllowed | LineCode::QuotaExceeded | LineCode::NotInvitable => {
                scim::Error::status(403, error.detail)
            }
            LineCode::UserNotInParent | LineCode::UserInactive | LineCode::NoEmail | LineCode::GroupNotFound => {
                scim::Error::bad(ScimType::InvalidValue, error.detail)
            }
        }
    }
}
