//! `merganser backup`: a data directory into a folder or a bucket, and back.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use config::Settings;
use indicatif::{ProgressBar, ProgressStyle};
use messages::UtcNanos;
use messages::ledger::Seq;
use serde::Serialize;
use storage::backup::{
    self, Damaged, Doing, Listed, Point, Pruned, Repository, Restored, Source, Stop, Tables, Verified, Wanted,
};

use super::Common;
use crate::http::tiers::backup::{Asked, Said};
use crate::{client, output, stopped};

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Backs up a running or a stopped directory: what the repository has already is not sent again.
    #[command(
        after_help = "Examples:\n  merganser backup create --to /mnt/backups/merganser\n  merganser backup create --to s3://bucket/merganser --data-dir merganser-data\n\nKeys and server of a bucket are those of tiers.cold, or AWS_*. One data directory, one repository."
    )]
    Create {
        /// file:///folder, s3://bucket/prefix, or the path of a folder.
        #[arg(long, value_name = "WHERE")]
        to: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// The backups, oldest first.
    #[command(after_help = "Example:\n  merganser backup list --from /mnt/backups/merganser")]
    List {
        /// The repository.
        #[arg(long, alias = "to", value_name = "WHERE")]
        from: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Reads everything in the repository again and compares it.
    #[command(
        after_help = "Examples:\n  merganser backup verify --from s3://bucket/merganser\n  merganser backup verify --from /mnt/backups/merganser --remove-damaged\n  merganser backup create --to /mnt/backups/merganser"
    )]
    Verify {
        /// The repository.
        #[arg(long, alias = "to", value_name = "WHERE")]
        from: String,
        /// Only this backup.
        #[arg(long, value_name = "ID")]
        backup: Option<String>,
        /// Removes what is damaged, so that the next backup sends it again; nothing there is ever replaced.
        #[arg(long)]
        remove_damaged: bool,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Makes the empty directory --data-dir from a backup.
    #[command(
        after_help = "Examples:\n  merganser backup restore --from /mnt/backups/merganser --data-dir restored\n  merganser backup restore --from s3://bucket/merganser --at 2026-03-01T14:30:00Z --data-dir restored\n\nWith a point in time the tables come from the newest backup before it and the journals from the first one behind it."
    )]
    Restore(Restore),
    /// Removes all but the newest backups of each directory, and what only those removed needed. Not while a backup is being made.
    #[command(after_help = "Example:\n  merganser backup prune --from /mnt/backups/merganser --keep 14")]
    Prune {
        /// The repository.
        #[arg(long, alias = "to", value_name = "WHERE")]
        from: String,
        /// How many of each directory stay.
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
        keep: u64,
    },
}

