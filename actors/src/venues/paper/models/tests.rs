use messages::instrument::{Instrument, Rules, Sessions};
use messages::orders::{Liquidity, Side};
use messages::{Cash, Exchange, Price, Quantity, UtcNanos};
use std::time::Duration;

use super::*;

fn settings(more: &str) -> PaperSettings {
    toml::from_str(&format!("latency = '5ms'\nmaker_fee_ppm = 100\ntaker_fee_ppm = 1000\n{more}")).unwrap()
}

fn chosen(more: &str) -> Chosen {
    Models::shipped().choose(&settings(more)).unwrap()
}

fn rules() -> Rules {
    Rules {
        instrument: Instrument { exchange: Exchange::Simulated, symbol: "A".parse().unwrap() },
        base: "A".parse().unwrap(),
        quote: "USD".parse().unwrap(),
        price_step: Price::ZERO,
        quantity_step: Quantity::ZERO,
        min_quantity: Quantity::ZERO,
        max_quantity: Quantity::ZERO,
        min_notional: Cash::ZERO,
        sessions: Sessions::AroundTheClock,
    }
}

#[test]
fn a_section_of_before_there_were_models_is_the_venue_of_then() {
    let mut models = chosen("");
    let mut chance = SplitMix64::new(1);
    assert_eq!(models.to_venue.delay(&mut chance), Duration::from_millis(5));
    assert_eq!(models.to_us.delay(&mut chance), Duration::ZERO);
    assert_eq!(
        fees(&mut models, &[("100", "2", Liquidity::Maker, 0), ("100", "2", Liquidity::Taker, 0)]),
        ["0.02", "0.2"]
    );
}

#[test]
fn a_name_or_a_parameter_that_nobody_knows_is_refused_in_words() {
    let refused = |more: &str| Models::shipped().choose(&settings(more)).err().unwrap().to_string();
    assert_eq!(
        refused("fills = { model = 'psychic' }"),
        "paper.fills.model: there is no fill model `psychic`; registered are front, pessimistic, probabilistic, prorated, shown"
    );
    let wrong = refused("to_us = { model = 'uniform', parameters = { from = '2ms', to = '1ms' } }");
    assert!(
        wrong.starts_with("paper.to_us.parameters: the parameters of the latency model `uniform` are wrong: from 2ms"),
        "{wrong}"
    );
    let unknown = refused("fees = { model = 'ppm', parameters = { makers = 1 } }");
    assert!(unknown.contains("unknown field `makers`"), "{unknown}");
}

/// A model as a user's own binary adds it.
struct Half;

impl FeeModel for Half {
    fn fee(&mut self, fill: &Filled<'_>) -> Option<Cash> {
        fill.value()?.per_million(500_000)
    }
}

#[test]
fn a_model_from_outside_is_chosen_by_its_name() {
    let mut models = Models::shipped();
    models.fee("half", |_: fills::NoParameters| Ok(Half));
    let mut chosen = models.choose(&settings("fees = { model = 'half' }")).unwrap();
    assert_eq!(fees(&mut chosen, &[("100", "2", Liquidity::Maker, 0)]), ["100"]);
}

/// The fees of the fills of one order: price, quantity, role and day.
fn fees(models: &mut Chosen, fills: &[(&str, &str, Liquidity, i64)]) -> Vec<String> {
    let rules = rules();
    let (mut filled_before, mut value_before, mut paid_before) = (Quantity::ZERO, Cash::ZERO, Cash::ZERO);
    let one = |(price, quantity, liquidity, day): &(&str, &str, Liquidity, i64)| {
        let (price, quantity) = (price.parse().unwrap(), quantity.parse().unwrap());
        let at = UtcNanos::start_of_day(*day);
        let fill = Filled {
            rules: &rules,
            price,
            quantity,
            liquidity: *liquidity,
            at,
            filled_before,
            value_before,
            paid_before,
        };
        let fee = models.fees.fee(&fill).unwrap();
        filled_before = filled_before.checked_add(quantity).unwrap();
        value_before = value_before.checked_add(fill.value().unwrap()).unwrap();
        paid_before = paid_before.checked_add(fee).unwrap();
        fee.to_string()
    };
    fills.iter().map(one).collect()
}

