//! A filter cut into tokens.

use super::super::{Error, ScimType};

/// A piece of a filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    /// `(`, `)`, `[`, `]`, or a character that has no place in a filter.
    Mark(char),
    /// A name, an operator, a number, `true`, `false`, `null`.
    Word(&'a str),
    /// A quoted string, its escapes resolved (F-20).
    Text(String),
    /// No more.
    End,
}

/// What is left of a filter.
#[derive(Clone, Copy)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Lexer { text, at: 0 }
    }

    /// The next token and where it starts.
    pub(super) fn next(&mut self) -> Result<(usize, Token<'a>), Error> {
        let rest = &self.text[self.at..];
        let blank = rest.find(|c: char| !c.is_ascii_whitespace()).unwrap_or(rest.len());
        let (start, rest) = (self.at + blank, &rest[blank..]);
        let (length, token) = match rest.chars().next() {
            None => (0, Token::End),
            Some('"') => {
                let length = 1 + quoted(&rest[1..]).ok_or_else(|| self.fault(start, "a string that does not end"))?;
                let text: String = serde_json::from_str(&rest[..length])
                    .ok()
                    .filter(|text: &String| !text.contains('\0'))
                    .ok_or_else(|| self.fault(start, "a string with a wrong escape"))?;
                (length, Token::Text(text))
            }
            Some(first) => match rest.find(is_mark).unwrap_or(rest.len()) {
                0 => (first.len_utf8(), Token::Mark(first)),
                length => (length, Token::Word(&rest[..length])),
            },
        };
        self.at = start + length;
        Ok((start, token))
    }

    /// The next token, which stays.
    pub(super) fn peek(&self) -> Result<Token<'a>, Error> {
        let mut ahead = *self;
        ahead.next().map(|(_, token)| token)
    }

    /// `found` at byte `at`, as a refusal that counts characters.
    pub(super) fn fault(&self, at: usize, found: &str) -> Error {
        let at = self.text[..at].chars().count();
        Error::bad(ScimType::InvalidFilter, format!("{found} at {at} in filter"))
    }
}

// No control character is part of a word: a NUL would reach the comparison that a quoted string may not have (S-58).
fn is_mark(c: char) -> bool {
    c.is_ascii_whitespace() || c.is_control() || matches!(c, '(' | ')' | '[' | ']' | '"' | ',')
}

/// Bytes up to and with the closing quote.
fn quoted(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    let end = text.bytes().position(|byte| {
        let closes = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        closes
    })?;
    Some(end + 1)
}
