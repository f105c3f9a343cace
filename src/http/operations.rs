//! The operations of an OpenAPI object as routes that know their methods: HEAD is GET without a body, OPTIONS tells, and
//! everything else is 405 with `Allow` (C-16, C-17).
//!
//! poem-openapi's own service turns errors into text before anyone can look at them; here they stay errors, so that
//! `guardrail` can give every one the form of SCIM.

use std::collections::HashMap;

use poem::endpoint::BoxEndpoint;
use poem::http::header::ALLOW;
use poem::http::{HeaderValue, Method, StatusCode};
use poem::{Endpoint, Request, Response, Result, Route};
use poem_openapi::__private::UrlQuery;
use poem_openapi::OpenApi;

use super::error::Rejection;

/// A router over all operations of `api`.
pub(super) fn route(api: impl OpenApi) -> Route {
    let mut table = HashMap::new();
    api.add_routes(&mut table);
    let mut paths: Vec<_> = table.into_iter().collect();
    paths.sort_by(|(one, _), (other, _)| one.cmp(other));
    paths.into_iter().fold(Route::new(), |route, (path, methods)| route.at(path, Operations::new(methods)))
}

struct Operations {
    methods: Vec<(Method, BoxEndpoint<'static>)>,
    allow: String,
}

impl Operations {
    fn new(methods: HashMap<Method, BoxEndpoint<'static>>) -> Self {
        let mut names: Vec<&str> = methods.keys().map(Method::as_str).collect();
        if names.contains(&"GET") {
            names.push("HEAD");
        }
        names.push("OPTIONS");
        names.sort_unstable();
        let allow = names.join(", ");
        Operations { allow, methods: methods.into_iter().collect() }
    }
}

impl Endpoint for Operations {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let found = self.methods.iter().find(|(method, _)| method == request.method());
        if let Some((_, endpoint)) = found {
            let query = match request.uri().query() {
                Some(_) => request.params().map_err(|_| Rejection::query())?,
                None => Vec::new(),
            };
            request.extensions_mut().insert(UrlQuery(query));
            return endpoint.call(request).await;
        }
        if request.method() != Method::OPTIONS {
            return Err(Rejection::method(&self.allow).into());
        }
        let mut response = Response::default();
        response.set_status(StatusCode::NO_CONTENT);
        if let Ok(allow) = HeaderValue::try_from(&self.allow) {
            response.headers_mut().insert(ALLOW, allow);
        }
        Ok(response)
    }
}
