//! A limit on open orders per strategy.

use messages::caps;
use messages::risk::Refusal;

use super::{Context, refuse};

pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    let limit = match c.limits.max_open_orders as usize {
        0 => caps::OPEN_ORDERS_PER_STRATEGY,
        limit => limit.min(caps::OPEN_ORDERS_PER_STRATEGY),
    };
    if !c.is_replacement && c.open_orders >= limit {
        return refuse("risk.open_orders", format!("{} orders are open, {limit} are allowed", c.open_orders));
    }
    Ok(())
}
