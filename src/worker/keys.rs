//! Keeps the keys of external issuers fresh, so that one that was withdrawn is not believed for long.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;

/// Between two looks. A token with an unknown `kid` makes the app look at once.
const PERIOD: Duration = Duration::from_secs(300);

/// Fetches every JWK set now and then, until `stop`.
pub async fn refresh_keys(app: Arc<App>, stop: impl Future<Output = ()> + Send) {
    let mut stop = pin!(stop);
    loop {
        app.issuers.refresh_all(app.now()).await;
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}
