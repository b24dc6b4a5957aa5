use std::sync::OnceLock;
use std::time::Duration;

use messages::caps;

use super::{Answer, Error, Limits, guard, names};
use crate::datadir::Paths;
use crate::duck::instance::{Instance, Options};
use crate::pool::{self, Pool};
use crate::query::Stores;
use crate::service::open_cold;
use crate::settings;
use crate::sql_tiers::Scope;
use crate::tiers::Published;
use crate::tiers::views::Columns;

const LIMITS: Limits = Limits { rows: 10, time: Duration::from_secs(20) };

fn with_instance(work: impl FnOnce(&Instance)) {
    let dir = tempfile::tempdir().unwrap();
    let instance =
        Instance::open(&dir.path().join("trading.duckdb"), &Options::small(), &crate::tiers::Places::of(dir.path()))
            .unwrap();
    let db = instance.connect().unwrap();
    db.execute_batch(
        "CREATE SCHEMA IF NOT EXISTS disk; CREATE TABLE disk.kept (i INT); INSERT INTO disk.kept VALUES (1)",
    )
    .unwrap();
    work(&instance);
    let untouched =
        "SELECT (SELECT count(*) FROM disk.kept) + (SELECT count(*) FROM schema_migrations WHERE version = 1)";
    assert_eq!(db.query_row::<i64, _, _>(untouched, [], |row| row.get(0)).unwrap(), 2);
}

/// Stores without anything in them.
fn stores() -> &'static Stores {
    static STORES: OnceLock<Stores> = OnceLock::new();
    STORES.get_or_init(|| {
        let paths = Paths::of(&tempfile::tempdir().unwrap().keep(), None);
        let (cold, cache) = open_cold(&paths, &settings::Cold::of_tests("")).unwrap();
        Stores { columns: Columns::default(), manifest: Published::default(), places: paths.places, cold, cache }
    })
}

fn run(pool: &Pool, sql: &str, limits: Limits) -> Result<Answer, Error> {
    super::run(pool, stores(), sql, Scope::All, limits)
}

/// That each is refused, and in the right words.
fn check(pool: &Pool, why: impl Fn(&Error) -> bool, questions: &[&str]) {
    for sql in questions {
        let error = run(pool, sql, LIMITS).map(drop).expect_err(sql);
        assert!(why(&error), "{sql}: {error}");
    }
}

#[test]
fn only_one_statement_that_selects_is_answered() {
    with_instance(|instance| {
        let pool = instance.pool();
        assert_eq!(run(pool, "SELECT 1 AS one", LIMITS).unwrap().batches[0].num_rows(), 1);
        let why = |error: &Error| matches!(error, Error::NotASelect { .. });
        let questions = [
            "DROP TABLE orders",
            "SELECT 1; SELECT 2",
            "SELECT 1; -- DROP TABLE orders\nDROP TABLE orders",
            "ROLLBACK; INSERT INTO balances VALUES (1, 'a', 'b', 1, now())",
            "PRAGMA database_list",
            "CALL pragma_version()",
            "INSERT INTO schema_migrations VALUES (2, 'x')",
            "SET threads = 4",
            "RESET threads",
            "CHECKPOINT",
            "EXPLAIN ANALYZE DELETE FROM orders",
            "ATTACH ':memory:' AS more",
            "DETACH hot",
            "PREPARE p AS SELECT 1",
            "EXECUTE p",
            "EXPORT DATABASE '/tmp'",
            "COPY orders TO '/tmp/x'",
            "USE hot",
            "WITH gone AS (DELETE FROM schema_migrations RETURNING *) SELECT * FROM gone",
            "WITH more AS (INSERT INTO schema_migrations VALUES (2, 'x') RETURNING *) SELECT * FROM more",
            "SELECT * FROM (WITH u AS (UPDATE schema_migrations SET version = 3 RETURNING *) SELECT * FROM u)",
            "",
            "-- nothing",
        ];
        check(pool, why, &questions);
    });
}

