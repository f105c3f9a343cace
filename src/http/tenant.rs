//! The org of the path: `/t/{root}/o/{org}` is taken off here, and what is left is the same for every org.

use std::sync::Arc;

use poem::http::Uri;
use poem::http::uri::PathAndQuery;
use poem::{FromRequest, Request, RequestBody};

use super::error::Rejection;
use super::oauth::resource_metadata;
use crate::app::App;
use crate::base::OrgId;
use crate::org::Org;
use crate::scim::{self, ScimType};

/// Bytes of a path below the org; ids, names of types and URNs fit in (C-18).
const PATH_BYTES_MAX: usize = 1024;

/// The org that the path names. Whether it exists is asked together with the caller's rights: one probe, one answer.
#[derive(Clone)]
pub struct OrgContext {
    /// The use cases.
    pub app: Arc<App>,
    /// `{org}`.
    pub org: OrgId,
    /// Public URL of the org's SCIM root, without a slash at the end. Built from the configuration and the ids alone (H-08).
    pub base: Arc<str>,
    /// `scim2` or `api`.
    pub area: &'static str,
    /// Whether the path has no slash too many, and no bare `?` (H-07).
    pub is_tidy: bool,
    root: std::ops::Range<usize>,
}

impl OrgContext {
    /// The org `org` of the tree `root`, as a path spells them.
    pub fn new(app: &Arc<App>, root: &str, org: &str) -> Option<OrgContext> {
        let id: OrgId = org.parse().ok()?;
        let public = &app.settings.public_url;
        let base: Arc<str> = format!("{public}/t/{root}/o/{org}/scim2").into();
        let start = public.len() + "/t/".len();
        Some(OrgContext { app: app.clone(), org: id, base, area: "scim2", is_tidy: true, root: start..start + root.len() })
    }

    /// Where clients find out whose tokens are taken here (SEC S-34).
    pub(super) fn metadata(&self) -> Option<String> {
        resource_metadata(&self.app.settings.public_url, &self.base[self.root.clone()], self.org, self.area)
    }

    /// `{root}`.
    pub(super) fn root(&self) -> &str {
        &self.base[self.root.clone()]
    }

    /// Whether this is the org of the path: another root's handle is another address, where there is nothing.
    pub fn is(&self, org: &Org) -> bool {
        org.id == self.org && org.active && org.root_handle == self.base[self.root.clone()]
    }

    /// The org, for operations that take no token.
    pub async fn load(&self) -> Result<Org, Rejection> {
        let org = self.app.store.org(self.org).await.map_err(crate::app::Error::from)?;
        org.filter(|org| self.is(org)).ok_or_else(Rejection::not_found)
    }
}

impl<'a> FromRequest<'a> for OrgContext {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        Ok(request.data::<OrgContext>().cloned().ok_or_else(Rejection::not_found)?)
    }
}

/// A path in its parts: `/t/{root}/o/{org}/{area}{rest}`; `rest` is empty or starts with a slash.
pub(super) struct Address<'a> {
    pub(super) root: &'a str,
    pub(super) org: &'a str,
    pub(super) area: &'a str,
    pub(super) rest: &'a str,
}

impl<'a> Address<'a> {
    pub(super) fn parse(path: &'a str) -> Option<Address<'a>> {
        let (root, path) = path.strip_prefix("/t/")?.split_once('/')?;
        let (org, path) = path.strip_prefix("o/")?.split_once('/')?;
        let (area, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
        Some(Address { root, org, area, rest })
    }
}

/// H-07: whether nothing is there that could go: a doubled slash, one at the end, a bare `?`.
pub(super) fn is_tidy(rest: &str, query: Option<&str>) -> bool {
    !rest.contains("//") && !rest.ends_with('/') && query != Some("")
}

/// What is left of the path, for the router: single slashes, none at the end (H-07), no `v2` (H-06).
pub(super) fn local_path(rest: &str) -> Result<String, Rejection> {
    // Decoded once, by the router, and never into something that looks like another path (S-57).
    let is_tricky = rest.contains('%')
        && ["%2f", "%5c", "%25", "%00", "%2e%2e"].iter().any(|code| rest.to_ascii_lowercase().contains(code));
    if rest.len() > PATH_BYTES_MAX || is_tricky {
        return Err(Rejection::not_found());
    }
    let mut path = String::with_capacity(rest.len() + 1);
    for (at, segment) in rest.split('/').filter(|segment| !segment.is_empty()).enumerate() {
        if at == 0 && is_version(segment) {
            if segment.eq_ignore_ascii_case("v2") {
                continue;
            }
            return Err(scim::Error::bad(ScimType::InvalidVers, "only version 2 is spoken here").into());
        }
        path.push('/');
        path.push_str(segment);
    }
    if path.is_empty() {
        path.push('/');
    }
    Ok(path)
}

fn is_version(segment: &str) -> bool {
    let digits = segment.strip_prefix(['v', 'V']).unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Gives the request its local path; the query stays.
pub(super) fn set_path(request: &mut Request, mut path: String) -> Result<(), Rejection> {
    if let Some(query) = request.uri().query().filter(|query| !query.is_empty()) {
        path.push('?');
        path.push_str(query);
    }
    let path = PathAndQuery::try_from(path).map_err(|_| Rejection::not_found())?;
    *request.uri_mut() = Uri::from(path);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_do_not_matter_and_version_2_is_the_only_one() {
        for (rest, path) in [
            ("", "/"),
            ("/", "/"),
            ("/Users", "/Users"),
            ("//Users/", "/Users"),
            ("/v2/Users", "/Users"),
            ("/Users/v1", "/Users/v1"),
        ] {
            assert_eq!(local_path(rest).map_err(|error| error.detail), Ok(path.to_owned()), "{rest}");
        }
        let error = local_path("/v1/Users").expect_err("an old version");
        assert_eq!((error.status.as_u16(), error.scim_type), (400, Some(ScimType::InvalidVers)));
    }

    #[test]
    fn an_encoded_slash_names_nothing() {
        for rest in ["/Users%2f1", "/Users/%252e", "/Users/%2E%2e", "/Users/%00"] {
            assert_eq!(local_path(rest).expect_err(rest).status.as_u16(), 404, "S-57, C-18: {rest}");
        }
    }
}
