#!/usr/bin/env bash
# E4: rows changed by hand in either database while a market runs are found by the next comparison and named exactly: table, key,
# column, both values. They are put right from the journal, and those that came over by backfill from where they came.
. "$(dirname "$0")/common.sh"
. "$here/support/postgres.sh"
. "$here/support/migration.sh"
cd "$work"
trap '[ -z "$pid" ] || kill -9 "$pid" 2> /dev/null || true; postgres_stop; rm -rf "$work"' EXIT
by_hand="$CARGO_TARGET_DIR/release/changed-by-hand"
[ -x "$by_hand" ] || (cd "$root" && cargo build --workspace --release --locked)
rows=400000
[ -z "${MERGANSER_CI:-}" ] || rows=40000
postgres_start "$work/pg" || exit 0
old_tables "$rows" 3
postgres_settings settings.toml
echo 'compare_every = "0s"' >> settings.toml
write_mapping

# A comparison that must find exactly these lines, and end with 1.
finds() {
    local line
    m compare > found 2>&1 && fail "the comparison found nothing: $(tail -5 found)"
    for line in "$@"; do grep -qF -- "$line" found || fail "'$line' is not named: $(grep -v '^equal' found)"; done
    expect "rows that are named" "$(grep -c '^MISMATCH' found)" "$#"
}
clean() { m compare > found 2>&1 || fail "$1: $(grep -v '^equal' found)"; }
there() { psql_as owner -c "$1"; }
here_is() { "$merganser" sql --data-dir data --local-only --format csv "$1" | tail -n +2; }

begin
m init > out 2>&1 || fail "init: $(cat out)"
until [ "$(there 'SELECT count(*) FROM merganser.trades')" -ge 3 ]; do sleep 0.5; kill -0 "$pid" || fail "$(tail -5 running)"; done
until_level
m backfill > out 2>&1 || fail "backfill: $(cat out)"
clean "nothing was changed yet"

# In PostgreSQL, while rows arrive.
tick=$(there "SELECT tick_id FROM merganser.market_ticks WHERE kind = 'trade' ORDER BY tick_id OFFSET 20 LIMIT 1")
price=$(there "SELECT last_price FROM merganser.market_ticks WHERE tick_id = $tick")
order=$(there "SELECT order_id FROM merganser.trades ORDER BY executed_at LIMIT 1")
note=$(there "SELECT coalesce(note, 'NULL') FROM merganser.orders WHERE order_id = '$order'")
gone=$(there "SELECT tick_id FROM merganser.market_ticks WHERE kind = 'quote' ORDER BY tick_id OFFSET 30 LIMIT 1")
balance=$(there "SELECT balance_id FROM merganser.balances ORDER BY balance_id LIMIT 1")
there "UPDATE merganser.market_ticks SET last_price = last_price + 0.00000001 WHERE tick_id = $tick;
    UPDATE merganser.orders SET note = 'by hand' WHERE order_id = '$order';
    DELETE FROM merganser.market_ticks WHERE tick_id = $gone;
    INSERT INTO merganser.balances SELECT 9000000000, account, asset, total, \"timestamp\" FROM merganser.balances WHERE balance_id = $balance;
    UPDATE raw_trades SET qty = qty + 0.00000001 WHERE symbol = 'GENUSDT' AND trade_id = 77"
changed=$(there "SELECT $price + 0.00000001")
old=$(there "SELECT qty::numeric(18, 8) FROM raw_trades WHERE symbol = 'GENUSDT' AND trade_id = 77")
finds "tick_id=$tick: last_price is $price in DuckDB and $changed in PostgreSQL" \
    "order_id=$order: note is $note in DuckDB and by hand in PostgreSQL" \
    "tick_id=$gone: only DuckDB has it:" \
    "balance_id=9000000000: only PostgreSQL has it:" \
    "sequence_number=77: volume is 0.00002388 in DuckDB and $old in PostgreSQL"
named=$(grep -c '^MISMATCH' found)

# And in DuckDB, while it is stopped.
trade=$(there "SELECT trade_id FROM merganser.trades ORDER BY executed_at LIMIT 1")
paid=$(there "SELECT price FROM merganser.trades WHERE trade_id = '$trade'")
doubled=$(there "SELECT tick_id FROM merganser.market_ticks WHERE kind = 'quote' ORDER BY tick_id OFFSET 40 LIMIT 1")
lost=$(there "SELECT position_id FROM merganser.positions ORDER BY position_id LIMIT 1")
ends
day=$(here_is "SELECT location FROM partitions WHERE table_name = 'market_ticks' AND tier = 'disk' AND min_id <= $doubled AND max_id >= $doubled")
"$by_hand" data "UPDATE disk.trades SET price = price * 2 WHERE trade_id = '$trade';
    INSERT INTO $day FROM $day WHERE tick_id = $doubled;
    DELETE FROM disk.positions WHERE position_id = $lost" > out 2>&1 || fail "$(cat out)"
begin
until_level
twice=$(there "SELECT $paid * 2")
finds "tick_id=$tick: last_price is $price in DuckDB and $changed in PostgreSQL" \
    "order_id=$order: note is $note in DuckDB and by hand in PostgreSQL" \
    "tick_id=$gone: only DuckDB has it:" \
    "balance_id=9000000000: only PostgreSQL has it:" \
    "sequence_number=77: volume is 0.00002388 in DuckDB and $old in PostgreSQL" \
    "trade_id=$trade: price is $twice in DuckDB and $paid in PostgreSQL" \
    "tick_id=$doubled: only DuckDB has it:" \
    "position_id=$lost: only PostgreSQL has it:"
expect "rows that SQL names" "$(here_is "SELECT count(DISTINCT \"key\") FROM migration_mismatches WHERE comparison = (SELECT max(comparison) FROM migration_comparisons)")" 8

m compare --repair > found 2>&1 || fail "the repair: $(grep -v '^equal' found)"
repaired=$(grep -c '^REPAIRED' found)
expect "repairs" "$repaired" 8
clean "after the repair"
expect "the price of the fill" "$(here_is "SELECT price FROM trades WHERE trade_id = '$trade'")" "$paid"
expect "what came over" "$(here_is "SELECT volume FROM market_ticks WHERE symbol = 'GENUSDT' AND sequence_number = 77")" "$old"
summary=$(tail -1 found)
ends
echo "E4 ok: $named rows changed in PostgreSQL and 3 in DuckDB were named with key, column and both values; $repaired put right; $summary"
