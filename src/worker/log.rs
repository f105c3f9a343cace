//! Writes the request log, a batch at a time, and what the audit log has beside the writes.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::org::watch::Due;

/// Between two looks where no batch is full.
const PERIOD: Duration = Duration::from_secs(1);

/// Writes what waits until `stop`, and then the rest.
pub async fn log_requests(app: Arc<App>, stop: impl Future<Output = ()> + Send) {
    let mut stop = pin!(stop);
    let mut is_last = false;
    loop {
        let due = if is_last { Due::All } else { Due::Now };
        if let Err(error) = app.audit_flush(due).await {
            tracing::error!(error = &error as &dyn std::error::Error, "the audit log could not be written, and will be");
        }
        match app.requests_flush().await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "the request log could not be written"),
        }
        if is_last {
            return;
        }
        tokio::select! {
            () = &mut stop => is_last = true,
            () = app.requests.full.notified() => {}
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}
