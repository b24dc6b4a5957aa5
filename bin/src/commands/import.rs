//! `merganser import`: recorded history into the tables, through the market state and its journal.
//!
//! The inputs are read through once before anything is written, so that a broken one leaves nothing behind; the ledger
//! remembers what was imported, so that the same data is not imported twice. The ticks are numbered from a
//! reserved block like any others and marked `import`; bars are made from them. Nothing trades.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use actors::assembly::Assembly;
use actors::backtest::recorder::Recorder;
use actors::feeds::input::{Format, Input, Merged};
use actors::market::tail;
use actors::restore;
use anyhow::{Context, bail};
use clap::Args;
use config::Settings;
use messages::ledger::{Action, LedgerRecord, MarketRecord, Seq};
use messages::market::{Batch, Source};
use messages::{MarketId, UtcNanos, caps};
use storage::DataDir;
use storage::journal::{self, Log, Reader};

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
    let mut whole = open(arguments)?;
    let progress = backtest::progress_bar(whole.progress().1);
    while whole.next_batch().context("nothing was imported")?.is_some() {
        progress.set_position(whole.progress().0);
    }
    progress.finish_and_clear();
    let mut input = open(arguments)?;
    let paths = stopped::paths(&common.data_dir, settings);
    let _dir = DataDir::create(&paths)?;
    let contents = refuse_repeated(arguments, &paths.ledger)?;
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
    let at = actors::clock::Clock::wall().now();
    for (path, content) in arguments.input.iter().zip(contents) {
        recorder.ledger(&LedgerRecord::Action(Action {
            by: "merganser import".to_owned(),
            what: IMPORTED.to_owned(),
            subject: content,
            why: path.display().to_string(),
            at,
        }));
    }
    recorder.finish().context("the journals could not be written")?;
    drop(recorder);
    stopped::recover(&paths, settings)?;
    crate::output::line(format_args!("{events} events imported; {} frames could not be decoded", input.undecodable()));
    Ok(ExitCode::SUCCESS)
}

/// The name of the action that remembers an import.
const IMPORTED: &str = "imported";

fn open(arguments: &Arguments) -> anyhow::Result<Merged> {
    let inputs: Result<Vec<Input>, _> =
        arguments.input.iter().map(|path| Input::open(path, arguments.format, Source::Import)).collect();
    Ok(Merged::new(inputs?))
}

/// The hash of each file's bytes; an error when one of them was imported before.
fn refuse_repeated(arguments: &Arguments, ledger: &Path) -> anyhow::Result<Vec<String>> {
    let mut contents = Vec::new();
    for path in &arguments.input {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let content: String = messages::ids::hash(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        if contents.contains(&content) {
            bail!("{} is given twice; its data would be doubled", path.display());
        }
        contents.push(content);
    }
    let mut reader = Reader::<LedgerRecord>::new(ledger, Seq(1));
    while let Some(group) = reader.next_group(Seq(u64::MAX))? {
        for (_, record) in group.records {
            let LedgerRecord::Action(action) = record else { continue };
            if action.what == IMPORTED && contents.contains(&action.subject) {
                bail!("{} was imported at {}; importing it again would double its data", action.why, action.at);
            }
        }
    }
    Ok(contents)
}
