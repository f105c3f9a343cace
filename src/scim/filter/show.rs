//! A filter as text again, for refusals; what is shown parses to the same filter.

use std::fmt;

use super::ast::{Attr, CompareOp, Filter, Literal, Node, NodeId};

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self, self.root, Names::Whole, f)
    }
}

/// A filter from the brackets of a PATCH path: its names are those of sub-attributes.
pub(crate) struct Brackets<'a>(pub(crate) &'a Filter);

impl fmt::Display for Brackets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(self.0, self.0.root, Names::Sub, f)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Names {
    Whole,
    Sub,
}

// Recursion is bounded as in `eval`.
fn show(filter: &Filter, node: NodeId, names: Names, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match &filter.nodes[node] {
        Node::And(left, right) => pair(filter, [*left, *right], "and", names, f),
        Node::Or(left, right) => pair(filter, [*left, *right], "or", names, f),
        Node::Not(inner) => {
            f.write_str("not (")?;
            show(filter, *inner, names, f)?;
            f.write_str(")")
        }
        Node::Compare(attr, op, literal) => {
            name(attr, names, f)?;
            write!(f, " {} ", operator(*op))?;
            match literal {
                Literal::Text(text) => write!(f, "{}", serde_json::Value::from(text.as_str())),
                Literal::Number(number) => write!(f, "{}", serde_json::Value::from(*number)),
                Literal::Bool(truth) => write!(f, "{truth}"),
                Literal::Instant(at) => write!(f, "\"{at}\""),
            }
        }
        Node::Present(attr) => {
            name(attr, names, f)?;
            f.write_str(" pr")
        }
        Node::ValuePath(attr, inner) => {
            name(attr, names, f)?;
            f.write_str("[")?;
            show(filter, *inner, Names::Sub, f)?;
            f.write_str("]")
        }
        Node::Extension(urn) => write!(f, "{urn} pr"),
        // No resource is without one.
        Node::Never => f.write_str("not (id pr)"),
        Node::Schema(urn) => write!(f, "schemas eq {}", serde_json::Value::from(urn.as_str())),
    }
}

fn pair(filter: &Filter, sides: [NodeId; 2], word: &str, names: Names, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let is_and = |node: NodeId| matches!(filter.nodes[node], Node::And(..));
    let is_or = |node: NodeId| matches!(filter.nodes[node], Node::Or(..));
    for (index, side) in sides.into_iter().enumerate() {
        // `and` binds closer, and both join from the left.
        let is_grouped = if word == "and" { is_or(side) || (index == 1 && is_and(side)) } else { index == 1 && is_or(side) };
        let (open, close) = if is_grouped { ("(", ")") } else { ("", "") };
        if index == 1 {
            write!(f, " {word} ")?;
        }
        f.write_str(open)?;
        show(filter, side, names, f)?;
        f.write_str(close)?;
    }
    Ok(())
}

fn name(attr: &Attr, names: Names, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match (&attr.sub, &attr.extension) {
        (sub, _) if names == Names::Sub => return f.write_str(sub.as_deref().unwrap_or("value")),
        (_, Some(urn)) => write!(f, "{urn}:{}", attr.name)?,
        (_, None) => f.write_str(&attr.name)?,
    }
    attr.sub.as_ref().map_or(Ok(()), |sub| write!(f, ".{sub}"))
}

fn operator(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Eq => "eq",
        CompareOp::Ne => "ne",
        CompareOp::Co => "co",
        CompareOp::Sw => "sw",
        CompareOp::Ew => "ew",
        CompareOp::Gt => "gt",
        CompareOp::Ge => "ge",
        CompareOp::Lt => "lt",
        CompareOp::Le => "le",
    }
}
