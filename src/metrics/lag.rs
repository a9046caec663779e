//! How far tails are behind their files. The bytes are as the last poll left them; the time grows between two polls, so that a tail
//! that is stuck shows.

use crate::sources::Lag;
use jiff::SignedDuration;
use prometheus::{GaugeVec, IntGaugeVec};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// The lag of each tail, by its source label.
#[derive(Debug, Default)]
pub(super) struct Lags {
    by_source: Mutex<BTreeMap<Arc<str>, Lag>>,
}

impl Lags {
    pub(super) fn set(&self, source: Arc<str>, lag: Lag) {
        self.by_source.lock().unwrap_or_else(PoisonError::into_inner).insert(source, lag);
    }

    /// Sets the gauges as they are at this moment of the clock that never steps.
    pub(super) fn show(&self, now: SignedDuration, bytes: &IntGaugeVec, seconds: &GaugeVec) {
        for (source, lag) in &*self.by_source.lock().unwrap_or_else(PoisonError::into_inner) {
            bytes.with_label_values(&[&**source]).set(i64::try_from(lag.bytes).unwrap_or(i64::MAX));
            let behind = lag.behind_since.map_or(SignedDuration::ZERO, |since| now.saturating_sub(since));
            seconds.with_label_values(&[&**source]).set(behind.as_secs_f64().max(0.0));
        }
    }
}
