#!/usr/bin/env bash
# B8: SQL from outside has no way out. Every escape that is known, against a running instance and a stopped directory: each
# is refused in clear words, none is executed. No file is made, none is shown, no row changes.
. "$(dirname "$0")/common.sh"
cd "$work"
trap '[ -z "${pid:-}" ] || kill -9 "$pid" 2> /dev/null || true; rm -rf "$work"' EXIT
export SECRET="the-secret-of-the-environment"
refused=0
mkdir traps; echo "in,side" > traps/in.csv; echo "the-secret-of-a-file" > traps/in.txt
python3 - <<'PY'
import base64
# A parquet file that holds nothing but its magic is enough to see that nobody opens it.
open("traps/in.parquet", "wb").write(b"PAR1PAR1")
PY
before_files="$(find traps | sort)"

# escape TEXT SQL: refused with exit 1, in words that hold TEXT, and with nothing of a secret in them.
escape() {
    local got=0
    timeout 60 "$merganser" sql --data-dir "$dir" --format csv --timeout "${limit:-20s}" -- "$2" > out 2> err || got=$?
    [ "$got" = 1 ] || fail "($where) not refused, exit $got: $(head -c 300 <<< "$2"): $(head -c 300 out err)"
    grep -qE -- "$1" err || fail "($where) the words '$1' are not in: $(head -c 500 err), for: $(head -c 300 <<< "$2")"
    [ ! -s out ] || fail "($where) something was answered: $(head -c 300 out), for: $(head -c 300 <<< "$2")"
    ! grep -qE "root:.*:0:0|the-secret-of" out err || fail "($where) a secret was shown: $(head -c 300 <<< "$2")"
    refused=$(( refused + 1 ))
}
many() { local text=$1 line; while IFS= read -r line; do [ -z "$line" ] || escape "$text" "$line"; done; }
repeat() { python3 -c 'import sys; print(sys.argv[1] * int(sys.argv[3]) + sys.argv[2] + (sys.argv[4] if len(sys.argv) > 4 else "") * int(sys.argv[3]), end="")' "$@"; }

