//! Configuration: one file plus `USHER_…` variables. An unknown key is an error that names it.
//!
//! `usher.example.toml` at the top of the repository explains every key; a test holds it against this file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::providers::{Env, Format, Toml};
use serde::Deserialize;

use crate::app::limits::{Chosen, Rate};
use crate::base::{Secret, limit};
use crate::scim::Preset;
use crate::worker::Tls;

/// Variables that the command line reads itself.
const NOT_CONFIGURATION: [&str; 3] = ["config", "data", "log"];

/// Everything that can be configured, with its default.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address and port to listen on; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The URL under which people and identity providers reach this server, without a slash at the end. Links, locations and
    /// the issuer of tokens are built from it and from nothing that a request says (SEC S-02, S-66). By default
    /// `http://` and the address listened on.
    pub public_url: Option<String>,
    /// A proxy in front of this server speaks TLS. Without it, an address beyond loopback is refused (SEC S-01).
    pub tls_proxy: bool,
    /// How forgiving an org is that chose nothing, nor any above it.
    #[serde(deserialize_with = "preset")]
    pub profile: Preset,
    /// Whether `/docs` and `/openapi.json` are served.
    pub docs: bool,
    /// For how many days what was deleted can be restored; 0 for not at all.
    pub restorable_days: u16,
    /// Files with schemas and resource types for every tree: a path, or a folder and `*.json`.
    pub schemas: Vec<PathBuf>,
    /// For how many days requests are kept in the log of their organization.
    pub request_log_days: u16,
    /// How many of them in each organization.
    pub request_log_rows: u32,
    /// How much an org may ask while the machine is busy, and how often credentials that are wrong may be tried.
    pub limits: Limits,
    /// Letters.
    pub mail: Mail,
    /// Further issuers of tokens.
    pub issuers: Vec<Issuer>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            tls_proxy: false,
            profile: Preset::Lenient,
            docs: true,
            restorable_days: 30,
            schemas: Vec::new(),
            request_log_days: 30,
            request_log_rows: 10_000,
            limits: Limits::default(),
            mail: Mail::default(),
            issuers: Vec::new(),
        }
    }
}

/// Bounds of requests and attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests under way up to which no org is held to its share.
    pub under_way: usize,
    /// The share of an org beyond that: so many requests a second.
    pub requests_per_second: u32,
    /// And so many at once.
    pub requests_at_once: u32,
    /// Wrong credentials of one client, or wrong passwords of one user, from one address: so many a minute.
    pub attempts_per_minute: u32,
    /// And so many at once.
    pub attempts_at_once: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            under_way: 256,
            requests_per_second: REQUESTS_PER_SECOND_MIN,
            requests_at_once: 100,
            attempts_per_minute: 10,
            attempts_at_once: 10,
        }
    }
}

impl Limits {
    /// As the app counts.
    pub fn chosen(&self) -> Chosen {
        let rate = |burst: u32, span: Duration, count: u32| Rate { burst, interval: span / count.max(1) };
        Chosen {
            requests: rate(self.requests_at_once, Duration::from_secs(1), self.requests_per_second),
            under_way: self.under_way,
            attempts: rate(self.attempts_at_once, Duration::from_secs(60), self.attempts_per_minute),
            ..Chosen::default()
        }
    }
}

/// Less puts the job of an identity provider into quarantine (SEC V-28).
const REQUESTS_PER_SECOND_MIN: u32 = 25;

/// How letters leave.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// Through a mail server, or as `.eml` files.
    pub transport: Transport,
    /// The sender, as `address` or `Name <address>`.
    pub from: String,
    /// Where `.eml` files go; by default `mail` in the data directory.
    pub folder: Option<PathBuf>,
    /// The mail server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// Name to sign in with; nobody signs in without.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret<String>>,
}

impl Default for Mail {
    fn default() -> Self {
        Mail {
            transport: Transport::Files,
            from: "Usher <usher@localhost>".into(),
            folder: None,
            host: "localhost".into(),
            port: 587,
            tls: Tls::Starttls,
            user: None,
            password: None,
        }
    }
}

/// The two ways out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// One `.eml` file a letter.
    Files,
    /// A mail server.
    Smtp,
}

/// Someone else whose tokens are believed, for the orgs named and no others.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Exactly the tokens' `iss` (SEC S-16).
    pub issuer: String,
    /// What their `aud` must hold; by default the public URL.
    pub audience: Option<String>,
    /// The orgs it may speak for, by id.
    pub orgs: Vec<crate::base::OrgId>,
    /// A file with its public key.
    pub pem: Option<PathBuf>,
    /// Where its JWK set is; https, or http on loopback.
    pub jwks_url: Option<String>,
    /// Its tokens say `typ: JWT` and cannot say `at+jwt` (SEC S-18).
    #[serde(default)]
    pub allow_typ_jwt: bool,
}

/// The configuration cannot be used; the text names the key and where it stands.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A key is unknown, missing or of the wrong type.
    #[error("configuration: {0}")]
    Read(Box<figment::Error>),
    /// A value makes no sense.
    #[error("configuration: `{key}`: {reason}")]
    Value {
        /// Which key.
        key: &'static str,
        /// Why not.
        reason: String,
    },
}

fn preset<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Preset, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

