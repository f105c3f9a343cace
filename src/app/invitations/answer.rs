//! Answering: whoever holds the link, or a token of the invited user, looks at an invitation, accepts or declines it.

use uuid::Uuid;

use super::Opened;
use crate::app::audit::Asked;
use crate::app::{App, Error, TRIES};
use crate::auth::{Principal, ScopeSet, Subject};
use crate::base::{GroupId, InvitationId, OrgId, UserId};
use crate::console::{Page, State};
use crate::invite::{self, Answer, Ending, Invitation, ParentPolicy, SignIn, Status, Via};
use crate::mail::choose;
use crate::scim;
use crate::store::{self, Actor, Author};

/// Who answers, and for which invitation.
#[derive(Clone, Copy)]
pub enum Holder<'a> {
    /// Whoever has the code of the newest link.
    Link {
        /// The org of the path; it must be the inviting one.
        org: OrgId,
        /// The id in the path, where there is one; it must be the one that the code opens (V-35).
        id: Option<InvitationId>,
        /// The code.
        code: &'a str,
        /// Who signed in, in the parent org.
        who: Option<&'a Principal>,
        /// What is asked, for the audit log; none where it only looks.
        asked: Option<&'a Asked>,
    },
    /// The invited user, in the parent org.
    User(&'a Principal, InvitationId),
}

impl App {
    /// What the holder of `code` may see; changes nothing (S-67).
    pub async fn invitation_open(&self, holder: Holder<'_>) -> Result<Opened, Error> {
        let invitation = self.held(holder).await?;
        self.opened(invitation).await
    }

