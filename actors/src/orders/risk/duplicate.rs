//! The same order again: a button pressed twice, a loop that does not see its own order.

use messages::risk::Refusal;

use super::{Context, refuse};

pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    let Some(before) = c.same_at else { return Ok(()) };
    let ago_ms = c.now.since(before) / 1_000_000;
    let window = messages::durations::format(c.limits.duplicate_window);
    refuse("risk.duplicate", format!("an order with these terms left {ago_ms} ms ago, within {window} of this one"))
}
