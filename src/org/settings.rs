//! What an org has chosen for itself, and what holds there: its own choice, else that of the nearest ancestor.

use serde_json::{Map, Value, json};

use super::log::Logged;
use super::setting::Choices;
use crate::scim::{Error, Preset, Profile, Quirk, Quirks, ScimType, json};

/// What an org itself has chosen; what it has not, it takes from its parent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Which switches are on where nothing else says so.
    pub profile: Option<Preset>,
    /// Switches that are on, whatever the profile.
    pub on: Quirks,
    /// Switches that are off.
    pub off: Quirks,
    /// Which requests are logged; those that write or fail, if nobody says.
    pub log: Option<Logged>,
    /// All else.
    pub choices: Choices,
}

impl Settings {
    /// Reads the body of a PUT, or with `base` that of a PATCH (RFC 7396: null takes a choice back). `effective` is the
    /// server's and passed over. 400 names what is not known, and lists what is.
    pub fn parse(base: Settings, body: Map<String, Value>) -> Result<Settings, Error> {
        let mut settings = base;
        for (key, value) in body {
            match (key.as_str(), value) {
                ("profile", Value::Null) => settings.profile = None,
                ("profile", Value::String(name)) => settings.profile = Some(name.parse().map_err(invalid)?),
                ("quirks", Value::Null) => (settings.on, settings.off) = Default::default(),
                ("quirks", Value::Object(quirks)) => {
                    for (name, value) in quirks {
                        let quirk: Quirk = name.parse().map_err(invalid)?;
                        let choice = match value {
                            Value::Null => None,
                            Value::Bool(is_on) => Some(is_on),
                            other => return Err(wrong_type(&format!("quirks.{name}"), &other, "a boolean")),
                        };
                        settings.choose(quirk, choice);
                    }
                }
                ("log", Value::Null) => settings.log = None,
                ("log", Value::String(name)) => {
                    let wrong = || invalid(format!("`log` is {name:?}, expected `all` or `writes`"));
                    settings.log = Some(Logged::of(&name).ok_or_else(wrong)?);
                }
                ("effective", _) => {}
                ("log", other) => return Err(wrong_type("log", &other, "a string")),
                ("profile", other) => return Err(wrong_type("profile", &other, "a string")),
                ("quirks", other) => return Err(wrong_type("quirks", &other, "an object")),
                (section, body) if Choices::has_section(section) => settings.choices.choose(section, body)?,
                (key, _) => {
                    let (key, sections): (String, _) = (key.chars().take(64).collect(), Choices::sections().join(" "));
                    return Err(invalid(format!("there is no setting `{key}`, expected one of profile quirks log {sections}")));
                }
            }
        }
        Ok(settings)
    }

    /// Turns `quirk` on or off, or takes that choice back.
    pub fn choose(&mut self, quirk: Quirk, choice: Option<bool>) {
        let bit = Quirks::of(quirk).0;
        (self.on.0, self.off.0) = (self.on.0 & !bit, self.off.0 & !bit);
        match choice {
            Some(true) => self.on.note(quirk),
            Some(false) => self.off.note(quirk),
            None => {}
        }
    }

    /// What holds in an org that chose this, below one where `above` holds. Who chooses a profile chooses all its switches; else
    /// each of the parent's stays that is not chosen here.
    pub fn below(&self, above: &Settings) -> Settings {
        let (log, choices) = (self.log.or(above.log), self.choices.below(&above.choices));
        if self.profile.is_some() {
            return Settings { log, choices, ..self.clone() };
        }
        Settings {
            log,
            choices,
            profile: above.profile,
            on: Quirks(above.on.0 & !self.off.0 | self.on.0),
            off: Quirks(above.off.0 & !self.on.0 | self.off.0),
        }
    }

    /// The switches that are on, where these settings hold and the server's own are `default`.
    pub fn profile(&self, default: Profile) -> Profile {
        let Profile(preset) = self.profile.map_or(default, Preset::profile);
        Profile(Quirks(preset.0 & !self.off.0 | self.on.0))
    }