impl Config {
    /// Reads `file`, or `usher.toml` in `data` where it exists, and then the environment, which wins. `USHER_MAIL__HOST` is
    /// `host` in `[mail]`.
    pub fn read(file: Option<&Path>, data: &Path) -> Result<Config, Error> {
        let figment = match file {
            Some(file) => Figment::from(Toml::file_exact(file)),
            None => Figment::from(Toml::file(data.join("usher.toml"))),
        };
        let config: Config = figment
            .merge(Env::prefixed("USHER_").ignore(&NOT_CONFIGURATION).filter(|key| !key.starts_with("test_")).split("__"))
            .extract()
            .map_err(|error| Error::Read(Box::new(error)))?;
        config.check()?;
        Ok(config)
    }

    /// Refuses to listen beyond loopback without TLS (SEC S-01).
    pub fn check_address(&self, address: SocketAddr) -> Result<(), Error> {
        if address.ip().is_loopback() || self.tls_proxy {
            return Ok(());
        }
        let reason = "beyond loopback SCIM needs TLS; set `tls_proxy = true` if a proxy in front speaks it";
        Err(Error::Value { key: "listen", reason: reason.into() })
    }

    fn check(&self) -> Result<(), Error> {
        let wrong = |key, reason: &str| Err(Error::Value { key, reason: reason.into() });
        self.check_address(self.listen)?;
        if let Some(url) = &self.public_url {
            let has_scheme = url.starts_with("https://") || url.starts_with("http://");
            if !has_scheme || url.ends_with('/') || url.contains(['?', '#', ' ', '@']) {
                return wrong("public_url", "expected a URL such as https://usher.example.com, without a slash at the end");
            }
        }
        if self.request_log_days > limit::LOG_DAYS_MAX {
            return wrong("request_log_days", &format!("{} at the most", limit::LOG_DAYS_MAX));
        }
        if self.request_log_rows > limit::LOG_ROWS_MAX {
            return wrong("request_log_rows", &format!("{} at the most", limit::LOG_ROWS_MAX));
        }
        if self.restorable_days > limit::RESTORABLE_DAYS_MAX {
            return wrong("restorable_days", &format!("{} at the most", limit::RESTORABLE_DAYS_MAX));
        }
        let limits = &self.limits;
        if limits.requests_per_second < REQUESTS_PER_SECOND_MIN || limits.requests_at_once < REQUESTS_PER_SECOND_MIN {
            return wrong(
                "limits",
                &format!("`requests_per_second` and `requests_at_once` are {REQUESTS_PER_SECOND_MIN} at least"),
            );
        }
        if limits.attempts_per_minute == 0 || limits.attempts_at_once == 0 {
            return wrong("limits", "nobody could sign in without an attempt");
        }
        for issuer in &self.issuers {
            if issuer.pem.is_some() == issuer.jwks_url.is_some() {
                return wrong("issuers", "each needs one of `pem` and `jwks_url`");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, Error> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("usher.toml"), text).expect("written");
        Config::read(None, folder.path())
    }

    #[test]
    fn an_unknown_key_is_named() {
        for (text, key) in [
            ("profile = \"loose\"", "lenient strict interop"),
            ("lisen = \"127.0.0.1:1\"", "lisen"),
            ("[mail]\nhots = \"a\"", "hots"),
        ] {
            let error = read(text).expect_err(key).to_string();
            assert!(error.contains(key), "{error}");
        }
    }

    #[test]
    fn beyond_loopback_needs_a_tls_proxy() {
        let error = read("listen = \"0.0.0.0:80\"").expect_err("SEC S-01").to_string();
        assert!(error.contains("tls_proxy"), "{error}");
        assert!(read("listen = \"0.0.0.0:80\"\ntls_proxy = true").is_ok());
    }

    #[test]
    fn nobody_keeps_what_was_deleted_for_years() {
        let error = read("restorable_days = 366").expect_err("too long").to_string();
        assert!(error.contains("restorable_days") && error.contains("365"), "{error}");
        assert!(read("restorable_days = 0").is_ok());
    }

    #[test]
    fn no_organization_is_held_below_what_providers_send() {
        // SEC V-28.
        for text in ["requests_per_second = 24", "requests_at_once = 1", "attempts_at_once = 0", "attempts_per_minute = 0"] {
            let error = read(&format!("[limits]\n{text}")).expect_err(text).to_string();
            assert!(error.contains("limits"), "{error}");
        }
        assert_eq!(Limits::default().chosen(), Chosen::default());
    }

    #[test]
    fn the_example_gives_every_default() {
        let example = include_str!("../usher.example.toml");
        let commented_in: String = example
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line))
            .fold(String::new(), |text, line| text + line + "\n");
        let config = read(&commented_in).expect("the example reads");
        assert_eq!(config.listen, Config::default().listen);
        assert_eq!(config.profile, Config::default().profile);
        let kept = |config: &Config| (config.request_log_days, config.request_log_rows);
        assert_eq!(kept(&config), kept(&Config::default()));
        assert_eq!(config.restorable_days, Config::default().restorable_days);
        assert_eq!(config.limits, Config::default().limits);
        assert_eq!(config.mail.from, Config::default().mail.from);
        assert_eq!(config.issuers.len(), 1);
    }
}
