//! A data directory, opened: database, keys, configuration, and the app over them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{Common, Failure, keys};
use crate::app::issuers::{ExternalIssuer, KeySource};
use crate::app::limits::Limits;
use crate::app::tokens::signing_key_create;
use crate::app::{App, Issuers, Settings};
use crate::auth::key::SigningKey;
use crate::base::{OrgId, Random, Secret, SystemClock, SystemRandom};
use crate::config::{self, Config};
use crate::org::Org;
use crate::scim;
use crate::scim::schema::Definitions;
use crate::store::sqlite::{OpenMode, Sqlite};

/// What a command works on.
pub(super) struct Data {
    pub(super) app: App,
}

impl Data {
    /// The directory, made where there is none.
    pub(super) fn create(common: &Common) -> Result<Data, Failure> {
        keys::make_directory(&common.data)?;
        let config = Config::read(common.config.as_deref(), &common.data)?;
        Data::with(common, &config, OpenMode::Command, &issuer_name(&config))
    }

    /// The directory, which must hold a database.
    pub(super) fn open(common: &Common) -> Result<Data, Failure> {
        expect_database(common)?;
        Data::create(common)
    }

    /// The directory, for the one process that serves it under `public_url`.
    pub(super) fn serve(common: &Common, config: &Config, public_url: &str) -> Result<Data, Failure> {
        expect_database(common)?;
        Data::with(common, config, OpenMode::Serve, public_url)
    }

    fn with(common: &Common, config: &Config, mode: OpenMode, public_url: &str) -> Result<Data, Failure> {
        let store = Sqlite::open(&common.data.join(DATABASE), mode)?;
        let signing = keys::read_or_make(&common.data.join("signing-key.pem"), || {
            Ok(signing_key_create().expose().clone().into_bytes())
        })?;
        let signing = SigningKey::from_pem(&String::from_utf8(signing)?)?;
        let invitation = keys::read_or_make(&common.data.join("invitation.key"), || {
            let mut key = [0; 32];
            SystemRandom.fill(&mut key);
            Ok(key.to_vec())
        })?;
        let invitation: [u8; 32] = invitation.try_into().map_err(|_| "invitation.key: expected 32 bytes")?;
        let settings = Settings {
            public_url: public_url.to_owned(),
            profile: config.profile.profile(),
            restorable: Duration::from_secs(u64::from(config.restorable_days) * 24 * 3600),
            invitation_key: Secret::new(invitation),
        };
        let issuers = Issuers::new(&issuer_name(config), signing, external_issuers(config)?)?;
        let mut app = App::new(Arc::new(store), Arc::new(SystemClock), Arc::new(SystemRandom), settings, issuers);
        app.limits = Limits::new(config.limits.chosen());
        if mode == OpenMode::Serve {
            app.define(definitions(config)?).map_err(|error| format!("configuration: `schemas`: {error}"))?;
        }
        Ok(Data { app })
    }
}

const DATABASE: &str = "usher.db";

fn expect_database(common: &Common) -> Result<(), Failure> {
    let database = common.data.join(DATABASE);
    if !database.exists() {
        let hint = "make one with `usher init` or `usher quickstart`, or name another directory with --data";
        return Err(format!("{} is not there; {hint}", database.display()).into());
    }
    Ok(())
}

/// The embedded issuer's name: the configured URL and not the port that a server happens to have, so that tokens outlive it.
fn issuer_name(config: &Config) -> String {
    config.public_url.clone().unwrap_or_else(|| format!("http://{}", config.listen))
}

fn external_issuers(config: &Config) -> Result<Vec<ExternalIssuer>, Failure> {
    let external = |one: &config::Issuer| -> Result<ExternalIssuer, Failure> {
        let keys = match (&one.pem, &one.jwks_url) {
            (Some(file), _) => KeySource::Pem(read(file)?),
            (None, Some(url)) => KeySource::JwksUrl(url.clone()),
            (None, None) => return Err(format!("issuer {}: neither `pem` nor `jwks_url`", one.issuer).into()),
        };
        Ok(ExternalIssuer {
            issuer: one.issuer.clone(),
            audience: one.audience.clone().unwrap_or_else(|| issuer_name(config)),
            orgs: one.orgs.clone(),
            keys,
            allow_typ_jwt: one.allow_typ_jwt,
        })
    };
    config.issuers.iter().map(external).collect()
}

/// What the files of `schemas` define; an error names the file.
fn definitions(config: &Config) -> Result<Definitions, Failure> {
    let mut definitions = Definitions::default();
    for pattern in &config.schemas {
        for file in files(pattern)? {
            let wrong = |error: scim::Error| format!("{}: {error}", file.display());
            let value = scim::json::parse(read(&file)?.as_bytes()).map_err(wrong)?;
            definitions.read(value).map_err(wrong)?;
        }
    }
    Ok(definitions)
}

/// The file itself, or of `folder/*.json` all files, by name.
fn files(pattern: &Path) -> Result<Vec<PathBuf>, Failure> {
    if pattern.file_name() != Some("*.json".as_ref()) {
        return Ok(vec![pattern.to_owned()]);
    }
    let folder = pattern.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    let mut files: Vec<PathBuf> = paths.into_iter().filter(|path| path.extension() == Some("json".as_ref())).collect();
    files.sort();
    Ok(files)
}

pub(super) fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()).into())
}

/// The org an operator named.
pub(super) async fn org(app: &App, org: OrgId) -> Result<Org, Failure> {
    app.store.org(org).await?.ok_or_else(|| format!("no organization {org}").into())
}
