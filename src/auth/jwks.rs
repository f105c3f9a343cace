//! JWK sets (RFC 7517): reading an issuer's, printing our own.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value, json};

use super::jws::KID_BYTES_MAX;
use super::key::{Key, KeyError, SigningKey, rsa_modulus};

/// Keys that are read from one set.
const KEYS_MAX: usize = 64;

/// What a set came to.
#[derive(Debug)]
pub struct Parsed {
    /// The usable keys.
    pub keys: Vec<Key>,
    /// `kid` and reason of those that are ignored, for the log (SEC S-15).
    pub ignored: Vec<(String, KeyError)>,
}

/// The signature keys of a JWK set. A set without one usable key is an error, so that it cannot replace a good one (F-39).
pub fn parse(bytes: &[u8]) -> Result<Parsed, KeyError> {
    let set: Value = serde_json::from_slice(bytes).map_err(|_| KeyError::Jwk("the set is not JSON"))?;
    let jwks = set["keys"].as_array().ok_or(KeyError::Jwk("the set has no `keys`"))?;
    let mut parsed = Parsed { keys: Vec::new(), ignored: Vec::new() };
    for jwk in jwks.iter().take(KEYS_MAX) {
        let taken = |kid: &Option<String>| kid.is_some() && parsed.keys.iter().any(|key| key.kid == *kid);
        match key(jwk) {
            Ok(key) if taken(&key.kid) => parsed.ignored.push((name(jwk), KeyError::Jwk("its `kid` is taken"))),
            Ok(key) => parsed.keys.push(key),
            Err(why) => parsed.ignored.push((name(jwk), why)),
        }
    }
    if parsed.keys.is_empty() { Err(KeyError::None) } else { Ok(parsed) }
}

/// Our own set, as `/oauth2/jwks` answers it.
pub fn print(key: &SigningKey) -> Value {
    json!({ "keys": key.public() })
}

fn name(jwk: &Value) -> String {
    jwk["kid"].as_str().unwrap_or("").chars().take(KID_BYTES_MAX).collect()
}

fn key(jwk: &Value) -> Result<Key, KeyError> {
    let jwk = jwk.as_object().ok_or(KeyError::Jwk("not an object"))?;
    let kid = match jwk.get("kid") {
        None => None,
        Some(Value::String(kid)) if kid.len() <= KID_BYTES_MAX => Some(kid.clone()),
        Some(_) => return Err(KeyError::Jwk("its `kid` is not a string of up to 128 bytes")),
    };
    if jwk.get("use").is_some_and(|usage| usage != "sig") {
        return Err(KeyError::Jwk("its `use` is not sig"));
    }
    let operations = jwk.get("key_ops").and_then(Value::as_array);
    if operations.is_some_and(|operations| !operations.iter().any(|operation| operation == "verify")) {
        return Err(KeyError::Jwk("its `key_ops` do not hold verify"));
    }
    let (algorithm, decoding) = material(jwk)?;
    Ok(Key { kid, algorithm, decoding })
}

/// The key and the one algorithm it is good for: the set's `alg` if it fits the key. An RSA key without `alg`, as Entra ID
/// publishes them, is taken as RS256.
fn material(jwk: &Map<String, Value>) -> Result<(Algorithm, DecodingKey), KeyError> {
    let alg = match jwk.get("alg") {
        None => None,
        Some(alg) => Some(alg.as_str().ok_or(KeyError::Jwk("its `alg` is not a string"))?),
    };
    let built = |key: Result<DecodingKey, _>| key.map_err(|_: jsonwebtoken::errors::Error| KeyError::Jwk("not base64url"));
    match (text(jwk, "kty")?, jwk.get("crv").and_then(Value::as_str)) {
        ("RSA", _) => {
            let algorithm = match alg.unwrap_or("RS256") {
                "RS256" => Algorithm::RS256,
                "RS384" => Algorithm::RS384,
                "RS512" => Algorithm::RS512,
                "PS256" => Algorithm::PS256,
                "PS384" => Algorithm::PS384,
                "PS512" => Algorithm::PS512,
                _ => return Err(KeyError::Jwk("its `alg` is not one of RSA signatures")),
            };
            rsa_modulus(text(jwk, "n")?)?;
            Ok((algorithm, built(DecodingKey::from_rsa_components(text(jwk, "n")?, text(jwk, "e")?))?))
        }
        ("EC", Some(curve @ ("P-256" | "P-384"))) => {
            let (algorithm, name, bytes) = match curve {
                "P-256" => (Algorithm::ES256, "ES256", 32),
                _ => (Algorithm::ES384, "ES384", 48),
            };
            bound(alg, name)?;
            let (x, y) = (coordinate(jwk, "x", bytes)?, coordinate(jwk, "y", bytes)?);
            Ok((algorithm, built(DecodingKey::from_ec_components(x, y))?))
        }
        ("OKP", Some("Ed25519")) => {
            bound(alg.filter(|alg| *alg != "Ed25519"), "EdDSA")?;
            Ok((Algorithm::EdDSA, built(DecodingKey::from_ed_components(coordinate(jwk, "x", 32)?))?))
        }
        // Above all `oct`: a MAC key in a public set is no secret.
        _ => Err(KeyError::Unsupported),
    }
}

