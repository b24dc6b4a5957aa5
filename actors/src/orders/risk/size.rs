//! Limits on one order: quantity and value.

use messages::risk::Refusal;

use super::{Context, asked, refuse};

pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    let limits = c.limits;
    let Some(quantity) = asked(c.request, &c.prices) else {
        return refuse("risk.unknown_value", format!("no price of {} says how much a value is", c.request.instrument));
    };
    if limits.max_order_quantity.is_positive() && quantity > limits.max_order_quantity {
        return refuse("risk.max_quantity", format!("quantity {quantity} is above {}", limits.max_order_quantity));
    }
    if !limits.max_order_notional.is_positive() {
        return Ok(());
    }
    let Some(value) = c.value(quantity) else {
        return refuse("risk.unknown_value", format!("the value of {quantity} {} is unknown", c.request.instrument));
    };
    if value > limits.max_order_notional {
        return refuse("risk.max_notional", format!("value {value} is above {}", limits.max_order_notional));
    }
    Ok(())
}
