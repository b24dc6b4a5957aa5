//! Records as a run writes them: every table gets rows, rows that are written anew, and values at the edge of what fits.

use messages::ids::IdMaker;
use messages::ledger::{LedgerRecord, MarketRecord, Mode, Started};
use messages::market::{Bar, Batch, Event, EventBody, Level, Source, Tick, TickBody, Timeframe};
use messages::orders::{
    Attempt, EventKind, Fee, Fill, Liquidity, Order, OrderEvent, OrderRequest, OrderUpdate, Side, Status,
};
use messages::positions::{Balance, Booked, Position, Trade};
use messages::snapshots::{Portfolio, Snapshot, SnapshotType};
use messages::{
    Cash, CorrelationId, Exchange, Instrument, MarketId, Notional, Price, Quantity, Size, TradeId, UtcNanos, caps,
};
use uuid::Uuid;

/// 2026-01-02, one minute before midnight: the ticks of a group fall on both days.
const START: i64 = 1_767_398_340;

/// The first record of a run of an installation of that name.
pub fn started(instance: &str) -> Started {
    Started {
        instance: instance.to_owned(),
        epoch: 1,
        seed: 7,
        config_hash: [0; 32],
        mode: Mode::Run,
        account: "paper".parse().unwrap(),
        settings: String::new(),
        at: UtcNanos(0),
    }
}

fn instrument(n: u64) -> Instrument {
    let symbol = ["BTCUSDT", "ETHUSDT", "币安"][(n % 3) as usize];
    Instrument { exchange: Exchange::Binance, symbol: symbol.parse().unwrap() }
}

/// Numbers with all digits that a column holds, of either sign.
fn wide(n: u64) -> i128 {
    let mixed = (u128::from(n) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835) as i128;
    let value = mixed.rem_euclid(caps::DECIMAL_38_MAX);
    if n.is_multiple_of(2) { value } else { -value }
}

fn cash(n: u64) -> Cash {
    Cash::from_raw(wide(n)).unwrap()
}

fn quantity(n: u64) -> Quantity {
    Quantity::from_raw(wide(n).abs() / 1_000_000_000_000).unwrap()
}

fn price(n: u64) -> Price {
    Price::from_raw((wide(n).abs() % 1_000_000_000_000_000) as i64 + 1).unwrap()
}

fn at(n: u64, nanos: i64) -> UtcNanos {
    UtcNanos((START + n as i64 * 7) * 1_000_000_000 + nanos)
}

/// What a group of the ledger holds: an order from its intent to its fill, replaced on the way, and every third time a
/// snapshot.
pub fn ledger(n: u64) -> Vec<LedgerRecord> {
    let mut ids = IdMaker::new(n, "test");
    let order_id = ids.next_order_id();
    let states = [
        (EventKind::Intended, Status::PendingSubmit),
        (EventKind::Accepted, Status::Accepted),
        (EventKind::Filled, Status::Filled),
    ];
    let updates = (1..).zip(states).map(|(number, (kind, status))| {
        let is_filled = status == Status::Filled;
        let fill = is_filled.then(|| fill(n));
        let attempt = |k: u32| Attempt {
            client_order_id: format!("mg-{n}-{k}").parse().unwrap(),
            venue_order_id: (number > 1).then(|| format!("v{n}-{k}").parse().unwrap()),
            since: at(n, i64::from(k)),
            confirmed: number > 1,
        };
        let order = Order {
            order_id,
            account: "paper".parse().unwrap(),
            strategy: "s".parse().unwrap(),
            client_order_id: format!("mg-{n}-1").parse().unwrap(),
            request: OrderRequest::market(instrument(n), Side::Buy, quantity(n)),
            status,
            filled: if is_filled { quantity(n) } else { Quantity::ZERO },
            filled_notional: Notional::ZERO,
            acknowledged: number > 1,
            triggered: false,
            attempts: (1..=number.min(2)).map(attempt).collect(),
            replacing: None,
            reason: None,
            // A venue may say anything.
            reason_text: if is_filled { "done\0 \u{fffd} \"so\"".to_owned() } else { String::new() },
            created_at: at(n, 0),
            submitted_at: (number > 1).then(|| at(n, 1_000)),
            updated_at: at(n, i64::from(number) * 1_000),
            filled_at: is_filled.then(|| at(n, 3_000)),
            commission: is_filled.then(|| fee(n)),
            correlation_id: CorrelationId(order_id.0),
            as_of: n,
        };
        let event = OrderEvent {
            order_id,
            number,
            kind,
            status,
            reason: None,
            reason_text: order.reason_text.clone(),
            at: at(n, i64::from(number) * 1_000),
            fill,
            as_of: n,
        };
        LedgerRecord::Order(Box::new(OrderUpdate { event, order }))
    });
    let mut records: Vec<LedgerRecord> = updates.collect();
    let trade = Trade {
        trade_id: TradeId(Uuid::from_u128(u128::from(n) << 64 | 7)),
        account: "paper".parse().unwrap(),
        order_id,
        instrument: instrument(n),
        side: Side::Buy,
        quantity: quantity(n),
        price: price(n),
        executed_at: at(n, 2_999),
        reported_at: at(n, 3_000),
        fee: n.is_multiple_of(2).then(|| fee(n)),
        liquidity: Some(Liquidity::Taker),
        realized_pnl: cash(n),
        execution_id: format!("x{n}").parse().unwrap(),
        strategy: "s".parse().unwrap(),
        correlation_id: CorrelationId(order_id.0),
        as_of: n,
    };
    let booked =
        Booked { trade, position: position(n, 3 * n), balances: vec![balance(n, 4 * n), balance(n, 4 * n + 1)] };
    records.push(LedgerRecord::Booked(Box::new(booked)));
    if n.is_multiple_of(3) {
        let positions = vec![position(n, 3 * n + 1)];
        let snapshot = Snapshot { portfolio: portfolio(n), positions, balances: vec![balance(n, 4 * n + 2)] };
        records.push(LedgerRecord::Snapshot(Box::new(snapshot)));
    }
    records
}

