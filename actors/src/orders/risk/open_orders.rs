//! Limits on open orders, per strategy and account. What reduces passes the settings' limits, and not the cap.

use messages::caps;
use messages::risk::Refusal;

use super::{Context, refuse};

pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    if c.is_replacement {
        return Ok(());
    }
    let (own, account) = match c.reduces() {
        true => (0, 0),
        false => (c.limits.max_open_orders as usize, c.limits.account.max_open_orders as usize),
    };
    let limit = if own == 0 { caps::OPEN_ORDERS_PER_STRATEGY } else { own.min(caps::OPEN_ORDERS_PER_STRATEGY) };
    if c.open_orders >= limit {
        return refuse("risk.open_orders", format!("{} orders are open, {limit} are allowed", c.open_orders));
    }
    if account > 0 && c.open_orders_of_all >= account {
        let open = c.open_orders_of_all;
        return refuse(
            "risk.account_open_orders",
            format!("{open} orders of the account are open, {account} are allowed"),
        );
    }
    Ok(())
}
