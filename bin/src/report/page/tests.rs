use messages::orders::Side;
use messages::{Cash, Exchange, Instrument};

use super::*;
use crate::report::figures::curve::Curve;
use crate::report::figures::earned::Earned;
use crate::report::figures::execution::{Decision, Orders, all_basis_points, slippage};
use crate::report::figures::fills::{Fill, Fills, Pair};
use crate::report::figures::growth::Valued;
use crate::report::figures::marks::Marks;
use crate::report::figures::performance::{Beside, Performance};
use crate::report::figures::results::Results;
use crate::report::load::{Execution, prices::Bar};
use crate::report::money::Money;
use crate::report::{Drawn, Period, Priced};

/// A name that would be markup.
const NAME: &str = "<img src=//x onerror=1>";

fn cash(text: &str) -> Cash {
    text.parse().unwrap()
}

/// Two hours of an account with one strategy of a bad name.
fn report() -> Report {
    let at = |minute: i64| UtcNanos(1_767_225_600_000_000_000 + minute * 60_000_000_000);
    let (begin, end) = (at(0), at(120));
    let (currency, strategy) = ("USDT".parse().unwrap(), NAME.parse().unwrap());
    let instrument = Instrument { exchange: Exchange::Binance, symbol: NAME.parse().unwrap() };
    let pairs = std::collections::BTreeMap::from([(instrument, Pair { base: "X".parse().unwrap(), quote: currency })]);
    let mut curve = Curve::new(begin, end, Period::Minute);
    for minute in 0..=120 {
        let value = Cash::from_raw(i128::from(1_000 + minute % 7) * 1_000_000_000).unwrap();
        curve.at(Valued { at: at(minute), value, profit: None });
    }
    let curve = curve.finish().unwrap();
    let length = std::time::Duration::from_secs(60);
    let beside_fills = (Earned::new(begin, end), Marks::new(length, [instrument]));
    let mut fills = Fills::new(begin, (currency, pairs.clone()), &[], beside_fills);
    for (minute, side, realized) in [(3, Side::Buy, "0"), (9, Side::Sell, "5")] {
        let (price, quantity) = ("100".parse().unwrap(), "1".parse().unwrap());
        let (realized, fee, liquidity) = (cash(realized), None, None);
        fills
            .fill(&Fill { at: at(minute), instrument, strategy, side, quantity, price, realized, fee, liquidity })
            .unwrap();
    }
    let booked = fills.finish(end, &[]);
    let results = Results::of(&booked.lines, &pairs, currency).unwrap();
    let (in_market, turnover, fees) = (booked.in_market, results.turnover, results.fees);
    let (period, leverage, curve_needs) = (Period::Minute, None, None);
    let performance = Performance::of(&curve, &Beside { period, in_market, turnover, fees, leverage, curve_needs });
    let decision =
        |price| Decision { order_type: NAME.to_owned(), side: Side::Buy, price, quantity: 1.0, reference: Some(100.0) };
    let decisions = [decision(100.0), decision(101.0)];
    Report {
        account: NAME.to_owned(),
        strategy: None,
        currency: currency.to_string(),
        money: Money::Paper,
        from: begin.to_string(),
        to: end.to_string(),
        snapshots: 121,
        snapshots_without_value: 0,
        performance,
        trips: results.total.trips.clone(),
        months: curve.months,
        drawdowns: curve.falls.worst,
        strategies: results.strategies,
        symbols: results.symbols,
        total: results.total,
        elsewhere: results.elsewhere,
        unexplained: None,
        execution: Execution {
            orders: vec![Orders::none(NAME)],
            refusals: Vec::new(),
            times: Vec::new(),
            slippage: slippage(&decisions),
            fills_of_its_orders: 2,
            basis_points: all_basis_points(&decisions),
        },
        notes: vec![NAME.to_owned()],
        drawn: Drawn {
            equity: curve.chart,
            instants: booked.earned.instants().collect(),
            earned: booked.earned.finish().unwrap(),
            prices: vec![Priced {
                instrument,
                length,
                bars: vec![Bar { at: begin, open: 1.0, high: 2.0, low: 1.0, close: 2.0 }],
                marks: booked.marks.of[&instrument].clone(),
            }],
            returns: curve.returns.each,
        },
    }
}

