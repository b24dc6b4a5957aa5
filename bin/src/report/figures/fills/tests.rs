use messages::Exchange;
use messages::orders::Fill as VenueFill;
use proptest::prelude::*;

use super::*;
use crate::report::figures::results::Results;

fn instrument(symbol: &str) -> Instrument {
    Instrument { exchange: Exchange::Simulated, symbol: symbol.parse().unwrap() }
}

fn fill(strategy: &str, symbol: &str, side: Side, quantity: &str, price: &str, at: i64) -> Fill {
    Fill {
        at: UtcNanos(at),
        instrument: instrument(symbol),
        strategy: strategy.parse().unwrap(),
        side,
        quantity: quantity.parse().unwrap(),
        price: price.parse().unwrap(),
        realized: Cash::ZERO,
        fee: None,
        liquidity: Some(Liquidity::Taker),
    }
}

fn fee(amount: &str, asset: &str) -> Option<Fee> {
    Some(Fee { amount: amount.parse().unwrap(), asset: asset.parse().unwrap() })
}

fn usd() -> Asset {
    "USD".parse().unwrap()
}

fn pairs() -> BTreeMap<Instrument, Pair> {
    ["A", "B"].map(|base| (instrument(base), Pair { base: base.parse().unwrap(), quote: usd() })).into()
}

fn fills(before: &[Standing]) -> Fills {
    let end = UtcNanos(3_600_000_000_000);
    let marks = Marks::new(std::time::Duration::from_secs(60), [instrument("A")]);
    Fills::new(UtcNanos(0), (usd(), pairs()), before, (Earned::new(UtcNanos(0), end), marks))
}

#[test]
fn fees_count_in_the_quote_asset_and_others_stand_apart() {
    let mut pass = fills(&[]);
    for fee in [fee("1", "USD"), fee("0.5", "A"), fee("2", "BNB"), None] {
        pass.fill(&Fill { fee, ..fill("s", "A", Side::Buy, "1", "10", 1) }).unwrap();
    }
    let after = Standing { key: ("s".parse().unwrap(), instrument("A")), quantity: Quantity::ONE, unrealized: None };
    let booked = pass.finish(UtcNanos(9), &[after]);
    let line = booked.lines.values().next().unwrap();
    assert_eq!((line.turnover.to_string(), line.fees.to_string()), ("40".to_owned(), "6".to_owned()));
    assert_eq!(line.other_fees, [("BNB".parse().unwrap(), "2".parse().unwrap())].into());
    assert_eq!(line.net(), None, "no price is known: the sum is not either");
}

#[test]
fn marks_are_one_for_each_bar_and_side_at_the_average_price() {
    let minute = 60_000_000_000;
    let mut pass = fills(&[]);
    for (side, quantity, price, at) in
        [(Side::Buy, "1", "10", 1), (Side::Buy, "3", "14", 2), (Side::Sell, "1", "9", 3), (Side::Buy, "1", "7", minute)]
    {
        pass.fill(&fill("s", "A", side, quantity, price, at)).unwrap();
        pass.fill(&fill("s", "B", side, quantity, price, at)).unwrap();
    }
    let booked = pass.finish(UtcNanos(minute), &[]);
    let marks: Vec<_> = booked.marks.of[&instrument("A")]
        .iter()
        .map(|((at, side), mark)| (at.0, *side, mark.fills, mark.price().unwrap().to_string()))
        .collect();
    let text = str::to_owned;
    assert_eq!(
        marks,
        [(0, Side::Buy, 2, text("13")), (0, Side::Sell, 1, text("9")), (minute, Side::Buy, 1, text("7"))]
    );
    assert_eq!(booked.marks.of.len(), 1, "only what is drawn is kept");
}

#[test]
fn a_position_from_before_counts_by_what_it_gained_since() {
    let key = ("s".parse().unwrap(), instrument("A"));
    let before = Standing { key, quantity: "2".parse().unwrap(), unrealized: Some("30".parse().unwrap()) };
    let mut pass = fills(&[before]);
    let closing = fill("s", "A", Side::Sell, "2", "50", 4);
    pass.fill(&Fill { realized: "40".parse().unwrap(), ..closing }).unwrap();
    let booked = pass.finish(UtcNanos(10), &[]);
    assert_eq!(booked.lines[&key].net().unwrap().to_string(), "10");
    assert_eq!(booked.in_market, 4);
    assert_eq!(booked.lines[&key].trips.figures().left_out, 1);
}

