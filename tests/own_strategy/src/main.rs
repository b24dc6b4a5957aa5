//! A user's own binary: Merganser with one more strategy. `own-strategy backtest --strategy dip_buyer …`

use merganser::api::{Context, Strategy, Trade, Wants};
use merganser::messages::orders::{OrderRequest, Side};
use merganser::messages::{Cash, Instrument, Price};
use serde::Deserialize;

/// Buys once for `notional` when the price has fallen `percent` below the first that it saw.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DipBuyer {
    percent: u32,
    notional: Cash,
    #[serde(skip)]
    instruments: Vec<Instrument>,
    #[serde(skip)]
    first: Option<Price>,
    #[serde(skip)]
    bought: bool,
}

impl Strategy for DipBuyer {
    fn wants(&self) -> Wants {
        Wants { instruments: self.instruments.clone(), trades: true, ..Wants::default() }
    }

    fn on_trade(&mut self, trade: &Trade, context: &mut Context<'_>) {
        let first = *self.first.get_or_insert(trade.price);
        let fallen = (i128::from(first.raw()) - i128::from(trade.price.raw())) * 100;
        if !self.bought && fallen >= i128::from(first.raw()) * i128::from(self.percent) {
            self.bought = true;
            let quantity = context.quantity_for(trade.instrument, self.notional, trade.price);
            context.submit(OrderRequest::market(trade.instrument, Side::Buy, quantity));
            context.log(format!("{} fell from {first} to {}", trade.instrument, trade.price));
        }
    }
}

fn main() -> std::process::ExitCode {
    merganser::App::new()
        .strategy("dip_buyer", |instruments, parameters: DipBuyer| Ok(DipBuyer { instruments, ..parameters }))
        .main()
}
