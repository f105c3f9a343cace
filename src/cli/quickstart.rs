//! `usher quickstart`: two organizations with people in them, served, and what to try next on the terminal.
//!
//! What the first start made is noted in `quickstart.json` beside the database (mode 0600), so that a second start can show the
//! same credentials. It is for trying things out; `usher init` and `usher serve` note no secret anywhere.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::data::Data;
use super::serve::Served;
use super::{Common, Failure, keys, print};
use crate::app::clients::{Presented, Shown};
use crate::app::{self, App};
use crate::auth::{Principal, ScopeSet, Subject};
use crate::base::{ClientId, GroupId, OrgId, Random, Secret, SystemRandom, Timestamp};
use crate::org::Org;
use crate::scim::{Schemas, urn};
use crate::store::{self, References};

/// How long the administrator's token on the terminal is good for.
const TOKEN_LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// User name, given and family name of the people of *acme*, the administrator first.
const PEOPLE: [(&str, &str, &str); 5] = [
    ("admin", "Sam", "Rivera"),
    ("ada", "Ada", "Lovelace"),
    ("alan", "Alan", "Turing"),
    ("grace", "Grace", "Hopper"),
    ("edsger", "Edsger", "Dijkstra"),
];

/// What the first start made.
#[derive(Serialize, Deserialize)]
struct Samples {
    root: Sample,
    child: Sample,
    group: GroupId,
    user_name: String,
    password: String,
}

/// One org and its client.
#[derive(Serialize, Deserialize)]
struct Sample {
    org: OrgId,
    client_id: ClientId,
    client_secret: String,
}

/// Makes the samples where there are none, and serves them.
pub(super) async fn quickstart(common: &Common, listen: Option<SocketAddr>) -> Result<(), Failure> {
    let data = Data::create(common)?;
    let note = common.data.join("quickstart.json");
    if !note.exists() {
        if !data.app.store.orgs().await?.is_empty() {
            return Err(format!("{} holds organizations of its own; `usher serve` serves them", common.data.display()).into());
        }
        let samples = serde_json::to_vec_pretty(&make(&data.app).await?)?;
        keys::read_or_make(&note, || Ok(samples))?;
    }
    let samples: Samples = serde_json::from_slice(&keys::read_or_make(&note, || Ok(Vec::new()))?)?;
    data.app.store.close().await;
    drop(data);

    let served = Served::start(common, listen).await?;
    let (root, child) = tokens(&served.app, &samples).await?;
    let json = json!({
        "listening": served.url, "root": samples.root, "child": samples.child, "group": samples.group,
        "userName": samples.user_name, "password": samples.password, "rootToken": root, "childToken": child,
    });
    print::result(common, &json, &guide(common, &served.url, &samples, &root, &child))?;
    served.run().await
}

async fn make(app: &App) -> Result<Samples, Failure> {
    let root = app.org_create(None, "acme", Some("ACME")).await?;
    let principal = |org: &Org, subject| Principal {
        org: org.clone().into(),
        subject,
        client_id: None,
        scopes: ScopeSet::ALL,
        token: None,
        noted: Default::default(),
        request: None,
        expires_at: Timestamp(i64::MAX),
        schemas: Schemas::core().clone(),
    };
    let operator = |org: &Org| principal(org, Subject::Client(SystemRandom.uuid(app.now()).into()));
    let password = secret();
    let mut people = Vec::new();
    for (user_name, given, family) in PEOPLE {
        let mut user = json!({
            "schemas": [urn::USER], "userName": user_name, "displayName": format!("{given} {family}"),
            "name": { "givenName": given, "familyName": family },
            "emails": [{ "value": format!("{user_name}@acme.example"), "type": "work", "primary": true }], "active": true,
        });
        if user_name == PEOPLE[0].0 {
            user["password"] = password.as_str().into();
        }
        people.push(app.user_create(&operator(&root), object(user)).await?.id);
    }
    let mut administrators = app::orgs::administrators();
    administrators["members"] = json!([{ "value": people[0] }]);
    app.group_create(&operator(&root), object(administrators), References::Omit).await?;
    // Whoever makes an organization is its first administrator, as a guest.
    let child = json!({ "schemas": [urn::ORGANIZATION], "handle": "acme-partners", "name": "ACME Partners" });
    let made = app.org_make(&principal(&root, Subject::User(people[0].into())), object(child)).await?;
    let child = app.store.org(made.id.into()).await?.ok_or(store::Error::NotFound)?;
    let pilots = json!({ "schemas": [urn::GROUP], "displayName": "Pilots" });
    let group = app.group_create(&operator(&child), object(pilots), References::Omit).await?.id.into();
    let client = async |org: &Org| -> Result<Sample, Failure> {
        let (client_id, secret) = app.client_create(org.id, ScopeSet::ALL).await?;
        Ok(Sample { org: org.id, client_id, client_secret: secret.expose().clone() })
    };
    let (root, child) = (client(&root).await?, client(&child).await?);
    Ok(Samples { root, child, group, user_name: PEOPLE[0].0.into(), password })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// 128 bits of chance, in hexadecimal.
fn secret() -> String {
    let mut bytes = [0; 16];
    SystemRandom.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The administrator's in the root, good for [`TOKEN_LIFETIME`], and the client's in the child.
async fn tokens(app: &App, samples: &Samples) -> Result<(String, String), Failure> {
    let Samples { root, child, user_name, .. } = samples;
    let of_root = app.token_create(root.org, Some(user_name), ScopeSet::ALL, Some(TOKEN_LIFETIME)).await?;
    let secret = Secret::new(child.client_secret.clone());
    let client = Presented { by: Shown::Secret(child.client_id.to_string(), secret), place: String::new() };
    let of_child = app.token_issue(&client, None, None).await?;
    Ok((of_root.access_token.expose().clone(), of_child.access_token.expose().clone()))
}

fn guide(common: &Common, url: &str, samples: &Samples, root: &str, child: &str) -> String {
    let Samples { root: of_root, child: of_child, group, user_name, password } = samples;
    let base = |org: OrgId| format!("{url}/t/acme/o/{org}/scim2");
    format!(
        "listening on {url}

  Console             {url}/t/acme/o/{}/console
  Administrator       userName {user_name}  password {password}
  API documentation   {url}/docs
  Authorize there     client_id {}  client_secret {}
  Organizations       acme {}  acme-partners {}
  Letters             {}

Users of acme, the root organization (the token is good for 12 hours):

  curl -H 'Authorization: Bearer {root}' '{}/Users'

Invite two of them into its child acme-partners, and into the group Pilots there; then open the link in
the letter (this token is good for an hour):

  curl -X POST -H 'Authorization: Bearer {child}' -H 'Content-Type: application/scim+json' \\
    -d '{{\"schemas\": [\"{}\"], \"userNames\": [\"ada\", \"grace\"], \"groups\": [{{\"value\": \"{group}\"}}]}}' \\
    '{}/Invitations/.invite'

Ctrl-C ends; the next quickstart finds everything as it was.",
        of_root.org,
        of_root.client_id,
        of_root.client_secret,
        of_root.org,
        of_child.org,
        common.data.join("mail").display(),
        base(of_root.org),
        urn::INVITE_REQUEST,
        base(of_child.org),
    )
}
