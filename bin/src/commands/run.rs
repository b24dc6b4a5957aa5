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
use crate::venues;

#[derive(Debug, Args, Default)]
#[command(
    after_help = "Examples:\n  merganser run\n  merganser run --for 60s --data-dir try\n  merganser run --profile binance-paper --data-dir live\n  merganser run --profile binance-test --data-dir test    # orders go to Binance's test network: docs/guide/venues.md"
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
    let route = venues::checked_route(&plugins.venues, &settings)?;
    eprintln!("{}", venues::announcement(&settings.venues.orders_to, route.place(), settings.account.name));
    let Incoming { frames, live: live_feeds, exchanges } = feeds::of(&mut settings, &common.data_dir)?;
    venues::ask(&mut settings, &route)?;
    let live = Live {
        settings,
        route,
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
