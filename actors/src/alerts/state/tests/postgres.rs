//! What is said while PostgreSQL, to which rows go as well, lacks them.

use super::*;

/// As samples have it: there is one server, and so no label.
fn of_server(definition: Definition, value: f64) -> Vec<Metric> {
    vec![Metric { labels: Labels::default(), ..metric(definition, "", value) }]
}

fn bounds(limit: u64, clear: u64) -> Bounds {
    Bounds { limit, clear, lasts: Duration::ZERO }
}

/// What the messages of one sample behind another say.
fn words(rule: Rule, bounds: Bounds, samples: [Vec<Metric>; 2]) -> String {
    let mut state = Alerts::new(settings(rule, bounds), EVERY, Vec::new(), at(0));
    let mut out = Vec::new();
    for (n, sample) in (0..).zip(samples) {
        state.on_sample(&sample, at(n * 10), &mut out);
    }
    let said = out.iter().filter_map(|effect| match effect {
        Effect::Tell(message) => Some(format!("{}: {}", message.alert.alert_id, message.alert.text)),
        Effect::Record(_) => None,
    });
    said.collect::<Vec<_>>().join("\n")
}

#[test]
fn it_lags_for_long_and_catches_up() {
    let lag = |seconds: f64| of_server(metrics::POSTGRES_LAG_SECONDS, seconds);
    let found = run(settings(Rule::PostgresLag, bounds(60, 10)), 1, [0.0, 59.0, 60.0, 300.0, 11.0, 2.0].map(lag));
    assert_eq!(found, ["opened@2", "told:Opened@2", "closed@5"]);
    let said = words(Rule::PostgresLag, bounds(60, 10), [lag(0.0), lag(75.0)]);
    assert!(
        said.contains("lacked something for 75 s; the limit is 60 s") && said.contains("timescale status"),
        "{said}"
    );
}

#[test]
fn records_that_were_given_up_are_said_with_what_brings_them() {
    let given_up = |count: f64| of_server(metrics::POSTGRES_RECORDS_GIVEN_UP, count);
    // The window is sixty seconds.
    let counts = [500.0, 500.0, 500.0, 501.0, 900.0, 900.0, 900.0, 900.0];
    let found = run(settings(Rule::PostgresGivenUp, bounds(1, 1)), 30, counts.map(given_up));
    assert_eq!(&found[..3], ["opened@90", "told:Opened@90", "closed@180"], "{found:?}");
    let said = words(Rule::PostgresGivenUp, bounds(1, 1), [given_up(0.0), given_up(1_200.0)]);
    assert!(said.contains("1200 market records") && said.contains("compare --repair"), "{said}");
}
