//! An external issuer on a loopback server that misbehaves in every way of F-39.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::super::tokens::signing_key_create;
use super::*;
use crate::auth::{Grant, ScopeSet, Subject, jwks};
use crate::org::Org;

const NAME: &str = "https://idp.test";
const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn key() -> SigningKey {
    SigningKey::from_pem(signing_key_create().expose()).expect("a new key")
}

/// A token of `key`, as the external issuer `name` would make it; it says whatever our own would.
fn token(name: &str, key: &SigningKey, org: OrgId) -> String {
    let org = Org {
        settings: Default::default(),
        id: org,
        parent: None,
        root: org,
        root_handle: "acme".into(),
        handle: "acme".into(),
        name: "Acme".into(),
        active: true,
        created: NOW,
    };
    let subject = Subject::Client(uuid::Uuid::from_u128(7).into());
    let grant = Grant {
        org: &org,
        subject: &subject,
        client: None,
        sources: &[],
        actors: &[],
        user_org: org.id,
        scopes: ScopeSet::ALL,
        token: uuid::Uuid::from_u128(8).into(),
        issued_at: NOW,
        lifetime: issue::ACCESS_LIFETIME,
    };
    issue::issue(key, name, "https://usher.test", &grant).expect("signed")
}

fn org() -> OrgId {
    uuid::Uuid::from_u128(1).into()
}

/// A server that answers whatever it was last told to, and counts.
struct Idp {
    url: String,
    answer: Arc<Mutex<Vec<u8>>>,
    asked: Arc<AtomicUsize>,
}

impl Idp {
    async fn start() -> Idp {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/jwks", listener.local_addr().expect("its address"));
        let idp = Idp { url, answer: Arc::default(), asked: Arc::default() };
        let (answer, asked) = (idp.answer.clone(), idp.asked.clone());
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                asked.fetch_add(1, Ordering::SeqCst);
                let _ = socket.read(&mut [0; 4096]).await;
                let answer = answer.lock().expect("the answer").clone();
                let _ = socket.write_all(&answer).await;
                let _ = socket.shutdown().await;
            }
        });
        idp
    }

    fn answers(&self, head: &str, body: &str) {
        let length = body.len();
        let answer = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
        *self.answer.lock().expect("the answer") = answer.into_bytes();
    }

    fn publishes(&self, key: &SigningKey) {
        self.answers("200 OK", &jwks::print(key).to_string());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn issuers(&self) -> Issuers {
        Issuers::new("https://usher.test", key(), vec![external(KeySource::JwksUrl(self.url.clone()))]).expect("issuers")
    }
}

fn external(keys: KeySource) -> ExternalIssuer {
    ExternalIssuer { issuer: NAME.into(), audience: "https://usher.test".into(), orgs: vec![org()], keys, allow_typ_jwt: false }
}

fn later(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it_and_an_old_one_dies() {
    let (idp, old, new) = (Idp::start().await, key(), key());
    let issuers = idp.issuers();
    idp.publishes(&old);
    let (old_token, new_token) = (token(NAME, &old, org()), token(NAME, &new, org()));
    let verified = issuers.verify(&old_token, NOW).await.expect("believed");
    let subject = uuid::Uuid::from_u128(7).to_string();
    assert_eq!(verified.subject, Subject::External { issuer: NAME.into(), subject });
    idp.publishes(&new);
    assert_eq!(issuers.verify(&new_token, later(29)).await, Err(Refusal::Key.into()), "asked a moment ago");
    assert!(issuers.verify(&old_token, later(29)).await.is_ok(), "still one of the keys known");
    assert!(issuers.verify(&new_token, later(30)).await.is_ok());
    assert_eq!(issuers.verify(&old_token, later(30)).await, Err(Refusal::Key.into()), "SEC S-27: not from memory either");
    assert_eq!(idp.asked(), 2);
}

/// V-50: the issuer hears of it once, and tokens with a known key hear nothing.
#[tokio::test]
async fn a_thousand_unknown_keys_are_one_fetch() {
    let (idp, own) = (Idp::start().await, key());
    let issuers = Arc::new(idp.issuers());
    idp.publishes(&own);
    let sound = token(NAME, &own, org());
    assert!(issuers.verify(&sound, NOW).await.is_ok());
    for at in 0..1000_u64 {
        let stranger = format!("{}.{}", kid_header(at), sound.split_once('.').expect("parts").1);
        assert_eq!(issuers.verify(&stranger, later(at / 40)).await, Err(Refusal::Key.into()));
    }
    assert!(issuers.verify(&sound, later(29)).await.is_ok());
    assert_eq!(idp.asked(), 1);
}

fn kid_header(at: u64) -> String {
    use base64::Engine as _;
    let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": format!("k{at}") });
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header.to_string())
}

