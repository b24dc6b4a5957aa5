//! The bench: positions with a ledger beside them, in an account of USD that trades A for USD.

use std::time::Duration;

use messages::instrument::Sessions;
use messages::market::{Event, Level, Source, Tick};
use messages::orders::{EventKind, Fee, Fill, Order, OrderEvent, OrderRequest, Side, Status};
use messages::{Exchange, MarketId, OrderId, Size};
use proptest::prelude::*;

use super::*;

fn instrument() -> Instrument {
    Instrument { exchange: Exchange::Simulated, symbol: "A".parse().unwrap() }
}

fn account() -> Account {
    "paper".parse().unwrap()
}

fn asset(name: &str) -> Asset {
    name.parse().unwrap()
}

fn empty() -> Positions {
    let rules = Rules {
        instrument: instrument(),
        base: asset("A"),
        quote: asset("USD"),
        price_step: Price::ZERO,
        quantity_step: Quantity::ZERO,
        min_quantity: Quantity::ZERO,
        max_quantity: Quantity::ZERO,
        min_notional: Cash::ZERO,
        sessions: Sessions::AroundTheClock,
    };
    Positions::new(Settings { account: account(), currency: asset("USD"), rules: [(instrument(), rules)].into() })
}

struct Bench {
    positions: Positions,
    ledger: Vec<LedgerRecord>,
    now: UtcNanos,
    fills: u32,
    /// Whose orders are filled.
    strategy: &'static str,
}

impl Bench {
    fn new() -> Self {
        let now = UtcNanos::start_of_day(20_000);
        Self { positions: empty(), ledger: Vec::new(), now, fills: 0, strategy: "a" }
    }

    fn rich(amount: &str) -> Self {
        let mut bench = Self::new();
        bench.deposit("USD", amount);
        bench
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
    }

    fn deposit(&mut self, name: &str, amount: &str) {
        let record = self.positions.deposit(asset(name), amount.parse().unwrap(), self.now).unwrap();
        self.ledger.push(record);
    }

    /// A fill that the ledger holds, as orders says it: `quantity` is signed.
    fn update(&mut self, quantity: &str, price: &str, fee: (&str, &str)) -> OrderUpdate {
        self.pass(1);
        self.fills += 1;
        let signed: Quantity = quantity.parse().unwrap();
        let side = if signed.is_negative() { Side::Sell } else { Side::Buy };
        let fill = Fill {
            execution_id: format!("x{}", self.fills).parse().unwrap(),
            price: price.parse().unwrap(),
            quantity: signed.abs(),
            cumulative: signed.abs(),
            liquidity: None,
            fee: Some(Fee { amount: fee.0.parse().unwrap(), asset: asset(fee.1) }),
            executed_at: self.now,
        };
        // Ids fall while the ledger goes on, so that no order by id passes for the order of the ledger.
        let id = 999_999_999_999 - u64::from(self.fills);
        let order_id = OrderId(format!("00000000-0000-0000-0000-{id:012}").parse().unwrap());
        let order = Order {
            order_id,
            account: account(),
            strategy: self.strategy.parse().unwrap(),
            client_order_id: format!("t-1-{}", self.fills).parse().unwrap(),
            request: OrderRequest::market(instrument(), side, fill.quantity),
            status: Status::Filled,
            filled: fill.quantity,
            filled_notional: Notional::ZERO,
            acknowledged: true,
            triggered: false,
            attempts: Vec::new(),
            replacing: None,
            reason: None,
            reason_text: String::new(),
            created_at: self.now,
            submitted_at: None,
            updated_at: self.now,
            filled_at: Some(self.now),
            commission: fill.fee,
            correlation_id: CorrelationId(order_id.0),
            as_of: 1,
        };
        let event = OrderEvent {
            order_id,
            number: 1,
            kind: EventKind::Filled,
            status: Status::Filled,
            reason: None,
            reason_text: String::new(),
            at: self.now,
            fill: Some(fill),
            as_of: 1,
        };
        let update = OrderUpdate { event, order };
        self.ledger.push(LedgerRecord::Order(Box::new(update.clone())));
        update
    }