# What cannot be run anyway is not the point here: everything below must be refused by the guard, or by a bound.
escapes() {
    many "only a single SELECT" <<SQL
COPY orders TO '$work/traps/out.csv'
COPY (SELECT 1) TO '$work/traps/out.parquet' (FORMAT parquet)
COPY orders FROM '$work/traps/in.csv'
COPY FROM DATABASE trading TO hot
EXPORT DATABASE '$work/traps/export'
IMPORT DATABASE '$work/traps'
ATTACH '$work/traps/other.duckdb' AS other
ATTACH ':memory:' AS other
ATTACH OR REPLACE ':memory:' AS trading
DETACH hot
USE hot
USE disk
INSTALL httpfs
INSTALL '$work/traps/x.duckdb_extension'
FORCE INSTALL httpfs FROM community
LOAD httpfs
LOAD '$work/traps/x.duckdb_extension'
UPDATE EXTENSIONS
PRAGMA database_list
PRAGMA enable_profiling='json'
PRAGMA profiling_output='$work/traps/profile'
PRAGMA import_database('$work/traps')
SET threads = 64
SET GLOBAL memory_limit = '100GB'
SET lock_configuration = false
SET enable_external_access = true
SET VARIABLE x = 1
RESET lock_configuration
CALL pragma_version()
CALL force_checkpoint()
CALL enable_logging('QueryLog', storage = 'file', storage_path = '$work/traps')
CHECKPOINT
FORCE CHECKPOINT
VACUUM
ANALYZE
BEGIN
COMMIT
ROLLBACK
CREATE TABLE t (i INT)
CREATE TEMP TABLE t AS SELECT 1
CREATE VIEW v AS SELECT * FROM '/etc/passwd'
CREATE MACRO m(x) AS getenv(x)
CREATE TEMP MACRO m() AS TABLE SELECT * FROM read_text('/etc/passwd')
CREATE FUNCTION f() AS 1
CREATE SCHEMA s
CREATE SEQUENCE s
CREATE TYPE t AS ENUM ('a')
CREATE SECRET s (TYPE s3, KEY_ID 'x', SECRET 'y')
CREATE PERSISTENT SECRET s (TYPE s3)
DROP SECRET s
CREATE INDEX i ON orders (symbol)
ALTER TABLE orders ADD COLUMN x INT
DROP TABLE orders
DROP VIEW market_ticks
DROP SCHEMA main CASCADE
TRUNCATE orders
INSERT INTO schema_migrations VALUES (99, 'x')
INSERT INTO actions SELECT * FROM actions
UPDATE schema_migrations SET version = 99
DELETE FROM schema_migrations
MERGE INTO schema_migrations USING (SELECT 99 AS version, 'x' AS name) x USING (version) WHEN NOT MATCHED THEN INSERT
PREPARE p AS SELECT * FROM read_text('/etc/passwd')
PREPARE p AS DELETE FROM schema_migrations
EXECUTE p
DEALLOCATE p
EXPLAIN SELECT 1
EXPLAIN ANALYZE SELECT * FROM read_text('/etc/passwd')
EXPLAIN ANALYZE DELETE FROM schema_migrations
EXPLAIN ANALYZE INSERT INTO schema_migrations VALUES (99, 'x')
COMMENT ON TABLE orders IS 'x'
SELECT 1; SELECT 2
SELECT 1; DROP TABLE orders
SELECT 1;;DELETE FROM schema_migrations
; DELETE FROM schema_migrations
ROLLBACK; DELETE FROM schema_migrations; SELECT 1
COMMIT; INSERT INTO schema_migrations VALUES (99, 'x'); SELECT 1
SELECT 1 /* ; */ ; DELETE FROM schema_migrations -- ; SELECT 1
SELECT ';' ; /* SELECT 1 */ DELETE FROM schema_migrations
/* SELECT 1 */ DELETE FROM schema_migrations
SELECT \$\$;\$\$; DELETE FROM schema_migrations
WITH x AS (DELETE FROM schema_migrations RETURNING *) SELECT * FROM x
WITH x AS (INSERT INTO schema_migrations VALUES (99, 'x') RETURNING *) SELECT * FROM x
WITH x AS (UPDATE schema_migrations SET version = 99 RETURNING *) SELECT * FROM x
WITH x AS MATERIALIZED (DELETE FROM schema_migrations RETURNING *) SELECT 1
SELECT * FROM (WITH x AS (DELETE FROM schema_migrations RETURNING *) SELECT * FROM x)
SELECT (WITH x AS (DELETE FROM schema_migrations RETURNING 1) SELECT * FROM x)
WITH x AS (DELETE FROM schema_migrations) DELETE FROM schema_migrations
PIVOT orders ON symbol
--
FROM ""
FROM "orders
SELECT 'open
SQL
    escape "only a single SELECT" $'SELECT 1 -- hidden\n; DELETE FROM schema_migrations'
    escape "only a single SELECT" $'SELECT 1 /* hidden */\n;\nDROP TABLE orders'
    escape "only a single SELECT" ""
    escape "only a single SELECT" "   "

    many "names a file" <<SQL
SELECT * FROM '/etc/passwd'
FROM '$work/traps/in.csv'
FROM "$work/traps/in.csv"
FROM '$work/traps/in.parquet'
FROM main."$work/traps/in.csv"
FROM 'traps/*.csv'
FROM 'https://localhost/x.csv'
FROM 's3://bucket/x.parquet'
FROM 'file:///etc/passwd'
SELECT (SELECT count(*) FROM '/etc/passwd')
SELECT 1 WHERE EXISTS (FROM '/etc/passwd')
SELECT 1 WHERE 1 IN (SELECT 1 FROM '/etc/passwd')
SELECT 1 ORDER BY (SELECT 1 FROM '/etc/passwd')
SELECT 1 GROUP BY ALL HAVING (SELECT count(*) FROM '/etc/passwd') > 0
SELECT 1 LIMIT (SELECT count(*) FROM '/etc/passwd')
SELECT count(*) FILTER (WHERE EXISTS (FROM '/etc/passwd')) FROM range(1)
SELECT sum(i) OVER (ORDER BY (SELECT 1 FROM '/etc/passwd')) FROM range(1) t(i)
SELECT CASE WHEN true THEN (SELECT 1 FROM '/etc/passwd') END
SELECT * FROM range(1), LATERAL (FROM '/etc/passwd')
SELECT * FROM range(1) JOIN '/etc/passwd' ON true
SELECT * FROM range(1) t(i) JOIN range(1) u(i) ON EXISTS (FROM '/etc/passwd')
SELECT 1 UNION ALL SELECT * FROM '/etc/passwd'
SELECT 1 EXCEPT FROM '/etc/passwd'
VALUES ((SELECT count(*) FROM '/etc/passwd'))
WITH x AS (FROM '/etc/passwd') SELECT 1
WITH x AS MATERIALIZED (FROM '/etc/passwd') FROM x
WITH "/etc/passwd" AS (SELECT * FROM "/etc/passwd") FROM "/etc/passwd"
SELECT * FROM (WITH "/etc/passwd" AS (SELECT 1) FROM "/etc/passwd"), '/etc/passwd'
WITH RECURSIVE "/etc/passwd" AS (SELECT * FROM "/etc/passwd" UNION ALL SELECT 1) SELECT 1
WITH RECURSIVE x AS (SELECT 1 UNION ALL SELECT 1 FROM '/etc/passwd') FROM x
DESCRIBE '/etc/passwd'
SUMMARIZE '$work/traps/in.csv'
DESCRIBE SELECT * FROM '$work/traps/in.csv'
FROM (DESCRIBE '$work/traps/in.csv')
SHOW "$work/traps/in.csv"
PIVOT '$work/traps/in.csv' ON side IN ('x') USING count(*)
UNPIVOT '$work/traps/in.csv' ON side INTO NAME n VALUE v
FROM '/etc/passwd' TABLESAMPLE 10%
FROM "x.csv" AT (VERSION => 1)
SELECT list_transform([1], lambda x: (SELECT count(*) FROM '/etc/passwd'))
SQL

    many "is not available here as a table" <<SQL
FROM read_csv('$work/traps/in.csv')
FROM read_csv_auto('$work/traps/in.csv')
FROM "read_csv"('$work/traps/in.csv')
FROM READ_CSV('$work/traps/in.csv')
FROM main.read_csv('$work/traps/in.csv')
FROM system.main.read_csv('$work/traps/in.csv')
FROM read_json('/etc/passwd')
FROM read_json_objects('/etc/passwd')
FROM read_ndjson('/etc/passwd')
FROM read_parquet('$work/traps/in.parquet')
FROM parquet_scan('$work/traps/in.parquet')
FROM parquet_metadata('$work/traps/in.parquet')
FROM parquet_schema('$work/traps/in.parquet')
FROM parquet_kv_metadata('$work/traps/in.parquet')
FROM parquet_full_metadata('$work/traps/in.parquet')
FROM parquet_file_metadata('$work/traps/in.parquet')
FROM parquet_bloom_probe('$work/traps/in.parquet', 'a', 1)
FROM read_text('/etc/passwd')
FROM read_blob('/etc/passwd')
FROM read_duckdb('$dir/trading.duckdb')
FROM read_single_csv_file('/etc/passwd')
FROM sniff_csv('$work/traps/in.csv')
FROM glob('/*')
FROM query('SELECT * FROM read_text(''/etc/passwd'')')
FROM query('DELETE FROM schema_migrations')
FROM query_table('orders')
FROM query_table(['hot.main.ticks', 'orders'])
FROM json_execute_serialized_sql(json_serialize_sql('SELECT * FROM read_text(''/etc/passwd'')'))
FROM histogram_values('/etc/passwd', x)
FROM histogram('orders', x)
FROM duckdb_secrets()
FROM which_secret('s3://x', 's3')
FROM duckdb_settings()
FROM duckdb_databases()
FROM duckdb_views()
FROM duckdb_tables()
FROM duckdb_logs()
FROM duckdb_logs_parsed('x')
FROM duckdb_temporary_files()
FROM duckdb_extensions()
FROM duckdb_external_file_cache()
FROM duckdb_prepared_statements()
FROM duckdb_variables()
FROM duckdb_memory()
FROM pragma_database_size()
FROM pragma_storage_info('orders')
FROM pragma_table_info('orders')
FROM pragma_metadata_info()
FROM pragma_show('orders')
FROM checkpoint()
FROM force_checkpoint()
FROM enable_logging()
FROM disable_logging()
FROM truncate_duckdb_logs()
FROM enable_profiling()
FROM register_external_resource('a', 'b', MAP {}, 'c', 'd', 'e')
FROM create_external_resource('a', MAP {}, 'c', 1, true, 1, 1)
FROM seq_scan()
FROM arrow_scan(1, 2, 3)
FROM arrow_scan_dumb(1, 2, 3)
FROM summary((FROM range(3)))
FROM no_such_function()
SELECT (SELECT content FROM read_text('/etc/passwd'))
SELECT 1 WHERE EXISTS (FROM read_text('/etc/passwd'))
SELECT * FROM range(1) t(i), LATERAL (FROM read_text('/etc/' || i))
SELECT * FROM range(1) t(i), read_text('/etc/passwd')
WITH x AS (FROM read_text('/etc/passwd')) FROM x
WITH read_text AS (SELECT 1) FROM read_text('/etc/passwd')
SELECT list_transform([1], lambda x: (SELECT count(*) FROM read_text('/etc/passwd')))
SELECT 1 UNION ALL SELECT content FROM read_text('/etc/passwd')
DESCRIBE FROM read_csv('$work/traps/in.csv')
SUMMARIZE FROM read_csv('$work/traps/in.csv')
PIVOT (FROM read_csv('$work/traps/in.csv')) ON side IN ('x') USING count(*)
SELECT * FROM (VALUES ('/etc/passwd')) t(f), read_text(f)
SQL

    many "the function .* is not available here" <<SQL
SELECT getenv('SECRET')
SELECT GETENV('SECRET')
SELECT "getenv"('SECRET')
SELECT 'SECRET'.getenv()
SELECT main.getenv('SECRET')
SELECT system.main.getenv('SECRET')
SELECT (SELECT getenv('SECRET'))
SELECT list_transform(['SECRET'], lambda x: getenv(x))
SELECT [getenv(x) FOR x IN ['SECRET']]
SELECT max(getenv('SECRET')) FROM range(1)
SELECT 1 WHERE getenv('SECRET') = 'x'
SELECT 1 ORDER BY getenv('SECRET')
SELECT 1 LIMIT length(getenv('SECRET'))
SELECT * FROM range(length(getenv('SECRET')))
SELECT * FROM unnest([getenv('SECRET')])
SELECT {'a': getenv('SECRET')}
SELECT * REPLACE (getenv('SECRET') AS range) FROM range(1)
SELECT COLUMNS(getenv('SECRET')) FROM range(1)
VALUES (getenv('SECRET'))
WITH x AS (SELECT getenv('SECRET')) FROM x
SELECT 1 QUALIFY row_number() OVER (ORDER BY getenv('SECRET')) = 1
SELECT current_setting('temp_directory')
SELECT current_setting('secret_directory')
SELECT pg_get_viewdef(1)
SELECT get_block_size('trading')
SELECT json_serialize_plan('SELECT * FROM ''$work/traps/in.csv''')
SELECT json_execute_serialized_sql('x')
SELECT nextval('s')
SELECT currval('s')
SELECT setval('s', 1)
SELECT setseed(0.5)
SELECT write_log('x', level := 'error')
SELECT sleep_ms(30000)
SELECT pg_sleep(30)
SELECT finalize('\x00'::BLOB)
SELECT to_aggregate_state('\x00'::BLOB)
SELECT variant_bytes_to_variant('\x00'::BLOB)
SELECT __internal_decompress_string(1::UTINYINT)
SELECT query('x')
SQL

    many "is how a tier keeps its rows" <<SQL
FROM hot.main.ticks_1
FROM hot.ticks_1
FROM HOT.MAIN.TICKS_1
FROM "hot"."main"."ticks_1"
FROM disk.ticks
FROM trading.disk.ticks
FROM "Disk".orders
DESCRIBE hot.main.ticks_1
SUMMARIZE disk.orders
SHOW disk.orders
SELECT (SELECT count(*) FROM disk.orders)
WITH orders AS (SELECT 1) SELECT * FROM disk.orders
WITH hot AS (SELECT 1) SELECT * FROM hot.ticks_1
SELECT * FROM orders JOIN disk.trades USING (order_id)
FROM hot.information_schema.tables
SQL

    many "is not available here: it shows settings or paths" <<SQL
FROM duckdb_settings
FROM duckdb_databases
FROM duckdb_views
FROM duckdb_logs
FROM duckdb_constraints
FROM pragma_database_list
FROM main.pragma_database_list
FROM sqlite_master
FROM pg_settings
FROM pg_views
FROM pg_class
FROM pg_catalog.pg_views
FROM system.pg_catalog.pg_settings
FROM system.main.duckdb_settings
FROM information_schema.views
FROM INFORMATION_SCHEMA.VIEWS
FROM information_schema.schemata
FROM temp.main.x
FROM other.orders
SHOW DATABASES
SHOW ALL TABLES
SHOW threads
SHOW temp_directory
SHOW orders
FROM (SHOW temp_directory)
SELECT * FROM (SHOW ALL TABLES)
WITH duckdb_settings AS (SELECT * FROM duckdb_settings) SELECT 1
SELECT * FROM (WITH duckdb_settings AS (SELECT 1) FROM duckdb_settings), duckdb_settings
SQL

    many "there is no table" <<SQL
FROM "a b"
FROM "orders;drop"
FROM "or'ders"
FROM "(SELECT 1)"
FROM "orders--"
FROM "%"
SQL
    many "does not exist" <<SQL
FROM nothing_of_that_name
FROM passwd
FROM main.settings
FROM trading.passwd
SQL

    # Nested or long beyond sense: refused before anything overflows, or takes the parser's time.
    local n beyond="nested too deeply|the statement is too long"; for n in 200 900 5000 20000; do
        escape "$beyond" "SELECT $(repeat 'abs(' 1 "$n" ')')"
        escape "$beyond" "SELECT $(repeat 'NOT ' true "$n")"
        escape "$beyond" "SELECT $(repeat '1+' 1 "$n")"
    done
    for n in 200 900 4000; do
        escape "$beyond" "$(repeat 'SELECT * FROM (' 'SELECT 1' "$n" ')')"
        escape "$beyond" "SELECT $(repeat '(SELECT ' 1 "$n" ')')"
        escape "$beyond" "SELECT $(repeat '[' 1 "$n" ']')"
        escape "$beyond" "$(repeat 'WITH a AS (' 'SELECT 1' "$n" ') SELECT 1')"
    done
    escape "the statement is too long" "$(repeat 'WITH a AS (' '' 10)"
    escape "the statement is too long" "$(repeat 'WITH a AS (' 'SELECT 1 +' 10 ')')"
    escape "the statement is too long" "SELECT $(repeat '+ ' '' 8000)"
    escape "the statement is too long" "SELECT $(repeat '(' '' 4000)"
    escape "nested too deeply" "SELECT a$(repeat '.a' '' 8000)"
    # No argument of a command can be longer than 128 KiB; what a request can carry is sent below.
    escape "the statement is too long" "SELECT * FROM range(1)$(repeat ', range(1)' '' 11000)"
    escape "the statement is too long" "SELECT 1$(repeat ' INTERSECT SELECT 1' '' 6000)"
    escape "the statement is too long" "SELECT 1$(repeat ' UNION ALL SELECT 1' '' 3000)"
    escape "the statement is too long" "SELECT 1$(repeat ',1' '' 60000)"

    many "may make a value that is too large" <<SQL
SELECT range(1000000000)
SELECT range(0, 1000000000, 1)
SELECT range(1000000000000)
SELECT list_sort(range(1000000000))
SELECT generate_series(1, i) FROM range(1000000000) t(i)
SELECT unnest(range(1000000000))
FROM unnest(range(1000000000))
SELECT list_transform(range(1000), lambda x: range(1000))
SELECT repeat('x', 1000000) FROM range(10000)
SELECT repeat(repeat('x', 1000), 1000)
SELECT repeat('x', 1000), repeat('y', 1000)
SELECT string_agg(repeat(i::VARCHAR, 1000000), ',') FROM range(100000000) t(i)
SELECT 'x'.repeat(1000000000)
SELECT lpad('', 2000000000, 'x') FROM range(100)
SELECT rpad('', i, 'x') FROM range(1000000000) t(i)
SELECT list_resize([1], 1000000000)
SELECT array_resize([1], 1000000000)
SELECT bitstring('1', 4000000000)
SELECT bar(1, 0, 1, 1000000000)
SELECT to_base(1, 2, 1000000000)
SELECT printf('%1000000000d', 1)
SELECT printf('%*d', 1000000000, 1)
SELECT format('{:>1000000000}', 'x')
SELECT format('{:>{}}', 'x', 1000000000)
SELECT format('{:>' || '1000000000' || '}', 'x')
SQL

    # Without end, or without measure: the bounds of time, rows, bytes and memory hold.
    limit=1s
    many "interrupted after 1s|Out of Memory|[Mm]emory|more than .* rows|larger than" <<SQL
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT * FROM t
WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT s || s FROM t) SELECT max(length(s)) FROM t
WITH RECURSIVE t(n) AS (FROM range(3) UNION ALL SELECT a.n FROM t a, t b) SELECT count(*) FROM t
SELECT count(*) FROM range(1000000000000)
SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b
SELECT * FROM range(10000000)
SELECT repeat('x', 10000) FROM range(1000000)
SELECT max(md5(i::VARCHAR)) FROM range(100000000000) t(i)
SELECT string_agg(repeat(i::VARCHAR, 1000), ',') FROM range(100000000) t(i)
SELECT count(DISTINCT md5(i::VARCHAR)) FROM range(1000000000) t(i)
SELECT i FROM range(1000000000) t(i) ORDER BY md5(i::VARCHAR) LIMIT 1 OFFSET 100000000
SELECT count(*) FROM range(1000000) a(i), range(1000000) b(j) WHERE levenshtein(repeat(i::VARCHAR, 100), repeat(j::VARCHAR, 100)) < 3
SQL
    limit=20s
}

