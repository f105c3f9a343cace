//! What credentials need: when they were last used is written down, and who is about to lose one is warned in the log.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::app::App;

/// Between two writes of last uses.
const PERIOD: Duration = Duration::from_secs(5);
/// Between two looks at what ends.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Writes and warns until `stop`, and then writes the rest.
pub async fn keep_credentials(app: Arc<App>, stop: impl Future<Output = ()> + Send) {
    let mut stop = pin!(stop);
    let mut looked: Option<Instant> = None;
    let mut is_last = false;
    loop {
        if let Err(error) = app.last_uses_flush().await {
            tracing::error!(error = &error as &dyn std::error::Error, "last uses of credentials could not be written");
        }
        if is_last {
            return;
        }
        if looked.is_none_or(|at| at.elapsed() >= DAY) {
            looked = Some(Instant::now());
            if let Err(error) = app.tokens_look().await {
                tracing::error!(error = &error as &dyn std::error::Error, "tokens that end could not be looked for");
            }
        }
        tokio::select! {
            () = &mut stop => is_last = true,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}
