//! `bench backtest`: decoded trades through the market, `ema_cross` and the paper venue; beside it what
//! decoding such trades costs, and the same run with its journals written.

use std::time::{Duration, Instant};

use actors::assembly::Assembly;
use actors::backtest::driver::Driver;
use actors::backtest::machine::Machine;
use actors::backtest::recorder::Recorder;
use actors::feeds::binance::Decoder;
use actors::settings::StrategyRun;
use actors::strategies::registry::Registry;
use anyhow::{Context, ensure};
use config::Settings;
use messages::market::{FeedBatch, FeedItem, Source, Tick, TickBody};
use messages::orders::Side;
use messages::{Exchange, Instrument, Price, Size, UtcNanos};
use storage::datadir::Paths;

use super::Figure;

/// Frames that are written as text before they are decoded: few enough to stay in the cache, as frames of
/// a stream do.
const TEXTS: usize = 1_000;

pub fn measure(mut settings: Settings, registry: &Registry, ticks: usize) -> anyhow::Result<Vec<Figure>> {
    let name = "ema_cross".parse()?;
    settings.strategies.run = [(name, StrategyRun::default())].into();
    let frames = frames(ticks)?;
    let decoded = decode(&frames)?;
    let (alone, orders) = run(&settings, registry, &frames, Recorder::none())?;
    let dir = super::scratch()?;
    let journals = Recorder::open(&Paths::of(dir.path(), None), settings.journal.market_segment_bytes)?;
    let (stored, _) = run(&settings, registry, &frames, journals)?;
    let rate = |took: Duration| Some(ticks as f64 / took.as_secs_f64());
    Ok(vec![
        Figure { name: "ticks", unit: "ticks/s", value: rate(alone), target: Some(5_000_000.0) },
        Figure { name: "decode", unit: "ticks/s (Binance frames, alone)", value: rate(decoded), target: None },
        Figure { name: "store", unit: "ticks/s (ticks, with the journals)", value: rate(stored), target: None },
        Figure { name: "orders", unit: "orders", value: Some(orders as f64), target: None },
    ])
}

/// Runs the frames through fresh states. Returns the time and the orders.
fn run(
    settings: &Settings,
    registry: &Registry,
    frames: &[FeedBatch],
    recorder: Recorder,
) -> anyhow::Result<(Duration, u64)> {
    let assembly = Assembly::new(settings.deciding(vec![Exchange::Binance]), "bench", 0, 1)?;
    let hosts = assembly.hosts(registry)?;
    let machine = Machine::new(assembly.paper()?, assembly.orders()?, assembly.positions(), hosts, 0, recorder);
    let mut driver = Driver::new(machine, assembly.market(), settings.snapshots.every);
    let began = now();
    frames.iter().for_each(|frame| driver.frame(frame));
    driver.stop();
    driver.machine.recorder.finish().context("the journals could not be written")?;
    let took = began.elapsed();
    let tally = &driver.machine.tally;
    ensure!(tally.fills > 0, "the benchmark traded nothing, so it measured nothing; give more --ticks");
    Ok((took, tally.orders))
}

/// A hundred trades a second on a slow wave, so that averages cross. One frame each, as a stream sends them.
fn frames(ticks: usize) -> anyhow::Result<Vec<FeedBatch>> {
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
    Ok((0..ticks).filter_map(frame).collect())
}

/// Decodes the same trades as Binance writes them. Returns the time of the decoder alone.
fn decode(frames: &[FeedBatch]) -> anyhow::Result<Duration> {
    let mut decoder = Decoder::new();
    let mut items = Vec::with_capacity(TEXTS);
    let mut took = Duration::ZERO;
    for frames in frames.chunks(TEXTS) {
        let texts = frames.iter().map(text).collect::<Option<Vec<String>>>().context("a frame that is no trade")?;
        items.clear();
        let began = now();
        for (text, frame) in texts.iter().zip(frames) {
            decoder.decode(text.as_bytes(), frame.received, &mut items)?;
        }
        took += began.elapsed();
        let same = items.iter().eq(frames.iter().flat_map(|frame| &frame.items));
        ensure!(same, "the decoder read other trades than were written");
    }
    Ok(took)
}

/// A trade as Binance's stream writes it.
fn text(frame: &FeedBatch) -> Option<String> {
    let [FeedItem::Tick(tick)] = &frame.items[..] else { return None };
    let TickBody::Trade { price, size, aggressor, .. } = tick.body else { return None };
    let (symbol, id, ms) = (tick.instrument.symbol, tick.sequence?, tick.time.0 / 1_000_000);
    let stream = symbol.as_str().to_lowercase();
    let maker_bought = aggressor == Some(Side::Sell);
    Some(format!(
        r#"{{"stream":"{stream}@trade","data":{{"e":"trade","E":{ms},"s":"{symbol}","t":{id},"p":"{}","q":"{}","T":{ms},"m":{maker_bought},"M":true}}}}"#,
        fixed(price.raw()),
        fixed(size.raw()),
    ))
}

/// Eight decimals, always, as Binance writes prices and sizes.
fn fixed(raw: i64) -> String {
    format!("{}.{:08}", raw / 100_000_000, raw % 100_000_000)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}
