//! Invitations: create, answer, list, delete.
//!
//! Each call loads what the decision needs, lets `invite` decide, and commits; when the store says that something changed
//! meanwhile it begins again, so a thousand callers at once see one outcome each and never half of one.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::{App, Error};
use crate::auth::{Principal, Scope, ScopeSet, Subject, delegation};
use crate::base::{GroupId, InvitationId, OrgId, Timestamp, UserId, limit};
use crate::console::{Page, State};
use crate::invite::lines::{Draft, Facts, GroupFact};
use crate::invite::request::{InviteRequest, InviteResponse, Line, LineResult, Made};
use crate::invite::{self, Answer, Invitation, LineError, Status};
use crate::mail::{Catalogue, choose};
use crate::org::Org;
use crate::scim::filter::{Attr, CompareOp, Filter, Literal, Node};
use crate::scim::list::Query;
use crate::scim::{self, Kind, Record};
use crate::store::{self, Actor, References};

/// How often a decision is made anew before the caller is told to try again.
const TRIES: usize = 4;

/// An invitation as the holder of its link sees it.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its row. `status_at` tells its status.
    pub invitation: Invitation,
    /// The inviting org and its ancestors, the root first.
    pub path: Vec<Org>,
}

impl Opened {
    fn page(self, language: &'static Catalogue, face: Option<State>, code: &str, now: Timestamp) -> Page {
        let Opened { invitation, path } = self;
        let state = face.unwrap_or(match invitation.status_at(now) {
            Status::Pending => State::Open,
            Status::Accepted => State::Used,
            Status::Declined => State::Declined,
            Status::Revoked => State::Revoked,
            Status::Expired => State::Expired,
        });
        let inviter = invitation.inviter_name().map(str::to_owned);
        let (groups, vanished): (Vec<_>, Vec<_>) = invitation.groups.into_iter().partition(|group| group.exists);
        let names = |groups: Vec<invite::Group>| groups.into_iter().map(|group| group.display).collect();
        Page {
            language,
            state,
            path: path.into_iter().map(|org| org.name).collect(),
            inviter,
            user_name: invitation.user_name,
            groups: names(groups),
            vanished: names(vanished),
            until: invitation.expires_at,
            message: invitation.message,
            action: invitation.id.to_string(),
            code: code.to_owned(),
        }
    }
}

impl App {
    /// Invites several users of the parent at once (`.invite`): one result per line, in order.
    pub async fn invitation_invite(&self, who: &Principal, body: &Map<String, Value>) -> Result<InviteResponse, Error> {
        who.require(Scope::InvitationsWrite)?;
        parent_of(&who.org)?;
        let request = InviteRequest::parse(body)?;
        let results = self.invite_lines(who, &request).await?;
        let named = request.lines.into_iter().zip(results);
        let results = named
            .map(|(line, result)| match result {
                Ok(made) => LineResult::invited(line.user_name, made),
                Err(error) => LineResult::failed(line.user_name, error),
            })
            .collect();
        Ok(InviteResponse::new(request.dry_run, results))
    }

    /// Invites one user of the parent, in plain SCIM. `resource` is what `scim::resource::accept` left of the body.
    pub async fn invitation_create(&self, who: &Principal, resource: &Map<String, Value>) -> Result<Record, Error> {
        who.require(Scope::InvitationsWrite)?;
        parent_of(&who.org)?;
        let request = InviteRequest { lines: vec![Line::parse(resource)?], dry_run: false };
        match self.invite_lines(who, &request).await?.pop() {
            Some(Ok(Some(made))) => self.invitation_record(&who.org, made.id).await,
            Some(Err(error)) => Err(scim::Error::from(error).into()),
            Some(Ok(None)) | None => Err(Error::Task("inviting one user")),
        }
    }

    /// One invitation of the org.
    pub async fn invitation_get(&self, who: &Principal, id: InvitationId) -> Result<Record, Error> {
        who.require(Scope::InvitationsRead)?;
        self.invitation_record(&who.org, id).await
    }

    /// A page of the org's invitations, ended ones included.
    pub async fn invitation_list(&self, who: &Principal, query: &Query) -> Result<store::Page, Error> {
        who.require(Scope::InvitationsRead)?;
        Ok(self.store.resources(who.org.id, Kind::Invitation, query, self.now()).await?)
    }

