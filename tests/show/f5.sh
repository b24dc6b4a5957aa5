#!/usr/bin/env bash
# F5: killed with 1,000 open orders at the local Binance, some of which fill or are canceled there meanwhile, and behind 400 that were
# just canceled: started again, it is reconciled and trades in under 2 s, within the request weight that Binance gives in a minute. What
# depends on time decides outside of CI alone.
. "$(dirname "$0")/common.sh"
. "$here/support/market.sh"
venue_server="${VENUE_SERVER:-$CARGO_TARGET_DIR/release/venue-server}"
[ -x "$venue_server" ] || (cd "$root" && cargo build --workspace --release --locked)
cd "$work"
market synthetic 1 600 20 1
trap '[ -z "${market_pid:-}" ] || kill "$market_pid" 2> /dev/null || true; rm -rf "$work"' EXIT
printf 'api_key = "key"\nsecret = "secret"\n' > keys.toml
chmod 600 keys.toml
cat > settings.toml <<'TOML'
[account]
name = "binance-test"
[feeds]
run = ["binance"]
[feeds.binance]
symbols = ["BTCUSDT"]
channels = ["trade", "bookTicker"]
[venues]
orders_to = "binance"
[risk]
max_open_orders = 0
max_orders_per_second = 0
max_position_notional = "0"
price_collar_percent = 0
[http]
requests_per_second = 2000
# What comes with Merganser stays out of it.
[strategies.run.market_maker]
instruments = ["simulated:SIMBTC"]
[strategies.run.ema_cross]
instruments = ["simulated:SIMBTC"]
TOML
timeout 300 python3 "$here/support/restarted.py" "$merganser" "$venue_server" "${local_market[@]}" > told 2> err || fail "$(tail -5 err; tail -5 told)"
sed '$d' told | sed 's/^/   /'
read -r open ready_ms traded_ms < <(tail -1 told)
if [ -z "${MERGANSER_CI:-}" ]; then
    [ "$traded_ms" -lt 2000 ] || fail "it took $traded_ms ms from the start to the first new order that the venue took; expected less than 2000"
fi
market_ends
echo "F5 ok: killed with $open open orders, it was asked again after $ready_ms ms and traded after $traded_ms ms, all of them known as the venue knows them"
