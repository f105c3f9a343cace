//! The sentences of letters and pages, one file a language, and which language a person reads.
//!
//! `languages/en.json` says which keys and placeholders there are; whatever another file lacks or adds fails a test. A new
//! language is its file and its tag in the list below.

use std::sync::LazyLock;

use chrono::{Datelike, Timelike};
use serde::Deserialize;

use crate::base::Timestamp;

macro_rules! languages {
    ($($tag:literal),+) => {
        /// Tags and files; English stands in where nothing else fits.
        const FILES: &[(&str, &str)] = &[$(($tag, include_str!(concat!("languages/", $tag, ".json")))),+];
    };
}

languages!("en", "de", "fr", "es", "si");

static ALL: LazyLock<Vec<Catalogue>> = LazyLock::new(|| {
    let read = |(tag, text): &(&'static str, &str)| Catalogue {
        tag,
        sentences: serde_json::from_str(text).expect("a test reads every file"),
    };
    FILES.iter().map(read).collect()
});

/// What is said in one language.
#[derive(Debug)]
pub struct Catalogue {
    /// Its tag (BCP 47), also the `lang` of whatever is written in it.
    pub tag: &'static str,
    sentences: Sentences,
}

/// A file. A placeholder is a name in braces.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sentences {
    /// The numbers that take the form `one` (CLDR, cardinal).
    one: Vec<i64>,
    minute: Forms,
    hour: Forms,
    day: Forms,
    date: String,
    /// How the first day of a month is written.
    first_day: String,
    months: [String; 12],
    /// From Monday.
    weekdays: [String; 7],
    letter: LetterSentences,
    page: PageSentences,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Forms {
    one: String,
    other: String,
}

/// Those of a letter. `…_machine` is said where no person invites.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct LetterSentences {
    pub subject: String,
    pub subject_machine: String,
    pub subject_reminder: String,
    pub greeting: String,
    pub invites: String,
    pub invites_machine: String,
    pub reminds: String,
    pub reminds_machine: String,
    pub user: String,
    pub organization: String,
    pub writes: String,
    pub open: String,
    pub button: String,
    pub copy: String,
    pub expires: String,
    pub unexpected: String,
}

/// Those of the page behind the link, and the heading of the groups in a letter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct PageSentences {
    pub title_open: String,
    pub title_accepted: String,
    pub title_declined: String,
    pub title_expired: String,
    pub title_revoked: String,
    pub title_used: String,
    pub title_inactive: String,
    pub title_blocked: String,
    pub title_signin: String,
    pub title_unknown: String,
    pub invites: String,
    pub invites_machine: String,
    pub groups: String,
    pub accept: String,
    pub decline: String,
    pub until: String,
    pub accepted: String,
    pub groups_now: String,
    pub groups_gone: String,
    pub declined: String,
    pub expired: String,
    pub expired_machine: String,
    pub revoked: String,
    pub used: String,
    pub inactive: String,
    pub blocked: String,
    pub signin: String,
    pub to_inbox: String,
    pub to_console: String,
    pub unknown: String,
}

/// Where a sentence will stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Text,
    /// Escaped, with its values in bold.
    Html,
}

impl Catalogue {
    /// The sentences of a letter.
    pub fn letter(&self) -> &LetterSentences {
        &self.sentences.letter
    }

    /// The sentences of the page.
    pub fn page(&self) -> &PageSentences {
        &self.sentences.page
    }

    /// A moment, such as `Friday, 27 November 2026, 04:40 UTC`.
    pub fn date(&self, at: Timestamp) -> String {
        let at = at.to_utc();
        let day = if at.day() == 1 { self.sentences.first_day.clone() } else { at.day().to_string() };
        let name =
            |names: &[String], at: u32| usize::try_from(at).ok().and_then(|at| names.get(at).cloned()).unwrap_or_default();
        fill(
            &self.sentences.date,
            Form::Text,
            &[
                ("weekday", &name(&self.sentences.weekdays, at.weekday().num_days_from_monday())),
                ("day", &day),
                ("month", &name(&self.sentences.months, at.month0())),
                ("year", &at.year().to_string()),
                ("time", &format!("{:02}:{:02}", at.hour(), at.minute())),
            ],
        )
    }

