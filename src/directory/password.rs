//! Passwords: prepared, hashed with Argon2id, verified; never part of a document (S-39).
//!
//! Slow by design: `app` runs [`hash`] and [`verify`] off the threads that serve, and brings the salt.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use precis_profiles::OpaqueString;
use precis_profiles::precis_core::profile::PrecisFastInvocation;
use serde_json::{Map, Value};

use crate::base::Secret;
use crate::scim::{Error, ScimType};

/// Bytes of a prepared password. What is longer is no password but an attack on the hash.
const PASSWORD_BYTES_MAX: usize = 1024;

/// The hash of nobody's password, of the same cost as [`hash`], for whoever has none.
pub const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Takes `password` out of a body that `scim::resource::accept` has passed; unassigned is none.
pub fn take(body: &mut Map<String, Value>) -> Result<Option<Secret<String>>, Error> {
    body.remove("password").map_or(Ok(None), |value| prepare(&value).map(Some))
}

/// A password in the form that is hashed: PRECIS OpaqueString (RFC 8265 §4.2), so that it can be typed on any keyboard.
pub fn prepare(value: &Value) -> Result<Secret<String>, Error> {
    let text = value.as_str().ok_or_else(|| Error::bad(ScimType::InvalidValue, "`password` must be a string"))?;
    let prepared = OpaqueString::enforce(text)
        .map_err(|_| Error::bad(ScimType::InvalidValue, "`password` is empty or has characters that no password may have"))?;
    if prepared.len() > PASSWORD_BYTES_MAX {
        let detail = format!("`password` is longer than {PASSWORD_BYTES_MAX} bytes");
        return Err(Error::bad(ScimType::InvalidValue, detail));
    }
    Ok(Secret::new(prepared.into_owned()))
}

/// The Argon2id hash in PHC form. Tens of milliseconds and 19 MiB.
pub fn hash(password: &Secret<String>, salt: [u8; 16]) -> String {
    let hash: PasswordHash = Argon2::default()
        .hash_password_with_salt(password.expose().as_bytes(), &salt)
        .expect("the default cost, a 16-byte salt and at most 1024 bytes are what Argon2 takes");
    hash.to_string()
}

/// Whether `password` is the one that was hashed. A hash that does not parse verifies nothing.
pub fn verify(password: &Secret<String>, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// X-09, S-39
    #[test]
    fn a_password_verifies_against_its_own_hash_and_no_other() {
        let password = prepare(&json!("correct horse")).expect("a password");
        let hashed = hash(&password, [7; 16]);
        assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hashed}");
        assert!(verify(&password, &hashed));
        assert!(!verify(&prepare(&json!("Correct horse")).expect("a password"), &hashed));
        for broken in ["", "!", "correct horse", "$argon2id$"] {
            assert!(!verify(&password, broken), "{broken}");
        }
        let cost = |hash: &str| hash.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert!(PasswordHash::new(NOBODYS).is_ok() && cost(NOBODYS) == cost(&hashed), "SEC S-69: it takes as long");
        assert!(!verify(&password, NOBODYS) && NOBODYS.len() == hashed.len());
        assert_ne!(hash(&password, [8; 16]), hashed, "another salt, another hash");
    }

    /// X-06, S-39
    #[test]
    fn keyboards_may_differ_and_bad_passwords_are_refused_without_being_repeated() {
        let composed = prepare(&json!("caf\u{e9} 1\u{a0}2")).expect("a password");
        let decomposed = prepare(&json!("cafe\u{301} 1 2")).expect("a password");
        assert_eq!(composed.expose(), decomposed.expose());
        for bad in [json!(""), json!(7), json!("tab\there\u{7}"), json!("x".repeat(1025))] {
            let error = prepare(&bad).expect_err("refused");
            assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)));
            assert!(!error.detail.contains("here"), "{error}");
        }
    }

    #[test]
    fn taking_leaves_a_document_without_password() {
        let mut body = Map::from_iter([("userName".to_owned(), json!("ada")), ("password".to_owned(), json!("s3cret"))]);
        assert_eq!(take(&mut body).expect("valid").map(|secret| secret.expose().clone()), Some("s3cret".into()));
        assert_eq!(Value::Object(body.clone()), json!({ "userName": "ada" }));
        assert!(take(&mut body).expect("valid").is_none());
    }
}
