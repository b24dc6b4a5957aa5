//! `merganser run`: the runtime, on the feeds of the settings.

use std::process::ExitCode;
use std::time::Duration;

use actors::clock::Clock;
use clap::Args;
use config::Settings;
use messages::ledger::Mode;

use super::Common;
use crate::Plugins;
use crate::feeds::{self, Incoming};
use crate::live::{self, Live};

#[derive(Debug, Args, Default)]
#[command(
    after_help = "Examples:\n  merganser run\n  merganser run --for 60s --data-dir try\n  merganser run --profile binance-paper --data-dir live"
)]
pub struct Arguments {
    /// Stops by itself after this.
    #[arg(long = "for", value_name = "TIME", value_parser = actors::durations::parse)]
    stop_after: Option<Duration>,
}

pub fn run(
    arguments: &Arguments,
    common: &Common,
    mut settings: Settings,
    plugins: Plugins,
) -> anyhow::Result<ExitCode> {
    let Incoming { frames, live: live_feeds, exchanges } = feeds::of(&mut settings, &common.data_dir)?;
    let live = Live {
        settings,
        exchanges,
        mode: Mode::Run,
        frames,
        feeds: live_feeds,
        clock: Clock::wall(),
        stop_after: arguments.stop_after,
    };
    live::run(live, &common.data_dir, plugins)?;
    Ok(ExitCode::SUCCESS)
}
