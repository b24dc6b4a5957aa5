use super::*;
use crate::postgres::tests::running::running;

#[test]
fn speed_of_two_million() {
    let Some(running) = running() else { return };
    let session = running.database("speed");
    session.execute("make", "CREATE TABLE raw_trades (time timestamptz NOT NULL, symbol text NOT NULL, trade_id bigint, price numeric NOT NULL, qty numeric NOT NULL)").unwrap();
    for n in 0..8 {
        session.execute("make", &format!("INSERT INTO raw_trades SELECT '2026-01-02 00:00:00+00'::timestamptz + i * INTERVAL '0.4 second', CASE i % 3 WHEN 0 THEN 'BTCUSDT' WHEN 1 THEN 'SOLUSDT' ELSE 'ETHUSDT' END, i, 61837.63 + i * 0.01, 0.001 * (i % 1000)
        FROM generate_series({}, {}) i", n * 250_000, n * 250_000 + 249_999)).unwrap();
    }
    session.execute("index", "CREATE INDEX ON raw_trades (time)").unwrap();
    session.execute("analyze", "ANALYZE raw_trades").unwrap();
    for (connections, level) in [(2, 3), (1, 3), (2, 3)] {
        let mut way = Way {
            before: at("2026-02-05"),
            now: at("2026-02-06"),
            ..Way::new(&running, "speed", plans(&session, MAPPING))
        };
        way.limits = Limits { connections, part_rows: 2_000_000, ..way.limits };
        way.settings.warm_level = level;
        let s = way.bring(&missing(), &|_, _| {}).unwrap();
        println!(
            "SPEED connections {connections} level {level}: {} rows {:.2} s {:.0} rows/s, {} MB, slices {}",
            s.rows,
            s.seconds,
            s.rows_per_second,
            s.bytes >> 20,
            s.slices_done
        );
    }
}
