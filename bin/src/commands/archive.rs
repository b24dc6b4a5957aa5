//! `merganser archive`: what stands in which tier, and what is due to move.

use std::process::ExitCode;
use std::sync::Mutex;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use config::Settings;
use indicatif::{ProgressBar, ProgressStyle};
use messages::UtcNanos;
use storage::DataDir;
use storage::archive::{Action, Archive, Did, Report, Standing, Step, Writer};
use storage::duck::instance::Instance;
use storage::query::Stores;
use storage::tiers::TABLES;

use super::Common;
use crate::http::tiers::archive::{Restoring, Wanted};
use crate::{client, output, stopped};

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Moves what is due: from disk to Parquet, to the object store, or away at the end of a table's life.
    #[command(
        after_help = "Examples:\n  merganser archive run --dry-run\n  merganser archive run --table market_ticks --data-dir merganser-data\n  merganser archive run --now 2026-06-01"
    )]
    Run(Run),
    /// What stands where: rows, bytes and compression by table, period and tier.
    #[command(after_help = "Example:\n  merganser archive status --json")]
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Reads every file of the tiers again and compares it with the manifest, byte by byte and row by row.
    #[command(after_help = "Example:\n  merganser archive verify --quick")]
    Verify {
        /// Only whether each file is there with its size.
        #[arg(long)]
        quick: bool,
    },
    /// Asks the object store to make archived files (GLACIER, DEEP_ARCHIVE) readable for some days.
    #[command(
        after_help = "Example:\n  merganser archive restore --table market_ticks --from 2025-01-01 --to 2025-01-08"
    )]
    Restore {
        /// Of which table.
        #[arg(long, value_parser = table)]
        table: String,
        /// The first instant of the range.
        #[arg(long)]
        from: UtcNanos,
        /// The first instant after it.
        #[arg(long)]
        to: UtcNanos,
    },
}

/// What to move, also as it is sent to a running instance.
#[derive(Debug, Clone, Default, Args, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(default)]
#[schema(as = ArchiveRun)]
pub struct Run {
    /// As if it were this time, UTC; default now.
    #[arg(long)]
    #[schema(value_type = Option<i64>)]
    pub now: Option<UtcNanos>,
    /// Only says what would move or go, and how many bytes.
    #[arg(long)]
    pub dry_run: bool,
    /// Only this table; of orders, order_events and trades all three. May be given many times.
    #[arg(long = "table", value_name = "TABLE", value_parser = table)]
    pub tables: Vec<String>,
    /// As JSON.
    #[arg(long)]
    #[serde(skip)]
    pub json: bool,
}

/// The name of a table that moves.
pub fn table(name: &str) -> Result<String, String> {
    let mut known = TABLES.iter().map(|t| t.name);
    if known.any(|known| known == name) {
        return Ok(name.to_owned());
    }
    let known: Vec<&str> = TABLES.iter().map(|t| t.name).collect();
    Err(format!("`{name}` is no table that moves; expected one of {}", known.join(", ")))
}

impl Run {
    /// Refuses tables that do not move.
    pub fn check(&self) -> anyhow::Result<()> {
        self.tables.iter().try_for_each(|name| table(name).map(drop)).map_err(anyhow::Error::msg)
    }

    /// The time of the run.
    pub fn at(&self) -> UtcNanos {
        self.now.unwrap_or_else(|| actors::clock::Clock::wall().now())
    }
}

pub fn run(arguments: &Arguments, common: &Common, settings: &Settings) -> anyhow::Result<ExitCode> {
    if let What::Restore { from, to, .. } = &arguments.what {
        super::check_range(Some(*from), Some(*to));
    }
    if let Some(running) = client::find(&common.data_dir)? {
        return ask(&running, &arguments.what);
    }
    let progress = Progress::new();
    let on = |did: &Did| progress.hear(did);
    let Opened { archive, .. } = open(common, settings, &on)?;
    match &arguments.what {
        What::Run(run) if run.dry_run => {
            say_due(&archive.due(run.at(), &run.tables)?, run.json)?;
            Ok(ExitCode::SUCCESS)
        }
        What::Run(run) => {
            let report = archive.run(run.at(), &run.tables);
            progress.end();
            say_report(&report?, run.json)
        }
        What::Status { json } => {
            say_status(&archive.status()?, *json)?;
            Ok(ExitCode::SUCCESS)
        }
        What::Verify { quick } => {
            let looked = archive.verify(*quick, &|file| progress.say(file));
            progress.end();
            let (looked, findings) = looked?;
            findings.iter().for_each(|f| output::line(format_args!("FINDING  {}: {}", f.what, f.finding)));
            output::line(format_args!("{looked} files looked at, {} findings", findings.len()));
            Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
        }
        What::Restore { table, from, to } => {
            say_tickets(archive.restore(table, *from, *to)?.into_iter().map(Restoring::from).collect())
        }
    }
}

/// A stopped directory with its archive; what is last is let go last.
pub struct Opened<'a> {
    /// The archive.
    pub archive: Archive<'a>,
    /// The tiers that its readers reach.
    pub stores: Stores,
    /// The database.
    pub instance: Instance,
    _dir: DataDir,
}

/// Takes a stopped directory.
pub fn open<'a>(common: &Common, settings: &Settings, on: &'a dyn Fn(&Did)) -> anyhow::Result<Opened<'a>> {
    let stopped = stopped::open(&common.data_dir, settings)?;
    let stores = stopped.stores;
    let archive = Archive {
        db: stopped.instance.connect()?,
        writer: Writer::Own(Box::new(Mutex::new(stopped.writer))),
        cold: stores.cold.clone(),
        places: stopped.paths.places,
        settings: settings.tiers.clone(),
        on,
        settle: &|| true,
        go_on: &|| true,
    };
    Ok(Opened { archive, stores, instance: stopped.instance, _dir: stopped.dir })
}

