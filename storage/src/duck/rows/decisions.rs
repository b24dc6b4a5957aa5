//! Rows of `decisions`: the deliveries to orders that made orders, with what orders had seen of the market by then.
//!
//! Reports, timers and the like make none, and have no row: what they tell of an order stands in its events.

use messages::ledger::{Decider, Delivery, Handled};

use super::{Rows, int};

impl Rows {
    /// Adds a delivery, if it may have made an order.
    pub fn decision(&mut self, handled: &Handled) {
        if handled.actor != Decider::Orders {
            return;
        }
        let (what, strategy) = match &handled.delivery {
            Delivery::Commands { strategy, generation, .. } => ("commands", Some((*strategy, *generation))),
            Delivery::Manual(_) => ("manual", None),
            _ => return,
        };
        let sheet = self.sheet("decisions");
        sheet.int(int(handled.number)).time(handled.now);
        sheet.int(int(handled.market_from.0)).int(int(handled.market_to.0)).text(what);
        sheet.text(strategy.as_ref().map(|(name, _)| name.as_str())).int(strategy.map(|(_, g)| i64::from(g)));
    }
}
