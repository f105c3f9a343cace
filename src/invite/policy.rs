//! What an org and its parent chose about invitations.

use std::collections::HashSet;
use std::time::Duration;

use super::Invitee;
use crate::base::{GroupId, Timestamp, limit, text};
use crate::org::{Choices, Setting};

/// What holds in the inviting org.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long an invitation is good for where the inviter does not say.
    pub lifetime: Duration,
    /// The shortest and the longest that an inviter may choose.
    pub lifetimes: (Duration, Duration),
    /// How many may be sent.
    pub quota: Quota,
    /// What acceptance does where a group cannot be given.
    pub missing_groups: MissingGroups,
    /// What the invitee has to show.
    pub sign_in: SignIn,
    /// How long before the end of an unanswered invitation the invitee is written to once more; never, where none.
    pub remind_before: Option<Duration>,
    /// How long the rows of ended invitations are kept.
    pub kept: Duration,
}

/// Letters of one org in one day (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// To everybody.
    pub per_day: u32,
    /// To one person.
    pub per_recipient: u32,
}

/// What acceptance does where a group has vanished, or the inviter may no longer give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingGroups {
    /// Makes the guest without it, and says so.
    Skip,
    /// Refuses.
    Block,
}

/// What the invitee has to show beside the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// Nothing: who has the link is the invitee.
    Link,
    /// A token of the invited user, from the parent org.
    SignIn,
}

/// What the parent org says about invitations of its users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParentPolicy {
    /// Whether inviters are told one and the same of everybody whom they cannot invite.
    pub is_opaque: bool,
    /// Keys of the names of users who cannot be invited.
    pub names: HashSet<String>,
    /// Groups whose members cannot be invited, nor those of the groups in them.
    pub groups: Vec<GroupId>,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            lifetime: limit::INVITATION_LIFETIME,
            lifetimes: (limit::INVITATION_LIFETIME_MIN, limit::INVITATION_LIFETIME_MAX),
            quota: Quota { per_day: limit::INVITATIONS_A_DAY, per_recipient: limit::INVITATIONS_A_DAY_TO_ONE },
            missing_groups: MissingGroups::Skip,
            sign_in: SignIn::Link,
            remind_before: Some(limit::REMINDER),
            kept: limit::INVITATIONS_KEPT,
        }
    }
}

impl Policy {
    /// As the org chose; what nobody chose is the default, within the bounds that somebody did choose.
    pub fn of(choices: &Choices) -> Policy {
        let default = Policy::default();
        let seconds = |setting| choices.number(setting).map(Duration::from_secs);
        let count = |setting, otherwise| choices.number(setting).map_or(otherwise, |n| u32::try_from(n).unwrap_or(u32::MAX));
        let least = seconds(Setting::InvitationLifetimeMin).unwrap_or(default.lifetimes.0);
        let most = seconds(Setting::InvitationLifetimeMax).unwrap_or(default.lifetimes.1).max(least);
        Policy {
            lifetime: seconds(Setting::InvitationLifetime).unwrap_or(default.lifetime).clamp(least, most),
            lifetimes: (least, most),
            quota: Quota {
                per_day: count(Setting::InvitationsPerDay, default.quota.per_day),
                per_recipient: count(Setting::InvitationsPerRecipient, default.quota.per_recipient),
            },
            missing_groups: match choices.text(Setting::InvitationMissingGroups) {
                Some("block") => MissingGroups::Block,
                _ => MissingGroups::Skip,
            },
            sign_in: match choices.text(Setting::InvitationAnswer) {
                Some("sign-in") => SignIn::SignIn,
                _ => SignIn::Link,
            },
            remind_before: match seconds(Setting::InvitationReminder) {
                Some(Duration::ZERO) => None,
                chosen => chosen.or(default.remind_before),
            },
            kept: choices.number(Setting::InvitationsKept).map_or(default.kept, |days| Duration::from_secs(days * 24 * 3600)),
        }
    }

    /// When an invitation that is sent now and ends at `expires_at` is reminded of. One that is as short as the notice is not.
    pub fn remind_at(&self, now: Timestamp, expires_at: Timestamp) -> Option<Timestamp> {
        self.remind_before.map(|before| expires_at - before).filter(|at| *at > now)
    }
}

impl ParentPolicy {
    /// As the parent chose.
    pub fn of(choices: &Choices) -> ParentPolicy {
        ParentPolicy {
            is_opaque: choices.flag(Setting::InviteesOpaque) == Some(true),
            names: choices.texts(Setting::InviteesNames).map(text::user_name_key).collect(),
            groups: choices.texts(Setting::InviteesGroups).filter_map(|id| id.parse().ok()).collect(),
        }
    }

    /// Whether it lets nobody invite this user.
    pub fn shields(&self, invitee: &Invitee) -> bool {
        invitee.is_shielded || self.names.contains(&text::user_name_key(&invitee.user_name))
    }
}

/// When an invitation ends that is good to `expires_at`: no later than the membership which it makes, for nobody could accept
/// it then.
pub(super) fn end(expires_at: Timestamp, until: Option<Timestamp>) -> Timestamp {
    until.map_or(expires_at, |until| expires_at.min(until))
}
