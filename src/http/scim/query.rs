//! Lists: from a query string or the body of `.search`, one way through.

use super::parameter::{Integer, Names};
use super::{projected, references};
use crate::app::{self, search};
use crate::http::payload::ScimBody;
use crate::http::resource::Shape;
use crate::http::{Authed, Rejection};
use crate::scim::cursor::Seal;
use crate::scim::list::{self, Query, SearchRequest, Start};
use crate::scim::project::Projection;
use crate::scim::render::{self, Window};
use crate::scim::{Kind, Quirks, ResourceType};
use crate::store::{Page, References};

/// A parameter of a query string.
type Parameter<T> = poem_openapi::param::Query<Option<T>>;

/// What the parameters of a query string ask for: filter, order, window, projection.
pub(super) fn request(
    filter: Parameter<String>,
    (sort_by, sort_order): (Parameter<String>, Parameter<String>),
    (start_index, count, cursor): (Parameter<Integer>, Parameter<Integer>, Parameter<String>),
    (attributes, excluded_attributes): (Parameter<Names>, Parameter<Names>),
) -> SearchRequest {
    SearchRequest {
        filter: filter.0,
        sort_by: sort_by.0,
        sort_order: sort_order.0,
        start_index: start_index.0.map(|text| text.0),
        count: count.0.map(|text| text.0),
        cursor: cursor.0,
        depth: None,
        attributes: attributes.0.map(|names| names.0),
        excluded_attributes: excluded_attributes.0.map(|names| names.0),
    }
}

/// What the body of a `.search` asks for.
pub(super) fn searched<T: Shape>(caller: &Authed, body: ScimBody<T>) -> Result<SearchRequest, Rejection> {
    let mut quirks = Quirks::new();
    let request = SearchRequest::parse(body.map, caller.profile(), &mut quirks);
    caller.who.noted.add(quirks);
    Ok(request?)
}

/// The `ListResponse` that `request` asks for (RFC 7644 §3.4.2).
pub(in crate::http) async fn list(
    resource_type: &ResourceType,
    caller: &Authed,
    request: &SearchRequest,
) -> Result<Vec<u8>, Rejection> {
    let profile = caller.profile();
    let (attributes, excluded) = (request.attributes.as_deref(), request.excluded_attributes.as_deref());
    let projection = projected(resource_type, caller, attributes, excluded)?;
    let mut query = list::parse(&request.params(), resource_type, profile)?;
    caller.who.noted.add(query.quirks);
    query.references = references(resource_type.kind, &projection) == References::Include;
    let (page, window) = match &request.cursor {
        None => (page(resource_type, caller, &query).await?, Window::Index(query.start.index())),
        Some(cursor) => {
            let seal = seal(caller, &resource_type.endpoint, [(&query, &projection)]);
            query.start = seal.open(cursor, caller.app.now())?;
            by_cursor(resource_type, caller, query, &seal).await?
        }
    };
    Ok(render::list(resource_type, &page.records, page.total, &window, &caller.base, &projection))
}

async fn by_cursor(
    resource_type: &ResourceType,
    caller: &Authed,
    mut query: Query,
    seal: &Seal,
) -> Result<(Page, Window), Rejection> {
    let mut page = page(resource_type, caller, &query).await?;
    if page.records.is_empty() && matches!(query.start, Start::Before(_)) {
        // All before it is gone meanwhile, so this is where the list starts.
        query.start = Start::default();
        page = self::page(resource_type, caller, &query).await?;
    }
    let sealed = |start: Option<Start>| start.map(|start| seal.close(&start, caller.app.now()));
    let window = Window::Cursor { next: sealed(page.next(&query.start)), previous: sealed(page.previous(&query.start)) };
    Ok((page, window))
}

async fn page(resource_type: &ResourceType, caller: &Authed, query: &Query) -> Result<Page, Rejection> {
    Ok(match resource_type.kind {
        Kind::User => caller.app.user_list(&caller.who, query).await,
        Kind::Group => caller.app.group_list(&caller.who, query).await,
        Kind::Invitation => caller.app.invitation_list(&caller.who, query).await,
        Kind::Organization => caller.app.org_list(&caller.who, query).await,
        Kind::Custom(_) => caller.app.resource_list(&caller.who, resource_type, query).await,
    }?)
}

fn seal<'a>(caller: &Authed, endpoint: &str, asked: impl IntoIterator<Item = (&'a Query, &'a Projection)>) -> Seal {
    let who = &caller.who;
    // Whoever differs in this shares no cursors: with its rights, an actor's cursors go (K-17).
    let rights = format!("{:?}", (who.org.id, &who.subject, &who.client_id, who.scopes));
    Seal::new(caller.app.settings.invitation_key.expose(), &rights, endpoint, asked)
}

/// The `ListResponse` over all types that the caller may read.
pub(super) async fn list_all(caller: &Authed, request: &SearchRequest) -> Result<Vec<u8>, Rejection> {
    let (profile, types) = (caller.profile(), caller.who.schemas.types());
    let (attributes, excluded) = (request.attributes.as_deref(), request.excluded_attributes.as_deref());
    let (mut queries, mut shown, mut refused) = (Vec::new(), Vec::new(), None);
    for resource_type in types {
        if let Err(error) = search::may_read(&caller.who, resource_type.kind) {
            refused = refused.or(Some(error));
            continue;
        }
        let projection = projected(resource_type, caller, attributes, excluded)?;
        let mut query = list::parse_among(&request.params(), resource_type, types, profile)?;
        caller.who.noted.add(query.quirks);
        query.references = references(resource_type.kind, &projection) == References::Include;
        queries.push((resource_type.kind, query));
        shown.push((resource_type, projection));
    }
    let Some((_, first)) = queries.first() else {
        return Err(refused.map_or_else(Rejection::not_found, |error| app::Error::from(error).into()));
    };
    let (seal, start) = match &request.cursor {
        None => (None, first.start.clone()),
        Some(cursor) => {
            let asked = queries.iter().zip(&shown).map(|((_, query), (_, projection))| (query, projection));
            let seal = seal(caller, "/", asked);
            let start = seal.open(cursor, caller.app.now())?;
            (Some(seal), start)
        }
    };
    let (total, found, next) = caller.app.resources_search(&caller.who, &queries, &start).await?;
    let window = match seal {
        None => Window::Index(start.index()),
        Some(seal) => Window::Cursor { next: next.map(|next| seal.close(&next, caller.app.now())), previous: None },
    };
    let entries = found.iter().map(|(at, record)| (shown[*at].0, &shown[*at].1, record));
    Ok(render::mixed(entries, total, &window, &caller.base))
}

/// The same, from the body of `POST …/.search` (RFC 7644 §3.4.3).
pub(super) async fn search<T: Shape>(
    resource_type: &ResourceType,
    caller: &Authed,
    body: ScimBody<T>,
) -> Result<Vec<u8>, Rejection> {
    list(resource_type, caller, &searched(caller, body)?).await
}
