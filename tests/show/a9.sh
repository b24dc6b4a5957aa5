#!/usr/bin/env bash
# Bad input: each a clear error that names the thing, with its exit code, and with nothing lost.
. "$(dirname "$0")/common.sh"
cases=0
# refuse CODE TEXT… -- COMMAND…: the command ends with the code and says each text on stderr.
refuse() {
    local code=$1 texts=() got=0; shift
    while [ "$1" != -- ]; do texts+=("$1"); shift; done; shift
    timeout 60 "$merganser" "$@" > "$work/out" 2> "$work/err" || got=$?
    [ "$got" = "$code" ] || fail "$* ended with $got, expected $code: $(cat "$work/err")"
    local text; for text in "${texts[@]}"; do
        grep -qF -- "$text" "$work/err" || fail "$* does not say '$text': $(cat "$work/err")"
    done
    cases=$(( cases + 1 ))
}
cd "$work"
trade() { printf '%s {"stream":"btcusdt@trade","data":{"e":"trade","E":1,"s":"BTCUSDT","t":%s,"p":"%s","q":"%s","T":1723161255342,"m":true,"M":true}}\n' "$1" "$2" "$3" "$4"; }
at=1723161255342000000

# Frames: what cannot be decoded is counted and kept, never fatal.
{ trade $at 1 100.5 1; echo "no time"; echo "$at {broken"; echo "$at []"; trade $at 2 1.123456789012 1; trade $at 3 100.5 -1
  trade $at 4 99999999999999999999 1; head -c 300 /dev/urandom | tr -d '\n'; echo; trade 4000000000000000000 5 100.5 1; trade $at 6 100.7 2; } > frames
"$merganser" backtest --format binance-frames --input frames --strategy ema_cross --data-dir frames.d > summary || fail "hostile frames ended the run"
grep -q "market   2 trades" summary || fail "the good frames were not used: $(cat summary)"
grep -q "frames could not be decoded" summary || fail "nothing is said of the bad ones"
expect "frames kept for inspection" "$(sql frames.d "select count(*) from undecodable_frames")" "7"

# Files.
trade $at 1 100.5 1 | gzip > whole.gz; head -c 60 whole.gz > cut.gz
refuse 1 "cut.gz" -- backtest --format binance-frames --input cut.gz --strategy ema_cross --data-dir cut.d
refuse 1 "nowhere.gz" -- backtest --format binance-frames --input nowhere.gz --strategy ema_cross --data-dir n.d
echo "when,what" > wrong.csv
refuse 1 "wrong.csv" -- import --format csv --input wrong.csv --data-dir csv.d
refuse 2 "--format" -- backtest --format nonsense --input whole.gz --data-dir f.d
"$merganser" import --format binance-frames --input whole.gz --data-dir once > /dev/null
refuse 1 "was imported" "double" -- import --format binance-frames --input whole.gz --data-dir once
refuse 1 "cut.gz" -- import --format binance-frames --input cut.gz --data-dir once
expect "ticks after a repeated and a broken import" "$(sql once "select count(*) from market_ticks")" "1"

# Strategies and parameters.
refuse 1 "there is no strategy \`nope\`" "ema_cross" -- backtest --format binance-frames --input whole.gz --strategy nope --data-dir s.d
refuse 1 "ema_cross" "abc" -- backtest --format binance-frames --input whole.gz --strategy ema_cross --param fast=abc --data-dir p.d

# Settings: all at once, with paths.
refuse 1 "risk.max_opn_orders" "bars.lateness" "account.deposit" -- config check --set risk.max_opn_orders=1 --set bars.lateness="2 months" --set account.deposit=0.5
refuse 1 "feeds.queue" "paper.taker_fee_ppm" "duckdb.memory_bytes" -- config check --set feeds.queue=0 --set paper.taker_fee_ppm=99999999 --set duckdb.memory_bytes=0
refuse 1 "there is no profile" -- config check --profile nope
refuse 1 "there is no venue" "paper" -- run --for 1s --set venues.orders_to=nope --data-dir v.d

# Data directories.
"$merganser" run --for 2s --data-dir used > /dev/null 2>&1
refuse 1 "belongs to account \`paper\`" "other" -- run --for 1s --data-dir used --set account.name=other
refuse 1 "already holds a run" -- backtest --format binance-frames --input whole.gz --strategy ema_cross --data-dir used
refuse 1 "there is no data directory" -- sql "select 1" --data-dir missing
touch plain
refuse 1 "plain" -- run --for 1s --data-dir plain
refuse 1 "does not belong to them" "journal.ledger_dir" -- sql "select 1" --data-dir used --set journal.ledger_dir="$work/empty-ledger"
cp -r used garbage; echo "no database" > garbage/trading.duckdb; rm -f garbage/trading.duckdb.wal
refuse 1 "is no DuckDB database" "move it aside" -- run --for 1s --data-dir garbage
rm garbage/trading.duckdb
"$merganser" doctor --data-dir garbage > doctor || fail "the database is not built again from the journals: $(cat doctor)"
"$merganser" run --data-dir used > running 2>&1 & pid=$!
until grep -q "merganser runs on" running; do sleep 0.05; kill -0 "$pid" || fail "$(cat running)"; done
refuse 1 "in use by process $pid" -- run --for 1s --data-dir used
for query in "select 1; select 2" "copy orders to 'x.csv'" "attach 'x.db'" "select getenv('HOME')" "select * from read_csv('frames')" "drop table orders" "insert into actions values (1)"; do
    refuse 1 "" -- sql "$query" --data-dir used
done
kill -INT "$pid"; wait "$pid" || fail "Ctrl-C did not stop it in order: $(cat running)"
"$merganser" doctor --data-dir used | head -1 > /dev/null
[ "${PIPESTATUS[0]}" = 0 ] || fail "a closed pipe is not taken for enough"
"$merganser" doctor --data-dir used > doctor || fail "$(cat doctor)"
echo "A9 ok: $cases refusals, each by name; hostile frames counted and kept; nothing lost"
