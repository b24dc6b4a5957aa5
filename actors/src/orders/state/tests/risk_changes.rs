//! Limits over strategies and the account, latches that fall and are set free, limits that change while orders are made.

use messages::risk::{InstrumentStatus, Latch};

use super::*;

#[test]
fn the_account_is_limited_over_all_strategies_and_nets_them() {
    check(
        "
        limit account max_gross_exposure 3000 | risk.limit
        by a submit 1 buy 20 @ 100   | 1 intended → pending_submit; send 1
        by b submit 2 buy 11 @ 100   | 2 denied (risk.account_gross)
        by b submit 3 sell 30 @ 100  | 3 intended → pending_submit; send 3
        venue 1 fill x 20 of 20      | 1 filled
        by c submit 4 sell 21 @ 100  | 4 denied (risk.account_gross)
        by a submit 5 sell 20 @ 100  | 5 intended → pending_submit; send 5
        limit account max_open_orders 2 | risk.limit
        by b submit 6 buy 1 @ 100    | 6 denied (risk.account_open_orders)
        ",
    );
}

#[test]
fn a_strategy_has_limits_of_its_own_and_a_symbol_too() {
    check(
        "
        limit strategy:a max_position_quantity 5 | risk.limit
        by a submit 1 buy 6 @ 100    | 1 denied (risk.max_position_quantity)
        by b submit 2 buy 6 @ 100    | 2 intended → pending_submit; send 2
        limit symbol:simulated:A max_account_position_quantity 10 | risk.limit
        by a submit 3 buy 5 @ 100    | 3 denied (risk.account_position_quantity)
        by a submit 4 buy 4 @ 100    | 4 intended → pending_submit; send 4
        limit symbol:simulated:A max_position_quantity 4 | risk.limit
        by b submit 5 sell 5 @ 100   | 5 denied (risk.max_position_quantity)
        limit strategy:a max_position_quantity settings | risk.limit
        restart                      | ask 2; ask 4
        by b submit 6 sell 5 @ 100   | 6 denied (risk.max_position_quantity)
        ",
    );
}

#[test]
fn a_limit_that_changes_holds_for_the_next_order_and_touches_none_before() {
    check(
        "
        submit 1 buy 10 @ 100        | 1 intended → pending_submit; send 1
        limit all max_order_quantity 5 | risk.limit
        venue 1 accepted             | 1 accepted
        submit 2 buy 6 @ 100         | 2 denied (risk.max_quantity)
        replace 1 11                 | 1 replace_rejected → accepted (risk.max_quantity)
        cancel 1                     | 1 cancel_requested → pending_cancel; cancel 1
        limit all max_order_quantity 0 | risk.limit
        submit 3 buy 6 @ 100         | 3 intended → pending_submit; send 3
        ",
    );
}

#[test]
fn orders_that_the_venue_refuses_trip_until_a_person_says_otherwise() {
    check(
        "
        limit account max_reject_percent 50 | risk.limit
        submit 1 buy 1 @ 100         | 1 intended → pending_submit; send 1
        venue 1 accepted             | 1 accepted
        submit 2 buy 1 @ 100         | 2 intended → pending_submit; send 2
        venue 2 rejected             | 2 rejected (venue.says_so)
        submit 3 buy 1 @ 100         | 3 intended → pending_submit; send 3
        venue 3 fill x 1 of 1        | 3 filled
        submit 4 buy 1 @ 100         | 4 intended → pending_submit; send 4
        venue 4 rejected             | 4 rejected (venue.says_so); risk.tripped; alert; trading HALTED
        submit 5 buy 1 @ 100         | 5 denied (risk.latched)
        submit 6 sell 1 @ 100        | 6 denied (risk.halted)
        trading ACTIVE               | alert
        restart                      | ask 1
        trading ACTIVE               | alert
        trading REDUCING             | trading REDUCING
        submit 7 buy 1 @ 100         | 7 denied (risk.latched)
        submit 8 sell 1 @ 100        | 8 intended → pending_submit; send 8
        cancel 1                     | 1 cancel_requested → pending_cancel; cancel 1
        reset rejects                | risk.reset
        submit 9 buy 2 @ 100         | 9 denied (risk.reducing)
        trading ACTIVE               | trading ACTIVE
        submit 10 buy 2 @ 100        | a intended → pending_submit; send a
        venue a rejected             | a rejected (venue.says_so)
        ",
    );
}

