//! `market_maker`: one bid and one ask around the middle of the quote, moved with it, leaned against
//! what it already holds. It earns the spread while the market is quiet and pays for it when it moves.

use std::time::Duration;

use messages::orders::{OrderRequest, Replacement, Side, Status};
use messages::{Cash, Instrument, Price, Quantity};
use serde::Deserialize;

use crate::strategies::api::{Context, Quote, Strategy, Wants};

/// Its parameters.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// Distance of each side from the middle, in hundredths of a percent.
    pub half_spread_bps: i64,
    /// Value of each order, in quote asset.
    pub notional: Cash,
    /// Largest value of its position, in quote asset; the side that would enlarge it beyond is not quoted.
    pub max_position: Cash,
    /// How far the wanted price must have moved before an order follows, in hundredths of a percent.
    pub follow_bps: i64,
    /// How often it looks at its orders.
    #[serde(with = "crate::durations")]
    pub every: Duration,
}

impl Default for Parameters {
    fn default() -> Self {
        let cash = |units: i128| Cash::from_raw(units * Cash::ONE.raw()).unwrap_or(Cash::ONE);
        Self {
            half_spread_bps: 2,
            notional: cash(1_000),
            max_position: cash(5_000),
            follow_bps: 1,
            every: Duration::from_millis(500),
        }
    }
}

/// The strategy.
pub struct MarketMaker {
    parameters: Parameters,
    instruments: Vec<Instrument>,
}

impl MarketMaker {
    /// # Errors
    /// Distances or sizes that are not positive, in words.
    pub fn new(instruments: Vec<Instrument>, parameters: Parameters) -> Result<Self, String> {
        let p = &parameters;
        if p.half_spread_bps <= 0 || p.follow_bps <= 0 || !p.notional.is_positive() || p.every.is_zero() {
            return Err("half_spread_bps, follow_bps, notional and every must be positive".to_owned());
        }
        Ok(Self { parameters, instruments })
    }

    fn requote(&self, quote: Quote, context: &mut Context<'_>) {
        let (Some(bid), Some(ask)) = (quote.bid, quote.ask) else { return };
        let middle = i128::from(bid.price.raw()) + i128::from(ask.price.raw());
        for side in [Side::Buy, Side::Sell] {
            let Some(price) = self.wanted_price(side, middle, quote, context) else { continue };
            self.quote_side(side, price, quote.instrument, context);
        }
    }

    /// The price of one side, off the middle (given doubled) by the half spread, never crossing the market.
    fn wanted_price(&self, side: Side, doubled_middle: i128, quote: Quote, context: &Context<'_>) -> Option<Price> {
        let step = context.rules(quote.instrument)?.price_step;
        let bps = i128::from(self.parameters.half_spread_bps);
        let raw = match side {
            Side::Buy => doubled_middle * (10_000 - bps) / 20_000,
            Side::Sell => doubled_middle * (10_000 + bps) / 20_000,
        };
        let price = Price::from_raw(i64::try_from(raw).ok()?)?.floor_to(step);
        match side {
            Side::Buy => Some(price.min(quote.bid?.price)),
            Side::Sell => Some(price.max(quote.ask?.price)),
        }
    }

    fn quote_side(&self, side: Side, price: Price, instrument: Instrument, context: &mut Context<'_>) {
        let mine = context
            .open_orders()
            .find(|o| o.request.instrument == instrument && o.request.side == side)
            .map(|o| (o.order_id, o.status, o.request.price));
        let wanted = self.may_quote(side, price, instrument, context);
        match mine {
            None if wanted => {
                let quantity = context.quantity_for(instrument, self.parameters.notional, price);
                if quantity.is_positive() {
                    let request =
                        OrderRequest { post_only: true, ..OrderRequest::limit(instrument, side, quantity, price) };
                    context.submit(request);
                }
            }
            Some((id, Status::Accepted | Status::PartiallyFilled, Some(current))) => {
                if !wanted {
                    context.cancel(id);
                } else if self.has_moved(current, price) {
                    context.replace(id, Replacement { quantity: None, price: Some(price), stop_price: None });
                }
            }
            _ => {}
        }
    }

    fn has_moved(&self, current: Price, wanted: Price) -> bool {
        let change = (i128::from(current.raw()) - i128::from(wanted.raw())).abs() * 10_000;
        change >= i128::from(self.parameters.follow_bps) * i128::from(current.raw())
    }

    fn may_quote(&self, side: Side, price: Price, instrument: Instrument, context: &Context<'_>) -> bool {
        let held = side.signed(context.position(instrument));
        let value = price.times(held).unwrap_or(Cash::MAX);
        !(held > Quantity::ZERO && value >= self.parameters.max_position)
    }
}

impl Strategy for MarketMaker {
    fn wants(&self) -> Wants {
        Wants { instruments: self.instruments.clone(), quotes: false, ..Wants::default() }
    }

    fn on_start(&mut self, context: &mut Context<'_>) {
        context.set_timer(0, self.parameters.every);
    }

    fn on_timer(&mut self, _id: u32, context: &mut Context<'_>) {
        let quotes: Vec<Quote> = self.instruments.iter().filter_map(|i| context.quote(*i)).collect();
        for quote in quotes {
            self.requote(quote, context);
        }
        context.set_timer(0, self.parameters.every);
    }
}
