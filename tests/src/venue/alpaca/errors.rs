//! Errors in Alpaca's words. Source: the error bodies of the trading API's reference and of its public clients' tests.

use serde_json::{Value, json};

use super::super::exchange::rules::Refusal;
use super::super::face::Answer;

/// An error.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// The code; its first three digits are the status.
    pub code: u32,
    /// The text.
    pub message: String,
    /// What else it tells.
    pub more: Vec<(&'static str, Value)>,
}

impl ApiError {
    /// An error without more.
    #[must_use]
    pub fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), more: Vec::new() }
    }

    /// A request that says something impossible.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(422, 40_010_001, message)
    }

    /// A request that breaks a rule of the market.
    #[must_use]
    pub fn rule(message: impl Into<String>) -> Self {
        Self::new(422, 42_210_000, message)
    }

    /// Something that is not there.
    #[must_use]
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(404, 40_410_000, message)
    }

    /// As an answer.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let mut body = json!({"code": self.code, "message": self.message});
        for (name, value) in &self.more {
            body[*name] = value.clone();
        }
        Answer::json(self.status, &body)
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownSymbol => Self::missing("asset not found"),
            Refusal::UnknownOrder => Self::rule("order is not cancelable"),
            Refusal::Halted => Self::rule("asset is not tradable"),
            Refusal::Insufficient { asset, needed, free } if asset == "USD" => Self {
                more: vec![("buying_power", json!(free.to_string())), ("cost_basis", json!(needed.to_string()))],
                ..Self::new(403, 40_310_000, "insufficient buying power")
            },
            Refusal::Insufficient { asset, needed, free } => Self {
                more: vec![("available", json!(free.to_string())), ("symbol", json!(asset))],
                ..Self::new(
                    403,
                    40_310_000,
                    format!("insufficient qty available for order (requested: {needed}, available: {free})"),
                )
            },
            Refusal::DuplicateId => Self::invalid("client_order_id must be unique"),
            Refusal::WouldTake | Refusal::WouldTrigger | Refusal::ListPrices => {
                Self::rule("the order's prices do not fit the market")
            }
            Refusal::Filter("NOTIONAL") => {
                Self::new(403, 40_310_000, "cost basis must be >= minimal amount of order 1")
            }
            Refusal::Filter(name) => Self::rule(format!("the order fails {name}")),
            Refusal::Change(text) => Self::rule(text),
        }
    }
}
