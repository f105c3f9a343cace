//! Bodies that are no resources: the messages of RFC 7644 and our own.

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};

use super::{Group, Invitation, Organization, ScimError, Shape, User};
use crate::invite::LineCode;

/// Of the components that only occur within another one.
struct Part;

/// RFC 7644 §3.4.2.
pub(super) fn list<T: Shape>(registry: &mut Registry) -> MetaSchema {
    T::register(registry);
    let mut list = object(&[
        ("schemas", strings("The URN of a list.")),
        ("totalResults", integer("All that match.")),
        ("startIndex", integer("The first of this page, counted from 1; not with `cursor`.")),
        ("itemsPerPage", integer("How many are in this page.")),
        ("nextCursor", text("With `cursor`: the next page. The last page has none.")),
        ("previousCursor", text("With `cursor`: the page before. The first page has none.")),
        ("Resources", array("Those of this page.", T::schema_ref())),
    ]);
    list.required = vec!["schemas", "totalResults"];
    list
}

/// A page of what is no resource.
pub(super) fn page<T: Shape>(registry: &mut Registry, order: &'static str) -> MetaSchema {
    T::register(registry);
    paged(order, T::schema_ref())
}

/// The same, where the component has no marker of its own.
pub(super) fn paged(order: &'static str, of: MetaSchemaRef) -> MetaSchema {
    let mut page = object(&[
        ("totalResults", integer("All that there are.")),
        ("startIndex", integer("The first of this page, counted from 1.")),
        ("itemsPerPage", integer("How many are in this page.")),
        ("Resources", array(order, of)),
    ]);
    page.required = vec!["totalResults", "startIndex", "itemsPerPage", "Resources"];
    page
}

/// Any of the resources; `meta.resourceType` tells which.
pub(super) fn any(registry: &mut Registry) -> MetaSchema {
    User::register(registry);
    Group::register(registry);
    Invitation::register(registry);
    Organization::register(registry);
    let types = vec![User::schema_ref(), Group::schema_ref(), Invitation::schema_ref(), Organization::schema_ref()];
    MetaSchema { any_of: types, ..described("A resource.") }
}

/// RFC 7644 §3.5.2.
pub(super) fn patch_op(registry: &mut Registry) -> MetaSchema {
    let value = MetaSchema {
        description: Some("What to add, or to put in place: any JSON that the target takes. None with `remove`."),
        ..MetaSchema::ANY
    };
    let mut operation = object(&[
        ("op", choice("What to do. The case does not matter.", &["add", "remove", "replace"])),
        (
            "path",
            text("What to do it to, such as `name.givenName` or `emails[type eq \"work\"].value`. The resource, if left out."),
        ),
        ("value", value),
    ]);
    operation.required = vec!["op"];
    let operation = part(registry, "PatchOperation", operation);
    let mut patch = object(&[
        ("schemas", strings("The URN of a PATCH.")),
        ("Operations", array("Applied in this order, all or none.", operation)),
    ]);
    patch.required = vec!["Operations"];
    patch
}

/// RFC 7644 §3.4.3.
pub(super) fn search_request() -> MetaSchema {
    object(&[
        ("schemas", strings("The URN of a search.")),
        ("attributes", strings("Only these attributes in the answer.")),
        ("excludedAttributes", strings("Not these attributes in the answer.")),
        ("filter", text("RFC 7644 §3.4.2.2.")),
        ("sortBy", text("The attribute to sort by.")),
        ("sortOrder", choice("`ascending`, if left out.", &["ascending", "descending"])),
        ("startIndex", integer("The first result, counted from 1.")),
        ("count", integer("Results in one page.")),
        ("cursor", text("RFC 9865: empty for the first page, then `nextCursor`. Not together with `startIndex`.")),
        ("depth", integer("Of organizations: how many levels down; 1, if left out.")),
    ])
}

/// RFC 7644 §3.7.
pub(super) fn bulk_request(registry: &mut Registry) -> MetaSchema {
    let data = MetaSchema {
        description: Some("The body of the single request: a resource, or a `PatchOp`. None with DELETE."),
        ..MetaSchema::new("object")
    };
    let mut operation = object(&[
        ("method", choice("What to do.", &["POST", "PUT", "PATCH", "DELETE"])),
        ("bulkId", text("A name of your own for what a POST makes. Elsewhere, `bulkId:` and this name stand for its `id`.")),
        ("version", text("Only if this is the present version: the ETag, as in `If-Match`.")),
        ("path", text("`/Users` to create, `/Users/{id}` else; the same for groups and invitations.")),
        ("data", data),
    ]);
    operation.required = vec!["method", "path"];
    let operation = part(registry, "BulkOperation", operation);
    let mut request = object(&[
        ("schemas", strings("The URN of a bulk request.")),
        ("failOnErrors", integer("After so many failures nothing more is done. Without it all is tried.")),
        ("Operations", array("In this order, 1000 at the most.", operation)),
    ]);
    request.required = vec!["Operations"];
    request
}

