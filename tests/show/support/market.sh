# A venue's data server on a local port: `market ARGUMENTS…` starts it and sets `local_market`, the settings that point
# the feeds to it; `market_ends` ends it and sets `told`, what it has told as JSON.
market() {
    mkfifo "$work/market.in"
    [ -x "$CARGO_TARGET_DIR/release/market-server" ] || (cd "$root" && cargo build --workspace --release --locked)
    "$CARGO_TARGET_DIR/release/market-server" "$@" < "$work/market.in" > "$work/market.out" 2> "$work/market.err" &
    market_pid=$!
    exec 7> "$work/market.in"
    for _ in $(seq 1 600); do
        [ -s "$work/market.out" ] && break
        kill -0 "$market_pid" 2> /dev/null || fail "the market server: $(cat "$work/market.err")"
        sleep 0.1
    done
    local address; address=$(head -1 "$work/market.out")
    local_market=(--set "feeds.binance.stream_url=ws://$address" --set "feeds.binance.rest_url=http://$address"
        --set "feeds.alpaca.stream_url=ws://$address" --set "feeds.alpaca.data_url=http://$address"
        --set "feeds.alpaca.trading_url=http://$address")
}

market_ends() {
    exec 7>&-
    wait "$market_pid"
    rm "$work/market.in"
    told=$(tail -1 "$work/market.out")
}
