//! The real binary with a data directory of its own, and personas who speak HTTP to it.
//!
//! Nothing of the library is used here: what a test sees is what a client sees.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use reqwest::{Method, header::HeaderMap};
use serde_json::Value;
use tempfile::TempDir;

/// Every scope there is, as a token asks for it.
pub(crate) const ALL_SCOPES: &str = "users:read users:write groups:read groups:write invitations:read invitations:write \
     organizations:read organizations:write settings:read settings:write deleted:read deleted:write resources:read resources:write schemas:read schemas:write \
     requests:read clients:read clients:write tokens:read tokens:write audit:read";

/// A running server; it is killed when this is dropped.
pub(crate) struct Server {
    process: Process,
    /// Its data directory and the tree `acme`.
    pub(crate) tree: Tree,
    /// `http://127.0.0.1:PORT`
    pub(crate) url: String,
}

/// A data directory with one root org, and the command line to work on it.
pub(crate) struct Tree {
    dir: TempDir,
    env: Vec<(String, String)>,
    /// The id of the root org.
    pub(crate) root: String,
}

impl Tree {
    /// `usher init --root acme` in a new directory.
    pub(crate) fn new(env: &[(&str, &str)]) -> Tree {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let mut tree = Tree { dir, env, root: String::new() };
        tree.root = text(&tree.json(&["init", "--root", "acme"]), "org");
        tree
    }

    /// Where the data lives.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The directory that holds it, for further files of the test.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A command in this directory and with this environment only, `--data` added.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
        command.current_dir(self.dir.path()).args(args).arg("--data").arg(self.data());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("USHER_")) {
            command.env_remove(name);
        }
        command.envs(self.env.iter().map(|(k, v)| (k, v)));
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the binary starts")
    }

    /// Runs a command with `--json`, which must succeed and print one JSON value.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = self.command(args).arg("--json").output().expect("the binary starts");
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?} failed: {} {errors}", output.status);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{args:?} printed no JSON ({e}): {text} {errors}"))
    }

    /// Makes a further root org and answers its id.
    pub(crate) fn root(&self, handle: &str) -> String {
        text(&self.json(&["org", "create", "--handle", handle]), "org")
    }

    /// Makes a child org and answers its id.
    pub(crate) fn org(&self, parent: &str, handle: &str) -> String {
        text(&self.json(&["org", "create", "--parent", parent, "--handle", handle]), "org")
    }

    /// A token for `org` with these scopes.
    pub(crate) fn token(&self, org: &str, scope: &str) -> String {
        text(&self.json(&["token", "create", "--org", org, "--scope", scope]), "access_token")
    }

    /// A token of the user `name` of `org` with these scopes.
    pub(crate) fn token_of(&self, name: &str, org: &str, scope: &str) -> String {
        text(&self.json(&["token", "create", "--org", org, "--user", name, "--scope", scope]), "access_token")
    }

    /// Serves this tree on a free port.
    pub(crate) fn serve(self) -> Server {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
        let log = std::fs::File::create(self.dir().join("serve.log")).expect("a log file");
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("the binary starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let (send, receive) = mpsc::channel();
        thread::spawn(move || {
            // Reading on to the end keeps the pipe open: a server must not die of a closed stdout.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        let Ok(line) = receive.recv_timeout(Duration::from_secs(60)) else {
            let _ = child.kill();
            let _ = child.wait();
            let log = std::fs::read_to_string(self.dir().join("serve.log")).unwrap_or_default();
            panic!("`usher serve` said nothing; its log: {log}");
        };
        let hello: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("not JSON ({e}): {line}"));
        let url = text(&hello, "listening");
        Server { process: Process(child), tree: self, url }
    }
}

impl Server {
    /// A served tree with nothing but the root org `acme`.
    pub(crate) fn start() -> Server {
        Tree::new(&[]).serve()
    }

    /// Someone who may do everything in `org`, of the tree `acme`.
    pub(crate) fn admin(&self, org: &str) -> Persona {
        self.persona(org, ALL_SCOPES)
    }

    /// Someone with these scopes in `org`, of the tree `acme`.
    pub(crate) fn persona(&self, org: &str, scope: &str) -> Persona {
        self.stranger("acme", org, Some(self.tree.token(org, scope)))
    }

    /// Someone with any token, or none, at the address of any org.
    pub(crate) fn stranger(&self, root: &str, org: &str, token: Option<String>) -> Persona {
        Persona { http: http(), base: format!("{}/t/{root}/o/{org}/scim2", self.url), token }
    }

    /// Ends it without a warning, as a power cut does.
    pub(crate) fn kill(self) -> Tree {
        drop(self.process);
        self.tree
    }

    /// Asks it to end (SIGTERM), and answers its exit code.
    pub(crate) fn terminate(mut self) -> (Option<i32>, Tree) {
        let asked = Command::new("kill").arg("-TERM").arg(self.process.0.id().to_string()).status();
        assert!(asked.expect("`kill` starts").success());
        let code = self.process.0.wait().expect("it ends").code();
        (code, self.tree)
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.tree.dir().join("serve.log")).unwrap_or_default()
    }
}

