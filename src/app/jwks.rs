//! An external issuer's JWK set over HTTP: https only, no redirects, no cookies, small, quick, and seldom (SEC S-36).

use std::net::IpAddr;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use tokio::sync::Mutex;
use tracing::{info, warn};

use crate::auth::{Key, jwks};
use crate::base::Timestamp;

/// Between two fetches, whatever `kid`s come (V-50).
const PAUSE: Duration = Duration::from_secs(30);
/// From the first packet to the last byte.
const DEADLINE: Duration = Duration::from_secs(5);
/// Bytes of a set.
const SET_BYTES_MAX: usize = 256 * 1024;

/// One set and when it was last asked for.
pub(super) struct Jwks {
    url: Url,
    client: Client,
    asked: Mutex<Option<Timestamp>>,
}

/// The URL if keys may come from there: https, or http on this very machine, and no credentials in it.
pub(super) fn allowed(url: &str) -> Option<Url> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']);
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback);
    (is_safe && url.username().is_empty() && url.password().is_none()).then_some(url)
}

impl Jwks {
    pub(super) fn new(url: Url) -> Result<Jwks, reqwest::Error> {
        let client = Client::builder().redirect(Policy::none()).timeout(DEADLINE).connect_timeout(DEADLINE / 2).build()?;
        Ok(Jwks { url, client, asked: Mutex::new(None) })
    }

    /// The keys now, or nothing: asked a moment ago, or it failed. Who comes while a fetch is under way waits for it.
    pub(super) async fn fetch(&self, issuer: &str, now: Timestamp) -> Option<Vec<Key>> {
        let mut asked = self.asked.lock().await;
        if asked.is_some_and(|before| before <= now && before + PAUSE > now) {
            return None;
        }
        *asked = Some(now);
        match self.get().await {
            Ok(parsed) => {
                for (kid, why) in &parsed.ignored {
                    warn!(issuer, kid, %why, "a key of the issuer is ignored");
                }
                info!(issuer, keys = parsed.keys.len(), "the keys of the issuer are loaded");
                Some(parsed.keys)
            }
            Err(why) => {
                warn!(issuer, why, "the keys of the issuer could not be loaded, the last good ones stay");
                None
            }
        }
    }

    async fn get(&self) -> Result<jwks::Parsed, String> {
        let request = self.client.get(self.url.clone()).header("accept", "application/jwk-set+json, application/json");
        let mut response = request.send().await.map_err(|error| error.without_url().to_string())?;
        if !response.status().is_success() {
            return Err(format!("answered {}", response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| error.without_url().to_string())? {
            if body.len() + chunk.len() > SET_BYTES_MAX {
                return Err(format!("the set is larger than {SET_BYTES_MAX} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        jwks::parse(&body).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_from_https_or_from_this_machine() {
        for url in ["https://idp.test/jwks", "http://127.0.0.1:9/jwks", "http://localhost/jwks", "http://[::1]:9/jwks"] {
            assert!(allowed(url).is_some(), "{url}");
        }
        for url in [
            "http://idp.test/jwks",
            "file:///etc/passwd",
            "ftp://127.0.0.1/",
            "https://a:b@idp.test/",
            "http://127.0.0.1.nip.test/",
            "",
        ] {
            assert!(allowed(url).is_none(), "{url}");
        }
    }
}
