//! Losses are limited, and what the account is worth is unknown, or a part of it is left out.

use super::*;

/// An account of 1000 USD and of so much of another asset, with its losses limited.
fn holding(asset: &str, amount: &str) -> Bench {
    let mut bench = Bench::new();
    bench.orders.on_deposit("USD".parse().unwrap(), "1000".parse().unwrap());
    bench.orders.on_deposit(asset.parse().unwrap(), amount.parse().unwrap());
    bench.limit_account(LimitName::MaxDailyLossPercent, "5");
    bench
}

/// How often people are told of something while so many seconds pass.
fn alerts(bench: &mut Bench, seconds: u32) -> usize {
    let said = (0..seconds).flat_map(|_| bench.deliver(|orders, at, out| orders.on_timer(at, out)));
    said.filter(|effect| matches!(effect, Effect::Alert(_))).count()
}

#[test]
fn while_the_value_is_unknown_only_what_reduces_is_traded_and_people_are_told_once() {
    let mut bench = holding("A", "5");
    bench.step("submit 1 buy 5 @ 100");
    bench.step("venue 1 fill x 5 of 5");
    let prices = std::mem::take(&mut bench.orders.prices);
    assert_eq!(alerts(&mut bench, 50), 0, "the first price may be on its way");
    assert_eq!(say(&bench.step("submit 2 buy 1 @ 100")[0]), "2 denied (risk.unknown_value)");
    assert_eq!(say(&bench.step("submit 3 sell 2 @ 100")[0]), "3 intended → pending_submit");
    bench.step("venue 3 accepted");
    assert_eq!((alerts(&mut bench, 60), alerts(&mut bench, 60)), (1, 0));
    bench.orders.prices = prices;
    assert_eq!(say(&bench.step("submit 4 buy 1 @ 100")[0]), "4 intended → pending_submit");
}

#[test]
fn what_no_instrument_trades_is_no_part_of_the_value_and_is_told_once() {
    let mut bench = holding("DUST", "5");
    assert_eq!((alerts(&mut bench, 60), alerts(&mut bench, 60)), (1, 0));
    assert_eq!(bench.orders.equity(), "1000".parse().ok());
    assert!(bench.orders.watch.losses.day_began_with().is_some());
    bench.orders.on_deposit("DUST".parse().unwrap(), "7".parse().unwrap());
    assert_eq!(bench.orders.watch.losses.day_began_with(), "1000".parse().ok(), "nor is more of it");
    assert_eq!(say(&bench.step("submit 1 buy 1 @ 100")[0]), "1 intended → pending_submit");
}
