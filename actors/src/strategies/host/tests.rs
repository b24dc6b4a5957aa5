//! The timer that a host keeps is the one that a search would find.

use messages::market::{Source, Tick};
use messages::{Exchange, Price, Size};
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

use super::*;

fn instrument() -> Instrument {
    Instrument { exchange: Exchange::Simulated, symbol: "A".parse().unwrap() }
}

/// Each trade sets a timer: its price says which, its size for how long. A timer that fires sets another.
struct Setter;

impl Strategy for Setter {
    fn wants(&self) -> Wants {
        Wants { instruments: vec![instrument()], trades: true, ..Wants::default() }
    }
    fn on_trade(&mut self, trade: &Trade, context: &mut Context<'_>) {
        context.set_timer(trade.price.raw() as u32, std::time::Duration::from_nanos(trade.size.raw() as u64));
    }
    fn on_timer(&mut self, id: u32, context: &mut Context<'_>) {
        if id > 1 {
            context.set_timer(id / 2, std::time::Duration::from_nanos(7));
        }
    }
}

fn trade(now: UtcNanos, timer: i64, delay: i64) -> Batch {
    let (price, size) = (Price::from_raw(timer).unwrap(), Size::from_raw(delay).unwrap());
    let body = TickBody::Trade { price, size, aggressor: None, conditions: Default::default() };
    let tick = Tick { instrument: instrument(), time: now, sequence: None, revision: 0, body };
    let event = Event { id: MarketId(now.0 as u64), body: EventBody::Tick(tick) };
    Batch { source: Source::Simulated, received: now, events: vec![event] }
}

proptest! {
    #[test]
    fn the_next_timer_is_that_of_a_search(
        steps in proptest::collection::vec((any::<bool>(), 0i64..8, 0i64..50), 0..60),
    ) {
        let mut host = Host::new("setter".parse().unwrap(), 0, Box::new(Setter), 1, BTreeMap::new(), OpenOrders::Leave);
        let mut said = Said::default();
        for (n, (fires, timer, delay)) in steps.into_iter().enumerate() {
            let now = UtcNanos(n as i64 * 10 + 1);
            if fires {
                host.on_timers(now, &mut said);
                prop_assert!(host.next_due().is_none_or(|due| due > now));
            } else {
                host.on_market(&trade(now, timer, delay), &mut said);
            }
            prop_assert_eq!(host.next_due(), host.own.timers.values().min().copied());
        }
    }
}
