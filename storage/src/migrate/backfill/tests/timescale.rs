//! From a real TimescaleDB, where `MERGANSER_TEST_TIMESCALE` gives its address: chunks that do not begin at midnight, some of
//! them compressed.

use super::*;
use crate::migrate::tests::real::digest;
use crate::migrate::tests::timescale::server;

const THEIRS: &str = "
    CREATE EXTENSION IF NOT EXISTS timescaledb;
    DROP TABLE IF EXISTS raw_trades;
    CREATE TABLE raw_trades (time timestamptz NOT NULL, symbol text NOT NULL, trade_id bigint, price numeric NOT NULL, qty numeric NOT NULL);
    SELECT create_hypertable('raw_trades', by_range('time', INTERVAL '7 hours'));
    INSERT INTO raw_trades SELECT '2026-01-02 00:00:00+00'::timestamptz + i * INTERVAL '10 minutes', 'BTCUSDT', i, 61837.63 + i, 0.5
        FROM generate_series(0, 431) i;
    INSERT INTO raw_trades VALUES ('2025-11-01 00:00:00+00', 'BTCUSDT', 1000, 1, 1);
    ALTER TABLE raw_trades SET (timescaledb.compress, timescaledb.compress_segmentby = 'symbol');
    SELECT compress_chunk(c) FROM show_chunks('raw_trades', older_than => '2026-01-03'::timestamptz) c";

#[test]
fn the_chunks_of_a_hypertable_say_which_days_there_are() {
    let Some(server) = server() else { return };
    let plans = {
        let session = Session::open(&server).unwrap();
        for statement in THEIRS.split_inclusive(';') {
            session.execute("make their tables", statement).unwrap();
        }
        plans(&session, MAPPING)
    };
    let mut way = Way::from(server, plans);
    // It holds one session at a time.
    way.limits.connections = 1;
    way.before = at("2026-01-04 06:00:00");
    let summary = way.bring(&missing(), &|_, _| {}).unwrap();
    // Of the two months before there is one chunk, and so one day or two of them without a row.
    assert_eq!((summary.rows, summary.slices_done), (325, 4), "{summary:?}");
    assert!(summary.slices_empty <= 1, "{summary:?}");
    let session = Session::open(&way.server).unwrap();
    let theirs = digest(&session, &way.plans[0], Range::until(way.before)).unwrap();
    assert_eq!(way.digest(&way.plans[0]), theirs);
    way.assert_sound();
}
