//! `/healthz` tells that the process answers, `/readyz` that its store does and that it will go on.

use poem::Response;
use poem::http::StatusCode;
use uuid::Uuid;

use crate::app::App;

pub(super) fn healthz() -> Response {
    plain(StatusCode::OK, "ok\n")
}

/// 503 while the process is about to end, or the store does not answer. The org that is asked for does not exist.
pub(super) async fn readyz(app: &App) -> Response {
    if app.is_draining() {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "shutting down\n");
    }
    match app.store.org(Uuid::nil().into()).await {
        Ok(_) => plain(StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the store does not answer");
            plain(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n")
        }
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    Response::builder().status(status).content_type("text/plain; charset=utf-8").header("cache-control", "no-store").body(text)
}
