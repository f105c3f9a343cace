//! The overview of an org, and where one may go from it.

use serde_json::json;

use super::Answer;
use super::visit::{Visit, home as home_of};
use crate::app::sessions::Place;
use crate::auth::Scope;

/// The overview.
pub(super) async fn home(visit: &Visit) -> Answer {
    let schemas = &visit.who().schemas;
    let pending = Some("status eq \"pending\"").filter(|_| visit.org().parent.is_some());
    let mut counts = Vec::new();
    for (scope, label, path, resource_type, filter) in [
        (Scope::UsersRead, "users", "/users", schemas.user(), None),
        (Scope::GroupsRead, "groups", "/groups", schemas.group(), None),
        (Scope::InvitationsRead, "pending invitations", "/invitations", schemas.invitation(), pending),
        (Scope::OrganizationsRead, "organizations", "/organizations", schemas.organization(), None),
    ] {
        if visit.may(scope) && (scope != Scope::InvitationsRead || filter.is_some()) {
            let total = visit.count(resource_type, filter).await?;
            counts.push(json!({ "total": total, "label": label, "path": path }));
        }
    }
    let waiting = visit.app().me_invitations(visit.who()).await?.len();
    let org = visit.org();
    let base = &*visit.caller.base;
    Ok(visit.show("home", &json!({ "counts": counts, "waiting": waiting, "id": org.id, "handle": org.handle, "base": base })))
}

/// Orgs listed at once.
const PLACES: usize = 50;

/// `switch`: where the person may go. A part of it for the script in the bar.
pub(super) async fn switch(visit: &Visit) -> Answer {
    let q = visit.query.get("q");
    let search = Some(q).filter(|q| !q.is_empty());
    let (total, places) = visit.app().session_orgs(&visit.session, search, 0, PLACES).await?;
    let place = |place: &Place| json!({ "name": place.org.name, "path": place.path.join(" › "), "url": home_of(visit.app(), &place.org) });
    let page = json!({ "q": q, "total": total, "places": places.iter().map(place).collect::<Vec<_>>() });
    Ok(if visit.query.has("part") { visit.part("switch-found", &page) } else { visit.show("switch", &page) })
}
