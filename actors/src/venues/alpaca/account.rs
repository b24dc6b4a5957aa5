//! The account and its positions, as answers tell them. Source: docs.alpaca.markets, `/v2/account`, `/v2/positions`.

use messages::{Cash, Price, Quantity};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::Fields;
use crate::wire::json::{self, Text};
use crate::wire::{DecodeError, cut};

const ACCOUNT: Fields = Fields("account");
const POSITION: Fields = Fields("position");

/// The account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// `ACTIVE`, or why it is not.
    pub status: String,
    /// The asset of its amounts.
    pub currency: String,
    /// Cash; negative where it is borrowed.
    pub cash: Cash,
    /// Cash and positions.
    pub equity: Option<Cash>,
    /// What may be bought for.
    pub buying_power: Option<Cash>,
    /// What crypto may be bought for.
    pub cash_buying_power: Option<Cash>,
    /// Whether it may sell short.
    pub shorting: bool,
    /// Whether it may place no orders.
    pub blocked: bool,
}

#[derive(Deserialize)]
struct AccountShape<'a> {
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    currency: Option<Text<'a>>,
    #[serde(borrow)]
    cash: Option<&'a RawValue>,
    #[serde(borrow)]
    equity: Option<&'a RawValue>,
    #[serde(borrow)]
    buying_power: Option<&'a RawValue>,
    #[serde(borrow)]
    non_marginable_buying_power: Option<&'a RawValue>,
    #[serde(default)]
    shorting_enabled: bool,
    #[serde(default)]
    trading_blocked: bool,
    #[serde(default)]
    account_blocked: bool,
    #[serde(default)]
    trade_suspended_by_user: bool,
}

impl Account {
    /// Reads the body of `GET /v2/account`.
    ///
    /// # Errors
    /// No such body.
    pub fn read(body: &[u8]) -> Result<Self, DecodeError> {
        let shape: AccountShape<'_> = json::read(json::text(body)?, ACCOUNT.0)?;
        let currency = shape.currency.as_deref().unwrap_or("USD");
        Ok(Self {
            status: cut(ACCOUNT.required("status", shape.status.as_ref())?),
            currency: cut(currency),
            cash: ACCOUNT.required("cash", ACCOUNT.amount("cash", shape.cash)?)?,
            equity: ACCOUNT.amount("equity", shape.equity)?,
            buying_power: ACCOUNT.amount("buying_power", shape.buying_power)?,
            cash_buying_power: ACCOUNT.amount("non_marginable_buying_power", shape.non_marginable_buying_power)?,
            shorting: shape.shorting_enabled,
            blocked: shape.trading_blocked || shape.account_blocked || shape.trade_suspended_by_user,
        })
    }
}

/// A position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The symbol, as this list writes it: crypto without its slash.
    pub symbol: String,
    /// `us_equity`, `crypto` …
    pub class: String,
    /// How much, negative for a short one.
    pub quantity: Quantity,
    /// What it was bought for on average, rounded half to even.
    pub average_entry: Option<Price>,
}

#[derive(Deserialize)]
struct PositionShape<'a> {
    #[serde(borrow)]
    symbol: Option<Text<'a>>,
    #[serde(borrow)]
    asset_class: Option<Text<'a>>,
    #[serde(borrow)]
    qty: Option<&'a RawValue>,
    #[serde(borrow)]
    side: Option<Text<'a>>,
    #[serde(borrow)]
    avg_entry_price: Option<&'a RawValue>,
}

impl Position {
    /// Reads the body of `GET /v2/positions`; a position that cannot be read does not hide the others.
    ///
    /// # Errors
    /// It is no list.
    pub fn read_list(body: &[u8]) -> Result<Vec<Result<Self, DecodeError>>, DecodeError> {
        let shapes: Vec<&RawValue> = json::read(json::text(body)?, POSITION.0)?;
        Ok(shapes.into_iter().map(|text| Self::read(text.get())).collect())
    }

    fn read(text: &str) -> Result<Self, DecodeError> {
        let shape: PositionShape<'_> = json::read(text, POSITION.0)?;
        let quantity: Quantity = POSITION.required("qty", POSITION.number("qty", shape.qty)?)?;
        // A short position has a sign of its own, or only its side says so.
        let is_short = shape.side.as_deref() == Some("short") && quantity.is_positive();
        Ok(Self {
            symbol: cut(POSITION.required("symbol", shape.symbol.as_ref())?),
            class: cut(shape.asset_class.as_deref().unwrap_or("")),
            quantity: if is_short { -quantity } else { quantity },
            average_entry: POSITION.average("avg_entry_price", shape.avg_entry_price)?,
        })
    }
}
