//! Inviting: the lines of a request, decided against one look at the facts and committed together.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{parent_of, pending_query};
use crate::app::idempotency::{Ticket, Turn};
use crate::app::{App, Error, TRIES};
use crate::auth::{Principal, Scope, Subject};
use crate::base::{GroupId, InvitationId};
use crate::invite::lines::{self, Draft, Facts, GroupFact};
use crate::invite::request::{InviteRequest, InviteResponse, Line, LineResult, Made};
use crate::invite::{self, Invitation, Inviter, LineCode, LineError, Policy, Sender};
use crate::org::Org;
use crate::scim::{self, Kind, Record};
use crate::store::{self, Actor, Change, Kept, References};

type Results = Vec<Result<Option<Made>, LineError>>;

/// Why a user of the parent cannot be invited, where only the parent may know: who, if there is such a user.
type Withheld = (Option<Uuid>, LineCode);

impl App {
    /// Invites several users of the parent at once (`.invite`): one result per line, in order. Sent again under the same
    /// `Idempotency-Key`, it does nothing and answers the same.
    pub async fn invitation_invite(
        &self,
        who: &Principal,
        key: Option<&str>,
        body: &Map<String, Value>,
    ) -> Result<Value, Error> {
        who.require(Scope::InvitationsWrite)?;
        parent_of(&who.org)?;
        let request = InviteRequest::parse(body, &self.invite_policy(&who.org), self.now())?;
        let mut answer = match self.turn(who, key, "POST /Invitations/.invite", body).await? {
            Turn::First(ticket) => self.invite_all(who, &request, ticket.as_ref()).await?,
            Turn::Again(Kept::Answered(answer)) => {
                serde_json::from_str(&answer).map_err(|_| Error::Task("reading a kept answer"))?
            }
            Turn::Again(_) => return Err(Error::Task("finding a kept answer")),
        };
        if request.sender == Sender::Caller {
            self.add_codes(&who.org, &mut answer).await?;
        }
        Ok(answer)
    }

    /// Invites one user of the parent, in plain SCIM. `resource` is what `scim::resource::accept` left of the body.
    pub async fn invitation_create(
        &self,
        who: &Principal,
        ticket: Option<&Ticket>,
        resource: &Map<String, Value>,
    ) -> Result<Record, Error> {
        who.require(Scope::InvitationsWrite)?;
        parent_of(&who.org)?;
        let line = Line::parse(resource, &self.invite_policy(&who.org), self.now())?;
        let request = InviteRequest { lines: vec![line], dry_run: false, sender: Sender::Usher };
        let now = self.now();
        let keep = |results: &Results| {
            let made = results.iter().flatten().flatten().next()?.id;
            Some(vec![ticket?.kept(Kept::Made(made.0), now).into()])
        };
        match self.invite_lines(who, &request, keep).await?.pop() {
            Some(Ok(Some(made))) => self.invitation_record(who, made.id).await,
            Some(Err(error)) => Err(scim::Error::from(error).into()),
            Some(Ok(None)) | None => Err(Error::Task("inviting one user")),
        }
    }

    async fn invite_all(&self, who: &Principal, request: &InviteRequest, ticket: Option<&Ticket>) -> Result<Value, Error> {
        let now = self.now();
        let keep = |results: &Results| {
            let (ticket, answer) = (ticket?, response(request, results.clone()).ok()?.to_string());
            // The codes are not in it: they are derived anew.
            Some(vec![ticket.kept(Kept::Begun, now).into(), ticket.kept(Kept::Answered(answer), now).into()])
        };
        let results = self.invite_lines(who, request, keep).await?;
        response(request, results)
    }

    /// What the invitees need, for a caller who brings it to them: the newest code of each invitation that is still there.
    async fn add_codes(&self, org: &Org, answer: &mut Value) -> Result<(), Error> {
        for result in answer["results"].as_array_mut().into_iter().flatten() {
            let Some(made) = result.get_mut("invitation") else { continue };
            let Some(id) = made["id"].as_str().and_then(|id| id.parse().ok()) else { continue };
            if let Some(Invitation { generation, .. }) = self.store.invitation(org.id, id).await? {
                made["code"] = invite::code(self.settings.invitation_key.expose(), id, generation).into();
            }
        }
        Ok(())
    }

