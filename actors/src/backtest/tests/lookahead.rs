//! A strategy that lives by what it should not have yet earns nothing.
//!
//! The market is a martingale: its middle goes a cent up or down with every quote, and now and then jumps by twenty, either
//! way with equal chance. What the strategy sees says nothing of what comes, so no rule can earn anything on average, and each
//! round trip costs the spread. But every jump is there to be seen before all of it has happened: trades first, the quote that
//! follows them last, in the same frame or in the next. A runtime that lets an order meet the market of a moment ago, or lets a
//! trade that has been seen fill an order that was made because of it, pays twenty cents for each jump.
//!
//! That the prize is real shows where the venue fills from levels that have gone (`drop_stale_levels = false`).

use std::time::Duration;

use messages::market::{Bar, FeedBatch, FeedItem, Level, Source, Tick, TickBody, Timeframe};
use messages::orders::{OrderRequest, OrderType, Side, TimeInForce};
use messages::{Price, Quantity, Size};
use serde::Deserialize;

use super::*;
use crate::chance::SplitMix64;
use crate::strategies::api::{Context, Quote, Strategy, Trade, Wants};

const FRAMES: i64 = 20_000;
const JUMP: i64 = 20;

/// Where it looks for something that is not its own yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Seam {
    /// A trade beyond the quote: take what was quoted.
    Quote,
    /// A trade that empties the best level: take what was there.
    Level,
    /// A trade beyond the quote: a limit order at its price, to be filled by that very trade.
    Print,
    /// A trade beyond the quote: a stop between the quote and it, which triggers on that very trade.
    Stop,
    /// Stops on both sides of every quote, filled from the quote before the trade that triggers them.
    Straddle,
    /// A bar has closed higher or lower: trade at the price at which it opened.
    Bar,
    /// Orders rest on both sides, and go as soon as a trade shows that the price leaves.
    Flight,
    /// A timer at the instant of the next frame: trade before it with what it says.
    Timer,
}

#[derive(Deserialize)]
struct Parameters {
    seam: Seam,
}

struct Peeker {
    seam: Seam,
    jumped: Option<Side>,
}

impl Peeker {
    fn flat(&self, context: &Context<'_>) -> bool {
        context.position(instrument()).is_zero() && context.open_orders().next().is_none()
    }

    fn take(&self, side: Side, price: Option<Price>, context: &mut Context<'_>) {
        let mut request = OrderRequest::market(instrument(), side, Quantity::ONE);
        if let Some(price) = price {
            (request.order_type, request.price) = (OrderType::Limit, Some(price));
        }
        context.submit(request);
    }

    fn stop(&self, side: Side, price: Price, context: &mut Context<'_>) {
        let mut request = OrderRequest::market(instrument(), side, Quantity::ONE);
        (request.order_type, request.time_in_force, request.stop_price) =
            (OrderType::Stop, TimeInForce::Gtc, Some(price));
        context.submit(request);
    }
}

/// So many cents away.
fn away(price: Price, cents: i64) -> Price {
    Price::from_raw(price.raw() + cents * 1_000_000).unwrap()
}

impl Strategy for Peeker {
    fn wants(&self) -> Wants {
        let bars = vec![Timeframe::SECOND];
        Wants { instruments: vec![instrument()], quotes: true, trades: true, bars, ..Wants::default() }
    }

    fn on_trade(&mut self, trade: &Trade, context: &mut Context<'_>) {
        let Some(Quote { bid: Some(bid), ask: Some(ask), .. }) = context.quote(instrument()) else { return };
        let side = if trade.price >= ask.price { Side::Buy } else { Side::Sell };
        let is_beyond = trade.price > ask.price || trade.price < bid.price;
        self.jumped = Some(side).filter(|_| is_beyond);
        match self.seam {
            Seam::Flight => context.cancel_all(),
            _ if !self.flat(context) => {}
            Seam::Level if !is_beyond => self.take(side, None, context),
            Seam::Quote if is_beyond => self.take(side, None, context),
            Seam::Print if is_beyond => self.take(side.opposite(), Some(trade.price), context),
            Seam::Stop if is_beyond && side == Side::Buy => self.stop(side, away(ask.price, 2), context),
            Seam::Stop if is_beyond => self.stop(side, away(bid.price, -2), context),
            _ => {}
        }
    }

    fn on_quote(&mut self, quote: &Quote, context: &mut Context<'_>) {
        let (Some(bid), Some(ask)) = (quote.bid, quote.ask) else { return };
        if matches!(self.seam, Seam::Straddle | Seam::Flight) {
            context.cancel_all();
        }
        let position = context.position(instrument());
        if !position.is_zero() {
            let side = if position.is_positive() { Side::Sell } else { Side::Buy };
            context.submit(OrderRequest::market(instrument(), side, position.abs()));
            return;
        }
        match self.seam {
            Seam::Straddle => {
                self.stop(Side::Buy, away(ask.price, 4), context);
                self.stop(Side::Sell, away(bid.price, -4), context);
            }
            Seam::Flight => {
                context.submit(OrderRequest::limit(instrument(), Side::Buy, Quantity::ONE, away(bid.price, -4)));
                context.submit(OrderRequest::limit(instrument(), Side::Sell, Quantity::ONE, away(ask.price, 4)));
            }
            Seam::Timer => context.set_timer(1, Duration::from_millis(10)),
            _ => {}
        }
    }

