//! The carrier: leases what is due, sends each letter in a task of its own, and writes down how it ended.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::post::{Failure, Post};
use crate::app::App;
use crate::base::Timestamp;
use crate::invite::{self, Invitation, Status};
use crate::mail;
use crate::org::Org;
use crate::outbox::{self, Change, Letter};
use crate::store::{self, Actor};

/// Letters under way at the same time: one slow recipient does not hold up the others.
const AT_ONCE: usize = 8;
/// Longer than a letter can take, so that no other carrier takes it up meanwhile.
const LEASE: Duration = Duration::from_secs(300);
/// After so many tries a mail server that cannot be understood is given up: each may have delivered the letter (SEC F-18).
const UNCLEAR_TRIES_MAX: u32 = 3;
/// Between two looks where nobody calls: for retries, and for letters that another process queued.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Carries letters until `stop` is ready, and then finishes those under way.
pub async fn carry(app: Arc<App>, post: Post, stop: impl Future<Output = ()> + Send) {
    let post = Arc::new(post);
    let mut stop = pin!(stop);
    loop {
        let pause = match carry_due(&app, &post).await {
            Ok(AT_ONCE) => Duration::ZERO,
            Ok(_) => LOOK_EVERY,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the outbox cannot be read");
                LOOK_EVERY
            }
        };
        tokio::select! {
            biased;
            () = &mut stop => return,
            () = app.letters.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// One round; returns how many letters were taken up.
pub(super) async fn carry_due(app: &Arc<App>, post: &Arc<Post>) -> Result<usize, store::Error> {
    let now = app.now();
    let letters = app.store.letters_due(now, now + LEASE, AT_ONCE).await?;
    let count = letters.len();
    let mut under_way = JoinSet::new();
    let mut by_task = HashMap::new();
    for letter in letters {
        let (app, post, carried) = (app.clone(), post.clone(), letter.clone());
        let task = under_way.spawn(async move { carry_one(&app, &post, &carried).await });
        by_task.insert(task.id(), letter);
    }
    while let Some(ended) = under_way.join_next_with_id().await {
        let (task, change) = match ended {
            Ok((task, change)) => (task, Some(change)),
            // SEC F-20: a letter that makes its carrier panic would do so again.
            Err(error) => (error.id(), None),
        };
        let Some(letter) = by_task.remove(&task) else { continue };
        let change = change.unwrap_or_else(|| Change::LetterFailed {
            id: letter.id,
            at: app.now(),
            answer: "the letter could not be written: its carrier failed".into(),
        });
        note(app, &letter, change).await;
    }
    Ok(count)
}

/// What cannot be noted is tried again when the lease ends.
async fn note(app: &App, letter: &Letter, change: Change) {
    let (letter_id, invitation_id, org_id) = (letter.id, letter.invitation, letter.org);
    match &change {
        Change::LetterSent { .. } => {
            tracing::info!(letter.id = %letter_id, invitation.id = %invitation_id, org.id = %org_id, "letter sent");
        }
        Change::LetterDeferred { due, .. } => {
            tracing::warn!(letter.id = %letter_id, invitation.id = %invitation_id, org.id = %org_id, %due, "letter deferred");
        }
        Change::LetterFailed { .. } => {
            tracing::warn!(letter.id = %letter_id, invitation.id = %invitation_id, org.id = %org_id, "letter given up");
        }
    }
    if let Err(error) = app.store.commit(app.author(Actor::Worker), vec![change.into()]).await {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, letter.id = %letter_id, "the outcome of a letter could not be written");
    }
}

pub(super) async fn carry_one(app: &App, post: &Post, letter: &Letter) -> Change {
    let (id, tries) = (letter.id, letter.attempts.saturating_add(1));
    let mut expires_at = Timestamp(i64::MAX);
    let ended = attempt(app, post, letter, &mut expires_at).await;
    let at = app.now();
    match ended {
        Ok(answer) => Change::LetterSent { id, at, answer: mail::text::line(&answer) },
        Err(Failure::Permanent(answer)) => Change::LetterFailed { id, at, answer: mail::text::line(&answer) },
        Err(Failure::Unclear(answer)) if tries >= UNCLEAR_TRIES_MAX => {
            Change::LetterFailed { id, at, answer: mail::text::line(&answer) }
        }
        Err(Failure::Transient(answer) | Failure::Unclear(answer)) => {
            let answer = mail::text::line(&answer);
            match outbox::next_try(tries, at, expires_at) {
                Some(due) => Change::LetterDeferred { id, at, due, answer },
                None => Change::LetterFailed { id, at, answer },
            }
        }
    }
}

async fn attempt(app: &App, post: &Post, letter: &Letter, expires_at: &mut Timestamp) -> Result<String, Failure> {
    if letter.attempts >= outbox::TRIES_MAX {
        return Err(Failure::Permanent("given up: no try came to an end".into()));
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
    let host = mail::host_of(&app.settings.public_url);
    let language = app.invitation_language(&invitation, None).await.map_err(transient)?;
    let rendered = mail::render(&facts(app, language, org, &path, &invitation, now));
    let message = mail::message(rendered, &post.from, &invitation.email, letter.id, host, now)
        .map_err(|error| Failure::Permanent(error.to_string()))?;
    post.send(letter.id, message).await
}

fn facts(app: &App, language: &'static mail::Catalogue, org: &Org, path: &[Org], invitation: &Invitation, now: Timestamp) -> mail::Invitation {
    mail::Invitation {
        kind: mail::Kind::Invitation,
        language,
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
