//! The two ways out: a mail server, or a folder of `.eml` files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls as SmtpTls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{self, AsyncSmtpTransport};
use lettre::{AsyncTransport, Message, Tokio1Executor};
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use serde::Deserialize;

use crate::base::Secret;
use crate::mail;

/// How letters leave.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// The sender, as `address` or `Name <address>`.
    pub from: String,
    /// Where they go.
    pub transport: Transport,
}

/// Where letters go.
#[derive(Clone, Debug)]
pub enum Transport {
    /// To a mail server.
    Smtp {
        /// Its name, also the one its certificate must show.
        host: String,
        /// Its port.
        port: u16,
        /// How the connection is protected.
        tls: Tls,
        /// Name to sign in with; nobody signs in without.
        user: Option<String>,
        /// Its password.
        password: Option<Secret<String>>,
    },
    /// Into a folder, one `.eml` file a letter.
    Files {
        /// Made if it is not there.
        dir: PathBuf,
    },
}

/// RFC 8314 and RFC 3207.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// Plain text, for a server on this machine.
    None,
    /// Starts plain and must become TLS; a server that cannot is refused.
    Starttls,
    /// TLS from the first byte.
    Tls,
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The sender is none.
    #[error(transparent)]
    Sender(#[from] mail::Error),
    /// TLS could not be set up for this host.
    #[error("TLS for the mail server {host:?} cannot be set up")]
    Tls {
        /// The configured name.
        host: String,
        /// Why.
        #[source]
        source: smtp::Error,
    },
    /// The folder cannot be made.
    #[error("the folder {} for letters cannot be made", dir.display())]
    Folder {
        /// Which.
        dir: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// How a try failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Trying again would not help.
    Permanent(String),
    /// It may work later.
    Transient(String),
    /// The conversation broke off, or what came is no SMTP. The letter may have been taken.
    Unclear(String),
}

/// An open way out.
pub struct Post {
    pub(super) from: Mailbox,
    way: Way,
}

enum Way {
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>),
    Files(PathBuf),
}

/// Of one step of the conversation with the mail server.
const STEP_DEADLINE: Duration = Duration::from_secs(30);
/// Of the whole conversation (SEC F-19): a server that sends one byte a second must not hold a letter for ever.
pub(super) const SEND_DEADLINE: Duration = Duration::from_secs(90);

impl Post {
    /// Checks `settings`; connects nowhere yet. `host` is how we introduce ourselves to the mail server.
    pub fn open(settings: &MailSettings, host: &str) -> Result<Post, Error> {
        let from = mail::sender(&settings.from)?;
        let way = match &settings.transport {
            Transport::Files { dir } => {
                make_private_folder(dir).map_err(|source| Error::Folder { dir: dir.clone(), source })?;
                Way::Files(dir.clone())
            }
            Transport::Smtp { host: server, port, tls, user, password } => {
                let parameters =
                    || TlsParameters::new(server.clone()).map_err(|source| Error::Tls { host: server.clone(), source });
                let tls = match tls {
                    Tls::None => SmtpTls::None,
                    Tls::Starttls => SmtpTls::Required(parameters()?),
                    Tls::Tls => SmtpTls::Wrapper(parameters()?),
                };
                let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server)
                    .port(*port)
                    .tls(tls)
                    .timeout(Some(STEP_DEADLINE))
                    .hello_name(ClientId::Domain(host.to_owned()));
                if let Some(user) = user {
                    let password = password.as_ref().map(|password| password.expose().clone()).unwrap_or_default();
                    builder = builder.credentials(Credentials::new(user.clone(), password));
                }
                Way::Smtp(Box::new(builder.build()))
            }
        };
        Ok(Post { from, way })
    }

    /// Sends `message`, and returns what the other side said.
    pub(super) async fn send(&self, id: Uuid, message: Message) -> Result<String, Failure> {
        match &self.way {
            Way::Files(dir) => match write(dir, id, &message.formatted()).await {
                Ok(()) => Ok(format!("written to {id}.eml")),
                Err(error) => Err(Failure::Transient(format!("{}: {error}", dir.display()))),
            },
            Way::Smtp(server) => match tokio::time::timeout(SEND_DEADLINE, server.send(message)).await {
                Ok(Ok(response)) => {
                    let words: Vec<&str> = response.message().collect();
                    Ok(format!("{} {}", response.code(), words.join(" ")))
                }
                Ok(Err(error)) => Err(refusal(&error)),
                Err(_) => Err(Failure::Unclear(format!("no end after {} s", SEND_DEADLINE.as_secs()))),
            },
        }
    }
}

/// SEC F-21: a 5xx is final; a 4xx, and whatever kept us from an answer, may pass.
fn refusal(error: &smtp::Error) -> Failure {
    let mut words = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_words = cause.to_string();
        if !words.contains(&cause_words) {
            words = format!("{words}: {cause_words}");
        }
        source = cause.source();
    }
    match error {
        error if error.is_permanent() => Failure::Permanent(words),
        error if error.is_response() => Failure::Unclear(words),
        _ => Failure::Transient(words),
    }
}

/// Whole or not at all: a reader never sees half a letter.
async fn write(dir: &Path, id: Uuid, bytes: &[u8]) -> std::io::Result<()> {
    let half = dir.join(format!(".{id}.part"));
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    // The letter holds a link that works.
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(&half).await?;
    file.write_all(bytes).await?;
    file.sync_all().await?;
    tokio::fs::rename(&half, dir.join(format!("{id}.eml"))).await
}

fn make_private_folder(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}
