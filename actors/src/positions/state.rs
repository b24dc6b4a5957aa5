//! The pure state of the positions actor: what each strategy holds, what the account owns.
//!
//! Hears order updates (it books their fills), prices, deposits and ledger records; says bookings and
//! snapshots for the ledger. Each fill is booked once: by its trade id, over restarts too.

use std::collections::BTreeMap;

use messages::account::OpeningEntry;
use messages::instrument::{Asset, Rules};
use messages::ledger::LedgerRecord;
use messages::market::{Batch, EventBody, TickBody};
use messages::orders::OrderUpdate;
use messages::positions::{Balance, Booked, Position, Trade};
use messages::snapshots::{Portfolio, Snapshot, SnapshotType};
use messages::{Account, Cash, CorrelationId, Instrument, Notional, Price, Quantity, StrategyId, TradeId, UtcNanos};

use super::booked::BookedFills;
use serde::{Deserialize, Serialize};

use crate::accounting;
use crate::by_instrument::ByInstrument;
use crate::rates::Rates;

mod opened;
mod saved;

pub use saved::SavedPositions;

/// What the state is made with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whose money.
    pub account: Account,
    /// What it is valued in.
    pub currency: Asset,
    /// The instruments' rules.
    pub rules: BTreeMap<Instrument, Rules>,
}

/// A position as it is kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Held {
    quantity: Quantity,
    cost_basis: Cash,
    realized: Cash,
    opened_at: Option<UtcNanos>,
    closed_at: Option<UtcNanos>,
}

/// What an instrument is valued at.
#[derive(Debug, Clone, Copy)]
struct Mark {
    price: Price,
    /// Whether it is the middle of a quote, which a trade does not replace.
    quoted: bool,
}

/// The state.
pub struct Positions {
    settings: Settings,
    /// By which instruments assets are valued.
    rates: Rates,
    held: BTreeMap<(Instrument, StrategyId), Held>,
    balances: BTreeMap<Asset, Cash>,
    paid_in: BTreeMap<Asset, Cash>,
    marks: ByInstrument<Option<Mark>>,
    /// Fills of the ledger that have no booking in it yet. Empty but between a crash and the start after it.
    /// In the order of the ledger.
    unbooked: Vec<(TradeId, OrderUpdate)>,
    booked: BookedFills,
    /// Entries of reconciliations that have no booking yet, by the reconciliation's number.
    unopened: BTreeMap<u64, Vec<OpeningEntry>>,
    next_position: u64,
    next_balance: u64,
    next_snapshot: u64,
    value_at_day_start: Option<(i64, Cash)>,
    highest: Option<Cash>,
    drawdown: Cash,
}

