//! The lines of an invite request, each decided by itself: a bad line never harms the others, and the order of lines never
//! matters, because every person's facts were looked up in the same parent before the first decision.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::{Delivery, Group, Invitation, Invitee, Line, LineCode, LineError, Status};
use crate::base::{GroupId, InvitationId, OrgId, Timestamp, UserId, limit};
use crate::org::Org;

/// What was found out for the lines of one request.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// One per line: who that is in the parent.
    pub invitees: &'a [Option<Invitee>],
    /// By the id that the lines name.
    pub groups: &'a HashMap<String, GroupFact>,
    /// How many more invitations may be pending in this org.
    pub room: usize,
}

/// What is known of a group that a line names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupFact {
    /// The inviter may hand it out.
    Granted(GroupId, String),
    /// It is there, but not for this inviter to give.
    Forbidden,
}

/// A line that can become an invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    invitee: Invitee,
    groups: Vec<Group>,
    message: Option<String>,
    locale: Option<String>,
    lifetime: Duration,
}

/// One result per line, in the order of the lines.
///
/// Of lines that ask the same for the same person, the first counts. Where they ask for different things, none does: whose
/// wish it was cannot be told without letting the order of lines decide.
pub fn decide(lines: &[Line], facts: &Facts<'_>) -> Vec<Result<Draft, LineError>> {
    let found = facts.invitees.iter().map(Option::as_ref).chain(std::iter::repeat(None));
    let mut results: Vec<_> = lines.iter().zip(found).map(|(line, invitee)| one(line, invitee, facts.groups)).collect();
    refuse_duplicates(&mut results);
    let wanted = results.iter().filter(|result| result.is_ok()).count();
    if wanted > facts.room {
        let (room, most) = (facts.room, limit::INVITATIONS_PENDING_MAX);
        let detail =
            format!("{wanted} more invitations would be pending, there is room for {room} of {most} in this organization");
        for result in results.iter_mut().filter(|result| result.is_ok()) {
            *result = Err(LineError::new(LineCode::QuotaExceeded, detail.clone()));
        }
    }
    results
}

fn one(line: &Line, invitee: Option<&Invitee>, groups: &HashMap<String, GroupFact>) -> Result<Draft, LineError> {
    let fail = |code, detail: String| Err(LineError::new(code, detail));
    let name = &line.user_name;
    let Some(invitee) = invitee else {
        return fail(LineCode::UserNotInParent, format!("the parent organization has no user {name:?}"));
    };
    if !invitee.active {
        return fail(LineCode::UserInactive, format!("{name:?} is not active in the parent organization"));
    }
    if invitee.is_member {
        return fail(LineCode::AlreadyMember, format!("{name:?} is a member of this organization already"));
    }
    if let Some(id) = invitee.pending {
        return fail(LineCode::AlreadyInvited, format!("{name:?} is invited already, by invitation {id}"));
    }
    if invitee.email.as_ref().is_none_or(|email| email.trim().is_empty()) {
        return fail(LineCode::NoEmail, format!("{name:?} has no email address in the parent organization"));
    }
    let mut granted = Vec::with_capacity(line.groups.len());
    for id in &line.groups {
        match groups.get(id) {
            None => return fail(LineCode::GroupNotFound, format!("this organization has no group {id:?}")),
            Some(GroupFact::Forbidden) => {
                return fail(LineCode::GroupNotAllowed, format!("you may not invite into the group {id:?}"));
            }
            Some(GroupFact::Granted(id, display)) => {
                granted.push(Group { id: *id, display: display.clone(), exists: true });
            }
        }
    }
    Ok(Draft {
        invitee: invitee.clone(),
        groups: granted,
        message: line.message.clone(),
        locale: line.locale.clone().or_else(|| invitee.locale.clone()),
        lifetime: line.lifetime,
    })
}

/// By person and not by name: `Ada` and `ada` are one.
fn refuse_duplicates(results: &mut [Result<Draft, LineError>]) {
    let mut first: HashMap<UserId, Draft> = HashMap::new();
    let mut torn: HashSet<UserId> = HashSet::new();
    for draft in results.iter().flatten() {
        let seen = first.entry(draft.invitee.source).or_insert_with(|| draft.clone());
        if seen != draft {
            torn.insert(draft.invitee.source);
        }
    }
    for result in results {
        let Ok(draft) = result else { continue };
        let name = &draft.invitee.user_name;
        if torn.contains(&draft.invitee.source) {
            let detail = format!("{name:?} is named by several lines that ask for different things");
            *result = Err(LineError::new(LineCode::DuplicateLine, detail));
        } else if first.remove(&draft.invitee.source).is_none() {
            *result = Err(LineError::new(LineCode::DuplicateLine, format!("another line names {name:?} too")));
        }
    }
}

