//! Results on stdout. A closed pipe is an error of the command, not a panic.

use std::io::Write;

use serde_json::Value;

use super::{Common, Failure};

/// One line, at once.
pub(super) fn line(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}")?;
    Ok(stdout.flush()?)
}

/// `json` where a script asked for it, else `text`.
pub(super) fn result(common: &Common, json: &Value, text: &str) -> Result<(), Failure> {
    if common.json { line(&json.to_string()) } else { line(text) }
}
