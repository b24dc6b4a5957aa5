//! A limit on the position that an order could lead to, everything open on its side filled.

use messages::orders::Side;
use messages::risk::Refusal;

use super::{Context, refuse};

pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    if !c.limits.max_position_notional.is_positive() {
        return Ok(());
    }
    let (held, open) = match c.request.side {
        Side::Buy => (c.position, c.open_buys),
        Side::Sell => (-c.position, c.open_sells),
    };
    let after = held.checked_add(open).and_then(|q| q.checked_add(c.remaining));
    let value = after.and_then(|q| c.price()?.times(q));
    match value {
        Some(value) if value <= c.limits.max_position_notional => Ok(()),
        Some(value) => {
            refuse("risk.max_position", format!("a position worth {value} is above {}", c.limits.max_position_notional))
        }
        None => {
            refuse("risk.unknown_value", format!("the value of the position in {} is unknown", c.request.instrument))
        }
    }
}