    /// The holder accepts or declines. `Ok` holds the invitation as it is now: its guest, its groups that were not given.
    pub async fn invitation_answer(&self, holder: Holder<'_>, answer: Answer) -> Result<Opened, Error> {
        for _ in 0..TRIES {
            let invitation = self.held(holder).await?;
            let (change, holds) = match self.answer(holder, &invitation, answer).await {
                // SEC F-23: once said, it stays so when the clock goes back. A commit remembers its time.
                Err(Error::Invite(invite::Error::Expired)) if invitation.status == Status::Pending => {
                    self.store.commit(self.author(Actor::Worker), vec![]).await?;
                    return Err(invite::Error::Expired.into());
                }
                Err(error) => {
                    self.answer_refused(holder, &error);
                    return Err(error);
                }
                Ok(decided) => decided,
            };
            match self.store.commit(self.author_holding(holder, holds), vec![change.into()]).await {
                Ok(_) => return self.invitation_open(holder).await,
                // A group that gives more by now than who invited holds is left out, or refuses all.
                Err(store::Error::Stale | store::Error::NotFound | store::Error::NotHeld { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(store::Error::Stale.into())
    }

    /// In whose name an answer is written. What it gives is given by who invited, who `holds` this.
    fn author_holding(&self, holder: Holder<'_>, holds: ScopeSet) -> Author {
        let author = match holder {
            Holder::User(who, _) | Holder::Link { who: Some(who), .. } => self.author_of(who),
            Holder::Link { who: None, .. } => self.author(Actor::Invitee),
        };
        let request = match holder {
            Holder::Link { asked: Some(asked), .. } => asked.request.clone(),
            Holder::Link { .. } | Holder::User(..) => author.request,
        };
        Author { holds, request, ..author }
    }

    /// A token that does not suffice is noted where it belongs, as everywhere.
    fn answer_refused(&self, holder: Holder<'_>, error: &Error) {
        if let (Error::Invite(invite::Error::NotInvitee), Holder::Link { who: Some(who), asked: Some(asked), .. }) =
            (error, holder)
        {
            self.refused(who.org.id, &who.subject, who.client_id.as_deref(), asked, &error.to_string());
        }
    }

    /// The invitations that wait for the user whose token this is, from the children of the org. 404 for the token of a
    /// client, behind which there is no user.
    pub async fn me_invitations(&self, who: &Principal) -> Result<Vec<Opened>, Error> {
        let source = person(who)?;
        let mut opened = Vec::new();
        for invitation in self.store.invitations_addressed(who.org.id, source, None, self.now()).await? {
            opened.push(self.opened(invitation).await?);
        }
        // An org that is not active asks nobody.
        opened.retain(|opened| opened.path.iter().all(|org| org.active));
        Ok(opened)
    }

    /// The page for the `holder` of a link; with an `answer`, after it was given. It speaks the invitee's language, else that of
    /// the browser. `Err` only where we failed: whatever the link may be, there is a page for it.
    pub async fn invitation_page(
        &self,
        holder: Holder<'_>,
        answer: Option<Answer>,
        browser: Option<&str>,
    ) -> Result<Page, Error> {
        let code = match holder {
            Holder::Link { code, .. } => code,
            Holder::User(..) => "",
        };
        let opened = match answer {
            None => self.invitation_open(holder).await,
            Some(answer) => self.invitation_answer(holder, answer).await,
        };
        let mut face = match (&opened, answer) {
            (Ok(_), Some(Answer::Accept)) => Some(State::Accepted),
            (Err(Error::Invite(invite::Error::Inactive)), _) => Some(State::Inactive),
            (Err(Error::Invite(invite::Error::MissingGroups)), _) => Some(State::Blocked),
            _ => None,
        };
        // A refused answer shows how the invitation stands.
        let opened = match opened {
            Err(Error::Invite(_)) => self.invitation_open(holder).await,
            other => other,
        };
        match opened {
            Ok(opened) => {
                let now = self.now();
                let wants_sign_in = self.invite_policy(opened.org()).sign_in == SignIn::SignIn;
                if wants_sign_in && invite::answer::open(&opened.invitation, now).is_ok() {
                    face = Some(State::SignIn);
                }
                let language = self.invitation_language(&opened.invitation, &opened.path, browser).await?;
                Ok(opened.page(language, face, code, now))
            }
            Err(Error::Invite(invite::Error::Unknown) | Error::Scim(_)) => Ok(Page::unknown(choose([browser]))),
            Err(error) => Err(error),
        }
    }

    /// The invitation that `holder` may answer, however it stands.
    async fn held(&self, holder: Holder<'_>) -> Result<Invitation, Error> {
        match holder {
            Holder::Link { org, id, code, .. } => self.invitation_of(org, id, code).await,
            Holder::User(who, id) => {
                let source = person(who)?;
                let found = self.store.invitations_addressed(who.org.id, source, Some(id), self.now()).await?;
                Ok(found.into_iter().next().ok_or(invite::Error::Unknown)?)
            }
        }
    }

    /// What the answer comes to, and what whoever invited holds.
    async fn answer(
        &self,
        holder: Holder<'_>,
        invitation: &Invitation,
        answer: Answer,
    ) -> Result<(invite::Change, ScopeSet), Error> {
        let now = self.now();
        let (org, parent) = (self.store.org(invitation.org).await?, self.store.org(invitation.source_org).await?);
        let (Some(org), Some(parent)) = (org, parent) else { return Err(invite::Error::Unknown.into()) };
        let policy = self.invite_policy(&org);
        // What has ended is told before anything is asked for.
        invite::answer::open(invitation, now)?;
        let via = match holder {
            Holder::Link { who: None, .. } if policy.sign_in == SignIn::SignIn => return Err(invite::Error::SignIn.into()),
            Holder::Link { who: None, .. } => Via::Link,
            // V-34: not whoever happens to be signed in.
            Holder::Link { who: Some(who), .. } | Holder::User(who, _)
                if who.org.id != invitation.source_org || who.subject != Subject::User(invitation.source) =>
            {
                return Err(invite::Error::NotInvitee.into());
            }
            Holder::Link { .. } | Holder::User(..) => Via::Token,
        };
        let ending = Ending { by: invitation.user_name.clone(), via: Some(via), reason: None };
        if answer == Answer::Decline {
            return Ok((invite::answer::decline(invitation, ending, now)?, ScopeSet::NONE));
        }
        let parent_policy = ParentPolicy::of(&parent.settings.choices);
        let invitee = self.store.invitee(org.id, invitation.source, &parent_policy.groups, now).await?;
        let (holds, forbidden) = self.inviter_holds(invitation).await?;
        let facts = invite::answer::Facts {
            org: &org,
            parent: &parent,
            is_invitable: invitee.is_some_and(|invitee| invitee.active && !parent_policy.shields(&invitee)),
            forbidden: &forbidden,
            missing_groups: policy.missing_groups,
        };
        let guest = UserId(self.random.uuid(now));
        Ok((invite::answer::accept(invitation, &facts, guest, ending, now)?, holds))
    }

    /// What whoever invited holds by now, and the groups that therefore can no longer be given.
    async fn inviter_holds(&self, invitation: &Invitation) -> Result<(ScopeSet, Vec<GroupId>), Error> {
        let (org, ids) = (invitation.org, invitation.groups.iter().map(|group| group.id));
        let inviter = invitation.inviter_subject.as_deref().and_then(|subject| subject.split_once(' '));
        let subject = match inviter.map(|(kind, id)| (kind, id.parse::<Uuid>())) {
            Some(("user", Ok(id))) => Subject::User(id.into()),
            Some(("client", Ok(id))) => Subject::Client(id.into()),
            // Whoever another issuer vouches for was asked then.
            _ => return Ok((ScopeSet::ALL, Vec::new())),
        };
        let holds = self.store.holds(org, &subject, self.now()).await?;
        let gives = self.store.groups_give(org, &ids.clone().map(|id| id.0).collect::<Vec<_>>()).await?;
        let lacking = ids.zip(gives).filter(|(_, gives)| !gives.is_within(holds));
        Ok((holds, lacking.map(|(id, _)| id).collect()))
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

    async fn opened(&self, invitation: Invitation) -> Result<Opened, Error> {
        let mut path = self.org_ancestry(Some(invitation.org)).await?;
        path.reverse();
        Ok(Opened { invitation, path })
    }
}

fn person(who: &Principal) -> Result<UserId, Error> {
    match who.subject {
        Subject::User(id) => Ok(id),
        Subject::Client(_) | Subject::External { .. } => {
            Err(scim::Error::status(404, "this token stands for no user of the organization, so there is no `/Me`").into())
        }
    }
}
