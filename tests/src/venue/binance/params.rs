//! Parameters of a request, by REST or over the WebSocket API, and how each is read or refused.
//! Source of codes and texts: `errors.md` of the Spot API.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::{Value, json};

use super::super::exchange::order::Expiry;
use super::super::exchange::rules::Refusal;

/// An error in Binance's words.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// The code.
    pub code: i64,
    /// The text.
    pub text: String,
    /// For cancel-replace: what became of the two halves.
    pub data: Option<Value>,
}

impl ApiError {
    /// A client's error.
    #[must_use]
    pub fn new(code: i64, text: impl Into<String>) -> Self {
        Self { status: 400, code, text: text.into(), data: None }
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        match &self.data {
            Some(data) => json!({"code": self.code, "msg": self.text, "data": data}),
            None => json!({"code": self.code, "msg": self.text}),
        }
    }
}

/// A refused new order.
impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let rejected = |text: &str| Self::new(-2010, text);
        match refusal {
            Refusal::UnknownSymbol => Self::new(-1121, "Invalid symbol."),
            Refusal::UnknownOrder => Self::new(-2011, "Unknown order sent."),
            Refusal::Halted => rejected("Market is closed."),
            Refusal::Insufficient { .. } => rejected("Account has insufficient balance for requested action."),
            Refusal::DuplicateId => rejected("Duplicate order sent."),
            Refusal::WouldTake => rejected("Order would immediately match and take."),
            Refusal::WouldTrigger => rejected("Stop price would trigger immediately."),
            Refusal::ListPrices => rejected("The relationship of the prices for the orders is not correct."),
            Refusal::Filter(name) => Self::new(-1013, format!("Filter failure: {name}")),
            Refusal::Change(text) => Self::new(-2038, text),
        }
    }
}

/// The name that an execution report gives to the end of an order's time.
#[must_use]
pub const fn expiry(why: Expiry) -> &'static str {
    match why {
        Expiry::UnfilledIoc => "UNFILLED_IOC_QUANTITY_EXPIRED",
        Expiry::UnfilledFok => "UNFILLED_FOK_ORDER_EXPIRED",
        Expiry::NoLiquidity => "INSUFFICIENT_LIQUIDITY",
        Expiry::PartnerTraded => "OCO_TRIGGER",
        Expiry::WorkingEnded => "OTO_PHASE_ONE_EXPIRED",
        Expiry::DayOver => "EXCHANGE_CANCELED",
    }
}

/// Parameters by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(BTreeMap<String, String>);

impl Params {
    /// From a query and a body, both percent-encoded forms.
    ///
    /// # Errors
    /// -1101 for a name that comes twice.
    pub fn from_forms(query: &str, body: &str) -> Result<Self, ApiError> {
        let mut found = BTreeMap::new();
        for form in [query, body] {
            for (name, value) in form_urlencoded::parse(form.as_bytes()) {
                if found.insert(name.to_string(), value.to_string()).is_some() {
                    return Err(ApiError::new(-1101, format!("Duplicate values for parameter '{name}' detected.")));
                }
            }
        }
        Ok(Self(found))
    }

    /// From the `params` of a frame.
    #[must_use]
    pub fn from_json(params: &Value) -> Self {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Self(params.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect())
    }

    /// All but the signature, by name: what is signed over the WebSocket API.
    #[must_use]
    pub fn signed_text(&self) -> String {
        let parts: Vec<String> =
            self.0.iter().filter(|(n, _)| *n != "signature").map(|(n, v)| format!("{n}={v}")).collect();
        parts.join("&")
    }

    /// A parameter that may be left out.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// One that must be there.
    ///
    /// # Errors
    /// -1102.
    pub fn need(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(|| mandatory(name))
    }

    /// A number or another parsed value that may be left out.
    ///
    /// # Errors
    /// -1100 for what does not parse, -1111 for too many decimals.
    pub fn parsed<T: FromStr>(&self, name: &str) -> Result<Option<T>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let decimals = text.split_once('.').map_or(0, |(_, part)| part.len());
        text.parse().map(Some).map_err(|_| {
            if decimals > 8 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
                return ApiError::new(-1111, format!("Parameter '{name}' has too much precision."));
            }
            ApiError::new(-1100, format!("Illegal characters found in parameter '{name}'; legal range is '^([0-9]{{1,20}})(\\.[0-9]{{1,20}})?$'."))
        })
    }

    /// A parsed value that must be there.
    ///
    /// # Errors
    /// -1102, -1100, -1111.
    pub fn need_parsed<T: FromStr>(&self, name: &str) -> Result<T, ApiError> {
        self.need(name)?;
        self.parsed(name)?.ok_or_else(|| mandatory(name))
    }

    /// The parameters of a part of a list, which bear its prefix: `abovePrice` is its `price`.
    #[must_use]
    pub fn part(&self, prefix: &str, shared: &[&str]) -> Self {
        let mut part = BTreeMap::new();
        for (name, value) in &self.0 {
            if let Some(rest) =
                name.strip_prefix(prefix).filter(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
            {
                let mut chars = rest.chars();
                let first = chars.next().map(|c| c.to_ascii_lowercase()).into_iter();
                part.insert(first.chain(chars).collect(), value.clone());
            } else if shared.contains(&name.as_str()) {
                part.insert(name.clone(), value.clone());
            }
        }
        Self(part)
    }

    /// With another value.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Under another name.
    #[must_use]
    pub fn renamed(mut self, from: &str, to: &str) -> Self {
        if let Some(value) = self.0.remove(from) {
            self.0.insert(to.to_owned(), value);
        }
        self
    }
}

fn mandatory(name: &str) -> ApiError {
    ApiError::new(-1102, format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed."))
}
