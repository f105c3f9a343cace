//! The guest invitations of another product, for clients that know only those: its five endpoints, field names and codes, over
//! the use cases of `/Invitations`. `docs/compatibility.md` tells what is the same and what is not.
//!
//! Below `/t/{root}/o/{org}/api/server/v1/guests`, and with the org taken from the token below
//! `/t/{root}/o/api/server/v1/guests`. No right is wider here and nothing is told that is not told there; GET changes nothing.

use std::sync::Arc;

use poem::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use poem::http::{HeaderName, HeaderValue, Method, StatusCode};
use poem::{PathPattern, Request, Response, Result};
use serde_json::{Map, Value, json};

use super::error::Rejection;
use super::exchange::Exchange;
use super::guard::{admitted, bearer, signed_in};
use super::payload::{self, JSON};
use super::tenant::{Address, OrgContext};
use crate::app::invitations::Holder;
use crate::app::{self, App};
use crate::auth::{Principal, Scope};
use crate::base::limit;
use crate::invite::{self, Answer, LineCode};
use crate::org::Org;
use crate::scim::list::{self, ListParams, Start};
use crate::scim::{Profile, json as strict};
use crate::store;

/// The id of the request, as the log names it.
#[derive(Clone)]
pub(super) struct TraceId(pub(super) HeaderValue);

/// A request below `guests`.
pub(super) struct Guests {
    root: String,
    /// None where the token tells.
    org: Option<String>,
    /// What follows `guests`.
    rest: String,
}

impl Guests {
    /// The parts of `path`, if it is one of these.
    pub(super) fn parse(path: &str) -> Option<Guests> {
        let Address { root, org, area, rest } = Address::parse(path)?;
        let (org, rest) = match (org, area) {
            ("api", "server") => (None, rest.strip_prefix("/v1/guests/")?),
            (org, "api") => (Some(org.to_owned()), rest.strip_prefix("/server/v1/guests/")?),
            _ => return None,
        };
        Some(Guests { root: root.to_owned(), org, rest: rest.trim_end_matches('/').to_owned() })
    }

    /// Answers `request`.
    pub(super) async fn call(self, app: &Arc<App>, mut request: Request) -> Result<Response> {
        let trace = request.data::<TraceId>().map(|id| id.0.to_str().unwrap_or_default().to_owned()).unwrap_or_default();
        let known = if self.rest.starts_with("invitations/") { "invitations/:id" } else { &self.rest };
        request.extensions_mut().insert(PathPattern(format!("/guests/{known}").into()));
        let answer = match (request.method().clone(), self.rest.as_str()) {
            (Method::POST, "invite") => self.invite(app, &mut request).await,
            (Method::POST, "invitation/introspect") => self.introspect(app, &mut request).await,
            (Method::POST, "invitation/accept") => self.accept(app, &mut request).await,
            (Method::GET, "invitations") => self.list(app, &request).await,
            (_, "invite" | "invitation/introspect" | "invitation/accept") => return Err(Rejection::method("POST").into()),
            (_, "invitations") => return Err(Rejection::method("GET, HEAD").into()),
            (method, rest) => match rest.strip_prefix("invitations/") {
                Some(_) if method != Method::DELETE => return Err(Rejection::method("DELETE").into()),
                Some(id) => self.delete(app, &request, id).await,
                None => return Err(Rejection::not_found().into()),
            },
        };
        Ok(answer.unwrap_or_else(|refusal| {
            Exchange::of(&request).explain(&refusal.description);
            refusal.to_response(&trace)
        }))
    }

