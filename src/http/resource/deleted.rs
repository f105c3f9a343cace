//! What was deleted, as it is listed, and what became of it when it was restored.

use poem_openapi::registry::{MetaSchema, Registry};

use super::message::{array, boolean, choice, date, integer, object, paged, part, text};

const TYPES: [&str; 2] = ["User", "Group"];

/// A page of them.
pub(super) fn list(registry: &mut Registry) -> MetaSchema {
    let tombstone = object(&[
        ("id", text("The `id` it had, and has again when it is restored.")),
        ("type", choice("What it was.", &TYPES)),
        ("display", text("Its `userName` or `displayName`.")),
        ("guest", boolean("Whether it stood for a user of the parent organization.")),
        ("deletedAt", date("When it was deleted.")),
        ("restorableUntil", date("When nothing is left of it.")),
    ]);
    let tombstone = part(registry, "DeletedResource", tombstone);
    paged("Those of this page, the latest first.", tombstone)
}

/// What a restoration came to.
pub(super) fn restoration(registry: &mut Registry) -> MetaSchema {
    let reasons =
        "`deleted`: restore it, and the membership is there again; `gone`: for good; `cycle`: the group would contain itself.";
    let missing = object(&[
        ("value", text("The `id` of the group or the member.")),
        ("reason", choice(reasons, &["deleted", "gone", "cycle"])),
    ]);
    let missing = part(registry, "MissingMembership", missing);
    let mut restoration = object(&[
        ("id", text("Its `id`.")),
        ("type", choice("What it is.", &TYPES)),
        ("location", text("Where it is.")),
        ("memberships", integer("Memberships that are there again.")),
        ("missingTotal", integer("Memberships that are not.")),
        ("missing", array("The first thousand of these.", missing)),
    ]);
    restoration.required = vec!["id", "type", "location", "memberships", "missingTotal", "missing"];
    restoration
}
