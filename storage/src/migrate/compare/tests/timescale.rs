//! From a real TimescaleDB, where `MERGANSER_TEST_TIMESCALE` gives its address. Nothing is written to it: it takes no rows by COPY.

use super::Both;
use super::brought::{bring, compare};
use crate::migrate::backfill;
use crate::migrate::tests::theirs::{MAPPING, plans};
use crate::migrate::tests::timescale::server;
use crate::postgres::Session;
use crate::postgres::tests::settings;
use crate::settings::Tls;

const THEIRS: &str = "
    CREATE EXTENSION IF NOT EXISTS timescaledb;
    DROP TABLE IF EXISTS compared_trades;
    CREATE TABLE compared_trades (time timestamptz NOT NULL, symbol text NOT NULL, trade_id bigint, price numeric NOT NULL, qty numeric NOT NULL);
    SELECT create_hypertable('compared_trades', by_range('time', INTERVAL '7 hours'));
    INSERT INTO compared_trades SELECT '2026-01-02 00:00:00+00'::timestamptz + i * INTERVAL '10 minutes', 'BTCUSDT', i, 61837.63 + i, 0.5
        FROM generate_series(0, 200) i;
    ALTER TABLE compared_trades SET (timescaledb.compress, timescaledb.compress_segmentby = 'symbol');
    SELECT compress_chunk(c) FROM show_chunks('compared_trades', older_than => '2026-01-03'::timestamptz) c";

#[test]
fn what_came_from_a_hypertable_is_compared_with_it_chunk_by_chunk() {
    let Some(server) = server() else { return };
    let plans = {
        let session = Session::open(&server).unwrap();
        for statement in THEIRS.split_inclusive(';') {
            session.execute("make their tables", statement).unwrap();
        }
        plans(&session, &MAPPING.replace("raw_trades", "compared_trades"))
    };
    let both = Both::beside(server, settings("postgres://postgres@127.0.0.1/postgres", Tls::Off), 1 << 20);
    bring(&both, &plans, &backfill::Wanted::default()).unwrap();
    let report = compare(&both, &plans, false);
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!((report.totals[0].duckdb, report.totals[0].slices), (201, 2));
    {
        let session = Session::open(&both.server).unwrap();
        session.execute("change by hand", "UPDATE compared_trades SET price = 2 WHERE trade_id = 150").unwrap();
    }
    let found = compare(&both, &plans, false);
    assert_eq!(found.mismatches.len(), 1, "{found:#?}");
    assert!(found.mismatches[0].key.ends_with("sequence_number=150"), "{found:#?}");
}