    /// As the API shows and takes it.
    pub fn to_json(&self) -> Value {
        let choices = self.on.iter().map(|quirk| (quirk, true)).chain(self.off.iter().map(|quirk| (quirk, false)));
        let quirks: Map<String, Value> = choices.map(|(quirk, is_on)| (quirk.name().to_owned(), is_on.into())).collect();
        let mut body = json!({ "quirks": quirks });
        if let Some(preset) = self.profile {
            body["profile"] = preset.name().into();
        }
        if let Some(log) = self.log {
            body["log"] = log.name().into();
        }
        self.choices.show(&mut body);
        body
    }
}

pub(super) fn invalid(detail: impl ToString) -> Error {
    Error::bad(ScimType::InvalidValue, detail.to_string())
}

pub(super) fn wrong_type(name: &str, value: &Value, expected: &str) -> Error {
    invalid(format!("`{name}` is {}, expected {expected}", json::kind_of(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(base: Settings, body: Value) -> Result<Settings, String> {
        Settings::parse(base, body.as_object().cloned().expect("an object")).map_err(|error| error.detail)
    }

    #[test]
    fn what_is_shown_is_read_back() {
        let body = json!({ "profile": "strict", "log": "all", "quirks": { "bare-word": true, "schemas-in-patch": false } });
        let settings = parse(Settings::default(), body.clone()).expect("settings");
        assert_eq!(settings.to_json(), body);
        let null = json!({ "profile": null, "log": null, "quirks": { "bare-word": null }, "effective": { "any": "thing" } });
        let patched = parse(settings.clone(), null).expect("settings");
        assert_eq!(patched.to_json(), json!({ "quirks": { "schemas-in-patch": false } }));
        assert_eq!(
            parse(settings, json!({ "quirks": null })).expect("settings").to_json(),
            json!({ "profile": "strict", "log": "all", "quirks": {} })
        );
    }

    #[test]
    fn what_is_not_known_is_named_with_what_is() {
        for (body, detail) in [
            (
                json!({ "profil": "strict" }),
                "there is no setting `profil`, expected one of profile quirks log invitations invitees retention mail",
            ),
            (json!({ "profile": "loose" }), "there is no profile `loose`, expected one of lenient strict interop"),
            (json!({ "log": "reads" }), "`log` is \"reads\", expected `all` or `writes`"),
            (json!({ "profile": 1 }), "`profile` is a number, expected a string"),
            (json!({ "quirks": { "bare-word": "on" } }), "`quirks.bare-word` is a string, expected a boolean"),
            (json!({ "quirks": [] }), "`quirks` is an array, expected an object"),
        ] {
            assert_eq!(parse(Settings::default(), body), Err(detail.to_owned()));
        }
        let error = parse(Settings::default(), json!({ "quirks": { "bare-wrd": true } })).expect_err("a typo");
        assert!(error.starts_with("there is no switch `bare-wrd`, expected one of op-case"), "{error}");
    }

    #[test]
    fn the_nearest_choice_holds() {
        let choice = |body| parse(Settings::default(), body).expect("settings");
        let root = choice(json!({ "profile": "strict", "quirks": { "bare-word": true, "op-case": true } }));
        let child = choice(json!({ "quirks": { "op-case": false, "members-kept": true } })).below(&root);
        let profile = child.profile(Profile::Lenient);
        assert!(profile.has(Quirk::BareWord) && profile.has(Quirk::MembersKept), "the parent's, and its own");
        assert!(!profile.has(Quirk::OpCase) && !profile.has(Quirk::BooleanAsText), "its own, and the parent's profile");
        let own = choice(json!({ "profile": "lenient" })).below(&child);
        assert_eq!(own.profile(Profile::Strict), Profile::Lenient, "a profile of its own is the whole of it");
        assert_eq!(Settings::default().profile(Profile::Interop), Profile::Interop, "nobody chose: the server's");
    }
}
