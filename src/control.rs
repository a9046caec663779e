//! The control socket: HTTP over a Unix socket in the data directory, for its owner only.

mod delivery;

pub use delivery::{AT_ONCE, ResendBody};

use crate::{
    notify::World,
    pipeline::Command,
    process::ReloadRequest,
    store::{AlertQuery, Reader},
    web::{self, Snapshot},
};
use arc_swap::ArcSwap;
use axum::{
    Json, Router,
    extract::{
        DefaultBodyLimit, Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use ccxwatch_alerts::input::{Answer, OperatorAction, OperatorCommand, UsageReport};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{fs::Permissions, io, os::unix::fs::PermissionsExt, path, sync::Arc};
use tokio::{
    net::UnixListener,
    sync::{mpsc, oneshot},
};
use tokio_util::sync::CancellationToken;

/// The socket's name in the data directory.
pub const SOCKET: &str = "control.sock";
/// The largest body of a request.
const BODY_MAX: usize = 64 * 1024;
/// Why a command that came too late is refused.
const STOPPING: &str = "ccxwatch is stopping; try again when it runs";

/// What an operator says with a command.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorBody {
    /// Why.
    pub comment: Option<String>,
    /// Who.
    pub who: Option<String>,
}

/// One report of license use.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UsageBody {
    /// When; now where it is not said.
    pub time: Option<Timestamp>,
    /// Licenses in use; absent for a missing report.
    pub used: Option<u32>,
    /// Licenses bought, where the report says so.
    pub purchased: Option<u32>,
}

#[derive(Clone)]
struct Control {
    commands: mpsc::Sender<Command>,
    reloads: mpsc::Sender<ReloadRequest>,
    snapshot: Arc<ArcSwap<Snapshot>>,
    store: Reader,
}

/// Binds the socket. The lock on the data directory is held, so a socket that is there was left by a dead process.
pub fn bind(data: &path::Path) -> io::Result<UnixListener> {
    let path = data.join(SOCKET);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers until `shutdown`.
pub async fn serve(
    listener: UnixListener,
    commands: mpsc::Sender<Command>,
    reloads: mpsc::Sender<ReloadRequest>,
    world: World,
    shutdown: CancellationToken,
) {
    let router = Router::new()
        .route("/api/v1/clusters", get(clusters))
        .route("/api/v1/alerts", get(alerts))
        .route("/api/v1/alerts/{fingerprint}/explain", get(explain))
        .route("/api/v1/senders", get(senders))
        .route("/api/v1/mutes", get(mutes))
        .route("/api/v1/operator", post(command))
        .route("/api/v1/clusters/{name}/acknowledge", post(acknowledge))
        .route("/api/v1/clusters/{name}/confirm-compliant", post(confirm_compliant))
        .route("/api/v1/clusters/{name}/usage", post(usage))
        .route("/api/v1/receivers/{name}/test", post(delivery::test))
        .route("/api/v1/dead-letters", get(delivery::dead_letters))
        .route("/api/v1/dead-letters/resend", post(delivery::resend))
        .route("/-/reload", post(reload))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(Control { commands, reloads, snapshot: world.snapshot, store: world.backlog });
    let served = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned());
    if let Err(error) = served.await {
        tracing::error!(%error, "the control socket ended");
    }
}

async fn clusters(State(control): State<Control>) -> Response {
    Json(&control.snapshot.load().clusters).into_response()
}

async fn alerts(State(control): State<Control>, query: Result<Query<AlertQuery>, QueryRejection>) -> Response {
    let Query(query) = match query {
        Ok(query) => query,
        Err(rejection) => return refuse(StatusCode::BAD_REQUEST, &web::wrong_query(&rejection)),
    };
    let snapshot = control.snapshot.load_full();
    if query.is_empty() {
        return Json(&snapshot.alerts).into_response();
    }
    match web::found(&snapshot, &query).await {
        Ok(alerts) => Json(alerts).into_response(),
        Err(error) => refuse(StatusCode::SERVICE_UNAVAILABLE, &format!("the history cannot be read: {error}")),
    }
}

async fn mutes(State(control): State<Control>) -> Response {
    Json(&control.snapshot.load().mutes).into_response()
}

