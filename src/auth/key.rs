//! Keys: each is bound to exactly one algorithm when it is loaded, so that a token cannot choose (SEC S-14).
//!
//! Only public-key signatures. A MAC key would have to be shared with whoever verifies, and is what makes an algorithm
//! confusion possible at all.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};

use crate::base::Secret;

/// Bits of an RSA modulus (SEC S-15).
const RSA_BITS_MIN: usize = 2048;

/// A public key of one issuer.
#[derive(Clone)]
pub struct Key {
    /// Its name within the issuer's set. A key from a PEM file has none and answers to every name.
    pub kid: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?}, {:?})", self.kid, self.algorithm)
    }
}

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a `PUBLIC KEY` or `RSA PUBLIC KEY` block, where one is needed.
    #[error("not a PEM public key; a certificate or a private key will not do")]
    NotPublic,
    /// Not a `PRIVATE KEY` block with a P-256 key.
    #[error("not a PEM private key (PKCS#8) on the curve P-256")]
    NotPrivate,
    /// RSA below 2048 bits.
    #[error("an RSA key of {0} bits is too short, 2048 are needed")]
    Short(usize),
    /// A curve or key type that is not supported.
    #[error("not RSA, P-256, P-384 or Ed25519")]
    Unsupported,
    /// A JWK that cannot be read, or not one for signatures.
    #[error("unusable JWK: {0}")]
    Jwk(&'static str),
    /// A file or a set without a usable key.
    #[error("no usable key")]
    None,
}

/// Every public key in a PEM text, none of them named. RSA is taken as RS256, the curves as their one algorithm.
pub fn public_from_pem(text: &str) -> Result<Vec<Key>, KeyError> {
    let keys: Vec<Key> = blocks(text).map(public).collect::<Result<_, _>>()?;
    if keys.is_empty() { Err(KeyError::NotPublic) } else { Ok(keys) }
}

fn public((label, block): (&str, &str)) -> Result<Key, KeyError> {
    if !matches!(label, "PUBLIC KEY" | "RSA PUBLIC KEY") {
        return Err(KeyError::NotPublic);
    }
    let (algorithm, decoding) = if let Ok(key) = DecodingKey::from_ec_pem(block.as_bytes()) {
        // An uncompressed point: one byte, then both coordinates.
        match key.try_get_as_bytes().map(<[u8]>::len) {
            Ok(65) => (Algorithm::ES256, key),
            Ok(97) => (Algorithm::ES384, key),
            _ => return Err(KeyError::Unsupported),
        }
    } else if let Ok(key) = DecodingKey::from_ed_pem(block.as_bytes()) {
        (Algorithm::EdDSA, key)
    } else if let Ok(key) = DecodingKey::from_rsa_pem(block.as_bytes()) {
        let jwk = Jwk::from_decoding_key(&key, Some(Algorithm::RS256)).map_err(|_| KeyError::NotPublic)?;
        let AlgorithmParameters::RSA(parameters) = &jwk.algorithm else {
            return Err(KeyError::NotPublic);
        };
        rsa_modulus(&parameters.n)?;
        (Algorithm::RS256, key)
    } else {
        return Err(KeyError::Unsupported);
    };
    Ok(Key { kid: None, algorithm, decoding })
}

/// Checks the size of a modulus in base64url.
pub(super) fn rsa_modulus(n: &str) -> Result<(), KeyError> {
    let bytes = URL_SAFE_NO_PAD.decode(n).map_err(|_| KeyError::Jwk("`n` is not base64url"))?;
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let bits = bytes[first..].first().map_or(0, |top| (bytes.len() - first) * 8 - top.leading_zeros() as usize);
    if bits < RSA_BITS_MIN { Err(KeyError::Short(bits)) } else { Ok(()) }
}

/// Label and text of each PEM block.
fn blocks(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let begin = "-----BEGIN ";
    text.match_indices(begin).filter_map(move |(at, _)| {
        let label = text[at + begin.len()..].split("-----").next()?;
        let end = format!("-----END {label}-----");
        let length = text[at..].find(&end)? + end.len();
        Some((label, &text[at..at + length]))
    })
}

/// The embedded issuer's own keys: the first signs, all of them verify, so that a key can be replaced with overlap.
#[derive(Clone)]
pub struct SigningKey {
    pub(super) kid: String,
    pub(super) encoding: Secret<EncodingKey>,
    public: Vec<Jwk>,
}

impl SigningKey {
    /// From one or more PKCS#8 PEM blocks with a P-256 key each. `kid` is the thumbprint of RFC 7638.
    pub fn from_pem(text: &str) -> Result<SigningKey, KeyError> {
        let mut pairs = Vec::new();
        for (label, block) in blocks(text) {
            if label != "PRIVATE KEY" {
                return Err(KeyError::NotPrivate);
            }
            pairs.push(pair(block).map_err(|_| KeyError::NotPrivate)?);
        }
        let public: Vec<Jwk> = pairs.iter().map(|(_, jwk)| jwk.clone()).collect();
        let (encoding, jwk) = pairs.into_iter().next().ok_or(KeyError::NotPrivate)?;
        let kid = jwk.common.key_id.ok_or(KeyError::NotPrivate)?;
        Ok(SigningKey { kid, encoding: Secret::new(encoding), public })
    }

    /// What the server publishes, the signing key first.
    pub fn public(&self) -> &[Jwk] {
        &self.public
    }

    /// What the server itself verifies with.
    pub fn keys(&self) -> Vec<Key> {
        let key = |jwk: &Jwk| {
            let decoding = DecodingKey::from_jwk(jwk).ok()?;
            Some(Key { kid: jwk.common.key_id.clone(), algorithm: Algorithm::ES256, decoding })
        };
        self.public.iter().filter_map(key).collect()
    }
}

fn pair(block: &str) -> jsonwebtoken::errors::Result<(EncodingKey, Jwk)> {
    let encoding = EncodingKey::from_ec_pem(block.as_bytes())?;
    let mut jwk = Jwk::from_encoding_key(&encoding, Algorithm::ES256)?;
    jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256)?);
    jwk.common.public_key_use = Some(jsonwebtoken::jwk::PublicKeyUse::Signature);
    Ok((encoding, jwk))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::KeyPair as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// RFC 8410 §10.1.
    const ED25519: &str =
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

    fn rsa_pem() -> String {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("its public part");
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der.as_ref()))
    }

    #[test]
    fn a_pem_file_may_hold_several_public_keys() {
        let keys = public_from_pem(&format!("# current\n{}# next\n{ED25519}", rsa_pem())).expect("two keys");
        assert_eq!(keys.iter().map(|key| key.algorithm).collect::<Vec<_>>(), [Algorithm::RS256, Algorithm::EdDSA]);
        assert!(keys.iter().all(|key| key.kid.is_none()));
    }

    #[test]
    fn what_is_no_public_key_is_refused() {
        let certificate = ED25519.replace("PUBLIC KEY", "CERTIFICATE");
        let private = ED25519.replace("PUBLIC KEY", "PRIVATE KEY");
        for text in ["", "MCowBQYDK2VwAyEA", &certificate, &private, &ED25519.replace("-----END", "-----FIN")] {
            assert_eq!(public_from_pem(text).err(), Some(KeyError::NotPublic), "{text}");
        }
        assert!(public_from_pem(&ED25519.replace("MCow", "AAAA")).is_err());
        for text in ["", ED25519, &private] {
            assert_eq!(SigningKey::from_pem(text).err(), Some(KeyError::NotPrivate), "{text}");
        }
    }
}