    fn on_bar(&mut self, bar: &Bar, context: &mut Context<'_>) {
        if self.seam == Seam::Bar && self.flat(context) && bar.close != bar.open {
            let side = if bar.close > bar.open { Side::Buy } else { Side::Sell };
            self.take(side, Some(bar.open), context);
        }
    }

    fn on_timer(&mut self, _: u32, context: &mut Context<'_>) {
        if let Some(side) = self.jumped.take().filter(|_| self.flat(context)) {
            self.take(side, None, context);
        }
    }
}

fn level(cents: i64, size: &str) -> Option<Level> {
    Some(Level { price: Price::from_raw(cents * 1_000_000).unwrap(), size: size.parse().unwrap() })
}

/// The market: frames ten milliseconds apart; of a jump the trades, and the quote in the same frame or a millisecond behind.
fn frames(seed: u64, start: UtcNanos) -> Vec<FeedBatch> {
    let mut chance = SplitMix64::new(seed);
    let (mut middle, mut frames) = (100_000i64, Vec::new());
    for n in 0..FRAMES {
        let at = start.after(Duration::from_millis(10 * n as u64));
        let item =
            |at, body| FeedItem::Tick(Tick { instrument: instrument(), time: at, sequence: None, revision: 0, body });
        let trade = |cents: i64, size: Size| {
            let price = Price::from_raw(cents * 1_000_000).unwrap();
            TickBody::Trade { price, size, aggressor: None, conditions: Default::default() }
        };
        let quote = |middle: i64| TickBody::Quote { bid: level(middle - 1, "5"), ask: level(middle + 1, "5") };
        let way = if chance.below(2) == 0 { 1 } else { -1 };
        let mut items = Vec::new();
        let jumps = n > 0 && chance.below(50) == 0;
        if jumps {
            items.push(item(at, trade(middle + way, "5".parse().unwrap())));
            middle += way * JUMP;
            items.push(item(at, trade(middle + way, "1".parse().unwrap())));
        } else {
            middle += way;
        }
        let quote = quote(middle);
        if jumps && chance.below(2) == 0 {
            frames.push(FeedBatch { source: Source::Simulated, received: at, items });
            let at = at.after(Duration::from_millis(1));
            frames.push(FeedBatch { source: Source::Simulated, received: at, items: vec![item(at, quote)] });
        } else {
            items.push(item(at, quote));
            frames.push(FeedBatch { source: Source::Simulated, received: at, items });
        }
    }
    frames
}

/// Runs it over one market. Returns its profit in cents and its fills.
fn run(seam: &str, drops: bool, seed: u64) -> (i128, u64) {
    let mut registry = Registry::default();
    registry.add("tested", |_, p: Parameters| Ok(Peeker { seam: p.seam, jumped: None }));
    let start: UtcNanos = "2026-01-01".parse().unwrap();
    let paper = format!("drop_stale_levels = {drops}\n[strategies.run.tested.parameters]\nseam = '{seam}'\n");
    let mut driver = driver(&registry, &paper, start);
    frames(seed, start).iter().for_each(|frame| driver.frame(frame));
    driver.stop();
    (profit(&driver).raw() / 10_000_000, driver.machine.tally.fills)
}

#[test]
fn a_strategy_that_looks_ahead_earns_nothing() {
    for seam in ["quote", "level", "print", "stop", "straddle", "bar", "flight", "timer"] {
        for seed in [1, 2, 3] {
            let (cents, fills) = run(seam, true, seed);
            println!("{seam:>9} seed {seed}: {cents:>6} cents, {fills} fills");
            assert!(cents <= 0, "{seam} earned {cents} cents with seed {seed}");
            // Nobody sells to a buyer who has gone, and a bar's first price seldom comes back: these find little to take.
            assert!(matches!(seam, "print" | "bar") || fills > 20, "{seam} did not trade, so it says nothing");
        }
    }
}

#[test]
fn where_gone_levels_fill_looking_ahead_pays() {
    for seam in ["quote", "level", "stop", "straddle"] {
        let ((gone, fills), (there, _)) = (run(seam, false, 1), run(seam, true, 1));
        println!("{seam:>9}: {gone:>6} cents, {there:>6} without gone levels, {fills} fills");
        assert!(gone > there + 1000, "{seam}: {gone} cents, {there} without gone levels");
        // The straddle pays for each ordinary move, too: its prize only makes its loss smaller.
        assert!(seam == "straddle" || gone > 1000, "{seam}: {gone} cents by {fills} fills");
    }
}
