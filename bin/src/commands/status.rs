//! `merganser status|dashboard|logs`: how a running instance stands, and what it says.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value};

use super::Common;
use super::steer::running;
use crate::http::system::Status;
use crate::output;

/// How often new lines are asked for.
const FOLLOWS_EVERY: Duration = Duration::from_millis(500);

/// Prints how it stands.
pub fn status(common: &Common) -> anyhow::Result<ExitCode> {
    let running = running(common)?;
    let s: Status = running.read("/api/v1/status")?;
    let kind = if s.is_simulated { "simulated money" } else { "real money" };
    let place = match (&s.profile, s.is_live) {
        (Some(profile), Some(true)) => format!("{}, profile {profile}: LIVE", s.orders_to),
        (Some(profile), _) if *profile != s.orders_to => format!("{}, profile {profile}", s.orders_to),
        _ => s.orders_to.clone(),
    };
    let reached = match s.is_reached {
        Some(true) => "; reached",
        Some(false) => "; NOT REACHED: new orders are not sent",
        None => "",
    };
    let unknown = || "unknown".to_owned();
    let rows = [
        ["instance", &s.instance],
        ["version", &s.version],
        ["dashboard", &format!("{}/", running.base())],
        ["account", &format!("{} in {} ({kind})", s.account, s.currency)],
        ["orders to", &format!("{place}{reached}")],
        ["feeds", &s.feeds.join(", ")],
        ["since", &format!("{} (start {})", s.started_at, s.epoch)],
        ["trading", &s.trading.unwrap_or_else(unknown)],
        ["open orders", &s.open_orders.map_or_else(unknown, |n| n.to_string())],
        ["tables behind", &format!("{} records", s.tables_behind)],
    ];
    output::columns(["what", "is"], rows.map(|[what, is]| [what.to_owned(), is.to_owned()]));
    Ok(ExitCode::SUCCESS)
}

/// Prints the link to the dashboard.
pub fn dashboard(common: &Common) -> anyhow::Result<ExitCode> {
    output::line(format_args!("{}", running(common)?.dashboard()));
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  merganser logs --level warn\n  merganser logs --follow --strategy ema_cross\n  merganser logs --correlation-id 0190a5c1-…"
)]
pub struct Logs {
    /// Goes on with what comes.
    #[arg(long, short)]
    follow: bool,
    /// At least as important: error, warn, info or debug.
    #[arg(long)]
    level: Option<String>,
    /// Of this part of the program.
    #[arg(long)]
    component: Option<String>,
    /// Of this strategy.
    #[arg(long)]
    strategy: Option<String>,
    /// Of this order.
    #[arg(long)]
    order_id: Option<String>,
    /// With this correlation id.
    #[arg(long)]
    correlation_id: Option<String>,
    /// The newest lines.
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

impl Logs {
    fn query(&self, after: Option<u64>) -> Vec<(&'static str, String)> {
        let pairs = [
            ("level", self.level.clone()),
            ("component", self.component.clone()),
            ("strategy", self.strategy.clone()),
            ("order_id", self.order_id.clone()),
            ("correlation_id", self.correlation_id.clone()),
            ("limit", Some(self.limit.to_string())),
            ("after", after.map(|after| after.to_string())),
        ];
        pairs.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }
}

/// Prints log lines, and with `--follow` those that come.
pub fn logs(arguments: &Logs, common: &Common) -> anyhow::Result<ExitCode> {
    let running = running(common)?;
    let mut last = None;
    loop {
        let lines: Vec<Map<String, Value>> = running.read_with("/api/v1/logs", &arguments.query(last))?;
        for line in &lines {
            let text = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or_default();
            let exception =
                line.get("exception").and_then(Value::as_str).map(|e| format!(" ({e})")).unwrap_or_default();
            let (at, level, component) = (text("timestamp"), text("level"), text("component"));
            output::line(format_args!("{at} {level:5} {component:12} {}{exception}", text("message")));
            last = line.get("log_id").and_then(Value::as_u64).max(last);
        }
        if !arguments.follow {
            return Ok(ExitCode::SUCCESS);
        }
        if lines.len() < arguments.limit as usize {
            pause();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a person waits for lines, in a process of their own")]
fn pause() {
    std::thread::sleep(FOLLOWS_EVERY);
}
