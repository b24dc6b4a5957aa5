//! `merganser import`: recorded history into the tables, through the market state and its journal.
//!
//! The ticks are numbered from a reserved block like any others and marked `import`; bars are made from
//! them. Nothing trades.

use std::path::PathBuf;
use std::process::ExitCode;

use actors::assembly::Assembly;
use actors::backtest::recorder::Recorder;
use actors::feeds::input::{Format, Input, Merged};
use actors::market::tail;
use actors::restore;
use anyhow::Context;
use clap::Args;
use config::Settings;
use messages::ledger::{MarketRecord, Seq};
use messages::market::{Batch, Source};
use messages::{MarketId, UtcNanos, caps};
use storage::DataDir;
use storage::journal::{self, Log};

use super::{Common, backtest};
use crate::stopped;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  merganser import --format csv --input trades.csv --data-dir merganser-data")]
pub struct Arguments {
    /// Recorded data; several files are merged by receive time.
    #[arg(long, value_name = "FILE", required = true)]
    input: Vec<PathBuf>,
    /// How it is written: binance-frames, alpaca-frames, csv or parquet; plain, gz or zst.
    #[arg(long)]
    format: Format,
}

pub fn run(arguments: &Arguments, common: &Common, settings: &Settings) -> anyhow::Result<ExitCode> {
    let inputs: Result<Vec<Input>, _> =
        arguments.input.iter().map(|path| Input::open(path, arguments.format, Source::Import)).collect();
    let mut input = Merged::new(inputs?);
    let paths = stopped::paths(&common.data_dir, settings);
    let _dir = DataDir::create(&paths)?;
    let mut recorder = Recorder::open(&paths, settings.journal.market_segment_bytes)?;
    let reserved = restore::past(&paths.ledger, Seq(u64::MAX))?.next_block;
    let durable = journal::recover(&paths.market, Log::Market)?.next;
    let mut next_block = reserved.max(tail::next_id(&tail::read(&paths.market, Seq(durable.0 - 1))?));
    let assembly =
        Assembly::new(settings.deciding(backtest::exchanges(arguments.format)), &settings.instance.name, 0, 0)?;
    let mut market = assembly.market();
    let progress = backtest::progress_bar(input.progress().1);
    let mut batch = Batch { source: Source::Import, received: UtcNanos::MIN, events: Vec::new() };
    let mut events = 0;
    while let Some(frame) = input.next_batch()? {
        if market.ids_left() < caps::MARKET_ID_BLOCK / 2 {
            let (first, end) = (next_block, MarketId(next_block.0 + caps::MARKET_ID_BLOCK));
            recorder.reserve(first, end);
            market.reserve(first, end);
            next_block = end;
        }
        market.on_feed(&frame, &mut batch);
        events += batch.events.len();
        recorder.batch(&batch);
        for u in input.take_undecodable() {
            let feed = arguments.format.to_string();
            recorder.market(&MarketRecord::Undecodable { feed, received: u.received, error: u.error, frame: u.frame });
        }
        progress.set_position(input.progress().0);
    }
    market.stop(batch.received, &mut batch);
    recorder.batch(&batch);
    progress.finish_and_clear();
    recorder.finish().context("the journals could not be written")?;
    drop(recorder);
    stopped::recover(&paths, settings)?;
    println!("{events} events imported; {} frames could not be decoded", input.undecodable());
    Ok(ExitCode::SUCCESS)
}
