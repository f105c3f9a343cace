//! RFC 9865: the place of a page in a list, sealed, so that a client carries it and the server keeps nothing.
//!
//! A cursor names a place between two resources, by sort key and id, so that what is written meanwhile neither hides nor
//! repeats what is not (K-19). It gives no right: each page is asked for, and judged, like the first (K-16).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use super::list::{Position, Query, SortKey, Start};
use super::project::Projection;
use super::{Error, ScimType};
use crate::base::Timestamp;
use crate::base::limit::CURSOR_LIFETIME;

/// Keeps the key of cursors apart from whatever else is derived from the server's key.
const CONTEXT: &[u8] = b"usher cursor";
const TAG_BYTES: usize = 32;

/// Makes and reads the cursors of one question by one caller. Of any other its cursors are none (K-06, K-17).
pub struct Seal {
    mac: Hmac<Sha256>,
    count: u64,
}

impl Seal {
    /// `caller` tells apart whoever must not share cursors: org, subject, rights. `endpoint` is what is listed, `asked` what is
    /// asked of each of its types. The filter counts as it was understood, however it was written.
    pub fn new<'a>(
        key: &[u8; 32],
        caller: &str,
        endpoint: &str,
        asked: impl IntoIterator<Item = (&'a Query, &'a Projection)>,
    ) -> Seal {
        let mac = |key: &[u8]| Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
        let own_key = mac(key).chain_update(CONTEXT).finalize().into_bytes();
        let (mut question, mut count) = (format!("{:?}", (caller, endpoint)), 0);
        for (query, projection) in asked {
            let filter = query.filter.as_ref().map(ToString::to_string);
            // The debug form escapes what it quotes, so no two questions come to the same text.
            question.push_str(&format!("{:?}", (filter, &query.sort, query.deeper, projection)));
            count = query.count as u64;
        }
        let mac = mac(&own_key).chain_update(question.len().to_be_bytes()).chain_update(question);
        Seal { mac, count }
    }

    /// A cursor for the page at `start`, in unreserved characters alone (K-01).
    pub fn close(&self, start: &Start, now: Timestamp) -> String {
        let (way, position) = match start {
            Start::After(position) => (b'>', position),
            Start::Before(position) => (b'<', position),
            Start::Offset(_) => return String::new(),
        };
        let mut bytes = [now.0.to_be_bytes(), self.count.to_be_bytes()].concat();
        bytes.push(way);
        bytes.extend(position.id.as_bytes());
        match &position.key {
            None => {}
            Some(SortKey::Integer(key)) => bytes.extend([&b"i"[..], &key.to_be_bytes()].concat()),
            Some(SortKey::Real(key)) => bytes.extend([&b"r"[..], &key.to_be_bytes()].concat()),
            Some(SortKey::Text(key)) => bytes.extend([b"t", key.as_bytes()].concat()),
            Some(SortKey::Bytes(key)) => bytes.extend([b"b", key.as_slice()].concat()),
        }
        let tag = self.mac.clone().chain_update(&bytes).finalize().into_bytes();
        bytes.extend(tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The page that a cursor asks for; an empty one asks for the first. Whatever this seal did not make is 400
    /// `invalidCursor`, in the same words whatever is wrong with it (K-07).
    pub fn open(&self, text: &str, now: Timestamp) -> Result<Start, Error> {
        if text.is_empty() {
            return Ok(Start::default());
        }
        let (issued, count, start) = self.unseal(text).ok_or_else(|| {
            let detail = "`cursor` is none of this list, expected one that an answer to the same request gave";
            Error::bad(ScimType::InvalidCursor, detail)
        })?;
        if now > issued + CURSOR_LIFETIME {
            let detail = format!("`cursor` is older than {} seconds, start again without it", CURSOR_LIFETIME.as_secs());
            return Err(Error::bad(ScimType::ExpiredCursor, detail)); // K-15
        }
        if count != self.count {
            let detail = format!("`count` is {}, expected {count} as on the first page", self.count);
            return Err(Error::bad(ScimType::InvalidCount, detail));
        }
        Ok(start)
    }

    fn unseal(&self, text: &str) -> Option<(Timestamp, u64, Start)> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (bytes, tag) = bytes.split_last_chunk::<TAG_BYTES>()?;
        self.mac.clone().chain_update(bytes).verify_slice(tag).ok()?;
        let (issued, rest) = bytes.split_first_chunk()?;
        let (count, rest) = rest.split_first_chunk()?;
        let (way, rest) = rest.split_first()?;
        let (id, key) = rest.split_first_chunk()?;
        let key = match key.split_first() {
            None => None,
            Some((b'i', key)) => Some(SortKey::Integer(i64::from_be_bytes(key.try_into().ok()?))),
            Some((b'r', key)) => Some(SortKey::Real(f64::from_be_bytes(key.try_into().ok()?))),
            Some((b't', key)) => Some(SortKey::Text(str::from_utf8(key).ok()?.to_owned())),
            Some((_, key)) => Some(SortKey::Bytes(key.to_owned())),
        };
        let position = Position { key, id: Uuid::from_bytes(*id) };
        let start = if *way == b'>' { Start::After(position) } else { Start::Before(position) };
        Some((Timestamp(i64::from_be_bytes(*issued)), u64::from_be_bytes(*count), start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::list::{self, ListParams};
    use crate::scim::{Profile, Schemas};

    const KEY: [u8; 32] = [7; 32];
    const NOW: Timestamp = Timestamp(1_000_000);

    #[derive(Clone, Copy)]
    struct Asked<'a> {
        key: [u8; 32],
        caller: &'a str,
        endpoint: &'a str,
        attributes: Option<&'a str>,
        params: ListParams<'a>,
    }

    const ASKED: Asked<'static> = Asked {
        key: KEY,
        caller: "acme ada",
        endpoint: "/Users",
        attributes: Some("id"),
        params: ListParams {
            filter: Some("userName sw \"a\""),
            sort_by: Some("title"),
            sort_order: None,
            start_index: None,
            count: Some("10"),
            cursor: None,
            depth: None,
        },
    };

    fn seal(asked: Asked<'_>) -> Seal {
        let query = list::parse(&asked.params, Schemas::core().user(), Profile::Lenient).expect("a query");
        let projection =
            Projection::parse(asked.attributes, None, Schemas::core().user(), Profile::Lenient).expect("a projection");
        Seal::new(&asked.key, asked.caller, asked.endpoint, [(&query, &projection)])
    }

    fn place(key: Option<SortKey>) -> Position {
        Position { key, id: Uuid::from_u128(9) }
    }

    fn refusal(seal: &Seal, text: &str, now: Timestamp) -> (Option<ScimType>, String) {
        let error = seal.open(text, now).expect_err(text);
        (error.scim_type, error.detail)
    }

    #[test]
    fn what_was_sealed_is_opened_again() {
        let seal = seal(ASKED);
        let texts = ["", "a", "straße \u{10FFFF}\0"].map(|text| SortKey::Text(text.into()));
        let others = [SortKey::Integer(i64::MIN), SortKey::Real(-0.1), SortKey::Bytes(vec![]), SortKey::Bytes(vec![255; 16])];
        for key in texts.into_iter().chain(others).map(Some).chain([None]) {
            for start in [Start::After(place(key.clone())), Start::Before(place(key.clone()))] {
                let text = seal.close(&start, NOW);
                // K-01.
                assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)), "{text}");
                assert_eq!(seal.open(&text, NOW), Ok(start));
            }
        }
        assert_eq!(seal.open("", NOW), Ok(Start::Offset(0)), "K-01");
    }

    #[test]
    fn a_cursor_is_good_for_one_question_of_one_caller() {
        // K-06, K-07, K-16, K-17.
        let text = seal(ASKED).close(&Start::After(place(None)), NOW);
        let params = ASKED.params;
        for other in [
            Asked { key: [8; 32], ..ASKED },
            Asked { caller: "acme eve", ..ASKED },
            Asked { endpoint: "/Groups", ..ASKED },
            Asked { attributes: None, ..ASKED },
            Asked { params: ListParams { filter: None, ..params }, ..ASKED },
            Asked { params: ListParams { filter: Some("userName sw \"b\""), ..params }, ..ASKED },
            Asked { params: ListParams { sort_by: None, ..params }, ..ASKED },
            Asked { params: ListParams { sort_by: Some("nickName"), ..params }, ..ASKED },
            Asked { params: ListParams { sort_order: Some("descending"), ..params }, ..ASKED },
        ] {
            let (kind, detail) = refusal(&seal(other), &text, NOW);
            assert_eq!(kind, Some(ScimType::InvalidCursor));
            assert_eq!(detail, "`cursor` is none of this list, expected one that an answer to the same request gave");
        }
        // The RFC's own sample writes the same filter in two ways.
        let same = ListParams { filter: Some("( USERNAME SW \"a\" )"), sort_order: Some("Ascending"), ..params };
        assert!(seal(Asked { params: same, ..ASKED }).open(&text, NOW).is_ok());
    }

    #[test]
    fn no_altered_character_is_believed() {
        // K-17.
        let seal = seal(ASKED);
        let text = seal.close(&Start::After(place(Some(SortKey::Text("ad".into())))), NOW);
        for at in 0..text.len() {
            for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \0".chars() {
                let mut altered = text.clone();
                altered.replace_range(at..=at, &letter.to_string());
                assert_eq!(seal.open(&altered, NOW).is_ok(), altered == text, "{altered}");
            }
        }
        let padded = format!("{text}=");
        for wrong in [" ", "1", "null", &text[1..], &text[..text.len() - 1], &padded, &"A".repeat(1 << 20)] {
            assert_eq!(refusal(&seal, wrong, NOW).0, Some(ScimType::InvalidCursor), "{wrong:.100}");
        }
    }

    #[test]
    fn a_cursor_ends_and_keeps_its_count() {
        let text = seal(ASKED).close(&Start::After(place(None)), NOW);
        // K-15.
        let last = NOW + CURSOR_LIFETIME;
        assert!(seal(ASKED).open(&text, last).is_ok());
        let expired = "`cursor` is older than 86400 seconds, start again without it";
        let late = refusal(&seal(ASKED), &text, Timestamp(last.0 + 1));
        assert_eq!(late, (Some(ScimType::ExpiredCursor), expired.to_owned()));
        // K-07.
        for (count, found) in [(Some("11"), 11), (Some("0"), 0), (None, 100)] {
            let other = seal(Asked { params: ListParams { count, ..ASKED.params }, ..ASKED });
            let detail = format!("`count` is {found}, expected 10 as on the first page");
            assert_eq!(refusal(&other, &text, NOW), (Some(ScimType::InvalidCount), detail));
        }
    }
}