impl Draft {
    /// The invitation `id` of `org` to a user of its parent `source_org`.
    pub fn invitation(self, org: &Org, source_org: OrgId, inviter: &str, id: InvitationId, now: Timestamp) -> Invitation {
        Invitation {
            id,
            org: org.id,
            source_org,
            source: self.invitee.source,
            user_name: self.invitee.user_name,
            email: self.invitee.email.unwrap_or_default(),
            status: Status::Pending,
            generation: 1,
            groups: self.groups,
            message: self.message,
            locale: self.locale,
            inviter: inviter.to_owned(),
            expires_at: now + self.lifetime,
            ended_at: None,
            guest: None,
            delivery: Delivery { state: "queued".into(), attempts: 0, answer: None, sent_at: None, unclear: 0 },
            version: 1,
            created: now,
            last_modified: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn line(user_name: &str, groups: &[&str]) -> Line {
        Line {
            user_name: user_name.into(),
            groups: groups.iter().map(|group| (*group).into()).collect(),
            message: None,
            locale: None,
            lifetime: limit::INVITATION_LIFETIME,
        }
    }

    /// The parent's users: the name says what is the matter with them.
    fn invitee(user_name: &str) -> Option<Invitee> {
        let name = user_name.to_ascii_lowercase();
        (name != "nobody").then(|| Invitee {
            source: UserId(Uuid::from_u128(name.bytes().fold(7, |id, byte| id * 131 + u128::from(byte)))),
            user_name: name.clone(),
            active: name != "inactive",
            email: match name.as_str() {
                "mailless" => None,
                "blank" => Some(" ".into()),
                _ => Some(format!("{name}@acme.test")),
            },
            display_name: name.clone(),
            locale: Some("de".into()),
            is_member: name == "member",
            pending: (name == "invited").then(|| InvitationId(Uuid::from_u128(5))),
        })
    }

    fn run(lines: &[Line], room: usize) -> Vec<Result<Draft, LineError>> {
        let invitees: Vec<_> = lines.iter().map(|line| invitee(&line.user_name)).collect();
        let groups = HashMap::from([
            ("crew".to_owned(), GroupFact::Granted(GroupId(Uuid::from_u128(1)), "Crew".into())),
            ("board".to_owned(), GroupFact::Forbidden),
        ]);
        decide(lines, &Facts { invitees: &invitees, groups: &groups, room })
    }

    fn codes(lines: &[Line], room: usize) -> Vec<&'static str> {
        run(lines, room).into_iter().map(|result| result.map_or_else(|error| error.code.as_str(), |_| "invited")).collect()
    }

    #[test]
    fn each_line_fails_for_its_own_reason_and_harms_no_other() {
        for (bad, code) in [
            (line("nobody", &[]), "userNotInParent"),
            (line("inactive", &[]), "userInactive"),
            (line("member", &[]), "alreadyMember"),
            (line("invited", &[]), "alreadyInvited"),
            (line("mailless", &[]), "noEmail"),
            (line("blank", &[]), "noEmail"),
            (line("eve", &["crew", "gone"]), "groupNotFound"),
            (line("eve", &["board"]), "groupNotAllowed"),
        ] {
            let lines = [line("ada", &["crew"]), bad.clone(), line("bob", &[]), bad];
            assert_eq!(codes(&lines, 10), ["invited", code, "invited", code]);
        }
    }

    #[test]
    fn the_same_person_twice_is_invited_once() {
        let ada = line("ada", &["crew"]);
        assert_eq!(
            codes(&[ada.clone(), line("ADA", &["crew"]), ada.clone()], 10),
            ["invited", "duplicateLine", "duplicateLine"]
        );
        // With different wishes nobody can tell which was meant …
        assert_eq!(
            codes(&[ada.clone(), line("bob", &[]), line("ada", &[])], 10),
            ["duplicateLine", "invited", "duplicateLine"]
        );
        // … but a line that fails by itself is no wish.
        assert_eq!(codes(&[line("ada", &["gone"]), ada], 10), ["groupNotFound", "invited"]);
    }

    #[test]
    fn a_quota_that_does_not_hold_all_holds_none() {
        let lines = [line("ada", &[]), line("nobody", &[]), line("bob", &[]), line("ada", &[])];
        assert_eq!(codes(&lines, 2), ["invited", "userNotInParent", "invited", "duplicateLine"]);
        assert_eq!(codes(&lines, 1), ["quotaExceeded", "userNotInParent", "quotaExceeded", "duplicateLine"]);
    }

    #[test]
    fn a_created_invitation_is_for_the_parents_user_and_its_stored_address() {
        // V-34, V-45: by the id of the user, and to the address of the profile, not to what was typed.
        let mut asked = line("ADA", &["crew"]);
        asked.lifetime = Duration::from_secs(600);
        let draft = run(&[asked], 1).remove(0).expect("a good line");
        let org = crate::invite::tests::org();
        let parent = org.parent.expect("a child");
        let id = InvitationId(Uuid::from_u128(3));
        let invitation = draft.invitation(&org, parent, "Grace", id, Timestamp(1_000));
        assert_eq!((invitation.org, invitation.source_org), (org.id, parent));
        assert_eq!((invitation.user_name.as_str(), invitation.email.as_str()), ("ada", "ada@acme.test"));
        assert_eq!(Some(invitation.source), invitee("ada").map(|ada| ada.source));
        assert_eq!(invitation.expires_at, Timestamp(601_000));
        assert_eq!(invitation.locale.as_deref(), Some("de"), "the language of the profile");
    }

    proptest! {
        #[test]
        fn the_order_of_lines_never_matters(
            lines in proptest::collection::vec(
                (
                    proptest::sample::select(vec!["ada", "ADA", "bob", "eve", "nobody", "inactive", "member", "invited", "mailless"]),
                    proptest::sample::select(vec![&[][..], &["crew"], &["gone"], &["board", "crew"]]),
                ).prop_map(|(name, groups)| line(name, groups)),
                0..9,
            ).prop_flat_map(|lines| (Just(lines.clone()), Just(lines).prop_shuffle())),
            room in 0_usize..5,
        ) {
            // By person rather than by spelling: of equal lines the first counts, whichever spelling it has.
            let outcome = |lines: &[Line]| {
                let mut all: Vec<_> = lines.iter().map(|line| (line.user_name.to_lowercase(), line.groups.clone()))
                    .zip(codes(lines, room)).collect();
                all.sort();
                all
            };
            prop_assert_eq!(outcome(&lines.0), outcome(&lines.1));
        }
    }
}
