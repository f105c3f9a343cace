//! The whole site: which address goes where.

use std::sync::Arc;

use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem::{Endpoint, EndpointExt, Request, Response, Result, Route};

use super::api::{AuditApi, ClientsApi, DeletedApi, MailApi, RequestsApi, SchemasApi, SettingsApi, TokensApi};
use super::compat::Guests;
use super::console;
use super::docs::Docs;
use super::error::Rejection;
use super::guardrail::Guardrail;
use super::invitation_page::invitation_page;
use super::oauth::{self, MetadataApi, OauthApi};
use super::scim::{Bulk, Discovery, Groups, Invitations, Me, Organizations, Resources, Root, Users};
use super::tenant::{Address, OrgContext, is_tidy, local_path, set_path};
use super::{health, operations};
use crate::app::App;
use crate::base::limit;

/// Every operation below `scim2`.
type Scim = (Users, Me, Groups, Invitations, Organizations, Root, Bulk, Discovery);

fn scim() -> Scim {
    (Users, Me, Groups, Invitations, Organizations, Root, Bulk, Discovery)
}

/// Every operation of an org, as one OpenAPI object.
pub(super) type Api = (Scim, SettingsApi, MailApi, RequestsApi, AuditApi, DeletedApi, SchemasApi, ClientsApi, TokensApi);

pub(super) fn api() -> Api {
    (scim(), SettingsApi, MailApi, RequestsApi, AuditApi, DeletedApi, SchemasApi, ClientsApi, TokensApi)
}

/// Whether `/docs` and `/openapi.json` are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Documentation {
    /// They are.
    Served,
    /// 404.
    Hidden,
}

/// Every address of the server. It always answers: whatever goes wrong has been turned into an answer, and logged.
pub fn routes(app: Arc<App>, documentation: Documentation) -> BoxEndpoint<'static, Response> {
    let mut prefix = [0; 4];
    app.random.fill(&mut prefix);
    let docs = (documentation == Documentation::Served).then(|| Docs::new(&app.settings.public_url));
    let site = Site {
        // What somebody added comes last: a path is matched to the words in it before its parameters.
        scim: operations::route((scim(), Resources)),
        api: operations::route((SettingsApi, MailApi, RequestsApi, AuditApi, DeletedApi, SchemasApi, ClientsApi, TokensApi)),
        oauth: operations::route((OauthApi, MetadataApi)),
        docs,
        app,
    };
    Guardrail::new(site, limit::REQUEST_DEADLINE, u32::from_be_bytes(prefix)).boxed()
}

struct Site {
    app: Arc<App>,
    scim: Route,
    api: Route,
    oauth: Route,
    docs: Option<Docs>,
}

impl Endpoint for Site {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let _under_way = self.app.limits.begin();
        if let Some(guests) = Guests::parse(request.uri().path()) {
            return guests.call(&self.app, request).await;
        }
        match Address::parse(request.uri().path()) {
            Some(address @ Address { area: "scim2" | "api", .. }) => {
                let mut context = OrgContext::new(&self.app, address.root, address.org).ok_or_else(Rejection::not_found)?;
                context.is_tidy = is_tidy(address.rest, request.uri().query());
                let path = local_path(address.rest)?;
                let route = if address.area == "api" { &self.api } else { &self.scim };
                context.area = if address.area == "api" { "api" } else { "scim2" };
                // On the heap: what waits for it would carry it along at every move.
                Box::pin(within(route, request, context, path)).await
            }
            Some(Address { root, org, area: "invitations", rest }) => {
                let (root, org, rest) = (root.to_owned(), org.to_owned(), rest.to_owned());
                invitation_page(&self.app, &root, &org, &rest, request).await
            }
            Some(Address { root, org, area: "console", rest }) => {
                let (root, org, rest) = (root.to_owned(), org.to_owned(), rest.to_owned());
                Box::pin(console::console(&self.app, &root, &org, &rest, request)).await
            }
            Some(_) => Err(Rejection::not_found().into()),
            None if oauth::is_ours(request.uri().path()) => self.oauth(request).await,
            None => self.other(request).await,
        }
    }
}

impl Site {
    async fn oauth(&self, mut request: Request) -> Result<Response> {
        request.extensions_mut().insert(self.app.clone());
        self.oauth.call(request).await
    }

    /// Addresses that belong to no org.
    async fn other(&self, request: Request) -> Result<Response> {
        let path = request.uri().path();
        let path = path.strip_suffix('/').filter(|short| !short.is_empty()).unwrap_or(path);
        match (path, &self.docs) {
            ("/healthz", _) => read_only(&request).map(|()| health::healthz()),
            ("/readyz", _) => {
                read_only(&request)?;
                Ok(health::readyz(&self.app).await)
            }
            (path, _) if path.starts_with("/console/") => {
                read_only(&request)?;
                console::asset(path).ok_or_else(|| Rejection::not_found().into())
            }
            ("/docs", Some(docs)) => read_only(&request).map(|()| docs.page()),
            ("/openapi.json", Some(docs)) => read_only(&request).map(|()| docs.document()),
            _ => Err(Rejection::not_found().into()),
        }
    }
}

/// What `route` answers below an org.
async fn within(route: &Route, mut request: Request, context: OrgContext, path: String) -> Result<Response> {
    set_path(&mut request, path)?;
    request.extensions_mut().insert(context);
    route.call(request).await
}

fn read_only(request: &Request) -> Result<()> {
    if request.method() == Method::GET { Ok(()) } else { Err(Rejection::method("GET, HEAD").into()) }
}
