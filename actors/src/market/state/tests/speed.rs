//! How long things take, printed and never judged: `cargo test --release speed -- --nocapture`.

use std::time::Instant;

use super::*;

/// Frames in a round, and rounds: the fastest round is the least disturbed one.
const FRAMES: i64 = 50_000;
const ROUNDS: i64 = 10;

/// Nanoseconds that `work` takes for each of `count`.
#[allow(clippy::disallowed_methods, reason = "a measurement, which decides nothing")]
fn each(count: usize, work: impl FnOnce()) -> u128 {
    let start = Instant::now();
    work();
    start.elapsed().as_nanos() / count.max(1) as u128
}

/// One-tick frames, a millisecond apart, over so many instruments in turn.
fn measure(name: &str, instruments: i64, tick: Tick) {
    let names: Vec<Instrument> = (0..instruments).map(|n| instrument(&format!("S{n}USDT"))).collect();
    let mut desk = Desk::new();
    let mut frame = FeedBatch { source: Source::Simulated, received: ms(0), items: vec![FeedItem::Tick(tick)] };
    let mut events = 0;
    let mut round = |round: i64| {
        for n in round * FRAMES..(round + 1) * FRAMES {
            // Written in place: a feed has just parsed it, so it is in the cache.
            frame.received = ms(1_000_000 + n);
            let [FeedItem::Tick(tick)] = &mut frame.items[..] else { return };
            tick.instrument = names[(n % instruments) as usize];
            tick.time = frame.received;
            tick.sequence = Some(n);
            desk.market.on_feed(&frame, &mut desk.out);
            events += desk.out.events.len();
        }
    };
    let fastest = (0..ROUNDS).map(|n| each(FRAMES as usize, || round(n))).min();
    println!("{name}: {} ns a frame", fastest.unwrap_or_default());
    assert!(events >= (FRAMES * ROUNDS) as usize);
}

#[test]
fn speed_of_frames() {
    let trade = trade_tick(0, 0, "61837.63", "0.02");
    let body = TickBody::Quote { bid: Some(level("61837.63", "1")), ask: Some(level("61837.64", "1")) };
    measure("trades, one instrument", 1, trade);
    measure("quotes, one instrument", 1, tick_of(0, 0, body));
    measure("trades, 100 instruments in turn", 100, trade);
}

#[test]
fn speed_of_depth() {
    let Some(frames) = recording::frames() else { return };
    let is_depth = |frame: &&FeedBatch| matches!(frame.items[..], [FeedItem::Depth(_)]);
    let frames: Vec<FeedBatch> = frames.iter().filter(is_depth).cloned().collect();
    let mut desk = Desk::new();
    let levels = |item: &FeedItem| match item {
        FeedItem::Depth(depth) => depth.bids.len() + depth.asks.len(),
        _ => 0,
    };
    let count: usize = frames.iter().flat_map(|frame| &frame.items).map(levels).sum();
    let nanos = each(frames.len(), || frames.iter().for_each(|frame| desk.market.on_feed(frame, &mut desk.out)));
    println!("recorded depth: {nanos} ns a frame of {} levels", count / frames.len());
    assert!(desk.market.book(btc()).unwrap().is_synced());
}
