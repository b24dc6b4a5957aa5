//! What a client may ask for: weight in a minute, new orders in ten seconds and a day; who does not stop is banned.

use std::time::Duration;

use messages::UtcNanos;
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);
const TEN_SECONDS: Duration = Duration::from_secs(10);
const DAY: Duration = Duration::from_secs(86_400);
/// Requests after a 429, within its time, until the address is banned.
const PATIENCE: u32 = 10;
/// The first ban.
const BAN: Duration = Duration::from_secs(120);

/// A count in windows of a fixed length.
#[derive(Debug, Clone)]
struct Window {
    length: Duration,
    limit: u32,
    begin: UtcNanos,
    count: u32,
}

impl Window {
    const fn new(length: Duration, limit: u32) -> Self {
        Self { length, limit, begin: UtcNanos::MIN, count: 0 }
    }

    fn turn(&mut self, now: UtcNanos) {
        let begin = now.floor_to(self.length);
        if begin != self.begin {
            (self.begin, self.count) = (begin, 0);
        }
    }

    fn rest(&self, now: UtcNanos) -> Duration {
        let left = self.begin.after(self.length).since(now).max(0);
        Duration::from_nanos(left.unsigned_abs())
    }
}

/// Why a request is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Too much weight; wait so long.
    Weight(Duration),
    /// Banned for so long.
    Banned(Duration),
}

/// The counters.
#[derive(Debug, Clone)]
pub struct Limits {
    weight: Window,
    orders: [Window; 2],
    warned_until: UtcNanos,
    ignored: u32,
    banned_until: UtcNanos,
}

impl Limits {
    /// Weight in a minute, orders in ten seconds and in a day.
    #[must_use]
    pub const fn new(weight: u32, orders: [u32; 2]) -> Self {
        Self {
            weight: Window::new(MINUTE, weight),
            orders: [Window::new(TEN_SECONDS, orders[0]), Window::new(DAY, orders[1])],
            warned_until: UtcNanos::MIN,
            ignored: 0,
            banned_until: UtcNanos::MIN,
        }
    }

    /// Looks whether a request of so much weight may be looked at.
    ///
    /// # Errors
    /// Why not, and for how long.
    pub fn ask(&mut self, weight: u32, now: UtcNanos) -> Result<(), Over> {
        let left = |until: UtcNanos| Duration::from_nanos(until.since(now).max(0).unsigned_abs());
        if now < self.banned_until {
            return Err(Over::Banned(left(self.banned_until)));
        }
        if now < self.warned_until {
            self.ignored += 1;
            if self.ignored > PATIENCE {
                self.banned_until = now.after(BAN);
                return Err(Over::Banned(BAN));
            }
            return Err(Over::Weight(left(self.warned_until)));
        }
        self.ignored = 0;
        self.weight.turn(now);
        if self.weight.count + weight > self.weight.limit {
            let wait = self.weight.rest(now);
            self.warned_until = now.after(wait);
            return Err(Over::Weight(wait));
        }
        self.weight.count += weight;
        Ok(())
    }

    /// Gives weight back: what succeeds at the matching engine costs none.
    pub fn give_back(&mut self, weight: u32) {
        self.weight.count = self.weight.count.saturating_sub(weight);
    }

    /// Looks whether there may be so many new orders; the limit that forbids it, as its error names it.
    ///
    /// # Errors
    /// `50 orders per 10 SECOND`.
    pub fn order(&mut self, many: u32, now: UtcNanos) -> Result<(), String> {
        for (window, name) in self.orders.iter_mut().zip(["10 SECOND", "1 DAY"]) {
            window.turn(now);
            if window.count + many > window.limit {
                return Err(format!("{} orders per {name}", window.limit));
            }
        }
        Ok(())
    }

    /// Counts new orders.
    pub fn ordered(&mut self, many: u32) {
        self.orders.iter_mut().for_each(|window| window.count += many);
    }

    /// An order has traded: it counts no longer.
    pub fn traded(&mut self) {
        self.orders.iter_mut().for_each(|window| window.count = window.count.saturating_sub(1));
    }

    /// The headers that every answer bears.
    #[must_use]
    pub fn headers(&self, order: bool) -> Vec<(&'static str, String)> {
        let mut headers = vec![("X-MBX-USED-WEIGHT", self.weight.count.to_string())];
        headers.push(("X-MBX-USED-WEIGHT-1M", self.weight.count.to_string()));
        if order {
            headers.push(("X-MBX-ORDER-COUNT-10S", self.orders[0].count.to_string()));
            headers.push(("X-MBX-ORDER-COUNT-1D", self.orders[1].count.to_string()));
        }
        headers
    }

    /// As `rateLimits` tells them; with counts, or without as `exchangeInfo` has them.
    #[must_use]
    pub fn json(&self, weight: bool, orders: bool, counts: bool) -> Value {
        let one = |kind: &str, interval: &str, number: u32, window: &Window| {
            let mut limit =
                json!({"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": window.limit});
            if counts {
                limit["count"] = json!(window.count);
            }
            limit
        };
        let mut all = Vec::new();
        if weight {
            all.push(one("REQUEST_WEIGHT", "MINUTE", 1, &self.weight));
        }
        if orders {
            all.push(one("ORDERS", "SECOND", 10, &self.orders[0]));
            all.push(one("ORDERS", "DAY", 1, &self.orders[1]));
        }
        Value::Array(all)
    }
}
