//! RFC 7644 §3.9: `attributes` and `excludedAttributes`.

use serde_json::{Map, Value};

use super::path::{Name, Resolved, resolve};
use super::schema::{Attribute, ResourceType, Returned};
use super::{Error, Profile, Quirk, Quirks, ScimType};
use crate::base::limit::FILTER_BYTES_MAX;

/// Which attributes an answer holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projection {
    mode: Mode,
    picks: Vec<Pick>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Default,
    Only,
    Except,
}

/// `name` of an extension or, without one, of the core; without a name the whole extension.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pick {
    extension: Option<String>,
    name: Option<String>,
    sub: Option<String>,
}

enum Cover<'a> {
    None,
    Whole,
    Subs(Vec<&'a str>),
}

fn given(list: Option<&str>) -> bool {
    list.is_some_and(|list| list.split(',').any(|name| !name.trim().is_empty()))
}

impl Projection {
    /// From the two parameters, each a comma-separated list of names. Unknown names are passed over. Both at
    /// once: strict refuses with 400 `invalidValue`, else `attributes` counts.
    pub fn parse(
        attributes: Option<&str>,
        excluded: Option<&str>,
        resource_type: &ResourceType,
        profile: Profile,
    ) -> Result<Projection, Error> {
        let (mode, list) = match (given(attributes), given(excluded)) {
            (true, true) if !profile.has(Quirk::BothProjections) => {
                let detail = "`attributes` and `excludedAttributes` exclude each other, expected one of them";
                return Err(Error::bad(ScimType::InvalidValue, detail));
            }
            (true, _) => (Mode::Only, attributes),
            (false, true) => (Mode::Except, excluded),
            (false, false) => return Ok(Projection::default()),
        };
        let list = list.unwrap_or_default();
        if list.len() > FILTER_BYTES_MAX {
            let detail = format!("the list of attributes has {} bytes, at most {FILTER_BYTES_MAX} are read", list.len());
            return Err(Error::bad(ScimType::InvalidValue, detail));
        }
        // Each resource of a page is held against every pick, so no pick may be there twice.
        let mut picks = Vec::new();
        for name in list.split(',').map(str::trim) {
            picks.extend(Pick::new(resolve(name, resource_type, profile)).filter(|pick| !picks.contains(pick)));
        }
        Ok(Projection { mode, picks })
    }

    /// What has to be forgiven where both parameters are given. No part of the projection, which is the same without it.
    pub fn quirks(attributes: Option<&str>, excluded: Option<&str>) -> Quirks {
        if given(attributes) && given(excluded) { Quirks::of(Quirk::BothProjections) } else { Quirks::new() }
    }

    /// Whether nothing was asked for.
    pub fn is_default(&self) -> bool {
        self.mode == Mode::Default
    }

    /// Whether an answer may hold the core attribute `name`, so that it must be read.
    pub fn wants(&self, name: &str) -> bool {
        match (self.mode, self.cover(None, name)) {
            (Mode::Only, Cover::None) | (Mode::Except, Cover::Whole) => false,
            (Mode::Default | Mode::Only | Mode::Except, _) => true,
        }
    }

    /// Takes out of a whole resource what the answer does not hold. `id`, `schemas` and whatever is returned always stay
    /// what is returned never goes.
    pub fn apply(&self, resource_type: &ResourceType, resource: &mut Map<String, Value>) {
        for attribute in resource_type.attributes() {
            self.apply_to(None, attribute, resource);
        }
        for extension in &resource_type.extensions {
            let urn = &extension.schema.id;
            let Some(Value::Object(values)) = resource.get_mut(urn) else { continue };
            for attribute in &extension.schema.attributes {
                self.apply_to(Some(urn), attribute, values);
            }
            if values.is_empty() {
                resource.shift_remove(urn);
            }
        }
    }

