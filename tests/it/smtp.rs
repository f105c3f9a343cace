//! A mail server of a few lines: takes every letter on loopback and hands it to the test.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

use mail_parser::{Message, MessageParser};

/// Where letters arrive. The thread ends with the test's process.
pub(crate) struct Sink {
    /// Listens here.
    pub(crate) address: SocketAddr,
    letters: mpsc::Receiver<Letter>,
}

/// A letter as it was handed over.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    /// `MAIL FROM`
    pub(crate) from: String,
    /// `RCPT TO`, each
    pub(crate) to: Vec<String>,
    /// Header and body.
    pub(crate) bytes: Vec<u8>,
}

impl Sink {
    /// Listens on a free port.
    pub(crate) fn start() -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (send, letters) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let send = send.clone();
                thread::spawn(move || session(&stream, &send));
            }
        });
        Sink { address, letters }
    }

    /// The next letter, waited for.
    #[track_caller]
    pub(crate) fn next(&self) -> Letter {
        self.letters.recv_timeout(Duration::from_secs(30)).expect("a letter arrives in time")
    }

    /// Whether a further letter comes within this time.
    pub(crate) fn another_within(&self, time: Duration) -> Option<Letter> {
        self.letters.recv_timeout(time).ok()
    }
}

impl Letter {
    /// Parsed by somebody else's parser.
    #[track_caller]
    pub(crate) fn parse(&self) -> Message<'_> {
        MessageParser::default().parse(&self.bytes).expect("it is a message")
    }

    /// The one link to an invitation; text and HTML must agree on it.
    #[track_caller]
    pub(crate) fn link(&self) -> String {
        let message = self.parse();
        let plain = message.body_text(0).expect("a text part");
        let html = message.body_html(0).expect("an HTML part");
        let link = plain.split_whitespace().find(|word| word.contains("/invitations/")).expect("a link in the text");
        let html = html.replace("&amp;", "&").replace("&#x2f;", "/").replace("&#x3d;", "=");
        let mut hrefs = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        let href = hrefs.find(|href| href.contains("/invitations/")).expect("a link in the HTML");
        assert_eq!(link, href, "text and HTML disagree");
        link.to_owned()
    }
}

/// RFC 5321, as much of it as a client needs to get rid of a letter.
fn session(stream: &TcpStream, send: &mpsc::Sender<Letter>) {
    let mut lines = BufReader::new(stream);
    let mut out = stream;
    let mut say = |line: &str| out.write_all(line.as_bytes()).and_then(|()| out.write_all(b"\r\n")).is_ok();
    let mut letter = Letter { from: String::new(), to: Vec::new(), bytes: Vec::new() };
    if !say("220 sink.test ESMTP") {
        return;
    }
    while let Some(line) = line(&mut lines) {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        let verb = text.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let went_on = match verb.as_str() {
            "EHLO" => say("250-sink.test\r\n250-8BITMIME\r\n250 SMTPUTF8"),
            "HELO" | "NOOP" => say("250 sink.test"),
            "RSET" => {
                letter = Letter { from: String::new(), to: Vec::new(), bytes: Vec::new() };
                say("250 forgotten")
            }
            "MAIL" => {
                letter = Letter { from: path(&text), to: Vec::new(), bytes: Vec::new() };
                say("250 ok")
            }
            "RCPT" => {
                letter.to.push(path(&text));
                say("250 ok")
            }
            "DATA" => {
                if !say("354 go on") {
                    return;
                }
                letter.bytes = data(&mut lines);
                let _ = send.send(letter.clone());
                say("250 taken")
            }
            "QUIT" => {
                say("221 bye");
                return;
            }
            _ => say("502 not here"),
        };
        if !went_on {
            return;
        }
    }
}

fn line(lines: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    let read = lines.read_until(b'\n', &mut line).ok()?;
    (read > 0).then_some(line)
}

/// Up to the lonely dot; a doubled one at the start of a line is one (RFC 5321 §4.5.2).
fn data(lines: &mut impl BufRead) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(line) = line(lines) {
        if line == b".\r\n" {
            break;
        }
        bytes.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
    bytes
}

/// What stands between the angle brackets.
fn path(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}
