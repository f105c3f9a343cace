//! Texts that people chose, made fit for a letter.

use crate::base::limit;

/// Characters of one name in a letter; the rest is cut.
const LINE_CHARS_MAX: usize = 200;

/// `text` as one line: no control or bidirectional-override character, white space folded, at most 200 characters, and
/// nothing in it that a mail reader would turn into a link (S-72).
pub fn line(text: &str) -> String {
    let mut out = String::new();
    let mut count = 0;
    let mut is_space_due = false;
    for letter in text.chars() {
        if letter.is_whitespace() || is_break(letter) {
            is_space_due = !out.is_empty();
            continue;
        }
        if letter.is_control() || is_steering(letter) {
            continue;
        }
        if count >= LINE_CHARS_MAX {
            out.push('…');
            break;
        }
        if is_space_due {
            out.push(' ');
            count += 1;
            is_space_due = false;
        }
        out.push(letter);
        count += 1;
    }
    without_links(&out)
}

/// `text` as lines, each cleaned as [`line`] does; empty ones at both ends are gone, and so is what exceeds the length of a message.
pub fn lines(text: &str) -> Vec<String> {
    let clean = |line: &str| {
        let kept: String = line
            .chars()
            .map(|letter| if letter.is_whitespace() { ' ' } else { letter })
            .filter(|letter| !letter.is_control() && !is_steering(*letter))
            .collect();
        without_links(kept.trim_end())
    };
    let split = |letter: char| letter == '\n' || is_break(letter);
    let text: String = text.chars().take(limit::MESSAGE_CHARS_MAX).collect();
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.trim_matches(|letter: char| letter.is_whitespace() || letter.is_control()).split(split).map(clean).collect()
}

/// What some readers take for the end of a line (Unicode line and paragraph separator, next line).
fn is_break(letter: char) -> bool {
    matches!(letter, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{b}' | '\u{c}')
}

/// Turns the text around it, or hides in it.
fn is_steering(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// With a gap where a link would begin, and where an encoded word would (RFC 2047 §2): what that hides has not been cleaned.
fn without_links(text: &str) -> String {
    text.replace("://", ": //").replace("=?", "= ?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_clean_line() {
        for (text, expected) in [
            ("Ada Lovelace", "Ada Lovelace"),
            ("  Ada \t\r\n Lovelace ", "Ada Lovelace"),
            ("Ada\r\nBcc: eve@evil.test", "Ada Bcc: eve@evil.test"),
            ("A\0d\u{7}a\u{2028}x\u{85}y", "Ada x y"),
            ("\u{202e}adA\u{feff}", "adA"),
            ("\u{1f469}\u{200d}\u{1f680}", "\u{1f469}\u{200d}\u{1f680}"),
            ("https://evil.test", "https: //evil.test"),
            ("https:\0//evil.test", "https: //evil.test"),
            ("=?utf-8?q?=0D=0ABcc:_eve?=", "= ?utf-8?q?=0D=0ABcc:_eve?="),
            ("", ""),
        ] {
            assert_eq!(line(text), expected, "{text:?}");
        }
        assert_eq!(line(&"x".repeat(1 << 20)).chars().count(), LINE_CHARS_MAX + 1);
        assert_eq!(line(&"x".repeat(LINE_CHARS_MAX)), "x".repeat(LINE_CHARS_MAX));
    }

    #[test]
    fn a_message_keeps_its_lines_and_nothing_else_that_steers() {
        assert_eq!(lines("\n Hello,\r\n\r\nsee\thttp://x\u{2028}you\0.\r\n"), ["Hello,", "", "see http: //x", "you."]);
        assert_eq!(lines(""), [""]);
    }
}