    /// Books an update as the actor does.
    fn book(&mut self, update: &OrderUpdate) -> Option<Box<Booked>> {
        let booked = self.positions.on_update(update, self.now).unwrap();
        self.ledger.extend(booked.clone().map(LedgerRecord::Booked));
        booked
    }

    fn fill(&mut self, quantity: &str, price: &str) -> Box<Booked> {
        let update = self.update(quantity, price, ("0", "USD"));
        self.book(&update).expect("a new fill")
    }

    fn quote(&mut self, bid: &str, ask: &str) {
        let level = |price: &str| Some(Level { price: price.parse().unwrap(), size: Size::ONE });
        let body = TickBody::Quote { bid: level(bid), ask: level(ask) };
        let tick = Tick { instrument: instrument(), time: self.now, sequence: None, revision: 0, body };
        let event = Event { id: MarketId(1), body: EventBody::Tick(tick) };
        self.positions.on_market(&Batch { source: Source::Simulated, received: self.now, events: vec![event] });
    }

    fn snapshot(&mut self) -> Portfolio {
        self.pass(1);
        let snapshot = self.positions.snapshot(SnapshotType::Intraday, self.now);
        self.ledger.push(LedgerRecord::Snapshot(snapshot.clone()));
        snapshot.portfolio
    }

    /// The process dies here and starts again.
    fn restart(&mut self) {
        self.positions = empty();
        self.ledger.iter().for_each(|record| self.positions.restore(record));
    }

    fn balance(&self, name: &str) -> String {
        let found = self.positions.balances().find(|(a, _)| *a == asset(name));
        found.map_or_else(String::new, |(_, total)| total.to_string())
    }

    fn held(&self) -> String {
        self.positions.quantity(instrument(), "a".parse().unwrap()).to_string()
    }
}

#[test]
fn a_sale_beyond_what_is_held_closes_it_and_opens_a_short() {
    let mut bench = Bench::rich("1000");
    let bought = bench.fill("2", "100");
    let sold = bench.fill("-3", "110");
    let position = &sold.position;
    assert_eq!((position.side(), position.quantity.to_string()), ("short", "-1".to_owned()));
    assert_eq!(position.average_entry(), "110".parse().ok());
    assert_eq!((sold.trade.realized_pnl.to_string(), position.realized_pnl.to_string()), ("20".into(), "20".into()));
    assert_eq!(bought.position.opened_at, Some(bought.trade.executed_at));
    assert_eq!((position.opened_at, position.closed_at), (Some(sold.trade.executed_at), None));
    assert_eq!((bench.balance("USD"), bench.balance("A")), ("1130".to_owned(), "-1".to_owned()));
    let closed = bench.fill("1", "105");
    assert_eq!(closed.position.closed_at, Some(closed.trade.executed_at));
    assert_eq!((closed.position.side(), closed.position.realized_pnl.to_string()), ("flat", "25".to_owned()));
}

#[test]
fn a_fee_in_a_third_asset_leaves_its_own_balance_and_is_no_part_of_the_value() {
    let mut bench = Bench::rich("1000");
    let update = bench.update("2", "100", ("0.5", "BNB"));
    let booked = bench.book(&update).unwrap();
    let told: Vec<_> = booked.balances.iter().map(|b| format!("{} {}", b.total, b.asset)).collect();
    assert_eq!(told, ["2 A", "800 USD", "-0.5 BNB"]);
    let portfolio = bench.snapshot();
    let result = (portfolio.value, portfolio.total_pnl, portfolio.daily_pnl, portfolio.max_drawdown);
    let nothing = Some(Cash::ZERO);
    assert_eq!(result, ("1000".parse().ok(), nothing, nothing, nothing), "no instrument trades BNB");
    assert_eq!((portfolio.leverage, portfolio.cash), ("0.2".parse().ok(), "800".parse().ok()));
    bench.deposit("BNB", "0.5");
    let portfolio = bench.snapshot();
    assert_eq!((portfolio.value, portfolio.total_pnl), ("1000".parse().ok(), nothing), "nor what is paid in of it");
    bench.restart();
    assert_eq!(bench.positions.highest(), "1000".parse().ok(), "the highest value is known over a restart");
    let bought = bench.update("1", "90", ("0", "USD"));
    bench.book(&bought);
    assert_eq!(bench.snapshot().max_drawdown, "20".parse().ok(), "and so is the fall from it");
}

