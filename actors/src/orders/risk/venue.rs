//! Refuses what the venue's own rules of the instrument would refuse, under the name that the venue gives the rule.

use messages::risk::Refusal;

use super::Context;
use crate::venue_rules::When;

pub fn check(c: &Context<'_>) -> Result<(), Refusal> {
    let Some((rules, seen)) = &c.venue_rules else { return Ok(()) };
    rules.check(c.request, seen, When { now: c.now, calendar: c.calendar })
}
