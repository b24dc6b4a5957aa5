//! Refuses what the instrument's own rules refuse: unknown, off its steps, too small or too large.

use messages::Price;
use messages::risk::Refusal;

use super::{Context, refuse};

pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    let r = c.request;
    let Some(rules) = c.rules else {
        return refuse(
            "instrument.unknown",
            format!("nothing is known of {}; add it to the instruments", r.instrument),
        );
    };
    if !r.quantity.is_positive() {
        return refuse("instrument.quantity", format!("quantity {} is not positive", r.quantity));
    }
    if !r.quantity.is_multiple_of(rules.quantity_step) {
        return refuse("instrument.lot", format!("quantity {} is no multiple of {}", r.quantity, rules.quantity_step));
    }
    if r.quantity < rules.min_quantity {
        return refuse("instrument.min_quantity", format!("quantity {} is below {}", r.quantity, rules.min_quantity));
    }
    if rules.max_quantity.is_positive() && r.quantity > rules.max_quantity {
        return refuse("instrument.max_quantity", format!("quantity {} is above {}", r.quantity, rules.max_quantity));
    }
    for price in [r.price, r.stop_price, r.trail_amount].into_iter().flatten() {
        if price <= Price::ZERO {
            return refuse("instrument.price", format!("price {price} is not positive"));
        }
        if !price.is_multiple_of(rules.price_step) {
            return refuse("instrument.tick", format!("price {price} is no multiple of {}", rules.price_step));
        }
    }
    if let Some(value) = c.price().and_then(|p| p.times(r.quantity))
        && value < rules.min_notional
    {
        return refuse("instrument.min_notional", format!("value {value} is below {}", rules.min_notional));
    }
    Ok(())
}
