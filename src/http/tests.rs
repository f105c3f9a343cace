//! The whole site over a real store: every way in which a request can be refused, and in which form it hears of it.

use std::path::Path;
use std::sync::Arc;

use poem::endpoint::BoxEndpoint;
use poem::http::{Method, StatusCode};
use poem::test::TestClient;
use poem::{Body, Response};
use serde_json::{Value, json};

use super::{Documentation, routes};
use crate::app::tokens::signing_key_create;
use crate::app::{App, Issuers, Settings};
use crate::auth::{ScopeSet, key::SigningKey};
use crate::base::clock::SystemClock;
use crate::base::random::SystemRandom;
use crate::base::{OrgId, Secret};
use crate::scim::Profile;
use crate::store::sqlite::{OpenMode, Sqlite};

const PUBLIC: &str = "https://usher.test";
const SCIM: &str = "application/scim+json; charset=utf-8";

/// Two organizations in one tree, and a token for each.
struct Site {
    client: TestClient<BoxEndpoint<'static, Response>>,
    app: Arc<App>,
    acme: (OrgId, String),
    partners: (OrgId, String),
    _folder: tempfile::TempDir,
}

fn app(folder: &Path) -> Arc<App> {
    let store = Sqlite::open(&folder.join("usher.db"), OpenMode::Serve).expect("a new database");
    let settings = Settings {
        public_url: PUBLIC.to_owned(),
        profile: Profile::Lenient,
        restorable: crate::base::limit::RESTORABLE,
        invitation_key: Secret::new([7; 32]),
    };
    let signing = SigningKey::from_pem(signing_key_create().expose()).expect("a new key");
    let issuers = Issuers::new(PUBLIC, signing, Vec::new()).expect("no external issuers");
    Arc::new(App::new(Arc::new(store), Arc::new(SystemClock), Arc::new(SystemRandom), settings, issuers))
}

impl Site {
    async fn new() -> Site {
        let folder = tempfile::tempdir().expect("a folder");
        let app = app(folder.path());
        let acme = app.org_create(None, "acme", None).await.expect("a root").id;
        let partners = app.org_create(Some(acme), "partners", None).await.expect("a child").id;
        let mut site = Site {
            client: TestClient::new(routes(app.clone(), Documentation::Served)),
            app,
            acme: (acme, String::new()),
            partners: (partners, String::new()),
            _folder: folder,
        };
        site.acme.1 = site.token(acme, ScopeSet::ALL).await;
        site.partners.1 = site.token(partners, ScopeSet::ALL).await;
        site
    }

    async fn token(&self, org: OrgId, scopes: ScopeSet) -> String {
        let issued = self.app.token_create(org, None, scopes, None).await.expect("a token");
        issued.access_token.expose().clone()
    }

