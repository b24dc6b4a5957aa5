//! What the account holds of an instrument, all strategies netted.

use std::collections::BTreeMap;

use messages::{Cash, Instrument, Quantity, positions};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{maybe, text};

/// What the account holds of one instrument, and who of it what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NetPosition {
    /// Whose money.
    pub account: String,
    /// The market.
    pub exchange: String,
    /// The symbol as that market writes it.
    pub symbol: String,
    /// `long`, `short` or `flat`.
    pub side: String,
    /// How much; never negative. The sum of what the strategies hold, a short one counted negative.
    pub quantity: String,
    /// What it is valued at; null while no price is known.
    pub current_price: Option<String>,
    /// What closing all of it now would bring the strategies, before fees; null while no price is known.
    pub unrealized_pnl: Option<String>,
    /// What all that was closed brought them, before fees.
    pub realized_pnl: String,
    /// Who holds it, where it is not flat.
    pub strategies: Vec<Share>,
}

/// What one strategy holds of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PositionShare)]
pub struct Share {
    /// Which.
    pub strategy_id: String,
    /// Positive when long, negative when short.
    pub quantity: String,
}

impl NetPosition {
    /// Of all positions of an account.
    #[must_use]
    pub fn all(positions: &[positions::Position]) -> Vec<Self> {
        let mut by_instrument = BTreeMap::<Instrument, Vec<&positions::Position>>::new();
        for position in positions {
            by_instrument.entry(position.instrument).or_default().push(position);
        }
        by_instrument.values().filter_map(|held| Self::of(held)).collect()
    }

    /// `None` where the sums are out of range.
    fn of(held: &[&positions::Position]) -> Option<Self> {
        let first = held.first()?;
        let quantity = held.iter().try_fold(Quantity::ZERO, |sum, p| sum.checked_add(p.quantity))?;
        let realized = held.iter().try_fold(Cash::ZERO, |sum, p| sum.checked_add(p.realized_pnl))?;
        let unrealized = held.iter().try_fold(Cash::ZERO, |sum, p| sum.checked_add(p.unrealized_pnl()?));
        let share = |p: &&positions::Position| Share { strategy_id: text(p.strategy), quantity: text(p.quantity) };
        Some(Self {
            account: text(first.account),
            exchange: text(first.instrument.exchange),
            symbol: text(first.instrument.symbol),
            side: positions::side_of(quantity).to_owned(),
            quantity: text(quantity.abs()),
            current_price: maybe(first.mark_price),
            unrealized_pnl: maybe(unrealized),
            realized_pnl: text(realized),
            strategies: held.iter().copied().filter(|p| !p.quantity.is_zero()).map(|p| share(&p)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use messages::UtcNanos;

    use super::*;

    fn held(strategy: &str, quantity: &str, cost: &str) -> positions::Position {
        positions::Position {
            position_id: 1,
            account: "paper".parse().unwrap(),
            instrument: Instrument { exchange: messages::Exchange::Simulated, symbol: "A".parse().unwrap() },
            strategy: strategy.parse().unwrap(),
            quantity: quantity.parse().unwrap(),
            cost_basis: cost.parse().unwrap(),
            mark_price: "110".parse().ok(),
            realized_pnl: Cash::ONE,
            opened_at: None,
            closed_at: None,
            at: UtcNanos(0),
            correlation_id: None,
        }
    }

    #[test]
    fn the_account_holds_the_sum_of_what_its_strategies_hold() {
        let all = NetPosition::all(&[held("a", "3", "300"), held("b", "-1", "-105"), held("c", "0", "0")]);
        let [net] = &all[..] else { panic!("one instrument: {all:?}") };
        assert_eq!((net.side.as_str(), net.quantity.as_str()), ("long", "2"));
        assert_eq!((net.unrealized_pnl.as_deref(), net.realized_pnl.as_str()), (Some("25"), "3"));
        let shares: Vec<_> = net.strategies.iter().map(|s| (s.strategy_id.as_str(), s.quantity.as_str())).collect();
        assert_eq!(shares, [("a", "3"), ("b", "-1")]);
        assert_eq!(NetPosition::all(&[held("a", "1", "100"), held("b", "-1", "-100")])[0].side, "flat");
    }
}
