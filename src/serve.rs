//! The accept loop: connections in, answers out, and an end that comes when it is asked for.
//!
//! poem's own server has no protection against slow clients, spins when descriptors run out, and hangs at shutdown on half a
//! request. This one bounds connections and every wait on one of them; `serve::patience` holds the clock.

mod patience;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::http::uri::Scheme;
use hyper::{Request, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use poem::endpoint::BoxEndpoint;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Endpoint, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, watch};

use patience::Patient;

/// How much a client may ask of our patience.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at one time; further ones wait to be accepted.
    pub connections: usize,
    /// For the head of a request, from its first byte; for the first byte, from the connection.
    pub head: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// For the client to take some of an answer.
    pub write: Duration,
    /// For what is under way at shutdown.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 4096,
            head: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            write: Duration::from_secs(30),
            drain: Duration::from_secs(20),
        }
    }
}

/// Bytes of a request's head: a filter of 8 KiB, percent-encoded, and a token fit in. Of lines, hyper takes 100; to say so would cost
/// two allocations a request.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long to leave `accept` alone when it fails, for want of descriptors mostly (D-2).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers with `endpoint` whoever connects to `listener`, until `shutdown` ends. Then nobody new is let in, what is under way
/// is finished, and after [`Limits::drain`] the rest is cut (D-3).
pub async fn serve(
    listener: TcpListener,
    endpoint: BoxEndpoint<'static, Response>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let site = Arc::new(Site { endpoint, builder: builder(limits), limits });
    let slots = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let (cut, _) = watch::channel(());
    let mut is_failing = false;
    tokio::pin!(shutdown);
    loop {
        let slot = tokio::select! {
            () = &mut shutdown => break,
            slot = slots.clone().acquire_owned() => slot.expect("the semaphore is never closed"),
        };
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, remote) = match accepted {
            Ok(connection) => connection,
            Err(error) => {
                if !is_failing {
                    tracing::warn!(error = &error as &dyn std::error::Error, "connections cannot be accepted");
                }
                is_failing = true;
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        is_failing = false;
        let (site, watcher, mut end) = (site.clone(), graceful.watcher(), cut.subscribe());
        tokio::spawn(async move {
            tokio::select! {
                () = site.converse(stream, remote, watcher) => {}
                _ = end.changed() => {}
            }
            drop(slot);
        });
    }
    drop(listener);
    let open = graceful.count();
    tracing::info!(connections = open, "shutting down");
    if tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were cut, they took too long to end");
    }
    drop(cut);
}

/// What ends with SIGTERM or SIGINT, which are heard from this call on. A second one ends the process at once, which loses nothing
/// that was acknowledged.
pub fn signalled() -> std::io::Result<BoxFuture<'static, ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(Box::pin(async move {
        either(&mut terminate, &mut interrupt).await;
        tokio::spawn(async move {
            either(&mut terminate, &mut interrupt).await;
            std::process::exit(1);
        });
    }))
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

fn builder(limits: Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // Counts from the last answer, so it bounds idleness; `Patient` has the shorter time for a head that has begun.
        .header_read_timeout(limits.idle)
        .max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(100)
        .max_send_buf_size(256 * 1024)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

type Answer = hyper::Response<http_body_util::combinators::BoxBody<bytes::Bytes, std::io::Error>>;

/// What all connections share.
struct Site {
    endpoint: BoxEndpoint<'static, Response>,
    builder: auto::Builder<TokioExecutor>,
    limits: Limits,
}

impl Site {
    /// All requests of one connection. How it ends is the client's business: what matters was logged with the answer.
    async fn converse(self: Arc<Self>, stream: TcpStream, remote: SocketAddr, watcher: Watcher) {
        let Ok(local) = stream.local_addr() else { return };
        // Answers are written whole; waiting for more of them only delays the last.
        let _ = stream.set_nodelay(true);
        let requests = Arc::new(Requests::default());
        let io = TokioIo::new(Patient::new(stream, self.limits, requests.clone()));
        let site = self.clone();
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let (site, turn) = (site.clone(), Turn::begin(&requests));
            async move {
                let _turn = turn;
                if is_host_missing(&request) {
                    return Ok(no_host());
                }
                let (local, remote) = (LocalAddr(Addr::SocketAddr(local)), RemoteAddr(Addr::SocketAddr(remote)));
                let request = poem::Request::from((request, local, remote, Scheme::HTTP));
                Ok::<Answer, Infallible>(site.endpoint.get_response(request).await.into())
            }
        });
        let _ = watcher.watch(self.builder.serve_connection(io, service).into_owned()).await;
    }
}

/// SEC S-03. hyper itself refuses two framings in one message, or closes after it.
fn is_host_missing(request: &Request<Incoming>) -> bool {
    request.version() == Version::HTTP_11 && !request.headers().contains_key(HOST)
}

fn no_host() -> Answer {
    let mut response = Response::builder().status(StatusCode::BAD_REQUEST).body("the `Host` header is missing\n");
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response.into()
}

/// What the requests of one connection tell its [`Patient`].
#[derive(Default)]
struct Requests {
    /// In the hands of handlers.
    handling: AtomicUsize,
    /// Ever begun.
    begun: AtomicUsize,
}

/// One request in the hands of its handler.
struct Turn(Arc<Requests>);

