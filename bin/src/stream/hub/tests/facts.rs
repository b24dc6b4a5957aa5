//! What happens in the tests: each fact as the tree would tell it, with numbers that rise.

use messages::market::{Bar, Event, EventBody, Level, Source, Tick, TickBody};
use messages::orders::{EventKind, Order, OrderEvent, OrderRequest, OrderUpdate, Side, Status};
use messages::positions::{Booked, Position, Trade};
use messages::risk::TradingState;
use messages::snapshots::{Portfolio, SnapshotType};
use messages::{
    Cash, CorrelationId, Exchange, ExecutionId, MarketId, Notional, OrderId, Price, Quantity, Size, TradeId,
};

use super::*;

pub const INSTRUMENTS: [&str; 2] = ["A", "B"];

pub fn instrument(symbol: &str) -> Instrument {
    Instrument { exchange: Exchange::Simulated, symbol: symbol.parse().unwrap() }
}

/// Makes facts.
#[derive(Default)]
pub struct Facts {
    made: u64,
    events: BTreeMap<OrderId, u32>,
}

impl Facts {
    pub fn now(&self) -> UtcNanos {
        UtcNanos(self.made as i64 * 10_000_000)
    }

    fn next(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    fn batch(&mut self, symbol: &str, body: impl FnOnce(Instrument, MarketId, UtcNanos) -> EventBody) -> Batch {
        let id = MarketId(self.next());
        let body = body(instrument(symbol), id, self.now());
        Batch { source: Source::Simulated, received: self.now(), events: vec![Event { id, body }] }
    }

    pub fn quote(&mut self, symbol: &str) -> Batch {
        self.batch(symbol, |instrument, id, time| {
            let bid = Price::from_raw(id.0 as i64).map(|price| Level { price, size: Size::ONE });
            tick(instrument, time, TickBody::Quote { bid, ask: None })
        })
    }

    pub fn trade(&mut self, symbol: &str) -> Batch {
        self.batch(symbol, |instrument, id, time| {
            let price = Price::from_raw(id.0 as i64).unwrap();
            let conditions = Default::default();
            tick(instrument, time, TickBody::Trade { price, size: Size::ONE, aggressor: None, conditions })
        })
    }

    /// The bar of the second that has just ended.
    pub fn bar(&mut self, symbol: &str) -> Batch {
        self.batch(symbol, |instrument, bar_id, time| {
            let second = std::time::Duration::from_secs(1);
            let price = Price::from_raw(bar_id.0 as i64).unwrap();
            EventBody::Bar(Bar {
                bar_id,
                instrument,
                timeframe: Timeframe::SECOND,
                open_time: time.floor_to(second).before(second),
                open: price,
                high: price,
                low: price,
                close: price,
                volume: Quantity::ZERO,
                notional: Notional::ZERO,
                trade_count: 0,
                revision: 0,
                is_complete: true,
            })
        })
    }

    /// Something happens to one of a few orders.
    pub fn order(&mut self, number: u64, status: Status) -> OrderUpdate {
        self.next();
        let order_id = OrderId(uuid::Uuid::from_u128(u128::from(number)));
        let event = self.events.entry(order_id).or_default();
        *event += 1;
        let event = OrderEvent {
            order_id,
            number: *event,
            kind: EventKind::Accepted,
            status,
            reason: None,
            reason_text: String::new(),
            at: self.now(),
            fill: None,
            as_of: 0,
        };
        OrderUpdate { event, order: self.open_order(number, status) }
    }

    /// One order as it stands.
    pub fn open_order(&self, number: u64, status: Status) -> Order {
        Order {
            order_id: OrderId(uuid::Uuid::from_u128(u128::from(number))),
            account: "paper".parse().unwrap(),
            strategy: "s".parse().unwrap(),
            client_order_id: "c".parse().unwrap(),
            request: OrderRequest::market(instrument("A"), Side::Buy, Quantity::ZERO),
            status,
            filled: Quantity::ZERO,
            filled_notional: Notional::ZERO,
            acknowledged: true,
            triggered: false,
            attempts: Vec::new(),
            replacing: None,
            reason: None,
            reason_text: String::new(),
            created_at: UtcNanos(0),
            submitted_at: None,
            updated_at: self.now(),
            filled_at: None,
            commission: None,
            correlation_id: CorrelationId(uuid::Uuid::nil()),
            as_of: 0,
        }
    }

    /// A fill, and the position after it.
    pub fn booked(&mut self, symbol: &str, quantity: i64) -> Booked {
        let number = self.next();
        let trade = Trade {
            trade_id: TradeId(uuid::Uuid::from_u128(u128::from(number))),
            account: "paper".parse().unwrap(),
            order_id: OrderId(uuid::Uuid::nil()),
            instrument: instrument(symbol),
            side: Side::Buy,
            quantity: Quantity::ZERO,
            price: Price::ONE,
            executed_at: self.now(),
            reported_at: self.now(),
            fee: None,
            liquidity: None,
            realized_pnl: Cash::ZERO,
            execution_id: "e".parse::<ExecutionId>().unwrap(),
            strategy: "s".parse().unwrap(),
            correlation_id: CorrelationId(uuid::Uuid::nil()),
            as_of: 0,
        };
        Booked { trade, position: self.position(symbol, quantity), balances: Vec::new() }
    }

    fn position(&self, symbol: &str, quantity: i64) -> Position {
        Position {
            position_id: self.made,
            account: "paper".parse().unwrap(),
            instrument: instrument(symbol),
            strategy: "s".parse().unwrap(),
            quantity: Quantity::from_raw(i128::from(quantity)).unwrap(),
            cost_basis: Cash::ZERO,
            mark_price: None,
            realized_pnl: Cash::ZERO,
            opened_at: None,
            closed_at: None,
            at: self.now(),
            correlation_id: None,
        }
    }

    /// What everything is worth; `held` is what is held of A.
    pub fn valued(&mut self, held: i64) -> Box<Snapshot> {
        let snapshot_id = self.next();
        let portfolio = Portfolio {
            snapshot_id,
            account: "paper".parse().unwrap(),
            currency: "USD".parse().unwrap(),
            at: self.now(),
            kind: SnapshotType::Manual,
            cash: Cash::from_raw(i128::from(snapshot_id)),
            value: None,
            total_pnl: None,
            daily_pnl: None,
            max_drawdown: None,
            leverage: None,
            long_positions: 0,
            short_positions: 0,
        };
        let positions = if held == 0 { Vec::new() } else { vec![self.position("A", held)] };
        Box::new(Snapshot { portfolio, positions, balances: Vec::new() })
    }

    /// The trading group begins anew: of all orders this one is open.
    pub fn open(&mut self, number: u64) -> Heard {
        self.next();
        Heard::Open { orders: vec![self.open_order(number, Status::Accepted)], trading: TradingState::Active }
    }
}

fn tick(instrument: Instrument, time: UtcNanos, body: TickBody) -> EventBody {
    EventBody::Tick(Tick { instrument, time, sequence: None, revision: 0, body })
}
