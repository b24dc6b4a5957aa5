//! A fat finger on the size: an order many times as large as the strategy's newest ones in the instrument.

use messages::risk::Refusal;

use super::{Context, asked, refuse};

pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    let ratio = i128::from(c.limits.max_size_ratio);
    let (Some(usual), true) = (c.usual, ratio > 0) else { return Ok(()) };
    let Some(quantity) = asked(c.request, &c.prices) else { return Ok(()) };
    match usual.raw().checked_mul(ratio) {
        Some(most) if quantity.raw() > most => refuse(
            "risk.unusual_size",
            format!("quantity {quantity} is more than {ratio} times the mean of the newest orders, {usual}"),
        ),
        _ => Ok(()),
    }
}