    async fn invite(&self, app: &Arc<App>, request: &mut Request) -> Result<Response, Refusal> {
        const FAILED: &str = "OUI-65001";
        let who = self.caller(app, request).await.map_err(|error| Refusal::of(FAILED, error))?;
        let body = body(request).await.map_err(|error| Refusal::of(FAILED, error))?;
        let wrong = |code, detail: &str| Refusal::new(StatusCode::BAD_REQUEST, code, detail);
        let has = |name: &str| body.get(name).and_then(Value::as_array).is_some_and(|values| !values.is_empty());
        if !has("usernames") {
            return Err(wrong("OUI-60000", "`usernames` is missing"));
        }
        if has("roles") {
            return Err(wrong("OUI-60013", "there are no such roles: rights come with groups"));
        }
        let domain = body.get("userDomain").and_then(Value::as_str).unwrap_or_default();
        if !["", "PRIMARY", "DEFAULT"].iter().any(|known| known.eq_ignore_ascii_case(domain)) {
            return Err(wrong("OUI-10036", "there is no such user domain"));
        }
        let properties = body.get("properties").and_then(Value::as_array).into_iter().flatten();
        let mut sends = properties.filter(|property| property["key"] == "manageNotificationsInternally");
        let sends_mail = !sends.any(|property| property["value"] == "false" || property["value"] == false);
        let groups = body.get("groups").cloned().unwrap_or_else(|| json!([]));
        let own = json!({ "userNames": body["usernames"], "groups": groups, "sendMail": sends_mail });
        let own = own.as_object().cloned().unwrap_or_default();
        let answer = app.invitation_invite(&who, None, &own).await.map_err(|error| Refusal::of(FAILED, error))?;
        let results = answer["results"].as_array().into_iter().flatten();
        // Groups are the same for all, so then nobody was invited.
        if results.clone().any(|result| result["error"]["code"] == LineCode::GroupNotFound.as_str()) {
            return Err(wrong("OUI-60014", "a group does not exist in this organization"));
        }
        let results = results.map(|result| {
            let mut told = json!({ "username": result["userName"], "result": { "status": "Successful" } });
            if let Some(code) = result["invitation"].get("code") {
                told["confirmationCode"] = code.clone();
            }
            if let Some(error) = result.get("error") {
                let code = error["code"].as_str().unwrap_or_default();
                told["result"] = json!({
                    "status": "Failed", "errorCode": line_code(code), "errorMessage": code, "errorDescription": error["detail"],
                });
            }
            told
        });
        Ok(told(StatusCode::CREATED, &results.collect()))
    }

    async fn introspect(&self, app: &Arc<App>, request: &mut Request) -> Result<Response, Refusal> {
        let failed = |error| Refusal::of("OUI-65003", error);
        let who = self.caller(app, request).await.map_err(failed)?;
        who.require(Scope::InvitationsRead).map_err(|error| failed(error.into()))?;
        let body = body(request).await.map_err(failed)?;
        let unknown = || Refusal::new(StatusCode::BAD_REQUEST, "OUI-60002", "there is no invitation with this code");
        let code = confirmation_code(&body).ok_or_else(unknown)?;
        let opened = app.invitation_open(Holder::Link { org: who.org.id, id: None, code, who: None, asked: None }).await;
        let invitation = match opened {
            Ok(opened) => opened.invitation,
            Err(app::Error::Invite(_) | app::Error::Scim(_)) => return Err(unknown()),
            Err(error) => return Err(failed(error.into())),
        };
        let status = status(invitation.status_at(app.now())).ok_or_else(unknown)?;
        let told_of = json!({
            "confirmationCode": code,
            "username": invitation.user_name,
            "userOrganization": invitation.source_org,
            "initiatedOrganization": invitation.org,
            "status": status,
        });
        Ok(told(StatusCode::OK, &told_of))
    }

    /// Public: the code is the credential.
    async fn accept(&self, app: &Arc<App>, request: &mut Request) -> Result<Response, Refusal> {
        let failed = |error| Refusal::of("OUI-65005", error);
        let body = body(request).await.map_err(failed)?;
        let inactive = || Refusal::new(StatusCode::BAD_REQUEST, "OUI-60010", "there is no active invitation with this code");
        let code = confirmation_code(&body).ok_or_else(inactive)?;
        let Some(org) = self.org_of(app, code).await.map_err(failed)? else { return Err(inactive()) };
        let who = signed_in(app, &org, request.headers()).await;
        let asked = Exchange::of(request).asked(request);
        let holder = Holder::Link { org: org.id, id: None, code, who: who.as_ref(), asked: Some(&asked) };
        match app.invitation_answer(holder, Answer::Accept).await {
            Ok(_) => Ok(told(StatusCode::NO_CONTENT, &Value::Null)),
            Err(app::Error::Invite(invite::Error::Inactive | invite::Error::MissingGroups)) => {
                Err(Refusal::new(StatusCode::BAD_REQUEST, "OUI-65005", "the invitation cannot be accepted now"))
            }
            Err(error @ app::Error::Invite(invite::Error::SignIn | invite::Error::NotInvitee)) => Err(failed(error.into())),
            Err(app::Error::Invite(_) | app::Error::Scim(_)) => Err(inactive()),
            Err(error) => Err(failed(error.into())),
        }
    }