#[test]
fn a_fill_is_booked_once_over_repeats_and_starts() {
    let mut bench = Bench::rich("1000");
    let update = bench.update("2", "100", ("1", "USD"));
    let booked = bench.book(&update).unwrap();
    assert_eq!(bench.book(&update), None);
    bench.restart();
    assert_eq!(bench.positions.take_unbooked(), []);
    assert_eq!(bench.book(&update), None);
    assert_eq!((bench.held(), bench.balance("USD")), ("2".to_owned(), "799".to_owned()));
    let next = bench.fill("1", "100");
    assert!(next.position.position_id > booked.position.position_id, "row numbers go on behind a start");
    assert!(next.balances[0].balance_id > booked.balances[1].balance_id);
}

#[test]
fn what_a_crash_left_unbooked_is_booked_once_as_without_the_crash() {
    let (mut crashed, mut well) = (Bench::rich("1000"), Bench::rich("1000"));
    for bench in [&mut crashed, &mut well] {
        bench.fill("4", "100");
    }
    // Three fills of one instant, of orders whose ids do not sort as they came.
    let fills = [("-1", "110"), ("-5", "90"), ("3", "95")];
    let expected: Vec<_> = fills.iter().map(|(quantity, price)| well.fill(quantity, price)).collect();
    for (quantity, price) in fills {
        crashed.update(quantity, price, ("0", "USD"));
    }
    crashed.restart();
    let left = crashed.positions.take_unbooked();
    let booked: Vec<_> = left.iter().filter_map(|update| crashed.book(update)).collect();
    let trades = |booked: &[Box<Booked>]| -> Vec<_> { booked.iter().map(|b| b.trade.clone()).collect() };
    assert_eq!(trades(&booked), trades(&expected));
    assert_eq!((crashed.held(), crashed.balance("USD")), (well.held(), well.balance("USD")));
    crashed.restart();
    assert_eq!(crashed.positions.take_unbooked(), []);
    assert_eq!((crashed.held(), crashed.balance("USD")), (well.held(), well.balance("USD")));
}

#[test]
fn a_fill_that_does_not_fit_is_not_booked_in_part() {
    let mut bench = Bench::rich(&Cash::MAX.to_string());
    let update = bench.update("-1", "100", ("0", "USD"));
    let error = bench.positions.on_update(&update, bench.now).unwrap_err();
    assert!(error.contains("x1") && error.contains("simulated:A"), "{error}");
    assert_eq!((bench.held(), bench.balance("A")), ("0".to_owned(), String::new()));
    let mut unknown = bench.update("1", "100", ("0", "USD"));
    unknown.order.request.instrument.symbol = "B".parse().unwrap();
    assert!(bench.positions.on_update(&unknown, bench.now).unwrap_err().contains("simulated:B"));
}

