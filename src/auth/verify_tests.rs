//! The rows SEC S-14 … S-26 as tables: each case changes one thing of a token that is believed.

use std::time::Duration;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::super::{SigningKey, issue, jwks, key};
use super::*;

const NOW: i64 = 1_800_000_000;
const ORG: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const USER: &str = "01890a5d-ac96-774b-bcce-b302099a8058";
const JTI: &str = "01890a5d-ac96-774b-bcce-b302099a8059";

/// An issuer with a key pair of its own.
struct Party {
    issuer: Issuer,
    private_pem: String,
    public_pem: String,
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

fn party(name: &str) -> Party {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let private = pair.to_pkcs8v1().expect("its private part");
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("its public part");
    let issuer = Issuer {
        issuer: name.into(),
        audience: "https://usher.test".into(),
        orgs: Orgs::Only(vec![ORG.parse().expect("an id")]),
        typ: Typ::AccessToken,
        lifetime_max: Duration::from_secs(3600),
        subjects: Subjects::Own,
    };
    Party { issuer, private_pem: pem("PRIVATE KEY", private.as_ref()), public_pem: pem("PUBLIC KEY", public.as_ref()) }
}

impl Party {
    fn keys(&self) -> Vec<Key> {
        key::public_from_pem(&self.public_pem).expect("a public key")
    }

    fn sign(&self, header: &str, claims: &str) -> String {
        let key = EncodingKey::from_ec_pem(self.private_pem.as_bytes()).expect("a private key");
        signed(header, claims, |text| jsonwebtoken::crypto::sign(text.as_bytes(), &key, Algorithm::ES256).expect("signed"))
    }

    fn verify(&self, token: &str) -> Result<Verified, Refusal> {
        self.verify_at(token, Timestamp::from_seconds(NOW))
    }

