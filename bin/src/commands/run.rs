//! `merganser run`: the runtime, on the simulated market unless the settings say otherwise.

use std::process::ExitCode;
use std::time::Duration;

use actors::clock::Clock;
use actors::feeds::player::{Frames, MakeFrames};
use actors::feeds::simulated::{Simulated, SimulatedSymbol};
use clap::Args;
use config::Settings;
use messages::ledger::Mode;
use messages::{Exchange, Instrument};

use super::Common;
use crate::Plugins;
use crate::live::{self, Live};

#[derive(Debug, Args, Default)]
#[command(after_help = "Examples:\n  merganser run\n  merganser run --for 60s --data-dir try")]
pub struct Arguments {
    /// Stops by itself after this.
    #[arg(long = "for", value_name = "TIME", value_parser = actors::durations::parse)]
    stop_after: Option<Duration>,
}

pub fn run(arguments: &Arguments, common: &Common, settings: Settings, plugins: Plugins) -> anyhow::Result<ExitCode> {
    let frames = simulated(&settings)?;
    let live = Live {
        settings,
        exchanges: vec![Exchange::Simulated],
        mode: Mode::Run,
        frames,
        clock: Clock::wall(),
        stop_after: arguments.stop_after,
    };
    live::run(live, &common.data_dir, plugins)?;
    Ok(ExitCode::SUCCESS)
}

/// The simulated market of the settings.
fn simulated(settings: &Settings) -> anyhow::Result<MakeFrames> {
    let rules = settings.deciding(Vec::new()).rules().map_err(anyhow::Error::msg)?;
    let symbol = |(symbol, s): (&messages::Symbol, &actors::settings::SimulatedSymbol)| {
        let instrument = Instrument { exchange: Exchange::Simulated, symbol: *symbol };
        rules.get(&instrument).map(|rules| s.with_rules(*symbol, rules))
    };
    let symbols: Vec<SimulatedSymbol> = settings.feeds.simulated.iter().filter_map(symbol).collect();
    Ok(Box::new(move |seed, start| {
        let market = Simulated::new(seed, &symbols, start).map_err(|e| e.to_string())?;
        let frames: Box<dyn Frames> = Box::new(market);
        Ok(frames)
    }))
}
