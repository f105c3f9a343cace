//! What an org can choose beside profile, switches and log: one line of the table below for each.
//!
//! A choice is inherited until somebody below chooses otherwise. `docs/organizations.md` shows the table to people.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::settings::{invalid, wrong_type};
use crate::base::limit;
use crate::scim::Error;

macro_rules! settings {
    ($($variant:ident $section:literal $name:literal $form:expr, $about:literal)+) => {
        /// A setting. Where there are several sections, those of one stand together.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Setting {
            $(#[doc = $about] $variant),+
        }

        impl Setting {
            /// Every setting.
            pub const ALL: &'static [Setting] = &[$(Setting::$variant),+];

            /// The object of the settings in which it stands.
            pub const fn section(self) -> &'static str {
                match self { $(Setting::$variant => $section),+ }
            }

            /// Its name in that object.
            pub const fn name(self) -> &'static str {
                match self { $(Setting::$variant => $name),+ }
            }

            /// What it decides.
            pub const fn about(self) -> &'static str {
                match self { $(Setting::$variant => $about),+ }
            }

            /// Which values it takes.
            pub const fn form(self) -> Form {
                match self { $(Setting::$variant => $form),+ }
            }
        }
    };
}

const LIFETIMES: RangeInclusive<u64> = limit::INVITATION_LIFETIME_MIN.as_secs()..=limit::INVITATION_LIFETIME_MAX.as_secs();

settings! {
    InvitationLifetime "invitations" "lifetime" Form::Number(LIFETIMES), "Seconds an invitation is good for where the inviter does not say."
    InvitationLifetimeMin "invitations" "lifetimeMin" Form::Number(LIFETIMES), "The fewest seconds that an inviter may choose."
    InvitationLifetimeMax "invitations" "lifetimeMax" Form::Number(LIFETIMES), "The most seconds that an inviter may choose."
    InvitationsPerDay "invitations" "perDay" Form::Number(0..=1_000_000), "Invitations and letters sent again in a day (UTC); 10,000 if nobody says."
    InvitationsPerRecipient "invitations" "perRecipient" Form::Number(1..=1000), "Those to one person; 20 if nobody says."
    InvitationMissingGroups "invitations" "missingGroups" Form::Choice(&["skip", "block"]), "What acceptance does where a group is gone or may no longer be given: make the guest without it, or refuse."
    InvitationAnswer "invitations" "answer" Form::Choice(&["link", "sign-in"]), "What answers an invitation: the link alone, or a token of the invited user."
    InvitationReminder "invitations" "reminder" Form::Number(0..=604_800), "Seconds before its end that an unanswered invitation is reminded of; never with 0, a day before if nobody says."
    InvitationsKept "invitations" "keptDays" Form::Number(1..=3650), "Days that ended invitations are kept; 400 if nobody says."
    InviteesOpaque "invitees" "opaque" Form::Flag, "Whether organizations below are told one and the same of every user of this one whom they cannot invite."
    InviteesNames "invitees" "names" Form::Texts(limit::SHIELDED_MAX), "Names of users of this organization whom nobody can invite."
    InviteesGroups "invitees" "groups" Form::Texts(limit::SHIELDED_MAX), "Ids of groups of this organization whose members nobody can invite."
    RetentionDeleted "retention" "deleted" Form::Number(0..=limit::RESTORABLE_DAYS_MAX as u64), "Days that what was deleted can be restored, no longer than the server says."
    RetentionRequests "retention" "requests" Form::Number(1..=limit::LOG_DAYS_MAX as u64), "Days that the request log is kept, no longer than the server says."
    MailSender "mail" "senderName" Form::Text(limit::SENDER_CHARS_MAX), "Who letters are from: the name before the server's address."
    MailReplyTo "mail" "replyTo" Form::Address, "Where answers to letters go."
    MailColor "mail" "color" Form::Color, "Of the button in letters, such as `#1f5fbf`."
    MailLogo "mail" "logo" Form::Url, "The https URL of an image at the head of letters. Whoever reads one with images on is seen by its host."
    MailFooter "mail" "footer" Form::Text(limit::FOOTER_CHARS_MAX), "A line at the end of letters, such as whom to ask."
    MailLanguage "mail" "language" Form::Language, "Of letters to people who wish for no language that there is: a tag such as `fr`."
}

