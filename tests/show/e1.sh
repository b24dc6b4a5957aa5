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
run_tests() { cargo test --workspace --release --locked --lib -- --nocapture --test-threads=1 "$1" > "$work/tests" 2>&1 || fail "$(tail -60 "$work/tests")"; }
run_tests timescale
! grep -q "^skipped: MERGANSER_TEST_TIMESCALE" "$work/tests" || fail "a test was skipped though a TimescaleDB is there"
version=$(sed -n 's/.*TimescaleDB Some("\(.*\)").*/\1/p' "$work/tests" | head -1)
real=$(grep -c '^test .*timescale.* ok$' "$work/tests" || true)
[ "$real" -ge 1 ] || fail "no test met TimescaleDB: $(tail -20 "$work/tests")"
# The command line meets it as well.
cd "$work"
echo any > any
to=(--set "timescale.url=postgres://postgres@$timescale_address/postgres" --set "timescale.password_file=$work/any" --set timescale.tls=off)
"$merganser" migrate timescale map --data-dir data "${to[@]}" > out 2>&1 || fail "map: $(cat out)"
sed -i 's/^\[table.columns\]/[table.columns]\nexchange = { value = "binance" }/' data/timescale.toml
"$merganser" migrate timescale check --data-dir data "${to[@]}" > checked 2>&1 || true
grep -q "TimescaleDB $version" checked || fail "check does not say what is there: $(cat checked)"
"$merganser" migrate timescale try --data-dir data "${to[@]}" > tried 2>&1 || fail "try: $(cat tried)"
cat tried
echo "E1 ok: $real tests met TimescaleDB $version, the command line as well: $(head -1 tried); PostgreSQL $("$(postgres_programs)/postgres" --version | grep -o '[0-9.]*' | head -1) for the others"
