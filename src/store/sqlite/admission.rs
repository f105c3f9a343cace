//! Who was let in a moment ago: the answers of [`access`](super::orgs::access), kept while nothing can have changed them.
//!
//! The look is a fifth of what a read by id costs. A commit of this process that may shut somebody out, or change what somebody
//! may do ([`rights`](super::rights)), ends all answers before it is acknowledged; one of another process, such as a command beside the server, is seen within [`TRUST`] (SEC S-27).

use std::collections::HashMap;
use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::auth::{self, Subject};
use crate::base::OrgId;
use crate::store::{Access, Change, Claim, Error};
use crate::{directory, org};

/// How long another process's change may stay unseen.
const TRUST: Duration = Duration::from_secs(1);
/// Answers that are kept; beyond it all are dropped and asked again.
const ANSWERS_MAX: usize = 10_000;

/// The answers, and how often they were ended.
#[derive(Default)]
pub(super) struct Admission {
    epoch: AtomicU64,
    answers: RwLock<HashMap<Key, Answer>>,
}

/// Org, kind and id of the subject, token, and when it was issued. What else a claim holds follows from the token, where it is one of
/// ours.
type Key = (Uuid, u8, Option<Uuid>, Option<Uuid>, i64);

struct Answer {
    access: Access,
    epoch: u64,
    at: Instant,
}

impl Admission {
    /// What `ask` says, or said a moment ago. Only who is live is remembered.
    pub(super) fn access(
        &self,
        org: OrgId,
        claim: &Claim,
        ask: impl FnOnce() -> Result<Option<Access>, Error>,
    ) -> Result<Option<Access>, Error> {
        let key = key(org, claim);
        // Before the database is asked: an answer from before a change must not count as one from after it.
        let epoch = self.epoch.load(Ordering::Acquire);
        if let Ok(answers) = self.answers.read()
            && let Some(answer) = answers.get(&key)
            && answer.epoch == epoch
            && answer.at.elapsed() < TRUST
        {
            return Ok(Some(answer.access.clone()));
        }
        let at = Instant::now();
        let access = ask()?;
        if let Some(access) = access.as_ref().filter(|access| access.is_live)
            && let Ok(mut answers) = self.answers.write()
        {
            if answers.len() >= ANSWERS_MAX {
                answers.clear();
            }
            answers.insert(key, Answer { access: access.clone(), epoch, at });
        }
        Ok(access)
    }

    /// Ends every answer. Called after a commit and before it is acknowledged.
    pub(super) fn end(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }
}

fn key(org: OrgId, claim: &Claim) -> Key {
    let kind = match &claim.subject {
        Subject::Client(_) => 0,
        Subject::User(_) => 1,
        // Nothing but the token counts, see `tokens`.
        Subject::External { .. } => 2,
    };
    (org.0, kind, claim.subject.id(), claim.token.map(|token| token.0), claim.issued_at.0)
}

/// Whether `change` may shut out somebody who was let in. What is not known to be harmless may.
pub(super) fn may_shut_out(change: &Change) -> bool {
    match change {
        Change::Org(
            org::Change::OrgCreated { .. } | org::Change::RequestsLogged { .. } | org::Change::RequestsExpired { .. },
        )
        | Change::Org(org::Change::Audited { .. })
        | Change::Auth(auth::Change::ClientCreated(_) | auth::Change::TokenCreated(_, None))
        | Change::Auth(auth::Change::AssertionUsed { .. } | auth::Change::Used(_))
        // A session is looked up at every request.
        | Change::Auth(auth::Change::SessionStarted { .. } | auth::Change::SessionsSeen(_) | auth::Change::SessionEnded(_)) => false,
        // Of settings nobody is shut out, but the answer tells what holds in the org.
        Change::Org(org::Change::SettingsChanged { .. } | org::Change::OrgChanged { .. } | org::Change::OrgDeleted { .. }) => {
            true
        }
        Change::Invite(_) | Change::Outbox(_) | Change::Request(_) | Change::Definitions(_) | Change::Swept(_) => false,
        Change::Directory(directory::Change::UserDeleted { .. }) => true,
        // Documents are printed without white space, and a quote inside a text is escaped.
        Change::Directory(directory::Change::UserReplaced { doc, .. }) => doc.contains(r#""active":false"#),
        Change::Directory(_) => false,
        Change::Auth(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::ScopeSet;
    use crate::base::{ClientId, Timestamp};
    use crate::org::Org;

    fn access(is_live: bool) -> Option<Access> {
        let id = OrgId(Uuid::from_u128(1));
        let org = Org {
            id,
            parent: None,
            root: id,
            root_handle: "acme".into(),
            handle: "acme".into(),
            name: "ACME".into(),
            active: true,
            created: Timestamp(0),
            settings: Default::default(),
        };
        Some(Access { org: org.into(), is_live, rights: ScopeSet::ALL, ends_at: None, is_listed: false })
    }

    #[test]
    fn an_answer_counts_until_somebody_may_be_shut_out() {
        let admission = Admission::default();
        let org = OrgId(Uuid::from_u128(1));
        let claim = |id| Claim::of(Subject::Client(ClientId(Uuid::from_u128(id))), None);
        let ask = |id, answer: Option<Access>| admission.access(org, &claim(id), || Ok(answer)).expect("an answer");

        assert_eq!(ask(1, access(true)), access(true));
        assert_eq!(ask(1, access(false)), access(true), "remembered");
        assert_eq!(ask(2, access(false)), access(false), "another caller is asked for");
        assert_eq!(ask(2, access(true)), access(true), "who is shut out is not remembered");
        admission.end();
        assert_eq!(ask(1, access(false)), access(false), "SEC S-27: the next request");
        assert_eq!(ask(1, None), None);
    }

    #[test]
    fn an_answer_from_before_a_change_does_not_count_after_it() {
        let admission = Admission::default();
        let org = OrgId(Uuid::from_u128(1));
        let claim = Claim::of(Subject::External { issuer: "i".into(), subject: "s".into() }, None);
        let raced = admission.access(org, &claim, || {
            admission.end();
            Ok(access(true))
        });
        assert_eq!(raced.expect("an answer"), access(true));
        assert_eq!(admission.access(org, &claim, || Ok(access(false))).expect("an answer"), access(false));
    }
}
