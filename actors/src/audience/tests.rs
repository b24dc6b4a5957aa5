use messages::market::{Event, EventBody, Source, Tick, TickBody};
use messages::{Exchange, Instrument, MarketId};

use super::*;

fn batch(id: u64, body: TickBody) -> Arc<Batch> {
    let instrument = Instrument { exchange: Exchange::Simulated, symbol: "A".parse().unwrap() };
    let tick = Tick { instrument, time: UtcNanos(0), sequence: None, revision: 0, body };
    let events = vec![Event { id: MarketId(id), body: EventBody::Tick(tick) }];
    Arc::new(Batch { source: Source::Simulated, received: UtcNanos(0), events })
}

fn trade(id: u64) -> Arc<Batch> {
    let (price, size) = Default::default();
    batch(id, TickBody::Trade { price, size, aggressor: None, conditions: Default::default() })
}

fn quote(id: u64) -> Arc<Batch> {
    batch(id, TickBody::Quote { bid: None, ask: None })
}

fn change() -> Heard {
    let change = StateChange { state: TradingState::Halted, by: "test".to_owned(), why: String::new() };
    Heard::Trading { change, at: UtcNanos(0) }
}

#[test]
fn what_does_not_fit_is_counted_and_the_rest_is_there() {
    let (audience, seat) = channel();
    for _ in 0..caps::AUDIENCE_EVENTS + 3 {
        audience.tell(change());
    }
    assert_eq!((seat.events.len(), seat.stats.counts().lost_events), (caps::AUDIENCE_EVENTS, 3));
}

#[test]
fn quotes_are_conflated_and_trades_that_do_not_fit_are_lost_together() {
    let (audience, seat) = channel();
    for id in 0..caps::AUDIENCE_BATCHES as u64 + 1 {
        audience.show(&quote(id));
    }
    assert_eq!((seat.market.len(), seat.stats.counts().lost_batches), (1, 0), "the newest quote alone");
    for id in 0..caps::AUDIENCE_BATCHES as u64 {
        audience.show(&trade(id));
    }
    let lost = seat.stats.counts().lost_batches;
    assert!(lost as usize >= caps::AUDIENCE_BATCHES && seat.market.is_empty(), "{lost} lost");
}

#[test]
fn there_is_no_seat_beyond_the_most() {
    let stats = Stats::default();
    let taken = (0..5).filter(|_| stats.clients.enter(3)).count();
    stats.clients.leave();
    assert_eq!((taken, stats.counts().clients), (3, 2));
}
