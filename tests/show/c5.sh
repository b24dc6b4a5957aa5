#!/usr/bin/env bash
# C5: 20,000 frames a second over a local socket for a minute: the lag at p99, nothing lost, memory flat; then ten times as
# many in bursts: quotes conflated, trades kept, both counted. The hot tier, which is to grow to its bound, has a small one.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/support/market.sh"
seconds=60; [ -z "${MERGANSER_CI:-}" ] || seconds=20
# By hand the machine must keep up; one that does other things at the same time may not, and says so.
slow() { [ -n "${MERGANSER_CI:-}" ] || fail "$*"; echo "   $*, on this machine at this time"; }
said() { python3 -c "import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])" "$told" "$1"; }
# The market begins eight seconds after its server: until then the runtime has subscribed.
watch() { # directory, seconds, burst
    market synthetic 8 "$2" 20000 "$3"
    "$merganser" run --profile binance-paper --for "$(( $2 + 16 ))s" --data-dir "$1" "${local_market[@]}" \
        --set telemetry.every=2s --set hot.max_bytes=67108864 > /dev/null 2> "$1.err" || fail "the run: $(tail -3 "$1.err")"
    market_ends
    metric() { sql "$1" "select coalesce($3, 0) from system_metrics where metric_name = '$2'"; }
    trades=$(sql "$1" "select count(*) from market_ticks where kind = 'trade'")
    quotes=$(sql "$1" "select count(*) from market_ticks where kind = 'quote'")
    conflated=$(metric "$1" feed_quotes_conflated "max(value)::bigint")
    gaps=$(sql "$1" "select count(*) from feed_gaps where cause not in ('stopped', 'recovered')")
    [ "$trades" = "$(said trades)" ] || fail "trades: $trades stored, $(said trades) told"
    [ $(( quotes + conflated )) = "$(said quotes)" ] \
        || slow "quotes: $quotes stored and $conflated conflated, $(said quotes) told"
    [ "$gaps" = 0 ] || slow "$gaps gaps"
    lag=$(metric "$1" feed_lag_p99_seconds "round(max(value) * 1000, 2)")
}
watch "$work/even" "$seconds" 1
even="$trades trades, $quotes quotes, $conflated conflated, lag p99 ${lag} ms at most"
memory=$(sql "$work/even" "select string_agg(round(mb)::varchar, ' ' order by third) from (select third, max(value) / 1e6 as mb from
    (select value, ntile(3) over (order by timestamp) as third from system_metrics where metric_name = 'process_memory_bytes') group by third)")
python3 -c "import sys; m = [float(x) for x in sys.argv[1].split()]; sys.exit(len(m) != 3 or m[2] > 1.3 * m[1])" "$memory" \
    || slow "memory is not flat by thirds of the run: $memory MB"
watch "$work/bursts" 20 10
[ "$conflated" -gt 0 ] || slow "nothing was conflated in bursts"
echo "C5 ok: 20,000 frames/s for ${seconds}s: $even; memory by thirds of the run: $memory MB; ten times that in bursts: $trades trades kept, $quotes quotes stored, $conflated conflated, lag p99 $lag ms at most"
