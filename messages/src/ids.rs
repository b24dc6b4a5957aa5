//! Identities: who, which order, which fill, which market event. Names are short inline texts that
//! copy without allocation; what we make ourselves is a hash, so that a run can be repeated.

use std::fmt;
use std::str::FromStr;

use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};
pub use uuid::Uuid;

use crate::caps;

/// A name that does not fit or holds what it must not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}: expected 1 to {max} bytes without control characters")]
pub struct NameError {
    /// What was to be read.
    pub what: &'static str,
    /// The text.
    pub text: String,
    /// The most bytes allowed.
    pub max: usize,
}

/// Defines a short inline name.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $max:expr, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(ArrayString<{ $max }>);

        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str { self.0.as_str() }
        }
        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                checked(text, $what).map(Self)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.pad(&self.0) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Debug::fmt(self.0.as_str(), f) }
        }
    };
}

fn checked<const MAX: usize>(text: &str, what: &'static str) -> Result<ArrayString<MAX>, NameError> {
    let refuse = || NameError { what, text: text.chars().take(80).collect(), max: MAX };
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(refuse());
    }
    ArrayString::from(text).map_err(|_| refuse())
}

name!(
    /// A symbol as its exchange writes it: `BTCUSDT`, `BTC/USD`, `AAPL`. May be any UTF-8.
    SymbolName, caps::SYMBOL_BYTES, "symbol"
);
name!(
    /// An asset or currency: `BTC`, `USDT`, `USD`.
    AssetName, caps::ASSET_BYTES, "asset"
);
name!(
    /// Whose money: `paper`, `backtest`, `binance-test`, `alpaca-paper`, `binance-live` …
    Account, caps::ACCOUNT_BYTES, "account"
);
name!(
    /// A registered strategy, or `manual` for people.
    StrategyId, caps::STRATEGY_ID_BYTES, "strategy name"
);
name!(
    /// Our own id of an order at its venue; characters [A-Za-z0-9_-].
    ClientOrderId, caps::CLIENT_ORDER_ID_BYTES, "client order id"
);
name!(
    /// The venue's id of an order.
    VenueOrderId, caps::VENUE_ORDER_ID_BYTES, "venue order id"
);
name!(
    /// The venue's key of one fill (the design's `FillKey`): a fill is applied once by it.
    ExecutionId, caps::EXECUTION_ID_BYTES, "execution id"
);
name!(
    /// A stable code of a refusal: `risk.max_notional`, `not_received` …
    Reason, caps::REASON_BYTES, "reason code"
);

/// What stands before the key of an execution in the key of its undoing.
const UNDONE: &str = "undo:";

impl ExecutionId {
    /// The key under which the undoing of this execution is booked: reported again, it is the same.
    #[must_use]
    pub fn undone(self) -> Self {
        let key = |of: &str| format!("{UNDONE}{of}").parse();
        let hashed = || key(&hashed(&[b"undo", self.as_str().as_bytes()]).to_string());
        // A key that leaves no room stands by its hash, which always fits.
        key(self.as_str()).or_else(|_| hashed()).unwrap_or(self)
    }

    /// The execution that this one undoes; `None` for one that undoes none.
    #[must_use]
    pub fn undoes(self) -> Option<Self> {
        self.as_str().strip_prefix(UNDONE)?.parse().ok()
    }
}

impl StrategyId {
    /// The owner of orders that a person places.
    #[must_use]
    pub fn manual() -> Self {
        Self(ArrayString::from("manual").unwrap_or_default())
    }
}

impl Reason {
    /// A code from the source text of the program.
    ///
    /// # Panics
    /// When the text is longer than [`caps::REASON_BYTES`]: a mistake in the program.
    #[must_use]
    pub fn code(text: &'static str) -> Self {
        Self(ArrayString::from(text).expect("a reason code fits its cap"))
    }
}

/// Defines an id that is a UUID.
macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(&self.0, f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(&self.0, f) }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> { text.parse().map(Self) }
        }
    };
}

uuid_id!(
    /// Our id of an order; a replace keeps it.
    OrderId
);
uuid_id!(
    /// Our id of a fill.
    TradeId
);
uuid_id!(
    /// What belongs together: an order, its events, fills and positions.
    CorrelationId
);

/// The number that the market actor gives to a tick, a depth message, a bar or a gap before anyone
/// sees it. Unique and rising over all starts, not dense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MarketId(pub u64);

