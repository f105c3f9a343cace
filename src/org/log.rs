//! A line of an org's request log, and what of a request may stand in it: structure and names stay, what is about a person goes
//! (X-08).

use serde_json::Value;
use uuid::Uuid;

use crate::base::limit::{LOG_BODY_BYTES_MAX, LOG_TEXT_CHARS_MAX};
use crate::base::{OrgId, Timestamp};
use crate::scim::filter::redacted;
use crate::scim::{Quirks, json};

/// Which requests are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logged {
    /// All of them.
    All,
    /// Those that write, that fail or that needed a quirk.
    Writes,
}

impl Logged {
    /// Both.
    pub const ALL: [Logged; 2] = [Logged::All, Logged::Writes];

    /// The name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Logged::All => "all",
            Logged::Writes => "writes",
        }
    }

    /// The one of that name.
    pub fn of(name: &str) -> Option<Logged> {
        Logged::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// A request and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Of whose log.
    pub org: OrgId,
    /// In the order of time.
    pub id: Uuid,
    /// When it was answered.
    pub at: Timestamp,
    /// `GET`, `POST` …
    pub method: String,
    /// Below the org, with the names of the parameters.
    pub path: String,
    /// Of the answer.
    pub status: u16,
    /// Until the answer.
    pub duration_us: i64,
    /// `client_id` of the token.
    pub client: Option<String>,
    /// As the client calls itself.
    pub user_agent: Option<String>,
    /// What had to be forgiven.
    pub quirks: Quirks,
    /// Why it was refused.
    pub reason: Option<String>,
    /// The body, redacted.
    pub body: Option<String>,
}

impl Entry {
    /// The provider that the `User-Agent` gives away, if it does (OK-15, GO-01).
    pub fn provider(&self) -> Option<&'static str> {
        let agent = self.user_agent.as_deref()?;
        let known = [("Okta SCIM Client", "okta"), ("Google-Auto-Provisioning", "google")];
        known.into_iter().find(|(prefix, _)| agent.starts_with(prefix)).map(|(_, provider)| provider)
    }
}

/// How often an org needed a quirk, and when last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuirkCount {
    /// Its name.
    pub quirk: String,
    /// Requests.
    pub count: u64,
    /// Of the last of them.
    pub last_seen: Timestamp,
}

/// Which lines are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of this status, or of these: lowest and highest.
    pub status: Option<(u16, u16)>,
    /// Of this method.
    pub method: Option<String>,
    /// That needed one of these.
    pub quirks: Quirks,
    /// Of this client.
    pub client: Option<String>,
    /// From then on.
    pub since: Option<Timestamp>,
    /// Before then.
    pub until: Option<Timestamp>,
    /// Older than this line.
    pub before: Option<Uuid>,
    /// At the most.
    pub limit: usize,
}

/// The most of `text` that is kept.
pub fn bounded(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LOG_TEXT_CHARS_MAX).collect()
}

/// A reason without the values that it quotes.
pub fn reason(detail: &str) -> String {
    // A word of a filter that has no quotes may be a name just the same.
    let detail = match detail.split_once("unexpected `") {
        Some((before, rest)) if detail.contains(" in filter") => {
            format!("{before}unexpected `…`{}", rest.split_once('`').map_or("", |(_, after)| after))
        }
        _ => detail.to_owned(),
    };
    bounded(&unquoted(&detail))
}

/// A path and the query behind it. Of the parameters, only what names attributes and numbers keeps its value.
pub fn address(path: &str, query: Option<&str>) -> String {
    let mut nth = 0;
    let segments = path.split('/').map(|part| {
        nth += usize::from(!part.is_empty() && !["v1", "v2"].contains(&part));
        // Area and endpoint stand first; below them only what cannot be a name.
        let is_shown = nth <= 2 && !part.contains(['@', '%']);
        let is_plain = part.parse::<Uuid>().is_ok() || part.starts_with('.') || part.starts_with("urn:");
        if is_shown || is_plain { part } else { "…" }
    });
    let mut address = segments.collect::<Vec<_>>().join("/");
    for (nth, pair) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        let (name, value) = pair.split_once('=').unwrap_or((if pair == "cursor" { pair } else { "…" }, ""));
        let name = if name.chars().all(|c| c.is_ascii_alphanumeric()) { name } else { "…" };
        let is_plain =
            ["count", "startIndex", "sortOrder", "sortBy", "attributes", "excludedAttributes", "limit"].contains(&name);
        let value = if is_plain {
            decoded(value)
        } else if name == "filter" {
            bounded(&redacted(&decoded(value)))
        } else {
            "…".to_owned()
        };
        address += &format!("{}{}={value}", if nth == 0 { '?' } else { '&' }, name);
    }
    bounded(&address)
}

/// A body: booleans, ids, URNs and what says how the rest is to be read stay. What is no JSON goes as a whole.
pub fn body(bytes: &[u8]) -> String {
    let Ok(mut value) = json::parse(bytes) else { return format!("{} bytes that are no JSON object", bytes.len()) };
    redact(&mut value, "", false);
    let mut text = value.to_string();
    if text.len() > LOG_BODY_BYTES_MAX {
        let end = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= LOG_BODY_BYTES_MAX).last().unwrap_or_default();
        text.truncate(end);
        text.push('…');
    }
    text
}

