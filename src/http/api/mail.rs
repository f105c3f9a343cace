//! `/mail`: what letters look like, and whether they get out.

use poem_openapi::OpenApi;
use poem_openapi::param::Query;
use serde_json::{Map, Value};

use super::Tag;
use crate::app::mail::Sample;
use crate::http::answer::Told;
use crate::http::resource::{MailPreview, MailTest, MailTested};
use crate::http::{Authed, OAuthScope, Rejection, ScimBody};
use crate::mail::Kind;
use crate::scim::{self, ScimType, json};

/// The operations on mail.
pub struct MailApi;

#[OpenApi(tag = "Tag::Mail")]
impl MailApi {
    /// Preview a letter
    ///
    /// As the organization would send it, with sample people and a link that opens nothing. Where there is no catalogue of the
    /// language (`de-AT` is served by `de`, RFC 4647 §3.4), it is in English; `language` of the answer tells.
    #[oai(path = "/mail/preview", method = "get", operation_id = "previewMail")]
    async fn preview(
        &self,
        #[oai(scope = "OAuthScope::SettingsRead")] caller: Authed,
        /// `invitation`, if left out, or `reminder`.
        kind: Query<Option<String>>,
        /// A language tag, such as `fr` or `de-AT`; the organization's own, if left out.
        language: Query<Option<String>>,
    ) -> Result<Told<MailPreview>, Rejection> {
        let sample = Sample { kind: kind_of(kind.0.as_deref())?, language: language.0 };
        Ok(Told::new(&caller.app.mail_preview(&caller.who, &sample).await?))
    }

    /// Send a letter to try the settings
    ///
    /// The letter of the preview, to the address of a user of this organization and to no other: the user of `userName`, else
    /// the caller, if that is a person. It is sent at once and not tried again; `sent` and `answer` tell what the mail server said.
    /// Ten an hour for each organization; then 429.
    #[oai(path = "/mail/test", method = "post", operation_id = "testMail")]
    async fn test(
        &self,
        #[oai(scope = "OAuthScope::SettingsWrite")] caller: Authed,
        /// To whom, and which letter.
        request: ScimBody<MailTest>,
    ) -> Result<Told<MailTested>, Rejection> {
        let [user_name, kind, language] = texts(&request.map, ["userName", "kind", "language"])?;
        let sample = Sample { kind: kind_of(kind)?, language: language.map(str::to_owned) };
        Ok(Told::new(&caller.app.mail_test(&caller.who, user_name, &sample).await?))
    }
}

fn kind_of(name: Option<&str>) -> Result<Kind, Rejection> {
    let Some(name) = name else { return Ok(Kind::default()) };
    let wrong = || scim::Error::bad(ScimType::InvalidValue, format!("`kind` is {name:?}, expected `invitation` or `reminder`"));
    Ok(Kind::of(name).ok_or_else(wrong)?)
}

/// The members of these names, which are texts or not there; others are refused.
fn texts<'a, const N: usize>(body: &'a Map<String, Value>, names: [&str; N]) -> Result<[Option<&'a str>; N], Rejection> {
    if let Some(unknown) = body.keys().find(|key| !names.contains(&key.as_str())) {
        let unknown: String = unknown.chars().take(64).collect();
        let detail = format!("there is no `{unknown}`, expected one of {}", names.join(" "));
        return Err(scim::Error::bad(ScimType::InvalidSyntax, detail).into());
    }
    let mut found = [None; N];
    for (place, name) in found.iter_mut().zip(names) {
        *place = match body.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.as_str()),
            Some(other) => {
                let detail = format!("`{name}` is {}, expected a string", json::kind_of(other));
                return Err(scim::Error::bad(ScimType::InvalidValue, detail).into());
            }
        };
    }
    Ok(found)
}
