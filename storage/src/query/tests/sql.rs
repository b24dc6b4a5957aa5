//! SQL from outside, over cold rows of a range.

use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;

use super::{Directory, range};
use crate::sql::{Error, Limits, run};
use crate::sql_tiers::{self, Scope};

fn ask(directory: &Directory, sql: &str, scope: Scope) -> Result<i64, Error> {
    let limits = Limits { rows: 10, time: Duration::from_secs(20) };
    let answer = run(directory.instance.pool(), &directory.stores, sql, scope, limits)?;
    Ok(answer.batches[0].column(0).as_primitive::<Int64Type>().value(0))
}

#[test]
fn what_is_cold_is_named_with_a_range() {
    let directory = Directory::new();
    directory.execute(
        "INSERT INTO disk.ohlcv_bars SELECT n, 'simulated', 'A', '1m', TIMESTAMP '2023-11-01' + to_hours(n), 1, 1, 1, 1,
             1, 1, 1, 1, 0, true FROM range(1, 2_000) t(n)",
    );
    let count = "SELECT count(*) FROM ohlcv_bars";
    assert_eq!(ask(&directory, count, Scope::All).unwrap(), 1_999);
    directory.archive("2024-01-04");
    // November is cold, December warm, January on disk.
    let cold = ask(&directory, count, Scope::All);
    assert!(
        matches!(cold, Err(Error::Tiers(sql_tiers::Error::Cold { table: "ohlcv_bars", partitions: 1 }))),
        "{cold:?}"
    );
    assert_eq!(ask(&directory, count, Scope::Local).unwrap(), 1_999 - 719);
    let year = Scope::Range(range("2023-01-01", "2025-01-01"));
    assert_eq!(ask(&directory, count, year).unwrap(), 1_999);
    assert_eq!(
        ask(&directory, "SELECT count(*) FROM main.ohlcv_bars b JOIN orders o USING (symbol)", year).unwrap(),
        0
    );
    let two_days = Scope::Range(range("2023-11-30", "2023-12-02"));
    assert_eq!(ask(&directory, count, two_days).unwrap(), 48);
    let db = directory.instance.connect().unwrap();
    let name: String = db.query_row("SELECT current_database()", [], |row| row.get(0)).unwrap();
    for evading in [format!("{name}.main.ohlcv_bars"), "disk.ohlcv_bars".to_owned()] {
        let asked = ask(&directory, &format!("SELECT count(*) FROM {evading}"), two_days);
        assert!(matches!(asked, Err(Error::Tiers(sql_tiers::Error::Qualified { .. }))), "{evading}: {asked:?}");
    }
    // What holds nothing that is cold is asked as always.
    assert_eq!(ask(&directory, "SELECT count(*) FROM orders", Scope::All).unwrap(), 0);
    assert_eq!(ask(&directory, "SELECT count(*) FROM partitions WHERE tier = 'cold'", Scope::All).unwrap(), 1);
}
