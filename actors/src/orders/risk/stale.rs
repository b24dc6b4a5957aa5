//! Refuses orders on prices that nobody has confirmed for too long.

use messages::risk::Refusal;
use messages::time::nanos;

use super::{Context, refuse};

pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    if c.limits.stale_quote_after.is_zero() {
        return Ok(());
    }
    if c.prices.reference(c.request.side).is_none() {
        return refuse("risk.no_quote", format!("no price of {} is known yet", c.request.instrument));
    }
    let age = c.now.since(c.prices.received);
    if age > nanos(c.limits.stale_quote_after) {
        let age_ms = age / 1_000_000;
        return refuse("risk.stale_quote", format!("the newest price of {} is {age_ms} ms old", c.request.instrument));
    }
    Ok(())
}
