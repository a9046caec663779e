//! Senders over their budget: from the first dropped or delayed line until they have kept to it for a while.

use ccxwatch_alerts::input::Input;
use jiff::SignedDuration;
use std::{collections::BTreeMap, net::IpAddr};

/// A sender that keeps to its budget for so long is told to do so again.
const QUIET: SignedDuration = SignedDuration::from_mins(10);
/// Senders that are told at the same time; others are only counted.
const SENDERS: usize = 64;

/// Who was over its budget, and when last, on the clock of elapsed time.
#[derive(Debug)]
pub(super) struct Senders {
    over_budget: BTreeMap<IpAddr, SignedDuration>,
}

impl Senders {
    /// Those that a former process told of are looked at anew.
    pub(super) fn new(told: impl Iterator<Item = IpAddr>, now: SignedDuration) -> Self {
        Self { over_budget: told.map(|sender| (sender, now)).collect() }
    }

    /// A sender was over its budget. What the engine is to be told.
    pub(super) fn note(&mut self, sender: IpAddr, now: SignedDuration) -> Option<Input> {
        let is_news = !self.over_budget.contains_key(&sender);
        if is_news && self.over_budget.len() >= SENDERS {
            return None;
        }
        self.over_budget.insert(sender, now);
        is_news.then_some(Input::Sender { sender, over_budget: true })
    }

    /// Those that have kept to their budget.
    pub(super) fn quiet(&mut self, now: SignedDuration) -> Vec<Input> {
        let quiet = self.over_budget.extract_if(.., |_, last| now - *last >= QUIET);
        quiet.map(|(sender, _)| Input::Sender { sender, over_budget: false }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_once_and_ends_when_it_is_quiet() {
        let at = SignedDuration::from_secs;
        let sender = |number: usize| IpAddr::from([10, 0, 0, u8::try_from(number).unwrap()]);
        let mut senders = Senders::new([sender(0)].into_iter(), at(0));
        assert!(senders.note(sender(0), at(1)).is_none(), "a former process told of it");
        assert!(matches!(senders.note(sender(1), at(2)), Some(Input::Sender { over_budget: true, .. })));
        assert!(senders.note(sender(1), at(100)).is_none());
        assert_eq!((senders.quiet(at(600)).len(), senders.quiet(at(601)).len()), (0, 1));
        let told = (2..200).filter(|number| senders.note(sender(*number), at(602)).is_some()).count();
        assert_eq!(told, SENDERS - 1, "a flood of senders is no flood of alerts");
        assert_eq!(senders.quiet(at(699)).len(), 0);
        assert_eq!(senders.quiet(at(2_000)).len(), SENDERS);
    }
}