    fn apply_to(&self, extension: Option<&str>, attribute: &Attribute, values: &mut Map<String, Value>) {
        let Some(value) = values.get_mut(&attribute.name) else { return };
        let cover = self.cover(extension, &attribute.name);
        let keeps = match (attribute.returned, self.mode, &cover) {
            (Returned::Never, ..) => false,
            (Returned::Always, ..) => true,
            (Returned::Request, Mode::Default | Mode::Except, _) => false,
            (_, Mode::Default | Mode::Only | Mode::Except, Cover::Subs(_)) | (_, Mode::Default, _) => true,
            (_, Mode::Only, cover) => matches!(cover, Cover::Whole),
            (_, Mode::Except, cover) => matches!(cover, Cover::None),
        };
        // S-28 holds for sub-attributes as well.
        let keeps_sub = |key: &str| {
            let returned = attribute.sub(key).map_or(Returned::Default, |sub| sub.returned);
            match (returned, self.mode, &cover) {
                (Returned::Never, ..) => false,
                (Returned::Always, ..) => true,
                (Returned::Request, mode, Cover::Subs(named)) => mode == Mode::Only && named.contains(&key),
                (Returned::Request, ..) => false,
                (Returned::Default, _, Cover::Subs(_)) if attribute.returned == Returned::Always => true,
                (Returned::Default, mode, Cover::Subs(named)) => named.contains(&key) == (mode == Mode::Only),
                (Returned::Default, ..) => true,
            }
        };
        let keeps = keeps && {
            for element in elements(value) {
                element.retain(|key, _| keeps_sub(key));
            }
            prune(value)
        };
        if !keeps {
            values.shift_remove(&attribute.name);
        }
    }

    fn cover(&self, extension: Option<&str>, name: &str) -> Cover<'_> {
        let mut subs = Vec::new();
        for pick in self.picks.iter().filter(|pick| pick.extension.as_deref() == extension) {
            match (&pick.name, &pick.sub) {
                (None, _) => return Cover::Whole,
                (Some(picked), None) if picked == name => return Cover::Whole,
                (Some(picked), Some(sub)) if picked == name => subs.push(sub.as_str()),
                _ => {}
            }
        }
        if subs.is_empty() { Cover::None } else { Cover::Subs(subs) }
    }
}

impl Pick {
    fn new(resolved: Resolved<'_>) -> Option<Pick> {
        match resolved {
            Resolved::Attribute(Name { extension, attribute, sub }) => Some(Pick {
                extension: extension.map(|schema| schema.id.clone()),
                name: Some(attribute.name.clone()),
                sub: sub.map(|sub| sub.name.clone()),
            }),
            Resolved::Extension(extension) => {
                Some(Pick { extension: Some(extension.schema.id.clone()), name: None, sub: None })
            }
            Resolved::UnknownAttribute | Resolved::UnknownSchema => None,
        }
    }
}

fn elements(value: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let (one, many) = match value {
        Value::Array(items) => (None, Some(items)),
        other => (Some(other), None),
    };
    one.into_iter().chain(many.into_iter().flatten()).filter_map(Value::as_object_mut)
}