impl fmt::Display for MarketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The BLAKE3 hash of some bytes: what settings are compared by.
#[must_use]
pub fn hash(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

/// A UUID (version 8) that is the BLAKE3 hash of its parts, each written with its length.
fn hashed(parts: &[&[u8]]) -> Uuid {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// Makes the ids of one owner in one run: hash(seed, owner, counter).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdMaker {
    seed: u64,
    owner: String,
    counter: u64,
}

impl IdMaker {
    /// Ids of `owner` in the run with this seed.
    #[must_use]
    pub fn new(seed: u64, owner: impl Into<String>) -> Self {
        Self { seed, owner: owner.into(), counter: 0 }
    }
    /// The next id.
    pub fn next_order_id(&mut self) -> OrderId {
        self.counter += 1;
        OrderId(hashed(&[b"order", &self.seed.to_le_bytes(), self.owner.as_bytes(), &self.counter.to_le_bytes()]))
    }
}

impl OrderId {
    /// The id of the order that a person asks for under a key: the same key, asked again, is the same order.
    #[must_use]
    pub fn of_key(account: Account, key: &str) -> Self {
        Self(hashed(&[b"key", account.as_str().as_bytes(), key.as_bytes()]))
    }

    /// The id of the n-th order that one command makes.
    #[must_use]
    pub fn part(self, n: u32) -> Self {
        Self(hashed(&[b"part", self.0.as_bytes(), &n.to_le_bytes()]))
    }
}

impl TradeId {
    /// The id of a fill: hash(account, exchange, FillKey). The same fill, reported again, is the same trade.
    #[must_use]
    pub fn of(account: Account, exchange: &str, execution: ExecutionId) -> Self {
        Self(hashed(&[b"trade", account.as_str().as_bytes(), exchange.as_bytes(), execution.as_str().as_bytes()]))
    }
}

/// Makes client order ids: unique over instances, epochs and restored backups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientOrderIds {
    instance: String,
    epoch: u64,
    counter: u64,
}

impl ClientOrderIds {
    /// Ids of one start of one instance.
    ///
    /// # Errors
    /// An instance name that is not 1 to 8 characters of [A-Za-z0-9_].
    pub fn new(instance: &str, epoch: u64) -> Result<Self, NameError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if instance.is_empty() || instance.len() > 8 || !instance.chars().all(allowed) {
            return Err(NameError { what: "instance name of [A-Za-z0-9_]", text: instance.to_owned(), max: 8 });
        }
        Ok(Self { instance: instance.to_owned(), epoch, counter: 0 })
    }

    /// Goes on behind an id that was given before, if it is of this start: after a restart of the trading group.
    pub fn go_on_behind(&mut self, id: ClientOrderId) {
        let prefix = format!("{}-{}-", self.instance, base36(self.epoch));
        let counter = id.as_str().strip_prefix(&prefix).and_then(|n| u64::from_str_radix(n, 36).ok());
        self.counter = self.counter.max(counter.unwrap_or(0));
    }

    /// Goes on behind all ids that another maker of this start gave.
    pub fn go_on_behind_all(&mut self, other: &Self) {
        if (&self.instance, self.epoch) == (&other.instance, other.epoch) {
            self.counter = self.counter.max(other.counter);
        }
    }

    /// The next id: `<instance>-<epoch>-<counter>`, numbers in base 36.
    ///
    /// # Panics
    /// Never in practice: 8 + 1 + 7 + 1 + 8 characters for the epochs and counters of a century.
    pub fn next_id(&mut self) -> ClientOrderId {
        self.counter += 1;
        let text = format!("{}-{}-{}", self.instance, base36(self.epoch), base36(self.counter));
        text.parse().expect("an id of bounded parts fits its cap")
    }
}

impl ClientOrderId {
    /// The id of the n-th replacement: `<id>-rN`. `None` when it would be too long.
    #[must_use]
    pub fn replacement(&self, n: u32) -> Option<Self> {
        format!("{self}-r{n}").parse().ok()
    }
}

fn base36(mut value: u64) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut text = Vec::new();
    loop {
        text.push(char::from(DIGITS[(value % 36) as usize]));
        value /= 36;
        if value == 0 {
            return text.iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_repeat_with_the_seed_and_differ_with_owner_and_counter() {
        let first = |seed, owner: &str| IdMaker::new(seed, owner).next_order_id();
        assert_eq!(first(1, "a"), first(1, "a"));
        assert_ne!(first(1, "a"), first(2, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
        let mut maker = IdMaker::new(1, "a");
        assert_ne!(maker.next_order_id(), maker.next_order_id());
    }

    #[test]
    fn client_order_ids_are_short_and_plain() {
        let mut ids = ClientOrderIds::new("instance", u64::from(u32::MAX)).unwrap();
        let id = ids.next_id();
        assert!(id.as_str().len() <= caps::CLIENT_ORDER_ID_BYTES);
        assert!(id.as_str().chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
        assert_eq!(id.replacement(2).unwrap().to_string(), format!("{id}-r2"));
        assert!(ClientOrderIds::new("no spaces", 1).is_err());
        let mut again = ClientOrderIds::new("instance", u64::from(u32::MAX)).unwrap();
        again.go_on_behind(id);
        assert_eq!(again.next_id(), ids.next_id());
    }

    #[test]
    fn names_refuse_what_does_not_fit() {
        assert!("".parse::<SymbolName>().is_err());
        assert!("A\nB".parse::<SymbolName>().is_err());
        assert!("币安人生USDT".parse::<SymbolName>().is_ok());
        assert!("x".repeat(29).parse::<SymbolName>().is_err());
    }
}
