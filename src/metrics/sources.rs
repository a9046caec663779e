//! What the sources counted. Called once per block, not per line.

use super::{Metrics, facilities, mnemonics, severity_label, unix_seconds};
use crate::{
    clock,
    sources::{DropReason, Observed, Observer, SourceName},
};
use std::sync::Arc;

impl Observer for Metrics {
    fn observe(&self, source: &SourceName, observed: &Observed) {
        let series = &self.series;
        let label = self.sources.label(&source.to_string());
        let source = &[&*label];
        series.source_lines.with_label_values(source).inc_by(observed.lines);
        series.source_bytes.with_label_values(source).inc_by(observed.bytes);
        series.source_blocks.with_label_values(source).inc_by(observed.blocks);
        series.source_facts.with_label_values(source).inc_by(observed.facts);
        series.source_unrecognized.with_label_values(source).inc_by(observed.unrecognized);
        if observed.lines > 0 {
            series.source_last_line.with_label_values(source).set(unix_seconds(clock::wall()));
        }
        if observed.opened + observed.closed > 0 {
            let change = signed(observed.opened) - signed(observed.closed);
            series.source_connections.with_label_values(source).inc_by(observed.opened);
            series.source_open_connections.with_label_values(source).add(change);
        }
        series.source_slowed.with_label_values(source).inc_by(observed.slowed);
        // A series that exists at 0 before the first loss makes the first loss an increase.
        for reason in DropReason::ALL {
            series.source_drops.with_label_values(&[&*label, reason.name()]).inc_by(observed.drops(reason));
        }
        for ((facility, mnemonic), severity, count) in observed.events.iter() {
            let labels = &[facilities::label(facility), severity_label(severity), mnemonics::label(facility, mnemonic)];
            series.events.with_label_values(labels).inc_by(count);
        }
        if let Some(files) = observed.files {
            let states = [("followed", files.followed), ("open", files.open), ("omitted", files.omitted)];
            for (state, count) in states {
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                series.source_files.with_label_values(&[&*label, state]).set(count);
            }
        }
        if let Some(lag) = observed.lag {
            self.lags.set(Arc::clone(&label), lag);
        }
        for (defect, count) in observed.defects() {
            series.parse_defects.with_label_values(&[defect.name()]).inc_by(*count);
        }
    }

    fn receive_buffer(&self, source: &SourceName, granted: usize, asked: usize) {
        let label = self.sources.label(&source.to_string());
        let bytes = |bytes| i64::try_from(bytes).unwrap_or(i64::MAX);
        self.series.source_receive_buffer.with_label_values(&[&*label]).set(bytes(granted));
        self.series.source_receive_buffer_asked.with_label_values(&[&*label]).set(bytes(asked));
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
