//! The body of `POST …/Invitations/.invite` and its answer.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{LineError, Policy, Sender, error::LineCode};
use crate::base::{InvitationId, Timestamp, limit};
use crate::scim::{Error, ScimType, urn};

/// Several people to be invited at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteRequest {
    /// In the order of the body: `userNames` first, then `invitations`.
    pub lines: Vec<Line>,
    /// Whether everything is checked and nothing done.
    pub dry_run: bool,
    /// Who brings the codes to the invitees.
    pub sender: Sender,
}

/// One person to be invited, with what the request says for all already filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// In the parent.
    pub user_name: String,
    /// Ids as the client wrote them, each once, sorted.
    pub groups: Vec<String>,
    /// Words of the inviter.
    pub message: Option<String>,
    /// Language of the letter; if none, that of the invitee's profile.
    pub locale: Option<String>,
    /// How long the invitation is good for.
    pub lifetime: Duration,
    /// When the membership ends.
    pub until: Option<Timestamp>,
}

/// What became of an [`InviteRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InviteResponse {
    schemas: [&'static str; 1],
    /// How many lines became an invitation, or would.
    pub invited: usize,
    /// How many did not.
    pub failed: usize,
    /// Whether nothing was done.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// One per line, in the order of the lines.
    pub results: Vec<LineResult>,
}

/// What became of one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LineResult {
    /// As in the request.
    pub user_name: String,
    /// `invited` or `failed`.
    pub status: &'static str,
    /// The invitation made; none in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invitation: Option<Made>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failed>,
}

/// An invitation just made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    /// Of the resource.
    pub id: InvitationId,
    /// From when the link is dead.
    pub expires_at: Timestamp,
}

/// A line's error on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// One of [`LineCode`].
    pub code: &'static str,
    /// A sentence.
    pub detail: String,
}

impl InviteResponse {
    /// Counts `results`.
    pub fn new(dry_run: bool, results: Vec<LineResult>) -> Self {
        let failed = results.iter().filter(|result| result.error.is_some()).count();
        InviteResponse { schemas: [urn::INVITE_RESPONSE], invited: results.len() - failed, failed, dry_run, results }
    }
}

impl LineResult {
    /// The line became an invitation; in a dry run there is none to show.
    pub fn invited(user_name: String, invitation: Option<Made>) -> Self {
        LineResult { user_name, status: "invited", invitation, error: None }
    }

    /// The line did not.
    pub fn failed(user_name: String, error: LineError) -> Self {
        let error = Failed { code: LineCode::as_str(error.code), detail: error.detail };
        LineResult { user_name, status: "failed", invitation: None, error: Some(error) }
    }
}

