//! What the instrument's hours and its venue allow now.

use messages::risk::{InstrumentStatus, Refusal};

use super::limits::SessionRule;
use super::{Context, refuse};

/// A venue that takes no orders for it takes none that reduce, either.
pub fn status(c: &Context<'_>) -> Result<(), Refusal> {
    let instrument = c.request.instrument;
    match c.status {
        InstrumentStatus::Trading => Ok(()),
        InstrumentStatus::CancelOnly => {
            refuse("instrument.cancel_only", format!("only cancels are taken for {instrument} now"))
        }
        InstrumentStatus::Halted => refuse("instrument.halted", format!("{instrument} is halted")),
    }
}

pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    let Some(rules) = c.rules.filter(|_| c.limits.session == SessionRule::Regular) else { return Ok(()) };
    if c.calendar.is_open(rules.sessions, c.now) {
        return Ok(());
    }
    let text = format!("{} is outside of its regular session (risk.session = \"regular\")", c.request.instrument);
    refuse("risk.session", text)
}