#[derive(Debug, Args)]
struct Restore {
    /// The repository.
    #[arg(long, value_name = "WHERE")]
    from: String,
    /// This backup; the newest, or the one that reaches the point, where none is named.
    #[arg(long, value_name = "ID")]
    backup: Option<String>,
    /// Nothing that happened after this instant, UTC.
    #[arg(long, value_name = "TIME", conflicts_with_all = ["ledger_seq", "market_seq"])]
    at: Option<UtcNanos>,
    /// No ledger record after this one.
    #[arg(long, value_name = "N")]
    ledger_seq: Option<u64>,
    /// No market record after this one.
    #[arg(long, value_name = "N")]
    market_seq: Option<u64>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl Restore {
    fn wanted(&self) -> Wanted {
        let records = self.ledger_seq.is_some() || self.market_seq.is_some();
        let (ledger, market) = (self.ledger_seq.map(Seq), self.market_seq.map(Seq));
        let point = self.at.map(Point::At).or(records.then_some(Point::Records { ledger, market }));
        Wanted { backup: self.backup.clone(), point }
    }
}

pub fn run(arguments: &Arguments, common: &Common, settings: &Settings) -> anyhow::Result<ExitCode> {
    let existing = |at: &str| Repository::existing(at, &settings.tiers.cold);
    let progress = Progress::new();
    let on = |doing: Doing<'_>| progress.hear(doing.what, doing.done, doing.of);
    match &arguments.what {
        What::Create { to, json } => {
            let made = match client::find(&common.data_dir)? {
                Some(running) => ask(&running, to, &progress),
                None => create(to, common, settings, &on),
            };
            progress.end();
            say(*json, &made?, say_created)
        }
        What::List { from, json } => {
            let listed: Vec<Listed> = existing(from)?.list()?.iter().map(backup::Backup::listed).collect();
            say(*json, &listed, |listed| say_list(listed))
        }
        What::Verify { from, backup, remove_damaged, json } => {
            let damaged = if *remove_damaged { Damaged::Goes } else { Damaged::Stays };
            let verified = backup::verify(&existing(from)?, backup.as_deref(), damaged, &on);
            progress.end();
            let verified = verified?;
            say(*json, &verified, say_verified)?;
            Ok(if verified.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
        }
        What::Restore(restore) => {
            let repository = existing(&restore.from)?;
            let paths = stopped::paths(&common.data_dir, settings);
            let restored = backup::restore(&repository, &restore.wanted(), &paths, &on);
            progress.end();
            let restored = restored?;
            // The tables get what only the journals hold: it is whole, and it opens.
            drop(stopped::open(&common.data_dir, settings).context("it was restored, and does not open")?);
            say(restore.json, &restored, |restored| say_restored(restored, common))
        }
        What::Prune { from, keep } => {
            let keep = usize::try_from(*keep).unwrap_or(usize::MAX);
            let pruned = backup::prune(&existing(from)?, keep, &on);
            progress.end();
            say(false, &pruned?, say_pruned)
        }
    }
}

/// Of a stopped directory.
fn create(to: &str, common: &Common, settings: &Settings, on: &dyn Fn(Doing<'_>)) -> anyhow::Result<Listed> {
    let stopped = stopped::open(&common.data_dir, settings)?;
    let repository = Repository::open(to, &settings.tiers.cold)?;
    let ends = stopped.writer.applied();
    let clock = actors::clock::Clock::wall();
    let source = Source {
        tables: Tables::Stopped(&stopped.instance),
        paths: &stopped.paths,
        cold: &settings.tiers.cold,
        durable: &|| ends,
        reserve_bytes: settings.duckdb.reserve_bytes,
        now: &|| clock.now(),
        on,
        stop: Stop::default(),
    };
    Ok(backup::create(&repository, &source)?.listed())
}

/// Of a running one, which does it itself and says how far it is.
fn ask(running: &client::Running, to: &str, progress: &Progress) -> anyhow::Result<Listed> {
    let asked = Asked { to: Repository::address(to)? };
    let mut answer = None;
    running.post_and_hear("/api/v1/backup", &asked, |line| {
        match serde_json::from_str(line).context("the answer of the running instance cannot be read")? {
            Said::Doing { what, done } => progress.hear(&what, done, None),
            Said::Failed(why) => bail!("{why}"),
            Said::Done(listed) => answer = Some(listed),
        }
        Ok(())
    })?;
    answer.context("the running instance stopped before the backup was done; no backup was made")
}

fn say<T: Serialize + ?Sized>(json: bool, answer: &T, text: impl Fn(&T)) -> anyhow::Result<ExitCode> {
    if json {
        output::line(format_args!("{}", serde_json::to_string_pretty(answer)?));
    } else {
        text(answer);
    }
    Ok(ExitCode::SUCCESS)
}

fn say_created(made: &Listed) {
    output::line(format_args!(
        "backup {}: {} files, {} bytes, {} of them new; ledger up to {}, market journal up to {}",
        made.id, made.files, made.bytes, made.new_bytes, made.ledger, made.market
    ));
}

fn say_list(listed: &[Listed]) {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_BORDERS_ONLY);
    table.set_header(["backup", "of", "reaches to", "ledger", "market", "files", "bytes", "new bytes"]);
    for b in listed {
        table.add_row([
            b.id.clone(),
            b.directory.clone(),
            b.until.clone(),
            b.ledger.to_string(),
            b.market.to_string(),
            b.files.to_string(),
            b.bytes.to_string(),
            b.new_bytes.to_string(),
        ]);
    }
    output::line(format_args!("{table}"));
}

fn say_verified(verified: &Verified) {
    for finding in &verified.findings {
        output::line(format_args!("FINDING  {}: {}", finding.what, finding.finding));
    }
    for elsewhere in &verified.referenced {
        output::line(format_args!("note     {elsewhere}"));
    }
    if verified.unnamed > 0 {
        output::line(format_args!(
            "note     {} objects belong to no backup; `merganser backup prune` removes them",
            verified.unnamed
        ));
    }
    output::line(format_args!(
        "{} backups, {} objects, {} bytes read, {} findings",
        verified.backups,
        verified.objects,
        verified.bytes,
        verified.findings.len()
    ));
}

fn say_restored(restored: &Restored, common: &Common) {
    let dir = common.data_dir.display();
    output::line(format_args!(
        "restored into {dir}: {} files, {} bytes; tables of {}, journals of {}; ledger up to {}, market journal up to {}",
        restored.files, restored.bytes, restored.tables, restored.journals, restored.ledger, restored.market
    ));
    if restored.cold_files > 0 {
        output::line(format_args!(
            "note     {} cold files stand in {dir}/cold: leave tiers.cold.url empty for this directory",
            restored.cold_files
        ));
    }
    if let Some(elsewhere) = &restored.referenced {
        output::line(format_args!(
            "note     {} cold files stand in {}, which belongs to the directory that was backed up. If this one takes its \
             place, keep tiers.cold.url; if both are to live, copy that store and give this one the copy: the archive \
             refuses to write where another has written",
            elsewhere.files, elsewhere.store
        ));
    }
}

fn say_pruned(pruned: &Pruned) {
    pruned.backups.iter().for_each(|id| output::line(format_args!("removed the backup {id}")));
    output::line(format_args!(
        "{} backups and {} objects removed, {} bytes",
        pruned.backups.len(),
        pruned.objects,
        pruned.bytes
    ));
}

/// What a person sees meanwhile, on a terminal only.
struct Progress(ProgressBar);

impl Progress {
    fn new() -> Self {
        let bar = ProgressBar::no_length();
        let style = ProgressStyle::with_template("{spinner} {bytes} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }

    fn hear(&self, what: &str, done: u64, of: Option<u64>) {
        self.0.set_position(done);
        match of {
            Some(of) => self.0.set_message(format!("of {} {what}", indicatif::HumanBytes(of))),
            None => self.0.set_message(what.to_owned()),
        }
    }

    fn end(&self) {
        self.0.finish_and_clear();
    }
}
