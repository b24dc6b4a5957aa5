//! Conflation: what a listener that is slow may miss, and what it may not.

use std::collections::BTreeSet;

use messages::market::{Batch, EventBody, TickBody};

/// Keeps all trades, bars, depth and gaps, and of the quotes only the newest of each instrument.
/// Batches that hold nothing any more are dropped.
pub fn newest_quotes(batches: &mut Vec<Batch>) {
    let mut newest = BTreeSet::new();
    for batch in batches.iter_mut().rev() {
        let mut keep: Vec<bool> = Vec::with_capacity(batch.events.len());
        for event in batch.events.iter().rev() {
            let is_quote = matches!(&event.body, EventBody::Tick(t) if matches!(t.body, TickBody::Quote { .. }));
            keep.push(!is_quote || newest.insert(event.instrument()));
        }
        let mut keep = keep.into_iter().rev();
        batch.events.retain(|_| keep.next().unwrap_or(true));
    }
    batches.retain(|batch| !batch.events.is_empty());
}

#[cfg(test)]
mod tests {
    use messages::market::{Event, Source, Tick};
    use messages::{Exchange, Instrument, MarketId, UtcNanos};

    use super::*;

    fn quote(id: u64, symbol: &str) -> Event {
        let instrument = Instrument { exchange: Exchange::Simulated, symbol: symbol.parse().unwrap() };
        let body = TickBody::Quote { bid: None, ask: None };
        let tick = Tick { instrument, time: UtcNanos(0), sequence: None, revision: 0, body };
        Event { id: MarketId(id), body: EventBody::Tick(tick) }
    }

    fn trade(id: u64, symbol: &str) -> Event {
        let mut event = quote(id, symbol);
        if let EventBody::Tick(tick) = &mut event.body {
            tick.body = TickBody::Trade {
                price: Default::default(),
                size: Default::default(),
                aggressor: None,
                conditions: Default::default(),
            };
        }
        event
    }

    #[test]
    fn trades_stay_and_each_instrument_keeps_its_newest_quote() {
        let batch = |events| Batch { source: Source::Replay, received: UtcNanos(0), events };
        let mut batches = vec![
            batch(vec![quote(1, "A"), quote(2, "B")]),
            batch(vec![trade(3, "A"), quote(4, "A")]),
            batch(vec![quote(5, "A")]),
        ];
        newest_quotes(&mut batches);
        let ids: Vec<Vec<u64>> = batches.iter().map(|b| b.events.iter().map(|e| e.id.0).collect()).collect();
        assert_eq!(ids, [vec![2], vec![3], vec![5]]);
    }
}