    fn verify_at(&self, token: &str, now: Timestamp) -> Result<Verified, Refusal> {
        Token::parse(token)?.verify(&self.issuer, &self.keys(), now)
    }
}

fn signed(header: &str, claims: &str, sign: impl Fn(&str) -> String) -> String {
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = sign(&text);
    format!("{text}.{signature}")
}

fn header() -> Value {
    json!({ "alg": "ES256", "typ": "at+jwt", "kid": "a" })
}

fn claims() -> Value {
    json!({
        "iss": "https://a.test", "aud": "https://usher.test", "sub": USER, "client_id": "x", "jti": JTI,
        "iat": NOW, "exp": NOW + 600, "org_id": ORG, "scope": "users:read groups:read other",
    })
}

fn source() -> Value {
    json!({ "org_id": ORG, "jti": JTI, "sub": USER, "client_id": "usher-cli", "issued_at_ms": NOW * 1000 })
}

/// `object` with `name` set to `value`, or without it if that is null.
fn with(mut object: Value, name: &str, value: Value) -> String {
    match value {
        Value::Null => object.as_object_mut().expect("an object").remove(name),
        value => object.as_object_mut().expect("an object").insert(name.into(), value),
    };
    object.to_string()
}

/// The token that all others differ from is believed, so a refusal below has the one reason it names.
#[test]
fn a_sound_token_is_believed_as_it_says() {
    let a = party("https://a.test");
    let verified = a.verify(&a.sign(&header().to_string(), &claims().to_string())).expect("believed");
    let expected = Verified {
        org: ORG.parse().expect("an id"),
        subject: Subject::User(USER.parse().expect("an id")),
        client_id: Some("x".into()),
        scopes: "users:read groups:read".parse().expect("scopes"),
        token: Some(JTI.parse().expect("an id")),
        issued_at: Timestamp::from_seconds(NOW),
        expires_at: Timestamp::from_seconds(NOW + 600),
        sources: Vec::new(),
        actors: Vec::new(),
    };
    assert_eq!(verified, expected);
}

#[test]
fn every_claim_of_a_wrong_type_or_value_is_refused_for_its_own_reason() {
    let a = party("https://a.test");
    let cases: Vec<(&str, Value, Refusal)> = vec![
        // SEC S-16
        ("iss", Value::Null, Refusal::Issuer),
        ("iss", json!(["https://a.test"]), Refusal::Issuer),
        ("iss", json!("https://a.test/"), Refusal::Issuer),
        ("iss", json!("https://A.test"), Refusal::Issuer),
        ("iss", json!(""), Refusal::Issuer),
        // SEC S-17
        ("aud", Value::Null, Refusal::Audience),
        ("aud", json!(7), Refusal::Audience),
        ("aud", json!("https://other.test"), Refusal::Audience),
        ("aud", json!([]), Refusal::Audience),
        ("aud", json!([["https://usher.test"]]), Refusal::Audience),
        ("aud", json!(["https://usher.test", 7]), Refusal::Audience),
        ("aud", json!({ "https://usher.test": 1 }), Refusal::Audience),
        // SEC S-20, V-48
        ("exp", Value::Null, Refusal::Expired),
        ("exp", json!("1900000000"), Refusal::Claims),
        ("exp", json!([NOW + 600]), Refusal::Claims),
        ("exp", json!(true), Refusal::Claims),
        ("exp", json!(-1), Refusal::Claims),
        ("exp", json!(1e300), Refusal::Claims),
        ("nbf", json!("0"), Refusal::Claims),
        ("nbf", json!({}), Refusal::Claims),
        ("iat", Value::Null, Refusal::Lifetime),
        ("iat", json!("0"), Refusal::Claims),
        // SEC S-24
        ("sub", Value::Null, Refusal::Subject),
        ("sub", json!(""), Refusal::Subject),
        ("sub", json!(" "), Refusal::Subject),
        ("sub", json!(7), Refusal::Subject),
        ("sub", json!([USER]), Refusal::Subject),
        ("sub", json!("a\u{0}b"), Refusal::Subject),
        ("sub", json!("ada"), Refusal::Subject),
        ("sub", json!("s".repeat(256)), Refusal::Subject),
        // SEC S-50
        ("org_id", Value::Null, Refusal::Org),
        ("org_id", json!(""), Refusal::Org),
        ("org_id", json!([ORG]), Refusal::Org),
        ("org_id", json!(7), Refusal::Org),
        ("org_id", json!(ORG.to_uppercase()), Refusal::Org),
        ("org_id", json!(ORG.replace('-', "")), Refusal::Org),
        ("org_id", json!(USER), Refusal::Org),
        // SEC S-26
        ("scope", json!(["users:read"]), Refusal::Claims),
        ("scope", json!(vec!["x"; 51].join(" ")), Refusal::Claims),
        ("deep", json!([[[[1]]]]), Refusal::Claims),
        ("client_id", json!(7), Refusal::Claims),
        ("jti", Value::Null, Refusal::Claims),
        ("jti", json!("not an id"), Refusal::Claims),
        // SEC S-28, S-32: what the embedded issuer writes, and nothing like it.
        ("sources", json!({}), Refusal::Claims),
        ("sources", json!([7]), Refusal::Claims),
        ("sources", json!([{ "org_id": ORG, "jti": JTI, "sub": USER }]), Refusal::Claims),
        ("sources", json!(vec![source(); 13]), Refusal::Claims),
        ("act", json!("x"), Refusal::Claims),
        ("act", json!({ "sub": "x" }), Refusal::Claims),
        ("act", json!({ "sub": USER, "act": { "sub": USER, "act": { "sub": USER } } }), Refusal::Claims),
    ];
    for (name, value, refusal) in cases {
        let token = a.sign(&header().to_string(), &with(claims(), name, value.clone()));
        assert_eq!(a.verify(&token), Err(refusal), "{name}: {value}");
    }
    for (name, value) in [
        ("aud", json!(["https://other.test", "https://usher.test"])),
        ("exp", json!(NOW as f64 + 600.5)),
        ("scope", json!(vec!["x"; 50].join(" "))),
        ("email", json!("ada@a.test")),
        ("sources", json!(vec![source(); 12])),
        ("act", json!({ "sub": USER, "act": { "sub": JTI } })),
    ] {
        let token = a.sign(&header().to_string(), &with(claims(), name, value.clone()));
        assert!(a.verify(&token).is_ok(), "{name}: {value}");
    }
}

#[test]
fn every_header_that_asks_for_more_is_refused() {
    let a = party("https://a.test");
    let cases: Vec<(&str, Value, Refusal)> = vec![
        // SEC S-18
        ("typ", Value::Null, Refusal::Type),
        ("typ", json!("JWT"), Refusal::Type),
        ("typ", json!("id+jwt"), Refusal::Type),
        ("typ", json!("at+jwt "), Refusal::Type),
        ("typ", json!("secevent+jwt"), Refusal::Type),
        ("typ", json!(["at+jwt"]), Refusal::Type),
        // SEC S-21
        ("crit", json!(["x"]), Refusal::Extension),
        ("crit", json!([]), Refusal::Extension),
        ("b64", json!(false), Refusal::Extension),
        ("b64", json!(true), Refusal::Extension),
        ("zip", json!("DEF"), Refusal::Extension),
        ("cty", json!("JWT"), Refusal::Extension),
        // SEC S-14
        ("alg", Value::Null, Refusal::Algorithm),
        ("alg", json!("none"), Refusal::Algorithm),
        ("alg", json!("None"), Refusal::Algorithm),
        ("alg", json!("nOnE"), Refusal::Algorithm),
        ("alg", json!(""), Refusal::Algorithm),
        ("alg", json!("es256"), Refusal::Algorithm),
        ("alg", json!("ES256 "), Refusal::Algorithm),
        ("alg", json!("ES384"), Refusal::Algorithm),
        ("alg", json!("RS256"), Refusal::Algorithm),
        ("alg", json!("HS256"), Refusal::Algorithm),
        ("alg", json!(["ES256"]), Refusal::Algorithm),
        // SEC S-22
        ("kid", json!(7), Refusal::Key),
        ("kid", json!("k".repeat(129)), Refusal::Key),
    ];
    for (name, value, refusal) in cases {
        let token = a.sign(&with(header(), name, value.clone()), &claims().to_string());
        assert_eq!(a.verify(&token), Err(refusal), "{name}: {value}");
    }
    for (name, value) in [("typ", json!("application/at+jwt")), ("typ", json!("AT+JWT")), ("kid", json!("k".repeat(128)))] {
        let token = a.sign(&with(header(), name, value.clone()), &claims().to_string());
        assert!(a.verify(&token).is_ok(), "{name}: {value}");
    }
}

#[test]
fn a_tolerant_issuer_may_say_jwt_and_nothing_else() {
    let mut a = party("https://a.test");
    a.issuer.typ = Typ::AnyJwt;
    for (typ, is_believed) in [
        (json!("JWT"), true),
        (json!("application/jwt"), true),
        (json!("at+jwt"), true),
        (json!("id+jwt"), false),
        (json!("logout+jwt"), false),
        (Value::Null, false),
    ] {
        let token = a.sign(&with(header(), "typ", typ.clone()), &claims().to_string());
        assert_eq!(a.verify(&token).is_ok(), is_believed, "{typ}");
    }
}

/// V-46: whoever has the public key has all that a confused verifier asks for.
#[test]
fn the_public_key_is_no_mac_key_and_no_signature_is_no_signature() {
    let a = party("https://a.test");
    let mac = EncodingKey::from_secret(a.public_pem.as_bytes());
    let header_hs = with(header(), "alg", json!("HS256"));
    let mac_signed = |text: &str| jsonwebtoken::crypto::sign(text.as_bytes(), &mac, Algorithm::HS256).expect("signed");
    assert_eq!(a.verify(&signed(&header_hs, &claims().to_string(), mac_signed)), Err(Refusal::Algorithm));
    let header_es = header().to_string();
    assert_eq!(a.verify(&signed(&header_es, &claims().to_string(), mac_signed)), Err(Refusal::Signature));
    // CVE-2022-21449: r and s of zero.
    for signature in [String::new(), URL_SAFE_NO_PAD.encode([0; 64]), "AAAA".into(), "*".into()] {
        let token = signed(&header_es, &claims().to_string(), |_| signature.clone());
        assert_eq!(a.verify(&token), Err(Refusal::Signature), "{signature:?}");
    }
    let none = signed(&with(header(), "alg", json!("none")), &claims().to_string(), |_| String::new());
    assert_eq!(a.verify(&none), Err(Refusal::Algorithm));
}

#[test]
fn any_changed_byte_of_a_sound_token_is_refused() {
    let a = party("https://a.test");
    let token = a.sign(&header().to_string(), &claims().to_string());
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).expect("ASCII");
        assert!(a.verify(&changed).is_err(), "{at}");
    }
    for changed in [format!("{token}="), format!("{token}A"), format!("{token}\n"), format!(" {token}"), format!("{token}.")] {
        assert!(a.verify(&changed).is_err(), "{changed:?}");
    }
}

