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
# Each test meets a PGlite of its own, and another one where it fell over its own feet: now and then it gives a session what it
# still had of the one before, and takes none after that.
run_tests() { cargo test --workspace --release --locked --lib -- --nocapture --test-threads=1 "$@" 2>&1; }
run_tests timescale --list | sed -n 's/: test$//p' > "$work/names"
for name in $(cat "$work/names"); do
    for n in 1 2 3 4 5 6; do
        timescale_start "$work"
        has_passed=yes; run_tests --exact "$name" > "$work/test" || has_passed=no
        timescale_stop
        [ $has_passed = no ] && grep -qE "bytes remaining on stream|nobody answers at|Connection reset|it was closed" "$work/test" || break
    done
    [ $has_passed = yes ] || fail "$(tail -60 "$work/test")"
    cat "$work/test" >> "$work/tests"
done
! grep -q "^skipped: MERGANSER_TEST_TIMESCALE" "$work/tests" || fail "a test was skipped though a TimescaleDB is there"
version=$(sed -n 's/.*TimescaleDB Some("\(.*\)").*/\1/p' "$work/tests" | head -1)
real=$(wc -l < "$work/names")
[ "$(grep -c '^test result: ok. 1 passed' "$work/tests")" = "$real" ] && [ "$real" -ge 1 ] || fail "of $real tests not all met TimescaleDB"
# The command line meets it as well. PGlite has one session at a time, and lets the one before go beside the next.
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
asks() {
    local n
    for n in $(seq 20); do
        sleep 0.5
        timeout 60 "$merganser" migrate timescale "$@" --data-dir data "${to[@]}" > out 2>&1 && return 0
        grep -q "could not be reached" out || return 1
    done
    return 1
}
echo any > any
to=(--set "timescale.url=postgres://postgres@$timescale_address/postgres" --set "timescale.password_file=$work/any" --set timescale.tls=off)
asks map || fail "map: $(cat out)"
sed -i 's/^\[table.columns\]/[table.columns]\nexchange = { value = "binance" }/' data/timescale.toml
asks check || true
grep -q "TimescaleDB $version" out || fail "check does not say what is there: $(cat out)"
asks try || fail "try: $(cat out)"
mv out tried; cat tried
echo "E1 ok: $real tests met TimescaleDB $version, the command line as well: $(head -1 tried); PostgreSQL $("$(postgres_programs)/postgres" --version | grep -o '[0-9.]*' | head -1) for the others"