impl Positions {
    /// An empty state.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            rates: Rates::new(settings.rules.values(), settings.currency),
            settings,
            held: BTreeMap::new(),
            balances: BTreeMap::new(),
            paid_in: BTreeMap::new(),
            marks: ByInstrument::default(),
            unbooked: Vec::new(),
            booked: BookedFills::default(),
            unopened: BTreeMap::new(),
            next_position: 1,
            next_balance: 1,
            next_snapshot: 1,
            value_at_day_start: None,
            highest: None,
            drawdown: Cash::ZERO,
        }
    }

    /// Takes what a ledger record says, at start.
    pub fn restore(&mut self, record: &LedgerRecord) {
        match record {
            LedgerRecord::Order(update) => {
                if let Some(trade_id) = self.trade_id(update)
                    && !self.booked.contains(&trade_id)
                {
                    self.unbooked.push((trade_id, (**update).clone()));
                }
            }
            LedgerRecord::Booked(booked) => self.restore_booked(booked),
            LedgerRecord::Reconciled(done) if !done.entries.is_empty() => {
                self.unopened.insert(done.number, done.entries.clone());
            }
            LedgerRecord::Opened(opened) => self.restore_opened(opened),
            LedgerRecord::Deposit(balance) => {
                let before = self.balances.insert(balance.asset, balance.total).unwrap_or_default();
                self.count_paid_in(balance.asset, balance.total, before);
                self.next_balance = balance.balance_id + 1;
            }
            LedgerRecord::Snapshot(snapshot) => {
                let p = &snapshot.portfolio;
                self.next_snapshot = p.snapshot_id + 1;
                self.next_position = snapshot.positions.last().map_or(self.next_position, |p| p.position_id + 1);
                self.next_balance = snapshot.balances.last().map_or(self.next_balance, |b| b.balance_id + 1);
                self.follow_value(p.value, p.at);
            }
            _ => {}
        }
    }

    fn restore_booked(&mut self, booked: &Booked) {
        let (trade, position) = (&booked.trade, &booked.position);
        self.unbooked.retain(|(id, _)| *id != trade.trade_id);
        self.booked.insert(trade.trade_id, trade.realized_pnl);
        self.next_position = position.position_id + 1;
        self.held.insert((position.instrument, position.strategy), Held::of(position));
        for balance in &booked.balances {
            self.balances.insert(balance.asset, balance.total);
            self.next_balance = balance.balance_id + 1;
        }
    }

    /// Fills that were in the ledger without their booking when the last process ended, oldest first.
    pub fn take_unbooked(&mut self) -> Vec<OrderUpdate> {
        std::mem::take(&mut self.unbooked).into_iter().map(|(_, update)| update).collect()
    }

    fn trade_id(&self, update: &OrderUpdate) -> Option<TradeId> {
        // What was undone before it was booked moves nothing.
        let fill = update.event.fill.as_ref().filter(|fill| !fill.quantity.is_zero())?;
        let exchange = update.order.request.instrument.exchange.as_str();
        Some(TradeId::of(update.order.account, exchange, fill.execution_id))
    }

    /// Takes the newest prices of a batch: the middle of the quote, or the last trade without one.
    pub fn on_market(&mut self, batch: &Batch) {
        for event in &batch.events {
            let EventBody::Tick(tick) = &event.body else { continue };
            if !batch.is_price(tick) {
                continue;
            }
            let mark = self.marks.get_or_default(tick.instrument);
            *mark = match tick.body {
                TickBody::Quote { bid: Some(bid), ask: Some(ask) } => {
                    middle(bid.price, ask.price).map(|price| Mark { price, quoted: true }).or(*mark)
                }
                TickBody::Quote { .. } => *mark,
                TickBody::Trade { .. } if mark.is_some_and(|m| m.quoted) => *mark,
                TickBody::Trade { price, .. } => Some(Mark { price, quoted: false }),
            };
        }
    }

    /// Money is paid in (or taken out, when `amount` is negative).
    pub fn deposit(&mut self, asset: Asset, amount: Cash, now: UtcNanos) -> Option<LedgerRecord> {
        let before = self.balances.get(&asset).copied().unwrap_or_default();
        let total = before.checked_add(amount)?;
        self.balances.insert(asset, total);
        self.count_paid_in(asset, total, before);
        Some(LedgerRecord::Deposit(self.balance(asset, total, now)))
    }

    fn count_paid_in(&mut self, asset: Asset, total: Cash, before: Cash) {
        let paid = self.paid_in.entry(asset).or_default();
        *paid = total.checked_sub(before).and_then(|change| paid.checked_add(change)).unwrap_or(*paid);
    }

    /// Books the fill of an update; `None` when it has none, or was booked before.
    ///
    /// # Errors
    /// The sums do not fit their columns, in words for people. Nothing is booked then.
    pub fn on_update(&mut self, update: &OrderUpdate, now: UtcNanos) -> Result<Option<Box<Booked>>, String> {
        let (Some(trade_id), Some(fill)) = (self.trade_id(update), update.event.fill.as_ref()) else { return Ok(None) };
        if self.booked.contains(&trade_id) {
            return Ok(None);
        }
        let order = &update.order;
        let (instrument, side) = (order.request.instrument, order.request.side);
        let rules = self.settings.rules.get(&instrument).ok_or_else(|| format!("nothing is known of {instrument}"))?;
        let key = (instrument, order.strategy);
        let held = self.held.get(&key).cloned().unwrap_or_default();
        let out_of_range = || format!("fill {} of {instrument} is out of range", fill.execution_id);
        let moved = if fill.quantity.is_negative() {
            let undone =
                fill.execution_id.undoes().map(|id| TradeId::of(order.account, instrument.exchange.as_str(), id));
            let realized = undone.and_then(|id| self.booked.realized(&id));
            accounting::undo_fill(held.quantity, held.cost_basis, side, fill, realized)
        } else {
            accounting::move_position(held.quantity, held.cost_basis, side, fill)
        };
        let moved = moved.ok_or_else(out_of_range)?;
        let realized = held.realized.checked_add(moved.realized).ok_or_else(out_of_range)?;
        let changes = accounting::balance_changes(rules, side, fill).ok_or_else(out_of_range)?;
        let total = |(asset, change)| {
            let before = self.balances.get(&asset).copied().unwrap_or_default();
            Some((asset, before.checked_add(change)?))
        };
        let totals: Vec<_> = changes.into_iter().map(total).collect::<Option<_>>().ok_or_else(out_of_range)?;

        let opened = held.quantity.is_zero() || held.quantity.is_negative() != moved.quantity.is_negative();
        let next = Held {
            quantity: moved.quantity,
            cost_basis: moved.cost_basis,
            realized,
            opened_at: if opened && !moved.quantity.is_zero() { Some(fill.executed_at) } else { held.opened_at },
            closed_at: moved.quantity.is_zero().then_some(fill.executed_at),
        };
        self.held.insert(key, next);
        self.booked.insert(trade_id, moved.realized);
        self.marks.get_or_default(instrument).get_or_insert(Mark { price: fill.price, quoted: false });
        self.balances.extend(totals.iter().copied());
        let balances = totals.into_iter().map(|(asset, total)| self.balance(asset, total, now)).collect();
        let trade = Trade {
            trade_id,
            account: order.account,
            order_id: order.order_id,
            instrument,
            side,
            quantity: fill.quantity,
            price: fill.price,
            executed_at: fill.executed_at,
            reported_at: update.event.at,
            fee: fill.fee,
            liquidity: fill.liquidity,
            realized_pnl: moved.realized,
            execution_id: fill.execution_id,
            strategy: order.strategy,
            correlation_id: order.correlation_id,
            as_of: update.event.as_of,
        };
        let position = self.position(key, now, Some(order.correlation_id));
        Ok(Some(Box::new(Booked { trade, position, balances })))
    }

    fn position(
        &mut self,
        key: (Instrument, StrategyId),
        at: UtcNanos,
        correlation_id: Option<CorrelationId>,
    ) -> Position {
        let held = self.held.get(&key).cloned().unwrap_or_default();
        let row = self.row(key, &held, at, correlation_id);
        self.next_position += 1;
        row
    }

    fn row(
        &self,
        (instrument, strategy): (Instrument, StrategyId),
        held: &Held,
        at: UtcNanos,
        correlation_id: Option<CorrelationId>,
    ) -> Position {
        Position {
            position_id: self.next_position,
            account: self.settings.account,
            instrument,
            strategy,
            quantity: held.quantity,
            cost_basis: held.cost_basis,
            mark_price: self.mark(instrument),
            realized_pnl: held.realized,
            opened_at: held.opened_at,
            closed_at: held.closed_at,
            at,
            correlation_id,
        }
    }

    fn balance(&mut self, asset: Asset, total: Cash, at: UtcNanos) -> Balance {
        let row = self.balance_row(asset, total, at);
        self.next_balance += 1;
        row
    }

    fn balance_row(&self, asset: Asset, total: Cash, at: UtcNanos) -> Balance {
        Balance { balance_id: self.next_balance, account: self.settings.account, asset, total, at }
    }

    /// What the account is worth now, with every position and balance.
    pub fn snapshot(&mut self, kind: SnapshotType, now: UtcNanos) -> Box<Snapshot> {
        self.follow_value(self.value(), now);
        let portfolio = self.portfolio(kind, now);
        self.next_snapshot += 1;
        let open: Vec<_> = self.open().map(|(instrument, strategy, _)| (instrument, strategy)).collect();
        let positions = open.into_iter().map(|key| self.position(key, now, None)).collect();
        let balances: Vec<_> = self.balances().collect();
        let balances = balances.into_iter().map(|(asset, total)| self.balance(asset, total, now)).collect();
        Box::new(Snapshot { portfolio, positions, balances })
    }

    fn portfolio(&self, kind: SnapshotType, now: UtcNanos) -> Portfolio {
        let value = self.value();
        let (open, long) =
            self.open().fold((0, 0), |(open, long), (.., q)| (open + 1, long + u32::from(q.is_positive())));
        let paid_in = self.rates.value(&self.paid_in, |instrument| self.mark(instrument));
        Portfolio {
            snapshot_id: self.next_snapshot,
            account: self.settings.account,
            currency: self.settings.currency,
            at: now,
            kind,
            cash: self.balances.get(&self.settings.currency).copied(),
            value,
            total_pnl: value.and_then(|v| v.checked_sub(paid_in?)),
            daily_pnl: value.and_then(|v| v.checked_sub(self.value_at_day_start?.1)),
            max_drawdown: value.map(|value| self.drawdown_at(value)),
            leverage: value.and_then(|v| self.leverage(v)),
            long_positions: long,
            short_positions: open - long,
        }
    }

    /// What is held and what it is worth, with every position that was ever held. Nothing is numbered or remembered.
    #[must_use]
    pub fn now(&self, now: UtcNanos) -> Box<Snapshot> {
        let portfolio = self.portfolio(SnapshotType::Manual, now);
        let positions = self.held.iter().map(|(key, held)| self.row(*key, held, now, None)).collect();
        let balance = |(asset, total): (&Asset, &Cash)| self.balance_row(*asset, *total, now);
        let balances = self.balances.iter().map(balance).collect();
        Box::new(Snapshot { portfolio, positions, balances })
    }

    /// What an instrument is valued at.
    fn mark(&self, instrument: Instrument) -> Option<Price> {
        self.marks.get(instrument).copied().flatten().map(|mark| mark.price)
    }

    /// All balances at their rates; `None` while one that an instrument here trades has no rate.
    fn value(&self) -> Option<Cash> {
        self.rates.value(&self.balances, |instrument| self.mark(instrument))
    }

    /// Gross exposure / value, at eight decimals.
    fn leverage(&self, value: Cash) -> Option<Price> {
        if !value.is_positive() {
            return None;
        }
        let mut gross = Notional::ZERO;
        for ((instrument, _), held) in self.held.iter().filter(|(_, h)| !h.quantity.is_zero()) {
            gross = gross.checked_add(self.mark(*instrument)?.notional(held.quantity.abs())?)?;
        }
        gross.to_cash()?.per(Quantity::from_raw(value.raw())?)
    }

    /// Keeps the day's first value, the highest value and the largest fall from it.
    fn follow_value(&mut self, value: Option<Cash>, at: UtcNanos) {
        let Some(value) = value else { return };
        if self.value_at_day_start.is_none_or(|(day, _)| day != at.day()) {
            self.value_at_day_start = Some((at.day(), value));
        }
        self.drawdown = self.drawdown_at(value);
        self.highest = self.highest.max(Some(value));
    }

    /// The largest fall from the highest value, with one to this value, which no snapshot may ever have.
    fn drawdown_at(&self, value: Cash) -> Cash {
        let fall = self.highest.and_then(|highest| highest.checked_sub(value));
        fall.map_or(self.drawdown, |fall| fall.max(self.drawdown))
    }

    /// What an instrument is paid in; `None` where nothing is known of it.
    #[must_use]
    pub fn quote(&self, instrument: Instrument) -> Option<Asset> {
        self.settings.rules.get(&instrument).map(|rules| rules.quote)
    }

    /// A strategy's signed position.
    #[must_use]
    pub fn quantity(&self, instrument: Instrument, strategy: StrategyId) -> Quantity {
        self.held.get(&(instrument, strategy)).map_or(Quantity::ZERO, |h| h.quantity)
    }

    /// Every position that is not flat.
    pub fn open(&self) -> impl Iterator<Item = (Instrument, StrategyId, Quantity)> {
        self.held.iter().filter(|(_, h)| !h.quantity.is_zero()).map(|((i, s), h)| (*i, *s, h.quantity))
    }

    /// The highest that the account was worth at any snapshot.
    #[must_use]
    pub fn highest(&self) -> Option<Cash> {
        self.highest
    }

    /// Every balance.
    pub fn balances(&self) -> impl Iterator<Item = (Asset, Cash)> {
        self.balances.iter().map(|(a, t)| (*a, *t))
    }
}

/// The middle of a quote, rounded half to even.
fn middle(bid: Price, ask: Price) -> Option<Price> {
    let sum = i128::from(bid.raw()) + i128::from(ask.raw());
    i64::try_from(messages::number::div_half_even(sum, 2)).ok().and_then(Price::from_raw)
}

#[cfg(test)]
mod tests;
