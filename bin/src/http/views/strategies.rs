//! Strategies: how they stand and what they brought.

use actors::ports::StrategyStatus;
use actors::settings::StrategyRun;
use messages::snapshots::Snapshot;
use messages::{Cash, orders};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Position, maybe, text};

/// A strategy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Strategy)]
pub struct Strategy {
    /// Its name: the `strategy_id` of its orders.
    pub name: String,
    /// The registered strategy that it is.
    pub strategy: String,
    /// `running`, `restarting`, `quarantined` or `stopped`.
    pub state: String,
    /// Since when.
    pub since: String,
    /// Its restart count.
    pub generation: u32,
    /// Faults so far.
    pub faults: u32,
    /// Threads that hung and were abandoned.
    pub abandoned: u32,
    /// Its last fault.
    pub last_fault: Option<String>,
    /// What it trades, as `exchange:symbol`; empty for all that the feed has.
    pub instruments: Vec<String>,
    /// What becomes of its open orders when it fails: `cancel` or `leave`.
    pub on_fault: String,
    /// What becomes of them when it stops.
    pub on_stop: String,
    /// Its own parameters.
    #[schema(value_type = Object)]
    pub parameters: serde_json::Map<String, serde_json::Value>,
    /// Its saved state; null before the first.
    pub saved: Option<Saved>,
    /// What it brought.
    pub results: Results,
}

/// A saved state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SavedState)]
pub struct Saved {
    /// The newest input that it has seen.
    pub at: String,
    /// Its size.
    pub bytes: usize,
}

/// What a strategy brought and holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = StrategyResults)]
pub struct Results {
    /// What all that was closed brought, before fees; null when it is not known now.
    pub realized_pnl: Option<String>,
    /// What closing all now would bring; null while a price is not known.
    pub unrealized_pnl: Option<String>,
    /// Its open orders; null when they are not known now.
    pub open_orders: Option<usize>,
    /// Its positions that are not flat.
    pub positions: Vec<Position>,
}

impl Results {
    /// Of one strategy, by what orders and positions say; what they do not say is unknown.
    pub fn of(name: &str, open: Option<&[orders::Order]>, snapshot: Option<&Snapshot>) -> Self {
        let mine = |p: &&messages::positions::Position| p.strategy.as_str() == name;
        let held: Option<Vec<_>> = snapshot.map(|snapshot| snapshot.positions.iter().filter(mine).collect());
        let sum = |of: fn(&messages::positions::Position) -> Option<Cash>| {
            held.as_ref()?.iter().try_fold(Cash::ZERO, |sum, p| sum.checked_add(of(p)?))
        };
        Self {
            realized_pnl: maybe(sum(|p| Some(p.realized_pnl))),
            unrealized_pnl: maybe(sum(messages::positions::Position::unrealized_pnl)),
            open_orders: open.map(|open| open.iter().filter(|order| order.strategy.as_str() == name).count()),
            positions: held.iter().flatten().filter(|p| !p.quantity.is_zero()).map(|p| Position::from(*p)).collect(),
        }
    }
}

impl Strategy {
    /// Of what its shell and its settings say.
    pub fn of(status: &StrategyStatus, run: &StrategyRun, results: Results) -> Self {
        let saved = status.saved.map(|(at, bytes)| Saved { at: text(at), bytes });
        Self {
            name: status.name.clone(),
            strategy: run.strategy.map_or_else(|| status.name.clone(), text),
            state: status.state.clone(),
            since: text(status.since),
            generation: status.generation,
            faults: status.faults,
            abandoned: status.abandoned,
            last_fault: status.last_fault.clone(),
            instruments: run.instruments.clone(),
            on_fault: run.on_fault.as_str().to_owned(),
            on_stop: run.on_stop.as_str().to_owned(),
            parameters: run.parameters.clone(),
            saved,
            results,
        }
    }
}
