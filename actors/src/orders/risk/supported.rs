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
    if r.post_only && !(venue.post_only && r.order_type == OrderType::Limit) {
        return refuse("venue.post_only", format!("a {} order cannot be post-only here", r.order_type));
    }
    if r.parent.is_some() || r.contingency.is_some() {
        return refuse("venue.contingency", "orders that depend on others are not supported yet".to_owned());
    }
    if r.order_type.has_limit() != r.price.is_some() {
        let expected = if r.order_type.has_limit() { "needs" } else { "has no" };
        return refuse("order.price", format!("a {} order {expected} limit price", r.order_type));
    }
    if r.order_type.is_conditional() != r.stop_price.is_some() {
        let expected = if r.order_type.is_conditional() { "needs" } else { "has no" };
        return refuse("order.stop_price", format!("a {} order {expected} trigger price", r.order_type));
    }
    Ok(())
}
