//! A timeline from a seed: what a small market does in an hour, in the venue's words.

use std::collections::BTreeMap;
use std::time::Duration;

use messages::UtcNanos;

use super::book::{Book, decimal, levels_json};
use super::{Body, Event, Levels, Trade};

/// A cent.
const TICK: i64 = 1_000_000;

/// What is to happen.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Upper case.
    pub symbols: Vec<String>,
    /// From then …
    pub begin: UtcNanos,
    /// … to then.
    pub end: UtcNanos,
    /// Mean time between two events of a symbol.
    pub every: Duration,
    /// Events in a million that are a trade with an id that cannot be.
    pub absurd: u64,
    /// Decides everything.
    pub seed: u64,
}

/// A stream of numbers that one seed gives again (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end.unsigned_abs()) as i64
    }
}

/// Books at the start, and what happens from then on.
#[must_use]
pub fn synthetic(plan: &Plan) -> (BTreeMap<String, Book>, Vec<Event>) {
    let (mut books, mut timeline) = (BTreeMap::new(), Vec::new());
    for (number, symbol) in plan.symbols.iter().enumerate() {
        let chance = Chance(plan.seed.wrapping_mul(1_000).wrapping_add(number as u64));
        let mut market = Market::new(symbol, chance);
        books.insert(symbol.clone(), market.book.clone());
        market.run(plan, &mut timeline);
    }
    timeline.sort_by_key(|event: &Event| event.at);
    (books, timeline)
}

struct Market {
    symbol: String,
    chance: Chance,
    middle: i64,
    book: Book,
    update_id: u64,
    trade_id: i64,
    now: UtcNanos,
}

impl Market {
    fn new(symbol: &str, mut chance: Chance) -> Self {
        let middle = (20_000 + chance.below(10_000)) * TICK;
        let update_id = 1_000_000 + chance.below(1_000_000) as u64;
        let mut book = Book { last: update_id, ..Book::default() };
        for step in 1..=50 {
            book.bids.insert(middle - step * TICK, (1 + chance.below(900)) * TICK);
            book.asks.insert(middle + step * TICK, (1 + chance.below(900)) * TICK);
        }
        let trade_id = 10_000_000 + chance.below(1_000_000);
        Self { symbol: symbol.to_owned(), chance, middle, book, update_id, trade_id, now: UtcNanos::MIN }
    }

    fn run(&mut self, plan: &Plan, timeline: &mut Vec<Event>) {
        let micros = i64::try_from(plan.every.as_micros()).unwrap_or(i64::MAX / 4) * 2;
        self.now = plan.begin;
        loop {
            self.now = UtcNanos(self.now.0 + (1 + self.chance.below(micros)) * 1_000);
            if self.now > plan.end {
                return;
            }
            if self.chance.below(1_000_000) < plan.absurd as i64 {
                let id = self.trade_id + 1_000_000_000 + self.chance.below(1_000_000_000);
                let (stream, payload, _) = self.trade_of(id);
                timeline.push(self.event(stream, payload, Body::Error));
            }
            let event = match self.chance.below(10) {
                0..3 => self.trade(),
                3..6 => self.quote(),
                _ => self.depth(),
            };
            timeline.push(event);
        }
    }

    fn event(&self, stream: &str, payload: String, body: Body) -> Event {
        let stream = format!("{}@{stream}", self.symbol.to_lowercase());
        Event { at: self.now, symbol: self.symbol.clone(), stream, payload, body }
    }

    fn trade(&mut self) -> Event {
        self.trade_id += 1;
        let (stream, payload, trade) = self.trade_of(self.trade_id);
        self.event(stream, payload, Body::Trade(trade))
    }

    fn trade_of(&mut self, id: i64) -> (&'static str, String, Trade) {
        let time = self.now.0 / 1_000_000;
        let price = decimal(self.middle + self.chance.below(3) * TICK);
        let quantity = decimal((1 + self.chance.below(500)) * TICK);
        let buyer_is_maker = self.chance.below(2) == 0;
        let payload = format!(
            r#"{{"e":"trade","E":{time},"s":"{}","t":{id},"p":"{price}","q":"{quantity}","T":{time},"m":{buyer_is_maker},"M":true}}"#,
            self.symbol
        );
        ("trade", payload, Trade { id, price, quantity, time, buyer_is_maker })
    }

    fn quote(&mut self) -> Event {
        self.update_id += 1;
        let best = |level: Option<(&i64, &i64)>| level.map_or((0, 0), |(price, size)| (*price, *size));
        let (bid, ask) = (best(self.book.bids.last_key_value()), best(self.book.asks.first_key_value()));
        let payload = format!(
            r#"{{"u":{},"s":"{}","b":"{}","B":"{}","a":"{}","A":"{}"}}"#,
            self.update_id,
            self.symbol,
            decimal(bid.0),
            decimal(bid.1),
            decimal(ask.0),
            decimal(ask.1)
        );
        self.event("bookTicker", payload, Body::Quote(self.update_id as i64))
    }

    fn depth(&mut self) -> Event {
        self.middle = (self.middle + (self.chance.below(5) - 2) * TICK).max(1_000 * TICK);
        let first = self.book.last + 1;
        self.update_id += 1;
        let (mut bids, mut asks): (Levels, Levels) = (Vec::new(), Vec::new());
        bids.extend(self.book.bids.range(self.middle..).map(|(price, _)| (*price, 0)));
        asks.extend(self.book.asks.range(..=self.middle).map(|(price, _)| (*price, 0)));
        for _ in 0..1 + self.chance.below(3) {
            let size = |chance: &mut Chance| (chance.below(900) - 200).max(0) * TICK;
            bids.push((self.middle - (1 + self.chance.below(60)) * TICK, size(&mut self.chance)));
            asks.push((self.middle + (1 + self.chance.below(60)) * TICK, size(&mut self.chance)));
        }
        let time = self.now.0 / 1_000_000;
        let payload = format!(
            r#"{{"e":"depthUpdate","E":{time},"s":"{}","U":{first},"u":{},"b":{},"a":{}}}"#,
            self.symbol,
            self.update_id,
            levels_json(&bids),
            levels_json(&asks)
        );
        let body = Body::Depth { first, last: self.update_id, bids, asks };
        self.book.apply(&body);
        self.event("depth@100ms", payload, body)
    }
}
