//! A whole new configuration in the running loop: one step, between two batches.

use super::{Intake, Pipeline, QueueId, Queues};
use crate::{clock, notify::Prepared, sources::Position, step::Recipients};
use ccxwatch_alerts::{input::Input, settings::Settings};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// A configuration as the loop needs it. It was checked, and what it starts is ready to start.
#[derive(Debug)]
pub struct Reload {
    /// The engine's part.
    pub settings: Settings,
    /// Who the recipients are.
    pub recipients: Recipients,
    /// The receivers, where they have changed.
    pub receivers: Option<Prepared>,
    /// The queues of new sources.
    pub intakes: Vec<Intake>,
    /// What the sources listen on and read.
    pub listening: Vec<String>,
    /// The zones of the clusters.
    pub time_zones: BTreeMap<String, TimeZone>,
    /// How long the history is kept.
    pub history_days: u32,
}

impl Pipeline {
    /// Takes a configuration over, or refuses it and changes nothing.
    pub(super) fn reload(&mut self, reload: Reload) -> Result<(), String> {
        let Reload { settings, recipients, receivers, intakes, listening, time_zones, history_days } = reload;
        if receivers.is_some() && !self.commits.is_recording() {
            // What the old receivers have not delivered yet is in no store.
            return Err(
                "the store takes no transactions at the moment, so receivers cannot be replaced without losing \
                        messages; reload again when it works"
                    .to_owned(),
            );
        }
        self.handle(clock::now(), Input::Reload(Box::new(settings)));
        self.recipients = recipients;
        if let Some(receivers) = receivers {
            self.commits.replace_receivers(receivers);
        }
        for intake in intakes {
            self.queues.add(intake);
        }
        self.commits.keep_history(history_days);
        self.publisher.reconfigure(listening, time_zones);
        Ok(())
    }
}

/// How far files were read, as the loop was told: a source that starts while the process runs goes on there.
#[derive(Debug)]
pub(super) struct Positions {
    by_key: BTreeMap<String, String>,
    asked: Vec<(Vec<QueueId>, oneshot::Sender<Vec<Position>>)>,
}

impl Positions {
    pub(super) fn new(stored: Vec<Position>) -> Self {
        let by_key = stored.into_iter().filter_map(|position| Some((position.key, position.json?))).collect();
        Self { by_key, asked: Vec::new() }
    }

    /// A batch was applied.
    pub(super) fn note(&mut self, positions: &[Position]) {
        for Position { key, json } in positions {
            match json {
                Some(json) => self.by_key.insert(key.clone(), json.clone()),
                None => self.by_key.remove(key),
            };
        }
    }

    /// Somebody wants to know, once these queues have ended.
    pub(super) fn ask(&mut self, after: Vec<QueueId>, reply: oneshot::Sender<Vec<Position>>) {
        self.asked.push((after, reply));
    }

    /// Answers those whose queues have ended.
    pub(super) fn answer(&mut self, queues: &Queues) {
        let is_due = |(after, _): &mut (Vec<QueueId>, _)| !after.iter().any(|id| queues.is_open(*id));
        for (_, reply) in self.asked.extract_if(.., is_due) {
            let positions =
                self.by_key.iter().map(|(key, json)| Position { key: key.clone(), json: Some(json.clone()) });
            // Whoever asked may have gone.
            let _ = reply.send(positions.collect());
        }
    }
}
