//! RFC 7644 §3.10 and Fig. 7: names of attributes, with or without URN and sub-attribute, resolved against the schemas.

use std::fmt;

use super::filter::Attr;
use super::schema::{Attribute, Extension, ResourceType, Returned, Schema, Type};
use super::{Profile, Quirk};

/// An attribute that exists: `emails`, `emails.value`, `urn:…:User:manager.value`.
#[derive(Clone, Copy, Debug)]
pub struct Name<'s> {
    /// The extension it belongs to; `None` for core and common attributes.
    pub extension: Option<&'s Schema>,
    /// The attribute.
    pub attribute: &'s Attribute,
    /// Its sub-attribute, where one is named.
    pub sub: Option<&'s Attribute>,
}

/// What a name turned out to be.
#[derive(Clone, Copy, Debug)]
pub enum Resolved<'s> {
    /// An attribute.
    Attribute(Name<'s>),
    /// The URN of an extension alone: all of it (A-06, F-12, P-03).
    Extension(&'s Extension),
    /// No attribute of the type, though its URN, if any, is one of the type's.
    UnknownAttribute,
    /// A URN that is none of the type's.
    UnknownSchema,
}

/// What `text` names in resources of this type. A URN is matched to its longest known form, since URNs contain colons and dots
/// themselves (F-11); names and URNs have no case (S-03).
pub fn resolve<'s>(text: &str, resource_type: &'s ResourceType, profile: Profile) -> Resolved<'s> {
    let core = (&resource_type.schema, None);
    let extensions = resource_type.extensions.iter().map(|extension| (&extension.schema, Some(extension)));
    let known = std::iter::once(core).chain(extensions).filter_map(|(schema, extension)| {
        let rest = after_urn(text, &schema.id)?;
        Some((schema, extension, rest))
    });
    match known.max_by_key(|(schema, ..)| schema.id.len()) {
        Some((_, Some(extension), "")) => Resolved::Extension(extension),
        Some((schema, Some(_), rest)) => dotted(rest, |name| schema.attribute(name).map(|found| (Some(schema), found))),
        Some((_, None, rest)) => dotted(rest, |name| resource_type.attribute(name).map(|found| (None, found))),
        None if text.contains(':') => Resolved::UnknownSchema,
        None => dotted(text, |name| bare(resource_type, name, profile)),
    }
}

/// The rest of `text` after `urn` and a colon; empty if it is the URN alone.
fn after_urn<'a>(text: &'a str, urn: &str) -> Option<&'a str> {
    let head = text.get(..urn.len())?;
    if !head.eq_ignore_ascii_case(urn) {
        return None;
    }
    let rest = &text[urn.len()..];
    if rest.is_empty() { Some("") } else { rest.strip_prefix(':').filter(|name| !name.is_empty()) }
}

type Found<'s> = (Option<&'s Schema>, &'s Attribute);

// F-13, EN-09: Entra sends `manager` and `department` without their URN.
fn bare<'s>(resource_type: &'s ResourceType, name: &str, profile: Profile) -> Option<Found<'s>> {
    if let Some(found) = resource_type.attribute(name) {
        return Some((None, found));
    }
    if !profile.has(Quirk::BareExtension) {
        return None;
    }
    let mut found = resource_type.extensions.iter().filter_map(|extension| {
        let attribute = extension.schema.attribute(name)?;
        Some((Some(&extension.schema), attribute))
    });
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

fn dotted<'s>(text: &str, find: impl FnOnce(&str) -> Option<Found<'s>>) -> Resolved<'s> {
    let (name, sub_name) = match text.split_once('.') {
        Some((name, sub)) => (name, Some(sub)),
        None => (text, None),
    };
    let Some((extension, attribute)) = find(name) else {
        return Resolved::UnknownAttribute;
    };
    let sub = sub_name.map(|sub| attribute.sub(sub));
    match sub {
        Some(None) => Resolved::UnknownAttribute,
        Some(Some(sub)) => Resolved::Attribute(Name { extension, attribute, sub: Some(sub) }),
        None => Resolved::Attribute(Name { extension, attribute, sub: None }),
    }
}

