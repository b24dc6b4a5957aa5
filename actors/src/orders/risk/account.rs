//! A cash account buys only what it can pay and sells only what it holds.

use messages::orders::Side;
use messages::risk::Refusal;

use super::{AccountKind, Context, refuse};

pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    if c.kind == AccountKind::Margin {
        return Ok(());
    }
    match c.request.side {
        Side::Buy => {
            let cost = c.value(c.remaining);
            match (cost, c.free_quote) {
                (Some(cost), Some(free)) if cost <= free => Ok(()),
                (Some(cost), Some(free)) => refuse("risk.buying_power", format!("{cost} is needed, {free} is free")),
                _ => refuse("risk.unknown_value", "the cost or the balance is unknown".to_owned()),
            }
        }
        Side::Sell => match c.free_base {
            Some(free) if c.remaining <= free => Ok(()),
            Some(free) => refuse("risk.holdings", format!("{} is to be sold, {free} is free", c.remaining)),
            None => refuse("risk.unknown_value", "the balance is unknown".to_owned()),
        },
    }
}
