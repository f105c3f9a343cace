//! The console as a browser without a script asks for it: pages, forms, cookies.

mod access;
mod door;
mod groups;
mod inbox;
mod invitations;
mod logs;
mod organizations;
mod settings;
mod users;

use std::collections::BTreeMap;
use std::sync::Mutex;

use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use serde_json::{Value, json};

use crate::server::{Persona, Server};

/// What every person here signs in with.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// The root and a child of it, each with an administrator; the child's is a guest from the root, and resident people besides.
pub(crate) struct House {
    pub(crate) server: Server,
    pub(crate) root: String,
    pub(crate) child: String,
}

impl House {
    /// With `grace`, who may do everything in the root and in its child `partners`, and `ada`, who may do nothing in the root.
    pub(crate) async fn build() -> House {
        House::on(Server::start()).await
    }

    /// The same on a server of its own kind.
    pub(crate) async fn on(server: Server) -> House {
        let root = server.tree.root.clone();
        let admin = server.admin(&root);
        let grace = person(&admin, "grace").await;
        person(&admin, "ada").await;
        admin.post("/Groups", &administrators(&grace)).await.expect(201);
        let token = server.tree.token_of("grace", &root, crate::server::ALL_SCOPES);
        let child = json!({
            "schemas": ["urn:usher:scim:schemas:core:2.0:Organization"], "handle": "partners", "name": "Partners",
        });
        let child = server.stranger("acme", &root, Some(token)).post("/Organizations", &child).await.expect(201).id();
        House { server, root, child }
    }

    /// Where the console of `org` lives.
    pub(crate) fn console(&self, org: &str) -> String {
        format!("/t/acme/o/{org}/console")
    }

    /// Somebody with a browser and no session.
    pub(crate) fn visitor(&self) -> Visitor {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Visitor { http, url: self.server.url.clone(), cookies: Mutex::default() }
    }

    /// Somebody who has signed in at `org`.
    pub(crate) async fn signed_in(&self, user_name: &str, org: &str) -> Visitor {
        let visitor = self.visitor();
        let page = visitor.get(&format!("{}/signin", self.console(org))).await.expect(200);
        let answer = page.submit(&visitor, "/signin", &[("user_name", user_name), ("password", PASSWORD)]).await.expect(303);
        assert_eq!(answer.location(), self.console(org));
        visitor
    }
}

impl House {
    /// Somebody new in the root who has these scopes there and no others, signed in.
    pub(crate) async fn reader(&self, user_name: &str, scopes: &str) -> Visitor {
        let admin = self.server.admin(&self.root);
        let id = person(&admin, user_name).await;
        let access = "urn:usher:scim:schemas:extension:access:2.0:Group";
        let mut group = administrators(&id);
        group["displayName"] = user_name.into();
        group[access]["scopes"] = scopes.split_whitespace().collect();
        admin.post("/Groups", &group).await.expect(201);
        self.signed_in(user_name, &self.root).await
    }
}

/// A user with [`PASSWORD`] and an address; its id.
pub(crate) async fn person(admin: &Persona, user_name: &str) -> String {
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": user_name, "password": PASSWORD,
        "displayName": format!("{}{} Test", &user_name[..1].to_uppercase(), &user_name[1..]),
        "emails": [{ "value": format!("{user_name}@acme.test"), "primary": true }],
    });
    admin.post("/Users", &user).await.expect(201).id()
}

/// A group whose member may do everything.
pub(crate) fn administrators(member: &str) -> Value {
    let access = "urn:usher:scim:schemas:extension:access:2.0:Group";
    let scopes: Vec<&str> = crate::server::ALL_SCOPES.split_whitespace().collect();
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", access], "displayName": "Administrators",
        "members": [{ "value": member }], access: { "scopes": scopes },
    })
}

/// A browser: it keeps cookies and follows nothing by itself.
pub(crate) struct Visitor {
    http: reqwest::Client,
    url: String,
    pub(crate) cookies: Mutex<BTreeMap<String, String>>,
}

