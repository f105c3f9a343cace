//! RFC 7644 §3.4.2.2: filters, from text to a tree of resolved comparisons, and their evaluation over a JSON value.
//!
//! The tree is flat (indices into one `Vec`), so that no nesting can overflow the stack when it is read or dropped (D-12).

pub mod ast;
mod eval;
mod lexer;
mod parser;
mod redact;
mod show;

pub use ast::{Attr, CompareOp, Filter, Literal, Node, NodeId};
pub use eval::{matches, matches_element};
pub use parser::{parse, parse_among, parse_element, parse_noting};
pub use redact::redacted;
pub(crate) use show::Brackets;

#[cfg(test)]
mod tests;
