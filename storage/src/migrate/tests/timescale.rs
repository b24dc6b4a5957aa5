//! Against a real TimescaleDB, where `MERGANSER_TEST_TIMESCALE` gives its address (`127.0.0.1:15999`);
//! `tests/show/support/timescale.sh` starts one. It is PGlite: one session at a time, for whose end the next
//! one waits, so such tests run one after the other (`--test-threads=1`), and none minds what another has left there.

use super::super::mapping::{Mapping, check, propose};
use super::real::digest;
use crate::postgres::catalog::{self, Form, Hypertable, TableName};
use crate::postgres::tests::settings;
use crate::postgres::{Server, Session};
use crate::query::Range;
use crate::settings::{Timescale, Tls};

const THEIRS: &str = "
    CREATE EXTENSION IF NOT EXISTS timescaledb;
    CREATE TABLE ticks (time timestamptz NOT NULL, symbol text NOT NULL, price numeric NOT NULL, qty numeric NOT NULL);
    SELECT create_hypertable('ticks', by_range('time', INTERVAL '1 day'));
    INSERT INTO ticks SELECT '2026-01-02 00:00:00+00'::timestamptz + i * INTERVAL '1 hour', 'BTCUSDT', 61837.63 + i, 0.5
        FROM generate_series(0, 71) i;
    ALTER TABLE ticks SET (timescaledb.compress, timescaledb.compress_segmentby = 'symbol');
    ANALYZE";

const HOURLY: &str = "
    CREATE MATERIALIZED VIEW hourly WITH (timescaledb.continuous) AS
        SELECT time_bucket('1 hour', time) AS bucket, symbol, max(price) AS high FROM ticks GROUP BY 1, 2 WITH NO DATA";

#[expect(clippy::disallowed_methods, reason = "a real server is named by the environment")]
pub fn server() -> Option<Server> {
    let Ok(address) = std::env::var("MERGANSER_TEST_TIMESCALE") else {
        println!("skipped: MERGANSER_TEST_TIMESCALE names no server");
        return None;
    };
    let temp = tempfile::tempdir().unwrap();
    let password = temp.path().join("password");
    // It asks for one and takes any.
    std::fs::write(&password, "any").unwrap();
    let url = format!("postgres://postgres@{address}/postgres");
    let settings = Timescale { password_file: password.display().to_string(), ..settings(&url, Tls::Off) };
    Some(Server::new(&settings).unwrap())
}

#[test]
fn a_hypertable_is_known_and_read_wholly_when_some_of_it_is_compressed() {
    let Some(server) = server() else { return };
    let session = Session::open(&server).unwrap();
    for statement in THEIRS.split_inclusive(';').chain([HOURLY]) {
        session.execute("make their tables", statement).unwrap();
    }
    let name = TableName { schema: "public".to_owned(), table: "ticks".to_owned() };
    let plan = |catalog: &catalog::Catalog| {
        let text = propose(catalog).replace("[table.columns]", "[table.columns]\nexchange = { value = \"binance\" }");
        let mut checked = check(&Mapping::parse(&text).unwrap(), catalog);
        assert_eq!(checked.problems, [], "{text}");
        assert_eq!(checked.plans.len(), 1, "{text}");
        checked.plans.remove(0)
    };
    let read = || {
        let mut catalog = catalog::read(&session).unwrap();
        let own = |name: &TableName| name.schema.starts_with("_timescaledb") || name.table.starts_with("_hyper");
        assert!(!catalog.tables.keys().any(own), "neither chunks nor its own tables");
        catalog.tables.retain(|name, _| name.schema == "public" && ["hourly", "ticks"].contains(&name.table.as_str()));
        catalog
    };
    let before = read();
    let plain = digest(&session, &plan(&before), Range::ALL).unwrap();
    session
        .execute("compress", "SELECT compress_chunk(c) FROM show_chunks('ticks', older_than => '2026-01-03') c")
        .unwrap();
    let after = read();
    println!("TimescaleDB {:?}", after.facts.timescale);
    let form = Form::Hypertable(Hypertable { time_column: "time".to_owned(), chunks: 3, compressed: 1 });
    assert_eq!(after.tables[&name].form, form);
    let aggregate = TableName { schema: "public".to_owned(), table: "hourly".to_owned() };
    assert_eq!(after.tables[&aggregate].form, Form::ContinuousAggregate);
    assert!(after.tables.values().all(|table| table.holds.is_empty()), "neither chunks nor what is aggregated");
    let compressed = digest(&session, &plan(&after), Range::ALL).unwrap();
    assert_eq!((plain.rows, &compressed), (72, &plain));
}