#[test]
fn rows_come_from_tables_by_their_own_names() {
    with_instance(|instance| {
        let pool = instance.pool();
        let names = [
            "FROM hot.main.ticks",
            "SELECT (SELECT count(*) FROM HOT.bars)",
            "DESCRIBE hot.main.ticks_1",
            "FROM disk.ticks",
            "FROM trading.\"DISK\".ticks",
            "SUMMARIZE disk.ticks",
            "WITH ticks AS (SELECT 1) SELECT * FROM disk.ticks",
        ];
        check(pool, |error| matches!(error, Error::Hidden { .. }), &names);
        let files = [
            "SELECT * FROM '/etc/passwd'",
            "FROM main.\"a.csv\"",
            "SELECT EXISTS (FROM 'x.parquet')",
            "SUMMARIZE 'x.csv'",
            "DESCRIBE 's3://bucket/x'",
            // A name of a WITH reaches neither into its own definition nor out of its own statement.
            "WITH \"/etc/passwd\" AS (SELECT * FROM \"/etc/passwd\") SELECT 1",
            "SELECT * FROM (WITH \"/etc/passwd\" AS (SELECT 1) SELECT * FROM \"/etc/passwd\"), '/etc/passwd'",
            "WITH RECURSIVE \"a.csv\" AS (SELECT * FROM \"a.csv\" UNION ALL SELECT 1) SELECT 1",
        ];
        check(pool, |error| matches!(error, Error::File { .. }), &files);
        let settings = [
            "FROM duckdb_settings",
            "FROM information_schema.views",
            "FROM pg_catalog.pg_settings",
            "SHOW DATABASES",
            "SHOW threads",
        ];
        check(pool, |error| matches!(error, Error::System { .. }), &settings);
        check(pool, |error| matches!(error, Error::NoTable { .. }), &["FROM \"a b\"", "FROM \"\u{202e}orders\""]);
    });
}

