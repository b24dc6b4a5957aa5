#!/usr/bin/env bash
# A2: a replay through the live actors and a run, re-run from their journals, give the same rows;
# two backtests of the same input and seed give the same journals, another seed another.
. "$(dirname "$0")/common.sh"
need_recording

same_rows() {
    for table in orders order_events trades positions balances ohlcv_bars; do
        order="1, 2"
        [ "$table" = ohlcv_bars ] && order="bar_id"
        sql "$1" "select * from $table order by $order" > "$work/one"
        sql "$2" "select * from $table order by $order" > "$work/two"
        cmp -s "$work/one" "$work/two" || { diff "$work/one" "$work/two" | head -5; fail "$table differs between $1 and $2"; }
        [ -s "$work/one" ] || fail "$table of $1 is empty: nothing was compared"
        echo "   $table: $(wc -l < "$work/one") rows, the same"
    done
}

"$merganser" replay --format binance-frames --input "$f1" --input "$f2" --strategy market_maker --speed 100x --data-dir "$work/C" > /dev/null
"$merganser" backtest --session "$work/C" --data-dir "$work/D" > /dev/null
same_rows "$work/C" "$work/D"
rows=$(sql "$work/C" "select count(*) from order_events")

"$merganser" run --for 20s --data-dir "$work/E" > /dev/null
"$merganser" backtest --session "$work/E" --data-dir "$work/F" > /dev/null
same_rows "$work/E" "$work/F"

backtest() { "$merganser" backtest --format binance-frames --input "$f1" --strategy ema_cross --seed "$1" --data-dir "$2" > /dev/null; }
backtest 1 "$work/G"; backtest 1 "$work/H"; backtest 2 "$work/I"
for log in ledger market; do
    diff -r "$work/G/$log" "$work/H/$log" || fail "two backtests of one seed differ in their $log journal"
done
cmp -s "$work"/G/ledger/*.journal "$work"/I/ledger/*.journal && fail "another seed gives the same ledger"
echo "A2 ok: replay and run re-run to the same rows ($rows order events in the replay), journals byte-identical"
