//! The tree of a filter, resolved against the schemas of a resource type.

use crate::base::Timestamp;

/// A parsed filter. Every attribute exists, every comparison fits its type.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// The nodes; a child always stands before its parent.
    pub nodes: Vec<Node>,
    /// The outermost node.
    pub root: NodeId,
}

/// Index into [`Filter::nodes`].
pub type NodeId = usize;

/// One node of a filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Both hold.
    And(NodeId, NodeId),
    /// At least one holds.
    Or(NodeId, NodeId),
    /// The exact complement.
    Not(NodeId),
    /// Some value of the attribute compares so. `ne` on an unset singular attribute is true, on an empty multi-valued one
    /// false (F-07). `eq null` and `ne null` arrive as `Not(Present)` and `Present` (F-19).
    Compare(Attr, CompareOp, Literal),
    /// The attribute has a non-empty value (F-14); of a complex one, any sub-attribute.
    Present(Attr),
    /// One and the same element of the multi-valued complex attribute fulfils the inner node, whose attributes all carry
    /// this attribute's name and a `sub` (F-06). A singular complex attribute counts as a list of one.
    ValuePath(Attr, NodeId),
    /// The resource has any value of this extension (F-12).
    Extension(String),
    /// The resource's `schemas` holds this URN (F-27).
    Schema(String),
    /// Nothing: in a search over several types, a value of an attribute that this type lacks (F-28).
    Never,
}

/// An attribute, with what a comparison needs of its definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Attr {
    /// The URN of the extension it belongs to; `None` for core and common attributes.
    pub extension: Option<String>,
    /// Its name in the schema's spelling: `emails`, `name`, `meta`, `id`.
    pub name: String,
    /// The sub-attribute in the schema's spelling; a complex attribute compared without one means `value` (F-08).
    pub sub: Option<String>,
    /// Whether `name` holds an array.
    pub multi_valued: bool,
    /// Whether text is compared as it stands; if not, both sides are folded by `base::text::fold`, a `userName` by
    /// `base::text::user_name_key`.
    pub case_exact: bool,
}

/// RFC 7644 Table 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum CompareOp {
    Eq,
    Ne,
    Co,
    Sw,
    Ew,
    Gt,
    Ge,
    Lt,
    Le,
}

impl CompareOp {
    /// The operator that `word` is, whatever its case; `pr` compares nothing.
    pub fn parse(word: &str) -> Option<CompareOp> {
        Some(match word.to_ascii_lowercase().as_str() {
            "eq" => CompareOp::Eq,
            "ne" => CompareOp::Ne,
            "co" => CompareOp::Co,
            "sw" => CompareOp::Sw,
            "ew" => CompareOp::Ew,
            "gt" => CompareOp::Gt,
            "ge" => CompareOp::Ge,
            "lt" => CompareOp::Lt,
            "le" => CompareOp::Le,
            _ => return None,
        })
    }
}

/// The right side of a comparison, in the type of the attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// Of string, reference and binary attributes, as written in the filter.
    Text(String),
    /// Of integer and decimal attributes.
    Number(f64),
    /// Of boolean attributes.
    Bool(bool),
    /// Of dateTime attributes: an instant (F-21).
    Instant(Timestamp),
}
