//! What a deletion or a move of an organization ends.

use poem_openapi::registry::MetaSchema;

use super::message::{boolean, described, integer, object, strings, text};

/// What a deletion takes along.
pub(super) fn deletion() -> MetaSchema {
    let mut deletion = object(&[
        ("schemas", strings("The URN of this message.")),
        ("organizations", integer("Organizations below it.")),
        ("users", integer("Residents, here and below, as is all that follows.")),
        ("guests", integer("Guests.")),
        ("groups", integer("Groups.")),
        ("invitations", integer("Invitations, pending or ended.")),
        ("clients", integer("Clients, and those of the parent that were admitted.")),
        ("tokens", integer("Provisioning tokens.")),
        ("resources", integer("Resources of types that the tree added.")),
    ]);
    deletion.required = vec!["organizations", "users", "guests", "groups", "invitations", "clients", "tokens", "resources"];
    deletion
}

/// Where it is to stand.
pub(super) fn move_request() -> MetaSchema {
    let mut request = object(&[("parent", parent("The new parent.")), ("dryRun", boolean("Only tell what would end."))]);
    request.required = vec!["parent"];
    request
}

/// What the move ended, or would.
pub(super) fn moved() -> MetaSchema {
    let mut moved = object(&[
        ("schemas", strings("The URN of this message.")),
        ("parent", parent("The new parent.")),
        ("guests", integer("Guests that end, those further down who stand for one of them included.")),
        ("invitations", integer("Pending invitations that end.")),
        ("clients", integer("Clients of the old parent that were admitted, and end.")),
        ("dryRun", boolean("Whether nothing was done.")),
    ]);
    moved.required = vec!["parent", "guests", "invitations", "clients", "dryRun"];
    moved
}

fn parent(about: &'static str) -> MetaSchema {
    let mut parent = object(&[("value", text("Its id."))]);
    parent.required = vec!["value"];
    MetaSchema { description: described(about).description, ..parent }
}
