//! What is held, what it is worth, and how it came to be.

use messages::number::Notional;
use messages::{Cash, positions, snapshots};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{maybe, text};
use crate::report::money::{self, Money};

/// A position as it is now: the row of `positions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Position)]
pub struct Position {
    /// Whose money.
    pub account: String,
    /// The market.
    pub exchange: String,
    /// The symbol as that market writes it.
    pub symbol: String,
    /// `long`, `short` or `flat`.
    pub side: String,
    /// How much; never negative.
    pub quantity: String,
    /// What it cost; negative when short.
    pub cost_basis: String,
    /// The average price at which it was opened; null when flat.
    pub avg_entry_price: Option<String>,
    /// What it is valued at; null while no price is known.
    pub current_price: Option<String>,
    /// What closing it now would bring, before fees; null while no price is known.
    pub unrealized_pnl: Option<String>,
    /// What all that was closed brought, before fees.
    pub realized_pnl: String,
    /// When it left zero.
    pub opened_at: Option<String>,
    /// When it came back to zero.
    pub closed_at: Option<String>,
    /// When it was looked at.
    pub snapshot_time: String,
    /// Whose decision.
    pub strategy_id: String,
}

impl From<&positions::Position> for Position {
    fn from(position: &positions::Position) -> Self {
        Self {
            account: text(position.account),
            exchange: text(position.instrument.exchange),
            symbol: text(position.instrument.symbol),
            side: position.side().to_owned(),
            quantity: text(position.quantity.abs()),
            cost_basis: text(position.cost_basis),
            avg_entry_price: maybe(position.average_entry()),
            current_price: maybe(position.mark_price),
            unrealized_pnl: maybe(position.unrealized_pnl()),
            realized_pnl: text(position.realized_pnl),
            opened_at: maybe(position.opened_at),
            closed_at: maybe(position.closed_at),
            snapshot_time: text(position.at),
            strategy_id: text(position.strategy),
        }
    }
}

/// A fill as it was booked: the row of `trades`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Trade)]
pub struct Trade {
    /// Our id.
    pub trade_id: String,
    /// Whose money.
    pub account: String,
    /// Which order.
    pub order_id: String,
    /// The market.
    pub exchange: String,
    /// The symbol as that market writes it.
    pub symbol: String,
    /// `buy` or `sell`.
    pub side: String,
    /// How much.
    pub quantity: String,
    /// At what price.
    pub price: String,
    /// When, by the venue.
    pub executed_at: String,
    /// Its fee.
    pub commission: Option<String>,
    /// What that was paid in.
    pub commission_asset: Option<String>,
    /// `maker` or `taker`, where the venue says so.
    pub liquidity: Option<String>,
    /// What the part of it that closed a position brought, before fees.
    pub realized_pnl: String,
    /// The venue's key of it.
    pub execution_id: String,
    /// Who traded.
    pub strategy_id: String,
    /// What belongs together.
    pub correlation_id: String,
}

impl From<&positions::Trade> for Trade {
    fn from(trade: &positions::Trade) -> Self {
        Self {
            trade_id: text(trade.trade_id),
            account: text(trade.account),
            order_id: text(trade.order_id),
            exchange: text(trade.instrument.exchange),
            symbol: text(trade.instrument.symbol),
            side: text(trade.side),
            quantity: text(trade.quantity),
            price: text(trade.price),
            executed_at: text(trade.executed_at),
            commission: maybe(trade.fee.map(|fee| fee.amount)),
            commission_asset: maybe(trade.fee.map(|fee| fee.asset)),
            liquidity: maybe(trade.liquidity),
            realized_pnl: text(trade.realized_pnl),
            execution_id: text(trade.execution_id),
            strategy_id: text(trade.strategy),
            correlation_id: text(trade.correlation_id),
        }
    }
}

/// An amount of one asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Balance)]
pub struct Balance {
    /// Of what.
    pub asset: String,
    /// How much; negative when borrowed.
    pub total: String,
}

/// What an account is worth now: the row of `portfolio_snapshots`, with exposure and balances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Portfolio)]
pub struct Portfolio {
    /// Whose money.
    pub account: String,
    /// Whether that is no real money.
    pub is_simulated: bool,
    /// What it is valued in.
    pub currency: String,
    /// When.
    pub snapshot_time: String,
    /// Balance of the currency.
    pub cash_balance: Option<String>,
    /// All balances at their rates, without those that no instrument trades; null when one that is traded has no rate.
    pub portfolio_value: Option<String>,
    /// Value less what was paid in.
    pub total_pnl: Option<String>,
    /// Value less the value at the last end of a day.
    pub daily_pnl: Option<String>,
    /// The largest fall of the value from its highest, so far.
    pub max_drawdown: Option<String>,
    /// Gross exposure / value.
    pub leverage: Option<String>,
    /// The value of all positions, short ones counted as positive; null while a price is not known.
    pub gross_exposure: Option<String>,
    /// Long less short.
    pub net_exposure: Option<String>,
    /// Long positions.
    pub long_positions: u32,
    /// Short positions.
    pub short_positions: u32,
    /// Every balance.
    pub balances: Vec<Balance>,
}

impl Portfolio {
    /// As it is now.
    pub fn of(snapshot: &snapshots::Snapshot) -> Self {
        let (p, positions) = (&snapshot.portfolio, &snapshot.positions);
        let balance = |b: &positions::Balance| Balance { asset: text(b.asset), total: text(b.total) };
        Self {
            account: text(p.account),
            is_simulated: is_simulated(p.account.as_str()),
            currency: text(p.currency),
            snapshot_time: text(p.at),
            cash_balance: maybe(p.cash),
            portfolio_value: maybe(p.value),
            total_pnl: maybe(p.total_pnl),
            daily_pnl: maybe(p.daily_pnl),
            max_drawdown: maybe(p.max_drawdown),
            leverage: maybe(p.leverage),
            gross_exposure: maybe(exposure(positions, |quantity| quantity.abs())),
            net_exposure: maybe(exposure(positions, |quantity| quantity)),
            long_positions: p.long_positions,
            short_positions: p.short_positions,
            balances: snapshot.balances.iter().map(balance).collect(),
        }
    }
}

/// Whether an account's money is none. A name that does not say so is taken for real money, as reports take it.
pub fn is_simulated(account: &str) -> bool {
    account.parse().is_ok_and(|account| !matches!(money::of(account, []), Money::Live | Money::Unknown))
}

/// The value of all positions, each with the quantity that `count` makes of it.
fn exposure(
    positions: &[positions::Position],
    count: impl Fn(messages::Quantity) -> messages::Quantity,
) -> Option<Cash> {
    let open = positions.iter().filter(|position| !position.quantity.is_zero());
    let value = |position: &positions::Position| position.mark_price?.notional(count(position.quantity));
    open.map(value).try_fold(Notional::ZERO, |sum, value| sum.checked_add(value?))?.to_cash()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_marked_as_none_only_where_its_account_says_so() {
        for (account, expected) in [
            ("paper", true),
            ("alpaca-paper", true),
            ("backtest", true),
            ("binance-test", true),
            ("binance-live", false),
            ("mine", false),
        ] {
            assert_eq!(is_simulated(account), expected, "{account}");
        }
    }
}
