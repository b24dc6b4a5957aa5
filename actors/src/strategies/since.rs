//! Own order events that the last checkpoint has not seen: what a new generation is told again.
//!
//! An event may have been on its way to the strategy while a checkpoint was taken, and several may wait: a checkpoint
//! lets go only what it says it has seen.

use messages::orders::OrderUpdate;
use messages::strategies::Checkpoint;
use serde::{Deserialize, Serialize};

/// Events that the next generation may have to hear.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Since(Vec<OrderUpdate>);

impl Since {
    /// Something happened to one of its orders.
    pub fn push(&mut self, update: OrderUpdate) {
        self.0.push(update);
    }

    /// Its state was saved.
    pub fn checkpoint(&mut self, saved: &Checkpoint) {
        self.0.retain(|update| !has_seen(saved, update));
    }

    /// All of them, oldest first.
    #[must_use]
    pub fn all(self) -> Vec<OrderUpdate> {
        self.0
    }

    /// Each of them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &OrderUpdate> {
        self.0.iter()
    }

    /// What a generation that begins with `checkpoint` has not seen, oldest first.
    #[must_use]
    pub fn missed(&self, checkpoint: Option<&Checkpoint>) -> Vec<OrderUpdate> {
        self.0.iter().filter(|u| !checkpoint.is_some_and(|c| has_seen(c, u))).cloned().collect()
    }
}

fn has_seen(saved: &Checkpoint, update: &OrderUpdate) -> bool {
    saved.seen.iter().any(|(id, number)| *id == update.event.order_id && update.event.number <= *number)
}

#[cfg(test)]
pub(super) mod tests {
    use messages::UtcNanos;
    use messages::orders::{EventKind, Order, OrderEvent, OrderRequest, Side, Status};
    use messages::{CorrelationId, Exchange, Instrument, MarketId, Notional, OrderId, Quantity};

    use super::*;

    pub fn update(order: u128, number: u32) -> OrderUpdate {
        let order_id = OrderId(uuid_of(order));
        let instrument = Instrument { exchange: Exchange::Simulated, symbol: "A".parse().unwrap() };
        let order = Order {
            order_id,
            account: "paper".parse().unwrap(),
            strategy: "s".parse().unwrap(),
            client_order_id: "c".parse().unwrap(),
            request: OrderRequest::market(instrument, Side::Buy, Quantity::ZERO),
            status: Status::Accepted,
            filled: Quantity::ZERO,
            filled_notional: Notional::ZERO,
            acknowledged: true,
            triggered: false,
            attempts: Vec::new(),
            replacing: None,
            reason: None,
            reason_text: String::new(),
            created_at: UtcNanos(0),
            submitted_at: None,
            updated_at: UtcNanos(0),
            filled_at: None,
            commission: None,
            correlation_id: CorrelationId(order_id.0),
            as_of: 0,
        };
        let event = OrderEvent {
            order_id,
            number,
            kind: EventKind::Accepted,
            status: Status::Accepted,
            reason: None,
            reason_text: String::new(),
            at: UtcNanos(0),
            fill: None,
            as_of: 0,
        };
        OrderUpdate { event, order }
    }

    fn uuid_of(n: u128) -> messages::ids::Uuid {
        messages::ids::Uuid::from_u128(n)
    }

    pub fn saved(seen: &[(u128, u32)]) -> Checkpoint {
        Checkpoint {
            strategy: "s".parse().unwrap(),
            generation: 0,
            at: UtcNanos(0),
            market: MarketId(0),
            seen: seen.iter().map(|(id, n)| (OrderId(uuid_of(*id)), *n)).collect(),
            orders_made: 0,
            state: Vec::new(),
        }
    }

    #[test]
    fn what_no_checkpoint_has_seen_is_told_however_many_there_were() {
        let mut since = Since::default();
        (1..=3).for_each(|n| since.push(update(1, n)));
        since.push(update(2, 1));
        since.checkpoint(&saved(&[(1, 1)]));
        since.checkpoint(&saved(&[(1, 2)]));
        let missed = |since: &Since, last: &Checkpoint| -> Vec<(u128, u32)> {
            since.missed(Some(last)).iter().map(|u| (u.event.order_id.0.as_u128(), u.event.number)).collect()
        };
        assert_eq!(missed(&since, &saved(&[(1, 2)])), [(1, 3), (2, 1)]);
        since.checkpoint(&saved(&[(1, 3), (2, 1)]));
        assert!(since.all().is_empty());
    }
}
