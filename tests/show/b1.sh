#!/usr/bin/env bash
# B1: real ticks through all tiers: after 1, 7, 90 and 365 days the same history and the same SQL give the same answers and
# doctor is content; other programs read the files; with `delete` exactly the named partitions go.
. "$(dirname "$0")/common.sh"
need_recording
d="$work/d"
"$merganser" import --format binance-frames --input "$f1" --input "$f2" --data-dir "$d" > /dev/null
all=(--from 2024-08-01 --to 2024-09-01)
ask() {
    sql_of="select 'ticks', count(*), sum(last_price), sum(volume), sum(bid_price), min(tick_id), max(tick_id), bit_xor(hash(t)) from market_ticks t
        union all select 'bars', count(*), sum(close), sum(volume), sum(notional), min(bar_id), max(bar_id), bit_xor(hash(t)) from ohlcv_bars t"
    "$merganser" sql --data-dir "$1" --format csv "${all[@]}" "$sql_of"
    "$merganser" history ticks --symbol binance:BTCUSDT --from 2024-08-08T23:59:59Z --to 2024-08-09T00:00:01Z --format csv --data-dir "$1" --limit 100000
    for timeframe in 1s 1m 5m 15m; do
        "$merganser" history bars --symbol binance:BTCUSDT --timeframe $timeframe "${all[@]}" --format csv --data-dir "$1" --limit 100000
    done
}
ask "$d" > "$work/before"
expect "ticks and bars before" "$(sed -n 2p "$work/before" | cut -d, -f2)" "93078"
for now in 2024-08-10 2024-08-17 2024-11-08 2025-08-10; do
    "$merganser" archive run --now $now --data-dir "$d" > "$work/run" || fail "$now: $(cat "$work/run")"
    ask "$d" > "$work/after"
    cmp -s "$work/before" "$work/after" || fail "$now: other answers: $(diff "$work/before" "$work/after" | head -5)"
    "$merganser" doctor --data-dir "$d" > "$work/doctor" || fail "$now: $(grep FINDING "$work/doctor")"
    if [ $now = 2024-08-17 ]; then cp -r "$d/warm" "$work/warm"; fi
    echo "   $now: $(tail -1 "$work/run"); the same $(wc -l < "$work/after") lines"
done
expect "cold files" "$(find "$d/cold" -name '*.parquet' | wc -l)" "4"
expect "warm files" "$(find "$d/warm" -name '*.parquet' | wc -l)" "0"

# Others read the files.
python3 -m venv "$work/venv" > /dev/null && "$work/venv/bin/pip" install -q pyarrow > "$work/pip" 2>&1 || { cat "$work/pip"; fail "pyarrow cannot be installed"; }
others=$("$work/venv/bin/python" - "$work/warm" <<'PY'
import sys, pathlib, pyarrow.parquet as pq, pyarrow.compute as pc, pyarrow as pa
rows, volume = 0, 0
for file in sorted(pathlib.Path(sys.argv[1]).rglob("*.parquet")):
    table = pq.ParquetFile(file).read()
    rows += table.num_rows
    volume += pc.sum(table["volume"]).as_py()
    kinds = table["kind"].to_pylist()
    assert kinds == sorted(kinds), "sorted by kind"
print(rows, volume)
PY
)
expect "what pyarrow reads" "$others" "93078 437.91552000"

# With delete, exactly the named partitions go.
e="$work/e"
"$merganser" import --format binance-frames --input "$f1" --input "$f2" --data-dir "$e" > /dev/null
"$merganser" archive run --now 2024-12-01 --data-dir "$e" > /dev/null
delete=(--set tiers.market_ticks.at_end=delete)
due=$("$merganser" archive run --now 2025-08-09 --dry-run --data-dir "$e" "${delete[@]}" | grep -c DELETED)
expect "partitions that would go on 2025-08-09" "$due" "1"
"$merganser" archive run --now 2025-08-09 --data-dir "$e" "${delete[@]}" > "$work/run"
grep -q "market_ticks 2024-08-08 part 0 deleted from cold" "$work/run" || fail "$(cat "$work/run")"
left=$("$merganser" sql --data-dir "$e" --format csv "${all[@]}" "select count(*), min(timestamp) >= '2024-08-09' from market_ticks" | tail -1)
expect "what is left" "$left" "55300,true"
"$merganser" doctor --data-dir "$e" > "$work/doctor" || fail "$(grep FINDING "$work/doctor")"
echo "B1 ok: 93078 ticks and 657 bars give the same answers in every tier; pyarrow reads the same sums; delete takes one day and leaves the other"
