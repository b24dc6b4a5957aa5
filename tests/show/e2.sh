#!/usr/bin/env bash
# E2: the whole way out of PostgreSQL on 5 M rows while a market runs at 5,000 rows/s: every phase, each with a restart, a kill of
# either side and a rollback. Somebody reads all the while and knows what the answers must be. At the end both sides' hashes agree.
. "$(dirname "$0")/common.sh"
. "$here/support/postgres.sh"
. "$here/support/migration.sh"
cd "$work"
trap 'for p in "$pid" "${reader:-}"; do [ -z "$p" ] || kill -9 "$p" 2> /dev/null || true; done; postgres_stop; rm -rf "$work"' EXIT
rows=5000000; days=5; pause=5
[ -z "${MERGANSER_CI:-}" ] || { rows=300000; days=3; pause=2; }
postgres_start "$work/pg" || exit 0
old_tables "$rows" "$days"
postgres_settings settings.toml
cat >> settings.toml <<'TOML'
compare_every = "0s"
clean_for = "1s"
standby_for = "1s"
shadow_every = 5
read_errors = 100
read_budget = "60s"
[feeds.simulated.SIMBTC]
trades_per_sec = 1000
quotes_per_sec = 2000
[feeds.simulated.SIMETH]
trades_per_sec = 700
quotes_per_sec = 1300
TOML
write_mapping
say() { echo "   $(date +%T) $*"; }
phase() { expect "the phase" "$(field phase)" "$1"; }
took_since() { echo $(( $(date +%s) - $1 )); }
# Each phase: the process is restarted, its plug is pulled, and so is the plug of the server. The phase stays.
hurt() {
    local before; before=$(field phase)
    say "$before: restart"; ends; begin; phase "$before"
    say "$before: the plug of merganser"; pulls_plug; begin; phase "$before"
    say "$before: the plug of PostgreSQL"; postgres_kill; sleep "$pause"; phase "$before"; postgres_start "$work/pg"; until_level; phase "$before"
}
compared() { # arguments of compare
    local began; began=$(date +%s)
    m compare "$@" > compared 2>&1 || fail "compare: $(cat compared)"
    say "compare in $(took_since "$began") s: $(tail -1 compared)"
}

begin
phase off
m backfill > out 2>&1 && fail "a backfill before init was let through"
m init --why "the way out begins" > out 2>&1 || fail "init: $(cat out)"
phase dual_write
m rollback > out || fail "$(cat out)"; phase off
m init > out 2>&1 || fail "init: $(cat out)"; phase dual_write
python3 "$here/support/migration_reader.py" data running "$rows" "$old_first" "$old_step" read stop-reading & reader=$!
hurt

until_level
began=$(date +%s)
m backfill --detach > out || fail "$(cat out)"
phase backfill
sleep "$pause"; say "backfill: the plug of merganser"; pulls_plug; begin; phase backfill
m backfill --detach > out || fail "$(cat out)"
sleep 1; say "backfill: the plug of PostgreSQL"; postgres_kill; sleep "$pause"; postgres_start "$work/pg"; until_level
until [ "$(field working)" = None ]; do sleep 0.3; done
m rollback > out || fail "$(cat out)"; phase dual_write
m backfill > filled 2>&1 || fail "backfill: $(cat filled)"
say "backfill, three times broken off, in $(took_since "$began") s: $(tail -1 filled)"
hurt
m reads --percent 10 > out 2>&1 && fail "reads moved over before a comparison"
compared
phase compare
hurt
m rollback > out || fail "$(cat out)"; phase backfill
compared
compared
sleep 1
for percent in 1 10 50; do m reads --percent $percent > out || fail "$(cat out)"; sleep "$pause"; done
phase gradual_reads
hurt
m rollback > out || fail "$(cat out)"; phase compare
compared
sleep 1
m promote > out 2>&1 && fail "promoted before all reads had moved"
m reads --percent 100 > out || fail "$(cat out)"
sleep "$pause"
until_level
m promote > out || fail "$(cat out)"
phase duckdb_primary
hurt
m rollback > out || fail "$(cat out)"; phase gradual_reads
sleep 2
until_level
m promote --freeze > out || fail "$(cat out)"; phase duckdb_primary
expect "frozen" "$(field is_frozen)" True
sleep "$pause"
m rollback > out || fail "$(cat out)"; expect "frozen" "$(field is_frozen)" False; phase duckdb_primary
until_level
compared --repair
compared
touch stop-reading; wait "$reader"; reader=""
m decommission > left 2>&1 || fail "decommission: $(cat left)"
phase decommissioned
expect "tables of the user that are still there" "$(psql_as owner -c "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")" 3
m decommission --yes-drop other > out 2>&1 && fail "dropped though another database was named"
m decommission --yes-drop market > left 2>&1 || fail "drop: $(cat left)"
expect "tables that are left there" "$(psql_as owner -c "SELECT count(*) FROM pg_tables WHERE schemaname IN ('public', 'merganser')")" 0
ends
whole() { "$merganser" sql --data-dir data --from 2000-01-01 --to "$(date -d tomorrow +%F)" --format csv "$1" | tail -n +2; }
expect "old ticks that DuckDB has" "$(whole "SELECT count(*) FROM market_ticks WHERE symbol = 'GENUSDT'")" "$rows"
expect "old fills that DuckDB has" "$(whole "SELECT count(*) FROM trades WHERE strategy_id = 'old'")" 5000
"$merganser" doctor --data-dir data --config settings.toml > looked 2>&1 || fail "doctor: $(grep -v '^ok' looked)"
say "doctor: $(grep -c '^ok' looked) checks, no finding"
cat read; echo
python3 - read compared <<'PY' || fail "a read was wrong"
import json, re, sys
read = json.load(open(sys.argv[1]))
assert not read["wrong"], read["wrong"][:3]
assert read["old"] > 1000 and read["new"] > 1000 and read["bars"] > 100 and read["by"].get("duckdb", 0) > 10 and read["by"].get("postgres", 0) > 10, read
print(f"E2 ok: {read['asked']} reads ({read['by']}), {read['old']} old and {read['new']} new rows and {read['bars']} bars in them, none wrong or missing; "
      f"{read['refused']} refused while a side was down; at the end: {open(sys.argv[2]).read().strip().splitlines()[-1]}")
PY
