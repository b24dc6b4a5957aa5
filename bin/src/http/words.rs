//! How requests say things: instruments, reasons, and what is cut.

use messages::{Instrument, UtcNanos, caps};
use serde::{Deserialize, Deserializer, Serializer};
use utoipa::IntoParams;

use super::problem::{Code, Problem};

/// Why something is done.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Why {
    /// Why; it is written to the ledger.
    #[serde(default)]
    why: String,
}

impl Why {
    /// At most so many words.
    pub fn why(&self) -> String {
        cut(self.why.clone())
    }
}

/// At most so many words, cut between characters.
pub fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(caps::NOTE_BYTES));
    text
}

/// An instrument as `exchange:symbol`.
pub fn instrument<'de, D: Deserializer<'de>>(from: D) -> Result<Instrument, D::Error> {
    let text = String::deserialize(from)?;
    actors::settings::parse_instrument(&text).map_err(serde::de::Error::custom)
}

/// The same in a query or a path.
pub fn instrument_of(text: &str) -> Result<Instrument, Problem> {
    actors::settings::parse_instrument(text).map_err(|why| Problem::new(Code::Invalid, format!("instrument: {why}")))
}

/// A time as `YYYY-MM-DD`, or with `HH:MM:SS`, in UTC.
pub fn time<'de, D: Deserializer<'de>>(from: D) -> Result<UtcNanos, D::Error> {
    String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
}

/// The same where there may be none.
pub fn maybe_time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<UtcNanos>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}

/// The other way, where there may be none.
pub fn maybe_as_text<S: Serializer>(value: &Option<UtcNanos>, to: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => to.collect_str(value),
        None => to.serialize_none(),
    }
}

/// The other way.
pub fn as_text<S: Serializer>(value: &impl std::fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}
