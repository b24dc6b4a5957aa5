//! Start and recovery: the same code. The ledger, from its first record, gives every deciding state.

use std::collections::BTreeMap;
use std::path::Path;

use messages::ledger::{LedgerRecord, Seq, Started};
use messages::orders::OrderUpdate;
use messages::strategies::Checkpoint;
use messages::{Account, ClientOrderId, Instrument, MarketId, OrderId, Quantity, StrategyId};
use storage::journal::{self, Reader};

use crate::assembly::{self, Assembly};
use crate::orders::state::Orders;
use crate::positions::state::Positions;
use crate::strategies::since::Since;
use crate::venues::paper::state::Paper;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ledger cannot be read.
    #[error("the ledger cannot be read")]
    Journal(#[from] journal::Error),
    /// The settings do not make states.
    #[error(transparent)]
    Assembly(#[from] assembly::Error),
    /// The directory is another account's.
    #[error(
        "the data directory belongs to account `{theirs}` and the settings say `{ours}`; give another --data-dir, or set account.name to `{theirs}`"
    )]
    OtherAccount {
        /// Whose rows it holds.
        theirs: Account,
        /// Whose the settings want.
        ours: Account,
    },
}

/// What the ledger says of earlier starts, before any state is made.
#[derive(Debug, Default)]
pub struct Past {
    /// The last start.
    pub started: Option<Started>,
    /// True when it stopped in order.
    pub stopped: bool,
    /// The first market id that no block holds.
    pub next_block: MarketId,
    /// Records read.
    pub records: u64,
}

/// Everything that trades, as the ledger left it.
pub struct Restored {
    /// Orders and risk.
    pub orders: Orders,
    /// Positions and balances.
    pub positions: Positions,
    /// The paper venue with our open orders.
    pub paper: Paper,
    /// What each strategy goes on from.
    pub strategies: BTreeMap<StrategyId, Saved>,
    /// True when money was paid in before, or when that cannot be told because a quarantine lost records:
    /// money that is not there is seen and asked about, money that is paid in twice is traded with.
    pub has_money: bool,
}

/// What a strategy goes on from.
#[derive(Debug, Default, Clone)]
pub struct Saved {
    /// Its last checkpoint.
    pub checkpoint: Option<Box<Checkpoint>>,
    /// Own events that it may not have seen then.
    pub since: Since,
    /// The newest event of each of its open orders.
    pub open: Vec<OrderUpdate>,
    /// Its positions.
    pub positions: BTreeMap<Instrument, Quantity>,
}

/// Reads what the ledger says of earlier starts.
///
/// # Errors
/// The ledger cannot be read.
pub fn past(ledger: &Path, durable: Seq) -> Result<Past, Error> {
    let mut past = Past { next_block: MarketId(1), ..Past::default() };
    each(ledger, durable, |record| {
        past.records += 1;
        match record {
            LedgerRecord::Started(started) => (past.started, past.stopped) = (Some(started), false),
            LedgerRecord::Stopped { .. } => past.stopped = true,
            LedgerRecord::MarketIds { end, .. } => past.next_block = past.next_block.max(end),
            _ => {}
        }
    })?;
    Ok(past)
}

/// Makes the states and gives them the ledger.
///
/// # Errors
/// The ledger cannot be read, or the settings do not make states.
pub fn restore(ledger: &Path, durable: Seq, assembly: &Assembly) -> Result<Restored, Error> {
    let mut orders = assembly.orders()?;
    let mut positions = assembly.positions();
    let mut strategies: BTreeMap<StrategyId, Saved> = BTreeMap::new();
    let mut open: BTreeMap<OrderId, OrderUpdate> = BTreeMap::new();
    let mut fills: BTreeMap<ClientOrderId, u32> = BTreeMap::new();
    let mut has_money = false;
    let lost = each(ledger, durable, |record| {
        orders.restore(&record);
        positions.restore(&record);
        match record {
            LedgerRecord::Deposit(_) => has_money = true,
            LedgerRecord::Checkpoint(checkpoint) => {
                let saved = strategies.entry(checkpoint.strategy).or_default();
                saved.checkpoint = Some(checkpoint);
                saved.since.checkpoint();
            }
            LedgerRecord::Order(update) => {
                // Nobody saves a person's state, so nothing would ever be let go.
                if update.order.strategy != StrategyId::manual() {
                    strategies.entry(update.order.strategy).or_default().since.push((*update).clone());
                }
                if let Some(fill) = &update.event.fill {
                    let saved = strategies.entry(update.order.strategy).or_default();
                    let held = saved.positions.entry(update.order.request.instrument).or_default();
                    *held = held.checked_add(update.order.request.side.signed(fill.quantity)).unwrap_or(*held);
                    *fills.entry(update.order.client_order_id).or_default() += 1;
                }
                let id = update.order.order_id;
                if update.order.status.is_open() {
                    open.insert(id, *update);
                } else {
                    open.remove(&id);
                }
            }
            _ => {}
        }
    })?;
    let mut paper = assembly.paper();
    for update in open.into_values() {
        paper.restore(&update.order);
        let count = fills.get(&update.order.client_order_id).copied().unwrap_or(0);
        paper.restore_fills(update.order.current_client_order_id(), count);
        strategies.entry(update.order.strategy).or_default().open.push(update);
    }
    Ok(Restored { orders, positions, paper, strategies, has_money: has_money || lost > 0 })
}

/// Reads the ledger from its first record on. Returns how many records a quarantine lost.
fn each(ledger: &Path, durable: Seq, mut take: impl FnMut(LedgerRecord)) -> Result<u64, Error> {
    let mut reader = Reader::<LedgerRecord>::new(ledger, Seq(1));
    let mut lost = 0;
    while let Some(group) = reader.next_group(durable)? {
        lost += group.lost();
        group.records.into_iter().for_each(|(_, record)| take(record));
    }
    Ok(lost)
}

/// Refuses a directory that holds another account's rows.
///
/// # Errors
/// It does.
pub fn check_account(past: &Past, ours: Account) -> Result<(), Error> {
    match &past.started {
        Some(started) if started.account != ours => Err(Error::OtherAccount { theirs: started.account, ours }),
        _ => Ok(()),
    }
}
