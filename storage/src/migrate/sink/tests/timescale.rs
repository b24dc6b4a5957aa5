//! Against a real TimescaleDB, as the tests of `migrate` find one: it is PGlite, which takes no rows by COPY, so this is about
//! what is made there.

use std::time::Duration;

use super::super::{Plan, hyper, schema};
use super::tiers;
use crate::migrate::tests::timescale;
use crate::postgres::Session;
use crate::postgres::tests::settings;
use crate::settings::{Age, AtEnd, Tiers, Tls};

fn texts(session: &Session, sql: &str) -> Vec<String> {
    session.ask("look", sql, &[]).unwrap().iter().map(|row| row.get(0)).collect()
}

/// Makes what is missing, as a start does. True when ticks need a partition for each day.
fn make(session: &Session, plan: &Plan) -> bool {
    session.execute("begin", "BEGIN").unwrap();
    let by_day = schema::make(session, plan).unwrap().by_day;
    session.execute("commit", "COMMIT").unwrap();
    by_day
}

#[test]
fn ticks_and_bars_are_hypertables_with_compression_and_the_end_that_the_settings_say() {
    let Some(server) = timescale::server() else { return };
    let session = Session::open(&server).unwrap();
    session.execute("install", "CREATE EXTENSION IF NOT EXISTS timescaledb").unwrap();
    let mut ends = tiers();
    ends.market_ticks.cold = Age::For(Duration::from_secs(365 * 86_400));
    ends.market_ticks.at_end = AtEnd::Delete;
    assert_eq!(hyper::life(&ends.market_ticks), Some(Duration::from_secs(365 * 86_400)));
    let plan = |tiers: Tiers| Plan {
        settings: settings("postgres://unasked@127.0.0.1:1/unasked", Tls::Off),
        schema: "sink_hyper".to_owned(),
        tiers,
        watermark: messages::ledger::Seq(0),
    };
    let retention = "SELECT hypertable_name::text || ' ' || (config->>'drop_after') FROM timescaledb_information.jobs
        WHERE proc_name = 'policy_retention' AND hypertable_schema = 'sink_hyper' ORDER BY 1";
    // Made, and looked at again at the next start, with the same settings and with others.
    assert!(!make(&session, &plan(ends.clone())));
    assert!(!make(&session, &plan(ends)));
    assert_eq!(texts(&session, retention), ["market_ticks 8760:00:00"]);
    assert!(!make(&session, &plan(tiers())));
    assert!(texts(&session, retention).is_empty());

    let tables = "SELECT hypertable_name::text FROM timescaledb_information.hypertables WHERE hypertable_schema = 'sink_hyper' ORDER BY 1";
    assert_eq!(texts(&session, tables), ["market_ticks", "ohlcv_bars"]);
    let compression =
        "SELECT hypertable_name::text || ' ' || (config->>'compress_after') FROM timescaledb_information.jobs
        WHERE proc_name LIKE 'policy_compression%' AND hypertable_schema = 'sink_hyper' ORDER BY 1";
    assert_eq!(texts(&session, compression), ["market_ticks 8 days", "ohlcv_bars 90 days"]);
    let chunk = "SELECT hypertable_name::text || ' ' || time_interval::text FROM timescaledb_information.dimensions
        WHERE hypertable_schema = 'sink_hyper' ORDER BY 1";
    assert_eq!(texts(&session, chunk), ["market_ticks 1 day", "ohlcv_bars 30 days"]);
    // A row that comes twice is there once, in a chunk that is compressed as well.
    let row =
        "INSERT INTO sink_hyper.market_ticks (tick_id, symbol, \"timestamp\") VALUES (7, 'A', '2026-01-02 00:00:00+00')
        ON CONFLICT (\"timestamp\", tick_id) DO NOTHING";
    session.execute("write", row).unwrap();
    session.execute("compress", "SELECT compress_chunk(c) FROM show_chunks('sink_hyper.market_ticks') c").unwrap();
    session.execute("write", row).unwrap();
    assert_eq!(texts(&session, "SELECT count(*)::text FROM sink_hyper.market_ticks"), ["1"]);
    session.execute("drop", "DROP SCHEMA sink_hyper CASCADE").unwrap();
}
