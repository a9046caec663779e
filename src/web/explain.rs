//! Why somebody was told of an alert, or was not: the ledger, for programs and on a page.

use super::{
    Snapshot, WebState, api,
    text::{Moment, printable},
};
use crate::{
    clock,
    store::{Explained, Reader},
};
use askama::Template;
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use ccxwatch_alerts::alert::AlertView;
use jiff::Timestamp;
use serde::Serialize;
use std::borrow::Cow;

/// So many characters of a text from outside.
const TEXT_LIMIT: usize = 1000;

/// What is known of one alert, and what became of everything that its episodes had to tell.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// Which alert.
    pub fingerprint: String,
    /// The alert as it is; none where it is older than what the engine remembers.
    pub alert: Option<AlertView>,
    /// What became of what, oldest first.
    pub entries: Vec<Explained>,
}

/// Reads an explanation; the refusal says what to do next.
pub async fn explanation(
    reader: &Reader,
    snapshot: &Snapshot,
    fingerprint: &str,
) -> Result<Explanation, (StatusCode, String)> {
    let alert = snapshot.alerts.iter().find(|alert| alert.fingerprint == fingerprint).cloned();
    let (reader, asked) = (reader.clone(), fingerprint.to_owned());
    let read = tokio::task::spawn_blocking(move || reader.explain(&asked)).await;
    let entries = match read {
        Ok(Ok(entries)) => entries,
        Ok(Err(error)) => return Err((StatusCode::SERVICE_UNAVAILABLE, format!("The ledger cannot be read: {error}"))),
        Err(_) => return Err((StatusCode::SERVICE_UNAVAILABLE, "ccxwatch is stopping.".to_owned())),
    };
    if alert.is_none() && entries.is_empty() {
        let shown = printable(fingerprint, 64);
        let error =
            format!("No alert with the fingerprint {shown} is known; `ccxwatch alerts list` shows fingerprints.");
        return Err((StatusCode::NOT_FOUND, error));
    }
    Ok(Explanation { fingerprint: fingerprint.to_owned(), alert, entries })
}

/// `GET /api/v1/alerts/{fingerprint}/explain`
pub(super) async fn api(State(state): State<WebState>, Path(fingerprint): Path<String>) -> Response {
    match explanation(&state.reader, &state.view.load(), &fingerprint).await {
        Ok(explanation) => Json(explanation).into_response(),
        Err((status, error)) => api::fault("/api", status, &error),
    }
}

/// `GET /alerts/{fingerprint}`
pub(super) async fn page(State(state): State<WebState>, Path(fingerprint): Path<String>) -> Response {
    match explanation(&state.reader, &state.view.load(), &fingerprint).await {
        Ok(explanation) => match Page::new(&explanation, clock::wall()).render() {
            Ok(page) => Html(page).into_response(),
            Err(_) => api::fault("/", StatusCode::INTERNAL_SERVER_ERROR, "The page cannot be written."),
        },
        Err((status, error)) => api::fault("/", status, &error),
    }
}

#[derive(Template)]
#[template(path = "explain.html")]
struct Page<'a> {
    now: Moment,
    fingerprint: &'a str,
    summary: Option<Cow<'a, str>>,
    labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    entries: Vec<Row<'a>>,
}

struct Row<'a> {
    at: Moment,
    outcome: &'a str,
    class: &'static str,
    to: Cow<'a, str>,
    recipient: Option<Cow<'a, str>>,
    told_as: Cow<'a, str>,
    rule: Option<Cow<'a, str>>,
    detail: Option<Cow<'a, str>>,
}

impl<'a> Page<'a> {
    fn new(explanation: &'a Explanation, now: Timestamp) -> Self {
        let alert = explanation.alert.as_ref();
        let text = |text: &'a str| printable(text, TEXT_LIMIT);
        Self {
            now: Moment::new(now, None, now),
            fingerprint: &explanation.fingerprint,
            summary: alert.and_then(|alert| alert.annotations.get("summary")).map(|summary| text(summary)),
            labels: alert
                .into_iter()
                .flat_map(|it| &it.labels)
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
            entries: explanation
                .entries
                .iter()
                .map(|entry| Row {
                    at: Moment::new(entry.at, None, now),
                    outcome: &entry.outcome,
                    class: class(&entry.outcome),
                    to: text(entry.receiver.as_deref().unwrap_or("nobody")),
                    recipient: entry.recipient.as_deref().map(text),
                    told_as: text(&entry.told_as),
                    rule: entry.rule.as_deref().map(text),
                    detail: entry.detail.as_deref().map(text),
                })
                .collect(),
        }
    }
}

/// How the page shows an outcome: as what went well, waits, or went wrong.
fn class(outcome: &str) -> &'static str {
    match outcome {
        "sent" | "delivered" => "fine",
        "given_up" | "retried" => "fails",
        _ => "waits",
    }
}