    async fn list(&self, app: &Arc<App>, request: &Request) -> Result<Response, Refusal> {
        let failed = |error| Refusal::of("OUI-65002", error);
        let who = self.caller(app, request).await.map_err(failed)?;
        let parameters: Vec<(String, String)> = request.params().map_err(|_| failed(Rejection::query()))?;
        let mut wanted = "status eq \"pending\" or status eq \"expired\"";
        for (name, value) in &parameters {
            let refused = |code| Err(Refusal::new(StatusCode::BAD_REQUEST, code, &format!("`{name}` is not supported here")));
            let words: Vec<&str> = value.split_whitespace().collect();
            match (name.as_str(), words.as_slice()) {
                ("filter", ["status", "eq", "PENDING"]) => wanted = "status eq \"pending\"",
                ("filter", ["status", "eq", "EXPIRED"]) => wanted = "status eq \"expired\"",
                ("filter", _) => return refused("OUI-60009"),
                ("limit", _) => return refused("OUI-60004"),
                ("offset", _) => return refused("OUI-60005"),
                ("sortOrder", _) => return refused("OUI-60006"),
                ("sortBy", _) => return refused("OUI-60007"),
                _ => {}
            }
        }
        let params = ListParams { filter: Some(wanted), ..ListParams::default() };
        let query = list::parse(&params, who.schemas.invitation(), Profile::Lenient).map_err(|error| failed(error.into()))?;
        let mut query = list::Query { count: limit::PAGE_MAX, ..query };
        let mut invitations = Vec::new();
        while invitations.len() < limit::INVITATIONS_PENDING_MAX {
            query.start = Start::Offset(invitations.len());
            let page = app.invitation_list(&who, &query).await.map_err(|error| failed(error.into()))?;
            invitations.extend(page.records.iter().map(|record| listed(&record.doc)));
            if !page.has_more {
                break;
            }
        }
        Ok(told(StatusCode::OK, &json!({ "invitations": invitations })))
    }

    async fn delete(&self, app: &Arc<App>, request: &Request, id: &str) -> Result<Response, Refusal> {
        let failed = |error| Refusal::of("OUI-65004", error);
        let who = self.caller(app, request).await.map_err(failed)?;
        who.require(Scope::InvitationsWrite).map_err(|error| failed(error.into()))?;
        let unknown = || Refusal::new(StatusCode::BAD_REQUEST, "OUI-60001", "there is no such invitation");
        match app.invitation_delete(&who, id.parse().map_err(|_| unknown())?, None).await {
            Ok(()) => Ok(told(StatusCode::NO_CONTENT, &Value::Null)),
            Err(app::Error::Store(store::Error::NotFound)) => Err(unknown()),
            Err(error) => Err(failed(error.into())),
        }
    }

    /// Who calls, in the org of the path; without one, in that of the token.
    async fn caller(&self, app: &Arc<App>, request: &Request) -> Result<Principal, Rejection> {
        let token = bearer(request.headers())?;
        let found = match &self.org {
            Some(org) => {
                let org = org.parse().map_err(|_| Rejection::not_found())?;
                app.token_verify(token, org, app.now()).await
            }
            None => app.token_enter(token, app.now()).await,
        };
        let who = admitted(request, app, token, found, |org| org.root_handle == self.root).await?;
        let exchange = Exchange::of(request);
        exchange.admit(app, &who, request);
        app.admit(&who)?;
        Ok(Principal { noted: exchange.noted().clone(), request: exchange.request(), ..who })
    }

