//! How many requests may go: 200 a minute and account, and what the venue says is left of them. A pure count that tells when
//! the next request may go.
//!
//! Invariant: in no minute more than `per_minute` requests go, whatever the venue says; cancels find room that all else
//! leaves them, `reduce_only` orders room that other orders and questions leave them, and all of these room that questions
//! which nobody waits for leave them. Source: docs.alpaca.markets, usage limits (`X-RateLimit-Limit`, `-Remaining`, `-Reset`,
//! 429).

use std::collections::VecDeque;
use std::time::Duration;

use messages::UtcNanos;

/// What the venue allows by default.
pub const PER_MINUTE: u32 = 200;

const MINUTE: Duration = Duration::from_secs(60);
/// A refusal without a word on how long it lasts.
const REFUSED_FOR: Duration = Duration::from_secs(5);

/// What a request is for. The later ones leave room for the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Takes risk away.
    Cancel,
    /// Places an order that is `reduce_only`: those of a flatten are, and those of whoever says so.
    Close,
    /// Places or changes any other order; the exits of a bracket are among these.
    Order,
    /// Asks.
    Question,
    /// Asks what nobody waits for: many such questions may come at once, and others must not stand behind them.
    Leisure,
}

impl Urgency {
    /// All, the most urgent first.
    pub const ALL: [Self; 5] = [Self::Cancel, Self::Close, Self::Order, Self::Question, Self::Leisure];

    /// The share of the limit, in percent, that it leaves to what is more urgent.
    const fn leaves(self) -> u32 {
        match self {
            Self::Cancel => 0,
            Self::Close => 5,
            Self::Order => 10,
            Self::Question => 30,
            Self::Leisure => 60,
        }
    }
}

/// The count.
#[derive(Debug, Clone)]
pub struct Budget {
    per_minute: u32,
    /// When the requests of the last minute went, oldest first.
    went: VecDeque<UtcNanos>,
    /// What the venue said is left, less what went since, and until when that holds.
    left: Option<(u32, UtcNanos)>,
    /// It refused; nothing goes before.
    refused_until: Option<UtcNanos>,
}

