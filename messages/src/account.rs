//! The account as its venue sees it, and what holding our books against it came to.
//!
//! A [`AccountSnapshot`] is a fact that nobody can make again. A [`Reconciliation`] is what was decided from facts: what differed,
//! what was done about it, and the entries that history cannot explain. Nothing is changed without standing in one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{Account, ExecutionId, StrategyId, VenueOrderId};
use crate::instrument::{Asset, Instrument};
use crate::number::{Cash, Notional, Price, Quantity};
use crate::orders::{Fee, Liquidity, OrderType, Side, TimeInForce, named};
use crate::time::UtcNanos;

/// An instrument that is asked about, and from where its fills are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Which.
    pub instrument: Instrument,
    /// From where its fills are wanted; `None` where we never ordered it: none are.
    pub since: Option<Mark>,
}

/// Up to where fills are known here: what comes behind it may not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark {
    /// Fills of this time or later are wanted, by the venue's clock.
    pub at: UtcNanos,
    /// The venue's key of the execution that happened then; `None` where none is known yet.
    pub execution_id: Option<ExecutionId>,
}

/// What a venue says of the account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountSnapshot {
    /// Whose.
    pub account: Account,
    /// When it was asked for: which request it answers.
    pub asked: UtcNanos,
    /// When its last part was said.
    pub time: UtcNanos,
    /// Every open order.
    pub open: Vec<VenueOrder>,
    /// The fills that were wanted, oldest first.
    pub fills: Vec<VenueFill>,
    /// Every position that is not flat; `None` at a venue that holds assets and knows no positions.
    pub positions: Option<Vec<VenuePosition>>,
    /// Balances. Where there are no positions, an asset that is not among them is not held.
    pub balances: Vec<VenueBalance>,
    /// What could not be learned, in words: what was read is not the whole.
    pub missing: Vec<String>,
}

/// An open order as its venue lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueOrder {
    /// Its client order id, ours or anybody's.
    pub client_order_id: String,
    /// The venue's id.
    pub venue_order_id: VenueOrderId,
    /// Which instrument.
    pub instrument: Instrument,
    /// Which way.
    pub side: Side,
    /// How it finds its price; `None` for a type that we do not have.
    pub order_type: Option<OrderType>,
    /// How long it lives; `None` for one that we do not have.
    pub time_in_force: Option<TimeInForce>,
    /// How much; `None` where it is said in quote asset.
    pub quantity: Option<Quantity>,
    /// Limit price.
    pub price: Option<Price>,
    /// Trigger price.
    pub stop_price: Option<Price>,
    /// Filled so far.
    pub filled: Quantity,
    /// Price × quantity of that, where the venue says so.
    pub filled_notional: Option<Notional>,
    /// The venue's word for how it stands.
    pub status: String,
}

/// An execution as its venue lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueFill {
    /// The venue's id of its order.
    pub venue_order_id: VenueOrderId,
    /// Which instrument.
    pub instrument: Instrument,
    /// Which way.
    pub side: Side,
    /// The venue's key.
    pub execution_id: ExecutionId,
    /// At what price.
    pub price: Price,
    /// How much.
    pub quantity: Quantity,
    /// Filled of its order after it, where the venue says so.
    pub cumulative: Option<Quantity>,
    /// Made or took.
    pub liquidity: Option<Liquidity>,
    /// Its fee.
    pub fee: Option<Fee>,
    /// When.
    pub executed_at: UtcNanos,
}

/// A position as its venue sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenuePosition {
    /// Which instrument.
    pub instrument: Instrument,
    /// Positive when long, negative when short.
    pub quantity: Quantity,
    /// What it was entered at on average; `None` where the venue does not say.
    pub average_entry: Option<Price>,
}

/// A balance as its venue sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueBalance {
    /// Of what.
    pub asset: Asset,
    /// At our disposal.
    pub free: Cash,
    /// In open orders.
    pub locked: Cash,
}

impl VenueBalance {
    /// All of it; `None` where that is no amount.
    #[must_use]
    pub fn total(&self) -> Option<Cash> {
        self.free.checked_add(self.locked)
    }
}

named! {
    /// What differs.
    DifferenceKind {
        /// A fill that the venue has and we have not.
        MissedFill = "missed_fill",
        /// An order is open here, and the venue does not list it as open.
        NotOpenThere = "not_open_there",
        /// An order has ended here, and the venue lists it as open.
        OpenThere = "open_there",
        /// More of an order is filled here than there.
        MoreFilledHere = "more_filled_here",
        /// An order has other terms there.
        Terms = "terms",
        /// An order there that is none of ours.
        ForeignOrder = "foreign_order",
        /// A fill there of an order that is none of ours, or that is forgotten here.
        ForeignFill = "foreign_fill",
        /// A position is another one there.
        Position = "position",
        /// A balance is another one there.
        Balance = "balance",
        /// The venue holds an instrument or an asset that we cannot name.
        Unknown = "unknown",
        /// A part of what the venue holds could not be learned.
        Incomplete = "incomplete",
    }
}