    /// A span of time in the unit that a person would choose, rounded to it.
    pub fn span(&self, millis: i64) -> String {
        let minutes = millis.max(0).saturating_add(30_000) / 60_000;
        let hours = (minutes + 30) / 60;
        let days = (hours + 12) / 24;
        let (count, forms) = match (hours, days) {
            (..2, _) => (minutes, &self.sentences.minute),
            (..48, _) => (hours, &self.sentences.hour),
            _ => (days, &self.sentences.day),
        };
        let form = if self.sentences.one.contains(&count) { &forms.one } else { &forms.other };
        fill(form, Form::Text, &[("count", &count.to_string())])
    }
}

/// `sentence` with each placeholder replaced, once: what a value holds in braces stays as it is.
pub fn fill(sentence: &str, form: Form, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(sentence.len() + 32);
    let mut rest = sentence;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        let value = values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| *value);
        match form {
            Form::Text => out.extend([before, value]),
            Form::Html => out.extend([&escape(before), "<b>", &escape(value), "</b>"]),
        }
        rest = after;
    }
    match form {
        Form::Text => out.push_str(rest),
        Form::Html => out.push_str(&escape(rest)),
    }
    out
}

/// Fit for HTML, in a text as in an attribute. A slash stays: some readers of mail would not undo `&#x2f;` in a link.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('\'', "&#39;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The tags of all languages.
pub fn tags() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(tag, _)| *tag)
}

/// The language for whoever asked for `wishes`, the first wish first; each is a tag, or a list of them with weights as in
/// `Accept-Language`, which is the form of `preferredLanguage` (RFC 7643 §4.1.1). Where nothing fits, English.
pub fn choose<'a>(wishes: impl IntoIterator<Item = Option<&'a str>>) -> &'static Catalogue {
    let found = wishes.into_iter().flatten().flat_map(ranges).find_map(lookup);
    found.unwrap_or(&ALL[0])
}

/// RFC 4647 §3.4: `de-Latn-AT`, `de-Latn`, `de`. With `_` for `-`, as `locale` is often written.
fn lookup(range: &str) -> Option<&'static Catalogue> {
    let mut range = range.trim().replace('_', "-");
    loop {
        if let Some(found) = ALL.iter().find(|language| language.tag.eq_ignore_ascii_case(&range)) {
            return Some(found);
        }
        range.truncate(range.rfind('-')?);
        // A single letter only announces what follows it.
        if let [rest @ .., b'-', _] = range.as_bytes() {
            range.truncate(rest.len());
        }
    }
}

