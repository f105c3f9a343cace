//! Lines of comma-separated values, as spreadsheets save and copy them (RFC 4180).

/// One line; in quotation marks it may run over several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'t> {
    /// As it was written, without the line's end.
    pub text: &'t str,
    /// What stands in it, without quotation marks and the blanks around it.
    pub cells: Vec<String>,
    /// False where a quotation mark is never closed, so that all that follows belongs to this line.
    pub is_closed: bool,
}

/// The lines of `text` that are not empty. Between cells stands what the first line uses most: a comma, a semicolon, or a tab.
pub fn lines(text: &str) -> Vec<Line<'_>> {
    let mut rest = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let first = rest.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let separator = [',', ';', '\t'].into_iter().max_by_key(|mark| (first.matches(*mark).count(), *mark == ','));
    let mut lines = Vec::new();
    while !rest.is_empty() {
        let (line, after) = line(rest, separator.unwrap_or(','));
        if !line.text.trim().is_empty() {
            lines.push(line);
        }
        rest = after;
    }
    lines
}

/// The first line of `text`, and what follows it.
fn line(text: &str, separator: char) -> (Line<'_>, &str) {
    let (mut cells, mut cell) = (Vec::new(), String::new());
    let (mut is_quoted, mut end) = (false, text.len());
    let mut marks = text.char_indices().peekable();
    while let Some((at, mark)) = marks.next() {
        match mark {
            '"' if is_quoted && marks.next_if(|(_, next)| *next == '"').is_some() => cell.push('"'),
            '"' if is_quoted || cell.trim().is_empty() => is_quoted = !is_quoted,
            '\n' if !is_quoted => {
                end = at;
                break;
            }
            mark if mark == separator && !is_quoted => cells.push(std::mem::take(&mut cell)),
            mark => cell.push(mark),
        }
    }
    cells.push(cell);
    let cells = cells.iter().map(|cell| cell.trim().to_owned()).collect();
    let after = text.get(end + 1..).unwrap_or_default();
    (Line { text: text[..end].trim_end_matches('\r'), cells, is_closed: !is_quoted }, after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&[&str]]) {
        let found: Vec<Vec<String>> = lines(text).into_iter().map(|line| line.cells).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn cells_are_found_as_spreadsheets_write_them() {
        check("", &[]);
        check("a,b\r\n\r\nc", &[&["a", "b"], &["c"]]);
        check("a;b,c;d\n1;2;3", &[&["a", "b,c", "d"], &["1", "2", "3"]]);
        check("a\tb", &[&["a", "b"]]);
        check("\u{FEFF}a, b ,\n", &[&["a", "b", ""]]);
        check(r#""a, ""b""",c"#, &[&[r#"a, "b""#, "c"]]);
        check("\"a\nb\",c\nd", &[&["a\nb", "c"], &["d"]]);
        check("5\" pipe,b", &[&["5\" pipe", "b"]]);
    }

    #[test]
    fn a_line_is_kept_as_it_was_written() {
        let found = lines("\"a\r\nb\",c\r\nd,\"e\nf");
        assert_eq!(found.iter().map(|line| line.text).collect::<Vec<_>>(), ["\"a\r\nb\",c", "d,\"e\nf"]);
        assert_eq!(found.iter().map(|line| line.is_closed).collect::<Vec<_>>(), [true, false]);
    }
}