/// Which values a setting takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A whole number within bounds.
    Number(RangeInclusive<u64>),
    /// One line of text, with so many characters at the most.
    Text(usize),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A boolean.
    Flag,
    /// One address of mail, and nothing else.
    Address,
    /// `#` and six hexadecimal digits.
    Color,
    /// An https URL.
    Url,
    /// A language tag (BCP 47).
    Language,
    /// A list of lines of text, so many at the most.
    Texts(usize),
}

impl Form {
    /// Refuses a value that does not fit; `place` names it.
    fn check(&self, place: &str, value: &Value) -> Result<(), Error> {
        match (self, value) {
            (Form::Number(range), Value::Number(number)) => match number.as_u64().filter(|number| range.contains(number)) {
                Some(_) => Ok(()),
                None => Err(invalid(format!("`{place}` is {number}, expected {} to {}", range.start(), range.end()))),
            },
            (Form::Text(most), Value::String(text)) => {
                let is_line = !text.trim().is_empty() && text.chars().count() <= *most && !text.contains(char::is_control);
                let wrong = || invalid(format!("`{place}`: expected 1 to {most} characters, none of them a control character"));
                is_line.then_some(()).ok_or_else(wrong)
            }
            (Form::Choice(words), Value::String(word)) => match words.contains(&word.as_str()) {
                true => Ok(()),
                false => Err(invalid(format!("`{place}` is {word:?}, expected one of {}", words.join(" ")))),
            },
            (Form::Flag, Value::Bool(_)) => Ok(()),
            (Form::Address | Form::Color | Form::Url | Form::Language, Value::String(text)) => {
                let (fits, expected) = match self {
                    Form::Address => (is_address(text), "an address such as `help@example.com`"),
                    Form::Color => (is_color(text), "a colour such as `#1f5fbf`"),
                    Form::Url => (is_url(text), "a URL that opens with `https://`, in ASCII"),
                    _ => (is_language(text), "a language tag such as `fr`"),
                };
                let text: String = text.chars().take(64).collect();
                fits.then_some(()).ok_or_else(|| invalid(format!("`{place}` is {text:?}, expected {expected}")))
            }
            (Form::Texts(most), Value::Array(texts)) => {
                if texts.len() > *most {
                    return Err(invalid(format!("`{place}` has {} values, {most} are allowed", texts.len())));
                }
                texts.iter().try_for_each(|text| Form::Text(limit::NAME_CHARS_MAX).check(place, text))
            }
            (Form::Texts(_), other) => Err(wrong_type(place, other, "an array")),
            (Form::Number(_), other) => Err(wrong_type(place, other, "a number")),
            (Form::Text(_) | Form::Choice(_) | Form::Address | Form::Color | Form::Url | Form::Language, other) => {
                Err(wrong_type(place, other, "a string"))
            }
            (Form::Flag, other) => Err(wrong_type(place, other, "a boolean")),
        }
    }
}

/// RFC 5321 without quotes, comments and literals: what nobody means, or means ill.
fn is_address(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with('.') && !part.contains("..");
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"()<>[]:;,\\\"".contains(&byte));
    let is_host = |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    let parts = text.split_once('@');
    is_plain
        && text.len() <= 254
        && parts.is_some_and(|(local, host)| is_part(local) && local.len() <= 64 && is_part(host) && is_host(host))
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_url(text: &str) -> bool {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&byte));
    let host = text.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    is_plain
        && text.len() <= limit::LOGO_BYTES_MAX
        && host.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !host.contains('@')
}

