//! How much one sender may bring, so that a noisy one cannot starve the others: the generic cell rate algorithm, which needs one time
//! per sender and is handed the clock. Only lines that the engine wants cost anything, because only they cost the others something;
//! lines about the license are free.

use jiff::SignedDuration;
use std::time::Duration;

/// So many seconds' worth may come at once.
const BURST_SECONDS: i32 = 10;

/// What one sender has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// What one line costs; zero where there is no limit.
    price: SignedDuration,
}

impl Budget {
    /// No limit.
    pub const UNLIMITED: Self = Self { price: SignedDuration::ZERO };

    /// So many lines a second in the long run, and ten times as many at once; 0 is no limit.
    pub fn per_second(lines: u32) -> Self {
        let price = SignedDuration::from_secs(1).as_nanos().checked_div(i128::from(lines)).unwrap_or(0);
        Self { price: SignedDuration::from_nanos_i128(price) }
    }

    fn burst() -> SignedDuration {
        SignedDuration::from_secs(1) * BURST_SECONDS
    }
}

/// What a sender has spent. One that never spent has its whole budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// When all of it will be earned again, on the clock of elapsed time.
    whole_at: SignedDuration,
}

impl Account {
    /// Pays for one line, or says that nothing is left.
    pub(super) fn pay(&mut self, now: SignedDuration, budget: Budget) -> bool {
        if self.debt(now, Budget::burst()).is_some() {
            return false;
        }
        self.whole_at = self.whole_at.max(now).saturating_add(budget.price);
        true
    }

    /// Pays for lines that have come already, whatever is left. How long the sender has to wait now.
    pub(super) fn charge(&mut self, lines: u32, now: SignedDuration, budget: Budget) -> Option<Duration> {
        let cost = budget.price.saturating_mul(i32::try_from(lines).unwrap_or(i32::MAX));
        self.whole_at = self.whole_at.max(now).saturating_add(cost);
        self.debt(now, Budget::burst())
    }

    fn debt(self, now: SignedDuration, burst: SignedDuration) -> Option<Duration> {
        let over = self.whole_at.saturating_sub(now).saturating_sub(burst);
        Duration::try_from(over).ok().filter(|over| !over.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `tries` lines at each of these times are paid for.
    fn paid(budget: Budget, tries: u32, at_millis: &[i64]) -> Vec<usize> {
        let mut account = Account::default();
        at_millis
            .iter()
            .map(|millis| {
                let now = SignedDuration::from_millis(*millis);
                (0..tries).filter(|_| account.pay(now, budget)).count()
            })
            .collect()
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let budget = Budget::per_second(100);
        // The one that meets the limit exactly is still paid for.
        assert_eq!(paid(budget, 5_000, &[50_000, 50_000, 50_100, 51_100, 60_000]), [1_001, 0, 10, 100, 890]);
        assert_eq!(paid(budget, 5_000, &[0, 3_600_000]), [1_001, 1_001], "no more is saved up than one burst");
        assert_eq!(paid(budget, 10, &[0, 100, 200, 300]), [10; 4], "the rate itself is never refused");
        assert_eq!(paid(Budget::per_second(0), 5_000, &[0, 0]), [5_000; 2]);
        assert_eq!(paid(Budget::UNLIMITED, 5_000, &[0, 0]), [5_000; 2]);
    }

    #[test]
    fn what_came_already_is_waited_for() {
        let budget = Budget::per_second(1_000);
        let mut account = Account::default();
        let at = SignedDuration::from_secs;
        assert_eq!(account.charge(10_000, at(5), budget), None);
        assert_eq!(account.charge(2_000, at(5), budget), Some(Duration::from_secs(2)));
        assert_eq!(account.charge(0, at(6), budget), Some(Duration::from_secs(1)));
        assert_eq!(account.charge(0, at(7), budget), None);
    }
}
