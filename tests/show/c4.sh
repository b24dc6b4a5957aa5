#!/usr/bin/env bash
# C4: what a live session records replays (`--speed 100x`) to the same market_ticks and ohlcv_bars. The live sessions are the
# venues' data servers on a local port: Binance's plays the real recording (or, where that is missing, a market made from a
# seed), Alpaca's a market made from a seed.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/support/market.sh"
seconds=40; [ -z "${MERGANSER_CI:-}" ] || seconds=15
export APCA_API_KEY_ID=id APCA_API_SECRET_KEY=secret
ticks="select count(*), sum(last_price), sum(volume), sum(bid_price), sum(ask_price), sum(bid_size), sum(ask_size), bit_xor(hash(exchange,
    symbol, kind, timestamp, sequence_number, revision, last_price, volume, aggressor_side, bid_price, bid_size, ask_price, ask_size, ingestion_time))
    from market_ticks"
# A recording holds what the venue said and not what the feed knew to be missing: gaps decide a bar's revision and is_complete.
bars="select count(*), sum(volume), sum(notional), sum(trade_count),
    bit_xor(hash(exchange, symbol, timeframe, timestamp, open, high, low, close, volume, notional, trade_count)) from ohlcv_bars"

compare() { # name, format, arguments of the run
    local name=$1 format=$2 last live again; shift 2
    "$merganser" run --for "$(( seconds + 5 ))s" --data-dir "$work/$name" --set feeds.record=true "$@" > /dev/null 2> "$work/err" \
        || fail "the live session of $name: $(tail -3 "$work/err")"
    market_ends
    "$merganser" replay --format "$format" --input "$work/$name"/recordings/*.zst --speed 100x --data-dir "$work/$name-again" \
        > /dev/null 2> "$work/err" || fail "the replay of $name: $(tail -3 "$work/err")"
    # Bars that were open when the session ended depend on the instant of its end.
    last=$(sql "$work/$name-again" "select max(ingestion_time) from market_ticks")
    local ended="$bars where timestamp + to_seconds(case timeframe when '1s' then 1 else 60 end) < timestamp '$last' - interval 5 second"
    for what in ticks ended; do
        live=$(sql "$work/$name" "${!what}"); again=$(sql "$work/$name-again" "${!what}")
        [ -n "$live" ] && [ "$live" = "$again" ] || fail "$what of $name: live $live, replayed $again"
        [ "${live%%,*}" -gt 0 ] || fail "no $what of $name at all"
        found="$found ${live%%,*}"
    done
}

found=""
if [ -f "$f1" ] && [ -f "$f2" ]; then
    market recorded 5 "$f1" "$f2"
else
    echo "the recording is not there: a market made from a seed instead"
    market synthetic 5 "$seconds" 400 1
fi
compare binance binance-frames --profile binance-paper --set 'feeds.binance.symbols=["BTCUSDT"]' "${local_market[@]}"
market alpaca 0 AAPL
compare alpaca alpaca-frames --profile alpaca-paper "${local_market[@]}"
read -r t1 b1 t2 b2 <<< "$found"
echo "C4 ok: of live sessions of ${seconds}s $t1 ticks and $b1 bars of Binance, $t2 ticks and $b2 bars of Alpaca come out of their recordings again, the same"
