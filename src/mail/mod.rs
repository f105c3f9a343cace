//! Letters: facts in, a finished message out.
//!
//! Nothing here sends: `worker` does. Every text that a person chose passes [`text`] first, so that no name can break a
//! header, forge a line or take the carrier down (D-6).

pub mod catalogue;
pub mod invitation;
pub mod text;

use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, MultiPartKind, SinglePart};
use lettre::{Address, Message};
use uuid::Uuid;

pub use catalogue::{Catalogue, choose};
pub use invitation::{Invitation, Kind, Rendered, render};

use crate::base::Timestamp;

/// The letter cannot be written; trying again would not help.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The invitee's address, or ours.
    #[error("{0:?} is not an address that mail can be sent to")]
    Address(String),
    /// `Name <address>` was expected.
    #[error("{0:?} is not a sender such as `Usher <usher@example.com>`")]
    Sender(String),
    /// The text cannot be encoded.
    #[error("the text of the message could not be encoded")]
    Body,
    /// lettre refused a header.
    #[error("the message could not be built")]
    Build(#[source] lettre::error::Error),
}

/// The sender of all letters, from `address` or `Name <address>`.
pub fn sender(from: &str) -> Result<Mailbox, Error> {
    text::line(from).parse().map_err(|_| Error::Sender(from.to_owned()))
}

/// A message with `rendered` as text and HTML, to one recipient.
///
/// Two calls with the same arguments give the same bytes: `id` becomes the `Message-ID` (SEC F-16) and the boundary of the parts.
/// `host` is that of the public URL.
pub fn message(rendered: Rendered, from: &Mailbox, to: &str, id: Uuid, host: &str, date: Timestamp) -> Result<Message, Error> {
    let to: Address = to.parse().map_err(|_| Error::Address(to.to_owned()))?;
    let since_1970 = Duration::from_millis(date.0.clamp(0, 253_402_300_799_000).unsigned_abs());
    let parts = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        // RFC 2045 §6.7: quoted-printable text never holds `=_`, so no message can forge the boundary.
        .boundary(format!("=_{}", id.simple()))
        .singlepart(part(ContentType::TEXT_PLAIN, rendered.text)?)
        .singlepart(part(ContentType::TEXT_HTML, rendered.html)?);
    Message::builder()
        .from(from.clone())
        // Without a display name: the address says it all, and a name is one more thing to break.
        .to(Mailbox::new(None, to))
        .subject(rendered.subject)
        .date(UNIX_EPOCH + since_1970)
        .message_id(Some(format!("<{id}@{host}>")))
        // RFC 3834 §5: no absence note in reply.
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into()))
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Content-Language"), rendered.language.into()))
        .multipart(parts)
        .map_err(Error::Build)
}

fn part(content_type: ContentType, text: String) -> Result<SinglePart, Error> {
    let body = Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable).map_err(|_| Error::Body)?;
    Ok(SinglePart::builder().header(content_type).body(body))
}

