//! Limits on everything that is held, with all that is open filled for the worse: gross, net, per strategy and account.

use messages::Cash;
use messages::risk::Refusal;

use super::{Context, refuse};

/// What all stakes come to once an order is filled, in the account's currency; `None` where a price is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Each symbol at the worse of its two ends, added without signs.
    pub gross: Option<Cash>,
    /// All symbols at the end towards which the order goes, with their signs; positive in the order's own direction.
    pub net: Option<Cash>,
    /// The order's symbol alone, at the worse of its two ends.
    pub symbol: Option<Cash>,
}

pub(super) fn gross(c: &Context<'_>) -> Result<(), Refusal> {
    within(c.limits.max_gross_exposure, c.own_totals.map(|t| t.gross), "risk.gross_exposure", "the strategy's gross")?;
    let account = &c.limits.account;
    within(account.max_gross_exposure, c.totals.map(|t| t.gross), "risk.account_gross", "the account's gross")
}

pub(super) fn net(c: &Context<'_>) -> Result<(), Refusal> {
    within(c.limits.max_net_exposure, c.own_totals.map(|t| t.net), "risk.net_exposure", "the strategy's net")?;
    let account = &c.limits.account;
    within(account.max_net_exposure, c.totals.map(|t| t.net), "risk.account_net", "the account's net")
}

fn within(limit: Cash, found: Option<Option<Cash>>, code: &'static str, whose: &str) -> Result<(), Refusal> {
    if !limit.is_positive() {
        return Ok(());
    }
    match found.flatten() {
        Some(value) if value <= limit => Ok(()),
        Some(value) => refuse(code, format!("{whose} exposure of {value} would be above {limit}")),
        None => refuse("risk.unknown_value", format!("{whose} exposure is unknown: a price or a rate is missing")),
    }
}