#[test]
fn sums_of_all_are_unknown_where_a_fill_or_a_fee_is_in_another_currency() {
    let check = |of: &[Fill], turnover: Option<&str>, fees: Option<&str>, elsewhere: &[&str]| {
        let mut pass = fills(&[]);
        of.iter().for_each(|fill| pass.fill(fill).unwrap());
        let results = Results::of(&pass.finish(UtcNanos(9), &[]).lines, &pairs(), usd()).unwrap();
        let cash = |text: Option<&str>| text.map(|text| text.parse::<Cash>().unwrap());
        assert_eq!((results.turnover, results.fees), (cash(turnover), cash(fees)));
        assert_eq!(results.elsewhere, elsewhere);
    };
    let here = Fill { fee: fee("1", "USD"), ..fill("s", "A", Side::Buy, "1", "10", 1) };
    let with_another_fee = Fill { fee: fee("2", "BNB"), ..here };
    let elsewhere = fill("s", "C", Side::Buy, "1", "7", 2);
    check(&[here], Some("10"), Some("1"), &[]);
    check(&[here, with_another_fee], Some("20"), None, &[]);
    check(&[here, elsewhere], None, None, &["simulated:C"]);
}

/// What the account has: cash that every fill moves, and the positions at their prices.
#[derive(Default)]
struct Account {
    cash: i128,
    held: BTreeMap<Key, (Quantity, Cash)>,
}

impl Account {
    /// Books a fill as the runtime does, and says what it realized.
    fn book(&mut self, fill: &Fill) -> Cash {
        let (quantity, basis) = self.held.entry((fill.strategy, fill.instrument)).or_default();
        let venue = VenueFill {
            execution_id: "x".parse().unwrap(),
            price: fill.price,
            quantity: fill.quantity,
            cumulative: fill.quantity,
            liquidity: None,
            fee: None,
            executed_at: fill.at,
        };
        let moved = actors::accounting::move_position(*quantity, *basis, fill.side, &venue).unwrap();
        (*quantity, *basis) = (moved.quantity, moved.cost_basis);
        let value = fill.price.times(fill.quantity).unwrap().raw();
        self.cash += if fill.side == Side::Buy { -value } else { value };
        self.cash -= fill.fee.map_or(0, |fee| fee.amount.raw());
        moved.realized
    }

    /// The open positions at these prices, and the value of all.
    fn valued(&self, prices: &BTreeMap<Instrument, Price>) -> (Vec<Standing>, i128) {
        let mut value = self.cash;
        let mut standings = Vec::new();
        for (key, (quantity, basis)) in self.held.iter().filter(|(_, (quantity, _))| !quantity.is_zero()) {
            let worth = prices[&key.1].times(*quantity).unwrap();
            value += worth.raw();
            standings.push(Standing { key: *key, quantity: *quantity, unrealized: worth.checked_sub(*basis) });
        }
        (standings, value)
    }
}

proptest! {
    /// Whatever was traded: what the strategies earned together is what the account gained, to the last digit, and so is the
    /// end of their curves.
    #[test]
    fn the_strategies_together_are_the_account(
        fills_in in proptest::collection::vec((0..3usize, any::<bool>(), any::<bool>(), 1i64..5_000, 1i64..900, 0i128..50), 1..60),
        split in 0..60usize,
    ) {
        let mut account = Account::default();
        let mut prices = BTreeMap::new();
        let mut made = Vec::new();
        for (n, (strategy, is_a, is_buy, price, quantity, fee)) in fills_in.into_iter().enumerate() {
            let side = if is_buy { Side::Buy } else { Side::Sell };
            let mut fill = fill(["x", "y", "z"][strategy], if is_a { "A" } else { "B" }, side, "1", "1", n as i64);
            fill.price = Price::from_raw(price * 100_000_000).unwrap();
            fill.quantity = Quantity::from_raw(i128::from(quantity) * 1_000_000).unwrap();
            fill.fee = Some(Fee { amount: Cash::from_raw(fee).unwrap(), asset: usd() });
            made.push(fill);
        }
        let split = split.min(made.len() - 1);
        made.iter().for_each(|fill| { prices.insert(fill.instrument, fill.price); });
        for fill in &mut made[..split] {
            fill.realized = account.book(fill);
        }
        let (before, value_before) = account.valued(&prices);
        let mut pass = fills(&before);
        for fill in &mut made[split..] {
            fill.realized = account.book(fill);
            pass.fill(fill).unwrap();
        }
        let (after, value_after) = account.valued(&prices);
        for standing in &after {
            pass.earned.valued(standing.key, 59, standing.unrealized.unwrap()).unwrap();
        }
        for key in account.held.iter().filter(|(_, (quantity, _))| quantity.is_zero()).map(|(key, _)| *key) {
            pass.earned.valued(key, 59, Cash::ZERO).unwrap();
        }
        let booked = pass.finish(UtcNanos(1_000), &after);
        let gained = Cash::from_raw(value_after - value_before);
        let results = Results::of(&booked.lines, &pairs(), usd()).unwrap();
        let sum = |rows: &[crate::report::figures::results::Row]| rows.iter().map(|row| row.net.unwrap().raw()).sum::<i128>();
        prop_assert_eq!(Cash::from_raw(sum(&results.strategies)), gained);
        prop_assert_eq!(Cash::from_raw(sum(&results.symbols)), gained);
        prop_assert_eq!(results.total.net, gained);
        let curves = booked.earned.finish().unwrap();
        let ends = curves.values().map(|curve| curve.last().unwrap().raw()).sum::<i128>();
        prop_assert_eq!(Cash::from_raw(ends), gained);
    }
}
