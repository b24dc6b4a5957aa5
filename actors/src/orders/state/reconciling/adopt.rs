//! Orders at the venue that are none of ours: left alone, or adopted under the name `manual` so that they can be cancelled here.

use super::*;

/// What is done about an order that somebody else placed in the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ForeignOrders {
    /// It is told, and left alone.
    #[default]
    Ignore,
    /// It becomes an order of `manual`, from how it stands there.
    Adopt,
}

impl Orders {
    /// Deals with one, and tells it.
    pub(super) fn foreign(&mut self, theirs: &VenueOrder, at: Moment, out: &mut Vec<Effect>) -> Difference {
        let done = match self.settings.foreign_orders {
            ForeignOrders::Ignore => "left alone: venues.foreign_orders is \"ignore\"".to_owned(),
            ForeignOrders::Adopt => match self.adopt(theirs, at, out) {
                Ok(()) => "adopted by manual".to_owned(),
                Err(why) => format!("left alone: {why}"),
            },
        };
        let VenueOrder { instrument, side, quantity, filled, .. } = theirs;
        let quantity = quantity.map_or_else(|| "?".to_owned(), |quantity| quantity.to_string());
        let text = format!("{instrument} {side} {filled}/{quantity} {}; {done}", theirs.status);
        Difference { kind: DifferenceKind::ForeignOrder, subject: theirs.client_order_id.clone(), text, settled: true }
    }

    fn adopt(&mut self, theirs: &VenueOrder, at: Moment, out: &mut Vec<Effect>) -> Result<(), String> {
        let name: ClientOrderId = theirs.client_order_id.parse().map_err(|error| format!("{error}"))?;
        let (Some(order_type), Some(time_in_force), Some(quantity)) =
            (theirs.order_type, theirs.time_in_force, theirs.quantity)
        else {
            return Err(format!("an order as {} is none of ours", theirs.status));
        };
        if !self.settings.rules.contains_key(&theirs.instrument) {
            return Err(format!("nothing is known of {}; add it to `instruments`", theirs.instrument));
        }
        let notional = match theirs.filled_notional {
            Some(notional) => notional,
            None if theirs.filled.is_zero() => Notional::ZERO,
            None => return Err("the venue does not say what its fills cost".to_owned()),
        };
        // The same order, found again, is the same order. A venue may number the orders of each instrument by themselves.
        let key = format!("foreign:{}:{}", theirs.instrument, theirs.venue_order_id);
        let order_id = OrderId::of_key(self.settings.account, &key);
        if self.entries.contains_key(&order_id) {
            return Err("it was adopted before, and has ended since".to_owned());
        }
        let request = OrderRequest {
            order_type,
            time_in_force,
            price: theirs.price,
            stop_price: theirs.stop_price,
            note: "adopted".to_owned(),
            ..OrderRequest::market(theirs.instrument, theirs.side, quantity)
        };
        let mut entry = self.new_entry(StrategyId::manual(), order_id, request, at);
        entry.reported = theirs.filled;
        let order = &mut entry.order;
        (order.client_order_id, order.filled, order.filled_notional) = (name, theirs.filled, notional);
        let venue_order_id = Some(theirs.venue_order_id);
        order.attempts = vec![Attempt { client_order_id: name, venue_order_id, since: at.now, confirmed: true }];
        order.status = if theirs.filled.is_positive() { Status::PartiallyFilled } else { Status::Accepted };
        let text = "found at the venue and adopted".to_owned();
        self.record(&mut entry, Happening { text, ..Happening::of(EventKind::Accepted) }, at, out);
        self.index(entry);
        Ok(())
    }
}
