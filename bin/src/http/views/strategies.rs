//! Strategies: how they stand and what they brought.

use std::collections::BTreeSet;

use actors::ports::StrategyStatus;
use actors::settings::StrategyRun;
use messages::instrument::Asset;
use messages::snapshots::Snapshot;
use messages::{Cash, Instrument, orders, positions};
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
    /// What the two sums are in; null before its first fill, and where it has positions in more than one currency.
    pub currency: Option<String>,
    /// What all that was closed brought, before fees; null when it is not known now, and where there is no one currency.
    pub realized_pnl: Option<String>,
    /// What closing all now would bring; null while a price is not known, and where there is no one currency.
    pub unrealized_pnl: Option<String>,
    /// Its open orders; null when they are not known now.
    pub open_orders: Option<usize>,
    /// Its positions that are not flat.
    pub positions: Vec<Position>,
}

impl Results {
    /// Of one strategy, by what orders and positions say and what instruments are paid in; what they do not say is unknown.
    pub fn of(
        name: &str,
        open: Option<&[orders::Order]>,
        snapshot: Option<&Snapshot>,
        quote: impl Fn(Instrument) -> Option<Asset>,
    ) -> Self {
        let mine = |p: &&positions::Position| p.strategy.as_str() == name;
        let held: Option<Vec<_>> = snapshot.map(|snapshot| snapshot.positions.iter().filter(mine).collect());
        let quotes: BTreeSet<_> = held.iter().flatten().map(|p| quote(p.instrument)).collect();
        let currency = quotes.first().copied().flatten().filter(|_| quotes.len() == 1);
        let sum = |of: fn(&positions::Position) -> Option<Cash>| {
            let held = held.as_ref().filter(|held| held.is_empty() || currency.is_some())?;
            held.iter().try_fold(Cash::ZERO, |sum, p| sum.checked_add(of(p)?))
        };
        Self {
            currency: maybe(currency),
            realized_pnl: maybe(sum(|p| Some(p.realized_pnl))),
            unrealized_pnl: maybe(sum(positions::Position::unrealized_pnl)),
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

#[cfg(test)]
mod tests {
    use messages::snapshots::{Portfolio, SnapshotType};
    use messages::{Exchange, UtcNanos};

    use super::*;

    fn instrument(symbol: &str) -> Instrument {
        Instrument { exchange: Exchange::Binance, symbol: symbol.parse().unwrap() }
    }

    fn position(symbol: &str, realized: &str) -> positions::Position {
        positions::Position {
            position_id: 1,
            account: "paper".parse().unwrap(),
            instrument: instrument(symbol),
            strategy: "s".parse().unwrap(),
            quantity: "1".parse().unwrap(),
            cost_basis: "100".parse().unwrap(),
            mark_price: "110".parse().ok(),
            realized_pnl: realized.parse().unwrap(),
            opened_at: None,
            closed_at: None,
            at: UtcNanos(0),
            correlation_id: None,
        }
    }

    fn check(positions: Vec<positions::Position>, expected: [Option<&str>; 3]) {
        let portfolio = Portfolio {
            snapshot_id: 1,
            account: "paper".parse().unwrap(),
            currency: "USDT".parse().unwrap(),
            at: UtcNanos(0),
            kind: SnapshotType::Manual,
            cash: None,
            value: None,
            total_pnl: None,
            daily_pnl: None,
            max_drawdown: None,
            leverage: None,
            long_positions: 0,
            short_positions: 0,
        };
        let snapshot = Snapshot { portfolio, positions, balances: Vec::new() };
        let quote = |of: Instrument| match of.symbol.as_str() {
            "ETHBTC" => "BTC".parse().ok(),
            "BTCUSDT" | "ETHUSDT" => "USDT".parse().ok(),
            _ => None,
        };
        let found = Results::of("s", None, Some(&snapshot), quote);
        let told = [&found.currency, &found.realized_pnl, &found.unrealized_pnl].map(Option::as_deref);
        assert_eq!(told, expected, "{:?}", snapshot.positions);
    }

    #[test]
    fn sums_are_of_one_currency_or_unknown() {
        check(vec![], [None, Some("0"), Some("0")]);
        check(vec![position("BTCUSDT", "3"), position("ETHUSDT", "4")], [Some("USDT"), Some("7"), Some("20")]);
        check(vec![position("BTCUSDT", "3"), position("ETHBTC", "4")], [None; 3]);
        check(vec![position("NOBODY", "3")], [None; 3]);
    }
}
