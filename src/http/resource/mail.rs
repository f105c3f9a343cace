//! Letters to look at, and to try.

use poem_openapi::registry::MetaSchema;

use super::message::{choice, described, object, text};
use crate::mail::Kind;

/// What a letter looks like.
pub(super) fn preview() -> MetaSchema {
    object(&[
        ("kind", kind()),
        ("language", text("Of the letter: the tag of the catalogue that was found.")),
        ("from", text("`From`: name and address.")),
        ("replyTo", text("`Reply-To`, if the organization chose one.")),
        ("subject", text("One line.")),
        ("text", text("The part for readers without HTML.")),
        ("html", text("The part for all others, a whole document.")),
    ])
}

/// To whom, and which letter.
pub(super) fn test() -> MetaSchema {
    object(&[
        ("userName", text("A user of this organization; the caller, if left out and a person.")),
        ("kind", kind()),
        ("language", text("A language tag; the organization's own, if left out.")),
    ])
}

/// What came of it.
pub(super) fn tested() -> MetaSchema {
    object(&[
        ("userName", text("To whom.")),
        ("sent", MetaSchema { ty: "boolean", ..described("Whether the mail server took it.") }),
        ("answer", text("What it said, or what kept us from it.")),
    ])
}

fn kind() -> MetaSchema {
    choice("Which letter; `invitation`, if left out.", &Kind::ALL.map(Kind::as_str))
}
