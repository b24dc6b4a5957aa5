//! The venue's limits as a budget: when the next request may go. Source: `rest-api.md` (limits), `exchangeInfo.rateLimits`.
//!
//! Request weight counts per address and minute, unfilled orders per account, in ten seconds and in a day. The venue counts as well and
//! says so in every answer; the larger count holds, for others may share the address. A refusal for too many requests stops
//! everything until the venue's time: asking on turns it into a ban. One for too many orders, or because the venue is busy, stops
//! what counts as an order: cancels and questions count as none. Of the weight a part is kept for cancels, and a larger one from
//! questions about rules.

use std::time::Duration;

use messages::UtcNanos;
use messages::time::nanos;
use serde::Deserialize;

use super::call::Call;

/// Wait after a refusal that names none: the window of the request weight.
const UNNAMED_WAIT: Duration = Duration::from_secs(60);
/// One part in so many of the request weight is left to cancels, which take risk away.
const KEPT_FOR_CANCELS: u32 = 10;
/// One part in so many of the request weight is left by questions about rules to all others: many may come at once, and nothing waits
/// for them.
const KEPT_FROM_RULES: u32 = 2;

/// A limit, as `exchangeInfo` and every answer over the WebSocket API state it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// `REQUEST_WEIGHT`, `ORDERS`, `RAW_REQUESTS`, `CONNECTIONS`.
    pub rate_limit_type: String,
    /// `SECOND`, `MINUTE`, `HOUR`, `DAY`.
    pub interval: String,
    /// How many of them.
    pub interval_num: u32,
    /// The most in that time.
    pub limit: u32,
    /// How many there were; in answers.
    #[serde(default)]
    pub count: Option<u32>,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Weight,
    Orders,
    Requests,
}

/// One window: it begins at the multiples of its length, as the venue's do.
#[derive(Debug, Clone)]
struct Window {
    what: What,
    length: Duration,
    limit: u32,
    began: UtcNanos,
    count: u32,
}

/// The budget.
#[derive(Debug, Clone)]
pub struct Budget {
    windows: Vec<Window>,
    closed_until: Option<UtcNanos>,
    orders_closed_until: Option<UtcNanos>,
}

impl Default for Budget {
    /// The documented limits, until the venue states its own.
    fn default() -> Self {
        let window = |what, secs, limit| Window {
            what,
            length: Duration::from_secs(secs),
            limit,
            began: UtcNanos::MIN,
            count: 0,
        };
        Self {
            windows: vec![
                window(What::Weight, 60, 6_000),
                window(What::Requests, 300, 300_000),
                window(What::Orders, 10, 50),
                window(What::Orders, 86_400, 160_000),
            ],
            closed_until: None,
            orders_closed_until: None,
        }
    }
}

impl Budget {
    /// Takes what the venue states; its counts are those of the windows at `now`.
    pub fn state(&mut self, limits: &[RateLimit], now: UtcNanos) {
        for limit in limits {
            let (Some(what), Some(length)) = (limit.what(), limit.length()) else { continue };
            let known = self.windows.iter_mut().find(|w| (w.what, w.length) == (what, length));
            let window = match known {
                Some(window) => window,
                None => {
                    self.windows.push(Window { what, length, limit: limit.limit, began: UtcNanos::MIN, count: 0 });
                    self.windows.last_mut().expect("just pushed")
                }
            };
            window.turn(now);
            window.limit = limit.limit;
            // Fills give orders back, so that the venue's count may be below ours, and is right.
            window.count = match (limit.count, what) {
                (Some(count), What::Orders) => count,
                (Some(count), _) => window.count.max(count),
                (None, _) => window.count,
            };
        }
    }

    /// When a call may go; `now` where it may at once. `None` for one that is larger than a whole window.
    #[must_use]
    pub fn when(&self, call: &Call, now: UtcNanos) -> Option<UtcNanos> {
        let orders_closed_until = self.orders_closed_until.filter(|_| call.orders > 0);
        let mut at = [self.closed_until, orders_closed_until].into_iter().flatten().fold(now, Ord::max);
        for window in &self.windows {
            let (needs, most) = (window.needs(call), window.most(call));
            if needs > most {
                return None;
            }
            let spent = if now < window.ends() { window.count } else { 0 };
            if needs > 0 && spent.saturating_add(needs) > most {
                at = at.max(window.ends());
            }
        }
        Some(at)
    }

