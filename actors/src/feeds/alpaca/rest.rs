//! Answers by REST that hold market data: wrapped for recordings, read by the decoder, and cut to what is new before
//! they are recorded.

use std::collections::BTreeMap;

use messages::{Symbol, UtcNanos};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::sequence::sequence;
use super::{bar, fields, tick};
use crate::wire::json::{self, Text};
use crate::wire::{DecodeError, Field};

const EVENT: &str = "answer";

/// A recorded answer: where it came from, and its body.
#[derive(Deserialize)]
pub struct Wrapped<'a> {
    #[serde(borrow)]
    rest: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// Rows by symbol.
type Rows<T> = Vec<(Symbol, Vec<T>)>;

#[derive(Deserialize)]
struct Trades<'a> {
    #[serde(borrow)]
    trades: Option<BTreeMap<String, Vec<tick::Message<'a>>>>,
}

#[derive(Deserialize)]
struct Bars<'a> {
    #[serde(borrow)]
    bars: Option<BTreeMap<String, Vec<bar::Message<'a>>>>,
}

impl<'a> Wrapped<'a> {
    /// Reads the wrapper.
    pub fn read(text: &'a str) -> Result<Self, DecodeError> {
        let wrapped: Self = json::read(text, "frame")?;
        if wrapped.rest.is_none() || wrapped.data.is_none() {
            let detail = "an object that is no answer by REST; frames are arrays".to_owned();
            return Err(DecodeError::Shape { event: "frame", detail });
        }
        Ok(wrapped)
    }

    /// Its trades; none of an answer about something else.
    pub fn trades(&self) -> Result<Rows<tick::Message<'a>>, DecodeError> {
        let Some(data) = self.of("/trades?") else { return Ok(Vec::new()) };
        by_symbol(json::read::<Trades<'_>>(data, EVENT)?.trades)
    }

    /// Its bars of a minute; none of an answer about something else.
    pub fn bars(&self) -> Result<Rows<bar::Message<'a>>, DecodeError> {
        let Some(data) = self.of("/bars?timeframe=1Min&") else { return Ok(Vec::new()) };
        by_symbol(json::read::<Bars<'_>>(data, EVENT)?.bars)
    }

    fn of(&self, what: &str) -> Option<&'a str> {
        self.rest.as_ref().filter(|path| path.contains(what)).and(self.data).map(RawValue::get)
    }
}

fn by_symbol<T>(rows: Option<BTreeMap<String, Vec<T>>>) -> Result<Rows<T>, DecodeError> {
    let named = rows.unwrap_or_default().into_iter();
    named.map(|(name, rows)| Ok((Field { event: EVENT, name: "symbol", text: &name }.symbol()?, rows))).collect()
}

/// A page of an answer as the session sees it: whose rows, where they end, and what comes behind.
#[derive(Debug)]
pub struct Page<'a> {
    /// Rows by symbol, each with its time and, for trades, its sequence.
    pub rows: Vec<(Symbol, Vec<Row<'a>>)>,
    /// The token of the next page.
    pub next: Option<String>,
}

/// A row: a trade or a bar.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Its time.
    pub time: UtcNanos,
    /// A trade's sequence, where it has one.
    pub sequence: Option<i64>,
    /// A trade that was corrected or cancelled since.
    pub updated: bool,
    text: &'a str,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    trades: Option<BTreeMap<String, Vec<&'a RawValue>>>,
    #[serde(borrow)]
    bars: Option<BTreeMap<String, Vec<&'a RawValue>>>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Marks<'a> {
    #[serde(borrow, rename = "t")]
    time: Option<&'a RawValue>,
    #[serde(borrow, rename = "i")]
    id: Option<&'a RawValue>,
    #[serde(borrow, rename = "x")]
    exchange: Option<&'a RawValue>,
    #[serde(borrow, rename = "u")]
    update: Option<&'a RawValue>,
}

impl<'a> Page<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// It is no page of trades or bars.
    pub fn read(body: &'a [u8]) -> Result<Self, DecodeError> {
        let body: Body<'a> = json::read(json::text(body)?, EVENT)?;
        if body.trades.is_none() && body.bars.is_none() && body.next_page_token.is_some() {
            return Err(DecodeError::Missing { event: EVENT, field: "trades" });
        }
        let mut rows = Vec::new();
        for (symbol, texts) in by_symbol(body.trades.or(body.bars))? {
            let read = texts.into_iter().map(|text| Row::read(text.get()));
            rows.push((symbol, read.collect::<Result<Vec<_>, _>>()?));
        }
        Ok(Self { rows, next: body.next_page_token.filter(|token| !token.is_empty()) })
    }

    /// The line to record of its rows of `what`, for the decoder.
    #[must_use]
    pub fn record(&self, what: &str, path: &str) -> Vec<u8> {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let of_symbol = |(symbol, rows): &(Symbol, Vec<Row<'_>>)| {
            let texts: Vec<&str> = rows.iter().map(|row| row.text).collect();
            format!("{}:[{}]", quoted(symbol.as_str()), texts.join(","))
        };
        let rows: Vec<String> = self.rows.iter().filter(|(_, rows)| !rows.is_empty()).map(of_symbol).collect();
        format!(r#"{{"rest":{},"data":{{"{what}":{{{}}}}}}}"#, quoted(path), rows.join(",")).into_bytes()
    }
}

impl<'a> Row<'a> {
    fn read(text: &'a str) -> Result<Self, DecodeError> {
        let marks: Marks<'_> = json::read(text, EVENT)?;
        let time = fields::time(marks.time, EVENT)?;
        let updated = marks.update.is_some_and(|update| !matches!(update.get(), "null" | r#""""#));
        Ok(Self { time, sequence: sequence(marks.exchange, marks.id, time), updated, text })
    }
}
