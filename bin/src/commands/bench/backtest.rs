//! `bench backtest`: decoded trades through the market, `ema_cross` and the paper venue.

use std::time::Instant;

use actors::assembly::Assembly;
use actors::backtest::driver::Driver;
use actors::backtest::machine::Machine;
use actors::backtest::recorder::Recorder;
use actors::settings::StrategyRun;
use actors::strategies::registry::Registry;
use config::Settings;
use messages::market::{FeedBatch, FeedItem, Source, Tick, TickBody};
use messages::orders::Side;
use messages::{Exchange, Instrument, Price, Size, UtcNanos};

use super::Figure;

const TICKS: usize = 2_000_000;

pub fn measure(mut settings: Settings, registry: &Registry) -> anyhow::Result<Vec<Figure>> {
    let name = "ema_cross".parse()?;
    settings.strategies.run = [(name, StrategyRun::default())].into();
    let frames = frames()?;
    let assembly = Assembly::new(settings.deciding(vec![Exchange::Binance]), "bench", 0, 1)?;
    let hosts = assembly.hosts(registry)?;
    let machine = Machine::new(assembly.paper(), assembly.orders()?, assembly.positions(), hosts, 0, Recorder::none());
    let mut driver = Driver::new(machine, assembly.market(), settings.snapshots.every);
    let began = now();
    frames.iter().for_each(|frame| driver.frame(frame));
    let rate = TICKS as f64 / began.elapsed().as_secs_f64();
    driver.stop();
    anyhow::ensure!(driver.machine.tally.fills > 0, "the benchmark traded nothing, so it measured nothing");
    Ok(vec![
        Figure { name: "ticks", unit: "ticks/s", value: Some(rate), target: Some(5_000_000.0) },
        Figure { name: "orders", unit: "orders", value: Some(driver.machine.tally.orders as f64), target: None },
    ])
}

/// A hundred trades a second on a slow wave, so that averages cross. One frame each, as a stream sends them.
fn frames() -> anyhow::Result<Vec<FeedBatch>> {
    let instrument = Instrument { exchange: Exchange::Binance, symbol: "BTCUSDT".parse()? };
    let start: UtcNanos = "2024-01-01".parse()?;
    let frame = |n: usize| {
        let wave = (n % 12_000) as i64;
        let offset = if wave < 6_000 { wave } else { 12_000 - wave };
        let price = Price::from_raw(6_000_000_000_000 + offset * 1_000_000)?;
        let at = UtcNanos(start.0 + n as i64 * 10_000_000);
        let side = if n.is_multiple_of(2) { Side::Buy } else { Side::Sell };
        let body = TickBody::Trade { price, size: Size::ONE, aggressor: Some(side), conditions: Default::default() };
        let tick = Tick { instrument, time: at, sequence: Some(n as i64), revision: 0, body };
        Some(FeedBatch { source: Source::Replay, received: at, items: vec![FeedItem::Tick(tick)] })
    };
    Ok((0..TICKS).filter_map(frame).collect())
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}
