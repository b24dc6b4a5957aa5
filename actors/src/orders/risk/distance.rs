//! A fat finger on the price: one that lies far from the market on either side, a trigger price too.

use messages::risk::Refusal;

use super::{Context, refuse};

pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    let percent = i128::from(c.limits.max_price_distance_percent);
    let r = c.request;
    if percent == 0 || r.price.is_none() && r.stop_price.is_none() {
        return Ok(());
    }
    let Some(market) = c.prices.mark() else {
        return refuse("risk.no_quote", format!("no price of {} is known yet", r.instrument));
    };
    for price in [r.price, r.stop_price].into_iter().flatten() {
        // Compared in 128 bits at hundredths, so that nothing is rounded.
        let away = (i128::from(price.raw()) - i128::from(market.raw())).abs() * 100;
        if away > percent * i128::from(market.raw()) {
            let text = format!("price {price} lies more than {percent} % away from the market at {market}");
            return refuse("risk.price_distance", text);
        }
    }
    Ok(())
}
