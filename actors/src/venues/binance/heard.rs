//! What the venue says, as values. Nothing that it says is dropped: what is of no order of ours, of no known kind or cannot be read
//! stands here as it came.

use messages::venues::{NoteKind, ReportKind, VenueNote, VenueReport};
use messages::{Account, Asset, Cash, ClientOrderId, ExecutionId, Quantity, Symbol, UtcNanos, VenueOrderId};
use serde::{Deserialize, Deserializer};

use super::failure::cut;

/// One thing that the venue says.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// Something happened to an order.
    Report(VenueReport),
    /// Something happened to an order whose id is none of ours: it is too long.
    Foreign {
        /// Its client order id.
        client_order_id: String,
        /// Its symbol and number.
        order: OrderKey,
        /// What happened.
        kind: ReportKind,
    },
    /// How much of an order is filled, without the fills: where fewer were reported, some are missing.
    Executed {
        /// Its client order id.
        client_order_id: ClientOrderId,
        /// Its symbol and number.
        order: OrderKey,
        /// How much.
        quantity: Quantity,
    },
    /// The cancel that is the first half of a replacement: the order's end only if the second half fails.
    FirstHalf {
        /// The order that is replaced.
        order: ClientOrderId,
        /// Its replacement.
        replacement: ClientOrderId,
        /// When.
        at: UtcNanos,
    },
    /// Whether it was done is not known: an answer that leaves it open.
    Open {
        /// Of which order.
        client_order_id: ClientOrderId,
        /// The venue's words.
        why: String,
    },
    /// Balances: all that are named have these values.
    Balances {
        /// Of which assets.
        balances: Vec<Balance>,
        /// Since when.
        at: UtcNanos,
    },
    /// A deposit, a withdrawal or a transfer.
    BalanceChange {
        /// Of which asset.
        asset: Asset,
        /// By how much.
        delta: Cash,
        /// When.
        at: UtcNanos,
    },
    /// What became of an order list.
    List(ListStatus),
    /// The user data of this connection has ended.
    StreamEnded,
    /// The server is about to go.
    ShuttingDown,
    /// Something was read, though not exactly as it came.
    Inexact(String),
    /// The venue does not take the key, in its words.
    Unauthorized(String),
    /// Nothing more, or no more orders, is taken for now, in the venue's words.
    Limited(String),
    /// Of a kind that we do not know, or that could not be read.
    Unknown {
        /// What the venue calls it, or what is wrong with it.
        what: String,
        /// Its beginning.
        text: String,
    },
}

/// The venue's key of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderKey {
    /// Its symbol.
    pub symbol: Symbol,
    /// Its number there.
    pub number: u64,
}

/// A balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Balance {
    /// Of what.
    #[serde(alias = "a")]
    pub asset: Asset,
    /// At our disposal.
    #[serde(alias = "f")]
    pub free: Cash,
    /// In open orders.
    #[serde(alias = "l")]
    pub locked: Cash,
}

/// Where an order list stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ListStatus {
    /// Its symbol.
    #[serde(rename = "s")]
    pub symbol: Symbol,
    /// Its number.
    #[serde(rename = "g")]
    pub number: i64,
    /// Its client id.
    #[serde(rename = "C")]
    pub client_id: String,
    /// `OCO`, `OTO` …
    #[serde(rename = "c")]
    pub contingency: String,
    /// `RESPONSE`, `EXEC_STARTED`, `UPDATED`, `ALL_DONE` …
    #[serde(rename = "l")]
    pub status: String,
    /// `EXECUTING`, `ALL_DONE`, `REJECT` …
    #[serde(rename = "L")]
    pub order_status: String,
    /// Why it was refused; `NONE`.
    #[serde(rename = "r")]
    pub reject_reason: String,
    /// Its orders.
    #[serde(rename = "O", default)]
    pub orders: Vec<Listed>,
}

/// An order of a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Listed {
    /// Its number.
    #[serde(rename = "i")]
    pub number: u64,
    /// Its client order id.
    #[serde(rename = "c")]
    pub client_order_id: String,
}

impl OrderKey {
    /// The number as an order's id.
    #[must_use]
    pub fn venue_order_id(self) -> Option<VenueOrderId> {
        self.number.to_string().parse().ok()
    }

    /// The key of a fill: symbol:tradeId:orderId, for trade ids are unique within a symbol alone.
    #[must_use]
    pub fn execution_id(self, trade: u64) -> Option<ExecutionId> {
        format!("{}:{trade}:{}", self.symbol, self.number).parse().ok()
    }

