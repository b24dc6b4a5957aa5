//! The bench: a state with one rule switched on, given readings second by second.

mod postgres;
mod restart;

use std::time::Duration;

use messages::telemetry::{Labels, MetricKind};

use super::super::notices::Happened;
use super::super::settings::{Bounds, Rules};
use super::*;
use crate::metrics::{self, Definition};

fn off() -> Bounds {
    Bounds { limit: 0, clear: 0, lasts: Duration::ZERO }
}

fn settings(rule: Rule, bounds: Bounds) -> AlertSettings {
    let mut rules = Rules {
        drawdown: off(),
        daily_loss: off(),
        reject_rate: off(),
        stale_feed: off(),
        feed_gap: off(),
        queue_depth: off(),
        disk_space: off(),
        archive_failure: off(),
        strategy_quarantined: off(),
        postgres_lag: off(),
        postgres_journal: off(),
        postgres_given_up: off(),
        order_alarm: off(),
        venue_note: off(),
        dead_man: off(),
    };
    match rule {
        Rule::Drawdown => rules.drawdown = bounds,
        Rule::RejectRate => rules.reject_rate = bounds,
        Rule::StaleFeed => rules.stale_feed = bounds,
        Rule::FeedGap => rules.feed_gap = bounds,
        Rule::DiskSpace => rules.disk_space = bounds,
        Rule::PostgresLag => rules.postgres_lag = bounds,
        Rule::PostgresGivenUp => rules.postgres_given_up = bounds,
        Rule::PostgresJournal => rules.postgres_journal = bounds,
        Rule::OrderAlarm => rules.order_alarm = bounds,
        Rule::VenueNote => rules.venue_note = bounds,
        Rule::DeadMan => rules.dead_man = bounds,
        other => panic!("no test of {other}"),
    }
    AlertSettings {
        repeat_after: Duration::from_secs(100),
        messages_per_hour: 5,
        window: Duration::from_secs(60),
        webhook_url: Default::default(),
        heartbeat_url: Default::default(),
        heartbeat_every: Duration::from_secs(60),
        request_timeout: Duration::from_secs(1),
        rules,
    }
}

/// How often samples come.
const EVERY: Duration = Duration::from_secs(10);

fn at(secs: u64) -> UtcNanos {
    UtcNanos(0).after(Duration::from_secs(secs))
}

fn metric(definition: Definition, actor: &str, value: f64) -> Metric {
    let labels = Labels { actor: Some(actor.to_owned()), ..Labels::default() };
    let (name, kind) = (definition.name.to_owned(), MetricKind::Gauge);
    Metric { at: at(0), name, kind, value, labels, quantiles: None }
}

/// The actions and messages of a row of samples, one a `step`: `what@second`, and `told:` before what is told.
fn run(settings: AlertSettings, step: u64, samples: impl IntoIterator<Item = Vec<Metric>>) -> Vec<String> {
    let mut state = Alerts::new(settings, EVERY, Vec::new(), at(0));
    let mut said = Vec::new();
    for (n, sample) in (0..).zip(samples) {
        let mut out = Vec::new();
        state.on_sample(&sample, at(n * step), &mut out);
        said.extend(out.into_iter().map(|effect| match effect {
            Effect::Record(action) => format!("{}@{}", action.what.replace("alert.", ""), action.at.secs()),
            Effect::Tell(message) => format!("told:{:?}@{}", message.event, n * step),
        }));
    }
    said
}

/// Drawdowns in percent, one a second.
fn drawdowns(bounds: (u64, u64, u64), percents: &[u32]) -> Vec<String> {
    let bounds = Bounds { limit: bounds.0, clear: bounds.1, lasts: Duration::from_secs(bounds.2) };
    let sample = |p: &u32| vec![metric(metrics::PORTFOLIO_DRAWDOWN_RATIO, "paper", f64::from(*p) / 100.0)];
    run(settings(Rule::Drawdown, bounds), 1, percents.iter().map(sample))
}

#[test]
fn an_alert_opens_at_its_limit_and_closes_below_clear() {
    let found = drawdowns((10, 8, 0), &[9, 10, 12, 9, 8, 7, 9]);
    assert_eq!(found, ["opened@1", "told:Opened@1", "closed@5"]);
}

#[test]
fn what_a_venue_says_and_what_should_not_happen_to_orders_are_alerts() {
    let bounds = Bounds { limit: 1, clear: 1, lasts: Duration::ZERO };
    for (rule, definition) in [(Rule::VenueNote, metrics::VENUE_NOTES), (Rule::OrderAlarm, metrics::ORDERS_ALARMS)] {
        let sample = |count| vec![metric(definition, "foreign_order", count)];
        let found = run(settings(rule, bounds.clone()), 30, [0.0, 2.0, 2.0, 2.0, 2.0].map(sample));
        assert_eq!(found, ["opened@30", "told:Opened@30", "closed@90"], "{rule}");
    }
}

