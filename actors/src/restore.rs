//! Start and recovery: the same code. The ledger, its checkpoint and its tail, gives every deciding state.
//!
//! Invariant: a checkpoint and the records behind it give what all records give.

use std::collections::BTreeMap;
use std::path::Path;

use messages::alerts::Alert;
use messages::ledger::{LedgerRecord, Seq, Started};
use messages::migration::Migration;
use messages::orders::OrderUpdate;
use messages::strategies::Checkpoint;
use messages::{Account, ClientOrderId, Instrument, MarketId, OrderId, Quantity, StrategyId};
use serde::{Deserialize, Serialize};
use storage::checkpoint::{self, Checkpoint as File};
use storage::journal::{self, Reader};

use crate::alerts::OpenAlerts;
use crate::assembly::{self, Assembly};
use crate::orders::state::{Orders, SavedOrders};
use crate::positions::state::{Positions, SavedPositions};
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
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
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
    /// Alerts that are open.
    pub alerts: Vec<Alert>,
    /// How far the way out of PostgreSQL was gone.
    pub migration: Migration,
    /// True when money was paid in before, or when that cannot be told because a quarantine lost records:
    /// money that is not there is seen and asked about, money that is paid in twice is traded with.
    pub has_money: bool,
    /// Up to where the checkpoint reached that this began with; 0 without one.
    pub checkpointed: Seq,
}

/// What a strategy goes on from.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
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

/// The version of a checkpoint's content: of the shape of [`Fold`] and all in it, and of what is folded into it.
const VERSION: u32 = 9;

/// Everything that the records of a ledger come to.
struct Fold {
    kept: Kept,
    orders: Orders,
    positions: Positions,
}

/// What a fold keeps beside the states.
#[derive(Default, Serialize, Deserialize)]
struct Kept {
    /// The last record that is in it.
    upto: Seq,
    past: Past,
    has_money: bool,
    /// The last record that was in the checkpoint it began with.
    #[serde(skip)]
    checkpointed: Seq,
    /// Records that a quarantine lost.
    lost: u64,
    strategies: BTreeMap<StrategyId, Saved>,
    open: BTreeMap<OrderId, OrderUpdate>,
    /// Fills of each open order: the paper venue goes on counting behind them.
    fills: BTreeMap<ClientOrderId, u32>,
    alerts: OpenAlerts,
    migration: Migration,
}

/// A fold as a checkpoint has it.
type Content = (Kept, SavedOrders, SavedPositions);

/// Reads what the ledger says of earlier starts.
///
/// # Errors
/// The ledger cannot be read.
pub fn past(ledger: &Path, durable: Seq) -> Result<Past, Error> {
    let kept = read_checkpoint(ledger, durable).map(|(kept, ..)| kept).unwrap_or_default();
    let (mut past, upto) = (kept.past, kept.upto);
    each(ledger, upto.next(), durable, |record| past.take(&record))?;
    past.next_block = past.next_block.max(MarketId(1));
    Ok(past)
}

/// How far the ledger says that the way out of PostgreSQL was gone.
///
/// # Errors
/// The ledger cannot be read.
pub fn migration(ledger: &Path, durable: Seq) -> Result<Migration, Error> {
    let kept = read_checkpoint(ledger, durable).map(|(kept, ..)| kept).unwrap_or_default();
    let mut state = kept.migration;
    each(ledger, kept.upto.next(), durable, |record| {
        if let LedgerRecord::Migration(change) = record {
            state = change.state;
        }
    })?;
    Ok(state)
}

impl Past {
    fn take(&mut self, record: &LedgerRecord) {
        self.records += 1;
        match record {
            LedgerRecord::Started(started) => (self.started, self.stopped) = (Some(started.clone()), false),
            LedgerRecord::Stopped { .. } => self.stopped = true,
            LedgerRecord::MarketIds { end, .. } => self.next_block = self.next_block.max(*end),
            _ => {}
        }
    }
}

