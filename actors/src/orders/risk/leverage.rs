//! A limit on gross exposure over what the account is worth: the buying power of a margin account.

use messages::risk::Refusal;

use super::{Context, refuse};

pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    let percent = i128::from(c.limits.account.max_leverage_percent);
    if percent == 0 {
        return Ok(());
    }
    let (Some(gross), Some(equity)) = (c.totals.and_then(|t| t.gross), c.equity) else {
        return refuse("risk.unknown_value", "leverage is unknown: a price or a rate is missing".to_owned());
    };
    let within = match (gross.raw().checked_mul(100), equity.raw().checked_mul(percent)) {
        (Some(gross), Some(most)) => equity.is_positive() && gross <= most,
        _ => false,
    };
    if within {
        return Ok(());
    }
    refuse("risk.leverage", format!("gross exposure of {gross} would be above {percent} % of the account's {equity}"))
}
