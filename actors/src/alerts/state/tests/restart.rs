//! What outlives a process: what the ledger holds is what is open, and what a start makes of it.

use proptest::prelude::*;

use super::super::super::restored::OpenAlerts;
use super::*;

/// What a start ends of these alerts, with why.
fn retired(settings: AlertSettings, open: &[&str]) -> Vec<(String, String)> {
    let mut ledger = OpenAlerts::default();
    for id in open {
        let Effect::Record(action) = record("alert.opened", BY, &id.parse().unwrap(), "", at(0)) else {
            panic!("{id}")
        };
        ledger.take(&action);
    }
    let subjects =
        Subjects { account: "paper".to_owned(), feeds: ["binance".to_owned()].into(), ..Subjects::default() };
    let (mut state, mut out) = (Alerts::new(settings, EVERY, ledger.into_vec(), at(9)), Vec::new());
    state.retire(&subjects, at(9), &mut out);
    assert_eq!(state.open().count() + out.len(), open.len());
    let ends = out.into_iter().map(|effect| match effect {
        Effect::Record(action) if action.what == "alert.closed" => (action.subject, action.why),
        other => panic!("{other:?}"),
    });
    ends.collect()
}

#[test]
fn a_start_ends_what_no_reading_will_end() {
    let bounds = || Bounds { limit: 1, clear: 1, lasts: Duration::ZERO };
    let ended = |id: &str, why: &str| (id.to_owned(), why.to_owned());
    assert_eq!(
        retired(settings(Rule::StaleFeed, bounds()), &["stale_feed.alpaca.7", "stale_feed.binance.7"]),
        [ended("stale_feed.alpaca.7", "there is no `alpaca` any more")]
    );
    assert_eq!(
        retired(settings(Rule::Drawdown, bounds()), &["drawdown.old.7", "drawdown.paper.7", "stale_feed.binance.7"]),
        [
            ended("drawdown.old.7", "there is no `old` any more"),
            ended("stale_feed.binance.7", "its rule is switched off"),
        ]
    );
    let there_always = retired(settings(Rule::DeadMan, bounds()), &["dead_man.market.7", "dead_man.sampler.7"]);
    assert!(there_always.is_empty(), "{there_always:?}");
}

proptest! {
    /// Whatever the readings: openings and ends alternate, what the ledger says is what is open, messages are bounded.
    #[test]
    fn the_ledger_holds_what_is_open(percents in proptest::collection::vec(0u32..20, 0..80), lasts in 0u64..3) {
        let bounds = Bounds { limit: 10, clear: 8, lasts: Duration::from_secs(lasts) };
        let settings = settings(Rule::Drawdown, bounds);
        let mut state = Alerts::new(settings.clone(), EVERY, Vec::new(), at(0));
        let (mut ledger, mut told) = (OpenAlerts::default(), 0);
        for (n, percent) in (0..).zip(&percents) {
            let mut out = Vec::new();
            let value = f64::from(*percent) / 100.0;
            state.on_sample(&[metric(metrics::PORTFOLIO_DRAWDOWN_RATIO, "paper", value)], at(n), &mut out);
            for effect in out {
                match effect {
                    Effect::Record(action) => ledger.take(&action),
                    Effect::Tell(_) => told += 1,
                }
            }
            let ids = |alerts: Vec<Alert>| alerts.into_iter().map(|a| a.alert_id).collect::<Vec<_>>();
            prop_assert_eq!(ids(ledger.clone().into_vec()), ids(state.open().cloned().collect()));
        }
        prop_assert!(told <= 3, "an opening, its end after a minute, and one more opening");
        // A restart goes on from there, and says once what is still open.
        let is_open = ledger != OpenAlerts::default();
        let mut again = Alerts::new(settings, EVERY, ledger.into_vec(), at(80));
        let mut events = Vec::new();
        for n in 81..100 {
            let mut out = Vec::new();
            again.on_sample(&[metric(metrics::PORTFOLIO_DRAWDOWN_RATIO, "paper", 0.19)], at(n), &mut out);
            events.extend(out.into_iter().filter_map(|effect| match effect {
                Effect::Tell(message) => Some(message.event),
                Effect::Record(_) => None,
            }));
        }
        prop_assert_eq!(events, [if is_open { Happened::StillOpen } else { Happened::Opened }]);
    }
}
