//! The fill models against what happened to real orders (F7).
//!
//! What "actual" means here. The recording (Binance, BTCUSDT, eleven minutes of trades and of every change of the best bid and
//! ask) names no orders, so nobody can say where a made-up order would have stood. But it shows real ones: a best level that
//! grows by exactly `a` while nothing trades there is an order of size `a` that joined behind the size shown before. Binance
//! reports each maker's execution as a trade of its own, so a later trade of exactly `a` at that price is that order's fill,
//! where `a` is odd enough to be a fingerprint: no multiple of 0.001 BTC, at least 0.002 BTC, and no second order of the same
//! size at that price while it lives. Orders that left before (the level shrank by exactly `a`, or another price became the
//! best) are not followed: they were canceled, or their end cannot be told.
//!
//! So "actual" is the receive time of the fill of a real order whose place in the queue at its arrival is known, and
//! "predicted" is when an order of the same size, which the venue receives just before the message that shows the real one, is
//! filled completely by each model. What this leaves out: orders that filled in several trades, and those that were canceled,
//! which are most; both kinds of messages come by their own paths, so that a trade and the level that it left may be received in
//! either order.

use std::collections::BTreeMap;

use messages::{Price, Quantity, Size};

use super::*;
use crate::feeds::input::{Format, Input, Merged};

/// The models, from the earliest fill to the latest.
const MODELS: [&str; 5] = ["front", "prorated", "probabilistic", "shown", "pessimistic"];
/// How long a prediction is waited for behind the actual fill.
const HORIZON_NS: i64 = 10_000_000_000;

/// A real order whose fill was seen.
#[derive(Debug, Clone, Copy)]
struct Followed {
    side: Side,
    level: Level,
    /// The tick that shows it.
    joined: usize,
    ahead: Quantity,
    filled: usize,
}

/// An order that may become one.
#[derive(Clone, Copy)]
struct Candidate {
    level: Level,
    joined: usize,
    ahead: Quantity,
    ambiguous: bool,
}

fn ticks() -> Option<Vec<(UtcNanos, Tick)>> {
    let data = crate::wire::testdata::recorded()?.join("binance");
    let files = ["btcusdt_20240808.gz", "btcusdt_20240809.gz"].map(|name| data.join(name));
    if let Some(missing) = files.iter().find(|file| !file.exists()) {
        println!("skipped: {} is not there", missing.display());
        return None;
    }
    let open = |path: &std::path::PathBuf| Input::open(path, Format::BinanceFrames, Source::Replay).unwrap();
    let mut input = Merged::new(files.iter().map(open).collect());
    let mut ticks = Vec::new();
    while let Some(batch) = input.next_batch().unwrap() {
        let of = |item| match item {
            messages::market::FeedItem::Tick(tick) => Some((batch.received, tick)),
            _ => None,
        };
        ticks.extend(batch.items.iter().cloned().filter_map(of));
    }
    Some(ticks)
}

/// One side of the best levels, and who joined there.
#[derive(Default)]
struct Touch {
    best: Option<Level>,
    /// Something traded at the best price since it was shown last: a change is not that of one order.
    traded: bool,
    candidates: Vec<Candidate>,
}

/// True for a size that few orders have.
fn is_odd(size: Size) -> bool {
    size.raw() >= 200_000 && size.raw() % 100_000 != 0
}

impl Touch {
    fn quote(&mut self, now: Option<Level>, at: usize) {
        let (before, traded) = (self.best, std::mem::take(&mut self.traded));
        self.best = now;
        let (Some(before), Some(now)) = (before, now) else { return self.candidates.clear() };
        if before.price != now.price {
            // What stood at another price is not seen any more.
            return self.candidates.clear();
        }
        let change = now.size.raw() - before.size.raw();
        let Some(size) = Size::from_raw(change.abs()).filter(|_| !traded) else { return };
        if change < 0 {
            return self.candidates.retain(|c| c.level.size != size);
        }
        let mut ambiguous = !is_odd(size);
        for other in self.candidates.iter_mut().filter(|c| c.level.size == size) {
            (other.ambiguous, ambiguous) = (true, true);
        }
        let level = Level { price: now.price, size };
        self.candidates.push(Candidate { level, joined: at, ahead: before.size.to_quantity(), ambiguous });
    }

    fn trade(&mut self, trade: Level) -> Option<Candidate> {
        self.traded |= self.best.is_some_and(|best| best.price == trade.price);
        let place = self.candidates.iter().position(|c| c.level == trade)?;
        Some(self.candidates.remove(place)).filter(|c| !c.ambiguous)
    }
}

/// The real orders whose fill was seen.
fn follow(ticks: &[(UtcNanos, Tick)]) -> Vec<Followed> {
    let (mut bids, mut asks) = (Touch::default(), Touch::default());
    let mut found = Vec::new();
    for (at, (_, tick)) in ticks.iter().enumerate() {
        match tick.body {
            TickBody::Quote { bid, ask } => {
                bids.quote(bid, at);
                asks.quote(ask, at);
            }
            TickBody::Trade { price, size, aggressor, .. } => {
                let side = if aggressor == Some(Side::Sell) { Side::Buy } else { Side::Sell };
                let touch = if side == Side::Buy { &mut bids } else { &mut asks };
                if let Some(c) = touch.trade(Level { price, size }) {
                    found.push(Followed { side, level: c.level, joined: c.joined, ahead: c.ahead, filled: at });
                }
            }
        }
    }
    found
}

fn batch(at: usize, (received, tick): (UtcNanos, Tick)) -> Batch {
    let event = Event { id: MarketId(at as u64 + 1), body: EventBody::Tick(tick) };
    Batch { source: Source::Replay, received, events: vec![event] }
}

