//! The OpenAPI document, and Swagger UI from embedded assets: nothing is fetched from elsewhere.

mod tree;

use poem::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_FRAME_OPTIONS};
use poem::{Response, http::HeaderValue};
use poem_openapi::{LicenseObject, OpenApiService, ServerObject};
use serde_json::{Map, Value, json};

use super::api;
use super::oauth::{self, MetadataApi, OauthApi};
use super::routes::{self, Api};

pub(super) use tree::tree_document;

/// The page's scripts and styles are within it, and it talks to this server alone.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; \
                      font-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const DESCRIPTION: &str = "SCIM 2.0 (RFC 7643, RFC 7644) for one organization, and invitations of users of its parent \
organization.\n\nEvery organization has its own base URL, `/t/{root}/o/{org}/scim2`; a token is good for one organization. \
Bodies are `application/scim+json` or `application/json`. Errors have the form of RFC 7644 §3.12.";

/// The document, pretty-printed; the same for every run of the same version.
pub fn openapi_document() -> String {
    print(&document())
}

fn document() -> Value {
    let mut document: Value = serde_json::from_str(&service().spec()).expect("poem-openapi prints JSON");
    let mut api_servers = document["servers"].clone();
    api_servers[0]["url"] = "/t/{root}/o/{org}/api".into();
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, operations) in paths {
            if oauth::is_ours(path) {
                // Not below an org, where all else is.
                operations["servers"] = json!([{ "url": "/" }]);
            }
            if path.starts_with("/oauth2/") {
                continue;
            }
            if api::is_ours(path) {
                operations["servers"] = api_servers.clone();
            }
            let operations = operations.as_object_mut().into_iter().flatten();
            operations.filter_map(|(method, operation)| Some((method, operation.as_object_mut()?))).for_each(
                |(method, operation)| {
                    tidy(path, method, operation);
                },
            );
        }
    }
    document
}

fn print(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).expect("a value prints");
    text.push('\n');
    text
}

/// Addresses with their host: a document that was downloaded still knows where it came from.
fn locate(document: &mut Value, public_url: &str) {
    let locate = |url: &mut Value| {
        if let Some(path) = url.as_str().filter(|path| path.starts_with('/')) {
            *url = format!("{public_url}{path}").into();
        }
    };
    document["servers"].as_array_mut().into_iter().flatten().for_each(|server| locate(&mut server["url"]));
    if let Some(flow) = document.pointer_mut("/components/securitySchemes/clientCredentials/flows/clientCredentials/tokenUrl") {
        locate(flow);
    }
}

fn service() -> OpenApiService<(Api, OauthApi, MetadataApi), ()> {
    let server = ServerObject::new("/t/{root}/o/{org}/scim2")
        .description("One organization of this server.")
        .variable("root", "Handle of the root organization.", "acme")
        .variable("org", "Id of the organization.", "00000000-0000-7000-8000-000000000000");
    OpenApiService::new((routes::api(), OauthApi, MetadataApi), "Usher", env!("CARGO_PKG_VERSION"))
        .description(DESCRIPTION)
        .license(LicenseObject::new("Apache-2.0").url("https://www.apache.org/licenses/LICENSE-2.0"))
        .server(server)
}

/// Leaves out the answers that an operation cannot give, and the scopes of a scheme that has none (OpenAPI 3.0.3, Security
/// Requirement Object).
fn tidy(path: &str, method: &str, operation: &mut Map<String, Value>) {
    let is_public = !operation.contains_key("security");
    let has_body = operation.contains_key("requestBody");
    let is_verb = path.rsplit('/').next().is_some_and(|last| last.starts_with('.'));
    let has_key =
        operation.get("parameters").and_then(Value::as_array).into_iter().flatten().any(|one| one["name"] == "Idempotency-Key");
    let is_read = method == "get" || path.ends_with("/.search");
    if let Some(answers) = operation.get_mut("responses").and_then(Value::as_object_mut) {
        answers.retain(|status, _| match status.as_str() {
            // An org may want the invitee's token, too.
            "401" | "403" => !is_public || path.ends_with("/.accept") || path.ends_with("/.decline"),
            "429" => !is_public,
            "409" => !is_read && (method != "delete" || api::is_ours(path)),
            "410" => !path.ends_with("/.invite") && (is_verb && !is_read || has_key),
            "422" => has_key,
            "412" | "428" => !is_read && !is_verb && method != "post" && !api::is_ours(path),
            "413" | "415" => has_body,
            _ => true,
        });
    }
    for requirement in operation.get_mut("security").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(scopes) = requirement.get_mut("bearer") {
            *scopes = Value::Array(Vec::new());
        }
    }
}

