//! What a person should know and no report says: kept as values, so that nothing that comes from the venue is dropped.

use std::fmt;

use messages::venues::{NoteKind, VenueNote};
use messages::{ClientOrderId, ExecutionId, Price, Quantity, VenueOrderId};

/// So much of what cannot be read tells it from other things, in characters.
const SUBJECT: usize = 40;

/// A trade that was undone or changed after it was reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amended {
    /// Our order.
    pub client_order_id: ClientOrderId,
    /// The execution that does not stand any more; `None` where the venue does not say.
    pub execution: Option<ExecutionId>,
    /// The execution that says so.
    pub by: Option<ExecutionId>,
    /// How much, as the venue writes it: negative for a bust, the new quantity for a correction.
    pub quantity: Option<Quantity>,
    /// At what price; of a correction the new one.
    pub price: Option<Price>,
    /// Filled of the order now.
    pub filled: Quantity,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// An order that is not of this program.
    Foreign {
        /// The venue's id.
        order: VenueOrderId,
        /// Its client order id.
        client_order_id: String,
        /// Its symbol.
        symbol: String,
        /// What happened to it.
        event: String,
    },
    /// A trade was undone.
    Bust(Amended),
    /// A trade was changed.
    Correction(Amended),
    /// A fill and the order beside it do not agree on what is filled.
    Disagrees {
        /// Our order.
        client_order_id: ClientOrderId,
        /// The fill.
        execution: ExecutionId,
        /// What all fills come to.
        counted: Quantity,
        /// What the order says.
        said: Quantity,
    },
    /// A fill without a key, a price or a quantity: the order is asked about.
    Incomplete {
        /// The venue's id.
        order: VenueOrderId,
        /// What happened.
        event: String,
    },
    /// Something that happens to few orders.
    Unusual {
        /// Our order.
        client_order_id: ClientOrderId,
        /// What happened.
        event: String,
        /// Where it stands.
        status: String,
        /// The venue's words.
        reason: String,
    },
    /// An event that we do not know.
    UnknownEvent {
        /// The venue's id.
        order: VenueOrderId,
        /// Its name at the venue.
        event: String,
    },
    /// A status that we do not know.
    UnknownStatus {
        /// The venue's id.
        order: VenueOrderId,
        /// Its name at the venue.
        status: String,
    },
    /// A quantity is filled of which the venue tells no price.
    NoPrice {
        /// Our order.
        client_order_id: ClientOrderId,
        /// How much.
        quantity: Quantity,
    },
    /// The keys are not taken.
    Unauthorized(String),
    /// Something that cannot be read.
    Unreadable {
        /// Why.
        error: String,
        /// What it was.
        what: String,
    },
    /// A message of a kind that we do not know.
    UnknownMessage(String),
    /// Too many requests.
    Limited,
}

impl Note {
    /// As the gateway takes it.
    #[must_use]
    pub fn for_people(&self) -> VenueNote {
        let (kind, subject) = match self {
            Self::Foreign { order, .. } => (NoteKind::ForeignOrder, order.to_string()),
            Self::Bust(amended) | Self::Correction(amended) => {
                (NoteKind::Doubtful, amended.client_order_id.to_string())
            }
            Self::Disagrees { client_order_id, .. } | Self::NoPrice { client_order_id, .. } => {
                (NoteKind::Doubtful, client_order_id.to_string())
            }
            Self::Incomplete { order, .. } => (NoteKind::Doubtful, order.to_string()),
            Self::Unusual { client_order_id, event, .. } => (NoteKind::Unusual, format!("{client_order_id} {event}")),
            Self::UnknownEvent { order, event } => (NoteKind::UnknownEvent, format!("{order} {event}")),
            Self::UnknownStatus { order, status } => (NoteKind::UnknownStatus, format!("{order} {status}")),
            Self::Unauthorized(_) => (NoteKind::Unauthorized, String::new()),
            Self::Unreadable { what, .. } => (NoteKind::Unreadable, what.chars().take(SUBJECT).collect()),
            Self::UnknownMessage(text) => (NoteKind::UnknownMessage, text.chars().take(SUBJECT).collect()),
            Self::Limited => (NoteKind::RateLimited, String::new()),
        };
        VenueNote { kind, subject, text: self.to_string() }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign { order, client_order_id, symbol, event } => {
                write!(
                    f,
                    "order {order} (`{client_order_id}`) in {symbol} is not of this program; it was reported {event}"
                )
            }
            Self::Bust(amended) => write!(f, "a trade was busted: {amended}"),
            Self::Correction(amended) => write!(f, "a trade was corrected: {amended}"),
            Self::Disagrees { client_order_id, execution, counted, said } => write!(
                f,
                "fill {execution} brings order {client_order_id} to {counted}, and the order beside it says {said}"
            ),
            Self::Incomplete { order, event } => {
                write!(f, "a {event} of order {order} lacks its key, price or quantity; the order is asked about")
            }
            Self::Unusual { client_order_id, event, status, reason } => {
                write!(f, "order {client_order_id} was reported {event}; it is {status}{}{reason}", colon(reason))
            }
            Self::UnknownEvent { order, event } => {
                write!(f, "order {order} was reported `{event}`, which is not known")
            }
            Self::UnknownStatus { order, status } => write!(f, "order {order} is `{status}`, which is not known"),
            Self::NoPrice { client_order_id, quantity } => {
                write!(f, "{quantity} of order {client_order_id} is filled, and the venue tells no price of it")
            }
            Self::Unauthorized(text) => {
                write!(f, "the keys are not taken{}{text}; check the key and its profile (paper or live)", colon(text))
            }
            Self::Unreadable { error, what } => write!(f, "{what} cannot be read: {error}"),
            Self::UnknownMessage(text) => write!(f, "a message that is not known: `{text}`"),
            Self::Limited => f.write_str("the venue refuses requests for now: too many were made"),
        }
    }
}

impl fmt::Display for Amended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_unknown = |text: Option<String>| text.unwrap_or_else(|| "unknown".to_owned());
        write!(
            f,
            "execution {} of order {} by {}: {} at {}; filled is {} now",
            or_unknown(self.execution.map(|id| id.to_string())),
            self.client_order_id,
            or_unknown(self.by.map(|id| id.to_string())),
            or_unknown(self.quantity.map(|quantity| quantity.to_string())),
            or_unknown(self.price.map(|price| price.to_string())),
            self.filled
        )
    }
}

fn colon(text: &str) -> &'static str {
    if text.is_empty() { "" } else { ": " }
}
