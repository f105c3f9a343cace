//! Letters: in which language, what they would look like, and whether they get out.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use lettre::Message;
use lettre::message::Mailbox;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{App, Error};
use crate::auth::{Principal, Scope, Subject};
use crate::base::{InvitationId, OrgId, Timestamp, limit};
use crate::directory;
use crate::invite::Invitation;
use crate::mail::{self, Catalogue, Kind, Letterhead, Rendered, choose};
use crate::org::{Org, Setting};
use crate::scim::{self, Kind as Resource, ScimType};
use crate::store::References;

/// The way out for a letter that somebody waits for; the worker's.
#[async_trait]
pub trait Courier: Send + Sync {
    /// Who sends.
    fn sender(&self) -> &Mailbox;

    /// Tries once, and returns what the other side said.
    async fn deliver(&self, id: Uuid, message: &Message) -> Result<String, String>;
}

/// A letter to look at.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Which one.
    pub kind: Kind,
    /// In which language; where there is none like it, English.
    pub language: Option<String>,
}

/// When each org last sent letters to try its settings.
#[derive(Default)]
pub struct Tried(Mutex<HashMap<OrgId, VecDeque<Timestamp>>>);

impl Tried {
    /// Counts a letter of `org`, or says when the next may be sent.
    fn count(&self, org: OrgId, now: Timestamp) -> Result<(), Timestamp> {
        let mut orgs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now - limit::MAIL_TESTS_SPAN;
        orgs.retain(|_, sent| {
            while sent.front().is_some_and(|at| *at <= since) {
                sent.pop_front();
            }
            !sent.is_empty()
        });
        let sent = orgs.entry(org).or_default();
        match sent.front() {
            Some(first) if sent.len() >= limit::MAIL_TESTS_MAX => Err(*first + limit::MAIL_TESTS_SPAN),
            _ => {
                sent.push_back(now);
                Ok(())
            }
        }
    }
}

/// How long a caller waits for the mail server; the request itself ends after [`limit::REQUEST_DEADLINE`].
const PATIENCE: Duration = Duration::from_secs(20);

