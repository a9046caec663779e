//! Who delivers, also while the receivers are being replaced: the old ones end, how their deliveries ended is stored, and the new
//! ones begin with what waits in the store. So nothing is delivered twice and nothing is forgotten.

use crate::{
    notify::{Dispatcher, Prepared, ReceiverHealth, World},
    store::{Message, NewMessage, Outcome},
};
use std::{future::Future, pin::Pin};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Messages that leave unrecorded during a replacement and are kept for the new receivers.
const PARKED: usize = 1_000;

/// What receivers start with.
#[derive(Clone, Debug)]
pub struct Starter {
    /// What they look at beside their messages.
    pub world: World,
    /// Where outcomes go.
    pub outcomes: mpsc::Sender<Outcome>,
    /// What stops them.
    pub shutdown: CancellationToken,
}

/// The receivers, or their replacement.
pub(super) struct Delivery {
    starter: Starter,
    state: State,
}

enum State {
    Running(Dispatcher),
    Replacing(Replacement),
}

struct Replacement {
    step: Step,
    next: Prepared,
    /// What came meanwhile and is in no store.
    parked: Vec<Message>,
    /// How the old receivers fared.
    health: Vec<ReceiverHealth>,
}

enum Step {
    /// The old receivers end.
    Ending(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// How their deliveries ended is to be stored.
    Ended,
    /// It is being stored.
    Storing(oneshot::Receiver<()>),
}

/// What [`Delivery::progress`] has come to.
pub(super) enum Progress {
    /// The old receivers have ended: their outcomes are to be stored, and the sender is to be told when they are.
    Store(oneshot::Sender<()>),
    /// The new receivers have started.
    Replaced,
}

impl Delivery {
    pub(super) fn new(dispatcher: Dispatcher, starter: Starter) -> Self {
        Self { starter, state: State::Running(dispatcher) }
    }

    /// Replaces the receivers. A replacement under way ends with these.
    pub(super) fn replace(&mut self, next: Prepared) {
        if let State::Replacing(replacement) = &mut self.state {
            replacement.next = next;
            return;
        }
        let health = self.health();
        let replacement = Replacement { step: Step::Ended, next, parked: Vec::new(), health };
        if let State::Running(dispatcher) = std::mem::replace(&mut self.state, State::Replacing(replacement))
            && let State::Replacing(replacement) = &mut self.state
        {
            replacement.step = Step::Ending(Box::pin(dispatcher.stop()));
        }
    }

    /// Waits for the next step of a replacement; for ever where there is none.
    pub(super) async fn progress(&mut self) -> Progress {
        let State::Replacing(replacement) = &mut self.state else { return std::future::pending().await };
        match &mut replacement.step {
            Step::Ending(ending) => {
                ending.await;
                replacement.step = Step::Ended;
            }
            Step::Ended => {}
            Step::Storing(stored) => {
                // A sender that is gone without a word means the same as stored: the process ends.
                let _ = stored.await;
                return Progress::Replaced;
            }
        }
        let (sender, stored) = oneshot::channel();
        replacement.step = Step::Storing(stored);
        Progress::Store(sender)
    }

    /// Starts the new receivers, which find in the store what has come meanwhile.
    pub(super) fn start(&mut self) {
        let State::Replacing(Replacement { next, parked, .. }) = &mut self.state else { return };
        let (next, parked) = (std::mem::take(next), std::mem::take(parked));
        let Starter { world, outcomes, shutdown } = &self.starter;
        let dispatcher = next.start(world, outcomes, shutdown);
        for message in parked {
            dispatcher.submit(message);
        }
        self.state = State::Running(dispatcher);
    }

    /// Delivers a message. It never blocks.
    pub(super) fn submit(&mut self, message: Message) {
        match &mut self.state {
            State::Running(dispatcher) => dispatcher.submit(message),
            // What has a number is found in the store.
            State::Replacing(replacement) if message.id.is_none() && replacement.parked.len() < PARKED => {
                replacement.parked.push(message);
            }
            State::Replacing(_) => {}
        }
    }

    /// Delivers a message that was given up before.
    pub(super) fn resubmit(&mut self, message: Message) {
        // During a replacement the new receivers find it in the store.
        if let State::Running(dispatcher) = &self.state {
            dispatcher.resubmit(message);
        }
    }

    /// These messages are about to be committed.
    pub(super) fn expect(&self, messages: &[NewMessage]) {
        if let State::Running(dispatcher) = &self.state {
            dispatcher.expect(messages);
        }
    }

    /// How each receiver fares, in the order of their names.
    pub(super) fn health(&self) -> Vec<ReceiverHealth> {
        match &self.state {
            State::Running(dispatcher) => dispatcher.health(),
            State::Replacing(replacement) => replacement.health.clone(),
        }
    }
}
