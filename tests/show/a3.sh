#!/usr/bin/env bash
# A3: the runtime trades on paper in an empty directory, without configuration and without a network.
. "$(dirname "$0")/common.sh"
d="$work/run"
(cd "$work" && env -i HOME="$work" PATH="$PATH" "$merganser" run --for 20s --data-dir "$d")
for table in market_ticks ohlcv_bars orders trades positions portfolio_snapshots; do
    rows=$(sql "$d" "select count(*) from $table")
    [ "$rows" -gt 0 ] || fail "$table is empty"
done
expect "exchanges" "$(sql "$d" "select string_agg(distinct exchange) from market_ticks")" "simulated"
expect "sources" "$(sql "$d" "select string_agg(distinct source) from market_ticks")" "simulated"
expect "accounts" "$(sql "$d" "select string_agg(distinct account) from orders")" "paper"
"$merganser" doctor --data-dir "$d" || fail "doctor found something"
echo "A3 ok: $(sql "$d" "select count(*) from market_ticks") ticks, $(sql "$d" "select count(*) from orders") orders, $(sql "$d" "select count(*) from trades") fills in 20 s"
