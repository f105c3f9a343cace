//! The base itself: a query over all types of resources (RFC 7644 §3.4.2.1).

// Every parameter stands in the document by itself.
#![allow(clippy::too_many_arguments)]

use poem_openapi::OpenApi;
use poem_openapi::param::Query;

use super::parameter::{Integer, Names};
use super::{Tag, query};
use crate::http::resource::{ResourceListResponse, SearchRequest};
use crate::http::{Answered, Authed, Rejection, ScimBody};

/// The operations on everything.
pub struct Root;

#[OpenApi(tag = "Tag::All")]
impl Root {
    /// List everything
    ///
    /// RFC 7644 §3.4.2.1: the resources of all types that the token may read, one type after the other, or sorted as one list;
    /// 403 if it may read none. `filter` and `sortBy` may name attributes of any type: where a type lacks one, it has no value
    /// there. `meta.resourceType` tells the types apart. To sync, page with `cursor`, which leads forward;
    /// a sorted list by index ends after 10,000 results with 400 `tooMany`.
    #[oai(path = "/", method = "get", operation_id = "listResources")]
    async fn list(
        &self,
        caller: Authed,
        /// RFC 7644 §3.4.2.2: `attribute operator value`, joined by `and`, `or`, `not ( )`.
        filter: Query<Option<String>>,
        /// The attribute to sort by.
        #[oai(name = "sortBy")]
        sort_by: Query<Option<String>>,
        /// `ascending` (the default) or `descending`.
        #[oai(name = "sortOrder")]
        sort_order: Query<Option<String>>,
        /// The first result, counted from 1.
        #[oai(name = "startIndex")]
        start_index: Query<Option<Integer>>,
        /// Results in one page: 100 if not said, 1000 at the most; 0 for `totalResults` alone.
        count: Query<Option<Integer>>,
        /// RFC 9865: empty for the first page, then `nextCursor` with all else as before. Not together with `startIndex`.
        cursor: Query<Option<String>>,
        /// Only these attributes in the answer, separated by commas (RFC 7644 §3.9).
        attributes: Query<Option<Names>>,
        /// Not these attributes in the answer.
        #[oai(name = "excludedAttributes")]
        excluded_attributes: Query<Option<Names>>,
    ) -> Result<Answered<ResourceListResponse>, Rejection> {
        let order = (sort_by, sort_order);
        let window = (start_index, count, cursor);
        let request = query::request(filter, order, window, (attributes, excluded_attributes));
        query::list_all(&caller, &request).await.map(Answered::new)
    }

    /// Search everything
    ///
    /// RFC 7644 §3.4.3: the same, with the parameters in the body.
    #[oai(path = "/.search", method = "post", operation_id = "searchResources")]
    async fn search(
        &self,
        caller: Authed,
        /// The parameters.
        request: ScimBody<SearchRequest>,
    ) -> Result<Answered<ResourceListResponse>, Rejection> {
        query::list_all(&caller, &query::searched(&caller, request)?).await.map(Answered::new)
    }
}
