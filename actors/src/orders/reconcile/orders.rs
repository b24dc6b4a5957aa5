//! Orders and fills: which of ours the venue tells otherwise, and which of its are none of ours.
//!
//! A doubt is not a verdict: the order is asked about, and the answer goes the way of every report, which counts a fill once.

use std::collections::BTreeMap;

use messages::account::{AccountSnapshot, Difference, DifferenceKind, VenueFill, VenueOrder};
use messages::orders::{Order, Status};
use messages::{Instrument, OrderId, Price, Quantity, VenueOrderId};

/// What is told differently.
#[derive(Debug, Default)]
pub struct Found<'a> {
    /// Orders of ours.
    pub doubts: BTreeMap<OrderId, Difference>,
    /// Open orders that are none of ours.
    pub foreign_orders: Vec<&'a VenueOrder>,
    /// Fills of orders that are none of ours, or forgotten here.
    pub foreign_fills: Vec<&'a VenueFill>,
}

/// Holds orders, open and ended, as far as they are remembered, and their fills against what the venue lists; `knows` tells whether
/// a fill of an order is here.
#[must_use]
pub fn compare<'s>(
    ours: &[&Order],
    knows: impl Fn(&Order, &VenueFill) -> bool,
    snapshot: &'s AccountSnapshot,
) -> Found<'s> {
    let known = Known::of(ours);
    let mut found = Found::default();
    let mut listed: BTreeMap<OrderId, &VenueOrder> = BTreeMap::new();
    for theirs in &snapshot.open {
        match known.order(theirs) {
            Some(id) => drop(listed.insert(id, theirs)),
            None => found.foreign_orders.push(theirs),
        }
    }
    for order in ours {
        let doubt = match listed.get(&order.order_id) {
            Some(theirs) => doubt_of_listed(order, theirs, snapshot),
            // Ended, held here, made since, or never sent before the question.
            None if order.status.is_terminal() || order.status == Status::Held => None,
            None if order.created_at >= snapshot.asked => None,
            None => Some((DifferenceKind::NotOpenThere, format!("{} here and not open there", stands(order)))),
        };
        if let Some((kind, text)) = doubt {
            found.doubts.insert(order.order_id, difference(order, kind, text));
        }
    }
    for fill in &snapshot.fills {
        let id = known.by_venue_id.get(&(fill.instrument, fill.venue_order_id));
        let order = id.and_then(|id| known.orders.get(id));
        match order {
            None => found.foreign_fills.push(fill),
            Some(order) if knows(order, fill) || is_counted(order, fill) => {}
            Some(order) => {
                let text = format!("fill {} of {} at {} is not here", fill.execution_id, fill.quantity, fill.price);
                let doubt = difference(order, DifferenceKind::MissedFill, text);
                found.doubts.insert(order.order_id, doubt);
            }
        }
    }
    found
}

/// Our orders by every name that a venue may use.
struct Known<'a> {
    orders: BTreeMap<OrderId, &'a Order>,
    by_name: BTreeMap<&'a str, OrderId>,
    /// Binance numbers the orders of each symbol by themselves.
    by_venue_id: BTreeMap<(Instrument, VenueOrderId), OrderId>,
}

impl<'a> Known<'a> {
    fn of(ours: &[&'a Order]) -> Self {
        let mut known = Self { orders: BTreeMap::new(), by_name: BTreeMap::new(), by_venue_id: BTreeMap::new() };
        for order in ours {
            let (id, instrument) = (order.order_id, order.request.instrument);
            known.orders.insert(id, order);
            for attempt in &order.attempts {
                known.by_name.insert(attempt.client_order_id.as_str(), id);
                known.by_venue_id.extend(attempt.venue_order_id.map(|venue_id| ((instrument, venue_id), id)));
            }
        }
        known
    }

    fn order(&self, theirs: &VenueOrder) -> Option<OrderId> {
        let by_id = || self.by_venue_id.get(&(theirs.instrument, theirs.venue_order_id));
        self.by_name.get(theirs.client_order_id.as_str()).or_else(by_id).copied()
    }
}

fn doubt_of_listed(order: &Order, theirs: &VenueOrder, snapshot: &AccountSnapshot) -> Option<(DifferenceKind, String)> {
    // Whatever was heard of it since the question is newer than the list.
    let is_newer = order.updated_at >= snapshot.asked;
    if order.status.is_terminal() {
        let text = format!("{} here and {} there", stands(order), theirs.status);
        return (!is_newer).then_some((DifferenceKind::OpenThere, text));
    }
    let filled = || format!("{} filled here and {} there", order.filled, theirs.filled);
    if theirs.filled > order.filled {
        return Some((DifferenceKind::MissedFill, filled()));
    }
    // Behind a replacement a venue may count anew.
    if theirs.filled < order.filled && !is_newer && names_in_force(order) == 1 {
        return Some((DifferenceKind::MoreFilledHere, filled()));
    }
    let changes = order.replacing.is_some() || is_newer;
    // A venue may give an order a price of its own: Alpaca does to a stop that buys.
    let differs = |ours: Option<Price>, theirs: Option<Price>| ours.zip(theirs).is_some_and(|(o, t)| o != t);
    let request = &order.request;
    let other = differs(request.price, theirs.price)
        || differs(request.stop_price, theirs.stop_price) && request.trail_amount.is_none()
        || request.quote_quantity.is_none()
            && theirs.quantity.is_some_and(|all| has_another_size(order, all, theirs.filled));
    (other && !changes).then(|| {
        let show = |price: Option<_>, quantity: Option<Quantity>| {
            let price = price.map_or_else(|| "market".to_owned(), |price: Price| price.to_string());
            format!("{} @ {price}", quantity.map_or_else(|| "?".to_owned(), |quantity| quantity.to_string()))
        };
        let here = show(request.price, Some(request.quantity));
        (DifferenceKind::Terms, format!("{here} here and {} there", show(theirs.price, theirs.quantity)))
    })
}

/// True where a venue's quantity is not ours. Behind a replacement it may count anew: then what is left is another as well.
fn has_another_size(order: &Order, all: Quantity, filled: Quantity) -> bool {
    all != order.request.quantity && (names_in_force(order) == 1 || all.checked_sub(filled) != Some(order.remaining()))
}

/// True where the venue's count says that the fill is here: it may have several keys for one.
fn is_counted(order: &Order, fill: &VenueFill) -> bool {
    names_in_force(order) == 1 && fill.cumulative.is_some_and(|count| order.filled >= count)
}

fn names_in_force(order: &Order) -> usize {
    order.attempts.iter().filter(|attempt| attempt.confirmed).count()
}

fn stands(order: &Order) -> String {
    format!("{} with {} of {} filled", order.status, order.filled, order.request.quantity)
}

fn difference(order: &Order, kind: DifferenceKind, text: String) -> Difference {
    let subject = order.current_client_order_id().to_string();
    Difference {
        kind,
        subject,
        text: format!("{} {}: {text}", order.request.instrument, order.request.side),
        settled: false,
    }
}
