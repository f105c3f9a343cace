//! What the audit log tells of one resource.

use serde_json::{Value, json};
use uuid::Uuid;

use super::users::name;
use super::visit::Visit;
use crate::auth::Scope;
use crate::http::error::Rejection;
use crate::org::audit::Wanted;
use crate::store::References;

/// Entries of a page.
const ENTRIES: usize = 10;

/// The latest entries about `resource`, or those before the one that the address names; none for who may not read them.
pub(super) async fn of(visit: &Visit, resource: Uuid) -> Result<Option<Value>, Rejection> {
    if !visit.may(Scope::AuditRead) {
        return Ok(None);
    }
    let before = visit.query.get("before").parse().ok();
    let wanted = Wanted { resource: Some(resource), before, limit: ENTRIES, ..Wanted::default() };
    let mut found = visit.app().audit_list(visit.who(), &wanted).await?;
    let mut actors: Vec<(String, Value)> = Vec::new();
    for entry in found["entries"].as_array_mut().into_iter().flatten() {
        let actor = entry["actor"].as_str().unwrap_or_default().to_owned();
        let shown = match actors.iter().find(|(known, _)| *known == actor) {
            Some((_, shown)) => shown.clone(),
            None => {
                let shown = self::actor(visit, &actor).await?;
                actors.push((actor, shown.clone()));
                shown
            }
        };
        entry["by"] = shown;
        for name in ["detail", "versionAfter"] {
            if entry.get(name).is_none() {
                entry[name] = Value::Null;
            }
        }
    }
    Ok(Some(json!({ "entries": found["entries"], "next": found["next"], "is_older": before.is_some() })))
}

/// Who `actor` is: a user who is still here by name, with its id; anybody else as the log says it.
pub(super) async fn actor(visit: &Visit, actor: &str) -> Result<Value, Rejection> {
    let id = actor.strip_prefix("user ").and_then(|id| id.parse().ok()).filter(|_| visit.may(Scope::UsersRead));
    let Some(id) = id else { return Ok(json!({ "id": null, "name": actor })) };
    match visit.app().user_get(visit.who(), id, References::Omit).await {
        Ok(record) => {
            let user = visit.document(visit.who().schemas.user(), &record)?;
            let name = Some(name(&user)).filter(|name| !name.is_empty());
            Ok(json!({ "id": id, "name": name.map_or(user["userName"].clone(), Value::from) }))
        }
        Err(error) => match Rejection::from(error) {
            gone if gone.status == 404 => Ok(json!({ "id": null, "name": actor })),
            rejection => Err(rejection),
        },
    }
}