#[test]
fn what_its_venue_does_not_take_is_denied_and_cancels_pass() {
    check(
        "
        submit 1 buy 10 @ 100        | 1 intended → pending_submit; send 1
        venue 1 accepted             | 1 accepted
        instrument halted            | risk.instrument
        instrument halted            |
        submit 2 buy 1 @ 100         | 2 denied (instrument.halted)
        replace 1 5                  | 1 replace_rejected → accepted (instrument.halted)
        restart                      | ask 1
        submit 3 buy 1 @ 100         | 3 denied (instrument.halted)
        cancel 1                     | 1 cancel_requested → pending_cancel; cancel 1
        instrument trading           | risk.instrument
        submit 4 buy 1 @ 100         | 4 intended → pending_submit; send 4
        ",
    );
}

#[test]
fn duplicates_and_unusual_sizes_are_told_from_what_a_strategy_does() {
    check(
        "
        limit all duplicate_window 3s | risk.limit
        limit all max_size_ratio 5   | risk.limit
        submit 1 buy 1 @ 100         | 1 intended → pending_submit; send 1
        submit 2 buy 1 @ 100         | 2 denied (risk.duplicate)
        by b submit 3 buy 1 @ 100    | 3 intended → pending_submit; send 3
        submit 4 buy 1 @ 99          | 4 intended → pending_submit; send 4
        submit 5 buy 1 @ 100         | 5 intended → pending_submit; send 5
        restart                      | ask 1; ask 3; ask 4; ask 5
        submit 6 buy 1 @ 100         | 6 denied (risk.duplicate)
        submit 7 buy 9 @ 98          | 7 intended → pending_submit; send 7
        submit 8 buy 2 @ 97          | 8 intended → pending_submit; send 8
        submit 9 buy 15 @ 96         | 9 denied (risk.unusual_size)
        submit 10 buy 13 @ 96        | a intended → pending_submit; send a
        ",
    );
}

const RESET: RiskAct = RiskAct::Reset { latch: Latch::DailyLoss, strategy: None };

/// An account of 1000 USD that holds 10 at 100, the market at 99.99 / 100.01, and limits its losses.
fn holding(limits: &[(LimitName, &str)]) -> Bench {
    let mut bench = Bench::new();
    bench.orders.on_deposit("USD".parse().unwrap(), "1000".parse().unwrap());
    limits.iter().for_each(|(name, value)| bench.limit_account(*name, value));
    bench.deliver(|orders, at, out| orders.on_timer(at, out));
    bench.step("submit 1 buy 10 @ 100");
    bench.step("venue 1 fill x 10 of 10");
    bench
}

impl Bench {
    /// The market moves to one price, and the account is valued.
    pub(super) fn market(&mut self, price: &str) -> Vec<String> {
        let body = TickBody::Quote { bid: level(price), ask: level(price) };
        let tick = Tick { instrument: instrument(), time: self.now, sequence: None, revision: 0, body };
        let event = Event { id: MarketId(2), body: EventBody::Tick(tick) };
        self.orders.on_market(&Batch { source: Source::Simulated, received: self.now, events: vec![event] });
        self.deliver(|orders, at, out| orders.on_timer(at, out)).iter().map(say).collect()
    }
}

fn level(price: &str) -> Option<Level> {
    Some(Level { price: price.parse().unwrap(), size: Size::ONE })
}