fn bound(alg: Option<&str>, only: &str) -> Result<(), KeyError> {
    match alg {
        Some(alg) if alg != only => Err(KeyError::Jwk("its `alg` does not fit its curve")),
        _ => Ok(()),
    }
}

fn text<'a>(jwk: &'a Map<String, Value>, name: &str) -> Result<&'a str, KeyError> {
    jwk.get(name).and_then(Value::as_str).ok_or(KeyError::Jwk("a parameter is missing"))
}

fn coordinate<'a>(jwk: &'a Map<String, Value>, name: &str, bytes: usize) -> Result<&'a str, KeyError> {
    let value = text(jwk, name)?;
    let is_whole = URL_SAFE_NO_PAD.decode(value).is_ok_and(|decoded| decoded.len() == bytes);
    if is_whole { Ok(value) } else { Err(KeyError::Jwk("a coordinate has the wrong length")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"; // RFC 7515 §A.3
    const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

    fn check(members: Value, expected: &str) {
        let mut jwk = json!({ "kty": "EC", "crv": "P-256", "x": X, "y": Y, "kid": "k" });
        for (name, value) in members.as_object().expect("members") {
            match value {
                Value::Null => jwk.as_object_mut().expect("an object").remove(name),
                value => jwk.as_object_mut().expect("an object").insert(name.clone(), value.clone()),
            };
        }
        let good = json!({ "kty": "EC", "crv": "P-256", "x": X, "y": Y, "kid": "good" });
        let parsed = parse(json!({ "keys": [jwk, good] }).to_string().as_bytes()).expect("the good one is there");
        let found = match &parsed.ignored[..] {
            [] => format!("{:?} {:?}", parsed.keys[0].algorithm, parsed.keys[0].kid.as_deref().unwrap_or("-")),
            [(_, why)] => format!("!! {why}"),
            more => format!("{more:?}"),
        };
        assert_eq!(found, expected, "{members}");
        assert_eq!(parsed.keys.last().and_then(|key| key.kid.as_deref()), Some("good"), "one bad key harms no other");
    }

    #[test]
    fn a_key_is_bound_to_the_one_algorithm_that_fits_it_or_ignored() {
        let rsa = |bytes: usize, alg: Value| {
            let n = URL_SAFE_NO_PAD.encode(vec![0xff; bytes]);
            json!({ "kty": "RSA", "crv": null, "n": n, "e": "AQAB", "alg": alg })
        };
        check(json!({}), "ES256 \"k\"");
        check(json!({ "kid": null, "use": "sig", "key_ops": ["verify"], "alg": "ES256" }), "ES256 \"-\"");
        check(json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA" }), "EdDSA \"k\"");
        check(rsa(256, Value::Null), "RS256 \"k\"");
        check(rsa(256, json!("PS384")), "PS384 \"k\"");
        check(rsa(256, json!("RSA-OAEP")), "!! unusable JWK: its `alg` is not one of RSA signatures");
        check(rsa(128, json!("RS256")), "!! an RSA key of 1024 bits is too short, 2048 are needed");
        check(rsa(0, json!("RS256")), "!! an RSA key of 0 bits is too short, 2048 are needed");
        check(json!({ "alg": "HS256" }), "!! unusable JWK: its `alg` does not fit its curve");
        check(json!({ "alg": "none" }), "!! unusable JWK: its `alg` does not fit its curve");
        check(json!({ "alg": 7 }), "!! unusable JWK: its `alg` is not a string");
        check(json!({ "use": "enc" }), "!! unusable JWK: its `use` is not sig");
        check(json!({ "key_ops": ["sign"] }), "!! unusable JWK: its `key_ops` do not hold verify");
        check(json!({ "x": "AAAA" }), "!! unusable JWK: a coordinate has the wrong length");
        check(json!({ "y": null }), "!! unusable JWK: a parameter is missing");
        check(json!({ "crv": "secp256k1" }), "!! not RSA, P-256, P-384 or Ed25519");
        check(json!({ "kty": "oct", "k": "AAAA" }), "!! not RSA, P-256, P-384 or Ed25519");
        check(json!({ "kid": 7 }), "!! unusable JWK: its `kid` is not a string of up to 128 bytes");
        check(json!({ "kid": "k".repeat(129) }), "!! unusable JWK: its `kid` is not a string of up to 128 bytes");
    }

    #[test]
    fn a_set_without_a_usable_key_is_an_error() {
        for text in ["", "[]", "{}", r#"{"keys":7}"#, r#"{"keys":[]}"#, r#"{"keys":[7]}"#, r#"{"keys":[{"kty":"oct"}]}"#] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn the_second_key_of_one_name_is_ignored() {
        let key = json!({ "kty": "EC", "crv": "P-256", "x": X, "y": Y, "kid": "k" });
        let parsed = parse(json!({ "keys": [key, key] }).to_string().as_bytes()).expect("a set");
        assert_eq!((parsed.keys.len(), parsed.ignored.len()), (1, 1));
    }
}
