//! Writes down what time has ended, reminds of invitations that nobody has answered, and forgets old ones. What is over is over
//! by the clock, whether or not this runs.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;

/// Between two looks.
const PERIOD: Duration = Duration::from_secs(2);
/// Looks after each of which old invitations are forgotten.
const FORGET_EVERY: u32 = 300;

/// Looks now and then, until `stop`.
pub async fn tend(app: Arc<App>, stop: impl Future<Output = ()> + Send) {
    let mut stop = pin!(stop);
    for look in 0_u32.. {
        if look % FORGET_EVERY == 0
            && let Err(error) = app.invitations_forget().await
        {
            tracing::error!(error = &error as &dyn std::error::Error, "old invitations could not be forgotten");
        }
        let pause = match app.invitations_tend().await {
            Ok(true) => Duration::ZERO,
            Ok(false) => PERIOD,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "what is over could not be written down");
                PERIOD
            }
        };
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