/// Any command of an operator, as `replay` writes it. It is here only: the web listener knows nobody, so it changes nothing.
async fn command(State(control): State<Control>, body: Result<Json<OperatorCommand>, JsonRejection>) -> Response {
    match body {
        Ok(Json(command)) => control.operate(command).await,
        Err(rejection) => refuse(StatusCode::BAD_REQUEST, &rejection.body_text()),
    }
}

async fn explain(State(control): State<Control>, Path(fingerprint): Path<String>) -> Response {
    match web::explanation(&control.store, &control.snapshot.load(), &fingerprint).await {
        Ok(explanation) => Json(explanation).into_response(),
        Err((status, error)) => refuse(status, &error),
    }
}

async fn senders(State(control): State<Control>) -> Response {
    Json(&control.snapshot.load().senders).into_response()
}

async fn acknowledge(state: State<Control>, name: Path<String>, body: Json<OperatorBody>) -> Response {
    operator(state, name, body, OperatorAction::Acknowledge).await
}

async fn confirm_compliant(state: State<Control>, name: Path<String>, body: Json<OperatorBody>) -> Response {
    operator(state, name, body, OperatorAction::ConfirmCompliant).await
}

async fn operator(
    State(control): State<Control>,
    Path(cluster): Path<String>,
    Json(body): Json<OperatorBody>,
    action: OperatorAction,
) -> Response {
    if let Some(refusal) = control.unknown(&cluster) {
        return refusal;
    }
    let command = OperatorCommand { action, cluster, comment: body.comment, who: body.who };
    control.operate(command).await
}

async fn usage(State(control): State<Control>, Path(cluster): Path<String>, Json(body): Json<UsageBody>) -> Response {
    if let Some(refusal) = control.unknown(&cluster) {
        return refusal;
    }
    let at = body.time.unwrap_or_else(crate::clock::wall);
    let report = UsageReport { cluster, at, used: body.used, purchased: body.purchased };
    control.ask(|reply| Command::Usage(report, reply)).await
}

/// Reads the configuration again. It is here only: the web listener knows nobody, so it changes nothing.
async fn reload(State(control): State<Control>) -> Response {
    let (reply, done) = oneshot::channel();
    if control.reloads.send(reply).await.is_err() {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, STOPPING);
    }
    match done.await {
        Ok(Ok(listening)) => Json(serde_json::json!({"status": "reloaded", "listening": listening})).into_response(),
        Ok(Err(reason)) => refuse(StatusCode::UNPROCESSABLE_ENTITY, &reason),
        Err(_) => refuse(StatusCode::SERVICE_UNAVAILABLE, STOPPING),
    }
}

impl Control {
    fn unknown(&self, cluster: &str) -> Option<Response> {
        let snapshot = self.snapshot.load();
        if snapshot.clusters.iter().any(|known| known.name == cluster) {
            return None;
        }
        let known: Vec<_> = snapshot.clusters.iter().take(20).map(|cluster| cluster.name.as_str()).collect();
        let error = format!("no cluster {cluster:?} is known; known are: {}", known.join(", "));
        Some(refuse(StatusCode::NOT_FOUND, &error))
    }

    async fn operate(&self, command: OperatorCommand) -> Response {
        let (reply, done) = oneshot::channel();
        if self.commands.send(Command::Operator(command, reply)).await.is_err() {
            return refuse(StatusCode::SERVICE_UNAVAILABLE, STOPPING);
        }
        match done.await {
            Ok(answer @ Answer::Done { .. }) => Json(answer).into_response(),
            Ok(answer @ Answer::Refused { .. }) => (StatusCode::CONFLICT, Json(answer)).into_response(),
            Err(_) => refuse(StatusCode::SERVICE_UNAVAILABLE, STOPPING),
        }
    }

    async fn ask(&self, command: impl FnOnce(oneshot::Sender<()>) -> Command) -> Response {
        let (reply, done) = oneshot::channel();
        if self.commands.send(command(reply)).await.is_err() || done.await.is_err() {
            return refuse(StatusCode::SERVICE_UNAVAILABLE, STOPPING);
        }
        Json(serde_json::json!({"status": "done"})).into_response()
    }
}

fn refuse(status: StatusCode, error: &str) -> Response {
    (status, Json(serde_json::json!({"error": error}))).into_response()
}