# An instance that runs, and one that does not. What they hold is told by tables that nothing changes meanwhile.
held="SELECT (SELECT string_agg(version, ',' ORDER BY version) FROM schema_migrations)
      || ' ' || (SELECT count(*) FROM information_schema.tables WHERE table_catalog = 'trading' AND table_schema = 'main' AND table_name NOT LIKE 'ticks_2%')
      || ' ' || (SELECT count(*) FROM information_schema.columns WHERE table_name IN ('orders', 'trades', 'positions'))
      || ' ' || (SELECT count(*) FROM duckdb_types() WHERE NOT internal AND database_name = 'trading')
      || ' ' || (SELECT count(*) FROM duckdb_functions() WHERE NOT internal)"
rows="SELECT (SELECT count(*) FROM market_ticks) || ' ' || (SELECT count(*) FROM orders) || ' ' || (SELECT count(*) FROM trades)
      || ' ' || (SELECT count(*) FROM positions) || ' ' || (SELECT count(*) FROM actions) || ' ' || (SELECT count(*) FROM partitions)"
dir="$work/data"
"$merganser" run --data-dir "$dir" > running 2>&1 & pid=$!
until grep -q "merganser runs on" running; do sleep 0.05; kill -0 "$pid" || fail "$(cat running)"; done
until "$merganser" sql --data-dir "$dir" "SELECT 1" > out 2> err; do sleep 0.1; kill -0 "$pid" || fail "$(cat running err)"; done
where="running"
before="$(sql "$dir" "$held")"
escapes
expect "what the instance holds" "$(sql "$dir" "$held")" "$before"
# What no command line can send: bytes that are no text, and requests that are none.
address=$(sed -n 's,.*http://\([^/]*\)/health.*,\1,p' running)
raw() {
    python3 - "$address" "$(cat "$dir"/*token*)" "$1" <<'PY'
import http.client, sys
address, token, what = sys.argv[1:]
good = b'{"query": "SELECT %s", "format": "csv", "max_rows": 5, "timeout_ms": 1000}'
body = {
    "utf8": good % b"'\xff\xfe'",
    "surrogate": good % b"'\\ud800'",
    "nul": good % b"1 \\u0000; DELETE FROM schema_migrations",
    "large": good % (b"'" + b"x" * (2 << 20) + b"'"),
    "none": b"",
    "array": b"[]",
    "extra": good % b"1 \\u003b DELETE FROM schema_migrations",
    "ranges": good % (b"* FROM range(1)" + b", range(1)" * 30000),
    "intersect": good % (b"1" + b" INTERSECT SELECT 1" * 45000),
    "columns": good % (b"1" + b",1" * 500000),
    "token": good % b"1",
}[what]
connection = http.client.HTTPConnection(address, timeout=30)
token = "wrong" if what == "token" else token
connection.request("POST", "/api/v1/sql", body, {"Authorization": "Bearer " + token, "Content-Type": "application/json"})
print(connection.getresponse().status)
PY
}
for what in utf8:400 surrogate:400 nul:422 large:413 none:400 array:400 extra:422 ranges:422 intersect:422 columns:422 token:401; do
    expect "${what%:*}" "$(raw "${what%:*}")" "${what#*:}"
    refused=$(( refused + 1 ))
done
expect "an honest question afterwards" "$(sql "$dir" "SELECT count(*) > 0 FROM market_ticks")" "true"
kill -INT "$pid"; wait "$pid" || fail "Ctrl-C did not stop it in order: $(cat running)"; pid=
! grep -qi "panic" running || fail "$(cat running)"

where="stopped"
expect "what the directory holds" "$(sql "$dir" "$held")" "$before"
before_rows="$(sql "$dir" "$rows")"
escapes
expect "what the directory holds" "$(sql "$dir" "$held")" "$before"
expect "its rows" "$(sql "$dir" "$rows")" "$before_rows"
expect "files beside the traps" "$(find traps | sort)" "$before_files"
"$merganser" doctor --data-dir "$dir" > doctor || fail "$(cat doctor)"
echo "B8 ok: $refused escapes refused, none executed"
