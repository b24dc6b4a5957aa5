//! Refuses what the instrument's own rules refuse: unknown, off its steps, too small or too large.

use messages::Price;
use messages::risk::Refusal;

use super::{Context, asked, refuse};

pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    let r = c.request;
    let Some(rules) = c.rules else {
        return refuse(
            "instrument.unknown",
            format!("nothing is known of {}; add it to the instruments", r.instrument),
        );
    };
    let Some(quantity) = asked(r, &c.prices) else {
        return refuse("risk.unknown_value", format!("no price of {} says how much a value is", r.instrument));
    };
    if !quantity.is_positive() {
        return refuse("instrument.quantity", format!("quantity {quantity} is not positive"));
    }
    // What is bought for a value its venue rounds.
    if r.quote_quantity.is_none() && !quantity.is_multiple_of(rules.quantity_step) {
        return refuse("instrument.lot", format!("quantity {quantity} is no multiple of {}", rules.quantity_step));
    }
    if quantity < rules.min_quantity {
        return refuse("instrument.min_quantity", format!("quantity {quantity} is below {}", rules.min_quantity));
    }
    if rules.max_quantity.is_positive() && quantity > rules.max_quantity {
        return refuse("instrument.max_quantity", format!("quantity {quantity} is above {}", rules.max_quantity));
    }
    for price in [r.price, r.stop_price, r.trail_amount].into_iter().flatten() {
        if price <= Price::ZERO {
            return refuse("instrument.price", format!("price {price} is not positive"));
        }
        if !price.is_multiple_of(rules.price_step) {
            return refuse("instrument.tick", format!("price {price} is no multiple of {}", rules.price_step));
        }
    }
    if let Some(value) = c.value(quantity)
        && value < rules.min_notional
    {
        return refuse("instrument.min_notional", format!("value {value} is below {}", rules.min_notional));
    }
    Ok(())
}
