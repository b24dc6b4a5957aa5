//! Entries of a reconciliation: what is held becomes what the venue says, with a row that says so.

use messages::orders::{Fill, Side};
use messages::positions::Opened;

use super::*;

impl Positions {
    /// Entries that were in the ledger without their booking when the last process ended, oldest first.
    #[must_use]
    pub fn unopened(&self) -> Vec<(u64, Vec<OpeningEntry>)> {
        self.unopened.iter().map(|(number, entries)| (*number, entries.clone())).collect()
    }

    /// Books the entries of a reconciliation. What was opened counts as paid in, for nobody earned it; what was closed is taken out
    /// at its own cost and earns nothing. `None` where nothing fits its column.
    pub fn open_entries(&mut self, number: u64, entries: &[OpeningEntry], now: UtcNanos) -> Option<Box<Opened>> {
        self.unopened.remove(&number);
        let (mut positions, mut balances) = (Vec::new(), Vec::new());
        for entry in entries {
            match *entry {
                OpeningEntry::Position { instrument, strategy, change, price } => {
                    let key = (instrument, strategy);
                    let held = self.held.get(&key).cloned().unwrap_or_default();
                    let Some(next) = held.entered(change, price, now) else { continue };
                    self.held.insert(key, next);
                    positions.push(self.position(key, now, None));
                }
                OpeningEntry::Balance { asset, change, .. } => {
                    let before = self.balances.get(&asset).copied().unwrap_or_default();
                    let Some(total) = before.checked_add(change) else { continue };
                    self.balances.insert(asset, total);
                    self.count_paid_in(asset, total, before);
                    balances.push(self.balance(asset, total, now));
                }
            }
        }
        let is_any = !positions.is_empty() || !balances.is_empty();
        is_any.then(|| Box::new(Opened { number, positions, balances, at: now }))
    }

    pub(super) fn restore_opened(&mut self, opened: &Opened) {
        self.unopened.remove(&opened.number);
        for position in &opened.positions {
            self.next_position = position.position_id + 1;
            self.held.insert((position.instrument, position.strategy), Held::of(position));
        }
        for balance in &opened.balances {
            let before = self.balances.insert(balance.asset, balance.total).unwrap_or_default();
            self.count_paid_in(balance.asset, balance.total, before);
            self.next_balance = balance.balance_id + 1;
        }
    }
}

impl Held {
    /// As a row has it.
    pub(super) fn of(position: &Position) -> Self {
        Self {
            quantity: position.quantity,
            cost_basis: position.cost_basis,
            realized: position.realized_pnl,
            opened_at: position.opened_at,
            closed_at: position.closed_at,
        }
    }

    /// Behind an entry: what it closes leaves with its share of the cost, what it opens costs its price.
    fn entered(&self, change: Quantity, price: Option<Price>, now: UtcNanos) -> Option<Self> {
        let side = if change.is_negative() { Side::Sell } else { Side::Buy };
        let own = self.cost_basis.abs().per(self.quantity.abs());
        let price = price.or(own)?;
        let fill = Fill {
            execution_id: "opening".parse().ok()?,
            price,
            quantity: change.abs(),
            cumulative: change.abs(),
            liquidity: None,
            fee: None,
            executed_at: now,
        };
        let moved = accounting::move_position(self.quantity, self.cost_basis, side, &fill)?;
        let opened = self.quantity.is_zero() || self.quantity.is_negative() != moved.quantity.is_negative();
        Some(Self {
            quantity: moved.quantity,
            cost_basis: moved.cost_basis,
            realized: self.realized,
            opened_at: if opened && !moved.quantity.is_zero() { Some(now) } else { self.opened_at },
            closed_at: moved.quantity.is_zero().then_some(now),
        })
    }
}