    /// Counts a call that goes.
    pub fn spend(&mut self, call: &Call, now: UtcNanos) {
        for window in &mut self.windows {
            window.turn(now);
            window.count = window.count.saturating_add(window.needs(call));
        }
    }

    /// The venue refused for too many requests, and may have said until when.
    pub fn close(&mut self, until: Option<UtcNanos>, now: UtcNanos) {
        let until = until.unwrap_or_else(|| now.after(UNNAMED_WAIT));
        self.closed_until = self.closed_until.max(Some(until));
    }

    /// The venue takes no more orders for now, and may have said until when: else until its shortest count of them begins anew.
    pub fn close_orders(&mut self, until: Option<UtcNanos>, now: UtcNanos) {
        let counts = self.windows.iter().filter(|window| window.what == What::Orders);
        let anew = counts.map(|window| now.floor_to(window.length).after(window.length)).min();
        self.orders_closed_until = self.orders_closed_until.max(until.or(anew));
    }

    /// Until when nothing may go.
    #[must_use]
    pub fn closed_until(&self, now: UtcNanos) -> Option<UtcNanos> {
        self.closed_until.filter(|until| *until > now)
    }
}

impl Window {
    fn needs(&self, call: &Call) -> u32 {
        match self.what {
            What::Weight => call.weight,
            What::Orders => call.orders,
            What::Requests => 1,
        }
    }

    /// How far the call may fill it.
    fn most(&self, call: &Call) -> u32 {
        match self.what {
            What::Weight if call.is_of_rules() => self.limit - self.limit / KEPT_FROM_RULES,
            What::Weight if !call.is_cancel() => self.limit - self.limit / KEPT_FOR_CANCELS,
            What::Weight | What::Orders | What::Requests => self.limit,
        }
    }

    fn ends(&self) -> UtcNanos {
        self.began.after(self.length)
    }

    fn turn(&mut self, now: UtcNanos) {
        let began = now.floor_to(self.length);
        if began > self.began {
            (self.began, self.count) = (began, 0);
        }
    }
}

impl RateLimit {
    fn what(&self) -> Option<What> {
        match self.rate_limit_type.as_str() {
            "REQUEST_WEIGHT" => Some(What::Weight),
            "ORDERS" => Some(What::Orders),
            "RAW_REQUESTS" => Some(What::Requests),
            _ => None,
        }
    }

