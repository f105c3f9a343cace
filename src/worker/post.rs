//! The two ways out: a mail server, or a folder of `.eml` files.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::TlsParameters;
use lettre::transport::smtp::extension::ClientId;
use lettre::{Message, transport::smtp};
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use serde::Deserialize;

use super::smtp::{Deadlines, Server};
use crate::app::mail::Courier;
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
    /// What came is no SMTP.
    Garbled(String),
    /// It broke off when the text had been handed over: the letter may have been taken.
    Unclear(String),
}

/// An open way out.
pub struct Post {
    pub(super) from: Mailbox,
    pub(super) way: Way,
}

pub(super) enum Way {
    Smtp(Box<Server>),
    Files(PathBuf),
}

/// Longer than no conversation takes; see [`Deadlines`].
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
                let parameters = match tls {
                    Tls::None => None,
                    Tls::Starttls | Tls::Tls => {
                        Some(TlsParameters::new(server.clone()).map_err(|source| Error::Tls { host: server.clone(), source })?)
                    }
                };
                let password = password.as_ref().map(|password| password.expose().clone()).unwrap_or_default();
                Way::Smtp(Box::new(Server {
                    host: server.clone(),
                    port: *port,
                    tls: *tls,
                    parameters,
                    credentials: user.clone().map(|user| Credentials::new(user, password)),
                    hello: ClientId::Domain(host.to_owned()),
                    deadlines: Deadlines { step: Duration::from_secs(30), whole: SEND_DEADLINE },
                    idle: Mutex::default(),
                }))
            }
        };
        Ok(Post { from, way })
    }

    /// Sends `message`, and returns what the other side said. `begin` runs right before it leaves, and where it fails nothing does.
    pub(super) async fn send(
        &self,
        id: Uuid,
        message: &Message,
        begin: impl Future<Output = Result<(), Failure>>,
    ) -> Result<String, Failure> {
        match &self.way {
            Way::Smtp(server) => server.send(message, begin).await,
            Way::Files(dir) => {
                begin.await?;
                match write(dir, id, &message.formatted()).await {
                    Ok(()) => Ok(format!("written to {id}.eml")),
                    Err(error) => Err(Failure::Transient(format!("{}: {error}", dir.display()))),
                }
            }
        }
    }
}

#[async_trait]
impl Courier for Post {
    fn sender(&self) -> &Mailbox {
        &self.from
    }

    async fn deliver(&self, id: Uuid, message: &Message) -> Result<String, String> {
        self.send(id, message, async { Ok(()) }).await.map_err(|failure| match failure {
            Failure::Permanent(words) | Failure::Transient(words) | Failure::Garbled(words) | Failure::Unclear(words) => words,
        })
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
    tokio::fs::rename(&half, dir.join(format!("{id}.eml"))).await?;
    // The name is on disk when the folder is.
    #[cfg(unix)]
    tokio::fs::File::open(dir).await?.sync_all().await?;
    Ok(())
}

fn make_private_folder(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}
