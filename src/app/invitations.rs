//! Invitations: create, answer, list, delete.
//!
//! Each call loads what the decision needs, lets `invite` decide, and commits; when the store says that something changed
//! meanwhile it begins again, so a thousand callers at once see one outcome each and never half of one.

mod answer;
#[cfg(test)]
mod life_tests;
mod lines;
#[cfg(test)]
mod policy_tests;
mod tend;

use serde_json::{Map, Value};

pub use answer::Holder;

use super::{App, Error, TRIES};
use crate::auth::{Principal, Scope};
use crate::base::{InvitationId, OrgId, Timestamp};
use crate::console::{Page, State};
use crate::invite::{self, Ending, Invitation, ParentPolicy, Policy, Sender, Status};
use crate::mail::Catalogue;
use crate::org::Org;
use crate::scim::filter::{Attr, CompareOp, Filter, Literal, Node};
use crate::scim::list::Query;
use crate::scim::{Kind, Record};
use crate::store::{self, References};

/// An invitation as the holder of its link sees it.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its row. `status_at` tells its status.
    pub invitation: Invitation,
    /// The inviting org and its ancestors, the root first.
    pub path: Vec<Org>,
}

impl Opened {
    /// The inviting org.
    pub fn org(&self) -> &Org {
        self.path.last().expect("a path ends at the org whose it is")
    }

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
        let (groups, vanished): (Vec<_>, Vec<_>) =
            invitation.groups.into_iter().partition(|group| group.is_given.unwrap_or(group.exists));
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
            parent: invitation.source_org.to_string(),
        }
    }
}

impl App {
    /// One invitation of the org.
    pub async fn invitation_get(&self, who: &Principal, id: InvitationId) -> Result<Record, Error> {
        who.require(Scope::InvitationsRead)?;
        self.invitation_record(who, id).await
    }

    /// A page of the org's invitations, ended ones included.
    pub async fn invitation_list(&self, who: &Principal, query: &Query) -> Result<store::Page, Error> {
        who.require(Scope::InvitationsRead)?;
        self.page(who, Kind::Invitation, query).await
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

    /// Takes a pending invitation back, and why, where `body` says so: its link opens no more, its letter is not sent, its row
    /// stays as history. One that has ended is left as it ended: 410.
    pub async fn invitation_revoke(
        &self,
        who: &Principal,
        id: InvitationId,
        body: &Map<String, Value>,
    ) -> Result<Record, Error> {
        who.require(Scope::InvitationsWrite)?;
        let by = self.name_of(&who.org, &who.subject).await?;
        let ending = Ending { by, via: None, reason: invite::request::revoke(body)? };
        for _ in 0..TRIES {
            let invitation = self.store.invitation(who.org.id, id).await?.ok_or(store::Error::NotFound)?;
            let change = invite::answer::revoke(&invitation, ending.clone(), self.now())?;
            match self.commit_one(who, change).await {
                Ok(_) => return self.invitation_record(who, id).await,
                Err(store::Error::Stale) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(store::Error::Stale.into())
    }

    /// Sends a new link, to the address that the invitee has now; the one before is dead from here on. Whoever brings the code to
    /// the invitee gets the new one instead. It ends when the old one
    /// did, unless `body` has a lifetime. 429 where a letter was queued only just now; 400 or 403 where the invitee could not be
    /// invited any more.
    pub async fn invitation_resend(
        &self,
        who: &Principal,
        id: InvitationId,
        body: &Map<String, Value>,
    ) -> Result<Record, Error> {
        who.require(Scope::InvitationsWrite)?;
        let policy = self.invite_policy(&who.org);
        let lifetime = invite::request::resend(body, &policy)?;
        for _ in 0..TRIES {
            let invitation = self.store.invitation(who.org.id, id).await?.ok_or(store::Error::NotFound)?;
            let (now, parent) = (self.now(), self.parent_policy(&who.org).await?);
            let invitee = self.store.invitee(who.org.id, invitation.source, &parent.groups, now).await?;
            let invitee = invitee.ok_or(store::Error::NotFound)?;
            let today = self.store.invitations_today(who.org.id, who.org.id.0, now).await?;
            let facts = invite::resend::Facts { invitee: &invitee, today, policy: &policy, parent: &parent, lifetime };
            let change = match invite::resend::resend(&invitation, &facts, self.random.uuid(now), now) {
                Err(invite::Error::Barred(error)) if parent.is_opaque => {
                    self.withheld(who, invitation.source_org, [(Some(invitation.source.0), error.code.as_str())].into_iter());
                    return Err(invite::Error::Barred(invite::lines::veiled(error)).into());
                }
                decided => decided?,
            };
            match self.commit_one(who, change).await {
                Ok(_) => {
                    self.letters.notify_one();
                    let record = self.invitation_record(who, id).await?;
                    return Ok(match invitation.sender() {
                        Sender::Usher => record,
                        Sender::Caller => self.with_code(record, id, invitation.generation + 1),
                    });
                }
                Err(store::Error::Stale) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(store::Error::Stale.into())
    }

    /// What is shown of an invitation to who brings its code to the invitee: that as well, this once.
    fn with_code(&self, record: Record, id: InvitationId, generation: u32) -> Record {
        let mut doc: Map<String, Value> = serde_json::from_str(&record.doc).unwrap_or_default();
        doc.insert("code".into(), invite::code(self.settings.invitation_key.expose(), id, generation).into());
        Record { doc: Value::Object(doc).to_string(), ..record }
    }

    /// What holds in `org`.
    pub(super) fn invite_policy(&self, org: &Org) -> Policy {
        Policy::of(&org.settings.choices)
    }

    /// What holds in the parent of `org`.
    async fn parent_policy(&self, org: &Org) -> Result<ParentPolicy, Error> {
        let parent = self.store.org(parent_of(org)?).await?.ok_or(store::Error::NotFound)?;
        Ok(ParentPolicy::of(&parent.settings.choices))
    }

    async fn invitation_record(&self, who: &Principal, id: InvitationId) -> Result<Record, Error> {
        self.load(who, Kind::Invitation, id.0, References::Include).await
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

#[cfg(test)]
pub(crate) mod tests;