/// RFC 7644 §3.7.
pub(super) fn bulk_response(registry: &mut Registry) -> MetaSchema {
    ScimError::register(registry);
    let mut result = object(&[
        ("location", text("The URI of the resource; none if a POST failed.")),
        ("method", text("As in the request.")),
        ("bulkId", text("As in the request.")),
        ("version", text("The ETag of the resource now.")),
        ("status", text("The HTTP status that a single request would have had, as text.")),
        ("response", MetaSchema { all_of: vec![ScimError::schema_ref()], ..described("Why it failed.") }),
    ]);
    result.required = vec!["method", "status"];
    let result = part(registry, "BulkResult", result);
    let mut response = object(&[
        ("schemas", strings("The URN of a bulk response.")),
        ("Operations", array("One for each operation that was tried, in the order of the request.", result)),
    ]);
    response.required = vec!["schemas", "Operations"];
    response
}

/// RFC 7644 §3.12.
pub(super) fn error() -> MetaSchema {
    let types = [
        "invalidFilter",
        "tooMany",
        "uniqueness",
        "mutability",
        "invalidSyntax",
        "invalidPath",
        "noTarget",
        "invalidValue",
        "invalidVers",
        "sensitive",
        "invalidCursor",
        "expiredCursor",
        "invalidCount",
    ];
    let mut error = object(&[
        ("schemas", strings("The URN of an error.")),
        ("status", text("The HTTP status, as text.")),
        ("scimType", choice("What kind of error, where RFC 7644 has a word for it.", &types)),
        ("detail", text("What is wrong, for people.")),
    ]);
    error.required = vec!["schemas", "status"];
    error
}

/// Design §7.1.
pub(super) fn invite_request(registry: &mut Registry) -> MetaSchema {
    let mut group = object(&[("value", text("The group's id."))]);
    group.required = vec!["value"];
    let group = part(registry, "InviteGroup", group);
    let own = |of: &'static str| {
        [
            ("groups", array("Groups that the guest will be in.", group.clone())),
            ("message", text("The inviter's words in the letter.")),
            ("locale", text("The language of the letter, as a BCP 47 tag; that of the invitee's profile, if left out.")),
            ("expiresIn", MetaSchema { description: Some(of), ..MetaSchema::new("integer") }),
            ("until", date("When the membership ends, by itself. Without it, it stays until somebody ends it.")),
        ]
    };
    let mut line = object(&[("userName", text("Of a user of the parent organization."))]);
    line.properties.extend(own("Seconds until the link is dead.").map(inline));
    line.required = vec!["userName"];
    let line = part(registry, "InviteLine", line);
    let mut request = object(&[
        ("schemas", strings("The URN of an invite request.")),
        ("userNames", strings("Users of the parent organization, all invited alike.")),
        (
            "invitations",
            array("Users with groups, words or times of their own; what a line leaves out is taken from below.", line),
        ),
        ("dryRun", boolean("Check everything, do nothing.")),
        ("sendMail", boolean("False: no letter is sent, and the answer has the `code` that each invitee needs.")),
    ]);
    request.properties.extend(own("Seconds until the links are dead: three days, if left out.").map(inline));
    request
}

/// Design §7.1.
pub(super) fn invite_response(registry: &mut Registry) -> MetaSchema {
    let made = object(&[
        ("id", text("Of the invitation.")),
        ("expiresAt", date("From when the link is dead.")),
        ("code", text("With `sendMail` false: what the invitee needs to accept.")),
    ]);
    let made = part(registry, "InviteResultInvitation", made);
    let codes: Vec<&'static str> = LineCode::ALL.iter().map(|code| code.as_str()).collect();
    let failed = object(&[("code", choice("To branch on.", &codes)), ("detail", text("To read."))]);
    let failed = part(registry, "InviteResultError", failed);
    let mut result = object(&[
        ("userName", text("As in the request.")),
        ("status", choice("What became of it.", &["invited", "failed"])),
        ("invitation", MetaSchema { all_of: vec![made], ..described("The invitation; none in a dry run.") }),
        ("error", MetaSchema { all_of: vec![failed], ..described("Why there is none.") }),
    ]);
    result.required = vec!["userName", "status"];
    let result = part(registry, "InviteResult", result);
    let mut response = object(&[
        ("schemas", strings("The URN of an invite response.")),
        ("invited", integer("How many lines became an invitation, or would.")),
        ("failed", integer("How many did not.")),
        ("dryRun", boolean("Whether nothing was done.")),
        ("results", array("One per line, in the order of the lines.", result)),
    ]);
    response.required = vec!["invited", "failed", "results"];
    response
}

