//! What came out of a run: counted while it runs, printed at its end.

use std::collections::BTreeMap;

use messages::instrument::Asset;
use messages::market::{Batch, EventBody, TickBody};
use messages::orders::{EventKind, OrderUpdate};
use messages::positions::Booked;
use messages::snapshots::Snapshot;
use messages::{Cash, UtcNanos};

/// The account at a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Equity {
    /// When.
    pub at: UtcNanos,
    /// What it was worth; `None` where an asset that is traded had no rate.
    pub value: Option<Cash>,
    /// That, less what was paid in; `None` where one of the two was unknown.
    pub profit: Option<Cash>,
}

/// Counts of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    /// Trades of the market.
    pub trades: u64,
    /// Quotes of the market.
    pub quotes: u64,
    /// Depth messages.
    pub depth: u64,
    /// Bars published, revisions included.
    pub bars: u64,
    /// Orders that were sent.
    pub orders: u64,
    /// Orders that we refused, by code.
    pub denied: BTreeMap<String, u64>,
    /// Orders that the venue refused.
    pub rejected: u64,
    /// Fills.
    pub fills: u64,
    /// Value of all fills, by what they were paid in.
    pub turnover: BTreeMap<Asset, Cash>,
    /// Fees, by asset.
    pub fees: BTreeMap<Asset, Cash>,
    /// Realized profit before fees, by what the fills were paid in.
    pub realized: BTreeMap<Asset, Cash>,
    /// Things that people should look at.
    pub alerts: u64,
    /// The account at each snapshot.
    pub equity: Vec<Equity>,
    /// The last snapshot.
    pub last: Option<Box<Snapshot>>,
}

impl Tally {
    /// Counts a batch.
    pub fn on_batch(&mut self, batch: &Batch) {
        for event in &batch.events {
            match &event.body {
                EventBody::Tick(tick) => match tick.body {
                    TickBody::Trade { .. } => self.trades += 1,
                    TickBody::Quote { .. } => self.quotes += 1,
                },
                EventBody::Depth(_) => self.depth += 1,
                EventBody::Bar(_) => self.bars += 1,
                EventBody::Gap(_) => {}
            }
        }
    }

    /// Counts what happened to an order.
    pub fn on_update(&mut self, update: &OrderUpdate) {
        match update.event.kind {
            EventKind::Intended => self.orders += 1,
            EventKind::Denied => {
                let code = update.event.reason.map_or_else(String::new, |r| r.to_string());
                *self.denied.entry(code).or_default() += 1;
            }
            EventKind::Rejected => self.rejected += 1,
            _ => {}
        }
    }

    /// Counts a fill that was paid in `quote`.
    pub fn on_booked(&mut self, booked: &Booked, quote: Asset) {
        let trade = &booked.trade;
        self.fills += 1;
        add(&mut self.turnover, quote, trade.price.times(trade.quantity).unwrap_or_default());
        add(&mut self.realized, quote, trade.realized_pnl);
        if let Some(fee) = trade.fee {
            add(&mut self.fees, fee.asset, fee.amount);
        }
    }

    /// Keeps a snapshot.
    pub fn on_snapshot(&mut self, snapshot: &Snapshot) {
        let portfolio = &snapshot.portfolio;
        self.equity.push(Equity { at: portfolio.at, value: portfolio.value, profit: portfolio.total_pnl });
        self.last = Some(Box::new(snapshot.clone()));
    }
}

/// Adds to the sum of an asset: nothing is added to what it cannot be added to.
fn add(sums: &mut BTreeMap<Asset, Cash>, asset: Asset, amount: Cash) {
    let sum = sums.entry(asset).or_default();
    *sum = sum.checked_add(amount).unwrap_or(*sum);
}