/// Drops elements without sub-attributes; tells whether any value is left (S-16).
fn prune(value: &mut Value) -> bool {
    match value {
        Value::Array(items) => {
            items.retain(|item| item.as_object().is_none_or(|object| !object.is_empty()));
            !items.is_empty()
        }
        Value::Object(object) => !object.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::Schemas;
    use serde_json::json;

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    fn ada() -> Map<String, Value> {
        let ada = json!({"schemas": ["u"], "id": "1", "userName": "ada", "name": {"givenName": "Ada", "familyName": "L"},
            "password": "never", "emails": [{"value": "a@b", "type": "work"}, {"type": "home"}],
            ENTERPRISE: {"department": "D", "manager": {"value": "2"}}, "groups": [{"value": "3", "display": "G"}],
            "meta": {"version": "v", "location": "l"}});
        ada.as_object().cloned().expect("an object")
    }

    #[track_caller]
    fn check(attributes: Option<&str>, excluded: Option<&str>, expected: Value) {
        let projection =
            Projection::parse(attributes, excluded, Schemas::core().user(), Profile::Lenient).expect("a projection");
        let mut got = ada();
        projection.apply(Schemas::core().user(), &mut got);
        assert_eq!(Value::Object(got), expected, "{attributes:?} {excluded:?}");
    }

    #[test]
    fn attributes_replace_the_default_set() {
        //
        check(Some("userName"), None, json!({"schemas": ["u"], "id": "1", "userName": "ada"}));
        check(Some(" USERNAME , nope,password"), None, json!({"schemas": ["u"], "id": "1", "userName": "ada"}));
        check(Some("nope"), None, json!({"schemas": ["u"], "id": "1"}));
        check(Some("name.givenName"), None, json!({"schemas": ["u"], "id": "1", "name": {"givenName": "Ada"}}));
        check(Some("emails.value"), None, json!({"schemas": ["u"], "id": "1", "emails": [{"value": "a@b"}]}));
        check(
            Some("emails,emails.value"),
            None,
            json!({"schemas": ["u"], "id": "1", "emails": [{"value": "a@b", "type": "work"}, {"type": "home"}]}),
        );
        check(Some("meta.version"), None, json!({"schemas": ["u"], "id": "1", "meta": {"version": "v"}}));
        // A-06, and below the URN.
        let whole = json!({"schemas": ["u"], "id": "1", ENTERPRISE: {"department": "D", "manager": {"value": "2"}}});
        check(Some(ENTERPRISE), None, whole);
        let part = json!({"schemas": ["u"], "id": "1", ENTERPRISE: {"department": "D"}});
        check(Some(&format!("{ENTERPRISE}:department")), None, part.clone());
        check(Some("department"), None, part);
        check(Some("emails.primary"), None, json!({"schemas": ["u"], "id": "1"}));
    }

    #[test]
    fn excluded_attributes_leave_what_is_always_returned() {
        //
        let rest = "emails,groups,meta,name";
        let urn = ENTERPRISE;
        check(None, Some(&format!("id,schemas,{rest},{urn}")), json!({"schemas": ["u"], "id": "1", "userName": "ada"}));
        let kept = json!({"schemas": ["u"], "id": "1", "userName": "ada", urn: {"manager": {"value": "2"}}});
        check(None, Some(&format!("{rest},{urn}:department")), kept);
        let named = json!({"schemas": ["u"], "id": "1", "userName": "ada", "name": {"familyName": "L"}});
        check(None, Some(&format!("emails,groups,meta,{urn},name.givenName")), named);
    }

    #[test]
    fn both_at_once_are_refused_in_strict() {
        //
        let both = |profile| Projection::parse(Some("id"), Some("name"), Schemas::core().user(), profile);
        assert_eq!(both(Profile::Strict).map_err(|error| error.scim_type), Err(Some(ScimType::InvalidValue)));
        assert_eq!(both(Profile::Lenient), Projection::parse(Some("id"), None, Schemas::core().user(), Profile::Lenient));
        assert_eq!(Projection::quirks(Some("id"), Some("name")).names(), ["both-projections"]);
        assert!(Projection::quirks(Some("id"), Some(" ")).is_empty());
    }

    #[test]
    fn a_long_list_is_not_read() {
        let parse = |list: &str| Projection::parse(Some(list), None, Schemas::core().user(), Profile::Lenient);
        assert_eq!(parse("id,ID, id"), parse("id"));
        assert_eq!(parse(&"id,".repeat(3000)).map_err(|error| error.scim_type), Err(Some(ScimType::InvalidValue)));
    }

    #[test]
    fn references_are_read_only_where_wanted() {
        //
        let wants = |attributes, excluded| {
            let projection =
                Projection::parse(attributes, excluded, Schemas::core().group(), Profile::Lenient).expect("a projection");
            projection.wants("members")
        };
        assert!(wants(None, None) && wants(Some("members"), None) && wants(Some("members.value"), None));
        assert!(wants(None, Some("members.display")) && wants(Some(""), Some(" , ")));
        assert!(!wants(None, Some("MEMBERS")) && !wants(Some("id"), None));
    }
}
