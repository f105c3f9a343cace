//! A server in this process, on a database with many users, and a bare handler beside it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use poem::Response;
use poem::endpoint::{BoxEndpoint, EndpointExt, make_sync};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use usher::app::tokens::signing_key_create;
use usher::app::{App, Issuers, Settings};
use usher::auth::ScopeSet;
use usher::auth::key::SigningKey;
use usher::base::{GroupId, OrgId, Random, Secret, UserId, clock::SystemClock, random::SystemRandom};
use usher::directory::{Change, MemberChange};
use usher::http::Documentation;
use usher::scim::{Profile, urn};
use usher::store::sqlite::{OpenMode, Sqlite};
use usher::store::{Actor, Author};
use uuid::Uuid;

/// Changes put into one commit while the stage is set.
const BATCH: usize = 5_000;

/// The server and what is in it.
pub(crate) struct Stage {
    dir: TempDir,
    app: Arc<App>,
    org: OrgId,
    fresh: AtomicU64,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// `/t/{root}/o/{org}/scim2`
    pub(crate) path: String,
    /// Good for everything there.
    pub(crate) token: String,
    /// Who is there.
    pub(crate) users: Vec<UserId>,
}

impl Stage {
    /// With this many users.
    pub(crate) async fn start(users: usize) -> Stage {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = Sqlite::open(&dir.path().join("usher.db"), OpenMode::Serve).expect("a database");
        let signing = SigningKey::from_pem(signing_key_create().expose()).expect("a key");
        let url = "http://bench.test".to_owned();
        let issuers = Issuers::new(&url, signing, Vec::new()).expect("an issuer");
        let settings = Settings {
            public_url: url,
            profile: Profile::Lenient,
            restorable: usher::base::limit::RESTORABLE,
            invitation_key: Secret::new([7; 32]),
        };
        let app = Arc::new(App::new(Arc::new(store), Arc::new(SystemClock), Arc::new(SystemRandom), settings, issuers));
        let org = app.org_create(None, "acme", None).await.expect("an org").id;
        let issued = app.token_create(org, None, ScopeSet::ALL, None).await.expect("a token");
        let token = issued.access_token.expose().clone();
        let address = listen(usher::http::routes(Arc::clone(&app), Documentation::Hidden)).await;
        let path = format!("/t/acme/o/{org}/scim2");
        let mut stage = Stage { dir, app, org, fresh: AtomicU64::new(1 << 32), address, path, token, users: Vec::new() };
        stage.fill(users).await;
        stage
    }

    /// Of the database file, its log not counted.
    pub(crate) fn database_bytes(&self) -> u64 {
        std::fs::metadata(self.dir.path().join("usher.db")).map_or(0, |file| file.len())
    }

    async fn fill(&mut self, users: usize) {
        while self.users.len() < users {
            let at = self.app.now();
            let first = self.users.len();
            let ids = (0..BATCH.min(users - first)).map(|_| SystemRandom.uuid(at));
            let changes: Vec<_> = ids.enumerate().map(|(n, id)| self.user_created(id, (first + n) as u64)).collect();
            self.users.extend(changes.iter().map(|(id, _)| *id));
            self.app
                .store
                .commit(self.author(), changes.into_iter().map(|(_, change)| change.into()).collect())
                .await
                .expect("users");
        }
    }

    fn user_created(&self, id: Uuid, number: u64) -> (UserId, Change) {
        let doc = document(id, number);
        (id.into(), Change::UserCreated { org: self.org, id: id.into(), doc, password_hash: None, at: self.app.now() })
    }

    fn author(&self) -> Author {
        Author::new(Actor::Operator, self.app.now())
    }

    /// One more, whom no group knows.
    pub(crate) async fn stranger(&self) -> UserId {
        let (id, change) = self.user_created(SystemRandom.uuid(self.app.now()), 1 << 40);
        self.app.store.commit(self.author(), vec![change.into()]).await.expect("a user");
        id
    }