impl InviteRequest {
    /// Reads the body. What is wrong with the request as a whole is a 400; what is wrong with one line is found later and
    /// told in its result.
    ///
    /// A line of `invitations` that has `groups`, `message`, `locale` or `expiresIn` of its own uses these in place of what
    /// the request says for all.
    pub fn parse(body: &Map<String, Value>, policy: &Policy, now: Timestamp) -> Result<InviteRequest, Error> {
        let body = Object::new(body, "");
        body.schema(urn::INVITE_REQUEST)?;
        let own = ["groups", "message", "locale", "expiresIn", "until"];
        body.only(&[&["schemas", "userNames", "invitations", "dryRun", "sendMail"], &own[..]].concat())?;
        let all = Line {
            user_name: String::new(),
            groups: body.groups()?.unwrap_or_default(),
            message: body.message()?,
            locale: body.locale()?,
            lifetime: body.lifetime(policy)?.unwrap_or(policy.lifetime),
            until: body.until(now)?,
        };
        let names = body.array("userNames")?;
        let lines_of_their_own = body.array("invitations")?;
        let count = names.len() + lines_of_their_own.len();
        if count == 0 {
            return Err(invalid("nobody to invite: `userNames` and `invitations` are both empty"));
        }
        if count > limit::INVITE_LINES_MAX {
            let detail = format!("{count} invitations in one request, {} are allowed", limit::INVITE_LINES_MAX);
            return Err(Error::bad(ScimType::TooMany, detail));
        }
        let mut lines = Vec::with_capacity(count);
        for (at, name) in names.iter().enumerate() {
            let name = name.as_str().ok_or_else(|| invalid(format!("`userNames[{at}]` is not a string")))?;
            lines.push(Line { user_name: name.to_owned(), ..all.clone() });
        }
        for (at, line) in lines_of_their_own.iter().enumerate() {
            let place = format!("invitations[{at}].");
            let line =
                line.as_object().ok_or_else(|| invalid(format!("`invitations[{at}]` is not an object with `userName`")))?;
            let line = Object::new(line, &place);
            line.only(&[&["userName"], &own[..]].concat())?;
            let name = line.text("userName")?.ok_or_else(|| invalid(format!("`{place}userName` is missing")))?;
            lines.push(Line {
                user_name: name.to_owned(),
                groups: line.groups()?.unwrap_or_else(|| all.groups.clone()),
                message: line.message()?.or_else(|| all.message.clone()),
                locale: line.locale()?.or_else(|| all.locale.clone()),
                lifetime: line.lifetime(policy)?.unwrap_or(all.lifetime),
                until: line.until(now)?.or(all.until),
            });
        }
        let sender = if body.flag("sendMail")?.unwrap_or(true) { Sender::Usher } else { Sender::Caller };
        Ok(InviteRequest { lines, dry_run: body.flag("dryRun")?.unwrap_or(false), sender })
    }
}

impl Line {
    /// Reads the attributes of an Invitation resource, for who creates a single one in plain SCIM.
    pub fn parse(resource: &Map<String, Value>, policy: &Policy, now: Timestamp) -> Result<Line, Error> {
        let resource = Object::new(resource, "");
        Ok(Line {
            user_name: resource.text("userName")?.ok_or_else(|| invalid("`userName` is missing"))?.to_owned(),
            groups: resource.groups()?.unwrap_or_default(),
            message: resource.message()?,
            locale: resource.locale()?,
            lifetime: resource.lifetime(policy)?.unwrap_or(policy.lifetime),
            until: resource.until(now)?,
        })
    }
}

/// Reads the body of `.resend`: a new lifetime, where it has one.
pub fn resend(body: &Map<String, Value>, policy: &Policy) -> Result<Option<Duration>, Error> {
    let body = Object::new(body, "");
    body.only(&["schemas", "expiresIn"])?;
    body.lifetime(policy)
}

/// Reads the body of `.revoke`: why, where it says so.
pub fn revoke(body: &Map<String, Value>) -> Result<Option<String>, Error> {
    let body = Object::new(body, "");
    body.only(&["schemas", "reason"])?;
    body.words("reason", limit::REASON_CHARS_MAX)
}

/// An object of the body, and where in it that is. Attribute names are not case-sensitive (RFC 7643 §2.1), and null is the
/// same as absent (§2.5).
struct Object<'a> {
    map: &'a Map<String, Value>,
    place: &'a str,
}

