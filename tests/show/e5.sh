#!/usr/bin/env bash
# E5: how fast rows come over from a PostgreSQL on the same machine, sorted into Parquet, read again and published, while merganser
# runs: 2 M rows, 200,000 in CI. Beside it `psql \copy` of the same table in the same run. At least 200,000 rows/s, which decides
# outside of CI alone; that both sides hold the same rows decides everywhere.
. "$(dirname "$0")/common.sh"
. "$here/support/postgres.sh"
. "$here/support/migration.sh"
cd "$work"
trap '[ -z "$pid" ] || kill -9 "$pid" 2> /dev/null || true; postgres_stop; rm -rf "$work"' EXIT
rows=2000000; days=10
[ -z "${MERGANSER_CI:-}" ] || { rows=200000; days=3; }
postgres_start "$work/pg" || exit 0
old_tables "$rows" "$days"
# Prices and sizes that no encoding makes small.
psql_as owner <<'SQL'
CREATE TABLE other AS SELECT time, exchange, symbol, trade_id, 60000 + (hashint8(trade_id) & 1048575)::numeric / 100 AS price,
    (1 + (hashint8(trade_id * 7919) & 16777215))::numeric / 100000 AS qty, buyer_maker FROM raw_trades ORDER BY time;
DROP TABLE raw_trades;
ALTER TABLE other RENAME TO raw_trades;
CREATE INDEX ON raw_trades (time);
ANALYZE raw_trades;
CHECKPOINT
SQL
postgres_settings settings.toml
echo 'compare_every = "0s"' >> settings.toml
write_mapping
there=$(psql_as owner -c "SELECT count(*), sum(price), sum(qty) FROM raw_trades")
# Once before, so that it is read from memory by all of them.
psql_as owner -c "SELECT count(*) FROM raw_trades WHERE price < 0" > /dev/null
copied() { # a form
    python3 - "$1" "$postgres_port" "${there%%|*}" <<'PY'
import os, subprocess, sys, time
form, port, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
began = time.monotonic()
subprocess.run(["psql", "-h", "127.0.0.1", "-p", port, "-U", "owner", "-d", "market", "-qAt", "-v", "ON_ERROR_STOP=1", "-c",
                f"\\copy raw_trades TO '/dev/null' (FORMAT {form})"], check=True, env={**os.environ, "PGPASSWORD": "swordfish"})
print(round(rows / (time.monotonic() - began)))
PY
}
binary=$(copied binary) || fail "psql \\copy did not copy"
csv=$(copied csv) || fail "psql \\copy did not copy"
begin
m init --why "how fast it is" > out 2>&1 || fail "init: $(cat out)"
m backfill --json > filled 2> err || fail "backfill: $(cat filled err)"
m backfill --json > again 2> err || fail "backfill: $(cat again err)"
ends
here_now=$("$merganser" sql --data-dir data --format csv --from 1970-01-01 --to 2200-01-01 "SELECT concat_ws('|', count(*), sum(last_price), sum(volume)) FROM market_ticks
    WHERE source = 'import'" | tail -1)
python3 - "$there" "$here_now" <<'PY' || fail "DuckDB has $here_now of what PostgreSQL has, $there"
import sys
from decimal import Decimal
there, here = ([Decimal(number) for number in side.split("|")] for side in sys.argv[1:])
assert there == here
PY
python3 - filled again "$binary" "$csv" "${MERGANSER_CI:-}" <<'PY' || fail "$(cat filled again)"
import json, sys
filled, again = (json.load(open(name))["report"] for name in sys.argv[1:3])
binary, csv, in_ci = int(sys.argv[3]), int(sys.argv[4]), bool(sys.argv[5])
assert filled["refused"] == 0 and again["rows"] == 0 and again["slices_before"] == filled["slices_done"], again
rate, target = filled["rows_per_second"], 200_000
found = (f"{filled['rows']} rows in {filled['slices_done']} slices came over in {filled['seconds']:.1f} s, {rate:.0f} rows/s into "
         f"{filled['bytes'] >> 20} MiB of verified Parquet; psql \\copy of the ticks alone: {binary} rows/s binary, {csv} rows/s csv")
if rate < target:
    print(f"   misses {target} rows/s" + (", which decides nothing here" if in_ci else f": {found}"))
    assert in_ci
print(f"E5 ok: {found}")
PY
