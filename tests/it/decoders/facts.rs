//! What a decoded item says, as one line that the other reading writes as well.

use messages::market::{Depth, DepthKind, FeedItem, Level, Tick, TickBody};

/// One item in one line: integers at the scale of their columns.
pub fn fact(item: &FeedItem) -> String {
    match item {
        FeedItem::Tick(tick) => of_tick(tick),
        FeedItem::Depth(depth) => of_depth(depth),
        FeedItem::Bar(bar) => {
            let prices = [bar.open, bar.high, bar.low, bar.close].map(|price| price.raw());
            let (volume, notional) = (bar.volume.raw(), bar.notional.raw());
            let (symbol, open, secs) = (bar.instrument.symbol, bar.open_time.0, bar.timeframe.secs());
            format!("bar {symbol} {secs}s at {open} {prices:?} {volume} {notional} {}", bar.trade_count)
        }
        FeedItem::Gap(gap) => panic!("no decoder reports a gap: {gap:?}"),
    }
}

fn of_tick(tick: &Tick) -> String {
    let Tick { instrument, time, sequence, revision, body } = tick;
    let head = format!("{} at {} {sequence:?} r{revision}", instrument.symbol, time.0);
    match body {
        TickBody::Trade { price, size, aggressor, conditions } => {
            let side = aggressor.map_or("", |side| side.as_str());
            format!("trade {head} {} x {} {side} {conditions}", price.raw(), size.raw())
        }
        TickBody::Quote { bid, ask } => {
            let side = |level: &Option<Level>| level.map(|level| (level.price.raw(), level.size.raw()));
            format!("quote {head} {:?} {:?}", side(bid), side(ask))
        }
    }
}

fn of_depth(depth: &Depth) -> String {
    let kind = match depth.kind {
        DepthKind::Snapshot => "snapshot".to_owned(),
        DepthKind::Partial => "partial".to_owned(),
        DepthKind::Diff { first } => format!("diff from {first}"),
    };
    let side = |levels: &[Level]| -> Vec<(i64, i64)> {
        levels.iter().map(|level| (level.price.raw(), level.size.raw())).collect()
    };
    let (symbol, time, last) = (depth.instrument.symbol, depth.time.0, depth.last);
    format!("{kind} {symbol} at {time} to {last} {:?} {:?}", side(&depth.bids), side(&depth.asks))
}
