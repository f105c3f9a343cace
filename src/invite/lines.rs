//! The lines of an invite request, each decided by itself: a bad line never harms the others, and the order of lines never
//! matters, because every person's facts were looked up in the same parent before the first decision.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::{Delivery, EXTERNAL, Group, Invitation, Invitee, Line, LineCode, LineError, ParentPolicy, Policy, Status, policy};
use crate::base::{GroupId, InvitationId, OrgId, Timestamp, UserId, limit};
use crate::org::Org;

/// What was found out for the lines of one request.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// One per line: who that is in the parent.
    pub invitees: &'a [Option<Invitee>],
    /// By the id that the lines name.
    pub groups: &'a HashMap<String, GroupFact>,
    /// How many invitations are pending in this org.
    pub pending: usize,
    /// How many it has sent today, resent ones included.
    pub today: u32,
    /// What the org chose.
    pub policy: &'a Policy,
    /// What its parent did.
    pub parent: &'a ParentPolicy,
    /// Who brings the code to the invitee.
    pub sender: Sender,
}

/// Who brings the code to the invitee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// This server, by mail.
    Usher,
    /// Whoever asked, who gets the code for it.
    Caller,
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
    until: Option<Timestamp>,
}

/// One result per line, in the order of the lines, with the true reason of each failure; [`veiled`] is what may be told.
///
/// Of lines that ask the same for the same person, the first counts. Where they ask for different things, none does: whose
/// wish it was cannot be told without letting the order of lines decide.
pub fn decide(lines: &[Line], facts: &Facts<'_>) -> Vec<Result<Draft, LineError>> {
    let found = facts.invitees.iter().map(Option::as_ref).chain(std::iter::repeat(None));
    let mut results: Vec<_> = lines.iter().zip(found).map(|(line, invitee)| one(line, invitee, facts)).collect();
    refuse_duplicates(&mut results);
    // Where nobody may learn who exists, those who do not use up the quota as well.
    let counts = |result: &Result<Draft, LineError>| match result {
        Ok(_) => true,
        Err(error) => facts.parent.is_opaque && error.code.tells_of_parent(),
    };
    let wanted = results.iter().filter(|result| counts(result)).count();
    let room = limit::INVITATIONS_PENDING_MAX.saturating_sub(facts.pending);
    let a_day = usize::try_from(facts.policy.quota.per_day).unwrap_or(usize::MAX);
    let today = a_day.saturating_sub(usize::try_from(facts.today).unwrap_or(usize::MAX));
    let detail = if wanted > room {
        let most = limit::INVITATIONS_PENDING_MAX;
        format!("{wanted} more invitations would be pending, there is room for {room} of {most} in this organization")
    } else if wanted > today {
        format!("{wanted} more invitations, {today} of {a_day} are left to this organization for today (UTC)")
    } else {
        return results;
    };
    for result in results.iter_mut().filter(|result| counts(result)) {
        *result = Err(LineError::new(LineCode::QuotaExceeded, detail.clone()));
    }
    results
}

/// What the inviter is told instead of `error` where the parent wants all failures to look alike.
pub fn veiled(error: LineError) -> LineError {
    match error.code.tells_of_parent() {
        true => LineError::new(LineCode::NotInvitable, "this user cannot be invited"),
        false => error,
    }
}

fn one(line: &Line, invitee: Option<&Invitee>, facts: &Facts<'_>) -> Result<Draft, LineError> {
    let fail = |code, detail: String| Err(LineError::new(code, detail));
    // Before anything is said of the person: a bad group must not tell who exists.
    let mut granted = Vec::with_capacity(line.groups.len());
    for id in &line.groups {
        match facts.groups.get(id) {
            None => return fail(LineCode::GroupNotFound, format!("this organization has no group {id:?}")),
            Some(GroupFact::Forbidden) => {
                return fail(LineCode::GroupNotAllowed, format!("you may not invite into the group {id:?}"));
            }
            Some(GroupFact::Granted(id, display)) => {
                granted.push(Group { id: *id, display: display.clone(), exists: true, is_given: None });
            }
        }
    }
    let name = &line.user_name;
    let Some(invitee) = invitee else {
        return fail(LineCode::UserNotInParent, format!("the parent organization has no user {name:?}"));
    };
    if invitee.is_member {
        return fail(LineCode::AlreadyMember, format!("{name:?} is a member of this organization already"));
    }
    if let Some(id) = invitee.pending {
        return fail(LineCode::AlreadyInvited, format!("{name:?} is invited already, by invitation {id}"));
    }
    barred(invitee, facts.parent, facts.sender)?;
    let most = facts.policy.quota.per_recipient;
    if invitee.today >= most {
        return fail(
            LineCode::QuotaExceeded,
            format!("{name:?} has been written to {most} times today (UTC), no more is allowed"),
        );
    }
    Ok(Draft {
        invitee: invitee.clone(),
        groups: granted,
        message: line.message.clone(),
        locale: line.locale.clone(),
        lifetime: line.lifetime,
        until: line.until,
    })
}

