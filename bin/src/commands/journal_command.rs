//! `merganser journal verify|dump|quarantine`: the journals of a stopped directory.

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use config::Settings;
use messages::ledger::{LedgerRecord, MarketRecord, Seq};
use messages::risk::{StateChange, TradingState};
use storage::DataDir;
use storage::journal::{self, Log, Reader, Writer};

use super::Common;
use crate::stopped;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  merganser journal verify\n  merganser journal dump ledger --from 1 | head\n  merganser journal quarantine ledger"
)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Checks every frame of both journals; changes nothing.
    #[command(after_help = "Example:\n  merganser journal verify")]
    Verify,
    /// Prints the records, one a line.
    #[command(after_help = "Example:\n  merganser journal dump ledger --from 100")]
    Dump {
        /// Which journal.
        log: Which,
        /// The first record.
        #[arg(long, default_value_t = 1)]
        from: u64,
    },
    /// Sets damaged segments aside, keeps their intact records, and leaves trading HALTED.
    #[command(after_help = "Example:\n  merganser journal quarantine market")]
    Quarantine {
        /// Which journal.
        log: Which,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    Ledger,
    Market,
}

impl Which {
    fn log(self) -> Log {
        match self {
            Self::Ledger => Log::Ledger,
            Self::Market => Log::Market,
        }
    }
}

pub fn run(arguments: &Arguments, common: &Common, settings: &Settings) -> anyhow::Result<ExitCode> {
    let paths = stopped::paths(&common.data_dir, settings);
    let _held = DataDir::open(&paths)?;
    let dir = |log: Log| if log == Log::Ledger { &paths.ledger } else { &paths.market };
    match arguments.what {
        What::Verify => verify(&[(Log::Ledger, dir(Log::Ledger)), (Log::Market, dir(Log::Market))]),
        What::Dump { log: Which::Ledger, from } => dump::<LedgerRecord>(&paths.ledger, from),
        What::Dump { log: Which::Market, from } => dump::<MarketRecord>(&paths.market, from),
        What::Quarantine { log } => quarantine(log.log(), dir(log.log()), &paths.ledger, settings),
    }
}

fn verify(logs: &[(Log, &std::path::PathBuf)]) -> anyhow::Result<ExitCode> {
    let mut intact = true;
    for (log, dir) in logs {
        for found in journal::verify(dir, *log)? {
            crate::output::line(format_args!(
                "{log:<7} {} {} records, {} bytes",
                found.segment.path.display(),
                found.records,
                found.bytes
            ));
            if let Some(problem) = found.problem {
                intact = false;
                crate::output::line(format_args!("        {problem}"));
            }
        }
    }
    Ok(if intact { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn dump<R: journal::Record + std::fmt::Debug>(dir: &std::path::Path, from: u64) -> anyhow::Result<ExitCode> {
    let mut reader = Reader::<R>::new(dir, Seq(from));
    let mut out = std::io::stdout().lock();
    while let Some(group) = reader.next_group(Seq(u64::MAX))? {
        for (seq, record) in group.records {
            // Who reads may have seen enough (`| head`).
            if writeln!(out, "{seq} {record:?}").is_err() {
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn quarantine(
    log: Log,
    dir: &std::path::Path,
    ledger: &std::path::Path,
    settings: &Settings,
) -> anyhow::Result<ExitCode> {
    let done = journal::quarantine(dir, log)?;
    if done.is_empty() {
        crate::output::line(format_args!("the {log} journal is intact; nothing was set aside"));
        return Ok(ExitCode::SUCCESS);
    }
    let mut missing = Vec::new();
    for segment in &done {
        crate::output::line(format_args!(
            "set aside as {}; {} intact records are kept",
            segment.aside.display(),
            segment.kept
        ));
        for (first, last) in &segment.missing {
            crate::output::line(format_args!("missing: {log} records {first} to {last}"));
            missing.push(format!("{first}-{last}"));
        }
    }
    let why = format!("the {log} journal was quarantined; missing records {}", missing.join(", "));
    let change = StateChange { state: TradingState::Halted, by: "merganser journal quarantine".to_owned(), why };
    let mut writer = Writer::open(ledger, settings.journal.ledger_segment_bytes)?;
    let at = actors::clock::Clock::wall().now();
    writer.append(&LedgerRecord::Trading { change, at })?;
    writer.sync()?;
    crate::output::line(format_args!(
        "trading is HALTED; look at what is missing, then `merganser resume` once it runs"
    ));
    Ok(ExitCode::SUCCESS)
}
