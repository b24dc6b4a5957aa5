//! Rules that a venue changed while a session ran hold from the same order on when the session is run again.

use messages::OrderId;
use messages::ledger::{LedgerRecord, Mode, Started};
use messages::orders::{Command, OrderRequest, Side, Status};
use messages::venues::ToldRules;
use storage::datadir::Paths;

use super::super::session::Session;
use super::*;
use crate::venues::Venues;
use crate::venues::binance::filters;
use crate::venues::rules::Rules;

fn own(status: &str) -> Rules {
    let info = format!(r#"{{"symbols":[{{"symbol":"A","status":"{status}","orderTypes":["LIMIT"],"filters":[]}}]}}"#);
    Rules::Binance(Box::new(filters::read(info.as_bytes()).unwrap().0.remove(0)))
}

fn order_id(machine: &Machine, key: &str) -> OrderId {
    let id = OrderId::of_key("backtest".parse().unwrap(), key);
    assert!(machine.orders.order(id).is_some(), "order {key} was heard");
    id
}

/// What became of the two orders: how the first stands, and why the second was denied.
fn outcome(machine: &Machine) -> (Status, Status, String) {
    let [first, second] = ["1", "2"].map(|key| machine.orders.order(order_id(machine, key)).unwrap());
    (first.status, second.status, second.reason.map(|reason| reason.to_string()).unwrap_or_default())
}

#[test]
fn rules_that_changed_on_the_way_deny_the_same_order_again() {
    let mut deciding: Deciding =
        toml::from_str(&SETTINGS.replace("[strategies.run.tested]", "[strategies.run]")).unwrap();
    deciding.venue_rules.insert(instrument().to_string(), own("TRADING"));
    let start: UtcNanos = "2026-01-01".parse().unwrap();
    let started = Started {
        instance: "test".to_owned(),
        epoch: 0,
        seed: 1,
        config_hash: [0; 32],
        mode: Mode::Backtest,
        account: deciding.account.name,
        settings: toml::to_string(&deciding).unwrap(),
        at: start,
    };
    let assembly = Assembly::new(deciding, "test", 0, 1).unwrap();
    let (first, again) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let paths = Paths::of(first.path(), None);
    let (paper, orders) = (assembly.paper().unwrap(), assembly.orders().unwrap());
    let recorder = Recorder::open(&paths, 1 << 30).unwrap();
    let mut machine = Machine::new(paper, orders, assembly.positions(), Vec::new(), 0, recorder);
    machine.recorder.ledger(&LedgerRecord::Started(started));

    let submit = |key: &str| {
        let request = OrderRequest::limit(instrument(), Side::Buy, "1".parse().unwrap(), "100".parse().unwrap());
        let order_id = OrderId::of_key("backtest".parse().unwrap(), key);
        Delivery::Manual(Command::Submit { order_id, request: Box::new(request) })
    };
    let changed = vec![ToldRules { instrument: instrument(), ..own("HALT").told() }];
    for delivery in [submit("1"), Delivery::Rules(changed), submit("2")] {
        machine.deliver(Decider::Orders, &delivery, start, &[], MarketId(0));
    }
    machine.recorder.finish().unwrap();
    let expected = (Status::PendingSubmit, Status::Denied, "binance.status".to_owned());
    assert_eq!(outcome(&machine), expected);

    let (registry, venues) = (Registry::shipped(), Venues::default());
    let recorder = Recorder::open(&Paths::of(again.path(), None), 1 << 30).unwrap();
    let mut session = Session::open(&paths, &registry, &venues, recorder).unwrap();
    let rerun = session.run().unwrap();
    assert_eq!((rerun.deliveries, rerun.taken_over, rerun.never_durable), (3, 0, 0));
    assert_eq!(outcome(&session.machine), expected);
}