#[test]
fn what_is_kept_for_postgresql_says_what_happens_at_its_bound() {
    let bounds = Bounds { limit: 80, clear: 60, lasts: Duration::ZERO };
    let sample = |ratio| vec![metric(metrics::POSTGRES_JOURNAL_RATIO, "postgres", ratio)];
    let found = run(settings(Rule::PostgresJournal, bounds.clone()), 1, [0.79, 0.8, 1.0, 0.7, 0.6, 0.59].map(sample));
    assert_eq!(found, ["opened@1", "told:Opened@1", "closed@5"]);
    let text = rules::words(Rule::PostgresJournal, "postgres", 83.0, &bounds);
    for word in ["83 % of what may be kept", "oldest market records", "orders and fills never", "status"] {
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn both_must_last() {
    assert_eq!(drawdowns((10, 8, 2), &[11, 11, 9, 11, 11]), [""; 0], "it never lasts for two seconds");
    let found = drawdowns((10, 8, 2), &[11, 11, 11, 7, 9, 7, 7, 7]);
    assert_eq!(found, ["opened@2", "told:Opened@2", "closed@7"]);
}

#[test]
fn what_is_switched_off_is_silent() {
    assert_eq!(drawdowns((0, 0, 0), &[99, 100]), [""; 0]);
}

#[test]
fn one_that_wavers_is_recorded_and_told_once_in_the_interval() {
    let wavers: Vec<u32> = (0..40).map(|n| if n % 2 == 0 { 11 } else { 1 }).collect();
    let found = drawdowns((10, 8, 0), &wavers);
    assert_eq!(found.iter().filter(|s| s.starts_with("opened")).count(), 20);
    let told: Vec<&String> = found.iter().filter(|s| s.starts_with("told")).collect();
    assert_eq!(told, ["told:Opened@0"]);
}

#[test]
fn one_that_falls_again_after_its_end_was_told_is_told_again() {
    let falls: Vec<u32> = (0..90).map(|n| if n == 0 || n > 80 { 20 } else { 1 }).collect();
    let expected = ["opened@0", "told:Opened@0", "closed@1", "told:Closed@61", "opened@81", "told:Opened@81"];
    assert_eq!(drawdowns((10, 8, 0), &falls), expected);
}

#[test]
fn one_that_stays_is_told_again_until_somebody_has_seen_it() {
    let bounds = Bounds { limit: 10, clear: 8, lasts: Duration::ZERO };
    let mut state = Alerts::new(settings(Rule::Drawdown, bounds), EVERY, Vec::new(), at(0));
    let low = [metric(metrics::PORTFOLIO_DRAWDOWN_RATIO, "paper", 0.2)];
    let told = |state: &mut Alerts, secs: u64| {
        let mut out = Vec::new();
        state.on_sample(&low, at(secs), &mut out);
        out.iter().filter(|effect| matches!(effect, Effect::Tell(_))).count()
    };
    assert_eq!([0, 50, 100, 150].map(|secs| told(&mut state, secs)), [1, 0, 1, 0]);

    let seen = Acknowledgement { by: "ann".to_owned(), why: "known".to_owned(), at: at(151) };
    let mut out = Vec::new();
    let alert = state.acknowledge("drawdown.paper.0", seen.clone(), &mut out).unwrap();
    assert_eq!(alert.acknowledged, Some(seen.clone()));
    let [Effect::Record(action)] = &out[..] else { panic!("{out:?}") };
    assert_eq!((action.what.as_str(), action.by.as_str()), ("alert.acknowledged", "ann"));
    assert_eq!([200, 300, 900].map(|secs| told(&mut state, secs)), [0, 0, 0]);
    assert!(state.acknowledge("drawdown.paper.1", seen, &mut out).is_err(), "no such alert is open");
}

#[test]
fn all_together_are_bounded_by_the_hour_and_what_waits_is_told_when_there_is_room() {
    let bounds = Bounds { limit: 10, clear: 8, lasts: Duration::ZERO };
    let mut state = Alerts::new(settings(Rule::Drawdown, bounds), EVERY, Vec::new(), at(0));
    let many: Vec<Metric> =
        (0..9).map(|n| metric(metrics::PORTFOLIO_DRAWDOWN_RATIO, &format!("account{n}"), 0.5)).collect();
    let mut out = Vec::new();
    for secs in [0, 10, 20] {
        state.on_sample(&many, at(secs), &mut out);
    }
    let told = |out: &[Effect]| {
        let messages = out.iter().filter_map(|effect| match effect {
            Effect::Tell(message) => Some((message.event, message.held_back)),
            Effect::Record(_) => None,
        });
        messages.collect::<Vec<_>>()
    };
    assert_eq!(told(&out), vec![(Happened::Opened, 0); 5]);
    assert_eq!((state.open().count(), state.held_back()), (9, 4), "each that waits counts once");
    out.clear();
    state.on_sample(&many, at(3_601), &mut out);
    assert_eq!(told(&out)[0].1, 4, "the next message says how many were kept back");
    assert_eq!(told(&out).len(), 5);
}

#[test]
fn little_room_on_a_disk_is_an_alert() {
    let mib = |mib: u64| vec![metric(metrics::DISK_FREE_BYTES, "data", (mib << 20) as f64)];
    let bounds = Bounds { limit: 2_048, clear: 4_096, lasts: Duration::ZERO };
    let found = run(settings(Rule::DiskSpace, bounds), 1, [9_000, 2_000, 3_000, 5_000].map(mib));
    assert_eq!(found, ["opened@1", "told:Opened@1", "closed@3"]);
}

#[test]
fn gaps_count_within_the_window_and_a_feed_that_begins_anew_begins_at_its_count() {
    let gaps = |count: u32| vec![metric(metrics::FEED_GAPS, "binance", f64::from(count))];
    let bounds = Bounds { limit: 3, clear: 1, lasts: Duration::ZERO };
    // One sample in thirty seconds, a window of sixty.
    let found = run(settings(Rule::FeedGap, bounds.clone()), 30, [7, 8, 9, 10, 10, 10, 10].map(gaps));
    assert_eq!(found, [""; 0], "never three in a minute: {found:?}");
    let found = run(settings(Rule::FeedGap, bounds), 30, [7, 10, 1, 2, 2, 2].map(gaps));
    assert_eq!(found, ["opened@30", "told:Opened@30", "closed@60", "told:Closed@120"]);
}

#[test]
fn a_share_of_few_orders_means_nothing() {
    let orders = |(intended, denied): (u32, u32)| {
        vec![
            metric(metrics::ORDERS_INTENDED, "", f64::from(intended)),
            metric(metrics::ORDERS_DENIED, "", f64::from(denied)),
            metric(metrics::ORDERS_REJECTED, "", 0.0),
        ]
    };
    let bounds = Bounds { limit: 50, clear: 20, lasts: Duration::ZERO };
    let found = run(settings(Rule::RejectRate, bounds), 10, [(0, 0), (0, 9), (9, 19), (99, 20)].map(orders));
    assert_eq!(found, ["opened@20", "told:Opened@20", "closed@30"]);
}

#[test]
fn silence_is_an_alert() {
    let bounds = Bounds { limit: 60, clear: 60, lasts: Duration::ZERO };
    let mut state = Alerts::new(settings(Rule::DeadMan, bounds), EVERY, Vec::new(), at(0));
    let open = |state: &Alerts| state.open().map(|alert| alert.alert_id.to_string()).collect::<Vec<_>>();
    let mut out = Vec::new();
    state.on_time(at(59), &mut out);
    assert!(out.is_empty());
    state.on_time(at(60), &mut out);
    assert_eq!(open(&state), ["dead_man.sampler.60"]);
    state.on_sample(&[metric(metrics::MARKET_DATA_AGE_SECONDS, "market", 61.0)], at(61), &mut out);
    assert_eq!(open(&state), ["dead_man.market.61"], "a sample has come, and says that the market is silent");
}

#[test]
fn who_is_blind_says_so_whatever_the_rules_are() {
    let mut state = Alerts::new(settings(Rule::DeadMan, off()), EVERY, Vec::new(), at(0));
    assert_eq!([0, 29, 30].map(|secs| state.is_blind(at(secs))), [false, false, true]);
    state.on_sample(&[], at(40), &mut Vec::new());
    assert_eq!([40, 69, 70].map(|secs| state.is_blind(at(secs))), [false, false, true]);
}

#[test]
fn what_the_webhook_gives_back_is_told_anew() {
    let bounds = Bounds { limit: 10, clear: 8, lasts: Duration::ZERO };
    let mut state = Alerts::new(settings(Rule::Drawdown, bounds), EVERY, Vec::new(), at(0));
    let low = [metric(metrics::PORTFOLIO_DRAWDOWN_RATIO, "paper", 0.2)];
    let told = |state: &mut Alerts, secs: u64| {
        let mut out = Vec::new();
        state.on_sample(&low, at(secs), &mut out);
        out.into_iter().find_map(|effect| match effect {
            Effect::Tell(message) => Some(*message),
            Effect::Record(_) => None,
        })
    };
    let message = told(&mut state, 0).unwrap();
    state.undelivered(&message, at(5));
    assert_eq!(told(&mut state, 64), None);
    assert_eq!(told(&mut state, 65), Some(message));
}