impl<'s> Name<'s> {
    /// Whether `text`, which names this, left out the URN of the extension that it needs (F-13).
    pub fn is_bare_in(&self, text: &str) -> bool {
        self.extension.is_some() && !text.contains(':')
    }

    /// The attribute or sub-attribute that is named.
    pub fn leaf(&self) -> &'s Attribute {
        self.sub.unwrap_or(self.attribute)
    }

    /// As a filter or `sortBy` compares it: a complex attribute means its `value` (F-08, EN-17), and has none to compare if
    /// it has no such sub-attribute (F-09).
    pub fn comparable(mut self) -> Option<Name<'s>> {
        if self.leaf().kind == Type::Complex {
            self.sub = Some(self.attribute.sub("value")?);
        }
        Some(self)
    }

    /// Whether its values are for nobody's eyes: a comparison or an order would tell them bit by bit (F-25).
    pub fn is_hidden(&self) -> bool {
        [self.attribute, self.leaf()].iter().any(|attribute| attribute.returned == Returned::Never)
    }

    /// For the tree of a filter.
    pub fn attr(&self) -> Attr {
        Attr {
            extension: self.extension.map(|schema| schema.id.clone()),
            name: self.attribute.name.clone(),
            sub: self.sub.map(|sub| sub.name.clone()),
            multi_valued: self.attribute.multi_valued,
            case_exact: self.leaf().case_exact,
        }
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = self.extension {
            write!(f, "{}:", schema.id)?;
        }
        f.write_str(&self.attribute.name)?;
        self.sub.map_or(Ok(()), |sub| write!(f, ".{}", sub.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::Schemas;

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    #[track_caller]
    fn check(input: &str, profile: Profile, expected: &str) {
        let got = match resolve(input, Schemas::core().user(), profile) {
            Resolved::Attribute(name) => name.to_string(),
            Resolved::Extension(extension) => format!("all of {}", extension.schema.id),
            Resolved::UnknownAttribute => "unknown attribute".to_owned(),
            Resolved::UnknownSchema => "unknown schema".to_owned(),
        };
        assert_eq!(got, expected, "{input}");
    }

    #[test]
    fn names_are_resolved_whatever_their_case() {
        // S-03, EN-07, S-04.
        check("USERNAME", Profile::Strict, "userName");
        check("Emails.Value", Profile::Strict, "emails.value");
        check("groups.$ref", Profile::Strict, "groups.$ref");
        check("META.lastmodified", Profile::Strict, "meta.lastModified");
        for unknown in
            ["", "nope", "emails.nope", "emails.value.more", "userName.value", ".value", "emails.", "emails[", " userName"]
        {
            check(unknown, Profile::Lenient, "unknown attribute");
        }
    }

    #[test]
    fn a_urn_is_matched_to_its_longest_known_form() {
        // F-11, EN-04, EN-21.
        check("urn:ietf:params:scim:schemas:core:2.0:User:name.givenName", Profile::Strict, "name.givenName");
        check("URN:IETF:params:scim:schemas:core:2.0:user:USERNAME", Profile::Strict, "userName");
        check(&format!("{ENTERPRISE}:manager.value"), Profile::Strict, &format!("{ENTERPRISE}:manager.value"));
        check(&ENTERPRISE.to_uppercase(), Profile::Strict, &format!("all of {ENTERPRISE}"));
        // EN-15: the colon is missing.
        check("urn:ietf:params:scim:schemas:extension:enterprise:2.0User:department", Profile::Lenient, "unknown schema");
        check(&format!("{ENTERPRISE}:"), Profile::Lenient, "unknown schema");
        check(&format!("{ENTERPRISE}:userName"), Profile::Lenient, "unknown attribute");
        check("urn:ietf:params:scim:schemas:core:2.0:User", Profile::Lenient, "unknown attribute");
        check("urn:ietf:params:scim:schemas:core:2.0:Group:displayName", Profile::Lenient, "unknown schema");
    }

    #[test]
    fn a_bare_name_of_an_extension_is_found_if_only_one_has_it() {
        // F-13, EN-09.
        check("manager", Profile::Lenient, &format!("{ENTERPRISE}:manager"));
        check("manager.value", Profile::Lenient, &format!("{ENTERPRISE}:manager.value"));
        check("manager", Profile::Strict, "unknown attribute");
    }
}