#[test]
fn a_tier_is_that_of_the_thirty_days_before_the_day() {
    let mut models = chosen(
        "fees = { model = 'tiers', parameters = { tiers = [
            { volume = 0, maker_ppm = 1000, taker_ppm = 1000 }, { volume = 1000, maker_ppm = 100, taker_ppm = 500 } ] } }",
    );
    use Liquidity::{Maker, Taker};
    let found = fees(
        &mut models,
        &[
            ("100", "10", Taker, 0),
            ("100", "10", Taker, 0),
            ("100", "1", Maker, 1),
            ("100", "1", Taker, 30),
            ("100", "1", Taker, 31),
        ],
    );
    assert_eq!(found, ["1", "1", "0.01", "0.05", "0.1"], "the volume of day 0 counts up to day 30");
    let mut models = chosen(
        "fees = { model = 'tiers', parameters = { opening_volume = 1000, tiers = [
            { volume = 0, maker_ppm = 1000, taker_ppm = 1000 }, { volume = 1000, maker_ppm = 100, taker_ppm = 500 } ] } }",
    );
    let found = fees(&mut models, &[("1", "100", Taker, 5), ("1", "100", Taker, 34), ("1", "100", Taker, 35)]);
    assert_eq!(found, ["0.05", "0.05", "0.1"]);
}

#[test]
fn a_price_per_unit_has_a_minimum_and_a_maximum_per_order() {
    let per_unit = |p: &str| chosen(&format!("fees = {{ model = 'per_unit', parameters = {{ {p} }} }}"));
    use Liquidity::Taker;
    let fills = [("100", "10", Taker, 0), ("100", "100", Taker, 0), ("100", "200", Taker, 0)];
    assert_eq!(fees(&mut per_unit("per_unit = '0.005', minimum = 1"), &fills), ["1", "0", "0.55"]);
    assert_eq!(
        fees(&mut per_unit("per_unit = '0.005', minimum = 1, maximum_ppm = 5"), &fills),
        ["0.005", "0.05", "0.1"]
    );
}

#[test]
fn delays_lie_where_their_model_says_and_come_again_with_the_seed() {
    let draw = |model: &str, parameters: &str| {
        let chosen = |_| chosen(&format!("to_us = {{ model = '{model}', parameters = {{ {parameters} }} }}"));
        let run = |n| {
            let (mut models, mut chance) = (chosen(n), SplitMix64::new(5));
            (0..2_001).map(|_| models.to_us.delay(&mut chance)).collect::<Vec<Duration>>()
        };
        let mut found: Vec<Duration> = run(0);
        assert_eq!(found, run(1));
        found.sort_unstable();
        (found[0], found[1_000], found[2_000])
    };
    let ms = |n: u64| Duration::from_millis(n);
    let (low, middle, high) = draw("uniform", "from = '1ms', to = '9ms'");
    assert!(low >= ms(1) && high <= ms(9) && middle > ms(4) && middle < ms(6), "{low:?} {middle:?} {high:?}");
    let (low, middle, high) = draw("log_normal", "median = '5ms', sigma = 0.5, longest = '20ms'");
    assert!(
        low < ms(2) && high <= ms(20) && high > ms(15) && middle > ms(4) && middle < ms(6),
        "{low:?} {middle:?} {high:?}"
    );
    let (low, middle, high) = draw("empirical", "delays = ['3ms', '4ms', '90ms']");
    assert_eq!((low, middle, high), (ms(3), ms(4), ms(90)));
}

#[test]
fn a_price_slips_against_the_order() {
    let price = |model: &str, side, quantity: &str| {
        let take = Take {
            side,
            price: "100".parse().unwrap(),
            quantity: quantity.parse().unwrap(),
            shown: "10".parse().unwrap(),
        };
        let mut models = chosen(&format!("slippage = {model}"));
        models.slippage.price(&take, &mut SplitMix64::new(1)).to_string()
    };
    let (none, ppm) = ("{ model = 'none' }", "{ model = 'ppm', parameters = { ppm = 100 } }");
    let impact = "{ model = 'impact', parameters = { ppm = 1000 } }";
    assert_eq!(price(none, Side::Buy, "5"), "100");
    assert_eq!(price(ppm, Side::Buy, "5"), "100.01");
    assert_eq!(price(ppm, Side::Sell, "5"), "99.99");
    assert_eq!(price(impact, Side::Buy, "10"), "100.1");
    assert_eq!(price(impact, Side::Sell, "1"), "99.99");
}
