//! The commits of a run, and what became of each operation.

use std::sync::Arc;

use super::{Run, Work, Written};
use crate::app::{Error, TRIES, groups, users};
use crate::directory;
use crate::scim::Quirk;
use crate::scim::bulk::Method;
use crate::store::{self, Change, Commit, Outcome, Refused};

impl Work<'_> {
    /// Commits the run. What was stale, and what comes after it, goes back to the steps.
    pub(super) async fn flush(&mut self) {
        let Run { commits, owners, .. } = std::mem::take(&mut self.run);
        if commits.is_empty() {
            return;
        }
        let commits: Arc<[Commit]> = commits.into();
        let room = self.failures_max() - self.failures;
        let author = self.app.author_of(self.who);
        let mut results = self.app.store.commit_each(author, commits.clone(), room).await.into_iter();
        let mut again = Vec::new();
        let mut is_lost = false;
        for (commit, owners) in commits.iter().zip(owners) {
            match results.next() {
                Some(Ok(outcomes)) => self.written(&owners, &outcomes),
                Some(Err(refused)) => {
                    self.app.note_schemas(self.who, &refused.error);
                    self.tries[owners[0]] += 1;
                    if matches!(refused.error, store::Error::Stale) && self.tries[owners[0]] < TRIES {
                        again.push(owners);
                        continue;
                    }
                    let skips = matches!(refused.error, store::Error::NoSuchMember(_))
                        && self.app.profile(self.who).has(Quirk::UnknownMembersSkipped)
                        && owners.iter().all(|at| *at == owners[0]);
                    if skips && self.partial.insert(owners[0]) {
                        again.push(owners);
                        continue;
                    }
                    is_lost = matches!(refused.error, store::Error::Busy | store::Error::Engine(_));
                    self.refused(commit, owners, refused);
                }
                None if is_lost => self.refused(commit, owners, Refused { at: 0, error: store::Error::Busy }),
                None => again.push(owners),
            }
        }
        again.into_iter().rev().for_each(|owners| self.steps.push_front(operations(owners)));
    }

    fn written(&mut self, owners: &[usize], outcomes: &[Outcome]) {
        // A group of a circle is changed after it was made; the last outcome counts.
        for (&at, outcome) in owners.iter().zip(outcomes) {
            let Ok(request) = &self.request.operations[at].request else { continue };
            let version = match *outcome {
                Outcome::Written { version, .. } => Some(version),
                _ => None,
            };
            let status = match request.method {
                Method::Post => 201,
                Method::Put | Method::Patch => 200,
                Method::Delete => 204,
            };
            self.end(at, Ok(Written { status, version }));
        }
    }

    fn refused(&mut self, commit: &Commit, owners: Vec<usize>, refused: Refused) {
        let culprit = owners[refused.at];
        // Where what it refers to was refused before it in the same run, that is the reason.
        let request = self.request.operations[culprit].request.as_ref();
        let blocked = request.map_or(Ok(()), |request| self.check_references(culprit, request, &owners));
        let is_cycle = matches!(refused.error, store::Error::MemberCycle(_));
        let mut error = match (blocked, &commit.changes[refused.at]) {
            (Err(error), _) => error.into(),
            (
                Ok(()),
                Change::Directory(directory::Change::UserCreated { doc, .. } | directory::Change::UserReplaced { doc, .. }),
            ) => users::refusal(refused.error, doc),
            _ => groups::refusal(refused.error),
        };
        let step = operations(owners);
        // B-06: only after it was tried.
        if let (Error::Scim(error), true, true) = (&mut error, is_cycle, step.len() > 1) {
            error.status = 409;
        }
        self.end_circle(&step, culprit, error);
    }
}

/// The operations behind the changes of a commit, each once.
fn operations(mut owners: Vec<usize>) -> Vec<usize> {
    owners.sort_unstable();
    owners.dedup();
    owners
}
