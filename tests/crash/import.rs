//! An import killed while it writes, twice, goes on where it stopped: afterwards every row is there once, as if it had
//! never been broken off. Where the directory was used in between it is refused, and nothing is doubled.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

const ROWS: usize = 600_000;

fn merganser(arguments: &[&str], dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_socket-merganser"));
    command.args(arguments).arg("--data-dir").arg(dir).args(["--set", "journal.market_segment_bytes=4194304"]);
    command
}

/// What a command says, and whether it succeeds.
fn said(arguments: &[&str], dir: &Path) -> (String, bool) {
    let output = merganser(arguments, dir).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&text).into_owned(), output.status.success())
}

fn rows(dir: &Path) -> String {
    let sql = "SELECT count(*), count(DISTINCT tick_id), bit_xor(hash(t)) FROM market_ticks t
               UNION ALL SELECT count(*), count(DISTINCT bar_id), bit_xor(hash(b)) FROM ohlcv_bars b";
    let (text, is_ok) = said(&["sql", sql, "--format", "csv"], dir);
    assert!(is_ok, "{text}");
    text
}

/// Begins an import and kills it when the market journal has so many segments.
#[expect(clippy::disallowed_methods, reason = "another process is waited for")]
fn kill(import: &[&str], dir: &Path, segments: usize) {
    let mut child = merganser(import, dir).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while std::fs::read_dir(dir.join("market")).map_or(0, Iterator::count) < segments {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn an_import_that_was_killed_goes_on_and_doubles_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let csv = temp.path().join("ticks.csv");
    let mut text = "timestamp,symbol,price,size,side\n".to_owned();
    for n in 0..ROWS {
        let (s, ms) = (n / 10, n % 10 * 100);
        let (h, m, s) = (s / 3_600, s / 60 % 60, s % 60);
        let symbol = if n % 3 == 0 { "BTCUSDT" } else { "ETHUSDT" };
        writeln!(text, "2024-08-08T{h:02}:{m:02}:{s:02}.{ms:03}Z,{symbol},{}.25,0.{},buy", 100 + n % 50, n % 9 + 1)
            .unwrap();
    }
    std::fs::write(&csv, text).unwrap();
    let import = ["import", "--format", "csv", "--input", csv.to_str().unwrap()];

    let [whole, killed, used] = ["whole", "killed", "used"].map(|name| temp.path().join(name));
    let (said_whole, is_ok) = said(&import, &whole);
    assert!(is_ok, "{said_whole}");
    let expected = rows(&whole);
    assert!(expected.contains(&format!("\n{ROWS},{ROWS},")), "{expected}");

    kill(&import, &killed, 2);
    let (doctor, is_ok) = said(&["doctor", "--quick"], &killed);
    assert!(!is_ok && doctor.contains("has not ended; repeat it"), "{doctor}");
    assert_ne!(rows(&killed), expected, "it was to be killed in the middle");
    kill(&import, &killed, 4);
    let (on, is_ok) = said(&import, &killed);
    assert!(is_ok && on.contains("before it was broken off"), "{on}");
    assert_eq!(rows(&killed), expected);
    let (doctor, is_ok) = said(&["doctor", "--quick"], &killed);
    assert!(is_ok, "{doctor}");
    let (again, is_ok) = said(&import, &killed);
    assert!(!is_ok && again.contains("would double"), "{again}");

    kill(&import, &used, 2);
    let (run, is_ok) = said(&["run", "--for", "1s"], &used);
    assert!(is_ok, "{run}");
    let before = rows(&used);
    let (refused, is_ok) = said(&import, &used);
    assert!(!is_ok && refused.contains("import into a new directory"), "{refused}");
    assert_eq!(rows(&used), before);
}