    /// Decides all lines against the same facts and commits the good ones together, with what `keep` makes of the results.
    /// Whoever else invites the same people at the same time makes the commit stale; then the facts are looked up again, and
    /// the line in question fails by itself. From then on one of an org at a time: each that comes first would send all others
    /// back. As long as fewer lines are left each time there is an end to it.
    async fn invite_lines(
        &self,
        who: &Principal,
        request: &InviteRequest,
        keep: impl Fn(&Results) -> Option<Vec<Change>>,
    ) -> Result<Results, Error> {
        let source_org = parent_of(&who.org)?;
        let inviter = self.inviter(who).await?;
        let policy = self.invite_policy(&who.org);
        let (mut left, mut tries, mut turn) = (usize::MAX, TRIES, None);
        while tries > 0 {
            let (drafts, withheld) = self.decide_lines(who, request, &policy).await?;
            let tell = || self.withheld(who, source_org, withheld.iter().map(|(user, code)| (*user, code.as_str())));
            if request.dry_run {
                tell();
                return Ok(drafts.into_iter().map(|draft| draft.map(|_| None)).collect());
            }
            let now = self.now();
            let mut changes = Vec::new();
            let results = drafts.into_iter().map(|draft| {
                let ids = (InvitationId(self.random.uuid(now)), self.random.uuid(now));
                let facts = (&policy, request.sender);
                let invitation = draft?.invitation(&who.org, source_org, &inviter, ids.0, facts, now);
                let made = Made { id: invitation.id, expires_at: invitation.expires_at };
                let letter = (request.sender == Sender::Usher).then_some(ids.1);
                changes.push(invite::Change::InvitationCreated { invitation, letter, quota: policy.quota }.into());
                Ok(Some(made))
            });
            let results: Results = results.collect();
            if changes.is_empty() {
                tell();
                return Ok(results);
            }
            tries = if changes.len() < left { TRIES } else { tries - 1 };
            left = changes.len();
            changes.extend(keep(&results).unwrap_or_default());
            match self.store.commit(self.author_of(who), changes).await {
                Ok(_) => {
                    tell();
                    self.letters.notify_one();
                    return Ok(results);
                }
                Err(store::Error::Stale | store::Error::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
            if turn.is_none() {
                turn = Some(self.inviting[usize::from(who.org.id.0.as_bytes()[15]) % self.inviting.len()].lock().await);
            }
        }
        Err(store::Error::Stale.into())
    }

    async fn decide_lines(
        &self,
        who: &Principal,
        request: &InviteRequest,
        policy: &Policy,
    ) -> Result<(Vec<Result<Draft, LineError>>, Vec<Withheld>), Error> {
        let (org, lines, now) = (&who.org, &request.lines, self.now());
        let parent = self.parent_policy(org).await?;
        let names: Vec<String> = lines.iter().map(|line| line.user_name.clone()).collect();
        let invitees = self.store.invitees(org.id, &names, &parent.groups, now).await?;
        let groups = self.group_facts(who, lines).await?;
        let facts = Facts {
            invitees: &invitees,
            groups: &groups,
            pending: self.store.resources(org.id, Kind::Invitation, &pending_query(), now).await?.total,
            today: self.store.invitations_today(org.id, org.id.0, now).await?,
            policy,
            parent: &parent,
            sender: request.sender,
        };
        let results = lines::decide(lines, &facts);
        if !parent.is_opaque {
            return Ok((results, Vec::new()));
        }
        let mut withheld = Vec::new();
        let veiled = results.into_iter().zip(&invitees).map(|(result, invitee)| {
            result.map_err(|error| {
                if error.code.tells_of_parent() {
                    withheld.push((invitee.as_ref().map(|invitee| invitee.source.0), error.code));
                }
                lines::veiled(error)
            })
        });
        let veiled = veiled.collect();
        Ok((veiled, withheld))
    }

    /// Those of `groups` that the org has: what each is called, and whether the caller may invite into it.
    pub async fn invitation_groups(&self, who: &Principal, groups: &[GroupId]) -> Result<Vec<(GroupId, String, bool)>, Error> {
        who.require(Scope::InvitationsWrite)?;
        let raw: Vec<_> = groups.iter().map(|id| id.0).collect();
        let names = self.store.group_names(who.org.id, &raw).await?;
        let gives = self.store.groups_give(who.org.id, &raw).await?;
        let found = groups.iter().zip(names).zip(gives);
        Ok(found.filter_map(|((id, name), gives)| Some((*id, name?, gives.is_within(who.scopes)))).collect())
    }

    /// What is known of the groups that `lines` name; what is no id, or the id of nothing here, is left out.
    async fn group_facts(&self, who: &Principal, lines: &[Line]) -> Result<HashMap<String, GroupFact>, Error> {
        let named: BTreeSet<&str> = lines.iter().flat_map(|line| line.groups.iter().map(String::as_str)).collect();
        let ids: Vec<GroupId> = named.into_iter().filter_map(|id| id.parse().ok()).collect();
        let found = self.invitation_groups(who, &ids).await?;
        let fact = |(id, name, may_give): (GroupId, String, bool)| {
            (id.to_string(), if may_give { GroupFact::Granted(id, name) } else { GroupFact::Forbidden })
        };
        Ok(found.into_iter().map(fact).collect())
    }

    /// Who invites, as the invitation remembers it.
    async fn inviter(&self, who: &Principal) -> Result<Inviter, Error> {
        let subject = Actor::Subject(who.subject.clone()).to_string();
        let name = self.name_of(&who.org, &who.subject).await?;
        Ok(Inviter { name, subject })
    }

    /// What the subject of a token of `org` is called.
    pub(super) async fn name_of(&self, org: &Org, subject: &Subject) -> Result<String, Error> {
        let machine = |id: &dyn std::fmt::Display| format!("{}{id}", invite::MACHINE);
        match subject {
            Subject::Client(id) => Ok(machine(id)),
            Subject::External { subject, .. } => Ok(machine(subject)),
            Subject::User(id) => {
                let user = self.store.resource(org.id, Kind::User, id.0, References::Omit, self.now()).await?;
                Ok(user.and_then(|user| super::name_of(&user)).unwrap_or_default())
            }
        }
    }
}

fn response(request: &InviteRequest, results: Results) -> Result<Value, Error> {
    let named = request.lines.iter().zip(results);
    let results = named.map(|(line, result)| match result {
        Ok(made) => LineResult::invited(line.user_name.clone(), made),
        Err(error) => LineResult::failed(line.user_name.clone(), error),
    });
    let response = InviteResponse::new(request.dry_run, results.collect());
    serde_json::to_value(response).map_err(|_| Error::Task("printing an answer"))
}