/// Makes the states and gives them the ledger.
///
/// # Errors
/// The ledger cannot be read, or the settings do not make states.
pub fn restore(ledger: &Path, durable: Seq, assembly: &Assembly) -> Result<Restored, Error> {
    let Fold { kept, orders, positions } = fold(ledger, durable, assembly)?;
    let Kept { has_money, lost, mut strategies, open, fills, checkpointed, alerts, migration, .. } = kept;
    let mut paper = assembly.paper()?;
    if has_money {
        paper.restore_balances(positions.balances());
    }
    for update in open.into_values() {
        paper.restore(&update.order);
        let count = fills.get(&update.order.client_order_id).copied().unwrap_or(0);
        paper.restore_fills(update.order.current_client_order_id(), count);
        strategies.entry(update.order.strategy).or_default().open.push(update);
    }
    let (alerts, has_money) = (alerts.into_vec(), has_money || lost > 0);
    Ok(Restored { orders, positions, paper, strategies, alerts, migration, has_money, checkpointed })
}

/// Writes a checkpoint, so that the next start reads only what comes behind `durable`.
///
/// # Errors
/// The ledger cannot be read, or the disk refuses.
pub fn checkpoint(ledger: &Path, durable: Seq, assembly: &Assembly) -> Result<(), Error> {
    let Fold { kept, orders, positions } = fold(ledger, durable, assembly)?;
    let upto = kept.upto;
    let content: Content = (kept, orders.save(), positions.save());
    let content = postcard::to_allocvec(&content).expect("plain data encodes into memory");
    Ok(checkpoint::write(ledger, VERSION, &File { upto, content })?)
}

fn read_checkpoint(ledger: &Path, durable: Seq) -> Option<Content> {
    let found = checkpoint::read(ledger, VERSION, durable)?;
    postcard::from_bytes(&found.content).inspect_err(|error| tracing::warn!(%error, "a checkpoint is left aside")).ok()
}

/// Folds the ledger: its checkpoint, where one is, and what comes behind it.
fn fold(ledger: &Path, durable: Seq, assembly: &Assembly) -> Result<Fold, Error> {
    let mut fold = Fold { kept: Kept::default(), orders: assembly.orders()?, positions: assembly.positions() };
    if let Some((kept, orders, positions)) = read_checkpoint(ledger, durable) {
        fold.kept = Kept { checkpointed: kept.upto, ..kept };
        fold.orders.load(orders);
        fold.positions.load(positions);
    }
    let from = fold.kept.upto.next();
    let (upto, lost) = each(ledger, from, durable, |record| fold.take(record))?;
    fold.kept.upto = fold.kept.upto.max(upto);
    fold.kept.lost += lost;
    Ok(fold)
}

impl Fold {
    fn take(&mut self, record: LedgerRecord) {
        self.orders.restore(&record);
        self.positions.restore(&record);
        self.kept.past.take(&record);
        match record {
            LedgerRecord::Deposit(_) => self.kept.has_money = true,
            LedgerRecord::Checkpoint(checkpoint) => {
                let saved = self.kept.strategies.entry(checkpoint.strategy).or_default();
                saved.since.checkpoint(&checkpoint);
                saved.checkpoint = Some(checkpoint);
            }
            LedgerRecord::Order(update) => self.kept.order(*update),
            LedgerRecord::Action(action) => self.kept.alerts.take(&action),
            LedgerRecord::Migration(change) => self.kept.migration = change.state,
            _ => {}
        }
    }
}

impl Kept {
    fn order(&mut self, update: OrderUpdate) {
        let order = &update.order;
        // Nobody saves a person's state, so nothing would ever be let go.
        if order.strategy != StrategyId::manual() {
            self.strategies.entry(order.strategy).or_default().since.push(update.clone());
        }
        if let Some(fill) = &update.event.fill {
            let saved = self.strategies.entry(order.strategy).or_default();
            let held = saved.positions.entry(order.request.instrument).or_default();
            *held = held.checked_add(order.request.side.signed(fill.quantity)).unwrap_or(*held);
            *self.fills.entry(order.client_order_id).or_default() += 1;
        }
        if order.status.is_open() {
            self.open.insert(order.order_id, update);
        } else {
            self.open.remove(&order.order_id);
            self.fills.remove(&order.client_order_id);
        }
    }
}

/// Reads the ledger from a record on. Returns its last record and how many a quarantine lost.
fn each(ledger: &Path, from: Seq, durable: Seq, mut take: impl FnMut(LedgerRecord)) -> Result<(Seq, u64), Error> {
    let mut reader = Reader::<LedgerRecord>::new(ledger, from);
    let (mut last, mut lost) = (Seq(0), 0);
    while let Some(group) = reader.next_group(durable)? {
        lost += group.lost();
        last = group.last;
        group.records.into_iter().for_each(|(_, record)| take(record));
    }
    Ok((last, lost))
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
