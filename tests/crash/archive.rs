//! The archive killed at every sign of life, and once more while it mends what that left: afterwards every table says
//! what it said before, no file is without an owner, and none is missing.
//!
//! `MERGANSER_KILLS` says at how many of them; a few without it.

use std::path::Path;
use std::process::{Command, Output};

use testkit::files_below;

/// Every table that moves, and what is in it.
const TABLES: &[&str] = &[
    "market_ticks",
    "ohlcv_bars",
    "orders",
    "order_events",
    "trades",
    "positions",
    "balances",
    "portfolio_snapshots",
    "system_metrics",
    "application_logs",
];

fn merganser(arguments: &[&str], dir: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_socket-merganser"))
        .args(arguments)
        .arg("--data-dir")
        .arg(dir)
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?} failed:\n{out}\n{err}");
    out.into_owned()
}

/// Rows and hash of each table, wherever it is.
fn tables(dir: &Path) -> String {
    let each: Vec<String> = TABLES
        .iter()
        .map(|t| format!("SELECT '{t}' AS name, count(*) AS n, bit_xor(hash(x)) AS h FROM {t} x"))
        .collect();
    let sql = format!("{} ORDER BY name", each.join(" UNION ALL "));
    merganser(&["sql", &sql, "--format", "csv", "--from", "1970-01-01", "--to", "2200-01-01"], dir)
}

/// Runs the archive until its n-th sign of life.
fn killed(dir: &Path, now: &str, n: usize) -> Output {
    Command::new(env!("CARGO_BIN_EXE_killed-archive")).arg(dir).arg(now).arg(n.to_string()).output().unwrap()
}

fn copy(from: &Path, to: &Path) {
    for file in files_below(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&file, &target).unwrap();
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads its size from the environment")]
fn the_archive_killed_at_every_step_loses_and_doubles_nothing() {
    let most: usize = std::env::var("MERGANSER_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(6);
    let temp = tempfile::tempdir().unwrap();
    let base = temp.path().join("base");
    merganser(&["run", "--for", "4s"], &base);
    let before = tables(&base);
    let (mut kills, mut signs) = (0, 0);
    // The first walk brings ticks, metrics and logs into local files, the second everything into the object store.
    for now in ["in 30 days", "in 3 years"] {
        let now = later(&base, now);
        let whole = temp.path().join("whole");
        copy(&base, &whole);
        let output = killed(&whole, &now, usize::MAX);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let total: usize = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
        assert_eq!(tables(&whole), before, "moved in one go");
        signs += total;
        let step = (2 * total).div_ceil(most).max(1);
        for n in (1..=total).step_by(step) {
            let dir = temp.path().join("killed");
            copy(&base, &dir);
            assert!(!killed(&dir, &now, n).status.success(), "it was to be killed at {n}");
            // Again, while it mends what that left.
            let again = killed(&dir, &now, 1 + n % 7);
            kills += 1 + usize::from(!again.status.success());
            assert_eq!(tables(&dir), before, "killed at {n}");
            let report = merganser(&["archive", "run", "--now", &now], &dir);
            assert!(!report.contains("FAILED"), "{report}");
            assert_eq!(tables(&dir), before, "killed at {n}, then mended");
            let status = merganser(&["archive", "run", "--now", &now], &dir);
            assert!(status.starts_with("0 steps done"), "all was done, and nothing was left: {status}");
            merganser(&["archive", "verify"], &dir);
            merganser(&["doctor"], &dir);
            std::fs::remove_dir_all(&dir).unwrap();
        }
        std::fs::remove_dir_all(&base).unwrap();
        std::fs::rename(&whole, &base).unwrap();
    }
    println!("archive: {kills} kills at {signs} signs of life, nothing lost, doubled or left over");
}

/// The time of the run's data and some.
fn later(dir: &Path, how: &str) -> String {
    let interval = how.strip_prefix("in ").unwrap();
    let sql = format!("SELECT strftime(max(\"timestamp\") + INTERVAL {interval}, '%Y-%m-%d') FROM market_ticks");
    let text = merganser(&["sql", &sql, "--format", "csv", "--from", "1970-01-01", "--to", "2200-01-01"], dir);
    text.lines().last().unwrap().to_owned()
}
