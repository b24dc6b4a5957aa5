//! `exchangeInfo`: what may be traded and by which rules. Source: `rest-api.md` and `filters.md` of the Spot API.
//!
//! A zero in a filter switches that part off, as it does in [`Rules`]; a filter that is not there is a zero. A symbol
//! that cannot be read is named and left out: one new kind of symbol must not take all others with it.

use std::str::FromStr;

use messages::instrument::{Rules, Sessions};
use messages::{Cash, Price, Quantity};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{instrument, required, text};
use crate::wire::json::{self, Text};
use crate::wire::{DecodeError, Field, cut};

const EVENT: &str = "symbol of exchangeInfo";

/// A symbol of the venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its rules.
    pub rules: Rules,
    /// `TRADING`, `HALT`, `BREAK`, `CANCEL_ONLY` …, as the venue says it.
    pub status: String,
}

impl Listed {
    /// Whether new orders are taken.
    #[must_use]
    pub fn is_trading(&self) -> bool {
        self.status == "TRADING"
    }
}

/// What the venue lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExchangeInfo {
    /// The symbols, in the venue's order.
    pub symbols: Vec<Listed>,
    /// Symbols that could not be read, and why.
    pub refused: Vec<(String, DecodeError)>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    symbols: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(borrow)]
    symbol: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    base_asset: Option<Text<'a>>,
    #[serde(borrow)]
    quote_asset: Option<Text<'a>>,
    #[serde(borrow, default)]
    filters: Vec<Filter<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter<'a> {
    #[serde(borrow)]
    filter_type: Option<Text<'a>>,
    #[serde(borrow)]
    tick_size: Option<Text<'a>>,
    #[serde(borrow)]
    step_size: Option<Text<'a>>,
    #[serde(borrow)]
    min_qty: Option<Text<'a>>,
    #[serde(borrow)]
    max_qty: Option<Text<'a>>,
    #[serde(borrow)]
    min_notional: Option<Text<'a>>,
}

/// Reads the body of `GET /api/v3/exchangeInfo`.
///
/// # Errors
/// A body that is not such an answer at all.
pub fn read(body: &[u8]) -> Result<ExchangeInfo, DecodeError> {
    // Of all symbols with their permissions it has some 15 MiB: more than any frame may have.
    let text = std::str::from_utf8(body)
        .map_err(|error| DecodeError::NotJson { detail: error.to_string(), text: String::new() })?;
    let body: Body<'_> = json::read(text, "exchangeInfo")?;
    let mut info = ExchangeInfo::default();
    for raw in body.symbols {
        match json::read::<Entry<'_>>(raw.get(), EVENT).and_then(|entry| listed(&entry)) {
            Ok(listed) => info.symbols.push(listed),
            Err(error) => info.refused.push((name_of(raw.get()), error)),
        }
    }
    Ok(info)
}

/// The name of a symbol that could not be read, where at least that can be.
fn name_of(raw: &str) -> String {
    #[derive(Deserialize)]
    struct Named {
        symbol: String,
    }
    serde_json::from_str::<Named>(raw).map_or_else(|_| cut(raw), |named| cut(&named.symbol))
}

fn listed(entry: &Entry<'_>) -> Result<Listed, DecodeError> {
    let (price, lot) = (filter(entry, &["PRICE_FILTER"]), filter(entry, &["LOT_SIZE"]));
    let notional = filter(entry, &["NOTIONAL", "MIN_NOTIONAL"]);
    let rules = Rules {
        instrument: instrument(text(&entry.symbol, EVENT, "symbol")?.symbol()?),
        base: asset(text(&entry.base_asset, EVENT, "baseAsset")?)?,
        quote: asset(text(&entry.quote_asset, EVENT, "quoteAsset")?)?,
        price_step: number(price.and_then(|f| f.tick_size.as_ref()), "tickSize", Price::from_str)?,
        quantity_step: number(lot.and_then(|f| f.step_size.as_ref()), "stepSize", Quantity::from_str)?,
        min_quantity: number(lot.and_then(|f| f.min_qty.as_ref()), "minQty", Quantity::from_str)?,
        max_quantity: number(lot.and_then(|f| f.max_qty.as_ref()), "maxQty", Quantity::from_str)?,
        min_notional: number(notional.and_then(|f| f.min_notional.as_ref()), "minNotional", Cash::from_str)?,
        sessions: Sessions::AroundTheClock,
    };
    let status = required(entry.status.as_deref(), EVENT, "status")?;
    Ok(Listed { rules, status: status.to_owned() })
}

fn filter<'a>(entry: &'a Entry<'a>, kinds: &[&str]) -> Option<&'a Filter<'a>> {
    entry.filters.iter().find(|filter| filter.filter_type.as_deref().is_some_and(|kind| kinds.contains(&kind)))
}

fn asset(field: Field<'_>) -> Result<messages::Asset, DecodeError> {
    field.text.parse().map_err(|_| field.invalid("not an asset name that fits"))
}

/// A number of a filter; zero, which switches the rule off, where it is not there.
fn number<T: Default>(
    value: Option<&Text<'_>>,
    name: &'static str,
    parse: impl Fn(&str) -> Result<T, messages::number::NumberError>,
) -> Result<T, DecodeError> {
    let Some(value) = value else { return Ok(T::default()) };
    parse(value).map_err(|error| Field { event: EVENT, name, text: value }.number(error))
}
