//! The grammar of RFC 7644 Fig. 1, without recursion: what is open waits on a stack of bounded depth (V-19).

use super::ast::{Attr, CompareOp, Filter, Literal, Node, NodeId};
use super::lexer::{Lexer, Token};
use crate::base::Timestamp;
use crate::base::limit::{FILTER_BYTES_MAX, FILTER_DEPTH_MAX, FILTER_TERMS_MAX};
use crate::scim::path::{self, Name, Resolved};
use crate::scim::schema::{Attribute, ResourceType, Type};
use crate::scim::{Error, Profile, Quirk, Quirks, ScimType, value};

/// The filter that `text` holds, resolved against the schemas of its type; else 400 `invalidFilter` that says what was found
/// where. Operators and names have no case (F-02); `not` binds closer than `and`, `and` closer than `or` (F-03).
///
/// ```
/// use usher::scim::{Profile, Schemas, filter};
///
/// let user = Schemas::core().user();
/// assert!(filter::parse(r#"emails[type eq "work"] and not (active eq false)"#, user, Profile::Strict).is_ok());
/// let error = filter::parse("userName        , 1", user, Profile::Strict).unwrap_err();
/// assert_eq!(error.detail, "unexpected `,` at 16 in filter, expected an operator such as `eq`");
/// ```
pub fn parse(text: &str, resource_type: &ResourceType, profile: Profile) -> Result<Filter, Error> {
    parse_noting(text, resource_type, profile, &mut Quirks::new())
}

/// The same, and what had to be forgiven in `quirks`.
pub fn parse_noting(text: &str, resource_type: &ResourceType, profile: Profile, quirks: &mut Quirks) -> Result<Filter, Error> {
    Parser::new(text, Scope::Resource(resource_type), profile, quirks)?.run()
}

/// The filter of a search over all `types`, as it reads in resources of `own`, which is one of them: an attribute that `own`
/// lacks has no value there (F-28), nor has one that no type has (F-23).
pub fn parse_among(
    text: &str,
    own: &ResourceType,
    types: &[ResourceType],
    profile: Profile,
    quirks: &mut Quirks,
) -> Result<Filter, Error> {
    let mut parser = Parser::new(text, Scope::Among(own, types), profile, quirks)?;
    parser.nodes.push(Node::Never);
    let mut filter = parser.run()?;
    for node in &mut filter.nodes {
        let differs = match node {
            Node::Compare(attr, op, _) if !has(own, attr) => *op == CompareOp::Ne && !attr.multi_valued, // F-07
            Node::Present(attr) | Node::ValuePath(attr, _) if !has(own, attr) => false,
            Node::Extension(urn) if own.extension(urn).is_none() => false,
            _ => continue,
        };
        *node = if differs { Node::Not(NEVER) } else { Node::Never };
    }
    Ok(filter)
}

/// Where [`parse_among`] keeps a [`Node::Never`].
const NEVER: NodeId = 0;

fn has(own: &ResourceType, attr: &Attr) -> bool {
    let attribute = match &attr.extension {
        Some(urn) => own.extension(urn).and_then(|extension| extension.schema.attribute(&attr.name)),
        None => own.attribute(&attr.name),
    };
    attribute.is_some_and(|attribute| attr.sub.as_deref().is_none_or(|sub| attribute.sub(sub).is_some()))
}

/// The filter inside the brackets of a PATCH path: its names are sub-attributes of `of`. See [`super::matches_element`].
pub fn parse_element(text: &str, of: Name<'_>, profile: Profile, quirks: &mut Quirks) -> Result<Filter, Error> {
    Parser::new(text, Scope::Element(of), profile, quirks)?.run()
}

/// Whose names are read.
#[derive(Clone, Copy)]
enum Scope<'s> {
    Resource(&'s ResourceType),
    /// The first of the types, and the others after it.
    Among(&'s ResourceType, &'s [ResourceType]),
    Element(Name<'s>),
}

/// What is open, and what has been read since.
struct Level<'s> {
    opener: Opener<'s>,
    /// The terms before the last `or`.
    or: Option<NodeId>,
    /// The terms since, joined by `and`.
    and: Option<NodeId>,
}

