//! Access tokens of the embedded issuer (RFC 9068), bound to one org.

use std::time::Duration;

use jsonwebtoken::{Algorithm, Header, encode};
use serde::Serialize;
use serde_json::{Value, json};

use super::{ScopeSet, SigningKey, Source, Subject};
use crate::base::{ClientId, OrgId, Timestamp, TokenId};
use crate::org::Org;

/// How long a token of `client_credentials` is good for.
pub const ACCESS_LIFETIME: Duration = Duration::from_secs(3600);
/// How long a provisioning token is good for where nobody says otherwise; for identity providers that can only paste one.
pub const PROVISIONING_LIFETIME: Duration = Duration::from_secs(180 * 24 * 3600);
/// The most that any token may be good for (SEC S-11).
pub const LIFETIME_MAX: Duration = Duration::from_secs(400 * 24 * 3600);

/// What a token is to say.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// The one org it enters.
    pub org: &'a Org,
    /// For whom; never one that another issuer vouches for.
    pub subject: &'a Subject,
    /// The client that a person's token goes to; none for one made at the command line. A client's own goes to itself.
    pub client: Option<ClientId>,
    /// Where the subject's identity lives: the org itself, unless it is a guest.
    pub user_org: OrgId,
    /// With which rights.
    pub scopes: ScopeSet,
    /// `jti`.
    pub token: TokenId,
    /// `iat`, cut to seconds.
    pub issued_at: Timestamp,
    /// `exp` − `iat`.
    pub lifetime: Duration,
    /// The tokens it is exchanged from.
    pub sources: &'a [Source],
    /// The clients that act for the subject, the present one first (RFC 8693 §4.1).
    pub actors: &'a [ClientId],
}

/// `client_id` of tokens made for a person at the command line, whose scopes hold whatever the person's groups give. Not a
/// UUID, so no client can have it (SEC S-25).
pub const OPERATOR_CLIENT_ID: &str = "usher-cli";

#[derive(Serialize)]
struct Payload<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: String,
    client_id: String,
    iat: i64,
    exp: i64,
    jti: TokenId,
    scope: String,
    org_id: OrgId,
    org_name: &'a str,
    org_handle: &'a str,
    user_org: OrgId,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sources: Vec<Value>,
}

/// The signed token. None if the subject is not one of ours.
pub fn issue(key: &SigningKey, issuer: &str, audience: &str, grant: &Grant<'_>) -> Option<String> {
    let (sub, client_id) = match grant.subject {
        Subject::Client(client) => (client.to_string(), client.to_string()),
        Subject::User(user) => {
            (user.to_string(), grant.client.map_or(OPERATOR_CLIENT_ID.to_owned(), |client| client.to_string()))
        }
        Subject::External { .. } => return None,
    };
    let iat = grant.issued_at.seconds();
    let payload = Payload {
        iss: issuer,
        aud: audience,
        sub,
        client_id,
        iat,
        exp: (Timestamp::from_seconds(iat) + grant.lifetime.min(LIFETIME_MAX)).seconds(),
        jti: grant.token,
        scope: grant.scopes.to_string(),
        org_id: grant.org.id,
        org_name: &grant.org.name,
        org_handle: &grant.org.handle,
        user_org: grant.user_org,
        act: grant.actors.iter().rfold(None, |inner, actor| Some(act(*actor, inner))),
        sources: grant.sources.iter().map(source).collect(),
    };
    let header = Header { typ: Some("at+jwt".into()), kid: Some(key.kid.clone()), ..Header::new(Algorithm::ES256) };
    Some(encode(&header, &payload, key.encoding.expose()).expect("a P-256 key that was loaded signs any text"))
}

fn act(actor: ClientId, inner: Option<Value>) -> Value {
    match inner {
        Some(inner) => json!({ "sub": actor, "act": inner }),
        None => json!({ "sub": actor }),
    }
}

/// As `claims::sources` reads it.
fn source(source: &Source) -> Value {
    json!({
        "org_id": source.org, "jti": source.token, "sub": source.subject.id(), "client_id": source.client,
        "issued_at_ms": source.issued_at.0,
    })
}
