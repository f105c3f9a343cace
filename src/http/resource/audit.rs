//! Entries of the audit log.

use poem_openapi::registry::{MetaSchema, Registry};

use super::message::{array, date, integer, object, text};
use super::{AuditEntry, Shape};

/// One entry.
pub(super) fn entry() -> MetaSchema {
    let mut entry = object(&[
        ("id", text("Of the entry, in this organization.")),
        ("place", integer("Counts the entries of the organization from 1, without a gap.")),
        ("at", date("When it happened; of several that are told together, the first.")),
        ("actor", text("Whose doing: `user …`, `client …`, `external …`, `invitee`, `operator`, `worker`, `unauthenticated`.")),
        ("client", text("The `client_id` of the token, where somebody else is its subject.")),
        ("request", text("The `X-Request-Id` of the answer.")),
        (
            "action",
            text("`created`, `changed`, `deleted`, `restored`, `issued`, `revoked`, `refused`, `invited`, `accepted` …"),
        ),
        ("resourceType", text("With what; `Request` where something was refused.")),
        ("resourceId", text("Its id.")),
        ("versionBefore", integer("Its version before; none where it is new.")),
        ("versionAfter", integer("Its version after; none where it is gone.")),
        ("detail", text("The rights that a token got, or what was refused and why.")),
        ("count", integer("How many alike; more than 1 only where there were too many to be listed.")),
        ("hash", text("SHA-256 over the entry and the hash of the one before, in hexadecimal.")),
    ]);
    entry.required = vec!["id", "place", "at", "actor", "action", "resourceType", "count", "hash"];
    entry
}

/// Some of them.
pub(super) fn page(registry: &mut Registry) -> MetaSchema {
    AuditEntry::register(registry);
    let mut page = object(&[
        ("entries", array("The newest first.", AuditEntry::schema_ref())),
        ("next", text("For `before` of the next page; none where this is the last.")),
    ]);
    page.required = vec!["entries"];
    page
}
