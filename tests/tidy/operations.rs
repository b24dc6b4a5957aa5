//! What docs/operations promises of metrics, held against the table of metrics in the program.

use std::collections::BTreeSet;
use std::fmt::Write;

use actors::metrics::{ALL, Definition};
use messages::alerts::Rule;
use messages::telemetry::MetricKind;

fn read(name: &str) -> String {
    std::fs::read_to_string(testkit::root().join("docs/operations").join(name)).unwrap()
}

/// The metrics of ours that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_part(c)).filter(|word| word.starts_with("merganser_")).map(str::to_owned).collect()
}

fn exported() -> BTreeSet<String> {
    ALL.iter().map(Definition::exported).collect()
}

fn none_unknown(what: &str, names: &BTreeSet<String>) {
    let unknown: Vec<_> = names.difference(&exported()).cloned().collect();
    assert!(unknown.is_empty(), "{what} names metrics that nobody exports: {unknown:?}");
}

#[test]
fn the_dashboard_names_only_what_is_exported() {
    let board: serde_json::Value = serde_json::from_str(&read("grafana-dashboard.json")).unwrap();
    let panels = board["panels"].as_array().unwrap();
    let shown = panels.iter().filter(|panel| panel["type"] != "row");
    let (mut names, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for panel in shown {
        assert!(ids.insert(panel["id"].as_u64()), "two panels with the id {}", panel["id"]);
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{} shows nothing", panel["title"]);
        for target in targets {
            let found = named(target["expr"].as_str().unwrap());
            assert!(!found.is_empty(), "{} asks for nothing of ours: {}", panel["title"], target["expr"]);
            names.extend(found);
        }
    }
    assert!(names.len() > 50, "the panels were not found");
    none_unknown("the dashboard", &names);
}

#[test]
fn the_rules_name_only_what_is_exported() {
    let rules = read("prometheus-alerts.yml");
    let expressions: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).collect();
    let alerts = rules.lines().filter(|line| line.trim().starts_with("- alert: ")).count();
    assert_eq!((expressions.len(), alerts), (alerts, expressions.len()), "each rule has its expression");
    assert!(alerts > 15, "the rules were not found");
    none_unknown("a rule", &expressions.iter().flat_map(|expression| named(expression)).collect());
}

#[test]
fn the_list_of_metrics_is_the_table_of_the_program() {
    let mut list = String::from(
        "# Metrics\n\nEvery metric, as `actors/src/metrics.rs` defines it. In `system_metrics` it is `metric_name`, with its label in \
         `labels.actor` (and `labels.venue`, `labels.tier`); at `GET /metrics` it has the name below, and its label is named for \
         what it holds. A summary has the quantiles 0.5, 0.95, 0.99 and 0.999 of the newest observations. What is not known has \
         no value.\n",
    );
    let mut component = "";
    for d in ALL {
        if d.component != component {
            component = d.component;
            writeln!(
                list,
                "\n## {component}\n\n| metric | at /metrics | kind | unit | label | |\n|---|---|---|---|---|---|"
            )
            .unwrap();
        }
        let kind = match d.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "summary",
        };
        let row = format!("| {} | {} | {kind} | {} | {} | {} |", d.name, d.exported(), d.unit.as_str(), d.of, d.help);
        writeln!(list, "{row}").unwrap();
    }
    assert!(list == read("metrics.md"), "docs/operations/metrics.md should be:\n{list}");
}

#[test]
fn the_guide_names_every_rule_of_alerts() {
    let guide = std::fs::read_to_string(testkit::root().join("docs/guide/operations.md")).unwrap();
    let missing: Vec<_> = Rule::ALL.iter().filter(|rule| !guide.contains(&format!("`{rule}`"))).collect();
    assert!(missing.is_empty(), "docs/guide/operations.md does not name {missing:?}");
    none_unknown("docs/guide/operations.md", &named(&guide));
}