    fn length(&self) -> Option<Duration> {
        let unit = match self.interval.as_str() {
            "SECOND" => 1,
            "MINUTE" => 60,
            "HOUR" => 3_600,
            "DAY" => 86_400,
            _ => return None,
        };
        Some(Duration::from_secs(unit * u64::from(self.interval_num))).filter(|length| nanos(*length) > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000_000;

    fn at(secs: i64) -> UtcNanos {
        UtcNanos(20_000 * 1_440 * MINUTE + secs * 1_000_000_000)
    }

    fn question(weight: u32) -> Call {
        Call::time().weighs(weight)
    }

    fn order() -> Call {
        Call::time().weighs(1).counts_as(1)
    }

    fn limits(weight: u32, orders: u32, count: Option<u32>) -> Vec<RateLimit> {
        let limit = |kind: &str, interval: &str, interval_num, limit| RateLimit {
            rate_limit_type: kind.to_owned(),
            interval: interval.to_owned(),
            interval_num,
            limit,
            count,
        };
        vec![
            limit("REQUEST_WEIGHT", "MINUTE", 1, weight),
            limit("ORDERS", "SECOND", 10, orders),
            limit("MOONS", "DAY", 1, 1),
        ]
    }

    #[test]
    fn what_is_spent_comes_back_when_the_venues_minute_ends() {
        let mut budget = Budget::default();
        budget.state(&limits(100, 2, None), at(0));
        budget.spend(&question(70), at(5));
        assert_eq!(budget.when(&question(20), at(6)), Some(at(6)));
        assert_eq!(budget.when(&question(21), at(6)), Some(at(60)));
        assert_eq!(budget.when(&question(21), at(60)), Some(at(60)));
        assert_eq!(budget.when(&question(91), at(6)), None, "never");
    }

    #[test]
    fn a_tenth_of_the_weight_is_kept_for_cancels() {
        let mut budget = Budget::default();
        budget.state(&limits(100, 2, None), at(0));
        budget.spend(&question(90), at(5));
        let cancel = Call::cancel("me-1-a".parse().unwrap(), "BTCUSDT".parse().unwrap());
        for other in [question(1), order()] {
            assert_eq!(budget.when(&other, at(6)), Some(at(60)));
        }
        for _ in 0..10 {
            assert_eq!(budget.when(&cancel, at(6)), Some(at(6)));
            budget.spend(&cancel, at(6));
        }
        assert_eq!(budget.when(&cancel, at(6)), Some(at(60)));
    }

    #[test]
    fn half_of_the_weight_is_kept_from_questions_about_rules() {
        let mut budget = Budget::default();
        budget.state(&limits(100, 2, None), at(0));
        let rules = Call::exchange_info(&["BTCUSDT".parse().unwrap()]);
        for _ in 0..2 {
            assert_eq!(budget.when(&rules, at(5)), Some(at(5)));
            budget.spend(&rules, at(5));
        }
        assert_eq!(budget.when(&rules, at(6)), Some(at(60)));
        for other in [question(50), order()] {
            assert_eq!(budget.when(&other, at(6)), Some(at(6)));
        }
    }

    #[test]
    fn orders_have_windows_of_their_own_and_the_venues_count_holds() {
        let mut budget = Budget::default();
        budget.state(&limits(6_000, 2, None), at(0));
        budget.spend(&order(), at(1));
        budget.spend(&order(), at(1));
        assert_eq!(budget.when(&order(), at(2)), Some(at(10)));
        assert_eq!(budget.when(&question(1), at(2)), Some(at(2)), "questions are no orders");
        // Fills gave one back.
        budget.state(&limits(6_000, 2, Some(1)), at(3));
        assert_eq!(budget.when(&order(), at(3)), Some(at(3)));
        // Somebody else at our address spent the weight.
        budget.state(&limits(6_000, 2, Some(6_000)), at(4));
        assert_eq!(budget.when(&question(1), at(4)), Some(at(60)));
    }

    #[test]
    fn a_refusal_stops_everything_until_its_time() {
        let mut budget = Budget::default();
        budget.close(Some(at(100)), at(0));
        budget.close(Some(at(50)), at(1));
        assert_eq!(budget.when(&question(1), at(2)), Some(at(100)));
        assert_eq!(budget.closed_until(at(100)), None);
        budget.close(None, at(200));
        assert_eq!(budget.when(&question(1), at(201)), Some(at(260)));
    }

    #[test]
    fn a_refusal_of_orders_stops_orders_alone() {
        let mut budget = Budget::default();
        budget.close_orders(None, at(3));
        assert_eq!(budget.when(&order(), at(4)), Some(at(10)), "until the ten seconds end");
        assert_eq!(budget.when(&question(1), at(4)), Some(at(4)));
        assert_eq!(budget.closed_until(at(4)), None);
        budget.close_orders(Some(at(40)), at(11));
        budget.close_orders(None, at(12));
        assert_eq!(budget.when(&order(), at(13)), Some(at(40)), "the venue's word");
    }

    proptest::proptest! {
        /// Who asks when he is told never spends more in a window than its limit.
        #[test]
        fn the_limit_holds(steps in proptest::collection::vec((0i64..7, 1u32..40), 1..200)) {
            let mut budget = Budget::default();
            budget.state(&limits(100, 5, None), at(0));
            let (mut now, mut spent) = (at(0), std::collections::BTreeMap::<i64, u32>::new());
            for (wait, weight) in steps {
                now = budget.when(&question(weight), now.after(Duration::from_secs(wait as u64))).unwrap();
                budget.spend(&question(weight), now);
                *spent.entry(now.0.div_euclid(MINUTE)).or_default() += weight;
            }
            proptest::prop_assert!(spent.values().all(|weight| *weight <= 100), "{spent:?}");
        }
    }
}
