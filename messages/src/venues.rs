//! What is said to a venue and what a venue reports.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::account::Wanted;
use crate::ids::{Account, ClientOrderId, ExecutionId, OrderId, Reason, VenueOrderId};
use crate::instrument::{Exchange, Instrument};
use crate::number::Quantity;
use crate::orders::{Contingency, Fill, OrderRequest, OrderType, Replacement, TimeInForce, named};
use crate::time::UtcNanos;

/// A request to a venue. Its order intent is durable before it is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum VenueRequest {
    /// A new order.
    Submit {
        /// The id that makes it unique at the venue.
        client_order_id: ClientOrderId,
        /// Our id of the order, by which others name it as their parent.
        order_id: OrderId,
        /// Its terms.
        request: Box<OrderRequest>,
        /// When it was asked for.
        at: UtcNanos,
    },
    /// Cancel an order.
    Cancel {
        /// Its current client order id.
        client_order_id: ClientOrderId,
        /// The venue's own id, where known.
        venue_order_id: Option<VenueOrderId>,
        /// Which instrument.
        instrument: Instrument,
        /// When it was asked for.
        at: UtcNanos,
    },
    /// Change an order.
    Replace {
        /// Its current client order id.
        client_order_id: ClientOrderId,
        /// Its client order id after the change.
        new_client_order_id: ClientOrderId,
        /// The venue's own id, where known.
        venue_order_id: Option<VenueOrderId>,
        /// Which instrument.
        instrument: Instrument,
        /// The new terms.
        replacement: Replacement,
        /// When it was asked for.
        at: UtcNanos,
    },
    /// What became of this order? Asked where an outcome is ambiguous.
    Query {
        /// Its client order id.
        client_order_id: ClientOrderId,
        /// Which instrument.
        instrument: Instrument,
        /// When it was asked for.
        at: UtcNanos,
    },
    /// What does the account hold? Asked where [`Capabilities::account`] says that the venue answers.
    Account {
        /// The instruments that we know, and from where their fills are wanted.
        wanted: Vec<Wanted>,
        /// When it was asked for; the answer repeats it.
        at: UtcNanos,
    },
    /// By which rules of its own does the venue trade these now? Asked of a venue that told them before the run.
    Rules {
        /// Of this exchange.
        instruments: Vec<Instrument>,
        /// When it was asked for.
        at: UtcNanos,
    },
}

impl VenueRequest {
    /// The client order id that it is about; `None` where it is about no single order.
    #[must_use]
    pub fn client_order_id(&self) -> Option<ClientOrderId> {
        match self {
            Self::Submit { client_order_id, .. }
            | Self::Cancel { client_order_id, .. }
            | Self::Replace { client_order_id, .. }
            | Self::Query { client_order_id, .. } => Some(*client_order_id),
            Self::Account { .. } | Self::Rules { .. } => None,
        }
    }
}

/// What a venue says of its own rules of an instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldRules {
    /// Which.
    pub instrument: Instrument,
    /// The rules, as JSON: their form is the venue's business.
    pub text: String,
}

/// The reason of an order that found no connection to its venue, and was not sent.
pub const NOT_CONNECTED: &str = "not_connected";

/// What a venue says about one order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VenueReport {
    /// Whose order.
    pub account: Account,
    /// Its client order id, as the venue knows it.
    pub client_order_id: ClientOrderId,
    /// The venue's id, where the report has it.
    pub venue_order_id: Option<VenueOrderId>,
    /// The venue's time.
    pub time: UtcNanos,
    /// What it says.
    pub kind: ReportKind,
}

/// What a venue can say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ReportKind {
    /// The request has left for the venue; no answer yet.
    Submitted,
    /// It took the order.
    Accepted,
    /// It refused the order.
    Rejected {
        /// Our stable code for it.
        reason: Reason,
        /// Its words.
        text: String,
    },
    /// The trigger price was reached.
    Triggered,
    /// An execution.
    Filled(Fill),
    /// It canceled the order.
    Canceled,
    /// It refused to cancel.
    CancelRejected {
        /// Our stable code for it.
        reason: Reason,
    },
    /// It replaced the order; the report's client order id is the new one.
    Replaced {
        /// The terms now in force.
        replacement: Replacement,
    },
    /// It refused to replace.
    ReplaceRejected {
        /// Our stable code for it.
        reason: Reason,
    },
    /// The order's time in force ended.
    Expired {
        /// Our stable code for it.
        reason: Reason,
    },
    /// The answer to a query: it does not know the order.
    Unknown,
    /// It undid an execution that it had reported: nothing was traded.
    Busted {
        /// Which.
        execution_id: ExecutionId,
    },
    /// It changed an execution that it had reported: another one stands for it.
    Corrected {
        /// Which does not stand any more.
        execution_id: ExecutionId,
        /// What stands for it.
        fill: Box<Fill>,
    },
    /// An order by value is filled: nobody but the venue knows how much all of it is. Its fills are reported one by one.
    Completed {
        /// How much that is, in base asset.
        filled: Quantity,
    },
    /// A new order was not sent, or turned away before it was looked at: its name is free, and it may be sent again.
    NotTaken {
        /// Our stable code for it.
        reason: Reason,
        /// Why, in words.
        text: String,
    },
}

named! {
    /// Of what kind a note of a venue is.
    NoteKind {
        /// An order of the account that this program did not send.
        ForeignOrder = "foreign_order",
        /// Something happened to an order, of a kind that we do not know.
        UnknownEvent = "unknown_event",
        /// An order stands where we do not know what that means.
        UnknownStatus = "unknown_status",
        /// A message of a kind that we do not know.
        UnknownMessage = "unknown_message",
        /// A message that cannot be read.
        Unreadable = "unreadable",
        /// What the venue says of an order does not fit together, or lacks something.
        Doubtful = "doubtful",
        /// Something that happens to few orders: it is suspended, restated, cancelled by the venue.
        Unusual = "unusual",
        /// The venue does not take the key.
        Unauthorized = "unauthorized",
        /// The venue refuses requests for now: too many were made.
        RateLimited = "rate_limited",
        /// Money came or went, and no order of ours moved it.
        MoneyMoved = "money_moved",
    }
}

/// What a person must know of a venue, and no report of an order says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VenueNote {
    /// Of what kind.
    pub kind: NoteKind,
    /// About what: an order as the venue knows it, an asset; empty for the venue itself.
    pub subject: String,
    /// In words, with what is to be done where something is.
    pub text: String,
}

/// What a venue can do. What it cannot is denied before sending, with a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// The exchanges whose instruments it trades. Orders in others have no venue.
    pub exchanges: &'static [Exchange],
    /// Order types that it takes.
    pub order_types: &'static [OrderType],
    /// Times in force that it takes.
    pub times_in_force: &'static [TimeInForce],
    /// Whether it replaces orders.
    pub replace: bool,
    /// Whether it takes market orders by quote quantity.
    pub quote_quantity: bool,
    /// Whether it takes post-only orders.
    pub post_only: bool,
    /// The ties between orders that it holds itself.
    pub contingencies: &'static [Contingency],
    /// How long after it was sent a request may still take effect there: an order that the venue does not know after that is
    /// none. What keeps it on its way (a time-out at the venue, the validity of a signature) is counted in.
    pub not_received_after: Duration,
    /// Whether it says what the account holds: then our books are held against it, and trading waits for that.
    pub account: bool,
}
