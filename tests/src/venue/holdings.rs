//! What an account holds at the testkit's venue: all that traded there, in one quote asset.

use std::collections::BTreeMap;

use messages::account::{AccountSnapshot, VenueBalance, VenueFill, VenueOrder, VenuePosition, Wanted};
use messages::orders::Side;
use messages::{Cash, Instrument, Notional, Quantity, UtcNanos};

use super::books::{Books, Stands, Taken};

/// What everything is paid in.
const CASH: &str = "USDT";
/// What an account begins with.
const BEGINS_WITH: &str = "100000";

impl Books {
    /// What the account holds, and the fills that are wanted.
    ///
    /// # Panics
    /// When the test moved more than an account can hold.
    #[must_use]
    pub fn account(&self, wanted: &[Wanted], asked: UtcNanos, time: UtcNanos) -> AccountSnapshot {
        let mut cash: Cash = BEGINS_WITH.parse().expect("an amount");
        let mut held: BTreeMap<Instrument, Held> = BTreeMap::new();
        let (mut open, mut fills) = (Vec::new(), Vec::new());
        for (first, taken) in &self.orders {
            let venue_order_id = format!("V{first}").parse().expect("a short id");
            let (instrument, side) = (taken.request.instrument, taken.request.side);
            let since = wanted.iter().find(|wanted| wanted.instrument == instrument).and_then(|wanted| wanted.since);
            for fill in &taken.fills {
                let value = fill.price.times(fill.quantity).expect("in range");
                let value = if side == Side::Buy { -value } else { value };
                let fee = fill.fee.map_or(Cash::ZERO, |fee| fee.amount);
                cash = cash.checked_add(value).and_then(|cash| cash.checked_sub(fee)).expect("in range");
                held.entry(instrument).or_default().trade(side, fill.quantity, fill.price.notional(fill.quantity));
                if since.is_some_and(|mark| fill.executed_at >= mark.at) {
                    fills.push(VenueFill {
                        venue_order_id,
                        instrument,
                        side,
                        execution_id: fill.execution_id,
                        price: fill.price,
                        quantity: fill.quantity,
                        cumulative: Some(fill.cumulative),
                        liquidity: fill.liquidity,
                        fee: fill.fee,
                        executed_at: fill.executed_at,
                    });
                }
            }
            if taken.stands == Stands::Open {
                open.push(listed(taken, venue_order_id));
            }
        }
        fills.sort_by_key(|fill| fill.executed_at);
        let positions = held.into_iter().filter(|(_, held)| !held.quantity.is_zero());
        let positions = positions.map(|(instrument, held)| held.position(instrument)).collect();
        let asset = CASH.parse().expect("an asset");
        let balances = vec![VenueBalance { asset, free: cash, locked: Cash::ZERO }];
        let account = self.account_name();
        AccountSnapshot { account, asked, time, open, fills, positions: Some(positions), balances, missing: Vec::new() }
    }
}

fn listed(taken: &Taken, venue_order_id: messages::VenueOrderId) -> VenueOrder {
    let spent =
        taken.fills.iter().try_fold(Notional::ZERO, |sum, fill| sum.checked_add(fill.price.notional(fill.quantity)?));
    VenueOrder {
        client_order_id: taken.name.to_string(),
        venue_order_id,
        instrument: taken.request.instrument,
        side: taken.request.side,
        order_type: Some(taken.request.order_type),
        time_in_force: Some(taken.request.time_in_force),
        quantity: Some(taken.request.quantity),
        price: taken.request.price,
        stop_price: taken.request.stop_price,
        filled: taken.filled(),
        filled_notional: spent,
        status: "open".to_owned(),
    }
}

/// What came of all trades in an instrument.
#[derive(Default)]
struct Held {
    quantity: Quantity,
    bought: (Quantity, Notional),
    sold: (Quantity, Notional),
}

impl Held {
    fn trade(&mut self, side: Side, quantity: Quantity, notional: Option<Notional>) {
        self.quantity = self.quantity.checked_add(side.signed(quantity)).expect("in range");
        let sums = if side == Side::Buy { &mut self.bought } else { &mut self.sold };
        let notional = notional.and_then(|notional| sums.1.checked_add(notional)).expect("in range");
        *sums = (sums.0.checked_add(quantity).expect("in range"), notional);
    }

    /// Entered at the average of all trades on its side.
    fn position(&self, instrument: Instrument) -> VenuePosition {
        let (quantity, notional) = if self.quantity.is_negative() { self.sold } else { self.bought };
        VenuePosition { instrument, quantity: self.quantity, average_entry: notional.average(quantity) }
    }
}