/// One thing that differed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Difference {
    /// What kind of thing.
    pub kind: DifferenceKind,
    /// Which order, fill, instrument or asset.
    pub subject: String,
    /// How much here and there, in words.
    pub text: String,
    /// Whether it is settled: the books agree on it now, or what is left of it was entered or is none of ours.
    pub settled: bool,
}

/// A change that history does not explain: what is held becomes what the venue says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OpeningEntry {
    /// Of a position.
    Position {
        /// Of which instrument.
        instrument: Instrument,
        /// Under whose name: nobody's decision is `manual`.
        strategy: StrategyId,
        /// By how much, signed.
        change: Quantity,
        /// What the opened part cost on average, as the venue says, or what it was worth; what was closed, where nothing is opened, was
        /// worth this, and it is `None` where that was not known.
        price: Option<Price>,
    },
    /// Of a balance.
    Balance {
        /// Of which asset.
        asset: Asset,
        /// By how much, signed.
        change: Cash,
        /// What that was worth then, in the account's currency; `None` where there was no rate.
        worth: Option<Cash>,
    },
}

impl fmt::Display for OpeningEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position { instrument, strategy, change, price } => {
                write!(f, "{instrument} {change} under {strategy}")?;
                price.map_or(Ok(()), |price| write!(f, " at {price}"))
            }
            Self::Balance { asset, change, .. } => write!(f, "{change} {asset}"),
        }
    }
}

named! {
    /// Why the books were held against the venue's.
    Cause {
        /// The runtime or its trading group has started.
        Start = "start",
        /// The venue is reached again.
        Reconnect = "reconnect",
        /// It was time.
        Schedule = "schedule",
        /// A person asked.
        Asked = "asked",
    }
}

named! {
    /// How it ended.
    Outcome {
        /// Nothing differed.
        Agreed = "agreed",
        /// What differed is settled.
        Settled = "settled",
        /// Something still differs.
        Unsettled = "unsettled",
        /// A person accepted what still differed.
        Accepted = "accepted",
    }
}

/// What holding our books against the venue's came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// Its number; rising over all starts.
    pub number: u64,
    /// Why it was done.
    pub cause: Cause,
    /// How it ended.
    pub outcome: Outcome,
    /// When it began.
    pub began: UtcNanos,
    /// When it ended.
    pub at: UtcNanos,
    /// How often the venue was asked.
    pub rounds: u32,
    /// What differed, at most [`crate::caps::DIFFERENCES`] of it.
    pub differences: Vec<Difference>,
    /// How many more differed.
    pub left_out: u32,
    /// What was entered.
    pub entries: Vec<OpeningEntry>,
    /// Of each instrument an execution up to which both sides have all: at most the newest one, and one before whatever was in doubt
    /// or under way.
    pub marks: Vec<(Instrument, Mark)>,
    /// Who accepted; `merganser` where nobody had to.
    pub by: String,
    /// Why.
    pub why: String,
}

impl Reconciliation {
    /// Differences that are not settled.
    #[must_use]
    pub fn unsettled(&self) -> usize {
        self.differences.iter().filter(|difference| !difference.settled).count()
    }

    /// In lines: its summary, why it was accepted, each difference and each entry.
    #[must_use]
    pub fn words(&self) -> String {
        let mut lines = vec![self.summary()];
        if !self.why.is_empty() {
            lines.push(format!("accepted by {}: {}", self.by, self.why));
        }
        let stands = |difference: &Difference| if difference.settled { "settled" } else { "NOT SETTLED" };
        lines.extend(self.differences.iter().map(|d| format!("{} {}: {} ({})", d.kind, d.subject, d.text, stands(d))));
        if self.left_out > 0 {
            lines.push(format!("{} more", self.left_out));
        }
        lines.extend(self.entries.iter().map(|entry| format!("entered {entry}")));
        lines.join("\n")
    }

    /// In one line: what was found and done.
    #[must_use]
    pub fn summary(&self) -> String {
        let found = self.differences.len() + self.left_out as usize;
        let what = match found {
            0 => "the books agree".to_owned(),
            1 => "1 difference".to_owned(),
            more => format!("{more} differences"),
        };
        let entered = match self.entries.len() {
            0 => String::new(),
            1 => ", 1 opening entry".to_owned(),
            more => format!(", {more} opening entries"),
        };
        let left = match self.unsettled() {
            0 => String::new(),
            more => format!(", {more} not settled"),
        };
        format!("{} ({}): {what}{entered}{left}", self.outcome, self.cause)
    }
}

/// What a person says to a reconciliation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReconcileAsk {
    /// Hold the books against the venue's now.
    Begin {
        /// Who.
        by: String,
    },
    /// Take what still differs as it is, and trade.
    Accept {
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
}
