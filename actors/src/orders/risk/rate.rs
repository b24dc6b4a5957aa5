//! A limit on orders per second: a strategy that has lost its mind is stopped early.

use std::time::Duration;

use messages::risk::Refusal;

use super::{Context, refuse};

/// The window of the rate.
pub const WINDOW: Duration = Duration::from_secs(1);

pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    let limit = c.limits.max_orders_per_second as usize;
    let since = c.now.before(WINDOW);
    let recent = c.recent.iter().filter(|at| **at > since).count();
    if limit > 0 && recent >= limit {
        return refuse("risk.order_rate", format!("{recent} orders within a second, {limit} are allowed"));
    }
    Ok(())
}
