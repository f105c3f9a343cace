//! RFC 7644 §3.5.2: PATCH, as the RFC has it and as identity providers send it.
//!
//! [`parse`] turns a body into operations with resolved targets and values in the schema's types; all leniency towards clients
//! is there and in `dialect`. [`apply`] follows the RFC.

use std::fmt;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::filter::Filter;
use super::path::Name;
use super::schema::{Attribute, Schema};
use super::{Error, Kind, Profile, Quirks};

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    Add,
    Remove,
    Replace,
}

/// One operation. A path-less one has become one for each attribute of its value.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its place in the request, from 0.
    pub index: usize,
    /// What it does.
    pub op: Op,
    /// To what.
    pub target: Target,
    /// In the schema's types and spelling. Present for add and replace.
    pub value: Option<Value>,
}

/// What an operation is done to.
#[derive(Clone, Debug)]
pub enum Target {
    /// `attr`, `attr.sub`, `attr[filter]`, `attr[filter].sub`.
    Attribute {
        /// Attribute and sub-attribute.
        name: Name,
        /// Which elements.
        filter: Option<Filter>,
    },
    /// An extension as a whole; only of `remove`.
    Extension(&'static Schema),
}

impl Operation {
    /// Whether its target is the core attribute `name` or in it.
    pub fn is_on(&self, name: &str) -> bool {
        matches!(&self.target, Target::Attribute { name: on, .. } if on.extension.is_none() && on.attribute.name == name)
    }

    /// The attribute it is done to, if not to a whole extension.
    pub fn attribute(&self) -> Option<&'static Attribute> {
        match &self.target {
            Target::Attribute { name, .. } => Some(name.attribute),
            Target::Extension(_) => None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Extension(schema) => f.write_str(&schema.id),
            Target::Attribute { name, filter: None } => name.fmt(f),
            Target::Attribute { name, filter: Some(_) } => {
                let whole = Name { sub: None, ..*name };
                write!(f, "{whole}[…]")?;
                name.sub.map_or(Ok(()), |sub| write!(f, ".{}", sub.name))
            }
        }
    }
}

/// What an operation does to the members of a group.
#[derive(Clone, Debug, PartialEq)]
pub enum MemberOp {
    /// These become members; those that are stay.
    Add(Vec<Uuid>),
    /// These are members no more.
    Remove(Vec<Uuid>),
    /// Exactly these are members.
    Replace(Vec<Uuid>),
    /// Members that fulfil the filter of a value path are members no more.
    RemoveMatching(Filter),
}

/// The operations of a `PatchOp` body, in order.
pub fn parse(_body: Map<String, Value>, _kind: Kind, _profile: Profile, _quirks: &mut Quirks) -> Result<Vec<Operation>, Error> {
    Err(Error::status(501, "patch is not supported yet"))
}

/// Applies the operations in order to a document, all or none, and tells whether it changed. `doc` is as stored: with `id`
/// and `schemas`, without `meta` and references. An operation on `password` leaves it in `doc` or takes it out; operations on
/// `members` go to [`member_change`] instead.
pub fn apply(
    _doc: &mut Map<String, Value>,
    _operations: &[Operation],
    _kind: Kind,
    _profile: Profile,
    _quirks: &mut Quirks,
) -> Result<bool, Error> {
    Err(Error::status(501, "patch is not supported yet"))
}

/// What an operation on `members` does. An id that cannot be one is refused when added (S-45) and passed over when removed.
pub fn member_change(_operation: &Operation) -> Result<MemberOp, Error> {
    Err(Error::status(501, "patch is not supported yet"))
}
