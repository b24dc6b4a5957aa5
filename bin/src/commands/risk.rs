//! `merganser risk`: each limit of a running instance with its use, what has tripped, and how people change it.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Common;
use super::steer::running;
use crate::http::risk::{InstrumentChange, LimitChange, Reset, Risk};
use crate::http::trading::{Done, Trading};
use crate::output;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  merganser risk\n  merganser risk limit max_order_notional 20000 --scope strategy:ema_cross --why \"new parameters\"\n  merganser risk reset daily_loss --why \"a wrong price; corrected\""
)]
pub struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Each limit, its use and what would trip it: the default.
    #[command(after_help = "Example:\n  merganser risk status")]
    Status,
    /// Changes a limit at once, over restarts; 0 switches it off, `settings` gives it back to the settings.
    #[command(
        after_help = "Example:\n  merganser risk limit max_leverage_percent 150 --scope account --why \"before the weekend\""
    )]
    Limit(LimitArguments),
    /// Sets a latch free: daily_loss, drawdown or rejects. `merganser resume` trades again.
    #[command(after_help = "Example:\n  merganser risk reset rejects --why \"the key was wrong\"")]
    Reset(ResetArguments),
    /// Says what an instrument's venue takes: trading, cancel_only or halted.
    #[command(after_help = "Example:\n  merganser risk instrument alpaca:AAPL halted --why \"news pending\"")]
    Instrument(InstrumentArguments),
}

#[derive(Debug, Args)]
struct LimitArguments {
    /// Its key in the settings.
    name: String,
    /// Its new value, as the settings write it.
    value: String,
    /// Whom it binds: all, account, strategy:NAME or symbol:EXCHANGE:SYMBOL.
    #[arg(long, default_value = "all")]
    scope: String,
    /// Why; it is written to the ledger.
    #[arg(long)]
    why: String,
}

#[derive(Debug, Args)]
struct ResetArguments {
    /// Which latch.
    latch: String,
    /// Whose, where it is a strategy's.
    #[arg(long)]
    strategy: Option<String>,
    /// Why; it is written to the ledger.
    #[arg(long)]
    why: String,
}

#[derive(Debug, Args)]
struct InstrumentArguments {
    /// As exchange:symbol.
    instrument: String,
    /// What its venue takes.
    status: String,
    /// Why; it is written to the ledger.
    #[arg(long, default_value = "")]
    why: String,
}

pub fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<ExitCode> {
    let running = running(common)?;
    let Done { done } = match &arguments.what {
        None | Some(What::Status) => return status(common),
        Some(What::Limit(LimitArguments { name, value, scope, why })) => {
            let (scope, name, value) = (scope.clone(), name.clone(), value.clone());
            running.say("/api/v1/risk/limits", &LimitChange { scope, name, value, why: why.clone() })?
        }
        Some(What::Reset(ResetArguments { latch, strategy, why })) => {
            let (latch, strategy, why) = (latch.clone(), strategy.clone(), why.clone());
            running.say("/api/v1/risk/reset", &Reset { latch, strategy, why })?
        }
        Some(What::Instrument(InstrumentArguments { instrument, status, why })) => {
            let (instrument, status) = (instrument.clone(), status.clone());
            running.say("/api/v1/risk/instruments", &InstrumentChange { instrument, status, why: why.clone() })?
        }
    };
    output::line(format_args!("{done}"));
    Ok(ExitCode::SUCCESS)
}

/// What may be traded, since when and why; what stops orders; every limit.
fn status(common: &Common) -> anyhow::Result<ExitCode> {
    let running = running(common)?;
    let trading: Trading = running.read("/api/v1/trading")?;
    let risk: Risk = running.read("/api/v1/risk")?;
    let by = trading.by.zip(trading.changed_at).map(|(by, at)| format!(" since {at}, by {by}")).unwrap_or_default();
    let why = trading.why.filter(|why| !why.is_empty()).map(|why| format!(": {why}")).unwrap_or_default();
    output::line(format_args!("trading is {}{by}{why}", risk.trading));
    output::line(format_args!("the account is worth {}", risk.value.as_deref().unwrap_or("unknown")));
    for stop in &risk.stops {
        output::line(format_args!("STOPS  {}: {}", stop.what, stop.why));
    }
    let unknown = || String::from("-");
    let rows = risk
        .limits
        .into_iter()
        .map(|l| [l.scope, l.name, l.limit, l.used.unwrap_or_else(unknown), l.trips, l.changed.unwrap_or_default()]);
    output::columns(["whom", "limit", "is", "used", "what trips it", "changed"], rows);
    Ok(ExitCode::SUCCESS)
}