    /// The org of the path; without one, that of the invitation which `code` names. Whether the code opens it is another
    /// question.
    async fn org_of(&self, app: &Arc<App>, code: &str) -> Result<Option<Org>, Rejection> {
        let org = match &self.org {
            Some(org) => org.parse().ok(),
            None => match invite::parse_code(code) {
                Ok(code) => app.store.invitation_org(code.id).await.map_err(app::Error::from)?,
                Err(_) => None,
            },
        };
        let Some(context) = org.and_then(|org: crate::base::OrgId| OrgContext::new(app, &self.root, &org.to_string())) else {
            return Ok(None);
        };
        match context.load().await {
            Ok(org) => Ok(Some(org)),
            Err(rejection) if rejection.status == StatusCode::NOT_FOUND => Ok(None),
            Err(rejection) => Err(rejection),
        }
    }
}

/// What cannot be done, in the other product's words.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    description: String,
    headers: Vec<(HeaderName, String)>,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, description: &str) -> Refusal {
        Refusal { status, code, description: description.into(), headers: Vec::new() }
    }

    /// With the status that it has everywhere else.
    fn of(code: &'static str, error: impl Into<Rejection>) -> Refusal {
        let Rejection { status, detail, headers, cause, .. } = error.into();
        if let Some(cause) = cause {
            tracing::error!(error = &*cause as &dyn std::error::Error, "a request failed");
        }
        Refusal { status, code, description: detail, headers }
    }

    fn to_response(&self, trace: &str) -> Response {
        let message = self.status.canonical_reason().unwrap_or("Refused");
        let body = json!({ "code": self.code, "message": message, "description": self.description, "traceId": trace });
        let mut response = told(self.status, &body);
        for (name, text) in &self.headers {
            if let Ok(value) = HeaderValue::try_from(text) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

async fn body(request: &mut Request) -> Result<Map<String, Value>, Rejection> {
    let content = request.take_body();
    let bytes = payload::read(request.headers(), content).await?;
    Exchange::of(request).keep_body(&bytes);
    Ok(strict::object(&bytes)?)
}

fn confirmation_code(body: &Map<String, Value>) -> Option<&str> {
    body.get("confirmationCode").and_then(Value::as_str).filter(|code| !code.trim().is_empty())
}

/// Of the states of an invitation it knows two; in the others, it has none.
fn status(status: invite::Status) -> Option<&'static str> {
    match status {
        invite::Status::Pending => Some("PENDING"),
        invite::Status::Expired => Some("EXPIRED"),
        _ => None,
    }
}

fn line_code(code: &str) -> &'static str {
    match LineCode::ALL.into_iter().find(|known| known.as_str() == code) {
        Some(LineCode::UserNotInParent | LineCode::NotInvitable) => "OUI-10011",
        Some(LineCode::AlreadyInvited | LineCode::DuplicateLine) => "OUI-10018",
        Some(LineCode::GroupNotAllowed) => "OUI-10028",
        Some(LineCode::NoEmail) => "OUI-10030",
        Some(LineCode::AlreadyMember) => "OUI-10032",
        Some(LineCode::UserInactive | LineCode::QuotaExceeded | LineCode::GroupNotFound) | None => "OUI-10012",
    }
}

/// One of the list, from the document of the resource.
fn listed(doc: &str) -> Value {
    let doc: Value = serde_json::from_str(doc).unwrap_or_default();
    let groups = doc["groups"].as_array().into_iter().flatten().filter(|group| group.get("vanished").is_none());
    let groups: Vec<Value> = groups.map(|group| json!({ "id": group["value"], "displayName": group["display"] })).collect();
    let mut listed = json!({
        "id": doc["id"],
        "username": doc["userName"],
        "email": doc["email"],
        "groups": groups,
        "status": doc["status"].as_str().unwrap_or_default().to_uppercase(),
        "expiredAt": doc["expiresAt"],
    });
    // Not everybody sees it.
    if listed["email"].is_null() {
        listed.as_object_mut().map(|listed| listed.remove("email"));
    }
    listed
}

fn told(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::builder().status(status).finish();
    if !body.is_null() {
        response.set_body(body.to_string());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