/// SEC S-16: the right name with another issuer's key is as bad as the wrong name.
#[test]
fn the_key_of_one_issuer_does_not_speak_for_another() {
    let (a, b) = (party("https://a.test"), party("https://b.test"));
    let token = b.sign(&header().to_string(), &claims().to_string());
    assert_eq!(a.verify(&token), Err(Refusal::Signature));
    assert_eq!(b.verify(&token), Err(Refusal::Issuer));
    let own = b.sign(&header().to_string(), &with(claims(), "iss", json!("https://b.test")));
    assert!(b.verify(&own).is_ok());
    assert_eq!(a.verify(&own), Err(Refusal::Issuer));
}

/// SEC S-22, V-47: a token does not bring its own key, and `kid` is a name and nothing more.
#[test]
fn a_key_inside_the_token_is_not_looked_at() {
    let (a, b) = (party("https://a.test"), party("https://b.test"));
    let stranger = SigningKey::from_pem(&b.private_pem).expect("a key");
    let mut header = header();
    header["jwk"] = serde_json::to_value(&stranger.public()[0]).expect("a JWK");
    header["jku"] = json!("http://127.0.0.1:1/jwks");
    header["x5u"] = json!("http://127.0.0.1:1/x5");
    header["x5c"] = json!(["AAAA"]);
    assert_eq!(a.verify(&b.sign(&header.to_string(), &claims().to_string())), Err(Refusal::Signature));
    assert!(a.verify(&a.sign(&header.to_string(), &claims().to_string())).is_ok(), "ignored, not refused");
}

