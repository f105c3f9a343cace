//! A connection with an end to every wait: for the head of a request, between requests, and for the client to take an answer.
//!
//! The body of a request and the work of a handler have deadlines of their own, in `http`; while a handler works, only
//! writing is timed here.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use super::{Limits, Requests};

/// How a connection in HTTP/2 begins (RFC 9113 §3.4).
const HTTP2_PREFACE: &[u8] = b"PRI";

pub(super) struct Patient {
    stream: TcpStream,
    limits: Limits,
    requests: Arc<Requests>,
    /// How many requests had begun when `idle` was set.
    begun: usize,
    /// When the head that is being read must be whole. Set with its first byte, unset with the first byte of the answer.
    head: Option<Instant>,
    /// When there must be another request.
    idle: Option<Instant>,
    /// When the client must have taken some of what is being written.
    write: Option<Instant>,
    is_http2: bool,
    is_fresh: bool,
    timer: Pin<Box<Sleep>>,
}

impl Patient {
    pub(super) fn new(stream: TcpStream, limits: Limits, requests: Arc<Requests>) -> Self {
        Patient {
            stream,
            limits,
            requests,
            begun: 0,
            head: Some(Instant::now() + limits.head),
            idle: None,
            write: None,
            is_http2: false,
            is_fresh: true,
            timer: Box::pin(sleep(limits.head)),
        }
    }

    /// Ready once `deadline` has passed. The timer may ring early, which costs less than setting it anew for every request.
    fn poll_deadline(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<io::Error> {
        if self.timer.deadline() > deadline {
            self.timer.as_mut().reset(deadline);
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            if Instant::now() >= deadline {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            self.timer.as_mut().reset(deadline);
        }
    }

    /// What a read waits for, if not for a handler.
    fn read_deadline(&mut self) -> Option<Instant> {
        if self.is_handling() {
            (self.head, self.idle) = (None, None);
            return self.write;
        }
        let begun = self.requests.begun.load(Ordering::Relaxed);
        if begun != self.begun {
            (self.begun, self.idle) = (begun, None);
        }
        let idle = self.limits.idle;
        let idle = self.head.unwrap_or_else(|| *self.idle.get_or_insert_with(|| Instant::now() + idle));
        Some(self.write.map_or(idle, |write| write.min(idle)))
    }

    fn is_handling(&self) -> bool {
        self.requests.handling.load(Ordering::Relaxed) > 0
    }

    fn has_read(&mut self, bytes: &[u8]) {
        if self.is_fresh {
            self.is_fresh = false;
            self.is_http2 = bytes.starts_with(HTTP2_PREFACE);
        }
        // A connection in HTTP/2 reads much that belongs to no request; there, idleness alone is timed.
        if self.is_http2 {
            self.head = None;
        } else if self.head.is_none() && !self.is_handling() {
            self.idle = None;
            self.head = Some(Instant::now() + self.limits.head);
        }
    }

    fn written(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if outcome.is_ready() {
            (self.head, self.write) = (None, None);
            return outcome;
        }
        let limit: Duration = self.limits.write;
        let deadline = *self.write.get_or_insert_with(|| Instant::now() + limit);
        self.poll_deadline(cx, deadline).map(Err)
    }
}

impl AsyncRead for Patient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if let Poll::Ready(outcome) = Pin::new(&mut self.stream).poll_read(cx, buf) {
            if buf.filled().len() > before {
                self.has_read(&buf.filled()[before..]);
            }
            return Poll::Ready(outcome);
        }
        match self.read_deadline() {
            Some(deadline) => self.poll_deadline(cx, deadline).map(Err),
            None => Poll::Pending,
        }
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
