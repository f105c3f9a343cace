//! The carrier: leases what is due, sends each letter in a task of its own, and writes down how it ended.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{self, JoinError, JoinSet};

use super::post::{Failure, Post};
use crate::app::App;
use crate::base::Timestamp;
use crate::invite::{self, Invitation, Status};
use crate::mail;
use crate::org::Org;
use crate::outbox::{self, Change, End, Letter, Shares};
use crate::store::{self, Actor};

/// Longer than a letter can take, so that no other carrier takes it up meanwhile.
const LEASE: Duration = Duration::from_secs(300);
/// After so many tries a mail server that speaks no SMTP is given up (SEC F-21).
const GARBLED_TRIES_MAX: u32 = 3;
/// Between two looks where nobody calls: for retries, and for letters that another process queued.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// For letters that are under way when the process ends (SEC F-29); what takes longer is tried again by the next one.
const FAREWELL: Duration = Duration::from_secs(5);

/// Carries letters until `stop` is ready, and then finishes those under way, as far as they do not take long.
pub async fn carry(app: Arc<App>, post: Arc<Post>, stop: impl Future<Output = ()> + Send) {
    let mut carrier = Carrier::new(app.clone(), post);
    let mut stop = pin!(stop);
    loop {
        if let Err(error) = carrier.look().await {
            tracing::error!(error = &error as &dyn std::error::Error, "the outbox cannot be read");
        }
        tokio::select! {
            biased;
            () = &mut stop => break,
            ended = carrier.tasks.join_next_with_id(), if !carrier.is_idle() => {
                carrier.ended(ended).await;
                // One look for all that have ended meanwhile.
                while let Some(ended) = carrier.tasks.try_join_next_with_id() {
                    carrier.ended(Some(ended)).await;
                }
            }
            () = app.letters.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    let _ = tokio::time::timeout(FAREWELL, carrier.finish()).await;
}

/// Letters under way, each in a task that also notes how it ended.
pub(super) struct Carrier {
    app: Arc<App>,
    post: Arc<Post>,
    tasks: JoinSet<()>,
    letters: HashMap<task::Id, Letter>,
    shares: Shares,
}

impl Carrier {
    pub(super) fn new(app: Arc<App>, post: Arc<Post>) -> Carrier {
        Carrier { app, post, tasks: JoinSet::new(), letters: HashMap::new(), shares: Shares::default() }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.letters.is_empty()
    }

    /// Takes up what is due, as far as there is room, and says how many letters that were.
    pub(super) async fn look(&mut self) -> Result<usize, store::Error> {
        if self.shares.len() >= Shares::ALL {
            return Ok(0);
        }
        let now = self.app.now();
        let letters = self.app.store.letters_due(now, now + LEASE, &self.shares).await?;
        let count = letters.len();
        for letter in letters {
            self.shares.take(letter.org, &letter.domain);
            let (app, post, carried) = (self.app.clone(), self.post.clone(), letter.clone());
            let task = self.tasks.spawn(async move {
                let change = carry_one(&app, &post, carried).await;
                note(&app, change).await;
            });
            self.letters.insert(task.id(), letter);
        }
        Ok(count)
    }

    /// Waits for all of them.
    pub(super) async fn finish(&mut self) {
        while !self.is_idle() {
            let ended = self.tasks.join_next_with_id().await;
            self.ended(ended).await;
        }
    }

    async fn ended(&mut self, ended: Option<Result<(task::Id, ()), JoinError>>) {
        let (task, has_noted) = match ended {
            None => return,
            Some(Ok((task, ()))) => (task, true),
            // SEC D-6, F-20: a letter that makes its carrier panic would do so again.
            Some(Err(error)) => (error.id(), false),
        };
        let Some(letter) = self.letters.remove(&task) else { return };
        self.shares.give_back(&letter);
        if !has_noted {
            let answer = "the letter could not be written: its carrier failed".into();
            note(&self.app, Change::LetterTried { letter, at: self.app.now(), end: End::Failed, answer }).await;
        }
    }
}

/// What cannot be noted is tried again when the lease ends.
async fn note(app: &App, change: Change) {
    let Change::LetterTried { letter, end, .. } = &change else { return };
    let (letter_id, invitation_id, org_id) = (letter.id, letter.invitation, letter.org);
    match end {
        End::Sent => {
            tracing::info!(letter.id = %letter_id, invitation.id = %invitation_id, org.id = %org_id, "letter sent");
        }
        End::Deferred(due) => {
            tracing::warn!(letter.id = %letter_id, invitation.id = %invitation_id, org.id = %org_id, %due, "letter deferred");
        }
        End::Failed => {
            tracing::warn!(letter.id = %letter_id, invitation.id = %invitation_id, org.id = %org_id, "letter given up");
        }
    }
    if let Err(error) = app.store.commit(app.author(Actor::Worker), vec![change.into()]).await {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, letter.id = %letter_id, "the outcome of a letter could not be written");
    }
}

pub(super) async fn carry_one(app: &App, post: &Post, letter: Letter) -> Change {
    let tries = letter.attempts.saturating_add(1);
    let mut expires_at = Timestamp(i64::MAX);
    let ended = attempt(app, post, &letter, &mut expires_at).await;
    let at = app.now();
    let unclear = letter.unclear + u32::from(matches!(ended, Err(Failure::Unclear(_))));
    let mut chance = [0];
    app.random.fill(&mut chance);
    let (end, answer) = match ended {
        Ok(answer) => (End::Sent, answer),
        Err(Failure::Permanent(answer)) => (End::Failed, answer),
        Err(Failure::Garbled(answer)) if tries >= GARBLED_TRIES_MAX => (End::Failed, answer),
        Err(Failure::Unclear(answer)) if unclear >= outbox::UNCLEAR_MAX => (End::Failed, answer),
        Err(Failure::Transient(answer) | Failure::Garbled(answer) | Failure::Unclear(answer)) => {
            (outbox::next_try(tries, at, expires_at, chance[0]).map_or(End::Failed, End::Deferred), answer)
        }
    };
    let answer = mail::text::line(&answer);
    Change::LetterTried { letter: Letter { unclear, ..letter }, at, end, answer }
}

async fn attempt(app: &App, post: &Post, letter: &Letter, expires_at: &mut Timestamp) -> Result<String, Failure> {
    if letter.attempts >= outbox::TRIES_MAX {
        return Err(Failure::Permanent("given up: no try came to an end".into()));
    }
    if letter.unclear >= outbox::UNCLEAR_MAX {
        return Err(Failure::Permanent("given up: it may have been delivered twice".into()));
    }
    let invitation = app.store.invitation(letter.org, letter.invitation).await.map_err(transient)?;
    let invitation = invitation.ok_or_else(|| Failure::Permanent("not sent: the invitation is gone".into()))?;
    *expires_at = invitation.expires_at;
    let now = app.now();
    // Read inside the lease: what was accepted or revoked while the letter waited is never sent.
    let status = invitation.status_at(now);
    if status != Status::Pending {
        return Err(Failure::Permanent(format!("not sent: the invitation is {}", status.as_str())));
    }
    if invitation.generation != letter.generation {
        return Err(Failure::Permanent("not sent: a newer letter took its place".into()));
    }
    let mut path = app.org_ancestry(Some(invitation.org)).await.map_err(transient)?;
    path.reverse();
    let org = path.last().ok_or_else(|| Failure::Permanent("not sent: the organization is gone".into()))?;
    if path.iter().any(|org| !org.active) {
        return Err(Failure::Transient("not sent: the organization is not active".into()));
    }
    let language = app.invitation_language(&invitation, &path, None).await.map_err(transient)?;
    let kind = if letter.is_reminder { mail::Kind::Reminder } else { mail::Kind::Invitation };
    let said = facts(app, kind, language, org, &path, &invitation, now);
    let host = mail::host_of(&app.settings.public_url);
    let message = mail::message(mail::render(&said), &said.letterhead, &post.from, &invitation.email, letter.id, host, now)
        .map_err(|error| Failure::Permanent(error.to_string()))?;
    // Once more, in the commit after which the text leaves.
    let begin = async {
        let begun = Change::LetterBegun { letter: letter.clone(), at: app.now() };
        match app.store.commit(app.author(Actor::Worker), vec![begun.into()]).await {
            Ok(_) => Ok(()),
            Err(store::Error::Stale) => {
                Err(Failure::Permanent("not sent: the invitation was answered or ended meanwhile".into()))
            }
            Err(error) => Err(transient(error)),
        }
    };
    post.send(letter.id, &message, begin).await
}

fn facts(
    app: &App,
    kind: mail::Kind,
    language: &'static mail::Catalogue,
    org: &Org,
    path: &[Org],
    invitation: &Invitation,
    now: Timestamp,
) -> mail::Invitation {
    mail::Invitation {
        kind,
        language,
        letterhead: mail::Letterhead::of(&org.settings.choices),
        inviter: invitation.inviter_name().map(str::to_owned),
        user_name: invitation.user_name.clone(),
        path: path.iter().map(|org| org.name.clone()).collect(),
        groups: invitation.groups.iter().filter(|group| group.exists).map(|group| group.display.clone()).collect(),
        message: invitation.message.clone(),
        expires_at: invitation.expires_at,
        now,
        link: invite::link(&app.settings.public_url, app.settings.invitation_key.expose(), org, invitation),
    }
}

fn transient(error: impl std::fmt::Display) -> Failure {
    Failure::Transient(error.to_string())
}