/// The two pages, as they are served.
pub(super) struct Docs {
    document: String,
    page: String,
}

impl Docs {
    /// With addresses under `public_url`.
    pub(super) fn new(public_url: &str) -> Docs {
        let mut document = document();
        locate(&mut document, public_url);
        let document = print(&document);
        let service = service();
        let page = service.swagger_ui_html().replace(&service.spec(), &document);
        Docs { document, page }
    }

    pub(super) fn document(&self) -> Response {
        Response::builder().content_type("application/json").body(self.document.clone())
    }

    pub(super) fn page(&self) -> Response {
        let mut response = Response::builder().content_type("text/html; charset=utf-8").body(self.page.clone());
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operations() -> Vec<(String, Value)> {
        let document: Value = serde_json::from_str(&openapi_document()).expect("JSON");
        let paths = document["paths"].as_object().expect("paths");
        let operations = paths.values().filter_map(Value::as_object).flatten();
        // A path may also have `servers` of its own.
        let operations = operations.filter(|(_, operation)| operation.is_object());
        operations
            .map(|(_, operation)| (operation["operationId"].as_str().expect("an id").to_owned(), operation.clone()))
            .collect()
    }

    #[test]
    fn the_document_is_the_same_every_time() {
        assert_eq!(openapi_document(), openapi_document());
    }

    #[test]
    fn only_these_operations_need_no_token() {
        // S-51: an operation that forgets its caller shows up here.
        let mut open: Vec<_> = operations().into_iter().filter(|(_, operation)| operation.get("security").is_none()).collect();
        open.sort_by(|(one, _), (other, _)| one.cmp(other));
        let open: Vec<_> = open.iter().map(|(id, _)| id.as_str()).collect();
        let known = [
            "acceptInvitation",
            "declineInvitation",
            "getAuthorizationServer",
            "getJwks",
            "getOrganizationResource",
            "getProtectedArea",
            "getProtectedResource",
            "getServiceProviderConfig",
            "introspectInvitation",
            "issueToken",
            "revokeToken",
        ];
        assert_eq!(open, known);
    }

    #[test]
    fn every_other_operation_names_its_scope_but_discovery_and_what_is_for_all_types() {
        for (id, operation) in operations() {
            let Some(security) = operation.get("security") else { continue };
            // B-15: what is in a bulk request needs the scopes that it needs elsewhere. A query over all types needs one of those
            // that read.
            // One's own invitations are answered by who one is, not by what one may do.
            let needs_none = [
                "bulk",
                "getTreeDocument",
                "listEnterableOrganizations",
                "listMyInvitations",
                "acceptMyInvitation",
                "declineMyInvitation",
            ];
            let is_free =
                ["Discovery", "All"].iter().any(|tag| operation["tags"][0] == *tag) || needs_none.contains(&id.as_str());
            let scopes = security[0]["clientCredentials"].as_array().expect("scopes");
            assert_eq!(scopes.is_empty(), is_free, "{id}: {security}");
            assert_eq!(security[1]["bearer"], Value::Array(vec![]), "{id}");
        }
    }

    #[test]
    fn the_page_holds_all_it_needs() {
        let docs = Docs::new("https://usher.test");
        assert!(docs.page.contains(&docs.document), "the document with its addresses");
        let document: Value = serde_json::from_str(&docs.document).expect("JSON");
        assert_eq!(document["servers"][0]["url"], "https://usher.test/t/{root}/o/{org}/scim2");
        let paths = document["paths"].as_object().expect("paths");
        assert!(paths.keys().all(|path| path.starts_with('/')));
        assert_eq!(docs.document.matches("\"tokenUrl\": \"https://usher.test/oauth2/token\"").count(), 1);
        for elsewhere in ["<script src", "<link", "cdn."] {
            assert!(!docs.page.contains(elsewhere), "{elsewhere}");
        }
    }
}