enum Opener<'s> {
    Start,
    Group,
    Not,
    Path(Name<'s>),
    /// A value path of an attribute that no type has.
    Nowhere,
}

struct Parser<'a, 's> {
    lexer: Lexer<'a>,
    scope: Scope<'s>,
    profile: Profile,
    quirks: &'a mut Quirks,
    nodes: Vec<Node>,
    levels: Vec<Level<'s>>,
    terms: usize,
}

const NAME: &str = "an attribute, `not` or `(`";
const OPERATOR: &str = "an operator such as `eq`";

impl<'a, 's> Parser<'a, 's> {
    fn new(text: &'a str, scope: Scope<'s>, profile: Profile, quirks: &'a mut Quirks) -> Result<Self, Error> {
        if text.len() > FILTER_BYTES_MAX {
            return Err(invalid(format!("the filter has {} bytes, at most {FILTER_BYTES_MAX} are read", text.len())));
        }
        let start = Level { opener: Opener::Start, or: None, and: None };
        Ok(Parser { lexer: Lexer::new(text), scope, profile, quirks, nodes: Vec::new(), levels: vec![start], terms: 0 })
    }

    fn run(mut self) -> Result<Filter, Error> {
        loop {
            self.term()?;
            loop {
                let (at, token) = self.lexer.next()?;
                match (token, self.levels.last().map(|level| &level.opener)) {
                    (Token::Word(word), _) if word.eq_ignore_ascii_case("and") => break,
                    (Token::Word(word), _) if word.eq_ignore_ascii_case("or") => {
                        self.join_or();
                        break;
                    }
                    (Token::Mark(')'), Some(Opener::Group | Opener::Not))
                    | (Token::Mark(']'), Some(Opener::Path(_) | Opener::Nowhere)) => {
                        self.close()?;
                    }
                    (Token::End, Some(Opener::Start)) => {
                        let root = self.join_or();
                        return Ok(Filter { nodes: self.nodes, root });
                    }
                    (token, Some(Opener::Start)) => return Err(self.unexpected(at, &token, "`and` or `or`")),
                    (token, Some(Opener::Path(_) | Opener::Nowhere)) => {
                        return Err(self.unexpected(at, &token, "`and`, `or` or `]`"));
                    }
                    (token, _) => return Err(self.unexpected(at, &token, "`and`, `or` or `)`")),
                }
            }
        }
    }

    /// Opens what must be opened and reads one comparison.
    fn term(&mut self) -> Result<(), Error> {
        loop {
            let (at, token) = self.lexer.next()?;
            match token {
                Token::Mark('(') => self.open(at, Opener::Group)?,
                // F-04: with or without a blank before the parenthesis.
                Token::Word(word) if word.eq_ignore_ascii_case("not") => match self.lexer.next()? {
                    (at, Token::Mark('(')) => self.open(at, Opener::Not)?,
                    (at, other) => return Err(self.unexpected(at, &other, "`(` after `not`")),
                },
                Token::Word(word) if self.lexer.peek()? == Token::Mark('[') => {
                    let opener = self.value_path(at, word)?;
                    let (at, _) = self.lexer.next()?;
                    self.open(at, opener)?;
                }
                Token::Word(word) => {
                    let node = match self.resolve(at, word)? {
                        Resolved::Attribute(name) => self.compare(name)?,
                        Resolved::Extension(extension) => self.extension(&extension.schema.id)?,
                        _ if matches!(self.scope, Scope::Among(..)) => self.nowhere()?,
                        Resolved::UnknownAttribute | Resolved::UnknownSchema => return Err(self.unknown(at, word)),
                    };
                    self.join_and(node);
                    return Ok(());
                }
                other => return Err(self.unexpected(at, &other, NAME)),
            }
        }
    }

