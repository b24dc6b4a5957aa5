//! `/v2/assets`: what may be traded and by which rules. Source: docs.alpaca.markets, assets, and orders at Alpaca.
//!
//! A stock's price has two decimals from one dollar on (four below it, which these rules do not allow); it is bought in
//! whole shares, or in nine decimals of one where it is fractionable. Crypto tells its own steps. A zero switches a rule
//! off, as it does in [`Rules`]; the dollar that a fraction must cost at least holds for fractions only, so it is the
//! venue's to check. An asset that cannot be read is named and left out.

use std::str::FromStr;

use messages::instrument::{Asset, Rules, Sessions};
use messages::number::NumberError;
use messages::{Cash, Quantity};
use serde::{Deserialize, Serialize};

use super::instrument;
use crate::wire::json::{self, Text};
use crate::wire::{DecodeError, Field, cut};

const EVENT: &str = "asset";

/// An asset of the venue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its rules.
    pub rules: Rules,
    /// Whether it may be traded now.
    pub tradable: bool,
    /// Whether it may be sold short.
    pub shortable: bool,
}

/// What the venue lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Assets {
    /// Those that can be read, in the venue's order.
    pub listed: Vec<Listed>,
    /// Those that cannot, and why.
    pub refused: Vec<(String, DecodeError)>,
}

#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow)]
    symbol: Option<Text<'a>>,
    #[serde(borrow)]
    class: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(default)]
    tradable: bool,
    #[serde(default)]
    shortable: bool,
    #[serde(default)]
    fractionable: bool,
    #[serde(borrow)]
    min_order_size: Option<Text<'a>>,
    #[serde(borrow)]
    min_trade_increment: Option<Text<'a>>,
    #[serde(borrow)]
    price_increment: Option<Text<'a>>,
}

/// Reads the body of `GET /v2/assets/{symbol}`.
///
/// # Errors
/// No such body, or an asset that is not of our kinds.
pub fn read_one(body: &[u8]) -> Result<Listed, DecodeError> {
    listed(&json::read(json::text(body)?, EVENT)?)
}

/// Reads the rules of an asset from the body of `GET /v2/assets/{symbol}`.
///
/// # Errors
/// As [`read_one`].
pub fn rules(body: &[u8]) -> Result<Rules, DecodeError> {
    read_one(body).map(|listed| listed.rules)
}

/// Reads the body of `GET /v2/assets`, which may be longer than a frame.
///
/// # Errors
/// A body that is no such list at all.
pub fn read(body: &[u8]) -> Result<Assets, DecodeError> {
    let shapes: Vec<Shape<'_>> =
        serde_json::from_slice(body).map_err(|error| json::explain(&error, &String::from_utf8_lossy(body), EVENT))?;
    let mut assets = Assets::default();
    for shape in &shapes {
        match listed(shape) {
            Ok(one) => assets.listed.push(one),
            Err(error) => assets.refused.push((cut(shape.symbol.as_deref().unwrap_or("")), error)),
        }
    }
    Ok(assets)
}

fn listed(shape: &Shape<'_>) -> Result<Listed, DecodeError> {
    let class = field(&shape.class, "class")?;
    let rules = match class.text {
        "us_equity" => stock(shape)?,
        "crypto" => crypto(shape)?,
        _ => return Err(class.invalid("not a class that we trade")),
    };
    let active = shape.status.as_deref() == Some("active");
    Ok(Listed { rules, tradable: shape.tradable && active, shortable: shape.shortable })
}

fn stock(shape: &Shape<'_>) -> Result<Rules, DecodeError> {
    let symbol = field(&shape.symbol, "symbol")?;
    let step = if shape.fractionable { Quantity::from_raw(1) } else { Some(Quantity::ONE) };
    let step = step.ok_or_else(|| symbol.invalid("without a step"))?;
    Ok(Rules {
        instrument: instrument(symbol.symbol()?),
        base: asset(symbol)?,
        quote: asset(Field { text: "USD", ..symbol })?,
        price_step: number(Field { text: "0.01", ..symbol })?,
        quantity_step: step,
        min_quantity: step,
        max_quantity: Quantity::ZERO,
        min_notional: Cash::ZERO,
        sessions: Sessions::UsEquities,
    })
}