fn fee(n: u64) -> Fee {
    Fee { amount: cash(n + 1), asset: "USDT".parse().unwrap() }
}

fn fill(n: u64) -> Fill {
    Fill {
        execution_id: format!("x{n}").parse().unwrap(),
        price: price(n),
        quantity: quantity(n),
        cumulative: quantity(n),
        liquidity: Some(Liquidity::Taker),
        fee: None,
        executed_at: at(n, 2_999),
    }
}

fn position(n: u64, id: u64) -> Position {
    Position {
        position_id: id,
        account: "paper".parse().unwrap(),
        instrument: instrument(n),
        strategy: "s".parse().unwrap(),
        quantity: quantity(n),
        cost_basis: cash(2 * n),
        mark_price: None,
        realized_pnl: cash(n + 3),
        opened_at: Some(at(n, 0)),
        closed_at: None,
        at: at(n, 3_000),
        correlation_id: None,
    }
}

fn balance(n: u64, id: u64) -> Balance {
    let (account, asset) = ("paper".parse().unwrap(), "USDT".parse().unwrap());
    Balance { balance_id: id, account, asset, total: cash(id), at: at(n, 3_000) }
}

fn portfolio(n: u64) -> Portfolio {
    Portfolio {
        snapshot_id: n,
        account: "paper".parse().unwrap(),
        currency: "USDT".parse().unwrap(),
        at: at(n, 4_000),
        kind: SnapshotType::Intraday,
        cash: Some(cash(n)),
        value: None,
        total_pnl: None,
        daily_pnl: Some(cash(n + 5)),
        max_drawdown: None,
        leverage: Some(price(n)),
        long_positions: 1,
        short_positions: 0,
    }
}

/// What a group of the market journal holds: quotes and trades of some seconds, a correction, and a bar with a revision of
/// the bar before it.
pub fn market(n: u64) -> Vec<MarketRecord> {
    let event = |k: u64, body| Event { id: MarketId(n * 1_000 + k), body };
    let mut events: Vec<Event> = (0..20).map(|k| event(k, EventBody::Tick(tick(n, k)))).collect();
    events.push(event(20, EventBody::Bar(bar(n, 0))));
    events.push(event(21, EventBody::Bar(bar(n.saturating_sub(1), 1))));
    // An older revision that comes again replaces nothing.
    events.push(event(22, EventBody::Bar(bar(n.saturating_sub(1), 0))));
    let received = at(n, 5_000);
    let undecodable =
        MarketRecord::Undecodable { feed: "binance".to_owned(), received, error: "no JSON".to_owned(), frame: vec![0] };
    vec![MarketRecord::Batch(Batch { source: Source::Stream, received, events }), undecodable]
}

fn tick(n: u64, k: u64) -> Tick {
    let level = |k| Some(Level { price: price(n * 50 + k), size: Size::from_raw(k as i64 * 7 + 1).unwrap() });
    let body = match k % 4 {
        0 => TickBody::Quote { bid: level(k), ask: level(k + 1) },
        1 => TickBody::Quote { bid: None, ask: level(k + 2) },
        _ => TickBody::Trade {
            price: price(n * 50 + k),
            size: Size::ONE,
            aggressor: (k % 4 == 2).then_some(Side::Sell),
            conditions: Default::default(),
        },
    };
    let revision = u16::from(k == 19);
    Tick { instrument: instrument(k), time: at(n, k as i64 * 350_000_123), sequence: Some(n as i64), revision, body }
}

fn bar(n: u64, revision: u16) -> Bar {
    Bar {
        bar_id: MarketId(n * 1_000 + 500),
        instrument: instrument(n),
        timeframe: Timeframe::SECOND,
        open_time: at(n, 0),
        open: price(n),
        high: price(n + 1),
        low: price(n + 2),
        close: price(n + 3 + u64::from(revision)),
        volume: quantity(n),
        notional: Notional::from_raw(2 * 10i128.pow(17) + i128::from(n)),
        trade_count: n + u64::from(revision),
        revision,
        is_complete: n.is_multiple_of(2),
    }
}