/// Ranges of a list, the heaviest first. A list is short, so is what is read of it.
fn ranges(list: &str) -> Vec<&str> {
    const RANGES_MAX: usize = 16;
    let weighed = list.split(',').take(RANGES_MAX).filter_map(|range| {
        let (range, weight) = range.split_once(';').unwrap_or((range, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(Some(1.0), |weight| weight.trim().parse::<f32>().ok())?;
        (weight > 0.0).then_some((range.trim(), weight))
    });
    let mut weighed: Vec<_> = weighed.collect();
    weighed.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    weighed.into_iter().map(|(range, _)| range).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use super::*;

    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;

    /// Every text below `value` by its path, with the placeholders in it.
    fn placeholders(path: &str, value: &Value, out: &mut BTreeMap<String, BTreeSet<String>>) {
        match value {
            Value::Object(map) => map.iter().for_each(|(key, value)| placeholders(&format!("{path}/{key}"), value, out)),
            Value::Array(list) => {
                list.iter().enumerate().for_each(|(at, value)| placeholders(&format!("{path}/{at}"), value, out));
            }
            Value::String(text) => {
                let names = text.split('{').skip(1).map(|rest| rest.split_once('}').expect("closed").0.to_owned());
                out.insert(path.to_owned(), names.collect());
            }
            _ => {}
        }
    }

    #[test]
    fn every_language_has_every_sentence_and_every_placeholder() {
        let read = |text: &str| {
            let mut out = BTreeMap::new();
            placeholders("", &serde_json::from_str(text).expect("JSON"), &mut out);
            out
        };
        let english = read(FILES[0].1);
        assert!(english.len() > 60, "{}", english.len());
        for (tag, text) in FILES {
            serde_json::from_str::<Sentences>(text).unwrap_or_else(|error| panic!("{tag}: {error}"));
            assert_eq!(read(text), english, "{tag}");
            let is_clean = |text: &str| !text.chars().any(char::is_control) && text.trim() == text && !text.contains('<');
            serde_json::from_str::<Value>(text).expect("JSON")["letter"]
                .as_object()
                .expect("sentences")
                .iter()
                .for_each(|(key, said)| assert!(said.as_str().is_some_and(is_clean), "{tag}: {key}"));
        }
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/mail/languages");
        let files = std::fs::read_dir(folder).expect("a folder").count();
        assert_eq!(files, FILES.len(), "a language that is not in the list");
    }

    #[test]
    fn a_language_is_looked_up_by_the_rfc() {
        for (wish, tag) in [
            ("de", "de"),
            ("DE", "de"),
            ("de-AT", "de"),
            ("de_AT", "de"),
            ("de-Latn-AT-1996", "de"),
            ("de-x-home", "de"),
            ("si-LK", "si"),
            ("es-419", "es"),
            ("fr-CA", "fr"),
            ("en-GB", "en"),
            ("ja, de-DE;q=0.8, fr;q=0.9", "fr"),
            ("da, en-gb;q=0.8, de;q=0.7", "en"),
            ("de;q=0, fr;q=0.1", "fr"),
            ("de;q=x, es", "es"),
            ("*", "en"),
            ("", "en"),
            ("-", "en"),
            ("english", "en"),
            ("deutsch", "en"),
            ("../../etc/passwd", "en"),
            ("ජ-é", "en"),
        ] {
            assert_eq!(choose([Some(wish)]).tag, tag, "{wish}");
        }
        assert_eq!(choose([None, Some("ja"), Some("de-DE"), Some("fr")]).tag, "de", "the first wish that can be granted");
        assert_eq!(choose([None, None]).tag, "en");
        assert_eq!(choose([Some("x,".repeat(1 << 20).as_str()), Some("fr")]).tag, "fr");
    }

    #[test]
    fn a_span_is_told_as_a_person_would() {
        let told = |tag, millis| choose([Some(tag)]).span(millis);
        for (millis, expected) in [
            (-1, "0 minutes"),
            (MINUTE, "1 minute"),
            (5 * MINUTE, "5 minutes"),
            (89 * MINUTE, "89 minutes"),
            (90 * MINUTE, "2 hours"),
            (47 * HOUR, "47 hours"),
            (72 * HOUR - 2_000, "3 days"),
            (30 * 24 * HOUR, "30 days"),
            (i64::MAX, "106751991167 days"),
        ] {
            assert_eq!(told("en", millis), expected, "{millis}");
        }
        for (tag, one, three) in [
            ("de", "1 Minute", "3 Tage"),
            ("fr", "1 minute", "3 jours"),
            ("es", "1 minuto", "3 días"),
            ("si", "මිනිත්තු 1කින්", "දින 3කින්"),
        ] {
            assert_eq!((told(tag, MINUTE).as_str(), told(tag, 72 * HOUR).as_str()), (one, three));
        }
        assert_eq!(told("fr", 0), "0 minute", "CLDR: in French, zero is one");
    }

    #[test]
    fn a_date_is_written_as_its_language_writes_it() {
        // A Friday, and the first of a month.
        let (friday, first) = (Timestamp(1_795_495_200_000 + 72 * HOUR), Timestamp(1_796_083_200_000));
        for (tag, expected) in [
            ("en", ["Friday, 27 November 2026, 04:40 UTC", "Tuesday, 1 December 2026, 00:00 UTC"]),
            ("de", ["Freitag, 27. November 2026, 04:40 Uhr UTC", "Dienstag, 1. Dezember 2026, 00:00 Uhr UTC"]),
            ("fr", ["vendredi 27 novembre 2026 à 04:40 UTC", "mardi 1er décembre 2026 à 00:00 UTC"]),
            ("es", ["viernes 27 de noviembre de 2026, 04:40 UTC", "martes 1 de diciembre de 2026, 00:00 UTC"]),
            ("si", ["2026 නොවැම්බර් 27, සිකුරාදා, 04:40 UTC", "2026 දෙසැම්බර් 1, අඟහරුවාදා, 00:00 UTC"]),
        ] {
            let language = choose([Some(tag)]);
            assert_eq!([friday, first].map(|at| language.date(at)), expected);
        }
    }

    #[test]
    fn a_value_is_no_placeholder_and_no_markup() {
        let values = [("a", "{b}<i>&\"'"), ("b", "x")];
        assert_eq!(fill("1 {a} & {b} {c}{", Form::Text, &values), "1 {b}<i>&\"' & x {");
        assert_eq!(fill("1 {a} & {b}", Form::Html, &values), "1 <b>{b}&lt;i&gt;&amp;&quot;&#39;</b> &amp; <b>x</b>");
    }
}