fn crypto(shape: &Shape<'_>) -> Result<Rules, DecodeError> {
    let symbol = field(&shape.symbol, "symbol")?;
    let (base, quote) = symbol.text.split_once('/').ok_or_else(|| symbol.invalid("not a pair"))?;
    Ok(Rules {
        instrument: instrument(symbol.symbol()?),
        base: asset(Field { text: base, ..symbol })?,
        quote: asset(Field { text: quote, ..symbol })?,
        price_step: number(field(&shape.price_increment, "price_increment")?)?,
        quantity_step: number(field(&shape.min_trade_increment, "min_trade_increment")?)?,
        min_quantity: number(field(&shape.min_order_size, "min_order_size")?)?,
        max_quantity: Quantity::ZERO,
        min_notional: Cash::ZERO,
        sessions: Sessions::AroundTheClock,
    })
}

fn field<'a>(value: &'a Option<Text<'_>>, name: &'static str) -> Result<Field<'a>, DecodeError> {
    value
        .as_deref()
        .map(|text| Field { event: EVENT, name, text })
        .ok_or(DecodeError::Missing { event: EVENT, field: name })
}

fn asset(field: Field<'_>) -> Result<Asset, DecodeError> {
    field.text.parse().map_err(|_| field.invalid("not an asset's name that fits"))
}

/// Alpaca writes increments with an exponent at times.
fn number<T: FromStr<Err = NumberError>>(field: Field<'_>) -> Result<T, DecodeError> {
    let plain = super::number::plain(field.text).ok_or_else(|| field.invalid("not a number in range"))?;
    // Zeros behind the last digit that we keep say nothing.
    let plain = if plain.contains('.') { plain.trim_end_matches('0').trim_end_matches('.') } else { &plain };
    plain.parse().map_err(|error| field.number(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testdata;

    #[test]
    fn a_stock_has_cents_and_fractions_where_it_is_fractionable() {
        let body = r#"{"class":"us_equity","exchange":"NASDAQ","symbol":"AAPL","status":"active","tradable":true,"shortable":true,"fractionable":true}"#;
        let apple = read_one(body.as_bytes()).unwrap();
        assert_eq!(
            (apple.rules.price_step.to_string(), apple.rules.quantity_step.to_string()),
            ("0.01".into(), "0.000000001".into())
        );
        assert_eq!((apple.rules.base.as_str(), apple.rules.quote.as_str()), ("AAPL", "USD"));
        assert!(apple.tradable && apple.shortable);
        let whole = body.replace(r#""fractionable":true"#, r#""fractionable":false"#).replace("active", "inactive");
        let whole = read_one(whole.as_bytes()).unwrap();
        assert_eq!((whole.rules.quantity_step, whole.tradable), (Quantity::ONE, false));
    }

    #[test]
    fn crypto_tells_its_steps_and_what_is_neither_is_named() {
        let body = r#"[{"class":"crypto","symbol":"BTC/USD","status":"active","tradable":true,"min_order_size":"0.000012","min_trade_increment":"1e-09","price_increment":"0.0010000000"},
            {"class":"us_option","symbol":"X"},{"class":"crypto","symbol":"ETH/USD"}]"#;
        let assets = read(body.as_bytes()).unwrap();
        let rules = &assets.listed[0].rules;
        let steps = [rules.min_quantity.to_string(), rules.quantity_step.to_string(), rules.price_step.to_string()];
        assert_eq!(steps, ["0.000012", "0.000000001", "0.001"]);
        assert_eq!(rules.sessions, Sessions::AroundTheClock);
        let refused: Vec<&str> = assets.refused.iter().map(|(symbol, _)| symbol.as_str()).collect();
        assert_eq!(refused, ["X", "ETH/USD"]);
        assert!(read(b"{}").is_err());
    }

    #[test]
    fn recorded_assets_are_read() {
        for body in testdata::alpaca_bodies() {
            let is_asset = |body: &serde_json::Value| body["class"].is_string() && body["tradable"].is_boolean();
            if is_asset(&body) {
                assert_eq!(rules(body.to_string().as_bytes()).unwrap().base.as_str(), body["symbol"].as_str().unwrap());
            } else if body.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(is_asset)) {
                let assets = read(body.to_string().as_bytes()).unwrap();
                assert_eq!(assets.listed.len(), body.as_array().unwrap().len());
            }
        }
    }
}
