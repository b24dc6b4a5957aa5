//! Refuses what the venue cannot do and what contradicts itself.

use messages::orders::OrderType;
use messages::risk::Refusal;

use super::{Context, refuse};

pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    let r = c.request;
    let Some(venue) = c.venue else {
        return refuse("venue.none", format!("no venue trades {} here", r.instrument));
    };
    if !venue.order_types.contains(&r.order_type) {
        return refuse("venue.order_type", format!("the venue takes no {} orders", r.order_type));
    }
    if !venue.times_in_force.contains(&r.time_in_force) {
        return refuse("venue.time_in_force", format!("the venue takes no {} orders", r.time_in_force));
    }
    if c.is_replacement && !venue.replace {
        return refuse("venue.replace", "the venue replaces no orders".to_owned());
    }
    if r.quote_quantity.is_some() && !venue.quote_quantity {
        return refuse("venue.quote_quantity", "the venue takes no orders by quote quantity".to_owned());
    }
    by_value(c)?;
    if r.post_only && !(venue.post_only && r.order_type == OrderType::Limit) {
        return refuse("venue.post_only", format!("a {} order cannot be post-only here", r.order_type));
    }
    // A tie that the venue does not hold is held here.
    if r.parent.is_some() != r.contingency.is_some() {
        let missing = if r.parent.is_some() { "contingency" } else { "parent" };
        return refuse("order.contingency", format!("an order that depends on another needs a {missing}, too"));
    }
    if r.order_type.has_limit() != r.price.is_some() {
        let expected = if r.order_type.has_limit() { "needs" } else { "has no" };
        return refuse("order.price", format!("a {} order {expected} limit price", r.order_type));
    }
    let trails = r.order_type == OrderType::TrailingStop;
    if trails != r.trail_amount.is_some_and(|amount| amount.is_positive()) {
        let expected = if trails { "needs" } else { "has no" };
        return refuse("order.trail_amount", format!("a {} order {expected} trail amount above 0", r.order_type));
    }
    // That of a trailing stop says from which price on it trails, and may be left out.
    if !trails && r.order_type.is_conditional() != r.stop_price.is_some() {
        let expected = if r.order_type.is_conditional() { "needs" } else { "has no" };
        return refuse("order.stop_price", format!("a {} order {expected} trigger price", r.order_type));
    }
    Ok(())
}

/// A quote quantity says how much alone, of a market order that stands for itself: its quantity is known once it is filled.
fn by_value(c: &Context<'_>) -> Result<(), Refusal> {
    let r = c.request;
    let Some(value) = r.quote_quantity else { return Ok(()) };
    let problem = if r.order_type != OrderType::Market {
        format!("a quote quantity on a {} order; only market orders have one", r.order_type)
    } else if !r.quantity.is_zero() {
        format!("a quote quantity beside quantity {}; give one of the two", r.quantity)
    } else if !value.is_positive() {
        format!("quote quantity {value} is not positive")
    } else if r.parent.is_some() {
        "an order by quote quantity belongs to no other; give a quantity".to_owned()
    } else {
        return Ok(());
    };
    refuse("order.quote_quantity", problem)
}