impl Turn {
    fn begin(requests: &Arc<Requests>) -> Turn {
        requests.begun.fetch_add(1, Ordering::Relaxed);
        requests.handling.fetch_add(1, Ordering::Relaxed);
        Turn(requests.clone())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.handling.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use poem::EndpointExt;
    use poem::endpoint::make;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;
    use tokio::time::{Instant, sleep, timeout};

    use super::*;

    const SHORT: Duration = Duration::from_millis(300);
    const SOON: Duration = Duration::from_secs(5);

    fn limits() -> Limits {
        Limits { connections: 8, head: SHORT, idle: SHORT * 4, write: SHORT, drain: SHORT }
    }

    /// A server whose handler reads the body and works for twice [`SHORT`].
    async fn start(limits: Limits) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let endpoint = make(|request: poem::Request| async move {
            let body = request.into_body().into_bytes().await.map_err(poem::Error::from)?;
            if body.as_ref() == b"slow" {
                sleep(SHORT * 2).await;
            }
            Ok::<_, poem::Error>(Response::builder().body(if body.is_empty() { vec![b'x'; 3] } else { b"done".to_vec() }))
        });
        let (end, ended) = oneshot::channel();
        let server = tokio::spawn(serve(listener, endpoint.map_to_response().boxed(), limits, async {
            let _ = ended.await;
        }));
        (address, end, server)
    }

    async fn say(stream: &mut TcpStream, words: &str) {
        stream.write_all(words.as_bytes()).await.expect("the server reads");
    }

    /// All that comes until the server closes, and how long that took.
    async fn rest(stream: &mut TcpStream) -> (String, Duration) {
        let started = Instant::now();
        let mut bytes = Vec::new();
        let _ = timeout(SOON, stream.read_to_end(&mut bytes)).await.expect("the server closes");
        (String::from_utf8_lossy(&bytes).into_owned(), started.elapsed())
    }

    async fn answer(stream: &mut TcpStream) -> String {
        let mut bytes = [0; 1024];
        let count = timeout(SOON, stream.read(&mut bytes)).await.expect("an answer").expect("no error");
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    }

    #[tokio::test]
    async fn a_silent_a_partial_and_a_dripping_head_are_cut() {
        // H-09, D-1, SEC F-31.
        let (address, _end, _server) = start(limits()).await;
        for words in ["", "P", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\nX-"] {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            say(&mut stream, words).await;
            let (text, took) = rest(&mut stream).await;
            assert!(text.is_empty() && took >= SHORT / 2 && took < SHORT * 4, "{words:?}: {text:?} in {took:?}");
        }
        let (mut reader, mut writer) = TcpStream::connect(address).await.expect("a connection").into_split();
        let dripping = tokio::spawn(async move {
            for byte in b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".iter() {
                if writer.write_all(&[*byte]).await.is_err() {
                    break;
                }
                sleep(SHORT / 6).await;
            }
        });
        let started = Instant::now();
        let _ = timeout(SOON, reader.read_to_end(&mut Vec::new())).await.expect("the server closes");
        assert!(started.elapsed() < SHORT * 4, "{:?}", started.elapsed());
        dripping.abort();
    }

    #[tokio::test]
    async fn a_slow_handler_and_a_pause_between_requests_are_not_cut() {
        let (address, _end, _server) = start(limits()).await;
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        for _ in 0..2 {
            say(&mut stream, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nslow").await;
            assert!(answer(&mut stream).await.ends_with("done"));
            sleep(SHORT * 2).await;
        }
        let (text, _) = rest(&mut stream).await;
        assert!(text.is_empty(), "idle for too long, closed without a word: {text:?}");
    }

    #[tokio::test]
    async fn a_request_without_a_host_or_with_two_lengths_is_refused() {
        // SEC S-03.
        let (address, _end, _server) = start(limits()).await;
        for head in [
            "GET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        ] {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            say(&mut stream, head).await;
            let (text, _) = rest(&mut stream).await;
            assert!(text.starts_with("HTTP/1.1 400 "), "{head:?}: {text:?}");
        }
    }

    #[tokio::test]
    async fn of_two_framings_the_chunked_one_counts_and_the_connection_closes() {
        // SEC S-03; RFC 9112 §6.3.
        let (address, _end, _server) = start(limits()).await;
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n";
        say(&mut stream, &format!("{head}0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        let (text, _) = rest(&mut stream).await;
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{text}");
    }

    #[tokio::test]
    async fn shutdown_finishes_what_runs_and_cuts_half_a_request() {
        // D-3, SEC F-29.
        let (address, end, server) = start(Limits { head: SOON, drain: SHORT * 4, ..limits() }).await;
        let mut half = TcpStream::connect(address).await.expect("a connection");
        say(&mut half, "GET / HTTP/1.1\r\nHo").await;
        let mut whole = TcpStream::connect(address).await.expect("a connection");
        say(&mut whole, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nslow").await;
        sleep(SHORT / 2).await;
        let _ = end.send(());
        assert!(rest(&mut whole).await.0.ends_with("done"));
        timeout(SOON, server).await.expect("the server ends").expect("without a panic");
        assert!(TcpStream::connect(address).await.is_err(), "nobody new is let in");
        assert!(rest(&mut half).await.0.is_empty());
    }

    #[tokio::test]
    async fn connections_beyond_the_cap_wait_their_turn() {
        let (address, _end, _server) = start(Limits { connections: 1, head: SOON, ..limits() }).await;
        let mut first = TcpStream::connect(address).await.expect("a connection");
        say(&mut first, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(answer(&mut first).await.ends_with("xxx"));
        let mut second = TcpStream::connect(address).await.expect("in the backlog");
        say(&mut second, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(timeout(SHORT, second.read(&mut [0; 1])).await.is_err(), "no slot yet");
        drop(first);
        assert!(answer(&mut second).await.ends_with("xxx"));
    }
}