    fn open(&mut self, at: usize, opener: Opener<'s>) -> Result<(), Error> {
        // The level at the start is not a nesting.
        if self.levels.len() > FILTER_DEPTH_MAX {
            return Err(self.lexer.fault(at, &format!("nested deeper than {FILTER_DEPTH_MAX}")));
        }
        self.levels.push(Level { opener, or: None, and: None });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        let inner = self.join_or();
        let opener = self.levels.pop().map_or(Opener::Start, |level| level.opener);
        let node = match opener {
            Opener::Start | Opener::Group => inner,
            Opener::Not => self.push(Node::Not(inner)),
            Opener::Path(name) => {
                // EN-16: `emails[type eq "work"].value eq "x"`, which the grammar does not have.
                let inner = match self.lexer.peek()? {
                    Token::Word(word) if word.starts_with('.') && self.allows(Quirk::SubAttributeAfterBrackets) => {
                        let (at, _) = self.lexer.next()?;
                        let sub = name.attribute.sub(&word[1..]).ok_or_else(|| self.unknown(at, word))?;
                        let compared = self.compare(Name { sub: Some(sub), ..name })?;
                        self.push(Node::And(inner, compared))
                    }
                    _ => inner,
                };
                self.push(Node::ValuePath(name.attr(), inner))
            }
            Opener::Nowhere => {
                if matches!(self.lexer.peek()?, Token::Word(word) if word.starts_with('.')) {
                    self.lexer.next()?;
                    self.nowhere()?;
                }
                NEVER
            }
        };
        self.join_and(node);
        Ok(())
    }

    fn allows(&mut self, quirk: Quirk) -> bool {
        self.quirks.allow(self.profile, quirk)
    }

