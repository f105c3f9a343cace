//! `usher serve`: wires store, app, worker and sockets, and ends them in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::data::Data;
use super::{Common, Failure, print};
use crate::app::App;
use crate::app::requests::Keep;
use crate::config::{self, Config};
use crate::http::Documentation;
use crate::mail::host_of;
use crate::worker::{MailSettings, Post, Transport};
use crate::{http, serve, worker};

/// Serves until SIGTERM or SIGINT.
pub(super) async fn serve(common: &Common, listen: Option<SocketAddr>) -> Result<(), Failure> {
    let served = Served::start(common, listen).await?;
    print::result(common, &json!({ "listening": served.url }), &format!("listening on {}", served.url))?;
    served.run().await
}

/// A server that holds its port and its database, and has not answered yet.
pub(super) struct Served {
    pub(super) app: Arc<App>,
    /// `http://` and the address it really listens on.
    pub(super) url: String,
    listener: TcpListener,
    config: Config,
    post: Arc<Post>,
    /// Heard before anybody is told that the server listens: who ends it then gets an orderly end.
    signal: BoxFuture<'static, ()>,
}

impl Served {
    /// Takes the port first, so that nothing else is touched when it is not free.
    pub(super) async fn start(common: &Common, listen: Option<SocketAddr>) -> Result<Served, Failure> {
        log();
        let config = Config::read(common.config.as_deref(), &common.data)?;
        let address = listen.unwrap_or(config.listen);
        config.check_address(address)?;
        let listener = TcpListener::bind(address).await.map_err(|error| format!("{address}: {error}"))?;
        let url = format!("http://{}", listener.local_addr()?);
        let public_url = config.public_url.clone().unwrap_or_else(|| url.clone());
        let mut data = Data::serve(common, &config, &public_url)?;
        data.app.schemas_check().await?;
        let post = Arc::new(Post::open(&mail_settings(common, &config), host_of(&public_url))?);
        data.app.courier = Some(post.clone());
        let signal = serve::signalled()?;
        Ok(Served { app: Arc::new(data.app), url, listener, config, post, signal })
    }

    /// Answers until a signal: no new connection, requests in flight finish, then the letter in hand, then the store closes.
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (stop, stopped) = watch::channel(false);
        let ended = async |mut stopped: watch::Receiver<bool>| drop(stopped.wait_for(|stopped| *stopped).await);
        let letters = tokio::spawn(worker::carry(Arc::clone(&self.app), self.post, ended(stopped.clone())));
        let keys = tokio::spawn(worker::refresh_keys(Arc::clone(&self.app), ended(stopped.clone())));
        let keep = Keep {
            age: Duration::from_secs(u64::from(self.config.request_log_days) * 24 * 3600),
            rows: self.config.request_log_rows,
        };
        let purge = tokio::spawn(worker::purge(Arc::clone(&self.app), keep, ended(stopped.clone())));
        let sweep = tokio::spawn(worker::sweep(Arc::clone(&self.app), ended(stopped.clone())));
        let credentials = tokio::spawn(worker::keep_credentials(Arc::clone(&self.app), ended(stopped.clone())));
        let tend = tokio::spawn(worker::tend(Arc::clone(&self.app), ended(stopped.clone())));
        let log = tokio::spawn(worker::log_requests(Arc::clone(&self.app), ended(stopped)));
        let documentation = if self.config.docs { Documentation::Served } else { Documentation::Hidden };
        let endpoint = http::routes(Arc::clone(&self.app), documentation);
        let signal = async {
            self.signal.await;
            self.app.drain();
        };
        serve::serve(self.listener, endpoint, serve::Limits::default(), signal).await;
        stop.send_replace(true);
        letters.await?;
        keys.await?;
        purge.await?;
        sweep.await?;
        credentials.await?;
        tend.await?;
        log.await?;
        self.app.store.close().await;
        Ok(())
    }
}

/// How letters leave, as the configuration says.
pub(super) fn mail_settings(common: &Common, config: &Config) -> MailSettings {
    let mail = &config.mail;
    let transport = match mail.transport {
        config::Transport::Files => Transport::Files { dir: mail.folder.clone().unwrap_or_else(|| common.data.join("mail")) },
        config::Transport::Smtp => Transport::Smtp {
            host: mail.host.clone(),
            port: mail.port,
            tls: mail.tls,
            user: mail.user.clone(),
            password: mail.password.clone(),
        },
    };
    MailSettings { from: mail.from.clone(), transport }
}

/// Structured lines on stderr; `USHER_LOG` chooses, as in `info,usher=debug`.
fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("USHER_LOG").unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
}
