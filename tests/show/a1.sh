#!/usr/bin/env bash
# A1: a backtest of the recorded stream stores exactly what was recorded, its bars and its book.
. "$(dirname "$0")/common.sh"
need_recording
a="$work/A"
"$merganser" backtest --format binance-frames --input "$f1" --input "$f2" --strategy ema_cross --data-dir "$a" > "$work/summary"
cat "$work/summary"

found=$(sql "$a" "select count(*), min(last_price), max(last_price), sum(volume) from market_ticks where kind='trade'")
expect "trades" "$found" "19904,61556.04000000,61860.80000000,437.91552000"
expect "quotes" "$(sql "$a" "select count(*) from market_ticks where kind='quote'")" "73174"
grep -q "^book BTCUSDT seen 6495 applied 6493 gaps 0 bid 61602.01 ask 61602.02 levels 1971 + 2962" "$work/summary" \
    || fail "the book at the end is not that of the recording"

# The bars, computed independently: from the frames, by another program, in exact decimals.
python3 - "$f1" "$f2" > "$work/bars" <<'PY'
import gzip, json, sys
from decimal import Decimal
trades = []
for path in sys.argv[1:]:
    for line in gzip.open(path, "rt"):
        frame = json.loads(line.split(" ", 1)[1])
        data = frame.get("data", {})
        if data.get("e") == "trade":
            trades.append((data["T"], data["t"], Decimal(data["p"]), Decimal(data["q"])))
trades.sort()
bars = {}
for at, number, price, size in trades:
    bars.setdefault(at // 60000, []).append((price, size))
for minute, rows in sorted(bars.items()):
    prices = [p for p, _ in rows]
    volume = sum(q for _, q in rows)
    notional = sum(p * q for p, q in rows)
    print(minute * 60000, *(f"{v:.8f}" for v in (prices[0], max(prices), min(prices), prices[-1])),
          f"{volume:.9f}", f"{notional:.9f}", len(rows), sep=",")
PY
sql "$a" "select epoch_ms(timestamp), open, high, low, close, volume, notional, trade_count from ohlcv_bars where timeframe='1m' order by timestamp" > "$work/ours"
diff "$work/bars" "$work/ours" || fail "the one-minute bars differ from those of the frames"
expect "bars" "$(wc -l < "$work/ours")" "12"
expect "incomplete bars" "$(sql "$a" "select count(*) from ohlcv_bars where timeframe='1m' and not is_complete")" "2"
for table in orders trades positions; do
    rows=$(sql "$a" "select count(*) from $table")
    [ "$rows" -ge 20 ] || fail "$table has $rows rows"
done
orders=$(sql "$a" "select count(*) from orders"); trades=$(sql "$a" "select count(*) from trades"); positions=$(sql "$a" "select count(*) from positions")
echo "A1 ok: 19904 trades, 73174 quotes, 12 bars, $orders orders, $trades fills, $positions position rows"