impl<'a> Object<'a> {
    fn new(map: &'a Map<String, Value>, place: &'a str) -> Self {
        Object { map, place }
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.iter().find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null()).map(|(_, value)| value)
    }

    fn wrong<T>(&self, name: &str, expected: impl std::fmt::Display) -> Result<T, Error> {
        Err(invalid(format!("`{}{name}` is not {expected}", self.place)))
    }

    fn schema(&self, urn: &str) -> Result<(), Error> {
        let has = |value: &Value| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(urn));
        match self.get("schemas") {
            None => Ok(()),
            Some(Value::Array(schemas)) if schemas.iter().any(has) => Ok(()),
            Some(_) => Err(invalid(format!("`schemas` does not hold {urn}"))),
        }
    }

    /// A misspelt `dryrun_` must not send five hundred mails.
    fn only(&self, names: &[&str]) -> Result<(), Error> {
        match self.map.keys().find(|key| !names.iter().any(|name| key.eq_ignore_ascii_case(name))) {
            Some(key) => Err(invalid(format!("`{}{}` is not known here", self.place, key.escape_debug()))),
            None => Ok(()),
        }
    }

    fn text(&self, name: &str) -> Result<Option<&'a str>, Error> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => self.wrong(name, "a string"),
        }
    }

    fn array(&self, name: &str) -> Result<&'a [Value], Error> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(values)) => Ok(values),
            Some(_) => self.wrong(name, "an array"),
        }
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, Error> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => self.wrong(name, "true or false"),
        }
    }

    fn groups(&self) -> Result<Option<Vec<String>>, Error> {
        if self.get("groups").is_none() {
            return Ok(None);
        }
        let mut groups = Vec::new();
        for (at, group) in self.array("groups")?.iter().enumerate() {
            // A bare id is what a person types into curl.
            let id = match group {
                Value::String(id) => Some(id.as_str()),
                Value::Object(group) => Object::new(group, self.place).get("value").and_then(Value::as_str),
                _ => None,
            };
            match id {
                Some(id) => groups.push(id.to_owned()),
                None => return self.wrong(&format!("groups[{at}]"), "an object with `value`"),
            }
        }
        groups.sort_unstable();
        groups.dedup();
        if groups.len() > limit::INVITATION_GROUPS_MAX {
            return self.wrong("groups", format_args!("at most {} groups", limit::INVITATION_GROUPS_MAX));
        }
        Ok(Some(groups))
    }

    fn message(&self) -> Result<Option<String>, Error> {
        self.words("message", limit::MESSAGE_CHARS_MAX)
    }

    fn words(&self, name: &str, chars_max: usize) -> Result<Option<String>, Error> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        if text.chars().count() > chars_max {
            return self.wrong(name, format_args!("at most {chars_max} characters"));
        }
        Ok(Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned))
    }

    /// RFC 5646 §2.1, by its shape: `de`, `pt-BR`, `zh-Hant-TW`.
    fn locale(&self) -> Result<Option<String>, Error> {
        let Some(text) = self.text("locale")? else { return Ok(None) };
        let is_tag = text
            .split(['-', '_'])
            .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        if !is_tag || text.len() > 35 {
            return self.wrong("locale", "a language tag such as `de` or `pt-BR`");
        }
        Ok(Some(text.to_owned()))
    }

    fn until(&self, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        let Some(text) = self.text("until")? else { return Ok(None) };
        match Timestamp::parse(text).filter(|at| *at > now) {
            Some(at) => Ok(Some(at)),
            None => self.wrong("until", "a dateTime to come, such as `2030-12-31T18:00:00Z`"),
        }
    }

    fn lifetime(&self, policy: &Policy) -> Result<Option<Duration>, Error> {
        let Some(value) = self.get("expiresIn") else { return Ok(None) };
        let (least, most) = (policy.lifetimes.0.as_secs(), policy.lifetimes.1.as_secs());
        match value.as_u64() {
            Some(seconds) if (least..=most).contains(&seconds) => Ok(Some(Duration::from_secs(seconds))),
            _ => self.wrong("expiresIn", format_args!("a whole number of seconds from {least} to {most}")),
        }
    }
}

