//! A stage for the tests of use cases: a real store in a temporary directory, a clock that stands still.

mod bulk;
mod deleted;
mod groups;
mod guests;
mod requests;
mod rights;
mod schemas;
mod sessions;
mod users;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::issuers::Issuers;
use super::tokens::signing_key_create;
use super::{App, Error, Settings};
use crate::auth::key::SigningKey;
use crate::auth::{Principal, ScopeSet, Subject};
use crate::base::clock::ManualClock;
use crate::base::random::SystemRandom;
use crate::base::{ClientId, Random, Secret, Timestamp};
use crate::org::Org;
use crate::scim::{Profile, Record, Schemas};
use crate::store::sqlite::{OpenMode, Sqlite};

struct Stage {
    app: Arc<App>,
    clock: Arc<ManualClock>,
    _dir: tempfile::TempDir,
}

impl Stage {
    fn new() -> Stage {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Sqlite::open(&dir.path().join("usher.db"), OpenMode::Serve).expect("a new database");
        let clock = Arc::new(ManualClock::new(Timestamp(1_800_000_000_000)));
        let settings = Settings {
            public_url: "http://usher.test".into(),
            profile: Profile::Lenient,
            restorable: crate::base::limit::RESTORABLE,
            invitation_key: Secret::new([7; 32]),
        };
        let key = SigningKey::from_pem(signing_key_create().expose()).expect("a fresh key");
        let issuers = Issuers::new("http://usher.test", key, Vec::new()).expect("one issuer");
        let app = Arc::new(App::new(Arc::new(store), clock.clone(), Arc::new(SystemRandom), settings, issuers));
        Stage { app, clock, _dir: dir }
    }

    /// A new org, and somebody who may do everything in it.
    async fn org(&self, parent: Option<&Principal>, handle: &str) -> Principal {
        let parent = parent.map(|parent| parent.org.id);
        let org = self.app.org_create(parent, handle, None).await.expect("a new org");
        self.caller(org, ScopeSet::ALL)
    }

    /// The same, with what `who`'s org has chosen besides.
    async fn choosing(&self, who: &Principal, settings: Value) -> Principal {
        self.app.settings_patch(who, map(settings)).await.expect("settings");
        let org = self.app.store.org(who.org.id).await.expect("a read").expect("an org");
        Principal { org: org.into(), ..who.clone() }
    }

    fn caller(&self, org: impl Into<Arc<Org>>, scopes: ScopeSet) -> Principal {
        let client = ClientId(SystemRandom.uuid(self.app.now()));
        let expires_at = Timestamp(i64::MAX);
        let schemas = Schemas::core().clone();
        Principal {
            org: org.into(),
            subject: Subject::Client(client),
            client_id: None,
            scopes,
            token: None,
            expires_at,
            schemas,
            noted: Default::default(),
            request: None,
        }
    }
}

fn map(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).expect("an object")
}

fn doc(record: &Record) -> Value {
    serde_json::from_str(&record.doc).expect("a document")
}

fn patch(operations: Value) -> Map<String, Value> {
    map(serde_json::json!({ "schemas": [crate::scim::urn::PATCH_OP], "Operations": operations }))
}

/// Status, `scimType` and sentence, as far as the error has them.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Error>, status: u16, detail: &str) {
    use super::ErrorKind::{Conflict, NotFound, Precondition};
    let error = result.expect_err(detail);
    let found = match (&error, error.kind()) {
        (Error::Scim(error), _) => error.status,
        (Error::Auth(crate::auth::Error::InsufficientScope(_)), _) => 403,
        (_, NotFound) => 404,
        (_, Conflict) => 409,
        (_, Precondition) => 412,
        (_, _) => 500,
    };
    assert_eq!(found, status, "{error}");
    assert!(error.to_string().contains(detail), "{error}");
}
