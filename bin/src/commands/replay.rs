//! `merganser replay`: recorded data through the live actors, on the paper account.

use std::path::PathBuf;
use std::process::ExitCode;

use actors::clock::Clock;
use actors::feeds::input::{Format, Input};
use actors::feeds::player::{Frames, Recorded};
use actors::venues::Route;
use anyhow::{Context, ensure};
use clap::Args;
use config::Settings;
use messages::StrategyId;
use messages::ledger::Mode;
use messages::market::Source;

use super::{Common, backtest};
use crate::Plugins;
use crate::live::{self, Live};
use crate::stopped;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  merganser replay --format binance-frames --input a.gz --input b.gz --strategy market_maker --speed 100x --data-dir rp"
)]
pub struct Arguments {
    /// Recorded data; several files are merged by receive time.
    #[arg(long, value_name = "FILE", required = true)]
    input: Vec<PathBuf>,
    /// How it is written: binance-frames, alpaca-frames, csv or parquet; plain, gz or zst.
    #[arg(long)]
    format: Format,
    /// The strategy that trades, instead of those in the settings.
    #[arg(long, value_name = "NAME")]
    strategy: Option<StrategyId>,
    /// A parameter of it, as fast=10. May be given many times.
    #[arg(long, value_name = "k=v", requires = "strategy")]
    param: Vec<String>,
    /// How fast time passes.
    #[arg(long, default_value = "1x", value_parser = speed)]
    speed: u32,
}

/// Reads `1x`, `10x`, `100x`.
fn speed(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix('x').and_then(|n| n.parse().ok()).filter(|n| (1..=1_000).contains(n));
    number.ok_or_else(|| format!("`{text}` is not a speed; expected 1x to 1000x"))
}

pub fn run(
    arguments: &Arguments,
    common: &Common,
    mut settings: Settings,
    plugins: Plugins,
) -> anyhow::Result<ExitCode> {
    if let Some(name) = arguments.strategy {
        settings.strategies.run = [(name, backtest::only(name, &arguments.param)?)].into();
    }
    if common.data_dir.exists() {
        backtest::refuse_used(&stopped::paths(&common.data_dir, &settings), &common.data_dir)?;
    }
    let inputs: Result<Vec<Input>, _> =
        arguments.input.iter().map(|path| Input::open(path, arguments.format, Source::Replay)).collect();
    let recorded = Recorded::open(inputs?, arguments.format)?;
    let begins = recorded.begins().context("the input holds no market data")?;
    ensure!(arguments.speed > 0, "the speed must be at least 1x");
    let route = plugins.venues.route(settings.account.name, &settings.venues)?;
    ensure!(
        matches!(route, Route::Paper),
        "venues.orders_to = \"{}\": what was recorded is traded on paper alone; add --set venues.orders_to=paper",
        settings.venues.orders_to
    );
    let live = Live {
        settings,
        route,
        exchanges: backtest::exchanges(arguments.format),
        mode: Mode::Replay,
        frames: Some(Box::new(move |_, _| {
            let frames: Box<dyn Frames> = Box::new(recorded);
            Ok(frames)
        })),
        feeds: Vec::new(),
        clock: Clock::replay(begins, arguments.speed),
        stop_after: None,
    };
    live::run(live, &common.data_dir, plugins)?;
    Ok(ExitCode::SUCCESS)
}
