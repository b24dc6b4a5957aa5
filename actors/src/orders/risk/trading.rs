//! The trading state: HALTED refuses all, REDUCING what does not make the position smaller.

use messages::risk::{Refusal, TradingState};

use super::{Context, refuse};

pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    if c.trading == TradingState::Halted {
        return refuse("risk.halted", "trading is HALTED; `merganser resume` starts it again".to_owned());
    }
    let must_reduce = c.trading == TradingState::Reducing || c.request.reduce_only;
    if must_reduce && !c.reduces() {
        let code = if c.request.reduce_only { "order.reduce_only" } else { "risk.reducing" };
        return refuse(
            code,
            format!("{} {} does not make the position of {} smaller", c.request.side, c.remaining, c.own.position),
        );
    }
    Ok(())
}