#[test]
fn a_snapshot_says_what_the_account_is_worth_and_how_it_got_there() {
    let mut bench = Bench::rich("1000");
    let check = |p: &Portfolio, value, total, daily, drawdown, leverage| {
        let text = |cash: Option<Cash>| cash.map(|c| c.to_string()).unwrap_or_default();
        let found = (text(p.value), text(p.total_pnl), text(p.daily_pnl), text(p.max_drawdown));
        let leverage_found = p.leverage.map(|l| l.to_string()).unwrap_or_default();
        assert_eq!((found.0.as_str(), found.1.as_str(), found.2.as_str()), (value, total, daily));
        assert_eq!((found.3.as_str(), leverage_found.as_str()), (drawdown, leverage));
    };
    check(&bench.snapshot(), "1000", "0", "0", "0", "0");
    bench.fill("5", "100");
    bench.quote("109", "111");
    let portfolio = bench.snapshot();
    check(&portfolio, "1050", "50", "50", "0", "0.52380952");
    assert_eq!((portfolio.long_positions, portfolio.short_positions), (1, 0));
    bench.quote("89", "91");
    check(&bench.snapshot(), "950", "-50", "-50", "100", "0.47368421");
    bench.quote("99", "101");
    check(&bench.snapshot(), "1000", "0", "0", "100", "0.5");
    bench.deposit("USD", "1000");
    check(&bench.snapshot(), "2000", "0", "1000", "100", "0.25");
    bench.pass(86_400);
    bench.quote("119", "121");
    check(&bench.snapshot(), "2100", "100", "0", "100", "0.28571429");
    bench.quote("129", "131");
    bench.restart();
    let portfolio = bench.snapshot();
    assert_eq!(portfolio.value, None, "no price was heard since the start");
    bench.quote("129", "131");
    check(&bench.snapshot(), "2150", "150", "50", "100", "0.30232558");
    bench.fill("-25", "130");
    bench.quote("299", "301");
    let portfolio = bench.snapshot();
    check(&portfolio, "-1250", "-3250", "-3350", "3400", "");
    assert_eq!((portfolio.long_positions, portfolio.short_positions), (0, 1));
}

#[test]
fn a_fall_counts_as_long_as_it_lasts_and_for_good_once_a_snapshot_saw_it() {
    let mut bench = Bench::rich("1000");
    bench.fill("5", "100");
    bench.snapshot();
    let mut check = |bid: &str, ask: &str, expected: &str| {
        bench.quote(bid, ask);
        let now = bench.positions.now(bench.now).portfolio.max_drawdown.unwrap();
        assert_eq!(now.to_string(), expected, "at {bid}");
    };
    check("89", "91", "50");
    check("109", "111", "0");
    check("79", "81", "100");
    bench.snapshot();
    bench.quote("109", "111");
    assert_eq!(bench.snapshot().max_drawdown, "100".parse().ok());
}