/// When an order like the real one is filled completely by a model; `None` beyond the horizon.
fn predict(model: &str, order: &Followed, ticks: &[(UtcNanos, Tick)]) -> Option<usize> {
    let instrument = ticks[order.joined].1.instrument;
    let text = format!(
        "latency = '0s'\nmaker_fee_ppm = 0\ntaker_fee_ppm = 0\ndrop_stale_levels = true\nfills = {{ model = '{model}' }}"
    );
    let settings = state::Settings {
        account: "paper".parse().unwrap(),
        deposit: None,
        rules: Default::default(),
        calendar: Calendar::default(),
        paper: toml::from_str(&text).unwrap(),
        seed: order.joined as u64,
    };
    let models = Models::shipped().choose(&settings.paper).unwrap();
    let mut paper = Paper::new(settings, models).unwrap();
    let mut said = Vec::new();
    let shown = (0..order.joined).rev().find(|at| ticks[*at].1.is_quote()).unwrap();
    paper.on_market(&batch(shown, ticks[shown]), &mut said);
    let (at, id) = (ticks[order.joined].0, OrderId::of_key("paper".parse().unwrap(), "q"));
    let mut request = OrderRequest::limit(instrument, order.side, order.level.size.to_quantity(), order.level.price);
    request.post_only = true;
    let (client_order_id, request) = ("q".parse().unwrap(), Box::new(request));
    paper.on_request(VenueRequest::Submit { client_order_id, order_id: id, request, at }, at, &mut said);
    let end = ticks[order.filled].0.0 + HORIZON_NS;
    let mut filled = Quantity::ZERO;
    for (at, tick) in ticks.iter().enumerate().skip(order.joined).take_while(|(_, (received, _))| received.0 <= end) {
        said.clear();
        paper.on_market(&batch(at, *tick), &mut said);
        for report in &said {
            if let ReportKind::Filled(fill) = &report.kind {
                filled = fill.cumulative;
            }
        }
        if filled >= order.level.size.to_quantity() {
            return Some(at);
        }
    }
    None
}

/// What a model predicted, beside what happened.
#[derive(Default)]
struct Row {
    same: usize,
    early_ns: Vec<i64>,
    late_ns: Vec<i64>,
    not: usize,
}

fn median_ms(values: &mut [i64]) -> String {
    values.sort_unstable();
    values.get(values.len() / 2).map_or_else(|| "-".to_owned(), |ns| format!("{:.1}", *ns as f64 / 1e6))
}

#[test]
fn predicted_and_actual_fills_side_by_side() {
    let Some(ticks) = ticks() else { return };
    let followed = follow(&ticks);
    assert!(followed.len() >= 100, "only {} orders were recognized", followed.len());
    let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
    let later = |a: Option<usize>, b: Option<usize>| b.is_none() || a.is_some_and(|a| b.is_some_and(|b| a <= b));
    let mut never_late = 0;
    for order in &followed {
        let predicted = MODELS.map(|model| predict(model, order, &ticks));
        let [front, prorated, probabilistic, shown, pessimistic] = predicted;
        for (first, second) in
            [(front, prorated), (front, probabilistic), (prorated, shown), (probabilistic, shown), (shown, pessimistic)]
        {
            assert!(later(first, second), "the models change places at {order:?}: {predicted:?}");
        }
        never_late += usize::from(shown.is_some_and(|at| at <= order.filled));
        for (model, predicted) in MODELS.iter().zip(predicted) {
            let row = rows.entry(model).or_default();
            let Some(at) = predicted else {
                row.not += 1;
                continue;
            };
            match ticks[at].0.0 - ticks[order.filled].0.0 {
                0 => row.same += 1,
                early if early < 0 => row.early_ns.push(-early),
                late => row.late_ns.push(late),
            }
        }
    }
    let ahead = followed.iter().filter(|order| order.ahead.is_positive()).count();
    println!("{} real orders followed to their fill, {ahead} of them behind others", followed.len());
    println!(
        "{:>14} {:>6} {:>6} {:>10} {:>6} {:>10} {:>8}",
        "model", "same", "early", "median ms", "late", "median ms", "not 10s"
    );
    for model in MODELS {
        let row = rows.get_mut(model).unwrap();
        println!(
            "{model:>14} {:>6} {:>6} {:>10} {:>6} {:>10} {:>8}",
            row.same,
            row.early_ns.len(),
            median_ms(&mut row.early_ns),
            row.late_ns.len(),
            median_ms(&mut row.late_ns),
            row.not
        );
    }
    println!("`shown` is at or before the actual fill in {never_late} of {}", followed.len());
}

/// A price that a test asks about is one that the recording has.
#[test]
fn an_order_of_the_recording_is_recognized_by_its_size() {
    let price: Price = "100".parse().unwrap();
    let level = |size: &str| Some(Level { price, size: size.parse().unwrap() });
    let mut touch = Touch::default();
    touch.quote(level("5"), 0);
    touch.quote(level("5.01234"), 1);
    touch.quote(level("6.01234"), 2);
    let trade = |size: &str| Level { price, size: size.parse().unwrap() };
    assert!(touch.trade(trade("1")).is_none(), "a size that many orders have");
    let found = touch.trade(trade("0.01234")).unwrap();
    assert_eq!((found.joined, found.ahead), (1, "5".parse().unwrap()));
    assert!(touch.trade(trade("0.01234")).is_none(), "once");
    touch.quote(level("4"), 3);
    touch.quote(level("4.00321"), 4);
    touch.quote(level("4.00642"), 5);
    assert!(touch.trade(trade("0.00321")).is_none(), "two orders of one size");
}
