//! Orders, their fills and their events: one month, one after the other.

use super::super::{Action, Error, Step};
use super::{archive, directory, tiers};
use crate::duck::instance::Instance;
use crate::tiers::Tier;

/// An order of August for 2 that is filled, and a fill of September for as much as is given.
fn order(instance: &Instance, filled: f64) {
    let db = instance.connect().unwrap();
    db.execute_batch(&format!(
        "INSERT INTO disk.orders (order_id, account, client_order_id, exchange, symbol, side, order_type, time_in_force,
             quantity, filled_quantity, status, created_at, updated_at, correlation_id, strategy_id)
         VALUES (md5('1')::UUID, 'paper', 'c', 'binance', 'BTCUSDT', 'buy', 'market', 'gtc', 2, 2, 'filled',
             '2024-08-31 23:59:59', '2024-09-01 00:00:01', uuid(), 'manual');
         INSERT INTO disk.trades (trade_id, account, order_id, exchange, symbol, side, quantity, price, executed_at,
             execution_id, strategy_id, correlation_id)
         VALUES (uuid(), 'paper', md5('1')::UUID, 'binance', 'BTCUSDT', 'buy', {filled}, 100, '2024-09-01 00:00:01',
             '{filled}', 'manual', uuid());"
    ))
    .unwrap();
}

#[test]
fn a_month_waits_until_the_fills_of_its_orders_are_all_there() {
    let (_dir, instance, paths) = directory();
    order(&instance, 1.5);
    let archive = archive(&instance, &paths, tiers(), &|_| {});
    let due = || archive.due("2026-01-01".parse().unwrap(), &["orders".to_owned()]).unwrap();
    assert_eq!(due(), []);
    let fill = "INSERT INTO disk.trades SELECT * REPLACE (uuid() AS trade_id, 0.5 AS quantity, 'x' AS execution_id) FROM disk.trades";
    instance.connect().unwrap().execute_batch(fill).unwrap();
    // One of them named is all of them.
    assert_eq!(due().iter().map(|step| step.table.as_str()).collect::<Vec<_>>(), ["trades", "orders"]);
}

#[test]
fn orders_go_behind_their_fills() {
    let (_dir, instance, paths) = directory();
    order(&instance, 2.0);
    let archive = archive(&instance, &paths, tiers(), &|_| {});
    let step = |table: &str, action| {
        let (table, period) = (table.to_owned(), "2024-08".to_owned());
        archive.perform(&Step { table, period, part: 0, action, rows: None, bytes: None, files: 0 })
    };
    std::fs::create_dir_all(&paths.places.staging).unwrap();
    let (moves, goes) = (Action::Move { from: Tier::Disk, to: Tier::Warm }, Action::Delete { from: Tier::Disk });
    for action in [moves, goes] {
        let refused = step("orders", action);
        assert!(matches!(refused, Err(Error::NotLast { rows: 1, .. })), "{refused:?}");
    }
    step("trades", moves).unwrap();
    // Its fills are away: it is as ready as before.
    let due = archive.due("2026-01-01".parse().unwrap(), &["trades".to_owned()]).unwrap();
    assert!(due.iter().any(|step| step.table == "orders"), "{due:?}");
    step("orders", moves).unwrap();
}

#[test]
fn a_fill_stands_in_the_month_of_its_order() {
    let (_dir, instance, paths) = directory();
    order(&instance, 2.0);
    let standing = archive(&instance, &paths, tiers(), &|_| {}).status().unwrap();
    let months: Vec<&str> = standing.iter().filter(|s| s.table == "trades").map(|s| s.period.as_str()).collect();
    assert_eq!(months, ["2024-08"]);
}