fn is_language(text: &str) -> bool {
    let is_subtag = |tag: &str| (1..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let first = text.split('-').next().unwrap_or_default();
    text.len() <= 35
        && first.len() >= 2
        && first.bytes().all(|byte| byte.is_ascii_alphabetic())
        && text.split('-').all(is_subtag)
}

/// What was chosen, or holds, of [`Setting`]s.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices(Arc<BTreeMap<Setting, Value>>);

impl Choices {
    /// The number that was chosen.
    pub fn number(&self, setting: Setting) -> Option<u64> {
        self.0.get(&setting)?.as_u64()
    }

    /// The text or word that was chosen.
    pub fn text(&self, setting: Setting) -> Option<&str> {
        self.0.get(&setting)?.as_str()
    }

    /// The texts that were chosen.
    pub fn texts(&self, setting: Setting) -> impl Iterator<Item = &str> {
        self.0.get(&setting).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// What was chosen, yes or no.
    pub fn flag(&self, setting: Setting) -> Option<bool> {
        self.0.get(&setting)?.as_bool()
    }

    /// Whether there is a section of this name.
    pub(super) fn has_section(section: &str) -> bool {
        Setting::ALL.iter().any(|setting| setting.section() == section)
    }

    /// The sections, each once.
    pub fn sections() -> Vec<&'static str> {
        let mut sections: Vec<&str> = Setting::ALL.iter().map(|setting| setting.section()).collect();
        sections.dedup();
        sections
    }

    /// Chooses as `body` says for `section`; null takes back a choice, or all of the section.
    pub(super) fn choose(&mut self, section: &str, body: Value) -> Result<(), Error> {
        let choices = Arc::make_mut(&mut self.0);
        let body = match body {
            Value::Null => {
                choices.retain(|setting, _| setting.section() != section);
                return Ok(());
            }
            Value::Object(body) => body,
            other => return Err(wrong_type(section, &other, "an object")),
        };
        for (name, value) in body {
            let mut own = Setting::ALL.iter().filter(|setting| setting.section() == section);
            let Some(setting) = own.clone().find(|setting| setting.name() == name) else {
                let names: Vec<&str> = own.by_ref().map(|setting| setting.name()).collect();
                let name: String = name.chars().take(64).collect();
                return Err(invalid(format!("there is no setting `{section}.{name}`, expected one of {}", names.join(" "))));
            };
            if value.is_null() {
                choices.remove(setting);
                continue;
            }
            setting.form().check(&format!("{section}.{name}"), &value)?;
            choices.insert(*setting, value);
        }
        self.settled()
    }

    /// Refuses what contradicts itself.
    fn settled(&self) -> Result<(), Error> {
        let of = |setting| self.number(setting);
        let (least, usual, most) =
            (of(Setting::InvitationLifetimeMin), of(Setting::InvitationLifetime), of(Setting::InvitationLifetimeMax));
        let rising: Vec<u64> = [least, usual, most].into_iter().flatten().collect();
        match rising.is_sorted() {
            true => Ok(()),
            false => Err(invalid("expected `lifetimeMin`, `lifetime`, `lifetimeMax` of `invitations` in rising order")),
        }
    }

    /// What holds where this was chosen, below a place where `above` holds.
    pub(super) fn below(&self, above: &Choices) -> Choices {
        if self.0.is_empty() {
            return above.clone();
        }
        let mut holds = above.clone();
        Arc::make_mut(&mut holds.0).extend(self.0.iter().map(|(setting, value)| (*setting, value.clone())));
        holds
    }

    /// One object for each section in which something was chosen.
    pub(super) fn show(&self, body: &mut Value) {
        for (setting, value) in self.0.iter() {
            body[setting.section()][setting.name()] = value.clone();
        }
    }

    /// As a text to be stored; [`read`](Choices::read) reads it back.
    pub fn print(&self) -> String {
        let mut body = json!({});
        self.show(&mut body);
        body.to_string()
    }

    /// From a stored text. What another version of the program chose and this one does not know is passed over.
    pub fn read(text: &str) -> Choices {
        if text == "{}" {
            return Choices::default();
        }
        let body: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
        let find = |setting: &Setting| Some((*setting, body.get(setting.section())?.get(setting.name())?.clone()));
        Choices(Arc::new(Setting::ALL.iter().filter_map(find).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(body: Value) -> Result<Choices, String> {
        let mut choices = Choices::default();
        let sections = body.as_object().cloned().expect("sections");
        let done = sections.into_iter().try_for_each(|(section, body)| choices.choose(&section, body));
        done.map(|()| choices).map_err(|error| error.detail)
    }

    #[test]
    fn what_is_stored_is_read_back_and_what_is_not_known_passed_over() {
        let body = json!({ "invitations": { "lifetime": 3600, "lifetimeMax": 7200 } });
        let choices = chosen(body.clone()).expect("choices");
        assert_eq!(choices.print(), body.to_string());
        assert_eq!(Choices::read(&choices.print()), choices);
        let newer = json!({ "invitations": { "lifetime": 3600, "lifetimeMax": 7200, "x": 1 }, "y": { "z": 1 } });
        assert_eq!(Choices::read(&newer.to_string()), choices);
    }

    #[test]
    fn each_value_has_its_form() {
        for (body, detail) in [
            (json!({ "invitations": { "lifetime": 299 } }), "`invitations.lifetime` is 299, expected 300 to 2592000"),
            (json!({ "invitations": { "lifetime": 1.5 } }), "`invitations.lifetime` is 1.5, expected 300 to 2592000"),
            (json!({ "invitations": { "lifetime": "1h" } }), "`invitations.lifetime` is a string, expected a number"),
            (json!({ "invitations": [] }), "`invitations` is an array, expected an object"),
            (
                json!({ "invitations": { "life": 1 } }),
                "there is no setting `invitations.life`, expected one of lifetime lifetimeMin lifetimeMax perDay perRecipient missingGroups answer reminder keptDays",
            ),
            (
                json!({ "invitations": { "lifetime": 600, "lifetimeMax": 500 } }),
                "expected `lifetimeMin`, `lifetime`, `lifetimeMax` of `invitations` in rising order",
            ),
        ] {
            assert_eq!(chosen(body), Err(detail.to_owned()));
        }
        for (form, good, bad) in [
            (Form::Text(3), json!("abc"), json!("abcd")),
            (Form::Text(3), json!("ä c"), json!("a\nc")),
            (Form::Choice(&["a", "b"]), json!("b"), json!("c")),
            (Form::Flag, json!(true), json!("true")),
            (Form::Address, json!("help+me@acme.test"), json!("help@acme.test, eve@evil.test")),
            (Form::Address, json!("a@b"), json!("Help <help@acme.test>")),
            (Form::Address, json!("o'hara@acme.test"), json!("help@acme.test\r\nBcc: eve@evil.test")),
            (Form::Address, json!("a.b@acme.test"), json!("a@b@c")),
            (Form::Color, json!("#1F5fbf"), json!("red;background:url(x)")),
            (Form::Color, json!("#000000"), json!("#fff")),
            (Form::Url, json!("https://acme.test/logo.png?v=1"), json!("http://acme.test/logo.png")),
            (Form::Url, json!("https://a"), json!("https://")),
            (Form::Url, json!("https://a/b"), json!("https://a/\" onerror=x")),
            (Form::Url, json!("https://a/@b"), json!("https://acme.test@evil.test/")),
            (Form::Url, json!("https://a:8443/b"), json!("javascript:alert(1)")),
            (Form::Language, json!("de-AT"), json!("d")),
            (Form::Language, json!("zh-Hant-TW"), json!("de_AT")),
            (Form::Language, json!("si"), json!("../../etc/passwd")),
        ] {
            assert!(form.check("x", &good).is_ok() && form.check("x", &bad).is_err(), "{form:?} {good} {bad}");
            assert!(form.check("x", &json!({})).is_err() && form.check("x", &json!("x".repeat(1 << 20))).is_err(), "{form:?}");
        }
    }

    #[test]
    fn a_list_is_bounded_and_holds_texts() {
        let form = Form::Texts(2);
        for (list, fits) in [(json!([]), true), (json!(["a", "b"]), true), (json!(["a", "b", "c"]), false), (json!([1]), false)]
        {
            assert_eq!(form.check("x", &list).is_ok(), fits, "{list}");
        }
    }

    #[test]
    fn the_nearest_choice_holds_and_null_takes_it_back() {
        let above = chosen(json!({ "invitations": { "lifetime": 3600, "lifetimeMax": 7200 } })).expect("choices");
        let mut own = chosen(json!({ "invitations": { "lifetime": 600 } })).expect("choices");
        let holds = own.below(&above);
        assert_eq!(
            [Setting::InvitationLifetime, Setting::InvitationLifetimeMax].map(|setting| holds.number(setting)),
            [Some(600), Some(7200)]
        );
        own.choose("invitations", json!({ "lifetime": null })).expect("taken back");
        assert_eq!(own.below(&above), above);
    }
}
