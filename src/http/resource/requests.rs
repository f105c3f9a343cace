//! Lines of the request log.

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};

use super::message::{array, date, integer, object, strings, text};
use super::{LoggedRequest, Shape};

/// One line.
pub(super) fn line() -> MetaSchema {
    let mut line = object(&[
        ("id", text("Of the line.")),
        ("at", date("When it was answered.")),
        ("method", text("Of the request.")),
        ("path", text("Below the organization; parameters keep their names, and values that are about a person are left out.")),
        ("status", integer("Of the answer.")),
        ("durationMs", MetaSchema { description: Some("Until the answer."), ..MetaSchema::new("number") }),
        ("client", text("The `client_id` of the token.")),
        ("userAgent", text("As the client calls itself.")),
        ("provider", text("The identity provider, where the `User-Agent` gives it away.")),
        ("quirks", strings("The switches that the request needed.")),
        ("reason", text("Why it was refused.")),
        ("body", text("The body, as JSON whose values are left out where they are about a person.")),
    ]);
    line.required = vec!["id", "at", "method", "path", "status", "durationMs", "quirks"];
    line
}

/// Some of them.
pub(super) fn page(registry: &mut Registry) -> MetaSchema {
    LoggedRequest::register(registry);
    let mut page = object(&[
        ("requests", array("The newest first.", LoggedRequest::schema_ref())),
        ("next", text("For `before` of the next page; none where this may be the last.")),
    ]);
    page.required = vec!["requests"];
    page
}

/// What had to be forgiven.
pub(super) fn counts() -> MetaSchema {
    let mut count = object(&[
        ("quirk", text("The name of the switch.")),
        ("count", integer("Requests that needed it.")),
        ("lastSeen", date("When the last of them came.")),
    ]);
    count.required = vec!["quirk", "count", "lastSeen"];
    let mut counts = object(&[("quirks", array("The most needed first.", MetaSchemaRef::Inline(Box::new(count))))]);
    counts.required = vec!["quirks"];
    counts
}
