//! What a payload is, told by the fields it has: the fallback where no stream name says it.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};
use serde_json::value::RawValue;

use super::{Kind, kind_of_event};
use crate::wire::json::Text;
use crate::wire::{DecodeError, cut};

/// The fields that tell a frame or payload from others; all else is skipped.
#[derive(Deserialize)]
pub struct Shape<'a> {
    #[serde(borrow)]
    pub stream: Option<Text<'a>>,
    /// The question of an answer by REST.
    #[serde(borrow)]
    pub rest: Option<Text<'a>>,
    #[serde(borrow)]
    pub data: Option<&'a RawValue>,
    #[serde(borrow)]
    e: Option<Text<'a>>,
    /// bookTicker: `u`, `b` and `B`, without an `e`.
    #[serde(default)]
    u: Present,
    #[serde(default, rename = "B")]
    bid_size: Present,
    #[serde(default, rename = "lastUpdateId")]
    last_update_id: Present,
    /// Answers: `{"result": null, "id": 1}`, `{"error": {…}, "id": 1}`, `{"code": 2, "msg": "…"}`.
    #[serde(default)]
    result: Present,
    #[serde(default)]
    error: Present,
    #[serde(default)]
    code: Present,
    #[serde(default)]
    msg: Present,
}

/// Whether a field is there, even as `null`.
#[derive(Default, Clone, Copy)]
struct Present(bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(d).map(|_| Self(true))
    }
}

impl Shape<'_> {
    /// What the payload is; `text` is only for the error.
    ///
    /// # Errors
    /// An event that we do not know, or no known shape.
    pub fn kind(&self, text: &str) -> Result<Kind, DecodeError> {
        if let Some(event) = &self.e {
            return kind_of_event(event);
        }
        if self.last_update_id.0 {
            return Ok(Kind::Depth);
        }
        if self.u.0 && self.bid_size.0 {
            return Ok(Kind::BookTicker);
        }
        if self.result.0 || self.error.0 || (self.code.0 && self.msg.0) {
            return Ok(Kind::Control);
        }
        Err(DecodeError::Unrecognised { text: cut(text) })
    }
}