/// What it got.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) html: String,
    pub(crate) headers: reqwest::header::HeaderMap,
    asked: String,
}

impl Visitor {
    pub(crate) async fn get(&self, path: &str) -> Page {
        self.send(self.http.get(format!("{}{path}", self.url)), path).await
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.send(filled(self.http.post(format!("{}{path}", self.url)), fields), path).await
    }

    /// With a header of its own.
    pub(crate) async fn post_from(&self, origin: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        let request = self.http.post(format!("{}{path}", self.url)).header("origin", origin);
        self.send(filled(request, fields), path).await
    }

    async fn send(&self, request: reqwest::RequestBuilder, asked: &str) -> Page {
        let pairs: Vec<String> = self.cookies.lock().expect("unharmed").iter().map(|(k, v)| format!("{k}={v}")).collect();
        let request = if pairs.is_empty() { request } else { request.header(COOKIE, pairs.join("; ")) };
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        for line in headers.get_all(SET_COOKIE) {
            let line = line.to_str().expect("a cookie in ASCII");
            let (name, value) = line.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            let mut cookies = self.cookies.lock().expect("unharmed");
            match line.contains("Max-Age=0") {
                true => cookies.remove(name),
                false => cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        // A browser reads the one as the other.
        let html = answer.text().await.expect("a body").replace("&#x2f;", "/");
        Page { status, html, headers, asked: asked.to_owned() }
    }
}

impl Page {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Page {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.html);
        self
    }

    /// The same page, if it shows all of `texts`.
    #[track_caller]
    pub(crate) fn shows(self, texts: &[&str]) -> Page {
        for text in texts {
            assert!(self.html.contains(text), "{}: no {text:?} in {}", self.asked, self.html);
        }
        self
    }

    /// The same page, if it shows none of `texts`.
    #[track_caller]
    pub(crate) fn hides(self, texts: &[&str]) -> Page {
        for text in texts {
            assert!(!self.html.contains(text), "{}: {text:?} in {}", self.asked, self.html);
        }
        self
    }

    pub(crate) fn location(&self) -> &str {
        self.headers.get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Fills the form whose address ends with `action`: its hidden fields, and `fields` besides.
    #[track_caller]
    pub(crate) fn form(&self, action: &str, fields: &[(&str, &str)]) -> (String, Vec<(String, String)>) {
        let forms = self.html.split("<form").skip(1).map(|form| form.split("</form>").next().unwrap_or_default());
        let of = |form: &str| attribute(form, "action").map(str::to_owned);
        let form = forms.into_iter().filter(|form| form.contains("method=\"post\""));
        let form = form.into_iter().find(|form| of(form).is_some_and(|address| address.ends_with(action)));
        let form = form.unwrap_or_else(|| panic!("{}: no form {action} in {}", self.asked, self.html));
        let hidden = form.split("<input").skip(1).filter(|input| input.contains("type=\"hidden\""));
        let mut filled: Vec<(String, String)> = hidden
            .filter_map(|input| Some((attribute(input, "name")?.to_owned(), unescaped(attribute(input, "value")?))))
            .filter(|(name, _)| !fields.iter().any(|(given, _)| given == name))
            .collect();
        filled.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        (of(form).unwrap_or_default(), filled)
    }

    /// Sends that form.
    pub(crate) async fn submit(&self, visitor: &Visitor, action: &str, fields: &[(&str, &str)]) -> Page {
        let (address, filled) = self.form(action, fields);
        let pairs: Vec<(&str, &str)> = filled.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        visitor.post(&address, &pairs).await
    }
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next()
}

fn unescaped(value: &str) -> String {
    let marks = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&amp;", "&")];
    marks.iter().fold(value.to_owned(), |value, (escaped, mark)| value.replace(escaped, mark))
}

fn filled(request: reqwest::RequestBuilder, fields: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
}
