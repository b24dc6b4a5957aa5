//! Limits on the position that an order could lead to, everything open on its side filled: of its strategy, and of all
//! strategies together.

use messages::orders::Side;
use messages::risk::Refusal;
use messages::{Cash, Quantity};

use super::book::Stake;
use super::{Context, refuse};

/// Of its strategy. What reduces that is always within it.
pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    let (most, worth) = (c.limits.max_position_quantity, c.limits.max_position_notional);
    within(c, c.own, most, worth, ["risk.max_position_quantity", "risk.max_position"])
}

/// Of the account.
pub fn of_account(c: &Context<'_>) -> Result<(), Refusal> {
    let (most, worth) = (c.limits.max_account_position_quantity, c.limits.max_account_position_notional);
    within(c, c.all, most, worth, ["risk.account_position_quantity", "risk.account_position"])
}

fn within(c: &Context<'_>, stake: Stake, most: Quantity, worth: Cash, codes: [&'static str; 2]) -> Result<(), Refusal> {
    if !most.is_positive() && !worth.is_positive() {
        return Ok(());
    }
    let after = match c.request.side {
        Side::Buy => stake.longest().checked_add(c.remaining),
        Side::Sell => (-stake.shortest()).checked_add(c.remaining),
    };
    if let Some(after) = after.filter(|after| most.is_positive() && *after > most) {
        return refuse(codes[0], format!("a position of {after} is above {most}"));
    }
    if !worth.is_positive() {
        return Ok(());
    }
    match after.and_then(|q| c.price()?.times(q)) {
        Some(value) if value <= worth => Ok(()),
        Some(value) => refuse(codes[1], format!("a position worth {value} is above {worth}")),
        None => {
            refuse("risk.unknown_value", format!("the value of the position in {} is unknown", c.request.instrument))
        }
    }
}