impl Budget {
    /// A limit of requests a minute.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute: per_minute.max(1), went: VecDeque::new(), left: None, refused_until: None }
    }

    /// When a request of this urgency may go: `now`, or later.
    #[must_use]
    pub fn next(&self, urgency: Urgency, now: UtcNanos) -> UtcNanos {
        let reserve = self.per_minute * urgency.leaves() / 100;
        let most = usize::try_from(self.per_minute - reserve).unwrap_or(usize::MAX).max(1);
        let recent = self.went.iter().filter(|at| at.after(MINUTE) > now).count();
        // As many must become older than a minute as are too many with this one.
        let own = recent.checked_sub(most).and_then(|above| {
            let first = self.went.len() - recent;
            self.went.get(first + above).map(|at| at.after(MINUTE))
        });
        let said = self.left.filter(|(left, until)| *left <= reserve && *until > now).map(|(_, until)| until);
        [Some(now), own, said, self.refused_until].into_iter().flatten().max().unwrap_or(now)
    }

    /// A request goes.
    pub fn go(&mut self, now: UtcNanos) {
        while self.went.front().is_some_and(|at| at.after(MINUTE) <= now) {
            self.went.pop_front();
        }
        self.went.push_back(now);
        if let Some((left, _)) = &mut self.left {
            *left = left.saturating_sub(1);
        }
    }

    /// The venue says what is left and until when.
    pub fn hear(&mut self, remaining: Option<u32>, reset: Option<UtcNanos>, now: UtcNanos) {
        let (Some(remaining), Some(reset)) = (remaining, reset) else { return };
        // Its clock and ours may differ; a window is never longer than a minute.
        let reset = reset.min(now.after(MINUTE));
        if reset <= now {
            self.left = None;
            return;
        }
        // An answer that was long under way does not give back what went since.
        let lower = self.left.filter(|(_, until)| *until == reset).map_or(remaining, |(left, _)| left.min(remaining));
        self.left = Some((lower, reset));
    }

    /// The venue refused: too many requests.
    pub fn refused(&mut self, retry_after: Option<Duration>, reset: Option<UtcNanos>, now: UtcNanos) {
        let until = match (retry_after, reset) {
            (Some(wait), _) => now.after(wait),
            (None, Some(reset)) if reset > now => reset.min(now.after(MINUTE)),
            (None, _) => now.after(REFUSED_FOR),
        };
        self.refused_until = self.refused_until.max(Some(until));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: f64) -> UtcNanos {
        UtcNanos(1_000_000_000_000 + (seconds * 1e9) as i64)
    }

    #[test]
    fn the_next_one_goes_when_the_oldest_is_a_minute_old() {
        let mut budget = Budget::new(10);
        for second in 0..10u32 {
            assert_eq!(budget.next(Urgency::Cancel, at(second.into())), at(second.into()));
            budget.go(at(second.into()));
        }
        assert_eq!(budget.next(Urgency::Cancel, at(10.0)), at(60.0));
        assert_eq!(budget.next(Urgency::Order, at(10.0)), at(61.0), "an order leaves one to a cancel");
        assert_eq!(budget.next(Urgency::Question, at(10.0)), at(63.0));
        assert_eq!(budget.next(Urgency::Question, at(63.0)), at(63.0));
        assert_eq!(budget.next(Urgency::Leisure, at(10.0)), at(66.0));
    }

    #[test]
    fn what_the_venue_says_counts_where_it_is_less() {
        let mut budget = Budget::new(PER_MINUTE);
        budget.hear(Some(61), Some(at(30.0)), at(0.0));
        assert_eq!(budget.next(Urgency::Question, at(0.0)), at(0.0));
        budget.go(at(0.0));
        assert_eq!(budget.next(Urgency::Question, at(0.0)), at(30.0));
        assert_eq!(budget.next(Urgency::Order, at(0.0)), at(0.0));
        // An older answer that comes late.
        budget.hear(Some(100), Some(at(30.0)), at(1.0));
        assert_eq!(budget.next(Urgency::Question, at(1.0)), at(30.0));
        budget.hear(Some(0), Some(at(30.0)), at(2.0));
        assert_eq!(budget.next(Urgency::Cancel, at(2.0)), at(30.0));
        assert_eq!(budget.next(Urgency::Cancel, at(30.0)), at(30.0));
        // A clock that is an hour ahead does not stop us for an hour.
        budget.hear(Some(0), Some(at(3_600.0)), at(30.0));
        assert_eq!(budget.next(Urgency::Cancel, at(30.0)), at(90.0));
    }

    #[test]
    fn what_is_reduce_only_finds_room_that_orders_leave_and_leaves_some_to_cancels() {
        let mut budget = Budget::new(PER_MINUTE);
        for _ in 0..180 {
            assert_eq!(budget.next(Urgency::Order, at(0.0)), at(0.0));
            budget.go(at(0.0));
        }
        assert_eq!(budget.next(Urgency::Order, at(1.0)), at(60.0));
        for _ in 0..10 {
            assert_eq!(budget.next(Urgency::Close, at(1.0)), at(1.0));
            budget.go(at(1.0));
        }
        assert_eq!(budget.next(Urgency::Close, at(2.0)), at(60.0));
        assert_eq!(budget.next(Urgency::Cancel, at(2.0)), at(2.0));
    }

    #[test]
    fn after_a_refusal_nothing_goes_before_its_time() {
        let check = |retry: Option<u64>, reset: Option<f64>, expected: f64| {
            let mut budget = Budget::new(PER_MINUTE);
            budget.refused(retry.map(Duration::from_secs), reset.map(at), at(0.0));
            assert_eq!(budget.next(Urgency::Cancel, at(0.0)), at(expected));
        };
        check(Some(7), Some(30.0), 7.0);
        check(None, Some(30.0), 30.0);
        check(None, Some(-1.0), 5.0);
        check(None, None, 5.0);
    }

    proptest! {
        #[test]
        fn no_minute_holds_more_than_the_limit(
            limit in 1u32..30,
            steps in prop::collection::vec((0u32..20_000, prop::sample::select(Urgency::ALL.to_vec())), 1..200),
        ) {
            let mut budget = Budget::new(limit);
            let mut now = at(0.0);
            let mut went: Vec<UtcNanos> = Vec::new();
            for (wait, urgency) in steps {
                now = now.after(Duration::from_millis(wait.into()));
                now = budget.next(urgency, now);
                // What it tells is true when it comes.
                prop_assert_eq!(budget.next(urgency, now), now);
                budget.go(now);
                went.push(now);
            }
            for first in &went {
                let within = went.iter().filter(|at| *at >= first && **at < first.after(MINUTE)).count();
                prop_assert!(within <= limit as usize, "{} in a minute of {}", within, limit);
            }
        }
    }
}
