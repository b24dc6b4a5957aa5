//! What a start makes of a ledger: money is paid in once, a fill is booked once.

use std::fs;

use actors::assembly::Assembly;
use actors::orders::state::{Effect, Moment};
use actors::restore;
use messages::ids::IdMaker;
use messages::ledger::{LedgerRecord, Seq};
use messages::orders::{Attempt, EventKind, Fill, Order, OrderEvent, OrderRequest, OrderUpdate, Side, Status};
use messages::positions::Balance;
use messages::venues::{ReportKind, VenueReport};
use messages::{Cash, CorrelationId, Exchange, Instrument, MarketId, UtcNanos, caps};
use storage::journal::{self, Log, Writer};

fn assembly() -> Assembly {
    let settings = config::load(&config::Layers::default()).unwrap();
    Assembly::new(settings.deciding(vec![Exchange::Simulated]), "mg", 1, 1).unwrap()
}

/// One frame with one record.
fn write(writer: &mut Writer<LedgerRecord>, record: LedgerRecord) {
    writer.append(&record).unwrap();
    writer.sync().unwrap();
}

fn has_money(dir: &std::path::Path) -> bool {
    let durable = Seq(journal::recover(dir, Log::Ledger).unwrap().next.0 - 1);
    restore::restore(dir, durable, &assembly()).unwrap().has_money
}

#[test]
fn a_quarantine_that_loses_the_deposit_does_not_pay_it_in_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(dir.path(), 1 << 20).unwrap();
    write(&mut writer, LedgerRecord::MarketIds { first: MarketId(1), end: MarketId(2) });
    assert!(!has_money(dir.path()), "a start that ended before the money came pays it in");
    let path = journal::segments(dir.path()).unwrap().remove(0).path;
    let before = fs::metadata(&path).unwrap().len() as usize;
    let (account, asset, at) = ("paper".parse().unwrap(), "USDT".parse().unwrap(), UtcNanos(0));
    write(&mut writer, LedgerRecord::Deposit(Balance { balance_id: 1, account, asset, total: Cash::ZERO, at }));
    write(&mut writer, LedgerRecord::Stopped { at });
    drop(writer);
    assert!(has_money(dir.path()));

    let mut bytes = fs::read(&path).unwrap();
    bytes[before + 40] ^= 1;
    fs::write(&path, bytes).unwrap();
    let done = journal::quarantine(dir.path(), Log::Ledger).unwrap();
    assert_eq!(done[0].missing, [(2, 2)], "the deposit is what is lost");
    assert!(has_money(dir.path()));
}

/// The `n`th order, filled at once.
fn filled(ids: &mut IdMaker, n: usize) -> OrderUpdate {
    let instrument = Instrument { exchange: Exchange::Simulated, symbol: "SIMBTC".parse().unwrap() };
    let (order_id, client_order_id) = (ids.next_order_id(), format!("mg-1-{n}").parse().unwrap());
    let (at, quantity, price) = (UtcNanos(n as i64), "1".parse().unwrap(), "100".parse().unwrap());
    let fill = Fill {
        execution_id: format!("mg-1-{n}:1").parse().unwrap(),
        price,
        quantity,
        cumulative: quantity,
        liquidity: None,
        fee: None,
        executed_at: at,
    };
    let event = OrderEvent {
        order_id,
        number: 1,
        kind: EventKind::Filled,
        status: Status::Filled,
        reason: None,
        reason_text: String::new(),
        at,
        fill: Some(fill),
        as_of: 1,
    };
    let order = Order {
        order_id,
        account: "paper".parse().unwrap(),
        strategy: "manual".parse().unwrap(),
        client_order_id,
        request: OrderRequest::market(instrument, if n.is_multiple_of(2) { Side::Buy } else { Side::Sell }, quantity),
        status: Status::Filled,
        filled: quantity,
        filled_notional: price.notional(quantity).unwrap(),
        acknowledged: true,
        triggered: false,
        attempts: vec![Attempt { client_order_id, venue_order_id: None, since: at, confirmed: true }],
        replacing: None,
        reason: None,
        reason_text: String::new(),
        created_at: at,
        submitted_at: Some(at),
        updated_at: at,
        filled_at: Some(at),
        commission: None,
        correlation_id: CorrelationId(order_id.0),
        as_of: 1,
    };
    OrderUpdate { event, order }
}

#[test]
fn a_fill_that_comes_again_is_booked_once_however_old_it_is() {
    let assembly = assembly();
    let (mut orders, mut positions) = (assembly.orders().unwrap(), assembly.positions());
    let mut ids = IdMaker::new(1, "test");
    let count = caps::BOOKED_FILLS + 1;
    let mut updates = Vec::new();
    for n in 0..count {
        let update = filled(&mut ids, n);
        assert!(positions.on_update(&update, UtcNanos(n as i64)).unwrap().is_some());
        let record = LedgerRecord::Order(Box::new(update));
        orders.restore(&record);
        let LedgerRecord::Order(update) = record else { unreachable!() };
        if n == 0 || n + 1 == count {
            updates.push(*update);
        }
    }
    let [oldest, newest] = &updates[..] else { panic!("two were kept") };
    // The venue tells both again. Orders has forgotten the one and knows the fill of the other.
    for (update, forgotten) in [(oldest, true), (newest, false)] {
        let mut effects = Vec::new();
        let before = orders.counters();
        let report = VenueReport {
            account: update.order.account,
            client_order_id: update.order.client_order_id,
            venue_order_id: None,
            time: UtcNanos(0),
            kind: ReportKind::Filled(update.event.fill.clone().unwrap()),
        };
        orders.on_report(report, Moment { now: UtcNanos(count as i64), as_of: 2 }, &mut effects);
        assert!(!effects.iter().any(|e| matches!(e, Effect::Update(_))), "{effects:?}");
        let after = orders.counters();
        assert_eq!(
            (after.unknown - before.unknown, after.ignored - before.ignored),
            (forgotten.into(), (!forgotten).into())
        );
    }
    // What orders handed on just before its group restarted may arrive twice.
    assert!(positions.on_update(newest, UtcNanos(0)).unwrap().is_none());
}
