//! What a checkpoint of the ledger keeps of the orders: all that [`Orders::restore`] made of its records.

use super::reconciling::SavedReconciling;
use super::watch::SavedWatch;
use super::*;
use crate::orders::risk::recent::Usual;

/// The orders as they are kept.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedOrders {
    client_ids: ClientOrderIds,
    entries: Vec<Entry>,
    ended: Vec<OrderId>,
    positions: Vec<((StrategyId, Instrument), Quantity)>,
    balances: Vec<(Asset, Cash)>,
    trading: TradingState,
    heard_at: UtcNanos,
    usual: Vec<((StrategyId, Instrument), Usual)>,
    watch: SavedWatch,
    reconciling: SavedReconciling,
}

impl Orders {
    /// What a checkpoint keeps.
    #[must_use]
    pub fn save(&self) -> SavedOrders {
        SavedOrders {
            client_ids: self.client_ids.clone(),
            entries: self.entries.values().cloned().collect(),
            ended: self.ended.iter().copied().collect(),
            positions: self.book.positions().collect(),
            balances: self.balances.iter().map(|(a, t)| (*a, *t)).collect(),
            trading: self.trading,
            heard_at: self.heard_at,
            usual: self.recent.save(),
            watch: self.watch.save(self.rulebook.changes()),
            reconciling: self.reconciling.save(),
        }
    }

    /// Takes what a checkpoint kept, into an empty state, before the records behind it.
    pub fn load(&mut self, saved: SavedOrders) {
        self.client_ids.go_on_behind_all(&saved.client_ids);
        for entry in saved.entries {
            let id = entry.order.order_id;
            self.by_client_id.extend(entry.order.attempts.iter().map(|a| (a.client_order_id, id)));
            if entry.order.status.is_open() {
                self.open.insert(id);
            }
            self.book.put(&entry.order);
            self.families.note(&entry.order);
            self.entries.insert(id, entry);
        }
        self.ended = saved.ended.into();
        for ((strategy, instrument), quantity) in saved.positions {
            self.book.fill(strategy, instrument, quantity);
        }
        self.recent.load(saved.usual);
        self.reconciling.load(saved.reconciling);
        let (watch, changes) = Watch::load(saved.watch);
        self.watch = watch;
        self.rulebook.load(changes);
        self.balances = saved.balances.into_iter().collect();
        self.trading = saved.trading;
        self.heard_at = saved.heard_at;
    }
}