    /// Removes an invitation, whatever its state; a pending one cannot be accepted any more. A guest it has made stays.
    pub async fn invitation_delete(&self, who: &Principal, id: InvitationId, if_match: Option<&str>) -> Result<(), Error> {
        who.require(Scope::InvitationsWrite)?;
        for _ in 0..TRIES {
            let expected = self.expected(who, Kind::Invitation, id.0, if_match).await?;
            match self.commit_one(who, invite::Change::InvitationDeleted { org: who.org.id, id, expected }).await {
                Ok(_) => return Ok(()),
                Err(store::Error::Stale) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(store::Error::Stale.into())
    }

    /// Takes a pending invitation back: its link opens no more, its letter is not sent, its row stays as history. One that has
    /// ended is left as it ended: 410.
    pub async fn invitation_revoke(&self, who: &Principal, id: InvitationId) -> Result<Record, Error> {
        who.require(Scope::InvitationsWrite)?;
        for _ in 0..TRIES {
            let invitation = self.store.invitation(who.org.id, id).await?.ok_or(store::Error::NotFound)?;
            let change = invite::answer::revoke(&invitation, self.now())?;
            match self.commit_one(who, change).await {
                Ok(_) => return self.invitation_record(&who.org, id).await,
                Err(store::Error::Stale) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(store::Error::Stale.into())
    }

    /// What the holder of `code` may see; changes nothing (S-67). `org` is the one in the path and must be the inviting one;
    /// so must `id`, where the path has one (V-35).
    pub async fn invitation_open(&self, org: OrgId, id: Option<InvitationId>, code: &str) -> Result<Opened, Error> {
        let invitation = self.invitation_of(org, id, code).await?;
        let mut path = self.org_ancestry(Some(invitation.org)).await?;
        path.reverse();
        Ok(Opened { invitation, path })
    }

    /// The holder of `code` accepts or declines. `Ok` holds the invitation as it is now: its guest, its groups that vanished.
    pub async fn invitation_answer(
        &self,
        org: OrgId,
        id: Option<InvitationId>,
        code: &str,
        answer: Answer,
    ) -> Result<Opened, Error> {
        for _ in 0..TRIES {
            let invitation = self.invitation_of(org, id, code).await?;
            let change = self.answer(&invitation, answer).await?;
            match self.store.commit(self.author(Actor::Invitee), vec![change.into()]).await {
                Ok(_) => return self.invitation_open(org, id, code).await,
                Err(store::Error::Stale | store::Error::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(store::Error::Stale.into())
    }

    /// The page behind the link, `id` and `code` as they stand in it; with an `answer`, after it was given. It speaks the
    /// invitee's language, else that of the browser. `Err` only where we failed: whatever the link may be, there is a page for it.
    pub async fn invitation_page(
        &self,
        org: OrgId,
        id: InvitationId,
        code: &str,
        answer: Option<Answer>,
        browser: Option<&str>,
    ) -> Result<Page, Error> {
        let opened = match answer {
            None => self.invitation_open(org, Some(id), code).await,
            Some(answer) => self.invitation_answer(org, Some(id), code, answer).await,
        };
        let face = match (&opened, answer) {
            (Ok(_), Some(Answer::Accept)) => Some(State::Accepted),
            (Err(Error::Invite(invite::Error::Inactive)), _) => Some(State::Inactive),
            _ => None,
        };
        // A refused answer shows how the invitation stands.
        let opened = match opened {
            Err(Error::Invite(_)) => self.invitation_open(org, Some(id), code).await,
            other => other,
        };
        match opened {
            Ok(opened) => {
                let language = self.invitation_language(&opened.invitation, &opened.path, browser).await?;
                Ok(opened.page(language, face, code, self.now()))
            }
            Err(Error::Invite(invite::Error::Unknown) | Error::Scim(_)) => Ok(Page::unknown(choose([browser]))),
            Err(error) => Err(error),
        }
    }

    /// Decides all lines against the same facts and commits the good ones together. Whoever else invites the same people at
    /// the same time makes the commit stale; then the facts are looked up again, and the line in question fails by itself.
    async fn invite_lines(
        &self,
        who: &Principal,
        request: &InviteRequest,
    ) -> Result<Vec<Result<Option<Made>, LineError>>, Error> {
        let source_org = parent_of(&who.org)?;
        let inviter = self.inviter(who).await?;
        for _ in 0..TRIES {
            let drafts = self.decide_lines(who, &request.lines).await?;
            if request.dry_run {
                return Ok(drafts.into_iter().map(|draft| draft.map(|_| None)).collect());
            }
            let now = self.now();
            let mut changes = Vec::new();
            let results = drafts.into_iter().map(|draft| {
                let ids = (InvitationId(self.random.uuid(now)), self.random.uuid(now));
                let invitation = draft?.invitation(&who.org, source_org, &inviter, ids.0, now);
                let made = Made { id: invitation.id, expires_at: invitation.expires_at };
                changes.push(invite::Change::InvitationCreated { invitation, letter: ids.1 }.into());
                Ok(Some(made))
            });
            let results = results.collect();
            if changes.is_empty() {
                return Ok(results);
            }
            match self.store.commit(self.author_of(who), changes).await {
                Ok(_) => {
                    self.letters.notify_one();
                    return Ok(results);
                }
                Err(store::Error::Stale | store::Error::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(store::Error::Stale.into())
    }

    async fn decide_lines(&self, who: &Principal, lines: &[Line]) -> Result<Vec<Result<Draft, LineError>>, Error> {
        let (org, now) = (&who.org, self.now());
        let names: Vec<String> = lines.iter().map(|line| line.user_name.clone()).collect();
        let invitees = self.store.invitees(org.id, &names, now).await?;
        let groups = self.group_facts(who, lines).await?;
        let pending = self.store.resources(org.id, Kind::Invitation, &pending_query(), now).await?.total;
        let room = limit::INVITATIONS_PENDING_MAX.saturating_sub(pending);
        Ok(invite::lines::decide(lines, &Facts { invitees: &invitees, groups: &groups, room }))
    }

    /// What is known of the groups that `lines` name; what is no id, or the id of nothing here, is left out.
    async fn group_facts(&self, who: &Principal, lines: &[Line]) -> Result<HashMap<String, GroupFact>, Error> {
        let named: BTreeSet<&str> = lines.iter().flat_map(|line| line.groups.iter().map(String::as_str)).collect();
        let ids: Vec<GroupId> = named.into_iter().filter_map(|id| id.parse().ok()).collect();
        let raw: Vec<_> = ids.iter().map(|id| id.0).collect();
        let names = self.store.group_names(who.org.id, &raw).await?;
        let gives = self.store.groups_give(who.org.id, &raw).await?;
        let found = ids.into_iter().zip(names).zip(gives);
        let fact = |((id, name), gives): ((GroupId, Option<String>), ScopeSet)| {
            let granted = GroupFact::Granted(id, name?);
            Some((id.to_string(), delegation::allows(who.scopes, gives).map_or(GroupFact::Forbidden, |()| granted)))
        };
        Ok(found.filter_map(fact).collect())
    }

    /// Who invites, as the invitation remembers it.
    async fn inviter(&self, who: &Principal) -> Result<String, Error> {
        let machine = |id: &dyn std::fmt::Display| format!("{}{id}", invite::MACHINE);
        match &who.subject {
            Subject::Client(id) => Ok(machine(id)),
            Subject::External { subject, .. } => Ok(machine(subject)),
            Subject::User(id) => {
                let user = self.store.resource(who.org.id, Kind::User, id.0, References::Omit, self.now()).await?;
                Ok(user.and_then(|user| name_of(&user)).unwrap_or_default())
            }
        }
    }

    async fn answer(&self, invitation: &Invitation, answer: Answer) -> Result<invite::Change, Error> {
        let now = self.now();
        if answer == Answer::Decline {
            return Ok(invite::answer::decline(invitation, now)?);
        }
        let (org, parent) = (self.store.org(invitation.org).await?, self.store.org(invitation.source_org).await?);
        let (Some(org), Some(parent)) = (org, parent) else { return Err(invite::Error::Unknown.into()) };
        let source = invitation.source.0;
        let source = self.store.resource(parent.id, Kind::User, source, References::Omit, now).await?;
        let facts = invite::answer::Facts { org: &org, parent: &parent, source_is_active: source.is_some_and(is_active) };
        let guest = UserId(self.random.uuid(now));
        Ok(invite::answer::accept(invitation, &facts, guest, now)?)
    }

    /// The invitation of `org` that `code` opens.
    async fn invitation_of(&self, org: OrgId, id: Option<InvitationId>, code: &str) -> Result<Invitation, Error> {
        let code = invite::parse_code(code)?;
        if id.is_some_and(|id| id != code.id) {
            return Err(invite::Error::Unknown.into());
        }
        let invitation = self.store.invitation(org, code.id).await?.ok_or(invite::Error::Unknown)?;
        // The store was asked for this org, so a row of another is none; the code must still be that row's own.
        if !code.opens(self.settings.invitation_key.expose(), &invitation) {
            return Err(invite::Error::Unknown.into());
        }
        Ok(invitation)
    }

    async fn invitation_record(&self, org: &Org, id: InvitationId) -> Result<Record, Error> {
        let record = self.store.resource(org.id, Kind::Invitation, id.0, References::Include, self.now()).await?;
        Ok(record.ok_or(store::Error::NotFound)?)
    }
}

fn parent_of(org: &Org) -> Result<OrgId, Error> {
    Ok(org.parent.ok_or(invite::Error::Root)?)
}

/// How many invitations wait: the total, and none of them.
fn pending_query() -> Query {
    let attr = Attr { extension: None, name: "status".into(), sub: None, multi_valued: false, case_exact: true };
    let pending = Node::Compare(attr, CompareOp::Eq, Literal::Text(Status::Pending.as_str().into()));
    Query { filter: Some(Filter { nodes: vec![pending], root: 0 }), ..Query::default() }
}

/// What a person is called.
fn name_of(user: &Record) -> Option<String> {
    let doc: Value = serde_json::from_str(&user.doc).ok()?;
    let names = [doc.get("displayName"), doc.pointer("/name/formatted"), doc.get("userName")];
    names.into_iter().flatten().filter_map(Value::as_str).find(|name| !name.trim().is_empty()).map(str::to_owned)
}

/// The effective `active` of a user's document; absent means active (RFC 7643 leaves the meaning to us).
fn is_active(user: Record) -> bool {
    let doc: Result<Value, _> = serde_json::from_str(&user.doc);
    doc.is_ok_and(|doc| doc.get("active") != Some(&Value::Bool(false)))
}

#[cfg(test)]
pub(crate) mod tests;