    fn resolve(&mut self, at: usize, word: &str) -> Result<Resolved<'s>, Error> {
        let within = self.levels.iter().rev().find_map(|level| match level.opener {
            Opener::Path(name) => Some(Some(name)),
            Opener::Nowhere => Some(None),
            _ => None,
        });
        let resolved = match (within, self.scope) {
            (Some(None), _) => Resolved::UnknownAttribute,
            (Some(Some(of)), _) | (None, Scope::Element(of)) => match of.attribute.sub(word) {
                Some(sub) => Resolved::Attribute(Name { sub: Some(sub), ..of }),
                // RFC 7643 §2.4: a plain value among several is what `value` means.
                None if of.attribute.kind != Type::Complex && word.eq_ignore_ascii_case("value") => Resolved::Attribute(of),
                None => Resolved::UnknownAttribute,
            },
            (None, Scope::Resource(resource_type)) => path::resolve(word, resource_type, self.profile),
            (None, Scope::Among(own, types)) => std::iter::once(own)
                .chain(types)
                .map(|resource_type| path::resolve(word, resource_type, self.profile))
                .find(|resolved| matches!(resolved, Resolved::Attribute(_) | Resolved::Extension(_)))
                .unwrap_or(Resolved::UnknownAttribute),
        };
        match resolved {
            // F-25: a comparison would tell a password letter by letter.
            Resolved::Attribute(name) if name.is_hidden() => {
                Err(self.lexer.fault(at, &format!("`{name}`, which no filter may use,")))
            }
            Resolved::Attribute(name)
                if name.is_bare_in(word) && matches!((within, self.scope), (None, Scope::Resource(_))) =>
            {
                self.quirks.note(Quirk::BareExtension);
                Ok(resolved)
            }
            other => Ok(other),
        }
    }

    fn value_path(&mut self, at: usize, word: &str) -> Result<Opener<'s>, Error> {
        let is_within = self.levels.iter().any(|level| matches!(level.opener, Opener::Path(_) | Opener::Nowhere));
        if is_within || matches!(self.scope, Scope::Element(_)) {
            return Err(self.lexer.fault(at, "a value path in a value path")); // F-05
        }
        match self.resolve(at, word)? {
            Resolved::Attribute(name) if name.sub.is_none() && name.attribute.kind == Type::Complex => Ok(Opener::Path(name)),
            Resolved::Attribute(name) => Err(self.lexer.fault(at, &format!("`{name}`, which has no sub-attributes,"))),
            _ if matches!(self.scope, Scope::Among(..)) => Ok(Opener::Nowhere),
            _ => Err(self.unknown(at, word)),
        }
    }

    /// A comparison of what has no value, whatever it is compared with (F-28).
    fn nowhere(&mut self) -> Result<NodeId, Error> {
        let (_, Some(op)) = self.operator()? else { return Ok(NEVER) };
        let (at, token) = self.lexer.next()?;
        let is_null = match token {
            Token::Word(word) => word.eq_ignore_ascii_case("null"),
            Token::Text(_) => false,
            other => return Err(self.unexpected(at, &other, "a value")),
        };
        // F-07, F-19: it is null, and differs from everything else.
        Ok(if is_null == (op == CompareOp::Eq) && matches!(op, CompareOp::Eq | CompareOp::Ne) {
            self.push(Node::Not(NEVER))
        } else {
            NEVER
        })
    }

    fn compare(&mut self, name: Name<'s>) -> Result<NodeId, Error> {
        let (at, op) = self.operator()?;
        let Some(op) = op else { return Ok(self.push(Node::Present(name.attr()))) };
        // EN-17: of several values, F-08 says that the comparison means theirs.
        let is_bare = name.leaf().kind == Type::Complex && !name.leaf().multi_valued;
        let Some(compared) = name.comparable().filter(|_| !is_bare || self.allows(Quirk::BareReference)) else {
            let detail = format!("`{name}`, which is complex, compared; expected one of its sub-attributes");
            return Err(self.lexer.fault(at, &detail)); // F-09
        };
        if compared.is_hidden() {
            return Err(self.lexer.fault(at, &format!("`{compared}`, which no filter may use,"))); // F-25
        }
        let leaf = compared.leaf();
        let fits = match op {
            CompareOp::Eq | CompareOp::Ne => true,
            CompareOp::Co | CompareOp::Sw | CompareOp::Ew => matches!(leaf.kind, Type::String | Type::Reference), // F-17
            _ => !matches!(leaf.kind, Type::Boolean | Type::Binary),                                              // F-16
        };
        if !fits {
            return Err(self.lexer.fault(at, &format!("an operator that `{compared}` does not have")));
        }
        let (at, token) = self.lexer.next()?;
        let is_null = matches!(token, Token::Word(word) if word.eq_ignore_ascii_case("null"));
        match op {
            // F-19: null is the state of having no value.
            CompareOp::Eq if is_null => {
                let present = self.push(Node::Present(name.attr()));
                Ok(self.push(Node::Not(present)))
            }
            CompareOp::Ne if is_null => Ok(self.push(Node::Present(name.attr()))),
            _ if name.extension.is_none() && name.attribute.name == "schemas" => self.schemas(op, at, token),
            _ => {
                let literal = self.literal(leaf, at, token)?;
                Ok(self.push(Node::Compare(compared.attr(), op, literal)))
            }
        }
    }

    /// The operator, or none for `pr`.
    fn operator(&mut self) -> Result<(usize, Option<CompareOp>), Error> {
        self.terms += 1;
        let (at, token) = self.lexer.next()?;
        if self.terms > FILTER_TERMS_MAX {
            return Err(self.lexer.fault(at, &format!("more than {FILTER_TERMS_MAX} comparisons")));
        }
        let Token::Word(word) = token else { return Err(self.unexpected(at, &token, OPERATOR)) };
        match CompareOp::parse(word) {
            None if word.eq_ignore_ascii_case("pr") => Ok((at, None)),
            None => Err(self.unexpected(at, &token, OPERATOR)), // F-22
            op => Ok((at, op)),
        }
    }

    // F-12.
    fn extension(&mut self, urn: &str) -> Result<NodeId, Error> {
        match self.operator()? {
            (_, None) => Ok(self.push(Node::Extension(urn.to_owned()))),
            (at, Some(_)) => Err(self.lexer.fault(at, "an operator that a whole extension does not have, expected `pr`")),
        }
    }

    // F-27.
    fn schemas(&mut self, op: CompareOp, at: usize, token: Token<'_>) -> Result<NodeId, Error> {
        let Token::Text(urn) = token else { return Err(self.unexpected(at, &token, "a URN in quotes")) };
        let known = match self.scope {
            Scope::Resource(resource_type) | Scope::Among(resource_type, _) => {
                resource_type.schemas().find(|schema| schema.id.eq_ignore_ascii_case(&urn))
            }
            Scope::Element(_) => None,
        };
        let schema = self.push(Node::Schema(known.map_or(urn, |schema| schema.id.clone())));
        match op {
            CompareOp::Eq => Ok(schema),
            CompareOp::Ne => Ok(self.push(Node::Not(schema))),
            _ => Err(self.lexer.fault(at, "a URN compared otherwise than by `eq` or `ne`")),
        }
    }

    fn literal(&mut self, attribute: &Attribute, at: usize, token: Token<'_>) -> Result<Literal, Error> {
        let expected = match attribute.kind {
            Type::Boolean => "`true` or `false`",
            Type::Integer | Type::Decimal => "a number",
            Type::DateTime => "a dateTime in quotes",
            _ => "a value in quotes",
        };
        let literal = match (attribute.kind, &token) {
            (Type::Boolean, Token::Word(word)) => value::truth(word).map(Literal::Bool),
            // EN-20, F-18.
            (Type::Boolean, Token::Text(text)) => {
                value::truth(text).filter(|_| self.allows(Quirk::BooleanAsText)).map(Literal::Bool)
            }
            (Type::Integer | Type::Decimal, Token::Word(word)) => number(word).map(Literal::Number),
            (Type::DateTime, Token::Text(text)) => self.instant(text),
            (Type::DateTime, Token::Word(word)) => self.instant(word).filter(|_| self.allows(Quirk::BareWord)),
            (Type::Boolean | Type::Integer | Type::Decimal | Type::DateTime | Type::Complex, _) => None,
            (_, Token::Text(text)) => Some(Literal::Text(text.clone())),
            // F-24: a bare word, as in samples of the RFC and of Entra.
            (_, Token::Word(word)) if self.allows(Quirk::BareWord) => Some(Literal::Text((*word).to_owned())),
            _ => None,
        };
        literal.ok_or_else(|| self.unexpected(at, &token, expected))
    }

    // F-21: an unescaped `+` arrives as a blank.
    fn instant(&mut self, text: &str) -> Option<Literal> {
        let mended = || Timestamp::parse(&text.replace(' ', "+"));
        let instant = Timestamp::parse(text).or_else(|| mended().filter(|_| self.allows(Quirk::BlankForPlus)));
        instant.map(Literal::Instant)
    }

    fn join_and(&mut self, node: NodeId) {
        let left = self.levels.last_mut().and_then(|level| level.and.take());
        let joined = left.map_or(node, |left| self.push(Node::And(left, node)));
        if let Some(level) = self.levels.last_mut() {
            level.and = Some(joined);
        }
    }

    /// Closes the terms since the last `or`. There always is one, for a term was read.
    fn join_or(&mut self) -> NodeId {
        let (left, right) = self.levels.last_mut().map_or((None, None), |level| (level.or.take(), level.and.take()));
        let joined = match (left, right) {
            (Some(left), Some(right)) => self.push(Node::Or(left, right)),
            (left, right) => left.or(right).expect("a term was read before"),
        };
        if let Some(level) = self.levels.last_mut() {
            level.or = Some(joined);
        }
        joined
    }

    fn push(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn unknown(&self, at: usize, word: &str) -> Error {
        let shown: String = word.chars().take(128).collect();
        self.lexer.fault(at, &format!("no such attribute: `{shown}`")) // F-23
    }

    fn unexpected(&self, at: usize, token: &Token<'_>, expected: &str) -> Error {
        let found = match token {
            Token::Mark(mark) => format!("unexpected `{}`", mark.escape_debug()),
            Token::Word(word) => format!("unexpected `{}`", word.chars().take(64).collect::<String>()),
            Token::Text(_) => "unexpected string".to_owned(),
            Token::End => "unexpected end".to_owned(),
        };
        let mut error = self.lexer.fault(at, &found);
        error.detail.push_str(", expected ");
        error.detail.push_str(expected);
        error
    }
}

fn number(word: &str) -> Option<f64> {
    let number: serde_json::Number = serde_json::from_str(word).ok()?;
    number.as_f64()
}

fn invalid(detail: String) -> Error {
    Error::bad(ScimType::InvalidFilter, detail)
}