    /// Groups of these sizes.
    pub(crate) async fn groups(&self, sizes: &[usize]) -> Vec<GroupId> {
        let mut groups = Vec::new();
        for size in sizes {
            let at = self.app.now();
            let id: GroupId = SystemRandom.uuid(at).into();
            let doc = json!({ "schemas": [urn::GROUP], "id": id, "displayName": format!("of {size}") }).to_string();
            let made = Change::GroupCreated { org: self.org, id, doc, members: Vec::new(), at };
            self.app.store.commit(self.author(), vec![made.into()]).await.expect("a group");
            for some in self.users[..*size].chunks(BATCH) {
                let members = vec![MemberChange::Added(some.iter().map(|user| user.0).collect())];
                let grown = Change::GroupChanged { org: self.org, id, expected: None, doc: None, members, at };
                self.app.store.commit(self.author(), vec![grown.into()]).await.expect("members");
            }
            groups.push(id);
        }
        groups
    }

    /// The body of a create that clashes with no other.
    pub(crate) fn fresh_user(&self) -> String {
        body(self.fresh.fetch_add(1, Ordering::Relaxed)).to_string()
    }
}

/// User name and address of user `number`.
pub(crate) fn name(number: u64) -> (String, String) {
    (format!("user{number}@acme.test"), format!("user{number}@mail.acme.test"))
}

/// What an identity provider sends for user `number`.
fn body(number: u64) -> serde_json::Value {
    let (user_name, address) = name(number);
    json!({
        "schemas": [urn::USER, urn::ENTERPRISE_USER], "externalId": format!("ext-{number}"), "userName": user_name, "active": true,
        "displayName": format!("Test Stone {number}"), "title": "Quartermaster", "preferredLanguage": "en-GB",
        "name": { "formatted": format!("Test Stone {number}"), "familyName": "Stone", "givenName": "Test" },
        "emails": [{ "type": "work", "primary": true, "value": address }],
        "phoneNumbers": [{ "type": "mobile", "value": "+44 20 7946 0991" }],
        "addresses": [{ "type": "work", "streetAddress": "1 Pier Road", "locality": "Bergen", "postalCode": "5003", "country": "NO" }],
        urn::ENTERPRISE_USER: { "employeeNumber": format!("{number}"), "department": "Deck", "costCenter": "4711" },
    })
}

/// The document that is kept of it.
pub(crate) fn document(id: Uuid, number: u64) -> String {
    let mut document = serde_json::Map::new();
    if let serde_json::Value::Object(mut body) = body(number) {
        document.extend(body.shift_remove("schemas").map(|schemas| ("schemas".to_owned(), schemas)));
        document.insert("id".into(), id.to_string().into());
        document.extend(body);
    }
    serde_json::Value::Object(document).to_string()
}

/// A handler that answers these bytes and knows nothing else, in the same accept loop.
pub(crate) async fn bare(bytes: Vec<u8>) -> SocketAddr {
    let bytes = bytes::Bytes::from(bytes);
    let handler = make_sync(move |_| Response::builder().content_type("application/scim+json").body(bytes.clone()));
    listen(handler.map_to_response().boxed()).await
}

async fn listen(endpoint: BoxEndpoint<'static, Response>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(usher::serve::serve(listener, endpoint, usher::serve::Limits::default(), std::future::pending()));
    address
}

/// Resident memory of a fresh server that nobody has spoken to.
pub(crate) fn idle_kib() -> u64 {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let usher = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
        command.current_dir(dir.path()).args(args).stdout(Stdio::piped()).stderr(Stdio::null());
        command
    };
    let made = usher(&["init", "--root", "acme"]).status().expect("it starts");
    assert!(made.success());
    let mut server = Running(usher(&["serve", "--listen", "127.0.0.1:0"]).spawn().expect("it starts"));
    let mut line = String::new();
    let stdout = server.0.stdout.take().expect("stdout is piped");
    BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
    resident_kib(&server.0.id().to_string(), "VmRSS:")
}

/// A line of `/proc/{process}/status`.
pub(crate) fn resident_kib(process: &str, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let resident = status.lines().find_map(|each| each.strip_prefix(line));
    resident.and_then(|value| value.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or_default()
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
