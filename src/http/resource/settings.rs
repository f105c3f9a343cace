//! The settings of an org: one property for each switch, so that an SDK knows them all.

use poem_openapi::registry::MetaSchema;

use super::message::{choice, described, integer, object, strings, text};
use crate::base::limit;
use crate::org::log::Logged;
use crate::org::{Choices, Form, Setting};
use crate::scim::{Preset, Quirk};

/// What the org chose, and what holds.
pub(super) fn settings() -> MetaSchema {
    let effective = MetaSchema {
        read_only: true,
        description: Some("What holds: the organization's own choice, else that of the nearest ancestor, else the server's."),
        ..object(&properties())
    };
    let mut settings = properties();
    settings.push(("effective", effective));
    object(&settings)
}

fn properties() -> Vec<(&'static str, MetaSchema)> {
    let mut properties = vec![("profile", profile()), ("quirks", quirks()), ("log", log())];
    for section in Choices::sections() {
        let own = Setting::ALL.iter().filter(|setting| setting.section() == section);
        let own: Vec<_> = own.map(|setting| (setting.name(), value(*setting))).collect();
        properties.push((section, object(&own)));
    }
    properties
}

fn value(setting: Setting) -> MetaSchema {
    match setting.form() {
        Form::Number(range) => {
            MetaSchema { minimum: Some(*range.start() as f64), maximum: Some(*range.end() as f64), ..integer(setting.about()) }
        }
        Form::Text(most) => MetaSchema { max_length: Some(most), ..text(setting.about()) },
        Form::Choice(words) => choice(setting.about(), words),
        Form::Address => MetaSchema { format: Some("email"), ..text(setting.about()) },
        Form::Color => MetaSchema { pattern: Some("^#[0-9A-Fa-f]{6}$".into()), ..text(setting.about()) },
        Form::Url => MetaSchema { format: Some("uri"), max_length: Some(limit::LOGO_BYTES_MAX), ..text(setting.about()) },
        Form::Language => text(setting.about()),
        Form::Texts(most) => MetaSchema { max_items: Some(most), ..strings(setting.about()) },
        Form::Flag => MetaSchema { ty: "boolean", ..described(setting.about()) },
    }
}

fn log() -> MetaSchema {
    choice("Whether successful reads are logged as well.", &Logged::ALL.map(Logged::name))
}

fn profile() -> MetaSchema {
    choice("Which switches are on where nothing else says so.", &Preset::ALL.map(Preset::name))
}

fn quirks() -> MetaSchema {
    let switch = |quirk: &Quirk| (quirk.name(), MetaSchema { ty: "boolean", ..described(quirk.about()) });
    let switches: Vec<_> = Quirk::ALL.iter().map(switch).collect();
    MetaSchema { description: Some("Switches turned on or off, whatever the profile."), ..object(&switches) }
}
