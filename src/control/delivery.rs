//! What an operator asks of deliveries: a test, the messages that were given up, and to try them again.

use super::{Control, STOPPING, refuse};
use crate::{
    clock, notify,
    pipeline::Command,
    store::{Delivery, DeliveryState, Reader, StoreError},
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, time::Duration};

/// Messages that were given up and are listed, and that one command resends.
pub const AT_ONCE: usize = 500;

/// How long a test waits for its first attempts.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Which messages to resend: these, or, where none is named, all that are listed.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ResendBody {
    /// Numbers of messages.
    pub ids: Option<Vec<i64>>,
}

/// Sends a test and waits for what becomes of the first attempt at each recipient.
pub(super) async fn test(State(control): State<Control>, Path(receiver): Path<String>) -> Response {
    let known: Vec<_> = control.snapshot.load().receivers.iter().map(|known| known.receiver.clone()).collect();
    if !known.contains(&receiver) {
        let error = format!("no receiver {receiver:?} is configured; known are: {}", known.join(", "));
        return refuse(StatusCode::NOT_FOUND, &error);
    }
    let notification = notify::test(&receiver, clock::wall());
    let episode = notification.episode.clone();
    let answer = control.ask(|reply| Command::Tell(Box::new(notification), reply)).await;
    if !answer.status().is_success() {
        return answer;
    }
    let tried = |deliveries: &[Delivery]| {
        deliveries.iter().all(|delivery| delivery.state != DeliveryState::Pending || delivery.last_error.is_some())
    };
    let deadline = clock::timer() + PATIENCE;
    loop {
        let wanted = episode.clone();
        match read(&control, move |store| store.deliveries(&wanted)).await {
            Ok(deliveries) if tried(&deliveries) || clock::timer() >= deadline => {
                return Json(deliveries).into_response();
            }
            Ok(_) => tokio::time::sleep(LOOK_EVERY).await,
            Err(refusal) => return refusal,
        }
    }
}

/// The newest messages that were given up.
pub(super) async fn dead_letters(State(control): State<Control>) -> Response {
    match read(&control, |store| store.dead_letters(AT_ONCE)).await {
        Ok(letters) => Json(letters).into_response(),
        Err(refusal) => refusal,
    }
}

/// Tries messages again that were given up.
pub(super) async fn resend(State(control): State<Control>, Json(body): Json<ResendBody>) -> Response {
    let letters = match read(&control, |store| store.dead_letters(AT_ONCE)).await {
        Ok(letters) => letters,
        Err(refusal) => return refusal,
    };
    let known: BTreeSet<i64> = letters.iter().map(|letter| letter.id).collect();
    let ids: Vec<i64> = match body.ids {
        None => known.into_iter().collect(),
        Some(ids) => match ids.iter().find(|id| !known.contains(id)) {
            Some(id) => {
                let error =
                    format!("no message {id} was given up; `ccxwatch alerts dead-letters` lists those that were");
                return refuse(StatusCode::NOT_FOUND, &error);
            }
            None => ids,
        },
    };
    let count = ids.len();
    let answer = control.ask(|reply| Command::Resend(ids, reply)).await;
    if answer.status().is_success() { Json(serde_json::json!({ "resent": count })).into_response() } else { answer }
}

async fn read<T: Send + 'static>(
    control: &Control,
    ask: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Response> {
    let store = control.store.clone();
    match tokio::task::spawn_blocking(move || ask(&store)).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())),
        Err(_) => Err(refuse(StatusCode::SERVICE_UNAVAILABLE, STOPPING)),
    }
}