#[test]
fn a_mark_is_the_middle_of_the_quote_and_a_trade_only_where_nobody_is_quoted() {
    let mut bench = Bench::new();
    let trade = |bench: &mut Bench, price: &str| {
        let body = TickBody::Trade {
            price: price.parse().unwrap(),
            size: Size::ONE,
            aggressor: None,
            conditions: Default::default(),
        };
        let tick = Tick { instrument: instrument(), time: bench.now, sequence: None, revision: 0, body };
        let event = Event { id: MarketId(1), body: EventBody::Tick(tick) };
        bench.positions.on_market(&Batch { source: Source::Simulated, received: bench.now, events: vec![event] });
    };
    let mark = |bench: &mut Bench| bench.fill("1", "50").position.mark_price.unwrap().to_string();
    trade(&mut bench, "10");
    assert_eq!(mark(&mut bench), "10");
    trade(&mut bench, "11");
    assert_eq!(mark(&mut bench), "11");
    bench.quote("14", "16");
    trade(&mut bench, "17");
    assert_eq!(mark(&mut bench), "15");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Strategies trade against and with one another in one account: what each holds is what its own fills brought, their
    /// sum is what the account holds, and what they won and spent is what its money says, to the last digit.
    #[test]
    fn what_strategies_hold_is_what_the_account_holds(
        steps in prop::collection::vec((0usize..3, -50i64..50, 1i64..100_000, any::<bool>()), 1..60),
    ) {
        let names = ["a", "b", "manual"];
        let mut bench = Bench::rich("1000");
        let mut filled: BTreeMap<StrategyId, Quantity> = BTreeMap::new();
        for (name, quantity, price, crashes) in steps {
            if quantity == 0 {
                continue;
            }
            bench.strategy = names[name];
            let update = bench.update(&quantity.to_string(), &price.to_string(), ("0", "USD"));
            let held = filled.entry(update.order.strategy).or_default();
            *held = held.checked_add(quantity.to_string().parse().unwrap()).unwrap();
            if crashes {
                bench.restart();
            }
            let update = bench.positions.take_unbooked().pop().unwrap_or(update);
            bench.book(&update);
            let snapshot = bench.positions.now(bench.now);
            let held: BTreeMap<_, _> = snapshot.positions.iter().map(|p| (p.strategy, p.quantity)).collect();
            prop_assert_eq!(&held, &filled);
            let sum = held.values().fold(Quantity::ZERO, |sum, q| sum.checked_add(*q).unwrap());
            let of_account = |name| snapshot.balances.iter().find(|b| b.asset == asset(name)).unwrap().total;
            prop_assert_eq!(of_account("A").raw(), sum.raw());
            let spent = snapshot.positions.iter().fold("1000".parse::<Cash>().unwrap(), |sum, p| {
                sum.checked_add(p.realized_pnl).unwrap().checked_sub(p.cost_basis).unwrap()
            });
            prop_assert_eq!(of_account("USD"), spent);
        }
    }

    #[test]
    fn what_is_held_is_what_came_in(
        steps in prop::collection::vec((-50i64..50, 1i64..100_000, -5i64..5, 0usize..3, any::<bool>(), any::<bool>()), 1..60),
    ) {
        let mut bench = Bench::rich("1000");
        let mut expected: BTreeMap<&str, i128> = [("A", 0), ("USD", 1000), ("BNB", 0)].into();
        let mut last = None;
        for (quantity, price, fee, fee_asset, crashes, repeats) in steps {
            if quantity == 0 {
                bench.deposit("USD", "7");
                *expected.get_mut("USD").unwrap() += 7;
                continue;
            }
            let fee_asset = ["A", "USD", "BNB"][fee_asset];
            let fill = (quantity.to_string(), price.to_string(), fee.to_string());
            let update = bench.update(&fill.0, &fill.1, (&fill.2, fee_asset));
            *expected.get_mut("A").unwrap() += i128::from(quantity);
            *expected.get_mut("USD").unwrap() -= i128::from(quantity) * i128::from(price);
            *expected.get_mut(fee_asset).unwrap() -= i128::from(fee);
            last = if repeats { last } else { Some(update.clone()) };
            if crashes {
                bench.restart();
                let left = bench.positions.take_unbooked();
                prop_assert_eq!(left.len(), 1, "one fill was not booked");
                bench.book(&left[0]);
            } else {
                bench.book(&update);
            }
            if let Some(again) = &last {
                prop_assert_eq!(bench.book(again), None, "a fill is booked once");
            }
        }
        let traded = bench.ledger.iter().filter_map(|r| match r {
            LedgerRecord::Booked(b) => Some(b.trade.side.signed(b.trade.quantity)),
            _ => None,
        });
        let sum = traded.fold(Quantity::ZERO, |sum, q| sum.checked_add(q).unwrap());
        prop_assert_eq!(bench.held(), sum.to_string());
        for (name, total) in expected {
            let found = bench.balance(name);
            prop_assert_eq!(if found.is_empty() { "0" } else { &found }, total.to_string(), "{}", name);
        }
        let owned = |p: &Positions| (p.open().collect::<Vec<_>>(), p.balances().collect::<Vec<_>>());
        let live = owned(&bench.positions);
        bench.restart();
        prop_assert_eq!(owned(&bench.positions), live, "a start gives the same");
    }
}

