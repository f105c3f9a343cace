//! The rules of RFC 7523 §3 as a table: each case changes one thing of an assertion that is believed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::super::{SigningKey, jwks};
use super::*;

const NOW: i64 = 1_800_000_000;
const CLIENT: &str = "01890a5d-ac96-774b-bcce-b302099a8058";
const AUDIENCE: &str = "https://usher.test/oauth2/token";

struct Pair {
    pem: String,
    keys: Vec<Key>,
}

fn pair() -> Pair {
    let key = aws_lc_rs::signature::EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING);
    let der = key.and_then(|key| key.to_pkcs8v1()).expect("a key");
    let text = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
    let set = jwks::print(&SigningKey::from_pem(&pem).expect("a key"));
    Pair { pem, keys: jwks::parse(set.to_string().as_bytes()).expect("a set").keys }
}

fn sign(pair: &Pair, header: &Value, claims: &Value) -> String {
    let key = EncodingKey::from_ec_pem(pair.pem.as_bytes()).expect("a private key");
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &key, Algorithm::ES256).expect("signed");
    format!("{text}.{signature}")
}

fn header() -> Value {
    json!({ "alg": "ES256", "typ": "JWT" })
}

fn claims() -> Value {
    json!({ "iss": CLIENT, "sub": CLIENT, "aud": AUDIENCE, "exp": NOW + 60, "iat": NOW, "jti": "once" })
}

fn parse(text: &str) -> Result<Assertion<'_>, Refusal> {
    let audiences = ["https://usher.test".to_owned(), AUDIENCE.to_owned()];
    Assertion::parse(text, &audiences, Timestamp::from_seconds(NOW))
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    match value {
        Value::Null => drop(object.as_object_mut().expect("an object").remove(name)),
        value => object[name] = value,
    }
    object
}

#[test]
fn an_assertion_is_believed_by_the_keys_of_its_client_and_no_others() {
    let (own, other) = (pair(), pair());
    let text = sign(&own, &header(), &claims());
    let assertion = parse(&text).expect("well-formed");
    assert_eq!((assertion.client.to_string().as_str(), assertion.id.as_str()), (CLIENT, "once"));
    assert!(assertion.is_signed_by(&own.keys) && !assertion.is_signed_by(&other.keys) && !assertion.is_signed_by(&[]));
    // SEC S-14: the key decides which algorithm it is.
    for alg in ["none", "HS256", "RS256", "ES384"] {
        let text = sign(&own, &with(header(), "alg", json!(alg)), &claims());
        assert!(!parse(&text).expect("well-formed").is_signed_by(&own.keys), "{alg}");
    }
}

#[test]
fn every_claim_that_is_missing_or_wrong_is_refused() {
    let own = pair();
    for (name, value, refusal) in [
        ("iss", Value::Null, Refusal::Issuer),
        ("iss", json!("https://usher.test"), Refusal::Subject),
        ("sub", Value::Null, Refusal::Subject),
        ("sub", json!("01890a5d-ac96-774b-bcce-b302099a8059"), Refusal::Subject),
        ("aud", Value::Null, Refusal::Audience),
        ("aud", json!("https://usher.test/"), Refusal::Audience),
        ("aud", json!("https://other.test/oauth2/token"), Refusal::Audience),
        ("exp", Value::Null, Refusal::Expired),
        ("exp", json!(NOW - 30), Refusal::Expired),
        ("exp", json!(NOW + 631), Refusal::Lifetime),
        ("nbf", json!(NOW + 31), Refusal::Premature),
        ("iat", json!(NOW + 31), Refusal::Premature),
        ("jti", Value::Null, Refusal::Claims),
        ("jti", json!(""), Refusal::Claims),
        ("jti", json!(7), Refusal::Claims),
        ("jti", json!("j".repeat(256)), Refusal::Claims),
    ] {
        let text = sign(&own, &header(), &with(claims(), name, value.clone()));
        assert_eq!(parse(&text).err(), Some(refusal), "{name}: {value}");
    }
    for (name, value) in [
        ("aud", json!("https://usher.test")),
        ("aud", json!(["https://other.test", AUDIENCE])),
        ("exp", json!(NOW - 29)),
        ("exp", json!(NOW + 630)),
        ("iat", Value::Null),
    ] {
        let text = sign(&own, &header(), &with(claims(), name, value.clone()));
        assert!(parse(&text).is_ok(), "{name}: {value}");
    }
}

/// SEC S-19, S-21: a token of another kind, or one that asks for more, is none.
#[test]
fn another_kind_of_token_is_no_assertion() {
    let own = pair();
    for (name, value, refusal) in [
        ("typ", json!("at+jwt"), Some(Refusal::Type)),
        ("typ", json!("application/at+jwt"), Some(Refusal::Type)),
        ("typ", json!("id+jwt"), Some(Refusal::Type)),
        ("crit", json!(["x"]), Some(Refusal::Extension)),
        ("typ", Value::Null, None),
        ("typ", json!("client-authentication+jwt"), None),
    ] {
        let text = sign(&own, &with(header(), name, value.clone()), &claims());
        assert_eq!(parse(&text).err(), refusal, "{name}: {value}");
    }
}
