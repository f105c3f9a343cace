//! The settings of an org: one property for each switch, so that an SDK knows them all.

use poem_openapi::registry::MetaSchema;

use super::message::{choice, described, object};
use crate::org::log::Logged;
use crate::scim::{Preset, Quirk};

/// What the org chose, and what holds.
pub(super) fn settings() -> MetaSchema {
    let effective = MetaSchema {
        read_only: true,
        description: Some("What holds: the organization's own choice, else that of the nearest ancestor, else the server's."),
        ..object(&[("profile", profile()), ("quirks", quirks()), ("log", log())])
    };
    object(&[("profile", profile()), ("quirks", quirks()), ("log", log()), ("effective", effective)])
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
