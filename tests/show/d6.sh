#!/usr/bin/env bash
# D6: the statistics of a report are those that pandas, NumPy and empyrical make of the exported rows: of a backtest over 400
# days of a made-up hourly market, of one on the recording, and of a running instance. The page loads nothing and has no name
# of data as markup.
. "$(dirname "$0")/common.sh"
venv="${MERGANSER_TEST_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/merganser-test-figures}"
if ! "$venv/bin/python" -c "import empyrical, numpy, pandas" 2> /dev/null; then
    python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check numpy pandas empyrical-reloaded \
        || { echo "skipped: empyrical-reloaded cannot be installed from PyPI"; exit 0; }
fi
all=0

rows() { "$merganser" history "$2" --data-dir "$1" --from 1970-01-01 --limit 1000000 --format csv > "$1/$2.csv"; }
# What a report is made of, as rows, beside the report: ticks only around orders, as nothing else is asked of them.
export_rows() {
    rows "$1" equity; rows "$1" trades; rows "$1" orders
    "$merganser" history positions --data-dir "$1" --format csv > "$1/positions.csv"
    near() { echo "select symbol, ingestion_time, $1 from market_ticks where kind = '$2' order by tick_id"; }
    "$merganser" sql --data-dir "$1" --format csv --max-rows 1000000 "$(near 'bid_price, ask_price' quote)" > "$1/quotes.csv"
    "$merganser" sql --data-dir "$1" --format csv --max-rows 1000000 "$(near last_price trade)" > "$1/ticks.csv"
    "$merganser" report --data-dir "$1" --format json --out "$1/report.json"
}
compare() {
    local found
    export_rows "$1"
    found=$("$venv/bin/python" "$here/support/figures.py" "$1") || fail "the figures of $1"
    all=$(( all + found ))
}
# One file: no script, style, picture or link from elsewhere, plotly once, a chart for each place.
check_page() {
    "$venv/bin/python" - "$1" <<'PY'
import json, re, sys
page = open(sys.argv[1], encoding="utf-8").read()
scripts = re.findall(r"<script\b([^>]*)>(.*?)</script>", page, re.S)
plotly = [text for _, text in scripts if "plotly.js v" in text]
assert len(plotly) == 1, f"plotly stands in the page {len(plotly)} times"
rest = page.replace(plotly[0], "")
assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", rest), "the page names a file elsewhere"
assert "connect-src" not in rest and "default-src 'none'" in rest, "the page may load something"
charts = re.findall(r'<script type="application/json" data-chart="([^"]+)">(.*?)</script>', rest, re.S)
assert charts, "there is no chart"
for name, data in charts:
    assert json.loads(data)["data"] is not None and f'id="chart-{name}"' in rest, name
PY
}
# The page in a browser, where there is one: every chart is drawn, and nothing is wrong.
draw_page() {
    local chromium drawn wanted
    chromium=$(command -v chromium || command -v google-chrome) || { echo "   no browser is here: the page was not drawn"; return; }
    "$chromium" --headless --no-sandbox --disable-gpu --user-data-dir="$work/browser" --virtual-time-budget=20000 \
        --enable-logging=stderr --dump-dom "file://$1" > "$work/dom" 2> "$work/console" || fail "the browser: $(tail -3 "$work/console")"
    ! grep -q 'CONSOLE.*\(rror\|refused\)' "$work/console" || fail "the page: $(grep CONSOLE "$work/console" | head -3)"
    wanted=$(grep -o 'data-chart="' "$1" | wc -l)
    drawn=$(grep -o '<svg class="main-svg"[^>]*style="[^"]*background' "$work/dom" | wc -l)
    [ "$drawn" -ge "$wanted" ] || fail "$drawn of $wanted charts were drawn"
}

cd "$work"
# 400 days of hourly trades at a price that walks at random from a seed, up and down by about 0.6 % an hour.
"$venv/bin/python" - > year.csv <<'PY'
import datetime, random
walk, price = random.Random(7), 42000.0
print("timestamp,symbol,price,size,side")
for hour in range(24 * 400 + 1):
    price *= 1 + walk.gauss(0.00001, 0.006)
    at = datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=hour)
    print(f"{at:%Y-%m-%d %H:%M:%S},BTCUSDT,{price:.2f},50,{walk.choice(['buy', 'sell'])}")