/// The body of `.resend`.
pub(super) fn resend_request() -> MetaSchema {
    object(&[("expiresIn", integer("Seconds until the new link is dead; if left out, it ends when the old one did."))])
}

/// The body of `.revoke`.
pub(super) fn revoke_request() -> MetaSchema {
    object(&[("reason", text("Why. Kept with the invitation, and not shown to the invitee."))])
}

/// The body of `.accept`, `.decline` and `.introspect`.
pub(super) fn code() -> MetaSchema {
    let mut code = object(&[("code", text("The `code` of the mailed link."))]);
    code.required = vec!["code"];
    code
}

/// Their answer.
pub(super) fn preview() -> MetaSchema {
    let organization = MetaSchema {
        description: Some("Who invites."),
        ..object(&[
            ("value", text("The organization's id.")),
            ("display", text("Its name.")),
            ("path", strings("The names from the root down to it.")),
        ])
    };
    let group = object(&[("display", text("Its name.")), ("vanished", boolean("Whether it no longer exists."))]);
    let guest = MetaSchema {
        description: Some("The user that acceptance made."),
        ..object(&[("value", text("Its id in the inviting organization.")), ("$ref", text("Its URI."))])
    };
    let statuses = ["pending", "accepted", "declined", "revoked", "expired"];
    object(&[
        ("id", text("Of the invitation, among one's own.")),
        ("userName", text("The invitee, by the name in the parent organization.")),
        ("status", choice("How far the invitation has come.", &statuses)),
        ("organization", organization),
        ("inviter", text("Who asks.")),
        ("groups", array("What acceptance gives, or gave.", MetaSchemaRef::Inline(Box::new(group)))),
        ("message", text("The inviter's words.")),
        ("expiresAt", date("From when it cannot be accepted.")),
        ("until", date("When the membership ends, by itself.")),
        ("endedAt", date("When it was accepted or declined.")),
        ("assigned", strings("Names of the groups that the guest was put into.")),
        ("skipped", strings("Names of those that could not be given any more.")),
        ("guest", guest),
    ])
}

pub(super) fn object(properties: &[(&'static str, MetaSchema)]) -> MetaSchema {
    MetaSchema { properties: properties.iter().cloned().map(inline).collect(), ..MetaSchema::new("object") }
}

fn inline((name, schema): (&'static str, MetaSchema)) -> (&'static str, MetaSchemaRef) {
    (name, MetaSchemaRef::Inline(Box::new(schema)))
}

pub(super) fn part(registry: &mut Registry, name: &str, schema: MetaSchema) -> MetaSchemaRef {
    registry.create_schema::<Part, _>(name.to_owned(), |_| schema);
    MetaSchemaRef::Reference(name.to_owned())
}

pub(super) fn described(description: &'static str) -> MetaSchema {
    MetaSchema { description: Some(description), ..MetaSchema::ANY }
}

pub(super) fn text(description: &'static str) -> MetaSchema {
    MetaSchema { ty: "string", ..described(description) }
}

pub(super) fn date(description: &'static str) -> MetaSchema {
    MetaSchema { format: Some("date-time"), ..text(description) }
}

pub(super) fn choice(description: &'static str, values: &[&'static str]) -> MetaSchema {
    MetaSchema { enum_items: values.iter().map(|value| (*value).into()).collect(), ..text(description) }
}

pub(super) fn integer(description: &'static str) -> MetaSchema {
    MetaSchema { ty: "integer", ..described(description) }
}

pub(super) fn boolean(description: &'static str) -> MetaSchema {
    MetaSchema { ty: "boolean", ..described(description) }
}

pub(super) fn array(description: &'static str, item: MetaSchemaRef) -> MetaSchema {
    MetaSchema { ty: "array", items: Some(Box::new(item)), ..described(description) }
}

pub(super) fn strings(description: &'static str) -> MetaSchema {
    array(description, MetaSchemaRef::Inline(Box::new(MetaSchema::new("string"))))
}
