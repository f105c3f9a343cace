//! The least HTTP client that keeps connections busy: ready bytes out, head and length in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A whole request, as bytes.
pub(crate) fn request(method: &str, path: &str, token: &str, body: Option<&str>) -> Arc<[u8]> {
    let body = body.unwrap_or_default();
    let length = if method == "GET" {
        String::new()
    } else {
        format!("Content-Type: application/scim+json\r\nContent-Length: {}\r\n", body.len())
    };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: bench.test\r\nAuthorization: Bearer {token}\r\n{length}\r\n");
    (head + body).into_bytes().into()
}

/// Requests a second over `connections`, each sending its next as soon as it has its answer.
///
/// `make` gets a number that no other request of the run has.
pub(crate) async fn drive<F>(address: SocketAddr, connections: usize, time: Duration, make: F) -> f64
where
    F: Fn(u64) -> Arc<[u8]>,
{
    let next = AtomicU64::new(0);
    let start = Instant::now();
    let end = start + time;
    let one = async || {
        let mut connection = Connection::open(address).await;
        let mut answered = 0u64;
        while Instant::now() < end {
            connection.ask(&make(next.fetch_add(1, Ordering::Relaxed))).await;
            answered += 1;
        }
        answered
    };
    let answered: u64 = futures_util::future::join_all((0..connections).map(|_| one())).await.into_iter().sum();
    answered as f64 / start.elapsed().as_secs_f64()
}

/// The body of one answer.
pub(crate) async fn body(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut connection = Connection::open(address).await;
    connection.ask(request).await;
    connection.answer.split_off(connection.body_at)
}

struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
    body_at: usize,
}

impl Connection {
    async fn open(address: SocketAddr) -> Connection {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a socket option");
        Connection { stream, answer: Vec::with_capacity(64 * 1024), body_at: 0 }
    }

    /// Sends, and reads the whole answer, which must be a good one.
    async fn ask(&mut self, request: &[u8]) {
        self.stream.write_all(request).await.expect("the server reads");
        self.answer.clear();
        let mut whole = usize::MAX;
        while self.answer.len() < whole {
            let read = self.stream.read_buf(&mut self.answer).await.expect("the server answers");
            assert!(read > 0, "the server closed: {}", String::from_utf8_lossy(&self.answer));
            if whole == usize::MAX
                && let Some(end) = self.answer.windows(4).position(|four| four == b"\r\n\r\n")
            {
                self.body_at = end + 4;
                whole = self.body_at + length(&self.answer[..end]);
            }
        }
        let good = self.answer.starts_with(b"HTTP/1.1 2");
        assert!(good, "{}\n{}", String::from_utf8_lossy(request), String::from_utf8_lossy(&self.answer));
    }
}

fn length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let value = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    value.map_or(0, |value| value.trim().parse().expect("a length"))
}