PY
"$merganser" backtest --format csv --input year.csv --strategy ema_cross --param notional=20000 --data-dir year \
    --set snapshots.every=1h --report year.html > year.txt
compare year
expect "the period of 400 days" "$(grep -c '"period": "1d"' year/report.json)" "1"
sharpe=$("$venv/bin/python" -c "import json; print(f\"{json.load(open('year/report.json'))['performance']['sharpe']['value']:.2f}\")")
expect "the Sharpe ratio at the end of the backtest" "$(grep -o '^sharpe .* (' year.txt)" "sharpe   $sharpe ("
check_page year.html
draw_page "$work/year.html"
for period in 1h 1d; do
    "$merganser" report --data-dir year --period "$period" --format json --out year/report.json
    all=$(( all + $("$venv/bin/python" "$here/support/figures.py" year) ))
done

# A part of the range, with the position that was open at its beginning; and the one strategy, which is the whole account.
"$merganser" report --data-dir year --from 2024-06-01 --to 2024-09-01 --period 1d --format json --out part.json
"$merganser" report --data-dir year --strategy ema_cross --period 1d --format json --out one.json
"$venv/bin/python" - <<'PY' || fail "a part of the range, or one strategy"
import json
part, one, all_of_it = (json.load(open(name)) for name in ("part.json", "one.json", "year/report.json"))
assert part["trips"]["left_out"] == 1, part["trips"]
assert part["unexplained"] == "0" and part["performance"]["profit"] == part["total"]["net"], part["unexplained"]
for name in ("total_return", "volatility", "sharpe", "sortino", "cagr"):
    found, expected = (report["performance"][name]["value"] for report in (one, all_of_it))
    assert abs(found - expected) < 1e-9 * max(1, abs(expected)), (name, found, expected)
PY
! "$merganser" report --data-dir year --strategy ema_corss --format json > /dev/null 2> typo.err || fail "a strategy that is not there has a report"
grep -q "give one of ema_cross" typo.err || fail "a strategy that is not there: $(tail -1 typo.err)"

if [ -f "$f1" ] && [ -f "$f2" ]; then
    "$merganser" backtest --format binance-frames --input "$f1" --input "$f2" --strategy ema_cross --data-dir day \
        --report day.html > /dev/null
    compare day
    check_page day.html
    grep -q "at least 30 days of snapshots" day.html || fail "the CAGR of eleven minutes is not unknown"
else
    echo "   the recording is not there: only the made-up market"
fi

# A running instance answers the same way as it does when it is stopped.
"$merganser" run --for 25s --data-dir live --set snapshots.every=1s --set http.address=127.0.0.1:0 > /dev/null 2> live.err &
live=$!
for _ in $(seq 1 100); do
    sleep 0.2
    "$merganser" report --data-dir live --format json --out first.json 2> first.err && grep -q '"fills": [1-9]' first.json && break
done
end=$("$venv/bin/python" -c "import json; print(json.load(open('first.json'))['to'])") || fail "no report of a running instance: $(tail -1 first.err)"
until=$("$venv/bin/python" -c "import datetime, sys; print(datetime.datetime.fromisoformat(sys.argv[1]) + datetime.timedelta(microseconds=1))" "$end")
# What bears a time up to then may be recorded a moment later.
sleep 2
"$merganser" report --data-dir live --to "$until" --format json --out running.json
grep -q '"money": "simulated"' running.json || fail "simulated money is not marked"
wait "$live" || fail "the instance: $(tail -3 live.err)"
"$merganser" report --data-dir live --to "$until" --format json --out stopped.json
"$venv/bin/python" - <<'PY' || fail "a stopped directory says something else than the instance did"
import json
a, b = (json.load(open(name)) for name in ("running.json", "stopped.json"))
for report in (a, b):  # Orders stand as they are when it is asked.
    del report["execution"]["orders"], report["execution"]["times"]
assert a == b
PY
compare live
echo "D6 ok: $all figures of reports equal those of pandas, NumPy and empyrical on the exported rows"
