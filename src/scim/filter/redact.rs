//! A filter for eyes that must not see whom it is about: names and operators stay, values go (F-32).

use uuid::Uuid;

use super::ast::CompareOp;
use super::lexer::{Lexer, Token};

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Name,
    Operator,
    Value,
    Logic,
    Nothing,
}

/// `text` without its literals but for ids, `true`, `false` and `null`. What does not follow the grammar ends it: there, any word
/// may be anything.
pub fn redacted(text: &str) -> String {
    let mut lexer = Lexer::new(text);
    let mut out = String::with_capacity(text.len());
    let mut next = Next::Name;
    loop {
        let token = lexer.next().map_or(Token::Mark('…'), |(_, token)| token);
        let (shown, then) = match (token, next) {
            (Token::End, _) => return out,
            (Token::Mark(mark @ ('(' | '[')), _) => (mark.to_string(), Next::Name),
            (Token::Mark(mark @ (')' | ']')), _) => (mark.to_string(), Next::Logic),
            (Token::Word(word), Next::Name) if word.eq_ignore_ascii_case("not") => (word.to_owned(), Next::Name),
            (Token::Word(word), Next::Name) if is_name(word) => (word.to_owned(), Next::Operator),
            (Token::Word(word), Next::Operator) if word.eq_ignore_ascii_case("pr") => (word.to_owned(), Next::Logic),
            (Token::Word(word), Next::Operator) if CompareOp::parse(word).is_some() => (word.to_owned(), Next::Value),
            (Token::Word(word), Next::Value) => {
                let is_known = ["true", "false", "null"].iter().any(|known| word.eq_ignore_ascii_case(known));
                (if is_known { word } else { "…" }.to_owned(), Next::Logic)
            }
            (Token::Text(text), Next::Value) => {
                (format!("\"{}\"", if text.parse::<Uuid>().is_ok() { &text } else { "…" }), Next::Logic)
            }
            // `emails[type eq "work"].value`
            (Token::Word(word), Next::Logic) if out.ends_with(']') && word.starts_with('.') && is_name(word) => {
                (word.to_owned(), Next::Operator)
            }
            (Token::Word(word), Next::Logic) if ["and", "or"].iter().any(|logic| word.eq_ignore_ascii_case(logic)) => {
                (word.to_owned(), Next::Name)
            }
            _ => ("…".to_owned(), Next::Nothing),
        };
        let is_tight = out.is_empty() || out.ends_with(['(', '[']) || shown.starts_with([')', '[', ']', '.']);
        if !is_tight {
            out.push(' ');
        }
        out.push_str(&shown);
        if then == Next::Nothing {
            return out;
        }
        next = then;
    }
}

/// Of the characters that names, URNs and paths are made of.
fn is_name(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_alphanumeric() || ".:-_$".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_and_no_operator_is_not_shown() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        for (text, shown) in [
            (
                r#"userName eq "ada" and (title eq Boss or not (active eq true))"#,
                r#"userName eq "…" and (title eq … or not (active eq true))"#,
            ),
            ("userName\teq\tada", "userName eq …"),
            ("userName eq  ada", "userName eq …"),
            ("displayName eq 'Ada Lovelace'", "displayName eq … …"),
            ("userName ada lovelace", "userName …"),
            ("ada@x.test", "…"),
            ("userName eq \"never ends", "userName eq …"),
            (r#"emails[value eq "a b"].display"#, r#"emails[value eq "…"].display"#),
            (&format!(r#"members[value eq "{id}"]"#), &format!(r#"members[value eq "{id}"]"#)),
            (
                "urn:ietf:params:scim:schemas:core:2.0:User:name.givenName pr",
                "urn:ietf:params:scim:schemas:core:2.0:User:name.givenName pr",
            ),
        ] {
            assert_eq!(redacted(text), shown, "F-32");
        }
    }
}