/// A child process that does not outlive its owner.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A client of one org's SCIM root.
#[derive(Clone)]
pub(crate) struct Persona {
    http: reqwest::Client,
    /// `http://…/t/{root}/o/{org}/scim2`
    pub(crate) base: String,
    token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    headers: HeaderMap,
    /// The body as text.
    pub(crate) text: String,
    /// The body as JSON; null if it is none.
    pub(crate) body: Value,
    asked: String,
}

impl Persona {
    /// The same one below `api`.
    pub(crate) fn api(&self) -> Persona {
        Persona { base: self.base.replace("/scim2", "/api"), ..self.clone() }
    }

    /// A request under the SCIM root, with the token and SCIM's media type.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends it, with a JSON body or none.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.header("content-type", "application/scim+json").body(body.to_string());
        }
        answer(request).await
    }

    /// GET
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    /// GET of a filter, percent-encoded.
    pub(crate) async fn find(&self, endpoint: &str, filter: &str) -> Answer {
        self.query(endpoint, &[("filter", filter)]).await
    }

    /// GET with query parameters, percent-encoded.
    pub(crate) async fn query(&self, endpoint: &str, parameters: &[(&str, &str)]) -> Answer {
        let pairs: Vec<String> = parameters.iter().map(|(k, v)| format!("{k}={}", encode(v))).collect();
        self.get(&format!("{endpoint}?{}", pairs.join("&"))).await
    }

    /// POST
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    /// PUT
    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    /// PATCH with these operations.
    pub(crate) async fn patch(&self, path: &str, operations: Value) -> Answer {
        let body = serde_json::json!({ "schemas": [PATCH_OP], "Operations": operations });
        self.send(Method::PATCH, path, Some(&body)).await
    }

    /// DELETE
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// Creates a user with a work address and answers its id.
    pub(crate) async fn user(&self, user_name: &str) -> String {
        let body = serde_json::json!({
            "schemas": [USER],
            "userName": user_name,
            "name": { "givenName": "Test", "familyName": user_name },
            "emails": [{ "type": "work", "primary": true, "value": format!("{user_name}@mail.test") }],
        });
        self.post("/Users", &body).await.expect(201).id()
    }

    /// Creates a group with these members and answers its id.
    pub(crate) async fn group(&self, name: &str, members: &[&str]) -> String {
        let members: Vec<Value> = members.iter().map(|id| serde_json::json!({ "value": id })).collect();
        let body = serde_json::json!({ "schemas": [GROUP], "displayName": name, "members": members });
        self.post("/Groups", &body).await.expect(201).id()
    }
}

impl Answer {
    /// The same answer, if its status is `status`.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.text);
        self
    }

    /// The same answer, if it is a whole SCIM error of this status (E-01, E-09).
    #[track_caller]
    pub(crate) fn expect_error(self, status: u16, scim_type: Option<&str>) -> Answer {
        let answer = self.expect(status);
        let asked = &answer.asked;
        let kind = answer.header("content-type").unwrap_or_default();
        assert!(kind.starts_with("application/scim+json"), "{asked}: content type {kind:?}: {}", answer.text);
        assert_eq!(answer.body["schemas"], serde_json::json!([ERROR]), "{asked}: {}", answer.text);
        assert_eq!(answer.body["status"], serde_json::json!(status.to_string()), "{asked}: {}", answer.text);
        assert_eq!(answer.body.get("scimType").and_then(Value::as_str), scim_type, "{asked}: {}", answer.text);
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        assert!(!detail.is_empty(), "{asked}: no detail in {}", answer.text);
        answer
    }

    /// A header of the answer.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The `id` of the resource.
    #[track_caller]
    pub(crate) fn id(&self) -> String {
        text(&self.body, "id")
    }

    /// The value of one attribute of every resource of a list.
    #[track_caller]
    pub(crate) fn all(&self, attribute: &str) -> Vec<String> {
        let resources = self.body["Resources"].as_array().unwrap_or_else(|| panic!("{}: no list: {}", self.asked, self.text));
        resources.iter().map(|r| text(r, attribute)).collect()
    }

    /// `totalResults` of a list.
    #[track_caller]
    pub(crate) fn total(&self) -> u64 {
        self.body["totalResults"].as_u64().unwrap_or_else(|| panic!("{}: no list: {}", self.asked, self.text))
    }
}

/// RFC 7644 §3.12
pub(crate) const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// RFC 7644 §3.5.2
pub(crate) const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// RFC 7643 §4.1
pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// RFC 7643 §4.2
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// An organization as a resource of those above it.
pub(crate) const ORGANIZATION: &str = "urn:usher:scim:schemas:core:2.0:Organization";

/// A client that follows no redirect and keeps no cookie.
pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(Duration::from_secs(60))
        .build()
        .expect("a plain client can be built")
}

/// Sends a request and reads the whole answer.
pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let request = request.expect("the request is well-formed");
    let asked = format!("{} {}", request.method(), request.url());
    let response = client.execute(request).await.unwrap_or_else(|e| panic!("{asked}: {e:?}"));
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap_or_else(|e| panic!("{asked}: {e:?}"));
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status, headers, text, body, asked }
}

/// Percent-encodes everything but unreserved characters (RFC 3986 §2.3).
pub(crate) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// A string member of a JSON object.
#[track_caller]
pub(crate) fn text(object: &Value, member: &str) -> String {
    object[member].as_str().unwrap_or_else(|| panic!("no text `{member}` in {object}")).to_owned()
}
