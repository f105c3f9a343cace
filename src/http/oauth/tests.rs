//! The token endpoint as a client meets it: status, headers and body of every kind of answer.

use poem::endpoint::BoxEndpoint;
use poem::http::StatusCode;
use poem::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use poem::{Endpoint, Request, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::app::tokens::signing_key_create;
use crate::app::{Issuers, Settings};
use crate::auth::{ScopeSet, SigningKey};
use crate::base::clock::ManualClock;
use crate::base::random::SystemRandom;
use crate::base::{OrgId, Secret, Timestamp};
use crate::http::{Documentation, routes};
use crate::scim::Profile;
use crate::store::sqlite::{OpenMode, Sqlite};

const NAME: &str = "https://usher.test";
const FORM: &str = "application/x-www-form-urlencoded";

struct Site {
    app: Arc<App>,
    endpoint: BoxEndpoint<'static, Response>,
    org: OrgId,
    client: String,
    secret: String,
    _folder: TempDir,
}

async fn site() -> Site {
    let folder = TempDir::new().expect("a folder");
    let store = Sqlite::open(&folder.path().join("usher.db"), OpenMode::Serve).expect("a database");
    let clock = ManualClock::new(Timestamp(1_800_000_000_000));
    let settings = Settings {
        public_url: NAME.into(),
        restorable: crate::base::limit::RESTORABLE,
        invitation_key: Secret::new([7; 32]),
        profile: Profile::Lenient,
    };
    let signing = SigningKey::from_pem(signing_key_create().expose()).expect("a key");
    let issuers = Issuers::new(NAME, signing, Vec::new()).expect("one issuer");
    let app = Arc::new(App::new(Arc::new(store), Arc::new(clock), Arc::new(SystemRandom), settings, issuers));
    let org = app.org_create(None, "acme", None).await.expect("a root").id;
    let (client, secret) = app.client_create(org, "users:read".parse().expect("a scope")).await.expect("a client");
    let endpoint = routes(app.clone(), Documentation::Served);
    Site { app, endpoint, org, client: client.to_string(), secret: secret.expose().clone(), _folder: folder }
}

struct Answer {
    status: StatusCode,
    headers: poem::http::HeaderMap,
    body: Value,
}

impl Site {
    async fn call(&self, request: Request) -> Answer {
        let response = self.endpoint.call(request).await.expect("it always answers");
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.into_body().into_bytes().await.expect("a body");
        Answer { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Request::builder().uri_str(path).finish()).await
    }

    async fn ask(&self, authorization: Option<&str>, content_type: &str, form: String) -> Answer {
        let mut request = Request::builder().method(poem::http::Method::POST).uri_str("/oauth2/token");
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        self.call(request.header(CONTENT_TYPE, content_type).body(form)).await
    }

    fn basic(&self, secret: &str) -> String {
        use base64::Engine as _;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{}:{secret}", self.client)))
    }

    fn posted(&self, more: &str) -> String {
        format!("grant_type=client_credentials&client_id={}&client_secret={}{more}", self.client, self.secret)
    }
}

#[tokio::test]
async fn a_client_gets_a_token_by_basic_or_by_form_and_enters_with_it() {
    let site = site().await;
    let basic = site.basic(&site.secret);
    let by_basic = site.ask(Some(&basic), FORM, "grant_type=client_credentials".into()).await;
    let by_form = site.ask(None, "application/x-www-form-urlencoded; charset=UTF-8", site.posted("&scope=users%3Aread")).await;
    for answer in [by_basic, by_form] {
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
        let token = answer.body["access_token"].as_str().expect("a token").to_owned();
        let rest = json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": "users:read" });
        assert_eq!(answer.body, rest);
        let who = site.app.token_verify(&token, site.org, site.app.now()).await.expect("believed");
        assert_eq!(who.client_id.as_ref(), Some(&site.client));
    }
}

#[tokio::test]
async fn every_refusal_speaks_rfc_6749() {
    let site = site().await;
    let (good, wrong) = (site.basic(&site.secret), site.basic("wrong"));
    let bare = || "grant_type=client_credentials".to_owned();
    let cases = [
        (Some(wrong.as_str()), FORM, bare(), 401, "invalid_client"),
        (None, FORM, bare(), 401, "invalid_client"),
        (None, FORM, site.posted("x"), 401, "invalid_client"),
        (Some("Bearer x.y.z"), FORM, bare(), 401, "invalid_client"),
        (Some(&good), FORM, site.posted(""), 400, "invalid_request"),
        (Some(&good), FORM, String::new(), 400, "invalid_request"),
        (Some(&good), "application/json", r#"{"grant_type":"client_credentials"}"#.into(), 400, "invalid_request"),
        (Some(&good), FORM, format!("{}&x={}", bare(), "x".repeat(30_000)), 400, "invalid_request"),
        (Some(&good), FORM, "grant_type=password".into(), 400, "unsupported_grant_type"),
        (Some(&good), FORM, format!("{}&scope=users:write", bare()), 400, "invalid_scope"),
        (Some(&good), FORM, format!("{}&scope=admin", bare()), 400, "invalid_scope"),
        (Some(&good), FORM, format!("{}&resource=https://other.test", bare()), 400, "invalid_target"),
    ];
    for (authorization, content_type, form, status, error) in cases {
        let shown = format!("{authorization:?} {content_type} {}", &form[..form.len().min(80)]);
        let answer = site.ask(authorization, content_type, form).await;
        assert_eq!((answer.status.as_u16(), &answer.body["error"]), (status, &json!(error)), "{shown}");
        assert_eq!(answer.headers[CACHE_CONTROL], "no-store", "{shown}");
        assert_eq!(answer.headers.contains_key(WWW_AUTHENTICATE), status == 401, "{shown}");
        assert!(answer.body["error_description"].is_string() && !answer.body.to_string().contains(&site.secret), "{shown}");
    }
    let honoured = site.ask(Some(&good), FORM, format!("{}&resource={NAME}", bare())).await;
    assert_eq!(honoured.status, StatusCode::OK);
    assert_eq!(site.get("/oauth2/token").await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(site.get("/oauth2/authorize").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn keys_and_metadata_are_published_and_name_only_what_works() {
    let site = site().await;
    let metadata = site.get("/.well-known/oauth-authorization-server").await.body;
    let methods = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
    let algorithms = ["ES256", "ES384", "EdDSA", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
    let expected = json!({
        "issuer": NAME,
        "token_endpoint": format!("{NAME}/oauth2/token"),
        "revocation_endpoint": format!("{NAME}/oauth2/revoke"),
        "jwks_uri": format!("{NAME}/oauth2/jwks"),
        "scopes_supported": crate::auth::ScopeSet::ALL.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials", auth::exchange::GRANT_TYPE, "organization_switch"],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
    });
    assert_eq!(metadata, expected);
    let set = site.get("/oauth2/jwks").await.body;
    let key = set["keys"][0].as_object().expect("a key");
    let mut names: Vec<&str> = key.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"], "and not `d`, the private part");
}

#[tokio::test]
async fn the_served_document_has_the_token_endpoint_under_its_own_path() {
    let site = site().await;
    let document = site.get("/openapi.json").await.body;
    assert_eq!(document["paths"]["/oauth2/token"]["post"]["operationId"], "issueToken");
    assert_eq!(document["paths"]["/oauth2/token"]["servers"], json!([{ "url": "/" }]), "not below an org");
    let flow = &document["components"]["securitySchemes"]["clientCredentials"]["flows"]["clientCredentials"];
    assert_eq!(flow["tokenUrl"], format!("{NAME}/oauth2/token"));
}

/// A key pair of a client: the private part, and the JWK set that it registers.
fn key_pair() -> (jsonwebtoken::EncodingKey, Value) {
    let pem = signing_key_create();
    let set = crate::auth::jwks::print(&SigningKey::from_pem(pem.expose()).expect("a key"));
    (jsonwebtoken::EncodingKey::from_ec_pem(pem.expose().as_bytes()).expect("a private key"), set)
}

fn assertion(key: &jsonwebtoken::EncodingKey, client: &str, jti: &str, now: i64) -> String {
    let claims = json!({ "iss": client, "sub": client, "aud": NAME, "exp": now + 60, "jti": jti });
    let signed =
        jsonwebtoken::encode(&jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES256), &claims, key).expect("signed");
    format!("client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion={signed}")
}

/// RFC 7523 §3: each assertion is good for one use, by the client whose key signed it.
#[tokio::test]
async fn a_client_with_a_key_signs_for_its_tokens() {
    let site = site().await;
    let ((key, set), (stranger, _)) = (key_pair(), key_pair());
    let new = crate::app::clients::NewClient { name: None, scopes: "users:read".parse().expect("a scope"), keys: Some(set) };
    let made = site.app.client_make(crate::store::Actor::Operator, site.org, new).await.expect("a client");
    assert!(made.1.is_none(), "no secret");
    let id = made.0.id.to_string();
    let now = site.app.now().seconds();
    let form = |proof: &str| format!("grant_type=client_credentials&{proof}");
    let first = assertion(&key, &id, "1", now);
    let answer = site.ask(None, FORM, form(&first)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let token = answer.body["access_token"].as_str().expect("a token").to_owned();
    assert!(site.app.token_verify(&token, site.org, site.app.now()).await.is_ok());
    for (proof, why) in [
        (first.clone(), "shown before"),
        (assertion(&stranger, &id, "2", now), "another's key"),
        (assertion(&key, &site.client, "3", now), "a client with a secret"),
        (assertion(&key, &uuid::Uuid::from_u128(1).to_string(), "4", now), "nobody"),
        (assertion(&key, &id, "5", now - 100), "too late"),
        (format!("{}&client_id={}", assertion(&key, &id, "6", now), site.client), "two names"),
        (
            first.split("&client_assertion=").next().map(|kind| format!("{kind}&client_assertion={token}")).expect("a kind"),
            "SEC S-19",
        ),
        (format!("client_id={id}&client_secret=usher_secret_"), "it has no secret"),
    ] {
        let answer = site.ask(None, FORM, form(&proof)).await;
        assert_eq!((answer.status.as_u16(), &answer.body["error"]), (401, &json!("invalid_client")), "{why}");
    }
    let answer = site.ask(None, FORM, form(&format!("{}&client_id={id}", assertion(&key, &id, "7", now)))).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn a_client_registers_public_keys_that_can_be_used_and_nothing_else() {
    let site = site().await;
    let (_, set) = key_pair();
    let mut private = set.clone();
    private["keys"][0]["d"] = json!("AAAA");
    let mut twice = set.clone();
    twice["keys"] = json!([set["keys"][0], set["keys"][0]]);
    let mut large = set.clone();
    large["keys"][0]["x5c"] = json!(["A".repeat(17_000)]);
    for keys in [json!({}), json!({ "keys": [] }), private, twice, large, json!({ "keys": [{ "kty": "oct", "k": "AAAA" }] })] {
        let new = crate::app::clients::NewClient { name: None, scopes: ScopeSet::ALL, keys: Some(keys.clone()) };
        let made = site.app.client_make(crate::store::Actor::Operator, site.org, new).await;
        assert!(matches!(made, Err(app::Error::Auth(auth::Error::ClientKeys(_)))), "{keys}");
    }
}
