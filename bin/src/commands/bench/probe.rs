//! What benchmarks of the actors share: a strategy that orders on every trade of its instruments and notes the trade's time
//! with the order, by which the ledger tells how long it took.

use std::time::Duration;

use actors::strategies::api::{Context as StrategyContext, Strategy, Trade, Wants};
use messages::market::Level;
use messages::orders::{OrderRequest, Side};
use messages::{Instrument, Price, Size};

/// No parameters.
#[derive(serde::Deserialize)]
pub struct Nothing {}

/// Orders on every trade.
pub struct Probe {
    pub instruments: Vec<Instrument>,
}

impl Strategy for Probe {
    fn wants(&self) -> Wants {
        Wants { instruments: self.instruments.clone(), trades: true, ..Wants::default() }
    }

    fn on_trade(&mut self, trade: &Trade, context: &mut StrategyContext<'_>) {
        let Some(quantity) = context.rules(trade.instrument).map(|r| r.quantity_step) else { return };
        let side = if trade.time.0 % 2 == 0 { Side::Buy } else { Side::Sell };
        let mut request = OrderRequest::market(
            trade.instrument,
            side,
            messages::Quantity::from_raw(quantity.raw() * 100).unwrap_or(quantity),
        );
        request.note = trade.time.0.to_string();
        context.submit(request);
    }
}

/// One whole piece at this price.
pub fn level(price: i64) -> Option<Level> {
    Price::from_raw(price * 100_000_000).map(|price| Level { price, size: Size::ONE })
}

#[expect(clippy::disallowed_methods, reason = "a feed of a benchmark keeps real time")]
pub fn wait(time: Duration) {
    std::thread::sleep(time);
}
