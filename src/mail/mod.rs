//! Letters: facts in, a finished message out.
//!
//! Nothing here sends: `worker` does. Every text that a person chose passes [`text`] first, so that no name can break a
//! header, forge a line or take the carrier down (D-6).

pub mod catalogue;
pub mod invitation;
pub mod letterhead;
pub mod text;

use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, MultiPartKind, SinglePart};
use lettre::{Address, Message};
use uuid::Uuid;

pub use catalogue::{Catalogue, choose};
pub use invitation::{Invitation, Kind, Rendered, render};
pub use letterhead::Letterhead;

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

/// `From` of an org's letters: the server's address, which is the one that may send, under the org's own name.
pub fn from(letterhead: &Letterhead, sender: &Mailbox) -> Mailbox {
    let name = letterhead.sender.as_deref().map(text::line).filter(|name| !name.is_empty());
    Mailbox::new(name.or_else(|| sender.name.clone()), sender.email.clone())
}

/// A message with `rendered` as text and HTML, to one recipient.
///
/// Two calls with the same arguments give the same bytes: `id` becomes the `Message-ID` (SEC F-16) and the boundary of the parts.
/// `host` is that of the public URL.
pub fn message(
    rendered: Rendered,
    letterhead: &Letterhead,
    sender: &Mailbox,
    to: &str,
    id: Uuid,
    host: &str,
    date: Timestamp,
) -> Result<Message, Error> {
    let to: Address = to.parse().map_err(|_| Error::Address(to.to_owned()))?;
    let since_1970 = Duration::from_millis(date.0.clamp(0, 253_402_300_799_000).unsigned_abs());
    let parts = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        // RFC 2045 §6.7: quoted-printable text never holds `=_`, so no message can forge the boundary.
        .boundary(format!("=_{}", id.simple()))
        .singlepart(part(ContentType::TEXT_PLAIN, rendered.text)?)
        .singlepart(part(ContentType::TEXT_HTML, rendered.html)?);
    let mut builder = Message::builder().from(from(letterhead, sender));
    if let Some(reply_to) = &letterhead.reply_to {
        builder = builder.reply_to(Mailbox::new(None, reply_to.clone()));
    }
    builder
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
    use proptest::strategy::Strategy;

    const DATE: Timestamp = Timestamp(1_795_495_200_000);

    fn bytes(rendered: Rendered, to: &str) -> Result<Vec<u8>, Error> {
        let (from, none) = (sender("Usher <usher@acme.test>")?, Letterhead::default());
        Ok(message(rendered, &none, &from, to, Uuid::from_u128(7), "usher.acme.test", DATE)?.formatted())
    }

    #[test]
    fn the_same_letter_is_the_same_bytes() {
        let one = bytes(render(&letter()), "ada@acme.test").expect("a message");
        assert_eq!(one, bytes(render(&letter()), "ada@acme.test").expect("a message"));
        insta::assert_snapshot!(String::from_utf8(one).expect("ASCII").replace("\r\n", "\n"));
    }

    /// Of every message; `reply-to` only where the org chose one.
    const HEADERS: [&str; 10] = [
        "from",
        "reply-to",
        "to",
        "subject",
        "date",
        "message-id",
        "auto-submitted",
        "content-language",
        "mime-version",
        "content-type",
    ];

    /// Names that people, identity providers and attackers send.
    const HOSTILE: &[&str] = &[
        "Ada\r\nBcc: eve@evil.test",
        "Ada\nSubject: x\n\nbody",
        "Ada\r",
        "\0Ada\0",
        "Ada\u{2028}Bcc: eve@evil.test\u{2029}\u{85}x",
        "\"Ada\" <eve@evil.test>, eve2@evil.test",
        "=?utf-8?q?Bcc:_eve=40evil.test?=",
        "=?utf-8?q?=0D=0ABcc:_eve=40evil.test?= =?utf-8?b?DQpCY2M6IGV2ZUBldmlsLnRlc3Q=?=",
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

    /// Whatever people, groups, orgs and letterheads are called: one recipient, the fixed headers, two parts, one link.
    fn check(hostile: &str) {
        let mut letter = letter();
        letter.inviter = Some(hostile.into());
        letter.user_name = hostile.into();
        letter.path = vec![hostile.into(), hostile.into()];
        letter.groups = vec![hostile.into()];
        letter.message = Some(hostile.into());
        letter.letterhead = Letterhead {
            sender: Some(hostile.into()),
            reply_to: "help@acme.test".parse().ok(),
            color: hostile.chars().take(7).collect(),
            logo: None,
            footer: Some(hostile.into()),
            language: None,
        };
        let sender = sender("Usher <usher@acme.test>").expect("a sender");
        let id = Uuid::from_u128(7);
        let message = message(render(&letter), &letter.letterhead, &sender, "ada@acme.test", id, "usher.acme.test", DATE);
        let sent = message.expect("a message").formatted();
        assert!(sent.len() < 64 * 1024, "{} bytes", sent.len());
        let parsed = MessageParser::default().parse(&sent).expect("a message");
        let names: Vec<_> = parsed.headers().iter().map(|header| header.name().to_ascii_lowercase()).collect();
        assert_eq!(names, HEADERS, "{hostile:?}");
        for (header, expected) in
            [(parsed.to(), "ada@acme.test"), (parsed.from(), "usher@acme.test"), (parsed.reply_to(), "help@acme.test")]
        {
            let found: Vec<_> = header.into_iter().flat_map(|list| list.iter()).map(|one| one.address()).collect();
            assert_eq!(found, [Some(expected)], "{hostile:?}");
        }
        let name = parsed.from().and_then(|from| from.first()).and_then(|from| from.name()).unwrap_or_default();
        assert!(!name.chars().any(char::is_control), "{name:?}");
        assert_eq!(parsed.parts.len(), 3, "{hostile:?}");
        assert!(parsed.parts.iter().all(|part| part.attachment_name().is_none()));
        let subject = parsed.subject().expect("a subject");
        assert!(!subject.chars().any(char::is_control), "{subject:?}");
        let html = parsed.body_html(0).expect("an HTML part");
        assert_eq!(html.matches("<a ").count(), 1, "{hostile:?}");
        for bad in ["<script", "<img", "777", "xxxxxxxxx</"] {
            assert!(!html.contains(bad), "{hostile:?}: {bad}");
        }
        let tags = |html: &str| html.matches('<').count();
        let mut plain = letter.clone();
        (plain.inviter, plain.user_name, plain.path) = (Some("x".into()), "x".into(), vec!["x".into(), "x".into()]);
        (plain.groups, plain.message) = (vec!["x".into()], Some("x".into()));
        plain.letterhead.footer = Some("x".into());
        // A line of the message is one tag more.
        assert!(tags(&html) <= tags(&render(&plain).html) + text::lines(hostile).len(), "{hostile:?}: {html}");
        let text = parsed.body_text(0).expect("a text part");
        assert_eq!(text.matches("://").count(), 1, "{hostile:?}: {text}");
        assert!(!text.replace('\r', "").contains("\n.\n"), "{hostile:?}: {text}");
    }

    #[test]
    fn no_name_breaks_out_of_its_place() {
        // S-71, S-72, V-57, SEC F-20.
        let long = "x\u{301}".repeat(1 << 19);
        HOSTILE.iter().copied().chain([long.as_str()]).for_each(check);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]
        #[test]
        fn nor_does_any_text_made_of_what_steers_a_message(
            text in proptest::collection::vec(
                proptest::prop_oneof![
                    proptest::sample::select(vec![
                        "\r", "\n", "\r\n", "\0", ":", ",", ";", "<", ">", "\"", "\\", "@", ".", "\r\n.\r\n", "=?", "?=",
                        "utf-8", "?q?", "?b?", "=0D=0A", "DQpCY2M6", "Bcc: eve@evil.test", "<eve@evil.test>", "--=_", "{org}", "{{",
                        "://", "&", "&lt;", "'", "\u{202e}", "\u{2028}", "\u{85}", "\u{feff}", "\t", " ", "(", ")", "[", "]",
                    ]).prop_map(str::to_owned),
                    proptest::prelude::any::<char>().prop_map(String::from),
                ],
                0..40,
            )
        ) {
            check(&text.concat());
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
