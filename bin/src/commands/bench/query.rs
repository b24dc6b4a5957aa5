//! `bench query`: what questions take in each tier. A history of made ticks goes through the market journal into the
//! tables, and the archive moves it as it does at night; then questions are asked with nothing beside, and again while
//! 100,000 rows a second arrive and 50 readers ask 200 questions a second. Those of the second round are the design's
//! figures; those of the first have `alone` in their names.
//!
//! - `market`: the ticks; [`history`]: all of them into their tiers.
//! - [`questions`]: what is asked; `load`: how, while rows arrive.
//! - [`compression`], `postgres`: how small files are.
//!
//! Fails when a question fails. No time decides anything.

mod compression;
mod history;
mod load;
mod market;
mod postgres;
mod questions;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actors::feeds::simulated::SplitMix64;
use anyhow::{Context, ensure};
use config::Settings;
use storage::datadir::Paths;
use storage::query::{Query, Tier};
use storage::service::Storage;

use super::Figure;
use super::readers::{self, Outcome};
use market::Market;
use questions::Questions;

/// Ticks and questions are made from it.
const SEED: u64 = 20_260_101;
/// Questions to each tier that are asked alone.
const QUESTIONS: usize = 300;
/// The tiers with their targets, in milliseconds at the 99th percentile.
const TIERS: [Tier; 4] = [Tier::Hot, Tier::Disk, Tier::Warm, Tier::Cold];
const TARGETS: [f64; 4] = [5.0, 10.0, 50.0, 200.0];
const ALONE: [[&str; 3]; 4] = [
    ["hot_p50_alone", "hot_p99_alone", "hot_rows_alone"],
    ["disk_p50_alone", "disk_p99_alone", "disk_rows_alone"],
    ["warm_p50_alone", "warm_p99_alone", "warm_rows_alone"],
    ["cold_p50_alone", "cold_p99_alone", "cold_rows_alone"],
];
const FIRST: [&str; 3] = ["cold_first_p50_alone", "cold_first_p99_alone", "cold_first_rows_alone"];
const LOADED: [[&str; 3]; 4] = [
    ["hot_p50", "hot_p99", "hot_rows"],
    ["disk_p50", "disk_p99", "disk_rows"],
    ["warm_p50", "warm_p99", "warm_rows"],
    ["cold_p50", "cold_p99", "cold_rows"],
];

/// How much there is, and how long it is asked for.
#[derive(Clone, Copy)]
pub struct Size {
    pub rows: u64,
    pub symbols: usize,
    pub days: u32,
    pub seconds: u64,
}

impl Size {
    fn rows_of_a_day(self) -> u64 {
        self.rows / u64::from(self.days)
    }
}

pub fn measure(settings: &Settings, size: Size, recorded: &[PathBuf]) -> anyhow::Result<Outcome> {
    ensure!(size.symbols > 0 && size.days > 0, "there must be symbols and days");
    ensure!(size.rows_of_a_day() > 0, "{} rows are not enough for {} days", size.rows, size.days);
    let dir = super::scratch()?;
    let root = dir.path().join("data");
    let (mut outcome, warm, cold) = in_tiers(settings, size, &root)?;
    let sample = compression::Sample { scratch: dir.path(), made: &root, warm, cold, recorded };
    outcome.figures.extend(compression::measure(&sample)?);
    Ok(outcome)
}

/// Everything that is asked of a running storage. Returns a warm and a cold day with it.
fn in_tiers(
    settings: &Settings,
    size: Size,
    root: &Path,
) -> anyhow::Result<(Outcome, Option<messages::UtcNanos>, Option<messages::UtcNanos>)> {
    let paths = Paths::of(root, None);
    let failed = Arc::new(AtomicBool::new(false));
    let heard = failed.clone();
    let storage = Storage::open(
        &paths,
        &settings.journal,
        &settings.tiers.cold,
        &settings.timescale,
        settings.duckdb.options(),
        settings.hot.options(),
        move |_, _| heard.store(true, Ordering::Release),
    )?;
    readers::until_open(&storage)?;
    let mut market = Market::new(SEED, size.symbols)?;
    history::fill(&storage, &mut market, size)?;
    history::archive(&storage, &paths, settings, size)?;
    let questions = Questions::new(storage.database(), market.instruments())?;
    let mut figures = alone(&questions)?;
    let loaded = load::run(&storage, &mut market, &questions, Duration::from_secs(size.seconds))?;
    let errors: Vec<&String> = loaded.seen.iter().flat_map(|seen| &seen.errors).collect();
    let findings = errors.first().map(|first| format!("{} questions failed, the first: {first}", errors.len()));
    let findings = findings.into_iter().collect();
    figures.extend(of_load(&loaded));
    let of = |tier| questions.days(tier).last().copied();
    let days = (of(Tier::Warm), of(Tier::Cold));
    drop(questions);
    storage.finish().context("storage did not end")?;
    ensure!(!failed.load(Ordering::Acquire), "a journal failed meanwhile");
    Ok((Outcome { figures, findings }, days.0, days.1))
}

/// One question after the other, of each tier; cold ones with an empty cache first.
fn alone(questions: &Questions) -> anyhow::Result<Vec<Figure>> {
    let mut chance = SplitMix64::new(SEED);
    let (mut figures, mut elsewhere) = (Vec::new(), 0);
    for ((tier, names), target) in TIERS.into_iter().zip(ALONE).zip(TARGETS) {
        let asked: Vec<Query> = match tier {
            Tier::Cold => questions.distinct(tier, QUESTIONS, &mut chance),
            _ if !questions.has(tier) => Vec::new(),
            _ => (0..QUESTIONS).map(|_| questions.any(tier, &mut chance)).collect::<Result<_, _>>()?,
        };
        if tier == Tier::Cold {
            figures.extend(questions.alone(tier, &asked)?.figures(FIRST, target));
        }
        let seen = questions.alone(tier, &asked)?;
        elsewhere += seen.elsewhere;
        figures.extend(seen.figures(names, target));
    }
    let unit = "answers from another tier";
    figures.push(Figure { name: "elsewhere_alone", unit, value: Some(elsewhere as f64), target: None });
    let pruned = questions.pruned(Tier::Warm, &mut chance)?;
    figures.push(Figure { name: "files_pruned", unit: "% (a day of a symbol)", value: pruned, target: Some(99.9) });
    Ok(figures)
}

fn of_load(loaded: &load::Outcome) -> Vec<Figure> {
    let mut figures = Vec::new();
    for ((seen, names), target) in loaded.seen.iter().zip(LOADED).zip(TARGETS) {
        figures.extend(seen.figures(names, target));
    }
    let elsewhere: u64 = loaded.seen.iter().map(|seen| seen.elsewhere).sum();
    let (most, at_end) = loaded.behind;
    let (rows, answers) = (load::ROWS_PER_SEC as f64, load::QUESTIONS_PER_SEC as f64);
    let lag = "rows from the journal to the tables";
    let figure = |name, unit, value, target| Figure { name, unit, value: Some(value), target };
    figures.extend([
        figure("elsewhere", "answers from another tier", elsewhere as f64, None),
        figure("rows_arriving", "rows/s", loaded.rows_per_sec, Some(rows)),
        figure("rows_in_tables", "rows/s", loaded.applied_per_sec, Some(rows)),
        figure("questions", "answers/s", loaded.answers_per_sec, Some(answers)),
        figure("lag_max", lag, most as f64, None),
        figure("lag_at_end", lag, at_end as f64, None),
    ]);
    figures
}
