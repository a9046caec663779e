//! The page, the API and the metrics over HTTP. Reads only: everything shown is a published [`Snapshot`].

mod api;
mod assets;
mod central;
mod explain;
mod guard;
mod limits;
mod page;
mod scrape;
mod server;
mod snapshot;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use api::{found, wrong_query};
pub use explain::explanation;
pub use page::test_command;
pub use snapshot::Snapshot;

use crate::{
    clock, config,
    metrics::Metrics,
    store::{AlertQuery, Reader},
};
use arc_swap::ArcSwap;
use axum::{
    Router,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, Uri},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use limits::Limits;
use scrape::Scrape;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What the web listener shows.
#[derive(Clone, Debug)]
pub struct WebState {
    /// What the pipeline published last.
    pub view: Arc<ArcSwap<Snapshot>>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// `[web]`; a reload changes it.
    pub config: Arc<ArcSwap<config::Web>>,
    /// What was told, and why.
    pub reader: Reader,
    /// Whether the process does its work; `/-/ready` says so.
    pub ready: Arc<AtomicBool>,
}

/// Serves the page, the API and the metrics until `shutdown`, then lets open requests end, but not for long.
pub async fn serve(listener: TcpListener, state: WebState, shutdown: CancellationToken) -> io::Result<()> {
    serve_within(listener, state, Limits::DEFAULT, shutdown).await
}

async fn serve_within(
    listener: TcpListener,
    state: WebState,
    limits: Limits,
    shutdown: CancellationToken,
) -> io::Result<()> {
    server::serve(listener, state.clone(), router(state), limits, shutdown).await
}

fn router(state: WebState) -> Router {
    let scrape = Scrape::default();
    Router::new()
        .route("/", get(page))
        .route("/api/v1/clusters", get(async |State(state): State<WebState>| api::clusters(&state.view.load())))
        .route("/api/v1/alerts", get(alerts))
        .route("/api/v1/mutes", get(async |State(state): State<WebState>| api::mutes(&state.view.load())))
        .route("/api/v1/alerts/{fingerprint}/explain", get(explain::api))
        .route("/alerts/{fingerprint}", get(explain::page))
        .route("/api/v1/senders", get(async |State(state): State<WebState>| api::senders(&state.view.load())))
        .route(
            "/api/v1/notifications",
            get(async |State(state): State<WebState>| api::notifications(&state.view.load())),
        )
        .route(
            "/metrics",
            get(move |State(state): State<WebState>, headers: HeaderMap| scrape.answer(state.metrics, headers)),
        )
        .route("/-/healthy", get(async || "ccxwatch is healthy.\n"))
        .route("/-/ready", get(ready))
        .merge(assets::routes())
        .fallback(async |uri: Uri| api::fault(uri.path(), StatusCode::NOT_FOUND, "There is nothing at this address."))
        .method_not_allowed_fallback(async |uri: Uri| {
            api::fault(uri.path(), StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD are allowed here.")
        })
        .layer(middleware::from_fn_with_state(state.clone(), guard::guard))
        .with_state(state)
}

async fn page(State(state): State<WebState>) -> Response {
    page::answer(&state.view.load(), clock::wall())
}

async fn alerts(State(state): State<WebState>, query: Result<Query<AlertQuery>, QueryRejection>) -> Response {
    match query {
        Ok(Query(query)) => api::alerts(&state.view.load_full(), &query).await,
        Err(rejection) => api::fault("/api/v1/alerts", StatusCode::BAD_REQUEST, &wrong_query(&rejection)),
    }
}

async fn ready(State(state): State<WebState>) -> Response {
    if state.ready.load(Ordering::Acquire) {
        "ccxwatch is ready.\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "ccxwatch is not ready yet.\n").into_response()
    }
}
