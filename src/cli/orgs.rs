//! `usher init`, and `usher org`: create, set, move, delete, list.

use serde_json::{Map, Value, json};

use super::data::{self, Data};
use super::{Common, Failure, print};
use crate::app::orgs::Intent;
use crate::base::OrgId;
use crate::org::{Children, Org, Settings};
use crate::scim::urn;
use crate::store::Actor;

/// A data directory with a root org. A directory that has orgs already is left alone.
pub(super) async fn init(common: &Common, root: &str, name: Option<&str>) -> Result<(), Failure> {
    let data = Data::create(common)?;
    if !data.app.store.orgs().await?.is_empty() {
        return Err(format!("{} holds organizations already", common.data.display()).into());
    }
    let org = data.app.org_create(None, root, name).await?;
    print::result(common, &json!({ "org": org.id }), &format!("made {} in {}: {}", org.handle, common.data.display(), org.id))
}

/// A child of `parent`, or a further root where there is none.
pub(super) async fn create(common: &Common, parent: Option<OrgId>, handle: &str, name: Option<&str>) -> Result<(), Failure> {
    let data = Data::open(common)?;
    if let Some(parent) = parent {
        data::org(&data.app, parent).await?;
    }
    let org = data.app.org_create(parent, handle, name).await?;
    print::result(common, &json!({ "org": org.id }), &org.id.to_string())
}

/// Renames, opens or shuts `org`, chooses for it as `PATCH /settings` does, and prints what it chose and what holds.
pub(super) async fn set(
    common: &Common,
    org: OrgId,
    name: Option<&str>,
    active: Option<bool>,
    settings: Map<String, Value>,
) -> Result<(), Failure> {
    let data = Data::open(common)?;
    data::org(&data.app, org).await?;
    let values = [name.map(|name| ("name", name.into())), active.map(|active| ("active", active.into()))];
    let values: Vec<(&str, Value)> = values.into_iter().flatten().collect();
    if !values.is_empty() {
        let operations = values.iter().map(|(path, value)| json!({ "op": "replace", "path": path, "value": value }));
        let body = json!({ "schemas": [urn::PATCH_OP], "Operations": operations.collect::<Vec<_>>() });
        data.app.org_edit(org, body.as_object().cloned().unwrap_or_default()).await?;
    }
    let author = data.app.author(Actor::Operator);
    let settings = data.app.org_settings_change(author, org, |own| Settings::parse(own, settings.clone())).await?;
    print::line(&settings.to_string())
}

/// What `usher org set` chooses, as the body of `PATCH /settings`.
pub(super) fn chosen(
    profile: Option<&str>,
    switches: &[String],
    log: Option<&str>,
    settings: &[String],
) -> Result<Map<String, Value>, Failure> {
    let mut body = json!({ "quirks": {} });
    for (key, chosen) in [("profile", profile), ("log", log)] {
        if let Some(chosen) = chosen {
            body[key] = if chosen == "inherit" { Value::Null } else { chosen.into() };
        }
    }
    for switch in switches {
        let (name, choice) = match switch.split_once('=') {
            Some((name, "on")) => (name, Value::Bool(true)),
            Some((name, "off")) => (name, Value::Bool(false)),
            Some((name, "inherit")) => (name, Value::Null),
            _ => return Err(format!("--quirk {switch}: expected SWITCH=on, SWITCH=off or SWITCH=inherit").into()),
        };
        body["quirks"][name] = choice;
    }
    for setting in settings {
        let Some((section, name, chosen)) = setting
            .split_once('=')
            .and_then(|(place, chosen)| place.split_once('.').map(|(section, name)| (section, name, chosen)))
        else {
            return Err(format!("--setting {setting}: expected SECTION.NAME=VALUE or SECTION.NAME=inherit").into());
        };
        if body[section].is_string() {
            return Err(format!("--setting {setting}: `{section}` has no settings in it").into());
        }
        // Numbers and truths as such, all else is text.
        let plain = || serde_json::from_str(chosen).ok().filter(|value: &Value| value.is_number() || value.is_boolean());
        body[section][name] = if chosen == "inherit" { Value::Null } else { plain().unwrap_or_else(|| chosen.into()) };
    }
    Ok(body.as_object().cloned().unwrap_or_default())
}

/// Puts `org` under `parent`, and prints what that ended or would end.
pub(super) async fn shift(common: &Common, org: OrgId, parent: OrgId, intent: Intent) -> Result<(), Failure> {
    let data = Data::open(common)?;
    let root = data::org(&data.app, org).await?.root;
    let ends = data.app.org_shift(data.app.author(Actor::Operator), root, org, parent, intent).await?;
    let counts = [("guests", ends.guests), ("invitations", ends.invitations), ("clients", ends.clients)];
    tell(common, if intent == Intent::Do { "moved, ended:" } else { "would end:" }, &counts)
}

/// Removes `org`, and prints what went with it or would.
pub(super) async fn delete(common: &Common, org: OrgId, children: Children, intent: Intent) -> Result<(), Failure> {
    let data = Data::open(common)?;
    data::org(&data.app, org).await?;
    let contents = data.app.org_remove(org, children, intent).await?;
    tell(common, if intent == Intent::Do { "deleted, with" } else { "would go:" }, &contents.counts())
}

fn tell(common: &Common, what: &str, counts: &[(&'static str, u64)]) -> Result<(), Failure> {
    let all: Map<String, Value> = counts.iter().map(|(name, count)| ((*name).to_owned(), (*count).into())).collect();
    let words: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    print::result(common, &all.into(), &format!("{what} {}", words.join(", ")))
}

/// Every org: with `--json` an array, else one line each, indented by depth.
pub(super) async fn list(common: &Common) -> Result<(), Failure> {
    let orgs = Data::open(common)?.app.store.orgs().await?;
    if common.json {
        return print::line(&Value::from_iter(orgs.iter().map(as_json)).to_string());
    }
    for org in orgs.iter().filter(|org| org.parent.is_none()) {
        print_below(&orgs, org, 0)?;
    }
    Ok(())
}

fn print_below(orgs: &[Org], org: &Org, depth: usize) -> Result<(), Failure> {
    print::line(&format!("{}  {:indent$}{} ({})", org.id, "", org.handle, org.name, indent = depth * 2))?;
    orgs.iter().filter(|child| child.parent == Some(org.id)).try_for_each(|child| print_below(orgs, child, depth + 1))
}

fn as_json(org: &Org) -> Value {
    json!({
        "id": org.id, "parent": org.parent, "root": org.root_handle,
        "handle": org.handle, "name": org.name, "active": org.active, "created": org.created,
    })
}
