//! How many bytes the same ticks take as CSV and in a PostgreSQL table for each byte of their Parquet files: ticks of
//! recorded frames where there are any, else a day of the made ones. This program's own commands read and archive
//! them, as anybody would.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use messages::UtcNanos;
use storage::archive::Standing;
use storage::query::Tier;
use storage::tiers::Period;

use super::super::Figure;
use super::postgres;

/// Rows that are written as CSV and copied to PostgreSQL, of those that the files hold.
const ROWS: usize = 200_000;

/// Bytes of a row.
struct Sizes {
    files: f64,
    csv: f64,
    /// The heap, and the heap with its indexes; `None` without a PostgreSQL.
    postgres: Option<(f64, f64)>,
}

/// What is compared.
pub struct Sample<'a> {
    /// A folder for what is needed meanwhile.
    pub scratch: &'a Path,
    /// A stopped data directory, with a day in each tier.
    pub made: &'a Path,
    pub warm: Option<UtcNanos>,
    pub cold: Option<UtcNanos>,
    /// Recorded frames; empty for none.
    pub recorded: &'a [PathBuf],
}

/// The figures.
pub fn measure(sample: &Sample<'_>) -> anyhow::Result<Vec<Figure>> {
    let day = Duration::from_secs(86_400);
    let sizes = |root: &Path, tier, day: Option<UtcNanos>, until: Duration| {
        day.map(|from| sizes(root, tier, from, from.after(until), sample.scratch)).transpose()
    };
    let (warm, cold) = if sample.recorded.is_empty() {
        (sizes(sample.made, Tier::Warm, sample.warm, day)?, sizes(sample.made, Tier::Cold, sample.cold, day)?)
    } else {
        let root = sample.scratch.join("recorded");
        let mut import = vec!["import", "--format", "binance-frames"];
        for file in sample.recorded {
            import.extend(["--input", file.to_str().context("a file's name that is no text")?]);
        }
        merganser(&root, &import)?;
        let periods = standing(&root)?.into_iter().map(|s| s.period.parse::<Period>());
        let periods = periods.collect::<Result<Vec<_>, _>>()?;
        let (first, last) = periods.first().zip(periods.last()).context("the recording holds no ticks")?;
        let (first, last) = (first.start(), last.end());
        let until = Duration::from_nanos(last.since(first).unsigned_abs());
        let archived = |days: u32, tier| {
            merganser(&root, &["archive", "run", "--now", &last.after(day * days).to_string()])?;
            sizes(&root, tier, Some(first), until)
        };
        (archived(10, Tier::Warm)?, archived(100, Tier::Cold)?)
    };
    let warm_names = ["compression_warm", "compression_warm_indexes", "compression_csv_warm"];
    let cold_names = ["compression_cold", "compression_cold_indexes", "compression_csv_cold"];
    let mut all = figures(warm_names, warm.as_ref(), 13.0);
    all.extend(figures(cold_names, cold.as_ref(), 20.0));
    Ok(all)
}

fn figures([heap, indexes, csv]: [&'static str; 3], sizes: Option<&Sizes>, target: f64) -> Vec<Figure> {
    let ratio = |of: fn(&Sizes) -> Option<f64>| sizes.and_then(|s| Some(of(s)? / s.files));
    let (of_heap, of_indexes) = match sizes {
        Some(Sizes { postgres: None, .. }) => (":1 (no PostgreSQL here)", ":1 (no PostgreSQL here)"),
        Some(_) => (":1 (PostgreSQL heap)", ":1 (PostgreSQL heap and indexes)"),
        None => (":1 (no day in this tier)", ":1 (no day in this tier)"),
    };
    let value = ratio(|s| Some(s.postgres?.0));
    vec![
        Figure { name: heap, unit: of_heap, value, target: Some(target) },
        Figure { name: indexes, unit: of_indexes, value: ratio(|s| Some(s.postgres?.1)), target: None },
        Figure { name: csv, unit: ":1 (CSV)", value: ratio(|s| Some(s.csv)), target: None },
    ]
}

/// The sizes of the ticks of a stretch of whole days.
fn sizes(root: &Path, tier: Tier, from: UtcNanos, to: UtcNanos, scratch: &Path) -> anyhow::Result<Sizes> {
    let (mut rows, mut bytes) = (0, 0);
    for standing in standing(root)? {
        let start = standing.period.parse::<Period>()?.start();
        if (from..to).contains(&start) {
            ensure!(standing.tier == tier.as_str(), "{} is in {} and not in {tier}", standing.period, standing.tier);
            rows += standing.rows;
            bytes += standing.bytes.context("a file without a size")?;
        }
    }
    let text = format!("SELECT * FROM market_ticks ORDER BY tick_id LIMIT {ROWS}");
    let [from, to, most] = [from.to_string(), to.to_string(), ROWS.to_string()];
    let csv = merganser(root, &["sql", "--format", "csv", "--from", &from, "--to", &to, "--max-rows", &most, &text])?;
    let copied = rows.min(ROWS as u64);
    let lines = csv.iter().filter(|byte| **byte == b'\n').count() as u64;
    ensure!(lines == copied + 1, "{} rows were written, not {copied}", lines.saturating_sub(1));
    let file = scratch.join("ticks.csv");
    std::fs::write(&file, &csv).with_context(|| format!("cannot write {}", file.display()))?;
    let of_row = |bytes: u64, rows: u64| bytes as f64 / rows as f64;
    let postgres = postgres::sizes(&file, copied)?.map(|(heap, all)| (of_row(heap, copied), of_row(all, copied)));
    Ok(Sizes { files: of_row(bytes, rows), csv: of_row(csv.len() as u64, copied), postgres })
}

/// What stands where, of ticks.
fn standing(root: &Path) -> anyhow::Result<Vec<Standing>> {
    let mut all: Vec<Standing> = serde_json::from_slice(&merganser(root, &["archive", "status", "--json"])?)?;
    all.retain(|standing| standing.table == "market_ticks");
    Ok(all)
}

/// Runs this program on a data directory. Returns its answer.
fn merganser(root: &Path, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let mut command = Command::new(std::env::current_exe().context("this program's own file")?);
    let output = command.args(arguments).arg("--data-dir").arg(root).output().context("cannot start merganser")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`merganser {}` failed: {said}", arguments.join(" "));
    Ok(output.stdout)
}
