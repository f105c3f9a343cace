//! Forgets what was deleted so long ago that nobody can restore it, and lines of the request log that are too old. What may be
//! restored follows from the clock, not from this.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::app::requests::Keep;

/// Between two looks, each of which forgets a bounded number.
const PERIOD: Duration = Duration::from_secs(60);

/// Forgets now and then, until `stop`.
pub async fn purge(app: Arc<App>, keep: Keep, stop: impl Future<Output = ()> + Send) {
    let mut stop = pin!(stop);
    loop {
        if let Err(error) = app.deleted_expire().await {
            tracing::error!(error = &error as &dyn std::error::Error, "what was deleted long ago could not be forgotten");
        }
        if let Err(error) = app.requests_expire(keep).await {
            tracing::error!(error = &error as &dyn std::error::Error, "old lines of the request log could not be forgotten");
        }
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

/// Forgets what no request needs any more, until `stop`: a commit of a bounded number of rows after the other, so that neither
/// requests nor letters wait for all of them.
pub async fn sweep(app: Arc<App>, stop: impl Future<Output = ()> + Send) {
    let mut stop = pin!(stop);
    loop {
        let pause = match app.sweep().await {
            Ok(true) => Duration::ZERO,
            Ok(false) => PERIOD,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "what is out of date could not be forgotten");
                PERIOD
            }
        };
        tokio::select! {
            biased;
            () = &mut stop => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