    /// What happened to this order, under the name that the venue gives.
    #[must_use]
    pub fn heard(self, account: Account, client_order_id: &str, time: UtcNanos, kind: ReportKind) -> Heard {
        match client_order_id.parse() {
            Ok(client_order_id) => {
                let venue_order_id = self.venue_order_id();
                Heard::Report(VenueReport { account, client_order_id, venue_order_id, time, kind })
            }
            Err(_) => Heard::Foreign { client_order_id: client_order_id.to_owned(), order: self, kind },
        }
    }
}

impl Heard {
    /// What could not be read.
    #[must_use]
    pub fn unreadable(what: impl Into<String>, text: &str) -> Self {
        Self::Unknown { what: what.into(), text: cut(text) }
    }

    /// What a person must know of it; `None` where reports or questions of orders tell it, and for what goes on all the time.
    #[must_use]
    pub fn for_people(&self) -> Option<VenueNote> {
        let (kind, subject, text) = match self {
            Self::Foreign { client_order_id, order: OrderKey { symbol, number }, kind } => (
                NoteKind::ForeignOrder,
                format!("{symbol}:{number}"),
                format!(
                    "order {number} (`{client_order_id}`) in {symbol} is not of this program; it was reported {kind:?}"
                ),
            ),
            Self::BalanceChange { asset, delta, .. } => (
                NoteKind::MoneyMoved,
                format!("{asset} {delta}"),
                format!("{delta} {asset} came or went by a deposit, a withdrawal or a transfer"),
            ),
            Self::List(list) if list.order_status == "REJECT" => (
                NoteKind::Unusual,
                list.client_id.clone(),
                format!("order list `{}` in {} was refused: {}", list.client_id, list.symbol, list.reject_reason),
            ),
            Self::Inexact(what) => (NoteKind::Doubtful, what.clone(), what.clone()),
            Self::Unauthorized(words) => (
                NoteKind::Unauthorized,
                String::new(),
                format!(
                    "the key is not taken: {words}; check the key, its permission to trade on Spot, and its list of addresses"
                ),
            ),
            Self::Limited(words) => (NoteKind::RateLimited, String::new(), format!("requests wait: {words}")),
            Self::Unknown { what, text } => {
                (NoteKind::UnknownMessage, what.clone(), format!("something is not understood, {what}: `{text}`"))
            }
            Self::Report(_)
            | Self::Executed { .. }
            | Self::FirstHalf { .. }
            | Self::Open { .. }
            | Self::Balances { .. }
            | Self::List(_)
            | Self::StreamEnded
            | Self::ShuttingDown => return None,
        };
        Some(VenueNote { kind, subject, text })
    }
}

/// A quantity as the venue wrote it. More decimals than are kept (the venue has eight; older records have more) are rounded half to
/// even, and that is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// The quantity.
    pub quantity: Quantity,
    /// Whether decimals were rounded away.
    pub is_rounded: bool,
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(d)?;
        let wrong = |e| serde::de::Error::custom(format_args!("`{}`: {e}", cut(&text)));
        match text.parse() {
            Ok(quantity) => Ok(Self { quantity, is_rounded: false }),
            Err(messages::number::NumberError::TooManyDecimals { .. }) => {
                let quantity = rounded(&text).ok_or_else(|| wrong(messages::number::NumberError::OutOfRange))?;
                Ok(Self { quantity, is_rounded: true })
            }
            Err(error) => Err(wrong(error)),
        }
    }
}

/// A number with more decimals than are kept. The text is known to be a number.
fn rounded(text: &str) -> Option<Quantity> {
    let kept = text.find('.')? + 1 + Quantity::SCALE as usize;
    let (head, tail) = text.split_at_checked(kept)?;
    let floor: Quantity = head.parse().ok()?;
    let (first, rest) = tail.split_at_checked(1)?;
    let is_odd = floor.raw() % 2 != 0;
    let goes_up = match first.cmp("5") {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => is_odd || rest.bytes().any(|digit| digit != b'0'),
    };
    let step = if text.starts_with('-') { -1 } else { 1 };
    Quantity::from_raw(floor.raw() + if goes_up { step } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_that_are_not_kept_are_rounded_half_to_even_and_said() {
        let check = |text: &str, expected: &str, is_rounded: bool| {
            let amount: Amount = serde_json::from_value(text.into()).unwrap();
            assert_eq!((amount.quantity.to_string().as_str(), amount.is_rounded), (expected, is_rounded), "{text}");
        };
        check("12.00000000", "12", false);
        check("2.682403433476395", "2.682403433", true);
        check("0.0000000015", "0.000000002", true);
        check("0.0000000025", "0.000000002", true);
        check("0.00000000251", "0.000000003", true);
        check("-0.0000000019", "-0.000000002", true);
        for wrong in ["", "1,5", "1.0000000000x", "NaN"] {
            serde_json::from_value::<Amount>(wrong.into()).unwrap_err();
        }
    }
}
