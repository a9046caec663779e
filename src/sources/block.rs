//! The step that every source shares: a line is triaged and counted, and if it is wanted, parsed into a fact.
//!
//! This is the hot path. A line that nobody wants costs a search for its triplet and a count: no lock, no allocation, no channel.

use super::{Budget, DropReason, Limits, Observed, alert_log::AlertLog, facts::Facts, hearing::Ear};
use ccxwatch_alerts::{
    fact::{Channel, Fact, Origin},
    interest::Interest,
};
use ccxwatch_parsers::{Triage, parse, triage};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// Where the lines of a block come from, and where they go.
pub(super) struct Block<'a> {
    pub(super) interest: &'a Interest,
    pub(super) limits: &'a Limits,
    pub(super) observed: &'a mut Observed,
    pub(super) facts: &'a mut Facts,
    pub(super) ear: &'a mut Ear,
    pub(super) received_at: Timestamp,
    pub(super) catching_up: bool,
    pub(super) payment: Payment,
}

/// Who pays for wanted lines, and when.
#[derive(Clone, Copy, Debug)]
pub(super) enum Payment {
    /// Nobody.
    Free,
    /// The sender, before each line: what it cannot pay for is dropped. The clock of elapsed time.
    Before(SignedDuration, Budget),
    /// The sender, after the block: it waits until it has paid.
    After,
}

impl Block<'_> {
    /// One line, without its terminator. `cut` says that its end was beyond the longest line.
    #[inline]
    pub(super) fn line(&mut self, line: &[u8], cut: bool) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return;
        }
        self.observed.lines += 1;
        if cut {
            self.observed.dropped(DropReason::LineTooLong, 1);
        }
        if self.ear.alert_log.is_some() {
            self.ear.note(None, 1, self.received_at);
            self.alert_log_row(line);
            return;
        }
        if self.ear.wants_host() {
            self.learn_host(line);
        } else {
            self.ear.note(None, 1, self.received_at);
        }
        let Some(triage) = triage(line) else {
            self.without_triplet(line);
            return;
        };
        self.observed.events.count(triage.facility, triage.mnemonic, triage.severity);
        self.facts.close_record();
        if self.interest.wants(&triage, line) && self.is_paid(&triage, line) {
            let is_trace = triage.process.is_some();
            self.wanted(line, is_trace);
        }
    }

    /// The host that this line names, for the liveness of its feed.
    fn learn_host(&mut self, line: &[u8]) {
        let record = parse(line);
        let host = record.event.and_then(|event| event.host).or(record.envelope.hostname);
        self.ear.note(host.and_then(|host| str::from_utf8(host).ok()), 1, self.received_at);
    }

    /// A line without a triplet: the continuation of a trace record, or nothing that is known.
    fn without_triplet(&mut self, line: &[u8]) {
        if matches!(self.ear.origin.channel, Channel::File | Channel::Stdin)
            && let Some(log) = AlertLog::of_header(line)
        {
            self.ear.alert_log = Some(log);
            return;
        }
        self.observed.unrecognized += 1;
        self.facts.continue_record(line, self.limits.continuation_bytes);
    }

    /// A row of RTMT's alert log. Each of them is an alert, so each is wanted.
    #[inline(never)]
    fn alert_log_row(&mut self, line: &[u8]) {
        let Some(row) = self.ear.alert_log.as_ref().and_then(|log| log.row(line)) else {
            // A file that is concatenated of several has several headers.
            self.observed.unrecognized += u64::from(AlertLog::of_header(line).is_none());
            return;
        };
        self.observed.facts += 1;
        let key = self.facts.key(line);
        if self.facts.fold(key, &self.ear.origin) {
            return;
        }
        let origin = (*self.ear.origin).clone();
        for fact in Fact::of_alert_log(&row, line, self.received_at, origin, self.catching_up) {
            self.observed.events.count(b"UC_RTMT", b"RTMT_ALERT", fact.severity);
            self.facts.push(fact, key, false);
        }
    }

    fn is_paid(&mut self, triage: &Triage<'_>, line: &[u8]) -> bool {
        match self.payment {
            Payment::Free => true,
            _ if Interest::is_of_license(triage, line) => true,
            Payment::Before(now, budget) => {
                let paid = self.ear.pay(now, budget);
                if !paid {
                    self.observed.dropped(DropReason::OverBudget, 1);
                }
                paid
            }
            Payment::After => {
                self.ear.unpaid += 1;
                true
            }
        }
    }

    #[inline(never)]
    fn wanted(&mut self, line: &[u8], is_trace: bool) {
        self.observed.facts += 1;
        let origin: &Arc<Origin> = &self.ear.origin;
        let key = self.facts.key(line);
        if self.facts.fold(key, origin) {
            return;
        }
        let record = parse(line);
        for defect in record.defects.iter() {
            self.observed.defective(defect);
        }
        let continues = is_trace && matches!(origin.channel, Channel::File | Channel::Stdin);
        for fact in Fact::of_record(&record, self.received_at, (**origin).clone(), self.catching_up) {
            self.facts.push(fact, key, continues);
        }
    }
}
