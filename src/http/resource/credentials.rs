//! Clients and tokens. What is read-only is shown and not sent.

use poem_openapi::registry::{MetaSchema, Registry};

use super::message::{boolean, choice, date, described, integer, object, paged, part, text};

/// A client.
pub(super) fn client() -> MetaSchema {
    let set = MetaSchema { description: Some(KEYS), ..MetaSchema::new("object") };
    let mut client = object(&[
        ("id", shown(text("The `client_id`."))),
        ("name", text("What an administrator calls it.")),
        ("scope", text(SCOPE)),
        ("jwks", set),
        ("authentication", shown(choice(AUTHENTICATION, &["client_secret", "private_key_jwt", "parent"]))),
        ("secret", shown(text("The `client_secret`; only in the answer that makes it."))),
        ("oldSecretUntil", shown(date("Until when the secret before this one is good."))),
        ("created", shown(date("When it was made, or admitted."))),
        ("lastUsed", shown(date("When it last got a token, to the minute."))),
    ]);
    client.required = vec!["scope"];
    client
}

const KEYS: &str = "The public keys that its assertions are signed with, as a JWK set (RFC 7517); none for a secret.";
const SCOPE: &str = "The most it may ask for, with spaces between.";
const AUTHENTICATION: &str = "How it proves who it is. `parent`: a client of the parent organization, a guest here.";

/// A client of the parent.
pub(super) fn admission() -> MetaSchema {
    let mut admission = object(&[
        ("id", text("The `client_id` of a client of the parent organization.")),
        ("name", text("What it is called here.")),
        ("scope", text("The most it may do here, with spaces between.")),
    ]);
    admission.required = vec!["id", "scope"];
    admission
}

/// A provisioning token.
pub(super) fn token() -> MetaSchema {
    let mut token = object(&[
        ("id", shown(text("Its `jti`."))),
        ("name", text("What an administrator calls it.")),
        ("scope", text("What it may do, with spaces between.")),
        ("expiresIn", sent(integer("Seconds: 15552000 (180 days) if not said, 34560000 (400 days) at the most."))),
        ("token", shown(text("The bearer token itself; only in the answer that makes it."))),
        ("user", shown(text("The `id` of the user it speaks for; none for a machine."))),
        (
            "client",
            shown(text(
                "In whose name a machine's is, as are those that take its place: what `.revoke` takes to end them all.",
            )),
        ),
        ("created", shown(date("When it was made."))),
        ("expiresAt", shown(date("When it ends."))),
        ("expiresSoon", shown(boolean("Whether it ends within 14 days, and no other has taken its place."))),
        ("lastUsed", shown(date("When it was last used, to the minute."))),
        ("replacedBy", shown(text("The `id` of the token that has taken its place."))),
    ]);
    token.required = vec!["scope"];
    token
}

/// Organizations to switch to.
pub(super) fn enterable(registry: &mut Registry) -> MetaSchema {
    let mut org = object(&[
        ("id", text("Its id.")),
        ("handle", text("Its short name.")),
        ("name", text("Its name.")),
        ("parent", text("The id of its parent.")),
        ("url", text("What to name as `resource`; its SCIM base URL is below.")),
    ]);
    org.required = vec!["id", "handle", "name", "url"];
    paged("By name.", part(registry, "EnterableOrganization", org))
}

/// One of four.
pub(super) fn revocation() -> MetaSchema {
    object(&[
        ("token", text("A token, by its `jti`.")),
        ("user", text("All tokens of a user, by `id`.")),
        ("client", text("All tokens of a client, by its `client_id`.")),
        ("all", MetaSchema { ty: "boolean", ..described("All tokens of the organization.") }),
    ])
}

fn shown(schema: MetaSchema) -> MetaSchema {
    MetaSchema { read_only: true, ..schema }
}

fn sent(schema: MetaSchema) -> MetaSchema {
    MetaSchema { write_only: true, ..schema }
}
