#!/usr/bin/env bash
# E1: against a real PostgreSQL 15 that tests start on loopback, and, for reading, backfill and comparison, against a real
# TimescaleDB (PGlite). What is not here is skipped with a line that says so.
. "$(dirname "$0")/common.sh"
. "$here/support/postgres.sh"
. "$here/support/timescale.sh"
trap 'timescale_stop 2> /dev/null; postgres_stop; rm -rf "$work"' EXIT
cd "$root"
postgres_programs > /dev/null || exit 0
timescale_start "$work" || exit 0
timescale_stop
# Each test meets a PGlite of its own.
run_tests() { cargo test --workspace --release --locked --lib -- --nocapture --test-threads=1 "$@" 2>&1; }
run_tests timescale --list | sed -n 's/: test$//p' > "$work/names"
for name in $(cat "$work/names"); do
    timescale_start "$work" || fail "PGlite did not start"
    run_tests --exact "$name" > "$work/test" || fail "$(tail -60 "$work/test" "$work/timescale.log")"
    timescale_stop
    cat "$work/test" >> "$work/tests"
done
! grep -q "^skipped: MERGANSER_TEST_TIMESCALE" "$work/tests" || fail "a test was skipped though a TimescaleDB is there"
version=$(sed -n 's/.*TimescaleDB Some("\(.*\)").*/\1/p' "$work/tests" | head -1)
real=$(wc -l < "$work/names")
[ "$(grep -c '^test result: ok. 1 passed' "$work/tests")" = "$real" ] && [ "$real" -ge 1 ] || fail "of $real tests not all met TimescaleDB"
# The command line meets it as well.
cd "$work"
cat > made.sql <<'SQL'
CREATE EXTENSION IF NOT EXISTS timescaledb;
CREATE TABLE raw_trades (time timestamptz NOT NULL, symbol text NOT NULL, trade_id bigint NOT NULL, price numeric(18, 8) NOT NULL,
    qty numeric NOT NULL, buyer_maker boolean NOT NULL);
SELECT create_hypertable('raw_trades', 'time', chunk_time_interval => INTERVAL '6 hours');
INSERT INTO raw_trades SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00' + n * INTERVAL '7 seconds', 'BTCUSDT', n, 60000 + n::numeric / 100,
    n::numeric / 1000, n % 2 = 0 FROM generate_series(1, 30000) n;
ALTER TABLE raw_trades SET (timescaledb.compress, timescaledb.compress_segmentby = 'symbol');
SELECT count(compress_chunk(c)) FROM (SELECT show_chunks('raw_trades') c LIMIT 3) chunks;
ANALYZE;
SQL
timescale_start "$work" "$work/made.sql" || fail "$(cat "$work/timescale.log")"
asks() { timeout 60 "$merganser" migrate timescale "$@" --data-dir data "${to[@]}" > out 2>&1; }
echo any > any
to=(--set "timescale.url=postgres://postgres@$timescale_address/postgres" --set "timescale.password_file=$work/any" --set timescale.tls=off)
asks map || fail "map: $(cat out)"
sed -i 's/^\[table.columns\]/[table.columns]\nexchange = { value = "binance" }/' data/timescale.toml
asks check || true
grep -q "TimescaleDB $version" out || fail "check does not say what is there: $(cat out)"
asks try || fail "try: $(cat out)"
mv out tried; cat tried
echo "E1 ok: $real tests met TimescaleDB $version, the command line as well: $(head -1 tried); PostgreSQL $("$(postgres_programs)/postgres" --version | grep -o '[0-9.]*' | head -1) for the others"