#[test]
fn kid_chooses_among_the_named_keys_and_never_falls_through_to_another() {
    let a = party("https://a.test");
    let own = SigningKey::from_pem(&a.private_pem).expect("a key");
    let kid = own.public()[0].common.key_id.clone().expect("named");
    let keys = own.keys();
    let verify = |kid: Value| {
        let token = a.sign(&with(header(), "kid", kid), &claims().to_string());
        Token::parse(&token)?.verify(&a.issuer, &keys, Timestamp::from_seconds(NOW))
    };
    assert!(verify(json!(kid)).is_ok());
    assert!(verify(Value::Null).is_ok(), "there is only one key");
    for other in ["", "../../etc/passwd", "' or 1=1 --", "http://127.0.0.1:1/", "a\u{0}", &kid.to_lowercase(), &kid[1..]] {
        assert_eq!(verify(json!(other)), Err(Refusal::Key), "{other:?}");
    }
}

/// SEC S-20: thirty seconds of leeway, to the second, with the clock moved and not the token.
#[test]
fn the_boundaries_of_time_are_where_they_are_said_to_be() {
    let a = party("https://a.test");
    let at = |claims: String, seconds: i64| {
        a.verify_at(&a.sign(&header().to_string(), &claims), Timestamp::from_seconds(NOW + seconds)).err()
    };
    let plain = || claims().to_string();
    for (seconds, refusal) in [
        (-31, Some(Refusal::Premature)),
        (-30, None),
        (-29, None),
        (0, None),
        (629, None),
        (630, Some(Refusal::Expired)),
        (631, Some(Refusal::Expired)),
    ] {
        assert_eq!(at(plain(), seconds), refusal, "iat {seconds}");
    }
    let later = || with(claims(), "nbf", json!(NOW + 100));
    for (seconds, refusal) in [(69, Some(Refusal::Premature)), (70, None), (71, None)] {
        assert_eq!(at(later(), seconds), refusal, "nbf {seconds}");
    }
    assert_eq!(at(with(claims(), "exp", json!(NOW + 3600)), 0), None);
    assert_eq!(at(with(claims(), "exp", json!(NOW + 3601)), 0), Some(Refusal::Lifetime));
    assert_eq!(at(with(claims(), "exp", json!(253_402_300_799_i64)), 0), Some(Refusal::Lifetime));
}