    fn base(&self) -> String {
        format!("/t/acme/o/{}/scim2", self.acme.0)
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Heard {
        let request = self.client.request(method, path);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        Heard::from(request.body(body).send().await.0).await
    }

    /// As the administrator of acme.
    async fn call(&self, method: Method, path: &str, body: impl Into<Body>) -> Heard {
        let bearer = format!("Bearer {}", self.acme.1);
        let path = format!("{}{path}", self.base());
        self.send(method, &path, &[("authorization", &bearer), ("content-type", "application/scim+json")], body).await
    }
}

/// An answer, read to its end.
#[derive(Debug)]
struct Heard {
    status: u16,
    headers: poem::http::HeaderMap,
    body: Value,
}

impl Heard {
    async fn from(response: Response) -> Heard {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.into_body().into_string().await.expect("text");
        Heard { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// E-01, E-02, E-09.
    fn assert_refused(&self, status: u16, scim_type: Option<&str>, case: &str) {
        assert_eq!(self.status, status, "{case}: {}", self.body);
        assert_eq!(self.header("content-type"), SCIM, "{case}");
        assert_eq!(self.body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]), "{case}");
        assert_eq!(self.body["status"], status.to_string(), "{case}");
        assert_eq!(self.body.get("scimType").and_then(Value::as_str), scim_type, "{case}: {}", self.body);
        assert!(self.body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{case}");
        assert!(!self.header("x-request-id").is_empty(), "{case}");
        assert_eq!(self.header("cache-control"), "no-store", "SEC S-06 {case}");
    }
}

#[tokio::test]
async fn every_refusal_of_a_body_has_its_status() {
    let site = Site::new().await;
    let bearer = format!("Bearer {}", site.acme.1);
    let users = format!("{}/Users", site.base());
    let good = r#"{"userName":"ada"}"#;
    for (headers, body, status, scim_type) in [
        (&[("content-type", "text/plain")][..], good, 415, None),
        (&[("content-type", "application/json; charset=latin1")], good, 415, None),
        (&[("content-encoding", "gzip")], good, 415, None),
        (&[("content-length", "99999999")], good, 413, None),
        (&[], "", 400, Some("invalidSyntax")),
        (&[], "[]", 400, Some("invalidSyntax")),
        (&[], "{\"userName\":\"ada\"", 400, Some("invalidSyntax")),
        (&[], r#"{"userName":"a","USERNAME":"b"}"#, 400, Some("invalidSyntax")),
        (&[], r#"{"displayName":"nobody"}"#, 400, Some("invalidValue")),
    ] {
        let headers = [&[("authorization", bearer.as_str())], headers].concat();
        let heard = site.send(Method::POST, &users, &headers, body).await;
        heard.assert_refused(status, scim_type, &format!("{headers:?} {body}"));
    }
    let heard = site.send(Method::POST, &users, &[("authorization", &bearer)], vec![b' '; 8 * 1024 * 1024 + 1]).await;
    heard.assert_refused(413, None, "a long body");
    // H-01, H-04: both media types, and none.
    for (at, content_type) in ["application/scim+json", "Application/JSON;charset=UTF-8", ""].into_iter().enumerate() {
        let content_type = [("authorization", bearer.as_str()), ("content-type", content_type)];
        let headers = if content_type[1].1.is_empty() { &content_type[..1] } else { &content_type[..] };
        let heard = site.send(Method::POST, &users, headers, format!(r#"{{"userName":"ada{at}"}}"#)).await;
        assert_eq!(heard.status, 201, "{headers:?}: {}", heard.body);
        assert_eq!(heard.header("location"), heard.body["meta"]["location"], "C-01");
        assert!(heard.header("location").starts_with("https://usher.test/t/acme/o/"), "H-08");
    }
}

#[tokio::test]
async fn every_refusal_of_a_caller_has_its_challenge() {
    // SEC S-09, S-10, S-50.
    let site = Site::new().await;
    let users = format!("{}/Users", site.base());
    let reader = format!("Bearer {}", site.token(site.acme.0, "groups:read".parse().expect("a scope")).await);
    let foreign = format!("Bearer {}", site.partners.1);
    let bearer = format!("Bearer {}", site.acme.1);
    let tampered = format!("Bearer {}x", site.acme.1);
    let bare = r#"Bearer realm="usher""#;
    for (sent, status, challenge) in [
        (&[][..], 401, bare),
        (&["Basic YTpi"], 401, bare),
        (&["Bearer"], 401, bare),
        (&["Bearer "], 401, bare),
        (&["Bearer nonsense"], 401, r#"error="invalid_token""#),
        (&[tampered.as_str()], 401, r#"error="invalid_token""#),
        (&[reader.as_str()], 403, r#"error="insufficient_scope""#),
        (&[foreign.as_str()], 404, ""),
        (&[bearer.as_str(), bearer.as_str()], 400, ""),
        (&[bearer.as_str()], 200, ""),
        (&[bearer.replace("Bearer", "bEARER").as_str()], 200, ""),
    ] {
        let headers: Vec<_> = sent.iter().map(|value| ("authorization", *value)).collect();
        let heard = site.send(Method::GET, &users, &headers, ()).await;
        assert_eq!(heard.status, status, "{sent:?}: {}", heard.body);
        let challenged = heard.header("www-authenticate");
        assert!(challenged.contains(challenge), "{sent:?}: {challenged}");
        assert_eq!(challenged.is_empty(), ![401, 403].contains(&status), "{sent:?}: {challenged}");
        if challenge == bare {
            assert!(!challenged.contains("error"), "no error code where no credentials were sent: {challenged}");
        }
        if status == 403 {
            assert!(challenged.contains(r#"scope="users:read""#), "{challenged}");
        }
        if status != 200 {
            heard.assert_refused(status, None, &format!("{sent:?}"));
        }
    }
    let heard = site.send(Method::GET, &format!("{users}?access_token={}", site.acme.1), &[], ()).await;
    heard.assert_refused(401, None, "a token in the address");
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_ours_are_one_answer() {
    let site = Site::new().await;
    let (bearer, partners) = (format!("Bearer {}", site.acme.1), site.partners.0);
    let nobody = "00000000-0000-7000-8000-000000000000";
    let unknown = site.call(Method::GET, &format!("/Users/{nobody}"), ()).await;
    unknown.assert_refused(404, None, "an unknown user");
    for path in [
        format!("/t/acme/o/{nobody}/scim2/Users"),
        format!("/t/acme/o/{partners}/scim2/Users"),
        format!("/t/other/o/{}/scim2/Users", site.acme.0),
        format!("/t/acme/o/{}/scim2/Users", site.acme.0.to_string().to_uppercase()),
        "/t/acme/o/x/scim2/Users".to_owned(),
        format!("{}/Nothing", site.base()),
        format!("{}/Users/%2e%2e", site.base()),
        format!("{}/Users/..%2fGroups", site.base()),
        format!("{}/Schemas/urn:nope", site.base()),
        format!("{}/ResourceTypes/Nope", site.base()),
        format!("{}/Users/{}", site.base(), "x".repeat(5000)),
    ] {
        let heard = site.send(Method::GET, &path, &[("authorization", &bearer)], ()).await;
        heard.assert_refused(404, None, &path);
        assert_eq!(heard.body, unknown.body, "{path}");
    }
    for path in ["/", "/nothing", "/t/acme/o/x", "/t/acme/o/x/nothing/y"] {
        let heard = site.send(Method::GET, path, &[], ()).await;
        assert_eq!((heard.status, heard.header("content-type")), (404, SCIM), "{path}");
    }
}

#[tokio::test]
async fn every_address_knows_its_methods() {
    // C-16, C-17, D-07, SEC S-04.
    let site = Site::new().await;
    for (path, allow) in [
        ("/Users", "GET, HEAD, OPTIONS, POST"),
        ("/Users/00000000-0000-7000-8000-000000000000", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("/Users/.search", "OPTIONS, POST"),
        ("/Schemas", "GET, HEAD, OPTIONS"),
        ("/ServiceProviderConfig", "GET, HEAD, OPTIONS"),
    ] {
        let trace = Method::from_bytes(b"TRACE").expect("a method");
        for method in [trace, Method::from_bytes(b"BREW").expect("a method"), Method::PUT, Method::DELETE] {
            if allow.contains(method.as_str()) {
                continue;
            }
            let heard = site.call(method.clone(), path, "{}").await;
            heard.assert_refused(405, None, &format!("{method} {path}"));
            assert_eq!(heard.header("allow"), allow, "{method} {path}");
        }
        let heard = site.call(Method::OPTIONS, path, ()).await;
        assert_eq!((heard.status, heard.header("allow")), (204, allow), "{path}");
    }
    let get = site.call(Method::GET, "/Users", ()).await;
    let head = site.call(Method::HEAD, "/Users", ()).await;
    assert_eq!((head.status, &head.body, head.header("content-type")), (200, &"".into(), SCIM));
    assert_eq!(head.headers["content-length"], get.body.to_string().len().to_string());
}

#[tokio::test]
async fn addresses_are_read_kindly() {
    // H-06, H-07.
    let site = Site::new().await;
    for path in ["/Users/", "//Users", "/Users?", "/v2/Users", "//v2//Users//?count=1", "/Users?count=1&nonsense=%zz"] {
        let heard = site.call(Method::GET, path, ()).await;
        assert_eq!(heard.status, 200, "{path}: {}", heard.body);
    }
    site.call(Method::GET, "/v1/Users", ()).await.assert_refused(400, Some("invalidVers"), "/v1");
    site.call(Method::GET, "/Users?count=x", ()).await.assert_refused(400, Some("invalidValue"), "count");
}

#[tokio::test]
async fn discovery_is_open_where_it_must_be_and_closed_elsewhere() {
    // D-01 … D-07.
    let site = Site::new().await;
    let heard = site.send(Method::GET, &format!("{}/ServiceProviderConfig", site.base()), &[], ()).await;
    assert_eq!((heard.status, heard.header("content-type")), (200, SCIM));
    assert_eq!(heard.body["meta"]["location"], format!("{PUBLIC}{}/ServiceProviderConfig", site.base()));
    for path in ["/Schemas", "/ResourceTypes", "/ResourceTypes/User"] {
        let heard = site.send(Method::GET, &format!("{}{path}", site.base()), &[], ()).await;
        heard.assert_refused(401, None, path);
        assert_eq!(site.call(Method::GET, path, ()).await.status, 200, "{path}");
    }
    let urn = "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User";
    assert_eq!(site.call(Method::GET, urn, ()).await.body["name"], "User");
    for path in ["/Schemas?filter=id%20pr", "/ResourceTypes?filter=id%20pr"] {
        site.call(Method::GET, path, ()).await.assert_refused(403, None, path);
    }
}

#[tokio::test]
async fn headers_that_lie_about_the_host_change_nothing() {
    // V-37, SEC S-02, H-08.
    let site = Site::new().await;
    let bearer = format!("Bearer {}", site.acme.1);
    let lies = [
        ("host", "evil.test"),
        ("x-forwarded-host", "evil.test"),
        ("x-forwarded-proto", "gopher"),
        ("forwarded", "host=evil.test"),
        ("x-original-url", "/healthz"),
        ("x-http-method-override", "DELETE"),
        ("authorization", bearer.as_str()),
    ];
    let users = format!("{}/Users", site.base());
    let made = site.send(Method::POST, &users, &lies, r#"{"userName":"eve"}"#).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert!(!format!("{made:?}").contains("evil"), "{made:?}");
    let two = [("host", "a"), ("host", "b"), ("authorization", bearer.as_str())];
    site.send(Method::GET, &users, &two, ()).await.assert_refused(400, None, "SEC S-03");
}

#[tokio::test]
async fn the_page_of_an_unknown_link_is_404_html_whatever_is_wrong_with_it() {
    let site = Site::new().await;
    let id = "00000000-0000-7000-8000-000000000000";
    let page = format!("/t/acme/o/{}/invitations/{id}", site.partners.0);
    for path in [
        format!("{page}?code=x"),
        page.clone(),
        format!("/t/other/o/{}/invitations/{id}", site.partners.0),
        format!("/t/acme/o/{id}/invitations/{id}"),
        format!("/t/acme/o/x/invitations/{id}"),
        format!("/t/acme/o/{}/invitations/..", site.partners.0),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let heard = site.send(method.clone(), &path, &[], ()).await;
            assert_eq!((heard.status, heard.header("content-type")), (404, "text/html; charset=utf-8"), "{method} {path}");
            assert!(heard.header("content-security-policy").contains("frame-ancestors 'none'"), "S-68");
        }
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let code_in_address = format!("{page}?code=x&answer=accept");
    for (path, headers, body, status) in [
        (&page, &form[..], "code=x&answer=accept", 404),
        (&page, &form[..], "code=x", 400),
        (&code_in_address, &form[..], "", 400),
        (&page, &[form[0], ("sec-fetch-site", "cross-site")][..], "code=x&answer=accept", 403),
        (&page, &[form[0], ("origin", "https://evil.test")][..], "code=x&answer=accept", 403),
        (&page, &[("content-type", "application/json")][..], "{}", 415),
    ] {
        assert_eq!(site.send(Method::POST, path, headers, body).await.status, status, "{path} {headers:?} {body}");
    }
    assert_eq!(site.send(Method::PUT, &page, &[], ()).await.status, 405);
}

#[tokio::test]
async fn documentation_and_health_are_where_they_are_looked_for() {
    let site = Site::new().await;
    for (path, content_type) in [
        ("/healthz", "text/plain; charset=utf-8"),
        ("/readyz", "text/plain; charset=utf-8"),
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/", "text/html; charset=utf-8"),
        ("/openapi.json", "application/json"),
        ("/console/console.css", "text/css; charset=utf-8"),
        ("/oauth2/jwks", "application/json"),
    ] {
        let heard = site.send(Method::GET, path, &[], ()).await;
        assert_eq!(heard.status, StatusCode::OK.as_u16(), "{path}");
        assert!(heard.header("content-type").starts_with(content_type.split(';').next().unwrap_or_default()), "{path}");
    }
    site.app.drain();
    assert_eq!(site.send(Method::GET, "/readyz", &[], ()).await.status, 503, "about to end");
    assert_eq!(site.send(Method::GET, "/healthz", &[], ()).await.status, 200);
    let hidden = TestClient::new(routes(site.app.clone(), Documentation::Hidden));
    for path in ["/docs", "/openapi.json"] {
        hidden.get(path).send().await.assert_status(StatusCode::NOT_FOUND);
    }
}
