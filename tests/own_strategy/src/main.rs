//! A user's own binary: Merganser with one more strategy and one more model of the paper venue.
//! `own-strategy backtest --strategy dip_buyer --set paper.to_venue.model=stuck …`

use std::time::Duration;

use merganser::api::{Context, Strategy, Trade, Wants};
use merganser::messages::orders::{OrderRequest, Side};
use merganser::messages::{Cash, Instrument, Price};
use merganser::paper::{LatencyModel, SplitMix64};
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

/// One message in ten is stuck behind others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Stuck {
    usual_ms: u64,
    stuck_ms: u64,
}

impl Default for Stuck {
    fn default() -> Self {
        Self { usual_ms: 5, stuck_ms: 200 }
    }
}

impl LatencyModel for Stuck {
    fn delay(&mut self, chance: &mut SplitMix64) -> Duration {
        Duration::from_millis(if chance.below(10) == 0 { self.stuck_ms } else { self.usual_ms })
    }
}

fn main() -> std::process::ExitCode {
    merganser::App::new()
        .strategy("dip_buyer", |instruments, parameters: DipBuyer| Ok(DipBuyer { instruments, ..parameters }))
        .models(|models| models.latency("stuck", |p: Stuck| Ok(p)))
        .main()
}
