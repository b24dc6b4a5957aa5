//! `merganser report`: what an account came to, as a page or as figures, of a running instance or a stopped directory.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use actors::clock::Clock;
use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use config::Settings;
use messages::{Account, StrategyId, UtcNanos};

use super::Common;
use crate::report::ask::{Ask, Live, Still};
use crate::report::load::{self, Wanted};
use crate::report::{Period, Report, page};
use crate::{client, output, stopped};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  merganser report --out report.html\n  merganser report --from 2026-01-01 --to 2026-02-01 --account paper --strategy ema_cross --out january.html\n  merganser report --format json --data-dir bt"
)]
pub struct Arguments {
    /// Where to write it; without it, on stdout.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// As what.
    #[arg(long, value_enum, default_value = "html")]
    format: Format,
    /// From this time on: YYYY-MM-DD, or with HH:MM:SS, in UTC.
    #[arg(long, value_name = "TIME")]
    from: Option<UtcNanos>,
    /// Before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<UtcNanos>,
    /// Of which account; needed where the directory has more than one.
    #[arg(long)]
    account: Option<Account>,
    /// Of which strategy alone.
    #[arg(long)]
    strategy: Option<StrategyId>,
    /// How far apart the samples are that returns are between; default the longest that gives 30 returns.
    #[arg(long, value_enum)]
    period: Option<Period>,
}

/// As what a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One page that needs no network.
    Html,
    /// Its figures.
    Json,
}

pub fn run(arguments: &Arguments, common: &Common, settings: &Settings) -> anyhow::Result<ExitCode> {
    let Arguments { format, from, to, account, strategy, period, .. } = *arguments;
    super::check_range(from, to);
    if format == Format::Html && arguments.out.is_none() && std::io::stdout().is_terminal() {
        bail!("a page is not for a terminal; add --out report.html, or --format json");
    }
    if let Some(out) = &arguments.out {
        check(out)?;
    }
    let wanted = Wanted { from, to, account, strategy, period };
    let report = match client::find(&common.data_dir)? {
        Some(running) => load::load(&Live { running: &running, settings }, &wanted)?,
        None => {
            let stopped = stopped::open(&common.data_dir, settings)?;
            load::load(&Still { pool: stopped.instance.pool(), stores: &stopped.stores }, &wanted)?
        }
    };
    match &arguments.out {
        Some(out) => save(&report, format, out)?,
        None => {
            let mut body = Vec::new();
            write(&report, format, &mut body)?;
            output::bytes(&body);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Refuses a place where no file can be written, before the work is done.
pub fn check(out: &Path) -> anyhow::Result<()> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    ensure!(folder.is_dir(), "there is no folder {}; make it, or give another place for the report", folder.display());
    ensure!(
        !out.is_dir(),
        "{} is a folder; name a file for the report, as {}/report.html",
        out.display(),
        out.display()
    );
    Ok(())
}

/// Makes a report of all that there is and saves it as a page.
pub fn save_page(ask: &dyn Ask, out: &Path) -> anyhow::Result<()> {
    let report = load::load(ask, &Wanted::default()).context("the run is kept, and no report could be made of it")?;
    save(&report, Format::Html, out)
}

fn save(report: &Report, format: Format, out: &Path) -> anyhow::Result<()> {
    let what = || format!("the report cannot be written to {}", out.display());
    let mut file = BufWriter::new(File::create(out).with_context(what)?);
    write(report, format, &mut file).with_context(what)?;
    file.flush().with_context(what)
}

fn write(report: &Report, format: Format, out: &mut impl Write) -> anyhow::Result<()> {
    match format {
        Format::Html => page::write(report, Clock::wall().now(), out),
        Format::Json => output::json(report, out),
    }
}