/// `is_reference`: whether it stands where ids of others do. Elsewhere what looks like an id may be a password.
fn redact(value: &mut Value, key: &str, is_reference: bool) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(_) if ["count", "startindex", "failonerrors"].contains(&&*key.to_ascii_lowercase()) => {}
        Value::Number(number) => *number = 0.into(),
        Value::String(text) => {
            let is_id = || text.parse::<Uuid>().is_ok() && (is_reference || key.eq_ignore_ascii_case("id"));
            *text = match &*key.to_ascii_lowercase() {
                "schemas" | "op" | "method" | "type" | "bulkid" | "sortby" | "sortorder" | "attributes"
                | "excludedattributes" => bounded(text),
                "filter" => bounded(&redacted(text)),
                "path" if text.starts_with('/') => address(text, None),
                "path" => bounded(&redacted(text)),
                _ if text.is_empty() || text.starts_with("bulkId:") || is_id() => bounded(text),
                _ => "…".to_owned(),
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, key, is_reference)),
        Value::Object(map) => {
            let path = map.iter().find(|(name, _)| name.eq_ignore_ascii_case("path")).and_then(|(_, path)| path.as_str());
            let is_reference = is_reference || path.is_some_and(refers);
            for (name, mut value) in std::mem::take(map) {
                redact(&mut value, &name, refers(&name) || is_reference && name.eq_ignore_ascii_case("value"));
                // The key of a value without path may be a path, and hold a filter.
                map.insert(if name.contains('[') { bounded(&redacted(&name)) } else { bounded(&name) }, value);
            }
        }
    }
}

/// Whether the attribute that `path` names holds ids.
fn refers(path: &str) -> bool {
    let name = path.rsplit(':').next().unwrap_or(path).split(['[', '.']).next().unwrap_or_default();
    ["members", "manager", "groups"].iter().any(|attribute| name.eq_ignore_ascii_case(attribute))
}

/// `text` with `"…"` in the place of every quoted string that is no id. One that does not end takes the rest with it.
fn unquoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('"') {
        out += before;
        let mut is_escaped = false;
        let end = after.find(|c| {
            let ends = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            ends
        });
        let inner = &after[..end.unwrap_or(after.len())];
        let shown = if inner.parse::<Uuid>().is_ok() { inner } else { "…" };
        out += &format!("\"{shown}\"");
        rest = end.map_or("", |end| &after[end + 1..]);
    }
    out + rest
}

/// Percent-encoding and `+` undone, once.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_keeps_its_structure_and_nothing_of_a_person() {
        // X-08, S-27.
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let sent = format!(
            r#"{{"schemas":["urn:x"],"userName":"ada","password":"secret","active":true,"age":41,"title":null,
                "emails":[{{"type":"work","value":"ada@x.test","primary":true}}],"members":[{{"value":"{id}"}}],
                "Operations":[{{"op":"add","path":"emails[value eq \"ada@x.test\"].display","value":{{"emails[value eq \"b\"].value":"c"}}}}]}}"#
        );
        let kept = format!(
            r#"{{"schemas":["urn:x"],"userName":"…","password":"…","active":true,"age":0,"title":null,"emails":[{{"type":"work","value":"…","primary":true}}],"members":[{{"value":"{id}"}}],"Operations":[{{"op":"add","path":"emails[value eq \"…\"].display","value":{{"emails[value eq \"…\"].value":"…"}}}}]}}"#
        );
        assert_eq!(body(sent.as_bytes()), kept);
        let secret = format!(
            r#"{{"id":"{id}","password":"{id}","Operations":[{{"op":"add","path":"password","value":"{id}"}},{{"op":"add","path":"members","value":[{{"value":"{id}","display":"{id}"}}]}},{{"method":"POST","path":"/Users/{id}","data":{{"externalId":"{id}"}}}}]}}"#
        );
        let kept = format!(
            r#"{{"id":"{id}","password":"…","Operations":[{{"op":"add","path":"password","value":"…"}},{{"op":"add","path":"members","value":[{{"value":"{id}","display":"…"}}]}},{{"method":"POST","path":"/Users/{id}","data":{{"externalId":"…"}}}}]}}"#
        );
        assert_eq!(body(secret.as_bytes()), kept, "a password may look like an id");
        assert_eq!(body(b"ada=secret"), "10 bytes that are no JSON object");
        let long = format!(r#"{{"a":[{}1]}}"#, "true,".repeat(LOG_BODY_BYTES_MAX));
        assert!(body(long.as_bytes()).len() <= LOG_BODY_BYTES_MAX + "…".len());
    }

    #[test]
    fn an_address_keeps_names_and_no_literal() {
        // F-32.
        let query = "filter=userName+eq+%22ada%22%20and%20title%20eq%20Boss%20and%20active%20eq%20true&count=5&cursor=abc";
        let kept = r#"/scim2/Users?filter=userName eq "…" and title eq … and active eq true&count=5&cursor=…"#;
        assert_eq!(address("/scim2/Users", Some(query)), kept);
        for (path, query, kept) in [
            ("/scim2/Users/ada@x.test", None, "/scim2/Users/…"),
            ("/scim2/v2/Users/ada.lovelace", None, "/scim2/v2/Users/…"),
            ("/scim2/Users/.search", None, "/scim2/Users/.search"),
            ("/scim2/Users", Some("ada@x.test&cursor"), "/scim2/Users?…=…&cursor=…"),
            ("/scim2/Users", Some("ada%40x=1"), "/scim2/Users?…=…"),
        ] {
            assert_eq!(address(path, query), kept);
        }
    }

    #[test]
    fn a_reason_tells_what_without_whom() {
        assert_eq!(reason(r#"`userName` "ada \"the\" first" is already used"#), r#"`userName` "…" is already used"#);
        assert_eq!(
            reason("unexpected `jyoung` at 14 in filter, expected `and`"),
            "unexpected `…` at 14 in filter, expected `and`"
        );
        assert_eq!(
            reason("`nope` names no attribute of this resource type"),
            "`nope` names no attribute of this resource type"
        );
    }
}
