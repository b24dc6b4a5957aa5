//! Limits on one order: quantity and value.

use messages::risk::Refusal;

use super::{Context, refuse};

pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    let (limits, quantity) = (c.limits, c.request.quantity);
    if limits.max_order_quantity.is_positive() && quantity > limits.max_order_quantity {
        return refuse("risk.max_quantity", format!("quantity {quantity} is above {}", limits.max_order_quantity));
    }
    if !limits.max_order_notional.is_positive() {
        return Ok(());
    }
    let Some(value) = c.price().and_then(|p| p.times(quantity)) else {
        return refuse("risk.unknown_value", format!("the value of {quantity} {} is unknown", c.request.instrument));
    };
    if value > limits.max_order_notional {
        return refuse("risk.max_notional", format!("value {value} is above {}", limits.max_order_notional));
    }
    Ok(())
}
