//! `usher init`, `usher org create`, `usher org set`, `usher org list`.

use serde_json::{Map, Value, json};

use super::data::{self, Data};
use super::{Common, Failure, print};
use crate::base::OrgId;
use crate::org::{Org, Settings};
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

/// Chooses for `org`, as `PATCH /settings` does, and prints what it chose and what holds.
pub(super) async fn set(
    common: &Common,
    org: OrgId,
    profile: Option<&str>,
    switches: &[String],
    log: Option<&str>,
) -> Result<(), Failure> {
    let data = Data::open(common)?;
    data::org(&data.app, org).await?;
    let mut body = Map::new();
    for (key, chosen) in [("profile", profile), ("log", log)] {
        let chosen = chosen.map(|chosen| if chosen == "inherit" { Value::Null } else { chosen.into() });
        body.extend(chosen.map(|chosen| (key.to_owned(), chosen)));
    }
    let choice = |switch: &String| {
        let (name, choice) = match switch.split_once('=') {
            Some((name, "on")) => (name, Value::Bool(true)),
            Some((name, "off")) => (name, Value::Bool(false)),
            Some((name, "inherit")) => (name, Value::Null),
            _ => return Err(format!("--quirk {switch}: expected SWITCH=on, SWITCH=off or SWITCH=inherit")),
        };
        Ok((name.to_owned(), choice))
    };
    body.insert("quirks".into(), switches.iter().map(choice).collect::<Result<Map<_, _>, _>>()?.into());
    let settings = data.app.org_settings_change(Actor::Operator, org, |own| Settings::parse(own, body.clone())).await?;
    print::line(&settings.to_string())
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
