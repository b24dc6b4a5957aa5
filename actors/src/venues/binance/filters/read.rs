//! Reads the filters out of `exchangeInfo`. A symbol whose known filters cannot be read is named and left out: one new kind of symbol
//! must not take all others with it. A filter of a kind that we do not know is named with its symbol.

use messages::{Cash, Exchange, Instrument, Price, Quantity};
use serde::Deserialize;
use serde_json::Value;

use super::price::{Multipliers, Notional, PercentPrice, PriceSteps, TrailingDelta};
use super::quantity::Lot;
use super::{Counts, Filters};

/// A symbol that could not be read, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("symbol `{symbol}` of exchangeInfo: {why}")]
pub struct Unreadable {
    /// Its name, where that could be read.
    pub symbol: String,
    /// Why.
    pub why: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default)]
    exchange_filters: Vec<Value>,
    symbols: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    symbol: messages::Symbol,
    status: String,
    #[serde(default = "yes")]
    is_spot_trading_allowed: bool,
    #[serde(default)]
    order_types: Vec<String>,
    #[serde(default)]
    quote_order_qty_market_allowed: bool,
    #[serde(default)]
    allow_trailing_stop: bool,
    #[serde(default)]
    filters: Vec<Value>,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(tag = "filterType", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
enum Filter {
    #[serde(rename = "PRICE_FILTER")]
    Price {
        min_price: Price,
        max_price: Price,
        tick_size: Price,
    },
    LotSize {
        min_qty: Quantity,
        max_qty: Quantity,
        step_size: Quantity,
    },
    MarketLotSize {
        min_qty: Quantity,
        max_qty: Quantity,
        step_size: Quantity,
    },
    MinNotional {
        min_notional: Cash,
        #[serde(default)]
        apply_to_market: bool,
        avg_price_mins: Option<u32>,
    },
    Notional {
        min_notional: Cash,
        #[serde(default)]
        apply_min_to_market: bool,
        max_notional: Option<Cash>,
        #[serde(default)]
        apply_max_to_market: bool,
        avg_price_mins: Option<u32>,
    },
    PercentPrice {
        multiplier_up: Price,
        multiplier_down: Price,
        avg_price_mins: Option<u32>,
    },
    PercentPriceBySide {
        bid_multiplier_up: Price,
        bid_multiplier_down: Price,
        ask_multiplier_up: Price,
        ask_multiplier_down: Price,
        avg_price_mins: Option<u32>,
    },
    TrailingDelta {
        min_trailing_above_delta: i64,
        max_trailing_above_delta: i64,
        min_trailing_below_delta: i64,
        max_trailing_below_delta: i64,
    },
    MaxPosition {
        max_position: Quantity,
    },
    MaxNumOrders {
        max_num_orders: u32,
    },
    MaxNumAlgoOrders {
        max_num_algo_orders: u32,
    },
    ExchangeMaxNumOrders {
        max_num_orders: u32,
    },
    /// Of orders that show a part of themselves; we have none.
    IcebergParts {},
    MaxNumIcebergOrders {},
    /// Of lists, of which we send none.
    MaxNumOrderLists {},
    /// Of changes of one order: who comes that far is refused by the venue.
    MaxNumOrderAmends {},
    #[serde(other)]
    Unknown,
}

/// Reads the body of `exchangeInfo`: the symbols, and those that could not be read.
///
/// # Errors
/// A body that is not such an answer at all.
pub fn read(body: &[u8]) -> Result<(Vec<Filters>, Vec<Unreadable>), serde_json::Error> {
    let body: Body = serde_json::from_slice(body)?;
    let (mut symbols, mut refused) = (Vec::new(), Vec::new());
    for entry in body.symbols {
        let symbol = entry["symbol"].as_str().unwrap_or_default().chars().take(80).collect();
        match filters(entry, &body.exchange_filters) {
            Ok(filters) => symbols.push(filters),
            Err(why) => refused.push(Unreadable { symbol, why }),
        }
    }
    Ok((symbols, refused))
}

fn filters(entry: Value, everywhere: &[Value]) -> Result<Filters, String> {
    let entry = Entry::deserialize(entry).map_err(|e| e.to_string())?;
    let mut filters = Filters {
        instrument: Instrument { exchange: Exchange::Binance, symbol: entry.symbol },
        status: entry.status,
        is_spot: entry.is_spot_trading_allowed,
        order_types: entry.order_types,
        takes_quote_quantity: entry.quote_order_qty_market_allowed,
        takes_trailing_stops: entry.allow_trailing_stop,
        counts: Counts::default(),
        unknown: Vec::new(),
        price: None,
        lot: None,
        market_lot: None,
        notional: Vec::new(),
        percent: Vec::new(),
        trailing: None,
        max_position: None,
        average_minutes: None,
    };
    let mut minutes = Vec::new();
    for value in entry.filters.iter().chain(everywhere) {
        let name = value["filterType"].as_str().unwrap_or("without a name");
        let filter = Filter::deserialize(value).map_err(|error| format!("filter {name}: {error}"))?;
        minutes.extend(filter.average_minutes());
        filters.add(filter, name);
    }
    minutes.dedup();
    filters.average_minutes = match minutes[..] {
        [minutes] => Some(minutes),
        _ => None,
    };
    Ok(filters)
}

impl Filter {
    fn average_minutes(&self) -> Option<u32> {
        match self {
            Self::MinNotional { avg_price_mins, .. }
            | Self::Notional { avg_price_mins, .. }
            | Self::PercentPrice { avg_price_mins, .. }
            | Self::PercentPriceBySide { avg_price_mins, .. } => *avg_price_mins,
            _ => None,
        }
    }
}

impl Filters {
    fn add(&mut self, filter: Filter, name: &str) {
        let lot = |min, max, step| Some(Lot { min, max, step });
        match filter {
            Filter::Price { min_price: min, max_price: max, tick_size: tick } => {
                self.price = Some(PriceSteps { min, max, tick });
            }
            Filter::LotSize { min_qty, max_qty, step_size } => self.lot = lot(min_qty, max_qty, step_size),
            Filter::MarketLotSize { min_qty, max_qty, step_size } => self.market_lot = lot(min_qty, max_qty, step_size),
            Filter::MinNotional { min_notional: min, apply_to_market: min_for_market, .. } => {
                let name = name.to_owned();
                let notional = Notional { name, min, min_for_market, max: None, max_for_market: false };
                self.notional.push(notional);
            }
            Filter::Notional {
                min_notional: min, apply_min_to_market, max_notional: max, apply_max_to_market, ..
            } => {
                let (min_for_market, max_for_market) = (apply_min_to_market, apply_max_to_market);
                let name = name.to_owned();
                self.notional.push(Notional { name, min, min_for_market, max, max_for_market });
            }
            Filter::PercentPrice { multiplier_up: up, multiplier_down: down, .. } => {
                let both = Multipliers { up, down };
                self.percent.push(PercentPrice { name: name.to_owned(), buy: both, sell: both });
            }
            Filter::PercentPriceBySide {
                bid_multiplier_up,
                bid_multiplier_down,
                ask_multiplier_up,
                ask_multiplier_down,
                ..
            } => {
                let buy = Multipliers { up: bid_multiplier_up, down: bid_multiplier_down };
                let sell = Multipliers { up: ask_multiplier_up, down: ask_multiplier_down };
                self.percent.push(PercentPrice { name: name.to_owned(), buy, sell });
            }
            Filter::TrailingDelta {
                min_trailing_above_delta,
                max_trailing_above_delta,
                min_trailing_below_delta,
                max_trailing_below_delta,
            } => {
                let above = (min_trailing_above_delta, max_trailing_above_delta);
                let below = (min_trailing_below_delta, max_trailing_below_delta);
                self.trailing = Some(TrailingDelta { above, below });
            }
            Filter::MaxPosition { max_position } => self.max_position = Some(max_position),
            Filter::MaxNumOrders { max_num_orders } => self.counts.orders = Some(max_num_orders),
            Filter::MaxNumAlgoOrders { max_num_algo_orders } => self.counts.algo_orders = Some(max_num_algo_orders),
            Filter::ExchangeMaxNumOrders { max_num_orders } => self.counts.everywhere = Some(max_num_orders),
            Filter::IcebergParts {}
            | Filter::MaxNumIcebergOrders {}
            | Filter::MaxNumOrderLists {}
            | Filter::MaxNumOrderAmends {} => {}
            Filter::Unknown => self.unknown.push(name.chars().take(80).collect()),
        }
    }
}
