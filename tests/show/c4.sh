#!/usr/bin/env bash
# C4: what a live session records replays (`--speed 100x`) to the same market_ticks and ohlcv_bars. The live session is
# Binance's data server on a local port, playing the real recording; where that is missing, a market made from a seed.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/support/market.sh"
seconds=40; [ -z "${MERGANSER_CI:-}" ] || seconds=20
if [ -f "$f1" ] && [ -f "$f2" ]; then
    market recorded 5 "$f1" "$f2"
else
    echo "the recording is not there: a market made from a seed instead"
    market synthetic 5 "$seconds" 400 1
fi
"$merganser" run --profile binance-paper --for "$(( seconds + 5 ))s" --data-dir "$work/live" "${local_market[@]}" \
    --set feeds.record=true --set 'feeds.binance.symbols=["BTCUSDT"]' > /dev/null 2> "$work/live.err" \
    || fail "the live session: $(tail -3 "$work/live.err")"
market_ends
"$merganser" replay --format binance-frames --input "$work"/live/recordings/*.zst --speed 100x --data-dir "$work/again" \
    > /dev/null 2> "$work/again.err" || fail "the replay: $(tail -3 "$work/again.err")"
ticks="select count(*), sum(last_price), sum(volume), sum(bid_price), sum(ask_price), sum(bid_size), sum(ask_size),
    bit_xor(hash(symbol, kind, timestamp, sequence_number, revision, last_price, volume, aggressor_side, bid_price, bid_size, ask_price, ask_size, ingestion_time))
    from market_ticks"
# Bars that were still open when the session ended depend on the instant of its end.
last=$(sql "$work/again" "select max(ingestion_time) from market_ticks")
bars="select count(*), sum(volume), sum(notional), sum(trade_count),
    bit_xor(hash(symbol, timeframe, timestamp, open, high, low, close, volume, trade_count, revision, is_complete))
    from ohlcv_bars where timestamp + to_seconds(case timeframe when '1s' then 1 else 60 end) < timestamp '$last' - interval 5 second"
for what in ticks bars; do
    live=$(sql "$work/live" "${!what}"); again=$(sql "$work/again" "${!what}")
    [ -n "$live" ] && [ "$live" = "$again" ] || fail "$what: live $live, replayed $again"
    [ "${live%%,*}" -gt 0 ] || fail "no $what at all"
    eval "n_$what=${live%%,*}"
done
echo "C4 ok: $n_ticks ticks and $n_bars bars of a live session of ${seconds}s come out of its recording again, the same"