#[test]
fn a_loss_trips_once_and_counts_anew_from_the_reset() {
    let mut bench = holding(&[(LimitName::MaxDailyLossPercent, "5"), (LimitName::MaxDrawdownPercent, "20")]);
    // A fee of 1 was paid.
    assert!(bench.market("95.11").is_empty());
    assert_eq!(bench.market("95.10"), ["risk.tripped", "alert", "trading REDUCING"]);
    assert!(bench.market("90").is_empty(), "it has fallen already");
    assert_eq!(say(&bench.step("submit 2 buy 1 @ 90")[0]), "2 denied (risk.latched)");
    assert_eq!(say(&bench.step("submit 3 sell 4 @ 90")[0]), "3 intended → pending_submit");
    bench.step("venue 3 accepted");
    let nothing = RiskChange { act: RESET, by: "ada".to_owned(), why: " ".to_owned() };
    bench.deliver(|orders, at, out| assert!(orders.on_risk(nothing, at, out).is_err(), "a reset needs a reason"));
    let done = bench.change(RESET).unwrap();
    assert!(done.contains("REDUCING"), "{done}");
    assert!(bench.change(RESET).is_err(), "it is free already");
    assert_eq!(bench.step("trading ACTIVE").len(), 1);
    assert!(bench.market("86").is_empty(), "4.4 % below the value at the reset");
    assert_eq!(bench.market("85"), ["risk.tripped", "alert", "trading REDUCING"]);
    assert_eq!(bench.market("79"), ["risk.tripped", "alert"], "the fall from the highest value");
}

#[test]
fn what_has_fallen_and_what_was_reset_survive_a_restart_and_a_checkpoint() {
    let mut bench = holding(&[(LimitName::MaxDailyLossPercent, "5")]);
    bench.market("90");
    let mut restored = empty();
    bench.ledger.iter().for_each(|record| restored.restore(record));
    assert_eq!(restored.trading(), TradingState::Reducing);
    assert_eq!(restored.watch.first_fallen(), Some(Latch::DailyLoss));
    bench.change(RESET).unwrap();
    bench.change(RiskAct::Instrument { instrument: instrument(), status: InstrumentStatus::Halted }).unwrap();
    let saved = postcard::to_allocvec(&bench.orders.save()).unwrap();
    let mut loaded = empty();
    loaded.load(postcard::from_bytes(&saved).unwrap());
    let book = |orders: &Orders| {
        let book = &orders.book;
        (book.owners().collect::<Vec<_>>(), book.stakes().collect::<Vec<_>>(), book.open_of_all())
    };
    assert_eq!(book(&loaded), book(&bench.orders));
    assert_eq!(loaded.watch.latches, bench.orders.watch.latches);
    assert_eq!(loaded.watch.losses, bench.orders.watch.losses);
    assert_eq!(loaded.watch.results, bench.orders.watch.results);
    assert_eq!(loaded.watch.answers, bench.orders.watch.answers);
    assert_eq!(loaded.watch.statuses, bench.orders.watch.statuses);
    assert_eq!(loaded.rulebook.current(), bench.orders.rulebook.current());
    assert_eq!(loaded.recent.save(), bench.orders.recent.save());
}

#[test]
fn nothing_is_valued_while_no_loss_is_limited() {
    let mut bench = holding(&[]);
    bench.step("venue 1 canceled");
    assert_eq!(bench.orders.next_due(), None);
    bench.limit_account(LimitName::MaxDrawdownPercent, "5");
    assert_eq!(bench.orders.next_due(), Some(bench.now));
    bench.market("100");
    assert_eq!(bench.orders.next_due(), Some(bench.now.after(Duration::from_secs(1))));
    bench.limit_account(LimitName::MaxDrawdownPercent, "0");
    assert_eq!(bench.orders.next_due(), None);
}

#[test]
fn leverage_looks_at_what_the_account_is_worth() {
    let mut bench = holding(&[(LimitName::MaxLeveragePercent, "150")]);
    assert_eq!(say(&bench.step("submit 2 buy 5 @ 100")[0]), "2 denied (risk.leverage)", "1500 of 999");
    assert_eq!(say(&bench.step("submit 3 buy 4 @ 100")[0]), "3 intended → pending_submit");
    assert_eq!(say(&bench.step("submit 4 sell 10 @ 100")[0]), "4 intended → pending_submit");
}

