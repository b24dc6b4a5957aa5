//! The price collar: a limit price far beyond the market is a typing mistake.

use messages::orders::Side;
use messages::risk::Refusal;

use super::{Context, refuse};

pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    let percent = i128::from(c.limits.price_collar_percent);
    let (Some(price), true) = (c.request.price, percent > 0) else { return Ok(()) };
    let Some(reference) = c.prices.reference(c.request.side) else {
        return refuse("risk.no_quote", format!("no price of {} is known yet", c.request.instrument));
    };
    // Compared in 128 bits at hundredths, so that nothing is rounded.
    let (price_100, reference) = (i128::from(price.raw()) * 100, i128::from(reference.raw()));
    let beyond = match c.request.side {
        Side::Buy => price_100 > reference * (100 + percent),
        Side::Sell => price_100 < reference * (100 - percent),
    };
    if beyond {
        let market = c.prices.reference(c.request.side).unwrap_or_default();
        return refuse(
            "risk.price_collar",
            format!("price {price} lies more than {percent} % beyond the market at {market}"),
        );
    }
    Ok(())
}
