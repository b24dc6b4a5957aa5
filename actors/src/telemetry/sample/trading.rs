//! What goes into a sample of orders, positions, the venue and strategies.
//!
//! Amounts leave exact arithmetic here, for a chart. What cannot be valued has no metric.

use std::collections::BTreeMap;

use messages::positions::Position;
use messages::risk::TradingState;
use messages::snapshots::Snapshot;
use messages::{Cash, StrategyId};

use super::{Sample, of, whole};
use crate::metrics::*;
use crate::ports::{OrdersStatus, StrategyStatus, VenueStatus};

impl Sample {
    /// The orders actor.
    pub fn orders(&mut self, status: &OrdersStatus) {
        self.flag(TRADING_ACTIVE, whole(), status.trading == TradingState::Active);
        self.gauge(ORDERS_OPEN, whole(), status.open.len() as f64);
        self.gauge(ORDERS_EFFECTS_WAITING, whole(), status.waiting as f64);
        let c = &status.counters;
        for (metric, value) in [
            (ORDERS_INTENDED, c.intended),
            (ORDERS_DENIED, c.denied),
            (ORDERS_REJECTED, c.rejected),
            (ORDERS_FILLS, c.fills),
            (ORDERS_REQUESTS_REFUSED, c.refused),
            (ORDERS_REPORTS_IGNORED, c.ignored),
            (ORDERS_REPORTS_UNKNOWN, c.unknown),
            (ORDERS_ALARMS, c.alarms),
        ] {
            self.counter(metric, whole(), value);
        }
        self.spread(TICK_TO_ORDER_SECONDS, whole(), status.latencies.to_order);
        self.spread(TICK_TO_VENUE_SECONDS, whole(), status.latencies.to_venue);
    }

    /// What the account holds and is worth, and the highest that it was worth.
    pub fn portfolio(&mut self, snapshot: &Snapshot, highest: Option<Cash>) {
        let p = &snapshot.portfolio;
        let account = || of(p.account.as_str());
        let money = |amount: Option<Cash>| amount.map(Cash::to_f64);
        let open: Vec<&Position> = snapshot.positions.iter().filter(|p| !p.quantity.is_zero()).collect();
        for (metric, value) in [
            (PORTFOLIO_VALUE, money(p.value)),
            (PORTFOLIO_CASH, money(p.cash)),
            (PORTFOLIO_PNL, money(p.total_pnl)),
            (PORTFOLIO_DAILY_PNL, money(p.daily_pnl)),
            (PORTFOLIO_DRAWDOWN_MAX, money(p.max_drawdown)),
            (PORTFOLIO_DAILY_LOSS_RATIO, daily_loss(p.value, p.daily_pnl)),
            (PORTFOLIO_DRAWDOWN_RATIO, p.value.and_then(|value| fall(value, highest?.max(value)))),
            (PORTFOLIO_LEVERAGE_RATIO, p.leverage.map(messages::Price::to_f64)),
            (PORTFOLIO_EXPOSURE, worth(&open, Cash::abs)),
            (PORTFOLIO_EXPOSURE_NET, worth(&open, |value| value)),
            (POSITIONS_OPEN, Some(open.len() as f64)),
        ] {
            self.known(metric, account(), value);
        }
        for (strategy, positions) in by_strategy(&snapshot.positions) {
            self.known(STRATEGY_PNL, of(strategy.as_str()), pnl(&positions));
            self.known(STRATEGY_EXPOSURE, of(strategy.as_str()), worth(&positions, Cash::abs));
        }
    }

    /// A venue outside. What was never noted is told as 0: its first note is a rise.
    pub fn venue(&mut self, status: &VenueStatus) {
        self.flag(VENUE_CONNECTED, of(&status.name), status.connected);
        for (kind, count) in &status.notes {
            self.counter(VENUE_NOTES, of(kind.as_str()), *count);
        }
    }

    /// A strategy.
    pub fn strategy(&mut self, status: &StrategyStatus) {
        let strategy = || of(&status.name);
        self.flag(STRATEGY_RUNNING, strategy(), status.state == "running");
        self.flag(STRATEGY_QUARANTINED, strategy(), status.state == "quarantined");
        self.gauge(STRATEGY_GENERATION, strategy(), f64::from(status.generation));
        self.counter(STRATEGY_FAULTS, strategy(), u64::from(status.faults));
        self.counter(STRATEGY_THREADS_ABANDONED, strategy(), u64::from(status.abandoned));
    }
}

fn by_strategy(positions: &[Position]) -> BTreeMap<StrategyId, Vec<&Position>> {
    let mut found: BTreeMap<StrategyId, Vec<&Position>> = BTreeMap::new();
    positions.iter().for_each(|p| found.entry(p.strategy).or_default().push(p));
    found
}

/// What was closed and what is open, together; unknown while one of them has no price.
fn pnl(positions: &[&Position]) -> Option<f64> {
    let add = |sum: Cash, p: &&Position| sum.checked_add(p.realized_pnl)?.checked_add(p.unrealized_pnl()?);
    positions.iter().try_fold(Cash::ZERO, add).map(Cash::to_f64)
}

/// The sum of what positions are worth, each as `side` sees it.
fn worth(positions: &[&Position], side: impl Fn(Cash) -> Cash) -> Option<f64> {
    let value = |p: &&Position| {
        if p.quantity.is_zero() { Some(Cash::ZERO) } else { p.mark_price?.times(p.quantity).map(&side) }
    };
    positions.iter().try_fold(Cash::ZERO, |sum, p| sum.checked_add(value(p)?)).map(Cash::to_f64)
}

/// The share of the highest value that is lost.
fn fall(value: Cash, highest: Cash) -> Option<f64> {
    highest.is_positive().then(|| (highest.to_f64() - value.to_f64()) / highest.to_f64())
}

/// The share of the day's first value that is lost; 0 on a day that gains.
fn daily_loss(value: Option<Cash>, pnl: Option<Cash>) -> Option<f64> {
    let first = value?.checked_sub(pnl?)?;
    fall(value?, first).map(|loss| loss.max(0.0))
}
