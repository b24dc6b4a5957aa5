//! Limits on orders per second, per strategy and account: one that has lost its mind is stopped early.

use std::time::Duration;

use messages::risk::Refusal;

use super::{Context, refuse};

/// The window of the rate.
pub const WINDOW: Duration = Duration::from_secs(1);

pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    let (own, all) = c.recent;
    let limit = c.limits.max_orders_per_second as usize;
    if limit > 0 && own >= limit {
        return refuse("risk.order_rate", format!("{own} orders within a second, {limit} are allowed"));
    }
    let limit = c.limits.account.max_orders_per_second as usize;
    if limit > 0 && all >= limit {
        let text = format!("{all} orders of the account within a second, {limit} are allowed");
        return refuse("risk.account_order_rate", text);
    }
    Ok(())
}
