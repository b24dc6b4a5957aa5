//! What the log says of an order, once the ledger holds it.
//!
//! Fills and what went wrong are said as they are; the steps in between only where somebody looks for a mistake. Every
//! line carries the order and what belongs together with it.

use messages::orders::{EventKind, OrderUpdate};

/// Says one event of an order.
pub fn say(update: &OrderUpdate) {
    let (order, event) = (&update.order, &update.event);
    // A macro for each level: the level of a line must be known where it stands.
    macro_rules! line {
        ($level:ident, $event:literal, $($words:tt)*) => {
            tracing::$level!(
                event = $event,
                order_id = %order.order_id,
                correlation_id = %order.correlation_id,
                strategy = %order.strategy,
                symbol = %order.request.instrument.symbol,
                venue = %order.request.instrument.exchange,
                client_order_id = %order.client_order_id,
                as_of = event.as_of,
                $($words)*
            )
        };
    }
    let (side, why) = (order.request.side, event.reason_text.as_str());
    match (event.kind, &event.fill) {
        (EventKind::Busted, _) => line!(warn, "order_busted", "{why}"),
        (_, Some(fill)) => line!(info, "order_filled", "{side} {} at {}: {}", fill.quantity, fill.price, order.status),
        (EventKind::Denied, _) => line!(info, "order_denied", "an order was denied: {why}"),
        (EventKind::Rejected | EventKind::NotReceived, _) => {
            line!(warn, "order_rejected", "an order was rejected: {why}");
        }
        _ => line!(debug, "order_changed", "{}", event.kind),
    }
}