/// SEC S-21, S-23, S-26: everything that needs no key.
#[test]
fn what_is_not_a_small_signed_jwt_without_duplicates_is_not_looked_into() {
    let parse = |text: &str| Token::parse(text).err();
    let a = party("https://a.test");
    let sound = a.sign(&header().to_string(), &claims().to_string());
    let (head, rest) = sound.split_once('.').expect("three parts");
    for text in ["", ".", "..", "...", "a.b.c", &format!("{head}.{head}"), &format!("{sound}.x.y"), &format!("{head}=.{rest}")]
    {
        assert_eq!(parse(text), Some(Refusal::Form), "{text}");
    }
    let padding = |length: usize| format!("{sound}{}", "A".repeat(length - sound.len()));
    assert_eq!(parse(&padding(8193)), Some(Refusal::Size));
    assert_eq!(a.verify(&padding(8192)), Err(Refusal::Signature));

    let doubled = |object: Value, member: &str| object.to_string().replacen('{', &format!("{{{member},"), 1);
    for (head, body) in [
        (doubled(header(), r#""alg":"ES256""#), claims().to_string()),
        (doubled(header(), r#""al\u0067":"none""#), claims().to_string()),
        (header().to_string(), doubled(claims(), &format!(r#""org_id":"{ORG}""#))),
        (header().to_string(), doubled(claims(), r#""aud":"https://usher.test""#)),
        (header().to_string(), doubled(claims(), r#""act":{"sub":"x","sub":"y"}"#)),
    ] {
        assert_eq!(a.verify(&a.sign(&head, &body)), Err(Refusal::Duplicate), "{head} {body}");
    }
}

#[test]
fn an_rsa_key_from_a_pem_file_verifies_rs256_alone() {
    let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).expect("a key");
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("its public part");
    let issuer = party("https://a.test").issuer;
    let keys = key::public_from_pem(&pem("PUBLIC KEY", public.as_ref())).expect("a public key");
    let verify = |alg: &str, padding: &'static dyn aws_lc_rs::signature::RsaEncoding| {
        let sign = |text: &str| {
            let mut signature = vec![0; pair.public_modulus_len()];
            let random = aws_lc_rs::rand::SystemRandom::new();
            pair.sign(padding, &random, text.as_bytes(), &mut signature).expect("signed");
            URL_SAFE_NO_PAD.encode(signature)
        };
        let token = signed(&with(header(), "alg", json!(alg)), &claims().to_string(), sign);
        Token::parse(&token)?.verify(&issuer, &keys, Timestamp::from_seconds(NOW)).map(|_| ())
    };
    use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256};
    assert_eq!(verify("RS256", &RSA_PKCS1_SHA256), Ok(()));
    assert_eq!(verify("PS256", &RSA_PSS_SHA256), Err(Refusal::Algorithm), "sound, but not what the key is for");
    assert_eq!(verify("RS256", &RSA_PSS_SHA256), Err(Refusal::Signature));
    assert_eq!(verify("ES256", &RSA_PKCS1_SHA256), Err(Refusal::Algorithm));
}

/// SEC S-24, S-25: the same text in `sub` is another subject as a client, as a user and at another issuer.
#[test]
fn subjects_of_different_kinds_never_meet() {
    let mut a = party("https://a.test");
    let client = a.sign(&header().to_string(), &with(claims(), "client_id", json!(USER)));
    assert_eq!(a.verify(&client).expect("believed").subject, Subject::Client(USER.parse().expect("an id")));
    a.issuer.subjects = Subjects::Foreign;
    let verified = a.verify(&client).expect("believed");
    assert_eq!(verified.subject, Subject::External { issuer: "https://a.test".into(), subject: USER.into() });
    assert_eq!(verified.token, None, "another issuer's `jti` is not one of ours");
}

#[test]
fn what_the_embedded_issuer_signs_it_believes_and_says_so_in_rfc_9068() {
    let a = party("https://usher.test");
    let own = SigningKey::from_pem(&a.private_pem).expect("a key");
    let id = |text: &str| text.parse().expect("an id");
    let org = crate::org::Org {
        settings: Default::default(),
        id: id(ORG),
        parent: None,
        root: id(ORG),
        root_handle: "acme".into(),
        handle: "acme".into(),
        name: "Acme \"Ltd\"".into(),
        active: true,
        created: Timestamp(0),
    };
    let subject = Subject::Client(USER.parse().expect("an id"));
    let grant = issue::Grant {
        org: &org,
        subject: &subject,
        client: None,
        user_org: org.id,
        scopes: ScopeSet::ALL,
        token: JTI.parse().expect("an id"),
        issued_at: Timestamp(NOW * 1000 + 999),
        lifetime: issue::LIFETIME_MAX * 2,
        sources: &[],
        actors: &[],
    };
    let text = issue::issue(&own, "https://usher.test", "https://usher.test", &grant).expect("one of our subjects");
    let issuer = Issuer { orgs: Orgs::All, lifetime_max: issue::LIFETIME_MAX, ..a.issuer };
    let keys = jwks::parse(jwks::print(&own).to_string().as_bytes()).expect("our own set").keys;
    let verified = Token::parse(&text).and_then(|token| token.verify(&issuer, &keys, Timestamp(NOW * 1000))).expect("believed");
    assert_eq!((verified.org, &verified.subject, verified.scopes), (org.id, &subject, ScopeSet::ALL));
    let payload = URL_SAFE_NO_PAD.decode(text.split('.').nth(1).expect("a payload")).expect("base64url");
    let expected = json!({
        "iss": "https://usher.test", "aud": "https://usher.test", "sub": USER, "client_id": USER, "iat": NOW,
        "exp": NOW + 400 * 86_400, "jti": JTI, "scope": ScopeSet::ALL.to_string(), "org_id": ORG,
        "org_name": "Acme \"Ltd\"", "org_handle": "acme", "user_org": ORG,
    });
    assert_eq!(serde_json::from_slice::<Value>(&payload).expect("JSON"), expected);
}
