//! The order of the house: which room may use which, what stays below the waterline, and how long a file may grow.

use std::fs;
use std::path::{Path, PathBuf};

/// Lowest first; a room may use only what stands before it. ARCHITECTURE.md explains the order.
const ROOMS: [&str; 16] = [
    "base",
    "scim",
    "outbox",
    "org",
    "directory",
    "auth",
    "invite",
    "mail",
    "console",
    "store",
    "app",
    "worker",
    "http",
    "config",
    "serve",
    "cli",
];

/// A word, and the only places under `src/` where it may stand.
const ONLY_IN: [(&str, &[&str]); 5] = [
    ("poem", &["http/", "serve.rs"]),
    ("rusqlite", &["store/sqlite/"]),
    ("deadpool_sqlite", &["store/sqlite/"]),
    ("SmtpTransport", &["worker/"]),
    ("AsyncSmtpConnection", &["worker/"]),
];

/// What a room below `store` never does: wait, look at the clock, roll dice, open a file.
const NOT_BELOW_STORE: [&str; 9] =
    ["async fn", ".await", "Utc::now", "SystemTime::now", "Instant::now", "getrandom", "std::fs", "File::open", "println!"];

/// The only files below `store` that ask the machine, behind the traits of `base`.
const ASK_THE_MACHINE: [&str; 2] = ["base/clock.rs", "base/random.rs"];

const LINES_MAX: usize = 500;

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the sources") {
            let path: PathBuf = entry.expect("an entry of it").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let name = path.strip_prefix(&root).expect("below src").to_string_lossy().into_owned();
                found.push((name, fs::read_to_string(&path).expect("a source file")));
            }
        }
    }
    assert!(found.len() > 50, "the walk found only {} files", found.len());
    found
}

/// The code of a file, without comments and unit tests.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let tests = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    text[..tests].lines().enumerate().map(|(at, line)| (at + 1, line)).filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn rank(room: &str) -> Option<usize> {
    ROOMS.iter().position(|known| *known == room)
}

fn room_of(file: &str) -> &str {
    file.split('/').next().expect("split gives one part at least").trim_end_matches(".rs")
}

fn is_word_at(line: &str, at: usize, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    !line[..at].ends_with(is_part) && !line[at + word.len()..].starts_with(is_part)
}

fn holds_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| is_word_at(line, at, word))
}

#[test]
fn a_room_uses_only_what_stands_before_it() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let Some(own) = rank(room_of(&file)) else { continue };
        for (line, words) in code(&text) {
            for (at, _) in words.match_indices("crate::") {
                let used: String = words[at + 7..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if rank(&used).is_some_and(|used| used > own) {
                    wrong.push(format!("src/{file}:{line}: `{}` uses `{used}`", ROOMS[own]));
                }
            }
            if words.contains("use crate::{") {
                for used in words.split(['{', ',', ' ']).map(|part| part.trim_end_matches([':', ';', '}'])) {
                    let used = used.split("::").next().unwrap_or(used);
                    if rank(used).is_some_and(|used| used > own) {
                        wrong.push(format!("src/{file}:{line}: `{}` uses `{used}`", ROOMS[own]));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_belongs_to_a_room() {
    for (file, _) in sources() {
        assert!(["main.rs", "lib.rs"].contains(&&*file) || rank(room_of(&file)).is_some(), "src/{file} is in no room");
    }
}

#[test]
fn libraries_stay_in_their_room() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        for (line, words) in code(&text) {
            for (word, places) in ONLY_IN {
                if holds_word(words, word) && !places.iter().any(|place| file.starts_with(place)) {
                    wrong.push(format!("src/{file}:{line}: `{word}` belongs in {places:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_below_the_store_touches_the_machine() {
    let store = rank("store").expect("a room");
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let is_below = rank(room_of(&file)).is_some_and(|own| own < store);
        if !is_below || ASK_THE_MACHINE.contains(&&*file) {
            continue;
        }
        for (line, words) in code(&text) {
            for word in NOT_BELOW_STORE {
                if words.contains(word) {
                    wrong.push(format!("src/{file}:{line}: `{word}` below the store"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_says_what_it_is_and_no_file_is_too_long() {
    for (file, text) in sources() {
        assert!(text.starts_with("//!"), "src/{file} does not say what it is");
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "src/{file} has {lines} lines: would two rooms be clearer?");
    }
}

#[test]
fn nothing_is_left_open() {
    for (file, text) in sources() {
        for (line, words) in code(&text) {
            for word in ["todo!", "unimplemented!", "dbg!"] {
                assert!(!words.contains(word), "src/{file}:{line}: {word}");
            }
        }
    }
}