#[test]
fn the_status_says_what_is_used_and_what_would_trip() {
    let mut bench = holding(&[(LimitName::MaxGrossExposure, "3000"), (LimitName::MaxDailyLossPercent, "5")]);
    bench.step("submit 2 buy 5 @ 100");
    let status = bench.orders.risk_status(bench.now);
    let row = |scope: &str, name: LimitName| {
        let found = status.limits.iter().find(|row| row.scope == scope && row.name == name.as_str()).unwrap();
        (found.limit.as_str(), found.used.as_deref().unwrap_or("-"), found.trips.as_str())
    };
    assert_eq!(row("account", LimitName::MaxGrossExposure), ("3000", "1500", "more than 1500 more"));
    assert_eq!(row("account", LimitName::MaxDailyLossPercent).1, "0.10 %");
    assert_eq!(row("account", LimitName::MaxDailyLossPercent).2, "a value of 950: trading is REDUCING then");
    assert_eq!(row("account", LimitName::MaxLeveragePercent), ("off", "150.15 %", "nothing"));
    assert_eq!(row("account", LimitName::MaxRejectPercent).1, "0 of 1");
    let position = row("strategy:a symbol:simulated:A", LimitName::MaxPositionNotional);
    assert_eq!(position, ("5000", "1500", "more than 3500 more"));
    assert!(status.stops.is_empty());
    assert_eq!(status.value.as_deref(), Some("999"));
    bench.market("90");
    let status = bench.orders.risk_status(bench.now);
    assert_eq!((status.trading.as_str(), status.stops.len()), ("REDUCING", 1));
}

#[test]
fn a_strategys_loss_stops_that_strategy_alone() {
    let mut bench = holding(&[]);
    bench.limit(LimitName::MaxDailyLoss, "50");
    assert_eq!(bench.market("100"), ["risk.day_began"]);
    bench.step("by b submit 2 sell 1 @ 100");
    bench.step("venue 2 fill y 1 of 1");
    assert_eq!(bench.market("95.01"), ["risk.day_began"], "that of b");
    assert_eq!(bench.market("95"), ["risk.tripped", "alert"]);
    let restored = bench.restored();
    assert_eq!(restored.watch.latches, bench.orders.watch.latches);
    assert_eq!(restored.watch.results, bench.orders.watch.results);
    assert_eq!(bench.orders.trading(), TradingState::Active);
    assert_eq!(say(&bench.step("submit 3 buy 1 @ 95")[0]), "3 denied (risk.latched)");
    assert_eq!(say(&bench.step("submit 4 sell 1 @ 95")[0]), "4 intended → pending_submit");
    assert_eq!(say(&bench.step("by b submit 5 sell 1 @ 95")[0]), "5 intended → pending_submit");
    bench.step("venue 4 accepted");
    bench.step("venue 5 accepted");
    let status = bench.orders.risk_status(bench.now);
    let row = status.limits.iter().find(|row| row.scope == "strategy:a" && row.name == "max_daily_loss").unwrap();
    assert_eq!((row.used.as_deref(), row.trips.as_str()), (Some("50"), "more than 0 more"));
    let of_a = RiskAct::Reset { latch: Latch::DailyLoss, strategy: "a".parse().ok() };
    assert!(bench.change(RESET).is_err(), "the account's has not fallen");
    assert!(bench.change(of_a.clone()).is_ok());
    assert!(bench.market("91").is_empty(), "40 since the reset");
    assert_eq!(bench.market("90"), ["risk.tripped", "alert"]);
    let day = Duration::from_secs(86_400);
    bench.now = bench.now.after(day);
    bench.change(of_a).unwrap();
    let said = bench.market("80");
    assert_eq!(said, ["risk.day_began", "risk.day_began"], "a day begins for both");
}
