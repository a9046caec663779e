//! Which message is next, and when it is tried again: pure, handed the time.

use super::content::is_end;
use crate::store::{Message, fingerprint};
use ccxwatch_alerts::notification::Notification;
use ccxwatch_parsers::severity::Severity;
use std::{
    collections::{BTreeMap, HashSet},
    hash::{BuildHasher, RandomState},
    time::Duration,
};
use tokio::time::Instant;

/// The first and the longest wait between two attempts, before jitter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    pub(super) first: Duration,
    pub(super) longest: Duration,
}

impl Backoff {
    /// The wait after that many failures in a row: doubled each time, 80 to 120 % of it.
    pub(super) fn after(self, failures: u32) -> Duration {
        let plain = self.first.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(self.longest);
        // The hasher's seeds are random: enough to keep a hundred lanes from knocking at once.
        let dice = RandomState::new().hash_one(failures) % 401;
        plain.saturating_mul(u32::try_from(800 + dice).unwrap_or(1_000)) / 1_000
    }
}

/// A message's place: by its number in the store, those without one after all that have one, as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(bool, i64);

#[derive(Debug)]
struct Waiting {
    message: Message,
    due: Instant,
    /// Failures since this process took it.
    failures: u32,
    episode: u64,
}

/// A name of what is told, the same with and without the store.
pub(super) fn told(notification: &Notification) -> u64 {
    fingerprint(&[&notification.episode, &notification.told_as])
}

/// What waits for one recipient.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: BTreeMap<Place, Waiting>,
    unrecorded: i64,
}

impl Queue {
    /// Takes a message; its first attempt is due at once.
    pub(super) fn push(&mut self, message: Message, now: Instant) {
        let place = if let Some(id) = message.id {
            Place(false, id)
        } else {
            self.unrecorded += 1;
            Place(true, self.unrecorded)
        };
        let episode = fingerprint(&[&message.notification.episode]);
        self.waiting.insert(place, Waiting { message, due: now, failures: 0, episode });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn get(&self, place: Place) -> Option<&Message> {
        self.waiting.get(&place).map(|waiting| &waiting.message)
    }

    /// The next message that may be tried now: the most urgent, the oldest of equals, never one that would overtake another of
    /// its episode.
    pub(super) fn next(&self, now: Instant) -> Option<Place> {
        self.heads()
            .filter(|(_, waiting)| waiting.due <= now)
            .min_by_key(|(place, waiting)| (waiting.message.notification.severity > Severity::Critical, *place))
            .map(|(place, _)| place)
    }

    /// What is told together when `head` is tried: it alone, or, where it has failed before and has been overtaken by worse news
    /// of its episode, all up to the worst. The last one is sent, and names the others.
    pub(super) fn together(&self, head: Place) -> Vec<Place> {
        let mut places = vec![head];
        let Some(first) = self.waiting.get(&head) else { return places };
        if first.failures + first.message.attempts == 0 {
            return places;
        }
        let mut rank = first.message.notification.severity;
        for (place, waiting) in self.waiting.range(head..).skip(1) {
            if waiting.episode != first.episode {
                continue;
            }
            let notification = &waiting.message.notification;
            // An end is never merged into what came before.
            if notification.severity > rank || is_end(notification) {
                break;
            }
            rank = notification.severity;
            places.push(*place);
        }
        places
    }

    /// The place of a message that left without a number while the store was failing, and is now in the store, too.
    pub(super) fn twin(&self, name: u64) -> Option<Place> {
        let unrecorded = self.waiting.range(Place(true, i64::MIN)..);
        unrecorded.filter(|(_, waiting)| told(&waiting.message.notification) == name).map(|(place, _)| *place).next()
    }

    /// When the next message will be due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.heads().map(|(_, waiting)| waiting.due).min()
    }

    /// The message is tried again later.
    pub(super) fn put_off(&mut self, place: Place, now: Instant, backoff: Backoff) {
        if let Some(waiting) = self.waiting.get_mut(&place) {
            waiting.failures += 1;
            waiting.due = now + backoff.after(waiting.failures);
        }
    }

    pub(super) fn remove(&mut self, place: Place) -> Option<Message> {
        self.waiting.remove(&place).map(|waiting| waiting.message)
    }

    /// Takes out what `old` says is too old.
    pub(super) fn expire(&mut self, old: impl Fn(&Message) -> bool) -> Vec<Message> {
        self.waiting.extract_if(.., |_, waiting| old(&waiting.message)).map(|(_, waiting)| waiting.message).collect()
    }

    /// The first of each episode.
    fn heads(&self) -> impl Iterator<Item = (Place, &Waiting)> {
        let mut seen = HashSet::new();
        self.waiting
            .iter()
            .filter(move |(_, waiting)| seen.insert(waiting.episode))
            .map(|(place, waiting)| (*place, waiting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock, notify::sample};
    use jiff::Timestamp;
    use std::sync::Arc;

    fn message(id: i64) -> Message {
        let notification = Notification { episode: format!("prod/{id}"), ..sample::test("ops", Timestamp::UNIX_EPOCH) };
        Message {
            id: Some(id),
            message_id: id.to_string(),
            receiver: "ops".to_owned(),
            recipient: String::new(),
            notification: Arc::new(notification),
            created_at: Timestamp::UNIX_EPOCH,
            attempts: 0,
        }
    }

    /// A server that says 451 for half an hour: in virtual time, as the lane walks through it.
    #[test]
    fn half_an_hour_of_refusals_costs_few_attempts_and_little_delay() {
        let backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_mins(5) };
        let start = clock::timer();
        let well_again = start + Duration::from_mins(30);
        let mut queue = Queue::default();
        queue.push(message(1), start);
        let mut now = start;
        let mut attempts = 0;
        while let Some(place) = queue.next(now) {
            attempts += 1;
            if now >= well_again {
                queue.remove(place);
                break;
            }
            queue.put_off(place, now, backoff);
            assert_eq!(queue.next(now), None, "not at once");
            now = queue.next_due().unwrap();
        }
        assert!(queue.is_empty());
        assert!((12..=22).contains(&attempts), "{attempts} attempts");
        assert!(now < well_again + Duration::from_mins(6), "{:?} late", now - well_again);
    }
}