#[test]
fn a_fill_that_the_venue_undoes_is_taken_back_with_its_fee() {
    let mut bench = Bench::rich("10000");
    let bought = bench.update("10", "100", ("1", "USD"));
    bench.book(&bought).expect("a new fill");
    bench.fill("-4", "110");
    let mut bust = bought.clone();
    let fill = bust.event.fill.as_mut().unwrap();
    (fill.execution_id, fill.quantity) = (fill.execution_id.undone(), -fill.quantity);
    fill.fee = fill.fee.map(|fee| Fee { amount: -fee.amount, ..fee });
    (bust.event.kind, bust.event.number) = (EventKind::Busted, 2);
    let booked = bench.book(&bust).expect("what undoes a fill is booked");
    assert_eq!((booked.trade.side, booked.trade.quantity.to_string()), (Side::Buy, "-10".to_owned()));
    let position = &booked.position;
    let found = [position.quantity.to_string(), position.cost_basis.to_string(), position.realized_pnl.to_string()];
    assert_eq!(found, ["-4", "-400", "40"], "sold 4 for 440 and holds none of them");
    let total = |name: &str| bench.positions.balances().find(|(a, _)| *a == asset(name)).map(|(_, total)| total);
    assert_eq!(total("USD"), Some("10440".parse().unwrap()));
    assert!(bench.book(&bust).is_none(), "it is undone once");
    let (fill, number) = (bust.event.fill.clone(), 3);
    bust.event = OrderEvent { fill: fill.map(|f| Fill { quantity: Quantity::ZERO, ..f }), number, ..bust.event };
    assert!(bench.book(&bust).is_none(), "one that was never booked moves nothing");
}

#[test]
fn what_is_entered_is_paid_in_and_earns_nothing_and_a_start_books_what_a_crash_left() {
    let mut bench = Bench::rich("1000");
    bench.quote("99", "101");
    let position = |change: &str, price: Option<&str>| OpeningEntry::Position {
        instrument: instrument(),
        strategy: StrategyId::manual(),
        change: change.parse().unwrap(),
        price: price.map(|price| price.parse().unwrap()),
    };
    let balance = |name: &str, change: &str| OpeningEntry::Balance {
        asset: asset(name),
        change: change.parse().unwrap(),
        worth: None,
    };
    let enter = |bench: &mut Bench, number: u64, entries: &[OpeningEntry]| {
        let opened = bench.positions.open_entries(number, entries, bench.now).expect("it fits");
        bench.ledger.push(LedgerRecord::Opened(opened.clone()));
        let held = opened
            .positions
            .first()
            .map(|p| format!("{} costs {} earned {}", p.quantity, p.cost_basis, p.realized_pnl));
        held.unwrap_or_default()
    };
    let entered = enter(&mut bench, 1, &[position("4", Some("90")), balance("A", "4"), balance("USD", "-10")]);
    assert_eq!(entered, "4 costs 360 earned 0");
    assert_eq!((bench.balance("A"), bench.balance("USD")), ("4".to_owned(), "990".to_owned()));
    // 990 and 4 at 100, all of it paid in.
    assert_eq!(bench.snapshot().total_pnl, Some(Cash::ZERO));
    assert_eq!(enter(&mut bench, 2, &[position("-1", None), balance("A", "-1")]), "3 costs 270 earned 0");
    assert_eq!(enter(&mut bench, 3, &[position("-5", Some("80")), balance("A", "-5")]), "-2 costs -160 earned 0");
    bench.restart();
    bench.quote("99", "101");
    assert_eq!(
        (bench.positions.quantity(instrument(), StrategyId::manual()).to_string(), bench.balance("A")),
        ("-2".to_owned(), "-2".to_owned())
    );
    assert_eq!(bench.snapshot().total_pnl, Some(Cash::ZERO));

    let done = messages::account::Reconciliation {
        number: 4,
        cause: messages::account::Cause::Start,
        outcome: messages::account::Outcome::Settled,
        began: bench.now,
        at: bench.now,
        rounds: 2,
        differences: Vec::new(),
        left_out: 0,
        entries: vec![balance("USD", "5")],
        marks: Vec::new(),
        by: "merganser".to_owned(),
        why: String::new(),
    };
    bench.ledger.push(LedgerRecord::Reconciled(Box::new(done)));
    bench.restart();
    let left = bench.positions.unopened();
    assert_eq!(left, [(4, vec![balance("USD", "5")])], "it died before it was booked");
    enter(&mut bench, 4, &left[0].1);
    bench.restart();
    assert_eq!((bench.balance("USD"), bench.positions.unopened()), ("995".to_owned(), vec![]));
}