/// Refuses whoever cannot be invited as the parent has it now, by a first letter or by another one.
pub(super) fn barred(invitee: &Invitee, parent: &ParentPolicy, sender: Sender) -> Result<(), LineError> {
    let name = &invitee.user_name;
    let (code, detail) = if !invitee.active {
        (LineCode::UserInactive, format!("{name:?} is not active in the parent organization"))
    } else if parent.shields(invitee) {
        (LineCode::NotInvitable, format!("the parent organization lets nobody invite {name:?}"))
    } else if invitee.email.is_none() && sender == Sender::Usher {
        (LineCode::NoEmail, format!("{name:?} has no email address in the parent organization"))
    } else {
        return Ok(());
    };
    Err(LineError::new(code, detail))
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

/// Who invites, as the invitation remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inviter {
    /// The name, for people.
    pub name: String,
    /// As the log of changes names it.
    pub subject: String,
}

impl Draft {
    /// The invitation `id` of `org` to a user of its parent `source_org`.
    pub fn invitation(
        self,
        org: &Org,
        source_org: OrgId,
        inviter: &Inviter,
        id: InvitationId,
        facts: (&Policy, Sender),
        now: Timestamp,
    ) -> Invitation {
        let (chosen, sender) = facts;
        let expires_at = policy::end(now + self.lifetime, self.until);
        let state = match sender {
            Sender::Usher => "queued",
            Sender::Caller => EXTERNAL,
        };
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
            inviter: inviter.name.clone(),
            inviter_subject: Some(inviter.subject.clone()),
            expires_at,
            until: self.until,
            ended_at: None,
            ending: None,
            guest: None,
            delivery: Delivery { state: state.into(), attempts: 0, answer: None, sent_at: None, unclear: 0 },
            // Where no letter has gone out, none has to wait for it.
            letter_at: if sender == Sender::Usher { now } else { Timestamp(0) },
            remind_at: chosen.remind_at(now, expires_at).filter(|_| sender == Sender::Usher),
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
            until: None,
        }
    }

    /// The parent's users: the name says what is the matter with them.
    fn invitee(user_name: &str) -> Option<Invitee> {
        let name = user_name.to_ascii_lowercase();
        (name != "nobody").then(|| Invitee {
            source: UserId(Uuid::from_u128(name.bytes().fold(7, |id, byte| id * 131 + u128::from(byte)))),
            user_name: name.clone(),
            active: name != "inactive",
            email: (name != "mailless").then(|| format!("{name}@acme.test")),
            is_member: name == "member",
            pending: (name == "invited").then(|| InvitationId(Uuid::from_u128(5))),
            today: if name == "bothered" { 20 } else { 19 },
            is_shielded: name == "shielded",
        })
    }

    struct World {
        pending: usize,
        today: u32,
        is_opaque: bool,
        sender: Sender,
    }

    const QUIET: World = World { pending: 0, today: 0, is_opaque: false, sender: Sender::Usher };

    fn run(lines: &[Line], world: &World) -> Vec<Result<Draft, LineError>> {
        let invitees: Vec<_> = lines.iter().map(|line| invitee(&line.user_name)).collect();
        let groups = HashMap::from([
            ("crew".to_owned(), GroupFact::Granted(GroupId(Uuid::from_u128(1)), "Crew".into())),
            ("board".to_owned(), GroupFact::Forbidden),
        ]);
        let parent = ParentPolicy { is_opaque: world.is_opaque, names: ["ceo".to_owned()].into(), groups: vec![] };
        let facts = Facts {
            invitees: &invitees,
            groups: &groups,
            pending: world.pending,
            today: world.today,
            policy: &Policy::default(),
            parent: &parent,
            sender: world.sender,
        };
        decide(lines, &facts)
    }

    fn codes_in(lines: &[Line], world: &World) -> Vec<&'static str> {
        let told = |error| if world.is_opaque { veiled(error) } else { error };
        run(lines, world)
            .into_iter()
            .map(|result| result.map_or_else(|error| told(error).code.as_str(), |_| "invited"))
            .collect()
    }

    fn codes(lines: &[Line], room: usize) -> Vec<&'static str> {
        codes_in(lines, &World { pending: limit::INVITATIONS_PENDING_MAX - room, ..QUIET })
    }

    #[test]
    fn each_line_fails_for_its_own_reason_and_harms_no_other() {
        for (bad, code) in [
            (line("nobody", &[]), "userNotInParent"),
            (line("inactive", &[]), "userInactive"),
            (line("member", &[]), "alreadyMember"),
            (line("invited", &[]), "alreadyInvited"),
            (line("mailless", &[]), "noEmail"),
            (line("CEO", &[]), "notInvitable"),
            (line("shielded", &[]), "notInvitable"),
            (line("bothered", &[]), "quotaExceeded"),
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
    fn the_quota_of_a_day_holds_like_the_room() {
        let lines = [line("ada", &[]), line("bob", &[])];
        let left = |today| codes_in(&lines, &World { today, ..QUIET });
        assert_eq!(left(limit::INVITATIONS_A_DAY - 2), ["invited"; 2]);
        assert_eq!(left(limit::INVITATIONS_A_DAY - 1), ["quotaExceeded"; 2]);
        assert_eq!(left(u32::MAX), ["quotaExceeded"; 2]);
    }

    #[test]
    fn whoever_brings_the_code_needs_no_address() {
        let lines = [line("mailless", &[])];
        assert_eq!(codes_in(&lines, &World { sender: Sender::Caller, ..QUIET }), ["invited"]);
    }

    #[test]
    fn in_an_opaque_parent_every_failure_of_its_users_looks_alike() {
        let opaque = |today| World { today, is_opaque: true, ..QUIET };
        let of_parent = ["nobody", "inactive", "mailless", "ceo", "shielded"];
        let run = |lines: &[Line]| run(lines, &opaque(0)).into_iter().filter_map(Result::err).map(veiled).collect::<Vec<_>>();
        let told = run(&of_parent.map(|name| line(name, &[])));
        assert!(told.iter().all(|error| *error == told[0]) && told.len() == of_parent.len(), "{told:?}");
        // What the inviter knows anyway is said; a bad group is found before the person.
        let own = [("member", "alreadyMember"), ("invited", "alreadyInvited"), ("ada", "invited")];
        for (name, code) in own {
            assert_eq!(codes_in(&[line(name, &[])], &opaque(0)), [code]);
        }
        for name in ["ada", "nobody", "ceo"] {
            assert_eq!(codes_in(&[line(name, &["gone"])], &opaque(0)), ["groupNotFound"]);
        }
        // Nor does a quota tell: those who do not exist use it up, too.
        let full = opaque(limit::INVITATIONS_A_DAY);
        assert_eq!(codes_in(&[line("ada", &[]), line("nobody", &[])], &full), ["quotaExceeded"; 2]);
    }

    #[test]
    fn a_created_invitation_is_for_the_parents_user_and_its_stored_address() {
        // V-34, V-45: by the id of the user, and to the address of the profile, not to what was typed.
        let mut asked = line("ADA", &["crew"]);
        asked.lifetime = Duration::from_secs(600);
        let draft = run(&[asked], &QUIET).remove(0).expect("a good line");
        let org = crate::invite::tests::org();
        let parent = org.parent.expect("a child");
        let id = InvitationId(Uuid::from_u128(3));
        let inviter = Inviter { name: "Grace".into(), subject: "user 7".into() };
        let invitation = draft.invitation(&org, parent, &inviter, id, (&Policy::default(), Sender::Usher), Timestamp(1_000));
        assert_eq!((invitation.org, invitation.source_org), (org.id, parent));
        assert_eq!((invitation.user_name.as_str(), invitation.email.as_str()), ("ada", "ada@acme.test"));
        assert_eq!(Some(invitation.source), invitee("ada").map(|ada| ada.source));
        assert_eq!(invitation.expires_at, Timestamp(601_000));
        assert_eq!(invitation.locale, None, "that of the profile is looked up when a letter is written");
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