fn ask(running: &client::Running, what: &What) -> anyhow::Result<ExitCode> {
    match what {
        What::Run(run) if run.dry_run => {
            let steps: Vec<Step> = serde_json::from_str(&running.post("/api/v1/archive/due", run)?)?;
            say_due(&steps, run.json)?;
            Ok(ExitCode::SUCCESS)
        }
        What::Run(run) => {
            let report: Report = serde_json::from_str(&running.post_and_wait("/api/v1/archive/run", run)?)
                .context("the answer of the running instance is no report")?;
            say_report(&report, run.json)
        }
        What::Status { json } => {
            say_status(&serde_json::from_str::<Vec<Standing>>(&running.get("/api/v1/tiers")?)?, *json)?;
            Ok(ExitCode::SUCCESS)
        }
        What::Restore { table, from, to } => {
            let wanted = Wanted { table: table.clone(), from: *from, to: *to };
            say_tickets(running.say("/api/v1/archive/restores", &wanted)?)
        }
        What::Verify { .. } => {
            bail!("this is done on a stopped directory; stop the running instance first")
        }
    }
}

fn say_tickets(tickets: Vec<Restoring>) -> anyhow::Result<ExitCode> {
    tickets.iter().for_each(|ticket| output::line(format_args!("{}  {}", ticket.path, ticket.state)));
    output::line(format_args!("{} archived files in the range", tickets.len()));
    Ok(ExitCode::SUCCESS)
}

fn say_due(steps: &[Step], json: bool) -> anyhow::Result<()> {
    if json {
        output::line(format_args!("{}", serde_json::to_string_pretty(steps)?));
        return Ok(());
    }
    for step in steps {
        let action = match step.action {
            Action::Seal => "would be sorted".to_owned(),
            Action::Move { from, to } => format!("would move from {from} to {to}"),
            Action::Delete { from } => format!("would be DELETED from {from}"),
        };
        let rows = step.rows.map_or("rows not counted".to_owned(), |rows| format!("{rows} rows"));
        let bytes = step.bytes.map_or(String::new(), |bytes| format!(", {bytes} bytes in {} files", step.files));
        output::line(format_args!("{} {} part {}: {action} ({rows}{bytes})", step.table, step.period, step.part));
    }
    let bytes: u64 = steps.iter().filter_map(|s| s.bytes).sum();
    output::line(format_args!("{} steps are due, {bytes} bytes of files among them; nothing was done", steps.len()));
    Ok(())
}

fn say_report(report: &Report, json: bool) -> anyhow::Result<ExitCode> {
    let code =
        if report.failed.is_empty() && report.unrecorded.is_none() { ExitCode::SUCCESS } else { ExitCode::from(1) };
    if json {
        output::line(format_args!("{}", serde_json::to_string_pretty(report)?));
        return Ok(code);
    }
    report.swept.iter().for_each(|file| output::line(format_args!("removed what a crash left: {file}")));
    for step in &report.done {
        let action = match step.action {
            Action::Seal => "sorted".to_owned(),
            Action::Move { from, to } => format!("moved from {from} to {to}"),
            Action::Delete { from } => format!("deleted from {from}"),
        };
        output::line(format_args!("{} {} part {} {action}", step.table, step.period, step.part));
    }
    for (step, why) in &report.failed {
        output::line(format_args!("FAILED   {} {} part {}: {why}", step.table, step.period, step.part));
    }
    if let Some(why) = &report.unrecorded {
        output::line(format_args!("FAILED   the manifest beside the cold files: {why}"));
    }
    let (done, failed, bytes) = (report.done.len(), report.failed.len(), report.bytes_written);
    output::line(format_args!("{done} steps done, {failed} failed, {bytes} bytes written"));
    Ok(code)
}

fn say_status(standing: &[Standing], json: bool) -> anyhow::Result<()> {
    if json {
        output::line(format_args!("{}", serde_json::to_string_pretty(standing)?));
        return Ok(());
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_BORDERS_ONLY);
    table.set_header(["table", "period", "tier", "parts", "files", "rows", "bytes", "ratio to plain"]);
    let unknown = || "unknown".to_owned();
    for s in standing {
        table.add_row([
            s.table.clone(),
            s.period.clone(),
            s.tier.clone(),
            s.parts.to_string(),
            s.files.to_string(),
            s.rows.to_string(),
            s.bytes.map_or_else(unknown, |bytes| bytes.to_string()),
            s.ratio.map_or_else(unknown, |ratio| format!("{ratio:.1}")),
        ]);
    }
    output::line(format_args!("{table}"));
    Ok(())
}

/// What a person sees meanwhile, on a terminal only.
struct Progress(ProgressBar);

impl Progress {
    fn new() -> Self {
        let bar = ProgressBar::no_length();
        let style = ProgressStyle::with_template("{spinner} {pos}/{len} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }

    fn hear(&self, did: &Did) {
        match did {
            Did::Began(n, of, step) => {
                self.0.set_length(*of as u64);
                self.0.set_position(*n as u64);
                self.0.set_message(format!("{} {}", step.table, step.period));
            }
            Did::Exported(file) => self.0.set_message(format!("written {file}")),
            Did::Uploaded(file) => self.0.set_message(format!("uploaded {file}")),
            _ => {}
        }
    }

    fn say(&self, text: &str) {
        self.0.inc(1);
        self.0.set_message(text.to_owned());
    }

    fn end(&self) {
        self.0.finish_and_clear();
    }
}
