//! A mail server: connections that are used again, and a conversation of which we know how far it got when it broke off.
//!
//! lettre's own transport does not tell whether a failure came before or after the text was handed over, and reads a reply of
//! any length.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use lettre::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::post::{Failure, Tls};
use crate::outbox::Shares;

/// What arrives between two things we say, at the most. RFC 5321 §4.5.3.1.5 gives a line of a reply 512 bytes; a handshake of TLS
/// fits as well.
const REPLY_BYTES_MAX: usize = 128 * 1024;
/// A connection that has not been used for so long is given up.
const IDLE: Duration = Duration::from_secs(30);

/// How to reach a mail server, and the connections to it that nobody uses at present.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Tls,
    pub(super) parameters: Option<TlsParameters>,
    pub(super) credentials: Option<Credentials>,
    pub(super) hello: ClientId,
    pub(super) deadlines: Deadlines,
    pub(super) idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

/// How long the server may take (SEC F-19): one that sends a byte a second must not hold a letter for ever.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    /// For one step of the conversation.
    pub(super) step: Duration,
    /// For all of it.
    pub(super) whole: Duration,
}

/// How far the conversation has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not yet about this letter: whatever is refused may be the server's trouble or the operator's.
    Hello,
    /// Sender and recipient.
    Envelope,
    /// The text: it may be delivered even if no answer comes (SEC F-18).
    Text,
}

impl Server {
    /// Sends `message`, and returns what the server said. `begin` runs right before the text is handed over; where it fails,
    /// nothing is.
    pub(super) async fn send(
        &self,
        message: &Message,
        begin: impl Future<Output = Result<(), Failure>>,
    ) -> Result<String, Failure> {
        let mut stage = Stage::Hello;
        match timeout(self.deadlines.whole, self.converse(message, begin, &mut stage)).await {
            Ok(ended) => ended,
            Err(_) => Err(late(stage, self.deadlines.whole)),
        }
    }

    async fn converse(
        &self,
        message: &Message,
        begin: impl Future<Output = Result<(), Failure>>,
        stage: &mut Stage,
    ) -> Result<String, Failure> {
        let mut connection = self.connection().await?;
        *stage = Stage::Envelope;
        let envelope = message.envelope();
        let is_ascii = envelope.from().into_iter().chain(envelope.to()).all(|address| address.to_string().is_ascii());
        if !is_ascii && !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Failure::Permanent("the mail server takes no address beyond ASCII (RFC 6531)".into()));
        }
        let parameters = if is_ascii { vec![] } else { vec![MailParameter::SmtpUtfEight] };
        self.step(*stage, connection.command(Mail::new(envelope.from().cloned(), parameters))).await?;
        for to in envelope.to() {
            self.step(*stage, connection.command(Rcpt::new(to.clone(), vec![]))).await?;
        }
        begin.await?;
        self.step(*stage, connection.command(Data)).await?;
        *stage = Stage::Text;
        let response = self.step(*stage, connection.message(&message.formatted())).await?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < Shares::ALL {
            idle.push((connection, Instant::now()));
        }
        let words: Vec<&str> = response.message().collect();
        Ok(format!("{} {}", response.code(), words.join(" ")))
    }

    /// One that is open and answers, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, Failure> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some((mut connection, since)) = idle else { return self.connect().await };
            if since.elapsed() < IDLE && timeout(self.deadlines.step, connection.test_connected()).await == Ok(true) {
                return Ok(connection);
            }
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let (stage, hello) = (Stage::Hello, &self.hello);
        let server = (self.host.as_str(), self.port);
        let mut connection = if self.tls == Tls::Tls {
            let parameters = self.parameters.clone();
            self.step(stage, AsyncSmtpConnection::connect_tokio1(server, None, hello, parameters, None)).await?
        } else {
            self.connect_plain(server).await?
        };
        if let Some(credentials) = &self.credentials {
            self.step(stage, connection.auth(DEFAULT_MECHANISMS, credentials)).await?;
        }
        Ok(connection)
    }

    /// Not encrypted, or encrypted after the greeting.
    async fn connect_plain(&self, server: (&str, u16)) -> Result<AsyncSmtpConnection, Failure> {
        let (stage, hello) = (Stage::Hello, &self.hello);
        let stream = match timeout(self.deadlines.step, TcpStream::connect(server)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(Failure::Transient(format!("{}:{}: {error}", self.host, self.port))),
            Err(_) => return Err(late(stage, self.deadlines.step)),
        };
        let _ = stream.set_nodelay(true);
        let stream = Box::new(Bounded { stream, count: 0 });
        let mut connection = self.step(stage, AsyncSmtpConnection::connect_with_transport(stream, hello)).await?;
        if let Some(parameters) = self.parameters.clone() {
            self.step(stage, connection.starttls(parameters, hello)).await?;
        }
        Ok(connection)
    }

    async fn step<T>(&self, stage: Stage, what: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
        match timeout(self.deadlines.step, what).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(self.refusal(stage, &error)),
            Err(_) => Err(late(stage, self.deadlines.step)),
        }
    }

    /// SEC F-21: a 5xx about the letter is final; a 4xx, and whatever kept us from an answer, may pass.
    fn refusal(&self, stage: Stage, error: &Error) -> Failure {
        let mut words = error.to_string();
        let mut is_garbled = error.is_response() && self.tls != Tls::Tls;
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            let cause_words = cause.to_string();
            if !words.contains(&cause_words) {
                words = format!("{words}: {cause_words}");
            }
            is_garbled |= cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::InvalidData);
            source = cause.source();
        }
        match stage {
            Stage::Envelope | Stage::Text if error.is_permanent() => Failure::Permanent(words),
            Stage::Text if !error.is_transient() => Failure::Unclear(words),
            Stage::Hello | Stage::Envelope if is_garbled => Failure::Garbled(words),
            _ => Failure::Transient(words),
        }
    }
}

fn late(stage: Stage, deadline: Duration) -> Failure {
    let words = format!("no answer within {} s", deadline.as_secs_f32());
    if stage == Stage::Text { Failure::Unclear(words) } else { Failure::Transient(words) }
}

/// A stream on which nobody talks for ever: SEC F-21.
#[derive(Debug)]
struct Bounded {
    stream: TcpStream,
    /// Bytes that have arrived since we spoke.
    count: usize,
}

impl AsyncRead for Bounded {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let count = buffer.filled().len() - before;
        self.count += count;
        Poll::Ready(match count {
            // lettre takes the end for a reply that makes no sense.
            0 if buffer.remaining() > 0 => Err(io::Error::new(ErrorKind::UnexpectedEof, "the mail server hung up")),
            _ if self.count > REPLY_BYTES_MAX => Err(io::Error::new(ErrorKind::InvalidData, "the reply has no end")),
            _ => Ok(()),
        })
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.count = 0;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncTokioStream for Bounded {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}