fn invalid(detail: impl Into<String>) -> Error {
    Error::bad(ScimType::InvalidValue, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(body: Value) -> Result<InviteRequest, String> {
        let body = body.as_object().expect("an object");
        InviteRequest::parse(body, &Policy::default(), Timestamp(0)).map_err(|error| error.detail)
    }

    #[test]
    fn a_line_of_its_own_overrides_what_is_said_for_all() {
        let request = parse(json!({
            "schemas": [urn::INVITE_REQUEST],
            "USERNAMES": ["ada", "ada"],
            "groups": [{"value": "g2"}, {"value": "g1"}, {"value": "g2", "display": "x"}],
            "invitations": [{"userName": "eve", "groups": [], "locale": "de", "expiresIn": 600, "message": null}],
            "message": " hello \n", "expiresIn": 259_200, "dryRun": true, "until": "1970-01-01T00:00:01Z"
        }));
        let ada = Line {
            user_name: "ada".into(),
            groups: vec!["g1".into(), "g2".into()],
            message: Some("hello".into()),
            locale: None,
            lifetime: Duration::from_secs(259_200),
            until: Some(Timestamp(1000)),
        };
        let eve = Line {
            user_name: "eve".into(),
            groups: vec![],
            message: Some("hello".into()),
            locale: Some("de".into()),
            lifetime: Duration::from_secs(600),
            until: Some(Timestamp(1000)),
        };
        assert_eq!(request, Ok(InviteRequest { lines: vec![ada.clone(), ada, eve], dry_run: true, sender: Sender::Usher }));
    }

    #[test]
    fn a_request_that_is_wrong_as_a_whole_is_refused_with_its_place() {
        let many: Vec<_> = (0..=limit::INVITE_LINES_MAX).map(|at| at.to_string()).collect();
        let ids: Vec<_> = (0..=limit::INVITATION_GROUPS_MAX).map(|at| at.to_string()).collect();
        for (body, detail) in [
            (json!({}), "nobody to invite: `userNames` and `invitations` are both empty"),
            (json!({"userNames": "ada"}), "`userNames` is not an array"),
            (json!({"userNames": [1]}), "`userNames[0]` is not a string"),
            (json!({"userNames": many}), "501 invitations in one request, 500 are allowed"),
            (json!({"userNames": ["a"], "groups": ids}), "`groups` is not at most 100 groups"),
            (json!({"userNames": ["a"], "groups": [{"id": "x"}]}), "`groups[0]` is not an object with `value`"),
            (json!({"userNames": ["a"], "dryRun": "true"}), "`dryRun` is not true or false"),
            (
                json!({"userNames": ["a"], "until": "1970-01-01T00:00:00Z"}),
                "`until` is not a dateTime to come, such as `2030-12-31T18:00:00Z`",
            ),
            (json!({"userNames": ["a"], "dry_run": true}), "`dry_run` is not known here"),
            (json!({"userNames": ["a"], "redirectUrl": "https://evil.test"}), "`redirectUrl` is not known here"),
            (json!({"userNames": ["a"], "locale": "de\r\nBcc: x"}), "`locale` is not a language tag such as `de` or `pt-BR`"),
            (json!({"userNames": ["a"], "message": "x".repeat(2001)}), "`message` is not at most 2000 characters"),
            (
                json!({"userNames": ["a"], "schemas": [urn::USER]}),
                "`schemas` does not hold urn:usher:scim:schemas:messages:2.0:InviteRequest",
            ),
            (json!({"invitations": ["ada"]}), "`invitations[0]` is not an object with `userName`"),
            (json!({"invitations": [{"groups": []}]}), "`invitations[0].userName` is missing"),
            (
                json!({"invitations": [{"userName": "a", "expiresIn": 299}]}),
                "`invitations[0].expiresIn` is not a whole number of seconds from 300 to 2592000",
            ),
        ] {
            assert_eq!(parse(body.clone()), Err(detail.to_owned()), "{body}");
        }
        for lifetime in [json!(299), json!(2_592_001), json!(-1), json!(300.5), json!("300"), json!(u64::MAX)] {
            assert!(parse(json!({"userNames": ["a"], "expiresIn": lifetime})).is_err(), "{lifetime}");
        }
        for lifetime in [300, 2_592_000] {
            assert!(parse(json!({"userNames": ["a"], "expiresIn": lifetime})).is_ok(), "{lifetime}");
        }
    }
}
