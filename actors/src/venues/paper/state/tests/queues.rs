//! Fill models: who stands before us after trades and cancels.

use super::*;

fn fills(model: &str, parameters: &str) -> String {
    format!("fills = {{ model = '{model}', parameters = {{ {parameters} }} }}")
}

/// Five stand at 99, ours joins; then `quotes` show new sizes there. Returns how much must trade at 99 until ours fills.
fn ahead(settings: &str, sizes: &[&str]) -> f64 {
    let mut b = Bench::with(settings);
    b.quote("99", "5", "100", "2");
    b.order("l", Side::Buy, "3", Some("99"), |_| {});
    for size in sizes {
        assert!(b.quote("99", size, "100", "2").is_empty());
    }
    for tenths in 0..100 {
        if !b.trade("99", "0.1").is_empty() {
            return f64::from(tenths) / 10.0;
        }
    }
    panic!("ours never fills");
}

#[test]
fn each_model_makes_its_own_of_cancels() {
    let check = |model: &str, cancels: &[&str], expected: f64| {
        assert_eq!(ahead(&fills(model, ""), cancels), expected, "{model} {cancels:?}");
    };
    // Nothing is canceled.
    for model in ["shown", "pessimistic", "prorated", "probabilistic"] {
        check(model, &[], 5.0);
    }
    check("front", &[], 0.0);
    // Three come behind us, then four of the eight leave.
    check("shown", &["8", "4"], 4.0);
    check("pessimistic", &["8", "4"], 5.0);
    check("prorated", &["8", "4"], 2.5);
    check("front", &["8", "4"], 0.0);
    // All but one leave: who stays is before us at most.
    check("shown", &["1"], 1.0);
    check("pessimistic", &["1"], 5.0);
    check("prorated", &["1"], 1.0);
}

#[test]
fn what_trades_is_not_taken_for_a_cancel() {
    for model in ["shown", "pessimistic", "prorated", "probabilistic"] {
        let mut b = Bench::with(&fills(model, ""));
        b.quote("99", "5", "100", "2");
        b.order("l", Side::Buy, "3", Some("99"), |_| {});
        b.quote("99", "8", "100", "2");
        assert!(b.trade("99", "3").is_empty(), "{model}");
        // Two are left before us and three behind: the quote says what the trade did.
        assert!(b.quote("99", "5", "100", "2").is_empty(), "{model}");
        assert!(b.trade("99", "2").is_empty(), "{model}");
        assert_eq!(b.trade("99", "0.5"), ["l maker 0.5 @ 99 of 0.5 fee 0"], "{model}");
    }
}

#[test]
fn a_probable_queue_is_drawn_between_the_extremes_and_comes_again() {
    let found = |seed| {
        let mut b = Bench::with(&fills("probabilistic", "power = 2"));
        b.paper.chance.fills = SplitMix64::new(seed);
        b.quote("99", "5", "100", "2");
        b.order("l", Side::Buy, "3", Some("99"), |_| {});
        for size in ["8", "7", "6", "8", "7", "6"] {
            b.quote("99", size, "100", "2");
        }
        let ahead = b.paper.orders.get("l".parse().unwrap()).unwrap().place.unwrap().ahead;
        assert!(ahead >= "1".parse().unwrap() && ahead <= "5".parse().unwrap(), "{ahead}");
        ahead
    };
    let all: BTreeSet<_> = (0..40).map(found).collect();
    assert!(all.len() > 1, "chance decides nothing: {all:?}");
    assert_eq!(found(7), found(7));
}