#[tokio::test]
async fn the_last_good_keys_serve_whatever_the_issuer_answers() {
    let (idp, own) = (Idp::start().await, key());
    let issuers = idp.issuers();
    let sound = token(NAME, &own, org());
    idp.answers("500 No", "");
    assert_eq!(issuers.verify(&sound, NOW).await, Err(auth::Error::KeysUnavailable), "never loaded is not the token's fault");
    idp.publishes(&own);
    assert!(issuers.verify(&sound, later(30)).await.is_ok());
    let elsewhere = Idp::start().await;
    elsewhere.publishes(&key());
    let wrong = [
        ("404 Not Found", String::new()),
        ("200 OK", "garbage".into()),
        ("200 OK", r#"{"keys":[]}"#.into()),
        ("200 OK", format!("{}{}", jwks::print(&key()), " ".repeat(300_000))),
        (&format!("302 Found\r\nlocation: {}", elsewhere.url), String::new()),
    ];
    for (at, (head, body)) in wrong.iter().enumerate() {
        idp.answers(head, body);
        let now = later(60 + 30 * at as u64);
        issuers.refresh_all(now).await;
        issuers.remembered.clear();
        assert!(issuers.verify(&sound, now).await.is_ok(), "{head}");
    }
    assert_eq!(idp.asked(), 2 + wrong.len());
    assert_eq!(elsewhere.asked(), 0, "no redirect is followed (SEC S-36)");
}

#[tokio::test]
async fn an_issuer_speaks_for_its_own_orgs_and_under_its_own_name_only() {
    let (idp, own) = (Idp::start().await, key());
    let issuers = idp.issuers();
    idp.publishes(&own);
    let foreign = uuid::Uuid::from_u128(2).into();
    assert_eq!(issuers.verify(&token(NAME, &own, foreign), NOW).await, Err(Refusal::Org.into()));
    assert_eq!(issuers.verify(&token("https://usher.test", &own, org()), NOW).await, Err(Refusal::Key.into()));
    assert_eq!(issuers.verify(&token("https://other.test", &own, org()), NOW).await, Err(Refusal::Issuer.into()));
    let (_, signing) = issuers.embedded();
    assert!(issuers.verify(&token("https://usher.test", signing, foreign), NOW).await.is_ok(), "ours speaks for every org");
}

#[test]
fn what_cannot_work_is_refused_at_the_start() {
    let new = |external: Vec<ExternalIssuer>| Issuers::new("https://usher.test", key(), external).err();
    let url = |url: &str| external(KeySource::JwksUrl(url.into()));
    assert!(matches!(new(vec![url("http://idp.test/jwks")]), Some(IssuerError::Url(..))));
    assert!(matches!(new(vec![external(KeySource::Pem(String::new()))]), Some(IssuerError::Key(..))));
    assert!(matches!(new(vec![url("https://a.test/"), url("https://b.test/")]), Some(IssuerError::Twice(_))));
    let own = ExternalIssuer { issuer: "https://usher.test".into(), ..url("https://a.test/") };
    assert!(matches!(new(vec![own]), Some(IssuerError::Twice(_))));
}
