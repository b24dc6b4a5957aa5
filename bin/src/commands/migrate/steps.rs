//! The steps of the way out: asked of the running instance, which does them; shown here while they last.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use messages::UtcNanos;
use serde::Serialize;

use super::shown;
use crate::client::Running;
use crate::commands::Common;
use crate::http::migration::{BackfillAsked, CompareAsked, LeaveAsked, Plain, PromoteAsked, ReadsAsked, Said};
use crate::http::views::Migration;
use crate::{client, output};

/// How often it asks how far the work is.
const LOOK_EVERY: Duration = Duration::from_millis(300);

const PATH: &str = "/api/v1/migration";

/// Why, for the ledger.
#[derive(Debug, Args)]
pub struct Why {
    /// Why; it is written to the ledger.
    #[arg(long, default_value = "")]
    why: String,
}

/// What is asked of work that lasts.
#[derive(Debug, Args)]
pub struct Lasting {
    /// Why; it is written to the ledger.
    #[arg(long, default_value = "")]
    why: String,
    /// Does not wait for the end: `status` shows it.
    #[arg(long)]
    detach: bool,
    /// What it came to as JSON.
    #[arg(long)]
    json: bool,
}

/// A range of tables and times.
#[derive(Debug, Args)]
pub struct Which {
    /// Only this table. May be given many times.
    #[arg(long = "table", value_name = "TABLE")]
    tables: Vec<String>,
    /// The first instant of the range.
    #[arg(long)]
    from: Option<UtcNanos>,
    /// The first instant after it.
    #[arg(long)]
    to: Option<UtcNanos>,
}

/// What is to be brought over.
#[derive(Debug, Args)]
pub struct Backfill {
    #[command(flatten)]
    which: Which,
    /// Also what came over before: it is replaced.
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    lasting: Lasting,
}

/// What is to be compared.
#[derive(Debug, Args)]
pub struct Compare {
    #[command(flatten)]
    which: Which,
    /// Mends what differs, from the journal.
    #[arg(long)]
    repair: bool,
    /// Goes on though so many rows did not fit, which a person has looked at in the rejects files.
    #[arg(long, value_name = "N", default_value_t = 0)]
    accept_rejects: u64,
    #[command(flatten)]
    lasting: Lasting,
}

/// How many reads move over.
#[derive(Debug, Args)]
pub struct Reads {
    /// How many of a hundred reads DuckDB answers.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=100))]
    percent: u8,
    #[command(flatten)]
    why: Why,
}

/// How DuckDB becomes the one that answers.
#[derive(Debug, Args)]
pub struct Promote {
    /// Nothing is written to PostgreSQL any more: a way back leads only over catching up.
    #[arg(long)]
    freeze: bool,
    #[command(flatten)]
    why: Why,
}

/// How PostgreSQL is left.
#[derive(Debug, Args)]
pub struct Decommission {
    /// Drops the tables that were exported, and nothing else: the name of the database, so that it is the right one.
    #[arg(long, value_name = "DATABASE")]
    yes_drop: Option<String>,
    #[command(flatten)]
    lasting: Lasting,
}

/// The running instance; without one there is nobody who could take a step.
fn running(common: &Common) -> anyhow::Result<Running> {
    match client::find(&common.data_dir)? {
        Some(running) => Ok(running),
        None => bail!(
            "no merganser runs on {}; the steps of a migration are taken while it runs: start `merganser run` first",
            common.data_dir.display()
        ),
    }
}

/// How the running instance stands.
pub fn read(running: &Running) -> anyhow::Result<Migration> {
    running.read(PATH)
}

pub fn init(why: &Lasting, common: &Common) -> anyhow::Result<ExitCode> {
    work(common, "init", &Plain { why: why.why.clone() }, why)
}

pub fn stop(common: &Common) -> anyhow::Result<ExitCode> {
    step(common, "stop", &Plain::default())
}

pub fn rollback(why: &Why, common: &Common) -> anyhow::Result<ExitCode> {
    step(common, "rollback", &Plain { why: why.why.clone() })
}

impl Reads {
    pub fn run(&self, common: &Common) -> anyhow::Result<ExitCode> {
        step(common, "reads", &ReadsAsked { percent: self.percent, why: self.why.why.clone() })
    }
}

impl Promote {
    pub fn run(&self, common: &Common) -> anyhow::Result<ExitCode> {
        step(common, "promote", &PromoteAsked { freeze: self.freeze, why: self.why.why.clone() })
    }
}

impl Backfill {
    pub fn run(&self, common: &Common) -> anyhow::Result<ExitCode> {
        let Which { tables, from, to } = &self.which;
        crate::commands::check_range(*from, *to);
        let why = self.lasting.why.clone();
        let asked = BackfillAsked { why, tables: tables.clone(), from: *from, to: *to, again: self.again };
        work(common, "backfill", &asked, &self.lasting)
    }
}

impl Compare {
    pub fn run(&self, common: &Common) -> anyhow::Result<ExitCode> {
        let Which { tables, from, to } = &self.which;
        crate::commands::check_range(*from, *to);
        let asked = CompareAsked {
            why: self.lasting.why.clone(),
            tables: tables.clone(),
            from: *from,
            to: *to,
            repair: self.repair,
            accept_rejects: self.accept_rejects,
        };
        work(common, "compare", &asked, &self.lasting)
    }
}

impl Decommission {
    pub fn run(&self, common: &Common) -> anyhow::Result<ExitCode> {
        let asked = LeaveAsked { why: self.lasting.why.clone(), drop: self.yes_drop.clone() };
        work(common, "decommission", &asked, &self.lasting)
    }
}

/// A step that is taken at once.
fn step(common: &Common, name: &str, asked: &impl Serialize) -> anyhow::Result<ExitCode> {
    let said: Said = running(common)?.say(&format!("{PATH}/{name}"), asked)?;
    output::line(format_args!("{}", said.text));
    Ok(ExitCode::SUCCESS)
}

/// Begins work and shows it until it ends.
fn work(common: &Common, name: &str, asked: &impl Serialize, lasting: &Lasting) -> anyhow::Result<ExitCode> {
    let running = running(common)?;
    let said: Said = running.say(&format!("{PATH}/{name}"), asked)?;
    if lasting.detach {
        output::line(format_args!("{}", said.text));
        return Ok(ExitCode::SUCCESS);
    }
    let bar = ProgressBar::no_length();
    let style = ProgressStyle::with_template("{spinner} {pos}/{len} {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let ended = loop {
        let now = read(&running)?;
        let Some(working) = now.working else { break now.last };
        bar.set_length(working.all);
        bar.set_position(working.done);
        bar.set_message(format!("{} rows  {}", working.rows, working.step));
        wait();
    };
    bar.finish_and_clear();
    let Some(last) = ended else {
        bail!("the instance was started anew meanwhile: `merganser migrate timescale status` shows where it stands")
    };
    shown::last(&last, lasting.json)?;
    Ok(if last.is_good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

#[expect(clippy::disallowed_methods, reason = "how long a person waits is real time")]
fn wait() {
    std::thread::sleep(LOOK_EVERY);
}
