//! A signed JWT, before anybody says what it is for: its parts, and whether one of some keys signed it.
//!
//! jsonwebtoken does the cryptography and nothing else. Access tokens ([`verify`](super::verify)) and clients' assertions
//! ([`assertion`](super::assertion)) share this and differ in everything else (SEC S-19).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::key::Key;
use super::{Refusal, members};
use crate::base::limit::TOKEN_BYTES_MAX;

/// Bytes of a `kid`, which is a key of a map and nothing else (SEC S-22).
pub(super) const KID_BYTES_MAX: usize = 128;

/// Well-formed, and not believed yet.
pub(super) struct Jws<'a> {
    /// The claims.
    pub(super) payload: Map<String, Value>,
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    signed: &'a str,
    signature: &'a str,
}

impl<'a> Jws<'a> {
    /// Size, shape and header; no signature work.
    pub(super) fn parse(text: &'a str) -> Result<Jws<'a>, Refusal> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(Refusal::Size);
        }
        // Five parts are a JWE, two an unsigned one.
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refusal::Form);
        };
        let signed = &text[..header.len() + 1 + payload.len()];
        let (alg, typ, kid) = read_header(&object(header)?)?;
        Ok(Jws { payload: object(payload)?, alg, typ, kid, signed, signature })
    }

    /// RFC 7515 §4.1.9: a media type, so case does not matter, and `application/` may be left out.
    pub(super) fn typ(&self) -> String {
        let typ = self.typ.as_deref().unwrap_or_default().to_ascii_lowercase();
        typ.strip_prefix("application/").map_or(typ.clone(), str::to_owned)
    }

    /// Whether `keys` hold one that this may be signed with.
    pub(super) fn has_key_in(&self, keys: &[Key]) -> bool {
        self.candidates(keys).next().is_some()
    }

    /// Whether one of `keys` signed it.
    pub(super) fn check_signature(&self, keys: &[Key]) -> Result<(), Refusal> {
        let mut refusal = Refusal::Key;
        for key in self.candidates(keys) {
            // SEC S-14: the key decides, the token can only agree.
            if self.alg.parse() != Ok(key.algorithm) {
                refusal = if refusal == Refusal::Key { Refusal::Algorithm } else { refusal };
                continue;
            }
            let verified = jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), &key.decoding, key.algorithm);
            if verified.is_ok_and(|is_valid| is_valid) {
                return Ok(());
            }
            refusal = Refusal::Signature;
        }
        Err(refusal)
    }

    /// The key that `kid` names; else the nameless ones (PEM files). Without `kid`, the only key there is.
    fn candidates<'k>(&self, keys: &'k [Key]) -> impl Iterator<Item = &'k Key> {
        let kid = self.kid.as_deref();
        let named = keys.iter().find(|key| kid.is_some() && key.kid.as_deref() == kid);
        let only = (kid.is_none() && keys.len() == 1).then(|| &keys[0]);
        let chosen = named.or(only);
        chosen.into_iter().chain(keys.iter().filter(move |key| chosen.is_none() && key.kid.is_none()))
    }
}

fn object(part: &str) -> Result<Map<String, Value>, Refusal> {
    members::parse(&URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Form)?)
}

/// `alg`, `typ` and `kid`. `jwk`, `jku`, `x5u` and `x5c` are not looked at: a token does not bring its own key (SEC S-22, V-47).
fn read_header(header: &Map<String, Value>) -> Result<(String, Option<String>, Option<String>), Refusal> {
    if ["crit", "b64", "zip", "cty"].iter().any(|name| header.contains_key(*name)) {
        return Err(Refusal::Extension);
    }
    let text = |name: &str, wrong: Refusal| match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong),
    };
    let kid = text("kid", Refusal::Key)?;
    if kid.as_ref().is_some_and(|kid| kid.len() > KID_BYTES_MAX) {
        return Err(Refusal::Key);
    }
    Ok((text("alg", Refusal::Algorithm)?.ok_or(Refusal::Algorithm)?, text("typ", Refusal::Type)?, kid))
}
