//! `merganser halt|resume|flatten`: what a person says to a running instance about trading as a whole.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use messages::StrategyId;
use messages::risk::TradingState;

use super::Common;
use crate::client::{self, Running};
use crate::http::trading::{Change, Changed, Flatten as Asked, Flattened};
use crate::output;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  merganser halt --cancel-all --why \"odd fills\"")]
pub struct Halt {
    /// Why; it is written to the ledger.
    #[arg(long, default_value = "")]
    why: String,
    /// Cancels all open orders, too.
    #[arg(long)]
    cancel_all: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  merganser resume --why \"all reconciled\"")]
pub struct Resume {
    /// Why; it is written to the ledger.
    #[arg(long, default_value = "")]
    why: String,
}

/// The instance that runs on the data directory.
pub fn running(common: &Common) -> anyhow::Result<Running> {
    client::find(&common.data_dir)?.with_context(|| {
        format!(
            "nothing runs on {}; start it with `merganser run`, or give another --data-dir",
            common.data_dir.display()
        )
    })
}

/// What may be traded after everything was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Then {
    /// Only what makes positions smaller.
    Reducing,
    /// Nothing.
    Halted,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  merganser flatten --why \"leaving for the weekend\" --then halted\n  merganser flatten --strategy ema_cross --why \"it trades too much\""
)]
pub struct Flatten {
    /// Why; it is written to the ledger.
    #[arg(long, default_value = "")]
    why: String,
    /// What may be traded afterwards.
    #[arg(long, value_enum, default_value = "reducing", conflicts_with = "strategy")]
    then: Then,
    /// Only what this strategy holds: it is stopped, and all else goes on as it was.
    #[arg(long, value_name = "NAME")]
    strategy: Option<StrategyId>,
}

pub fn halt(arguments: &Halt, common: &Common) -> anyhow::Result<ExitCode> {
    let Halt { why, cancel_all } = arguments;
    change(&Change { state: TradingState::Halted, why: why.clone(), cancel_all: *cancel_all }, common)
}

pub fn resume(arguments: &Resume, common: &Common) -> anyhow::Result<ExitCode> {
    change(&Change { state: TradingState::Active, why: arguments.why.clone(), cancel_all: false }, common)
}

/// Exit code 1 where a latch keeps trading from being that.
fn change(change: &Change, common: &Common) -> anyhow::Result<ExitCode> {
    let Changed { state, canceled, journaled } = running(common)?.say("/api/v1/trading", change)?;
    let canceled = canceled.map(|n| format!(", {n} open orders are cancelled")).unwrap_or_default();
    output::line(format_args!("trading is {state}{canceled} (journaled: {journaled})"));
    if state != change.state.to_string() {
        output::line(format_args!("a latch has fallen; `merganser risk` says which, and how it is set free"));
        return Ok(ExitCode::from(1));
    }
    Ok(ExitCode::SUCCESS)
}

/// Exit code 1 where something is left.
pub fn flatten(arguments: &Flatten, common: &Common) -> anyhow::Result<ExitCode> {
    let then = match arguments.then {
        Then::Reducing => TradingState::Reducing,
        Then::Halted => TradingState::Halted,
    };
    let asked = Asked { why: arguments.why.clone(), then, strategy: arguments.strategy };
    let Flattened { canceled, positions, left, waiting, state, journaled } =
        running(common)?.say("/api/v1/flatten", &asked)?;
    let closed = positions.saturating_sub(left.len());
    output::line(format_args!(
        "{canceled} open orders are cancelled, {closed} of {positions} positions are closed, trading is {state} (journaled: {journaled})"
    ));
    if let Some(name) = arguments.strategy {
        output::line(format_args!("{name} is stopped; `merganser strategies start {name}` lets it trade again"));
    }
    for p in &left {
        output::line(format_args!(
            "NOT CLOSED  {} {} {}:{} of {}",
            p.side, p.quantity, p.exchange, p.symbol, p.strategy_id
        ));
    }
    if waiting > 0 {
        output::line(format_args!(
            "{waiting} orders that close have not left for their venue yet. They leave when it is their turn, or end as rejected; look \
             at `merganser orders`, and flatten again for what is left"
        ));
    }
    Ok(if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