#[test]
fn a_name_of_a_with_is_no_table() {
    with_instance(|instance| {
        let tables = |sql: &str| {
            let db = instance.connect().unwrap();
            guard::check(&db, sql).unwrap().tables.into_iter().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(tables("FROM orders JOIN main.TRADES USING (order_id)"), "orders trades");
        assert_eq!(tables("WITH orders AS (FROM trades) SELECT * FROM Orders"), "trades");
        assert_eq!(tables("WITH orders AS (FROM orders) SELECT * FROM orders"), "orders");
        assert_eq!(tables("WITH a AS (FROM orders), b AS (FROM a) SELECT (SELECT count(*) FROM a) FROM b"), "orders");
        assert_eq!(tables("SELECT * FROM (WITH a AS (SELECT 1) FROM a), a"), "a");
        let counted =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT max(i) FROM n";
        assert_eq!(tables(counted), "");
        assert_eq!(
            tables("SELECT 1 WHERE EXISTS (FROM positions) AND 1 IN (SELECT 1 FROM balances)"),
            "balances positions"
        );
        assert_eq!(tables("DESCRIBE market_ticks"), "market_ticks");
        assert_eq!(tables("FROM information_schema.columns, range(3)"), "");
    });
}

#[test]
fn functions_reach_nothing_outside() {
    with_instance(|instance| {
        let pool = instance.pool();
        let calls = [
            "SELECT getenv('HOME')",
            "SELECT \"GetEnv\"('HOME')",
            "SELECT 'HOME'.getenv()",
            "SELECT system.main.getenv('HOME')",
            "SELECT list_transform(['HOME'], lambda x: getenv(x))",
            "SELECT current_setting('temp_directory')",
            "SELECT count(*) FILTER (getenv('HOME') IS NULL) FROM range(1)",
            "SELECT json_serialize_plan('FROM ''/etc/passwd''')",
            "SELECT sum(nextval('s')) OVER () FROM range(1)",
            "SELECT 1 ORDER BY setseed(0.5)",
            "SELECT * FROM range(1) WHERE pg_sleep(1) IS NULL",
            "SELECT write_log('x')",
        ];
        check(pool, |error| matches!(error, Error::Function { .. }), &calls);
        let tables = [
            "SELECT * FROM read_csv('/etc/passwd')",
            "FROM glob('/*')",
            "FROM query('DROP TABLE orders')",
            "FROM query_table('orders')",
            "FROM histogram_values('disk.ticks', 'i')",
            "FROM main.read_text('/etc/passwd')",
            "SELECT (SELECT content FROM read_blob('/etc/passwd'))",
            "FROM range(1) t(i), LATERAL (FROM read_text('/etc/' || i))",
            "FROM duckdb_settings()",
            "FROM duckdb_secrets()",
            "FROM force_checkpoint()",
            "FROM seq_scan()",
        ];
        check(pool, |error| matches!(error, Error::TableFunction { .. }), &tables);
    });
}

#[test]
fn a_value_is_no_larger_than_a_statement_says() {
    with_instance(|instance| {
        let pool = instance.pool();
        let large = [
            "SELECT range(1000000000)",
            "SELECT list_sort(range(-5, 1000000))",
            "SELECT unnest(generate_series(1, i)) FROM range(3) t(i)",
            "SELECT repeat('x', 1000000)",
            "SELECT repeat('x', 500), repeat(repeat('y', 500), 2)",
            "SELECT lpad('', length('x'), 'x')",
            "FROM unnest(range(1000000))",
            "SELECT printf('%1000000d', 1)",
            "SELECT printf('%*d', 1000000, 1)",
            "SELECT format('{:>{}}', 'x', 1000000)",
            "SELECT format('{:>' || '1000000' || '}', 'x')",
            "SELECT bitstring('1', 4000000000)",
        ];
        check(pool, |error| matches!(error, Error::LargeValue { .. }), &large);
        for sql in [
            "SELECT list_sum(range(-100, 100)), repeat('-', 20), lpad('1', 4, '0'), printf('%05.2f', 1.5)",
            "SELECT format('{:,} of {}', 1000, 'x'), list_resize([1], 3)",
            "SELECT count(*), max(i) FROM range(1000000) t(i), generate_series(1, 3)",
        ] {
            run(pool, sql, LIMITS).expect(sql);
        }
    });
}

/// The parser hears no interrupt: what is too long is not given to it, and the longest is read soon enough.
#[test]
#[expect(clippy::disallowed_methods, reason = "how long the parser takes is real time")]
fn a_statement_is_no_longer_than_its_parser_bears() {
    let lists = [
        ("SELECT 1", " INTERSECT SELECT 1"),
        ("SELECT 1", " UNION ALL SELECT 1"),
        ("SELECT 1", ", 1"),
        ("SELECT 1 ORDER BY 1", ", 1"),
        ("SELECT 1 + 1", " AND 1"),
        ("SELECT a", ".a"),
        ("SELECT 1", "; SELECT 1"),
        ("FROM t", " NATURAL JOIN t"),
        ("SELECT ", "NOT "),
        ("WITH a AS (WITH a AS (SELECT 1", ", 1"),
    ];
    let counted = ["(", "[", "{a: ", "abs(", "- ", "+ ", "SELECT * FROM (", "range(1), ", "(1), ", "1 IN ("];
    let long = |head: &str, item: &str, bytes: usize| head.to_owned() + &item.repeat((bytes - head.len()) / item.len());
    with_instance(|instance| {
        let (pool, db) = (instance.pool(), instance.connect().unwrap());
        let is_read = |sql: &str| {
            let began = std::time::Instant::now();
            let found = guard::check(&db, sql);
            assert!(!matches!(found, Err(Error::TooLong { .. } | Error::TooMany { .. })), "{found:?}: {sql}");
            assert!(began.elapsed() < Duration::from_secs(5), "{:?} for {sql}", began.elapsed());
        };
        for (head, item) in lists {
            is_read(&long(head, item, caps::SQL_BYTES));
            let too_long = [long(head, item, caps::SQL_BYTES + 100), long(head, item, 1 << 20)];
            for sql in &too_long {
                check(pool, |error| matches!(error, Error::TooLong { .. } | Error::TooMany { .. }), &[sql]);
            }
        }
        for item in counted {
            is_read(&format!("SELECT {}", item.repeat(caps::SQL_BRACKETS)));
            let too_many = format!("SELECT {}", item.repeat(caps::SQL_BRACKETS + 1));
            check(pool, |error| matches!(error, Error::TooMany { .. }), &[&too_many]);
        }
        let nested = "with a AS (".repeat(10);
        check(
            pool,
            |error| matches!(error, Error::TooLong { withs: 10, .. }),
            &[&nested, &nested.replace("w", "/**/W")],
        );
        is_read(&"-".repeat(10_000));
    });
}

#[test]
fn an_answer_has_its_bounds() {
    with_instance(|instance| {
        let pool = instance.pool();
        assert!(matches!(run(pool, "SELECT * FROM range(11)", LIMITS), Err(Error::TooManyRows(10))));
        let quick = Limits { time: Duration::from_millis(200), ..LIMITS };
        let bomb = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t";
        assert!(matches!(run(pool, bomb, quick), Err(Error::Pool(pool::Error::TimedOut { .. }))));
        let deep = format!("SELECT {}1{}", "abs(".repeat(300), ")".repeat(300));
        check(pool, |error| matches!(error, Error::TooDeep), &[&deep, &format!("SELECT {}1", "NOT ".repeat(4_000))]);
        check(pool, |error| matches!(error, Error::TooDeep), &[&format!("SELECT a{}", ".a".repeat(8_000))]);
        check(pool, |error| matches!(error, Error::Refused(_)), &["SELECT 1 \0", "SELECT count(*) FROM nowhere"]);
        let heavy =
            "SELECT max(s) FROM (SELECT i, lpad('', 10000, i::VARCHAR) AS s FROM range(100000) t(i) ORDER BY s)";
        let _ = run(pool, heavy, LIMITS);
        assert!(!pool.has_failed() && pool.stats().in_use == 0);
    });
}

/// A new engine brings new functions and tables: then this fails, and somebody reads what they do.
#[test]
fn the_engine_has_nothing_that_nobody_has_looked_at() {
    with_instance(|instance| {
        let (pool, db) = (instance.pool(), instance.connect().unwrap());
        let list = |sql: &str| -> Vec<String> {
            let mut statement = db.prepare(sql).unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        let of = |kind: &str| {
            list(&format!(
                "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = '{kind}' ORDER BY 1"
            ))
        };
        assert_eq!(["scalar", "macro", "aggregate"].map(|kind| of(kind).len()), [525, 121, 79]);
        for name in of("table").into_iter().chain(of("table_macro")) {
            let allowed = names::TABLE_FUNCTIONS.contains(&name.as_str());
            let refused = matches!(run(pool, &format!("FROM {name}()"), LIMITS), Err(Error::TableFunction { .. }));
            assert_ne!(allowed, refused, "{name}");
        }
        let changing =
            "SELECT DISTINCT function_name FROM duckdb_functions() WHERE has_side_effects AND function_type = 'scalar'
             AND NOT regexp_matches(function_name, '^(random|.*uuid.*|error|stats|current_.*)$')";
        for name in list(changing) {
            assert!(names::FUNCTIONS.contains(&name.as_str()), "{name} has side effects");
        }
        let views = "SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE internal AND NOT
             (schema_name = 'information_schema' AND view_name IN ('tables', 'columns'))";
        for name in list(views) {
            let bare = name.rsplit('.').next().unwrap().to_owned();
            for name in [&name, &bare] {
                let found = run(pool, &format!("FROM {name}"), LIMITS);
                assert!(matches!(found, Err(Error::System { .. } | Error::Refused(_))), "{name}");
            }
        }
    });
}