/// The host of `url`, without scheme, port and path.
pub fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::invitation::tests::letter;
    use mail_parser::{MessageParser, MimeHeaders};

    const DATE: Timestamp = Timestamp(1_795_495_200_000);

    fn bytes(rendered: Rendered, to: &str) -> Result<Vec<u8>, Error> {
        let from = sender("Usher <usher@acme.test>")?;
        Ok(message(rendered, &from, to, Uuid::from_u128(7), "usher.acme.test", DATE)?.formatted())
    }

    #[test]
    fn the_same_letter_is_the_same_bytes() {
        let one = bytes(render(&letter()), "ada@acme.test").expect("a message");
        assert_eq!(one, bytes(render(&letter()), "ada@acme.test").expect("a message"));
        insta::assert_snapshot!(String::from_utf8(one).expect("ASCII").replace("\r\n", "\n"));
    }

    const HEADERS: [&str; 9] =
        ["from", "to", "subject", "date", "message-id", "auto-submitted", "content-language", "mime-version", "content-type"];

    /// Names that people, identity providers and attackers send.
    const HOSTILE: &[&str] = &[
        "Ada\r\nBcc: eve@evil.test",
        "Ada\nSubject: x\n\nbody",
        "Ada\r",
        "\0Ada\0",
        "Ada\u{2028}Bcc: eve@evil.test\u{2029}\u{85}x",
        "\"Ada\" <eve@evil.test>, eve2@evil.test",
        "=?utf-8?q?Bcc:_eve=40evil.test?=",
        "<script>alert(1)</script><a href='https://evil.test'>x</a>",
        "\"><img src=x onerror=alert(1)>",
        "{{ link }}{% for x in range(9) %}x{% endfor %}{{7*'7'}}",
        "https://evil.test/ www.evil.test",
        "\u{202e}gnirts desrever\u{2066}",
        "Zo\u{eb} \u{5d0}\u{5d1} \u{1f469}\u{200d}\u{1f680} \u{c4}\u{d6}\u{dc}",
        "\r\n.\r\nMAIL FROM:<eve@evil.test>",
        "--=_00000000000000000000000000000007--",
        "x\n--=_00000000000000000000000000000007\nContent-Disposition: attachment; filename=x.exe\n\nMZ",
        "",
        " ",
    ];

    #[test]
    fn no_name_breaks_out_of_its_place() {
        // S-71, S-72, V-57, SEC F-20: one recipient, the fixed headers, two parts, one link, whatever people are called.
        let long = "x\u{301}".repeat(1 << 19);
        for hostile in HOSTILE.iter().copied().chain([long.as_str()]) {
            let mut letter = letter();
            letter.inviter = Some(hostile.into());
            letter.user_name = hostile.into();
            letter.path = vec![hostile.into(), hostile.into()];
            letter.groups = vec![hostile.into()];
            letter.message = Some(hostile.into());
            let sent = bytes(render(&letter), "ada@acme.test").expect("a message");
            assert!(sent.len() < 64 * 1024, "{} bytes", sent.len());
            let parsed = MessageParser::default().parse(&sent).expect("a message");
            let names: Vec<_> = parsed.headers().iter().map(|header| header.name().to_ascii_lowercase()).collect();
            assert_eq!(names, HEADERS, "{hostile:?}");
            let to: Vec<_> = parsed.to().into_iter().flat_map(|to| to.iter()).map(|to| to.address()).collect();
            assert_eq!(to, [Some("ada@acme.test")], "{hostile:?}");
            assert_eq!(parsed.parts.len(), 3, "{hostile:?}");
            assert!(parsed.parts.iter().all(|part| part.attachment_name().is_none()));
            let subject = parsed.subject().expect("a subject");
            assert!(!subject.chars().any(char::is_control), "{subject:?}");
            let html = parsed.body_html(0).expect("an HTML part");
            assert_eq!(html.matches("<a ").count(), 1, "{hostile:?}");
            for bad in ["<script", "<img", "777", "xxxxxxxxx</"] {
                assert!(!html.contains(bad), "{hostile:?}: {bad}");
            }
            let text = parsed.body_text(0).expect("a text part");
            assert_eq!(text.matches("://").count(), 1, "{hostile:?}: {text}");
            for forged in ["\nBcc:", "\n.\n", "\n\nbody"] {
                assert!(!text.replace('\r', "").contains(forged), "{hostile:?}: {forged:?}");
            }
        }
    }

    #[test]
    fn an_address_is_one_address() {
        let long = format!("{}@acme.test", "a".repeat(1 << 20));
        for wrong in [
            "",
            "ada",
            "ada@",
            "@acme.test",
            "ada@acme.test, eve@evil.test",
            "ada@acme.test\r\nBcc: eve@evil.test",
            "ada@acme.test\r\nRCPT TO:<eve@evil.test>",
            "Ada <ada@acme.test>",
            "<ada@acme.test>",
            "ada@acme.test>",
            "ada @acme.test",
            "ada\0@acme.test",
            &long,
        ] {
            let answer = bytes(render(&letter()), wrong);
            assert!(matches!(answer, Err(Error::Address(_))), "{wrong:?}");
        }
        for right in ["ada@acme.test", "ada+tag@acme.test", "o'hara@acme.test", "zo\u{eb}@acme.test"] {
            assert!(bytes(render(&letter()), right).is_ok(), "{right:?}");
        }
    }

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        for right in ["usher@acme.test", "Usher <usher@acme.test>", "\"Acme, Inc.\" <usher@acme.test>"] {
            assert!(sender(right).is_ok(), "{right}");
        }
        for wrong in ["", "Usher", "a@b.c, d@e.f"] {
            assert!(sender(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_host_of_a_public_url_names_the_message() {
        for (url, host) in [
            ("https://usher.acme.test", "usher.acme.test"),
            ("http://127.0.0.1:8080", "127.0.0.1"),
            ("https://acme.test:443/usher", "acme.test"),
            ("http://[::1]:8080", "[::1]"),
            ("http://[::1]", "[::1]"),
        ] {
            assert_eq!(host_of(url), host, "{url}");
        }
    }
}
