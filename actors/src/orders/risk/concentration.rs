//! A limit on one symbol's share of the account's gross exposure, once that is worth looking at.

use messages::risk::Refusal;

use super::{Context, refuse};

pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    let account = &c.limits.account;
    let percent = i128::from(account.max_concentration_percent);
    if percent == 0 {
        return Ok(());
    }
    let instrument = c.request.instrument;
    let Some((symbol, gross)) = c.totals.and_then(|t| t.symbol.zip(t.gross)) else {
        return refuse(
            "risk.unknown_value",
            format!("the share of {instrument} is unknown: a price or a rate is missing"),
        );
    };
    let beyond = match (symbol.raw().checked_mul(100), gross.raw().checked_mul(percent)) {
        (Some(symbol), Some(most)) => symbol > most,
        _ => true,
    };
    if gross > account.concentration_above && beyond {
        let text = format!("{instrument} would be {symbol} of a gross exposure of {gross}, more than {percent} %");
        return refuse("risk.concentration", text);
    }
    Ok(())
}