impl App {
    /// The language in which the invitee reads: the invitation's, else the person's own `preferredLanguage` or `locale`, else the
    /// org's, which is the last of its `path`, else what the `browser` accepts.
    pub async fn invitation_language(
        &self,
        invitation: &Invitation,
        path: &[Org],
        browser: Option<&str>,
    ) -> Result<&'static Catalogue, Error> {
        let source = invitation.source.0;
        let source = self.store.resource(invitation.source_org, Resource::User, source, References::Omit, self.now()).await?;
        let doc: Value = source.and_then(|user| serde_json::from_str(&user.doc).ok()).unwrap_or_default();
        let own = |name: &str| doc.get(name).and_then(Value::as_str);
        let of_org = path.last().and_then(|org| org.settings.choices.text(Setting::MailLanguage));
        Ok(choose([invitation.locale.as_deref(), own("preferredLanguage"), own("locale"), of_org, browser]))
    }

    /// The letter of `sample` as the caller's org would send it, about people who do not exist.
    pub async fn mail_preview(&self, who: &Principal, sample: &Sample) -> Result<Value, Error> {
        who.require(Scope::SettingsRead)?;
        self.org_mail_preview(&who.org, sample).await
    }

    /// Sends the letter of `sample` to a user of the caller's org and to nobody else: to the one of that name, else to the caller.
    /// The answer says what the mail server said. 400 where that user has no address, 429 after too many.
    pub async fn mail_test(&self, who: &Principal, user_name: Option<&str>, sample: &Sample) -> Result<Value, Error> {
        who.require(Scope::SettingsWrite)?;
        let id = match (user_name, &who.subject) {
            (Some(name), _) => self.store.account(who.org.id, name).await?.map(|account| account.id),
            (None, Subject::User(id)) => Some(*id),
            (None, _) => None,
        };
        let wrong = |detail: String| Error::from(scim::Error::bad(ScimType::InvalidValue, detail));
        let named = || match user_name {
            Some(name) => wrong(format!("`userName`: this organization has no user {name:?}")),
            None => wrong("`userName` is not there, expected the name of a user of this organization".into()),
        };
        let id = id.ok_or_else(named)?;
        let user = self.load(who, Resource::User, id.0, References::Omit).await?;
        let doc: Map<String, Value> = serde_json::from_str(&user.doc).unwrap_or_default();
        let address = directory::users::address(&doc).ok_or_else(|| wrong("this user has no email address".into()))?;
        if let Err(next) = self.mail_tried.count(who.org.id, self.now()) {
            let most = limit::MAIL_TESTS_MAX;
            let detail = format!("{most} test letters an hour is the most for an organization, the next one may go at {next}");
            return Err(scim::Error::status(429, detail).into());
        }
        let sent = self.org_mail_test(&who.org, address, sample).await?;
        tracing::info!(org.id = %who.org.id, user.id = %id, is_sent = sent.is_ok(), "test letter");
        Ok(json!({ "userName": doc["userName"], "sent": sent.is_ok(), "answer": sent.unwrap_or_else(|answer| answer) }))
    }

    /// [`App::mail_preview`] for operators.
    pub async fn org_mail_preview(&self, org: &Org, sample: &Sample) -> Result<Value, Error> {
        let letterhead = Letterhead::of(&org.settings.choices);
        let Rendered { language, subject, text, html } = self.sample(org, &letterhead, sample).await?;
        let mut body = json!({
            "kind": sample.kind.as_str(), "language": language, "subject": subject, "text": text, "html": html,
        });
        if let Some(courier) = &self.courier {
            body["from"] = mail::from(&letterhead, courier.sender()).to_string().into();
        }
        if let Some(reply_to) = &letterhead.reply_to {
            body["replyTo"] = reply_to.to_string().into();
        }
        Ok(body)
    }

    /// Sends the letter of `sample` to `to`; the inner result is what the other side said. For operators, who may write to
    /// anybody; requests come by [`App::mail_test`].
    pub async fn org_mail_test(&self, org: &Org, to: &str, sample: &Sample) -> Result<Result<String, String>, Error> {
        let Some(courier) = &self.courier else { return Ok(Err("this process sends no mail".into())) };
        let letterhead = Letterhead::of(&org.settings.choices);
        let (rendered, now) = (self.sample(org, &letterhead, sample).await?, self.now());
        let id = self.random.uuid(now);
        let host = mail::host_of(&self.settings.public_url);
        let message = match mail::message(rendered, &letterhead, courier.sender(), to, id, host, now) {
            Ok(message) => message,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let sent = tokio::time::timeout(PATIENCE, courier.deliver(id, &message)).await;
        let late = || Err(format!("no answer within {} s", PATIENCE.as_secs()));
        let line = |answer: String| mail::text::line(&answer);
        Ok(sent.unwrap_or_else(|_| late()).map(line).map_err(line))
    }

    async fn sample(&self, org: &Org, letterhead: &Letterhead, sample: &Sample) -> Result<Rendered, Error> {
        let mut path: Vec<String> = self.org_ancestry(Some(org.id)).await?.into_iter().map(|org| org.name).collect();
        path.reverse();
        // A root invites nobody, but those below it have its settings.
        if path.len() == 1 {
            path.push("Example".into());
        }
        let now = self.now();
        let id = InvitationId(Uuid::nil());
        Ok(mail::render(&mail::Invitation {
            kind: sample.kind,
            language: choose([sample.language.as_deref(), letterhead.language.as_deref()]),
            letterhead: letterhead.clone(),
            inviter: Some("Grace Hopper".into()),
            user_name: "ada".into(),
            path,
            groups: vec!["Analysts".into(), "Engineers".into()],
            message: Some("Welcome aboard!".into()),
            expires_at: now + limit::INVITATION_LIFETIME,
            now,
            // Opens the page that says so.
            link: format!("{}/t/{}/o/{}/invitations/{id}?code=sample", self.settings.public_url, org.root_handle, org.id),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_org_tries_so_often_in_an_hour_and_another_is_not_asked() {
        let tried = Tried::default();
        let org = |number| OrgId(Uuid::from_u128(number));
        let now = Timestamp(1_795_495_200_000);
        for _ in 0..limit::MAIL_TESTS_MAX {
            assert_eq!(tried.count(org(1), now), Ok(()));
        }
        assert_eq!(tried.count(org(1), now), Err(now + limit::MAIL_TESTS_SPAN));
        assert_eq!(tried.count(org(2), now), Ok(()));
        assert_eq!(tried.count(org(1), now + limit::MAIL_TESTS_SPAN), Ok(()));
        assert_eq!(tried.0.lock().expect("whole").len(), 1, "nothing is kept of those who tried long ago");
    }
}
