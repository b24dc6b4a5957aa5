//! `merganser import`: recorded history into the tables, through the market state and its journal.
//!
//! The inputs are read through once before anything is written, so that a broken one leaves nothing behind; the ledger
//! remembers what was begun and what was imported, so that the same data is not imported twice, and an import that was
//! broken off goes on ([`begun`]). The ticks are numbered from a reserved block like any others and marked `import`; bars
//! are made from them. Nothing trades.

mod begun;

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
use messages::ledger::{Action, ImportBegun, Imported, LedgerRecord, MarketRecord, Seq};
use messages::market::{Batch, Source};
use messages::{MarketId, UtcNanos, caps};
use storage::DataDir;
use storage::datadir::Paths;
use storage::journal::{self, Log};

use self::begun::{Broken, Imports, Writing};
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
    let files = contents(arguments)?;
    let broken = Imports::read(&paths.ledger)?.of(&files)?;
    let (mut next_block, mut writing) = match &broken {
        Some(broken) => go_on(broken, &paths, settings)?,
        None => begin(&files, &paths, settings)?,
    };
    let assembly =
        Assembly::new(settings.deciding(backtest::exchanges(arguments.format)), &settings.instance.name, 0, 0)?;
    let mut market = assembly.market();
    let progress = backtest::progress_bar(input.progress().1);
    let mut batch = Batch { source: Source::Import, received: UtcNanos::MIN, events: Vec::new() };
    let mut events = 0;
    while let Some(frame) = input.next_batch()? {
        if market.ids_left() < caps::MARKET_ID_BLOCK / 2 {
            let (first, end) = writing.reserve(next_block);
            market.reserve(first, end);
            next_block = end;
        }
        market.on_feed(&frame, &mut batch);
        events += batch.events.len();
        writing.batch(&batch)?;
        for u in input.take_undecodable() {
            let feed = arguments.format.to_string();
            writing.market(&MarketRecord::Undecodable {
                feed,
                received: u.received,
                error: u.error,
                frame: u.frame,
            })?;
        }
        progress.set_position(input.progress().0);
    }
    market.stop(batch.received, &mut batch);
    writing.batch(&batch)?;
    progress.finish_and_clear();
    writing.end(imported(files)).context("the journals could not be written")?;
    stopped::recover(&paths, settings)?;
    let how = if broken.is_some() { ", some of them before it was broken off" } else { "" };
    let undecodable = input.undecodable();
    crate::output::line(format_args!("{events} events imported{how}; {undecodable} frames could not be decoded"));
    Ok(ExitCode::SUCCESS)
}

/// From the beginning: the ledger says so before the first row is there.
fn begin(files: &[Imported], paths: &Paths, settings: &Settings) -> anyhow::Result<(MarketId, Writing)> {
    let mut recorder = Recorder::open(paths, settings.journal.market_segment_bytes)?;
    let reserved = restore::past(&paths.ledger, Seq(u64::MAX))?.next_block;
    let market = journal::recover(&paths.market, Log::Market)?.next;
    let first = reserved.max(tail::next_id(&tail::read(&paths.market, Seq(market.0 - 1))?));
    let at = actors::clock::Clock::wall().now();
    recorder.ledger(&LedgerRecord::ImportBegun(Box::new(ImportBegun { files: files.to_vec(), first, market, at })));
    recorder.finish().context("the journals could not be written")?;
    Ok((first, Writing::begin(recorder)))
}

/// Behind what an import of the same files has written.
fn go_on(broken: &Broken, paths: &Paths, settings: &Settings) -> anyhow::Result<(MarketId, Writing)> {
    let recorder = Recorder::open(paths, settings.journal.market_segment_bytes)?;
    let until = Seq(journal::recover(&paths.market, Log::Market)?.next.0 - 1);
    Ok((broken.begun.first, Writing::behind(recorder, broken, &paths.market, until)))
}

/// What the ledger remembers of an import.
fn imported(files: Vec<Imported>) -> Vec<Action> {
    let at = actors::clock::Clock::wall().now();
    let by = "merganser import";
    let action = |Imported { content, path }| Action {
        by: by.to_owned(),
        what: begun::IMPORTED.to_owned(),
        subject: content,
        why: path,
        at,
    };
    files.into_iter().map(action).collect()
}

/// Imports that have not ended, in words.
pub fn unfinished(ledger: &Path) -> anyhow::Result<Vec<String>> {
    Ok(Imports::read(ledger)?.unfinished())
}

fn open(arguments: &Arguments) -> anyhow::Result<Merged> {
    let inputs: Result<Vec<Input>, _> =
        arguments.input.iter().map(|path| Input::open(path, arguments.format, Source::Import)).collect();
    Ok(Merged::new(inputs?))
}

/// The files, each with the hash of its bytes.
fn contents(arguments: &Arguments) -> anyhow::Result<Vec<Imported>> {
    let mut files: Vec<Imported> = Vec::new();
    for path in &arguments.input {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let content: String = messages::ids::hash(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        if files.iter().any(|file| file.content == content) {
            bail!("{} is given twice; its data would be doubled", path.display());
        }
        files.push(Imported { content, path: path.display().to_string() });
    }
    Ok(files)
}