/// The page without plotly's script, and that script.
fn page(report: &Report) -> (String, String) {
    let mut page = Vec::new();
    write(report, UtcNanos(0), &mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    let script = plotly_script().unwrap();
    assert_eq!(page.matches(&script).count(), 1, "plotly stands in the page once");
    (page.replace(&script, ""), script)
}

#[test]
fn the_script_is_plotly_alone() {
    let script = plotly_script().unwrap();
    assert!(script.starts_with("<script") && script.ends_with("</script>"));
    assert_eq!((script.matches("<script").count(), script.matches("</script>").count()), (1, 1));
    assert!(script.contains("plotly.js v"), "another script comes first now");
    assert!(script.len() < 5_500_000, "{} bytes: with more than plotly", script.len());
}

#[test]
fn the_page_names_nothing_elsewhere() {
    let (rest, _) = page(&report());
    for attribute in ["src=\"", "href=\"http", "href=\"//", "@import", "url("] {
        assert!(!rest.contains(attribute), "{attribute}");
    }
    assert!(rest.contains("default-src 'none'"));
}

#[test]
fn what_comes_from_data_is_text_wherever_it_stands() {
    let (rest, _) = page(&report());
    assert!(!rest.contains("<img"), "a name became markup");
    assert!(rest.matches("&lt;img src=//x onerror=1&gt;").count() > 8, "the name is shown");
}

#[test]
fn every_chart_has_its_place_and_its_words() {
    let (rest, _) = page(&report());
    let names: Vec<&str> = rest.split("data-chart=\"").skip(1).filter_map(|text| text.split('"').next()).collect();
    assert_eq!(names, ["equity", "returns", "strategies", "prices-0", "slippage"]);
    for name in names {
        let place = format!("role=\"img\" id=\"chart-{name}\" aria-label=\"");
        assert_eq!(rest.matches(&place).count(), 1, "{name}");
    }
    let mut ids: Vec<&str> = rest.split(" id=\"").skip(1).filter_map(|text| text.split('"').next()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "an id stands twice");
}

#[test]
fn the_unknown_is_unknown_and_paper_money_is_marked() {
    let (rest, _) = page(&report());
    assert!(rest.contains("needs at least 30 days of snapshots, and here are 0.08"), "the CAGR of two hours");
    assert!(rest.contains("Paper money: simulated fills, no real money"));
    for never in ["NaN", ">inf", "Infinity"] {
        assert!(!rest.contains(never), "{never}");
    }
}

#[test]
fn what_is_partly_in_another_currency_is_unknown_and_sums_say_which_they_are_in() {
    let mut report = report();
    report.elsewhere = vec!["binance:ETHBTC".to_owned()];
    report.performance.turnover = None;
    report.drawn.equity.clear();
    let (rest, _) = page(&report);
    let needs = "<dt>Turnover</dt><dd class=\"unknown\" title=\"needs everything to be in the account&#39;s currency";
    for expected in [needs, ">all in USDT<", ">Round trips in USDT<", "The curve is unknown."] {
        assert!(rest.contains(expected), "{expected}");
    }
    assert!(!rest.contains("data-chart=\"equity\""));
}

#[test]
fn the_figures_in_json_are_numbers_or_null_with_what_they_need() {
    let json = serde_json::to_value(report()).unwrap();
    assert_eq!(json["performance"]["cagr"]["value"], serde_json::Value::Null);
    assert_eq!(json["trips"]["win_rate"], serde_json::json!({"value": 1.0, "needs": null}));
    assert_eq!(json["total"]["net"], "5");
    assert_eq!(json["performance"]["max_drawdown"]["value"].as_f64(), Some(1.0 - 1_000.0 / 1_006.0));
    assert!(json.get("drawn").is_none());
}
