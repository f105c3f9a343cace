//! A mail server of any mood.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What a line is answered with, if not as usual.
pub(super) type Mood = fn(&str) -> Option<&'static str>;

/// How long `WAIT` lets us wait.
pub(super) const WAIT: Duration = Duration::from_millis(300);

/// A mail server that greets, and then answers each line as `mood` says; `END` is that after the text, `HELLO` the connection.
/// Nothing is the end, and then there are `HANG`, `WAIT …`, `DRIP` (a byte now and then) and `FLOOD` (ten megabytes without an end
/// of line). Sends what it was given as DATA.
pub(super) async fn server(mood: Mood) -> (u16, mpsc::UnboundedReceiver<String>) {
    let (port, given, _) = counting_server(mood).await;
    (port, given)
}

/// The same, and how many connections it got.
pub(super) async fn counting_server(mood: Mood) -> (u16, mpsc::UnboundedReceiver<String>, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (taken, given) = mpsc::unbounded_channel();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(session(stream, mood, taken.clone()));
        }
    });
    (port, given, connections)
}

async fn session(stream: TcpStream, mood: Mood, taken: mpsc::UnboundedSender<String>) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let mut line = "HELLO".to_owned();
    loop {
        let usual = match line.split_whitespace().next().unwrap_or_default() {
            "HELLO" => "220 sink",
            "EHLO" => "250-sink\r\n250 8BITMIME",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            "END" => "250 2.0.0 queued as 42",
            _ => "250 ok",
        };
        let answer = mood(&line).unwrap_or(usual);
        let answer = match answer.split_once(' ') {
            Some(("WAIT", answer)) => {
                tokio::time::sleep(WAIT).await;
                answer
            }
            _ => answer,
        };
        let sent = match answer {
            "" => return,
            "HANG" => std::future::pending().await,
            "DRIP" => loop {
                tokio::time::sleep(WAIT / 10).await;
                if write.write_all(b"2").await.is_err() {
                    return;
                }
            },
            "FLOOD" => write.write_all(&vec![b'2'; 10 << 20]).await,
            answer => write.write_all(format!("{answer}\r\n").as_bytes()).await,
        };
        if sent.is_err() {
            return;
        }
        line.clear();
        if answer.starts_with("354") {
            let mut letter = String::new();
            while !letter.ends_with("\r\n.\r\n") && read.read_line(&mut letter).await.is_ok_and(|count| count > 0) {}
            let _ = taken.send(letter);
            line.push_str("END");
        } else if !read.read_line(&mut line).await.is_ok_and(|count| count > 0) {
            return;
        }
    }
}
