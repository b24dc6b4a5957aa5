//! What a checkpoint of the ledger keeps of positions and balances: all that [`Positions::restore`] made of its records.

use super::*;

/// Positions and balances as they are kept.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedPositions {
    held: Vec<((Instrument, StrategyId), Held)>,
    balances: Vec<(Asset, Cash)>,
    paid_in: Vec<(Asset, Cash)>,
    unbooked: Vec<(TradeId, OrderUpdate)>,
    booked: Vec<(TradeId, Cash)>,
    unopened: Vec<(u64, Vec<OpeningEntry>)>,
    next_position: u64,
    next_balance: u64,
    next_snapshot: u64,
    value_at_day_start: Option<(i64, Cash)>,
    highest: Option<Cash>,
    drawdown: Cash,
}

impl Positions {
    /// What a checkpoint keeps.
    #[must_use]
    pub fn save(&self) -> SavedPositions {
        SavedPositions {
            held: self.held.iter().map(|(k, h)| (*k, h.clone())).collect(),
            balances: self.balances.iter().map(|(a, t)| (*a, *t)).collect(),
            paid_in: self.paid_in.iter().map(|(a, t)| (*a, *t)).collect(),
            unbooked: self.unbooked.clone(),
            booked: self.booked.oldest_first().collect(),
            unopened: self.unopened.iter().map(|(number, entries)| (*number, entries.clone())).collect(),
            next_position: self.next_position,
            next_balance: self.next_balance,
            next_snapshot: self.next_snapshot,
            value_at_day_start: self.value_at_day_start,
            highest: self.highest,
            drawdown: self.drawdown,
        }
    }

    /// Takes what a checkpoint kept, into an empty state, before the records behind it.
    pub fn load(&mut self, saved: SavedPositions) {
        self.held = saved.held.into_iter().collect();
        self.balances = saved.balances.into_iter().collect();
        self.paid_in = saved.paid_in.into_iter().collect();
        self.unbooked = saved.unbooked;
        saved.booked.into_iter().for_each(|(id, realized)| self.booked.insert(id, realized));
        self.unopened = saved.unopened.into_iter().collect();
        self.next_position = saved.next_position;
        self.next_balance = saved.next_balance;
        self.next_snapshot = saved.next_snapshot;
        self.value_at_day_start = saved.value_at_day_start;
        self.highest = saved.highest;
        self.drawdown = saved.drawdown;
    }
}
