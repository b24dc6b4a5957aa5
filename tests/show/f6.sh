#!/usr/bin/env bash
# F6: a paper session on recorded live data, re-run with `backtest --session DIR`, gives the same orders and fills. The local
# Binance plays the recording over a socket to four strategies, one of which places every kind of order, and to a person who
# places, changes and cancels orders, tightens and loosens a limit, halts, flattens one strategy and reconciles; the paper venue
# has queues, delays, fees by volume, slippage and refusals by chance. The session is stopped in order once and killed once.
# Up to the kill every record must come out again and nothing beside; the kill may cost what happened in the second before it.
# Nobody has recorded Alpaca's market: that one is made from a seed.
. "$(dirname "$0")/common.sh"
. "$here/support/market.sh"
need_recording
trader="$CARGO_TARGET_DIR/release/all-orders-merganser"
[ -x "$trader" ] || (cd "$root" && cargo build --workspace --release --locked)
stretch=60 least=10
[ -z "${MERGANSER_CI:-}" ] || { stretch=5; least=1; }
cd "$work"
d="$work/d" pid="" starts=()
trap '{ [ -z "$pid" ] || kill -9 "$pid"; [ -z "${market_pid:-}" ] || kill "$market_pid"; } 2> /dev/null || true; rm -rf "$work"' EXIT
cat > settings.toml <<'TOML'
[account]
deposit = "10000000"
# The recorded market is old enough to be archived at once.
[tiers]
schedule = ""
[risk]
max_order_notional = "1000000"
max_position_notional = "3000000"
max_open_orders = 200
[risk.account]
max_leverage_percent = 200
[paper]
fills = { model = "probabilistic", parameters = { power = 2 } }
to_venue = { model = "log_normal", parameters = { median = "8ms", sigma = 0.6, longest = "200ms" } }
to_us = { model = "empirical", parameters = { delays = ["2ms", "3ms", "3ms", "5ms", "40ms"] } }
slippage = { model = "impact", parameters = { ppm = 50 } }
[paper.fees]
model = "tiers"
[paper.fees.parameters]
tiers = [{ volume = "0", maker_ppm = 900, taker_ppm = 1000 }, { volume = "100000", maker_ppm = -50, taker_ppm = 700 }]
[paper.rejects]
rate_ppm = 80000
filters = true
price_percent = 5
[paper.triggers]
by = "quote"
[paper.price_limits]
band_percent = 5
[strategies.run.all_orders]
on_stop = "leave"
parameters = { every_ms = 200, distance = 150, notional = "3000", sweep = "600000" }
[strategies.run.market_maker]
parameters = { every = "100ms", half_spread_bps = 1, notional = "4000", max_position = "20000" }
[strategies.run.ema_cross]
parameters = { fast = 2, slow = 5, notional = "5000" }
[strategies.run.bollinger_reversion]
parameters = { length = 8, width = 1.0 }
TOML

begin() {
    : > out
    "$trader" run --data-dir "$d" --config settings.toml "$@" "${local_market[@]}" > out 2>&1 & pid=$!
    until grep -q "merganser runs on" out; do sleep 0.1; kill -0 "$pid" || fail "it does not run: $(tail -3 out)"; done
    starts+=("$(date -u '+%F %T.%6N')")
    address=$(sed -n 's,.*health at http://\(.*\)/health;.*,\1,p' out)
}
ends() { kill -TERM "$pid"; wait "$pid" || fail "it did not stop in order: $(tail -5 out)"; pid=""; }
say() { "$trader" "$@" --data-dir "$d" > said 2>&1 || fail "$*: $(tail -3 said)"; }
# A person's order; `order` is its id. Chance may let the venue refuse it.
places() { say orders "$@" --why "by hand"; order=$(grep -oE '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' said | head -1); }
# The same, again where it was refused, until it rests at the venue.
rests() {
    for _ in $(seq 1 20); do
        places "$@"
        sleep 0.5
        say orders show "$order"
        ! grep -qw accepted said || return 0
    done
    fail "orders $*: it does not rest: $(tail -1 said)"
}
# So much above the newest bid.
at() { sql "$d" "select (bid_price + $1)::decimal(18, 2) from market_ticks where kind = 'quote' order by tick_id desc limit 1"; }
until_priced() { for _ in $(seq 1 200); do [ -z "$(at 0 2> /dev/null)" ] || return 0; sleep 0.1; done; fail "no quote came: $(tail -3 out)"; }

binance=(--set 'feeds.run=["binance"]' --set 'feeds.binance.symbols=["BTCUSDT"]')
btc=binance:BTCUSDT
market recorded 5 "$f1" "$f2"
begin "${binance[@]}"
until_priced
sleep "$stretch"
places submit $btc buy 0.02
rests submit $btc sell 0.05 --limit "$(at 900)"
curl -fsS -X PATCH -H "Authorization: Bearer $(cat "$d/token")" -H "Content-Type: application/json" \
    -d "{\"price\":\"$(at 800)\",\"why\":\"nearer\"}" "http://$address/api/v1/orders/$order" > said || fail "an order was not changed: $(cat said)"
places submit $btc buy 0.01 --stop "$(at 2)"
places submit $btc sell 0.01 --trail 2
places submit $btc buy 0.01 --take-profit "$(at -2)"
places bracket $btc buy 0.02 --limit "$(at 1)" --take-profit "$(at 4)" --stop-loss "$(at -4)"
rests submit $btc buy 0.01 --limit "$(at -900)" --time-in-force day
say orders cancel "$order"
say risk limit max_order_notional 1000 --scope strategy:market_maker --why "it trades too much"
sleep "$(( stretch / 4 ))"
say risk limit max_order_notional settings --scope strategy:market_maker --why "it does not"
ends
cp -r "$d" quiet

begin "${binance[@]}"
sleep "$(( stretch / 2 ))"
say strategies restart all_orders --why "once more"
say halt --cancel-all --why "to have a look"
sleep 1
say resume --why "all is well"
sleep "$(( stretch / 4 ))"
say reconcile
say flatten --strategy ema_cross --why "it loses"
expect "positions of who was flattened" "$(sql "$d" "select count(*) from current_positions where strategy_id = 'ema_cross'")" "0"
say strategies start ema_cross --why "it may again"
places bracket $btc sell 0.02 --take-profit "$(at -3)" --stop-loss "$(at 3)"
sleep "$(( stretch / 4 ))"
killed=$(date -u '+%F %T.%6N')
kill -9 "$pid"; wait "$pid" 2> /dev/null || true; pid=""

begin "${binance[@]}"
sleep "$(( stretch / 2 + 3 ))"
ends
market_ends

# What did not happen was not shown: `had WHAT MINIMUM VALUE…`.
counts=""
for of in order_type:orders strategy_id:orders contingency:orders event:order_events liquidity:trades what:actions; do
    counts+="${counts:+ union all }select '${of%:*}', ${of%:*}, count(*) from ${of#*:} group by all"
done
sql "$d" "$counts" > counts
had() {
    local what=$1 minimum=$2 value count; shift 2
    for value; do
        count=$(sed -n "s/^$what,$value,//p" counts)
        [ "${count:-0}" -ge "$minimum" ] || fail "${count:-0} of $what $value, expected $minimum at least"
    done
}
had order_type "$least" market limit stop stop_limit take_profit trailing_stop
had strategy_id "$least" all_orders market_maker ema_cross bollinger_reversion
had strategy_id 7 manual
had contingency "$least" oto oco
had event "$least" accepted triggered partially_filled filled canceled replaced rejected expired denied
had liquidity "$least" maker taker
had what 1 order.replace order.cancel order.bracket strategy.restart strategy.flatten reconcile
for part in 0 1 2; do
    later=${starts[$(( part + 1 ))]:-9999-12-31}
    read -r fills cancels < <(sql "$d" "select count(*) filter (event in ('filled', 'partially_filled')), count(*) filter (event = 'canceled')
        from order_events where timestamp >= timestamp '${starts[$part]}' and timestamp < timestamp '$later'" | tr , ' ')
    [ "$fills" -ge "$least" ] && [ "$cancels" -ge "$least" ] || fail "start $part has $fills fills and $cancels cancels, expected $least"
done

# Every row of what was decided, each with its table.
rows() {
    local query="" table
    for table in orders order_ids order_events trades positions balances portfolio_snapshots actions decisions ohlcv_bars; do
        query+="${query:+ union all }select '$table', x::varchar from $table x"
    done
    "$trader" sql --data-dir "$1" --format csv --max-rows 10000000 "$query order by all" | tail -n +2
}
# same_again SESSION AGAIN: the re-run gives the same rows; sets what it took over and what never was durable.
same_again() {
    "$trader" backtest --session "$1" --data-dir "$2" > rerun 2> rerun.err || fail "the re-run of $1: $(tail -3 rerun.err)"
    rows "$1" > one; rows "$2" > two
    cmp -s one two || { diff one two | head -6; fail "the rows of $1 come out otherwise"; }
    local counts; counts=$(cut -d, -f1 one | uniq -c | awk '{ printf "%s %s, ", $1, $2 }')
    taken_over=$(sed -n 's/^note *\([0-9]*\) ledger records were taken over.*/\1/p' rerun); taken_over=${taken_over:-0}
    never_durable=$(sed -n 's/^note *\([0-9]*\) decisions came out that.*/\1/p' rerun); never_durable=${never_durable:-0}
    echo "   $(basename "$1"): ${counts}the same; $taken_over records taken over, $never_durable never durable"
}
# With no kill nothing may be missing. That this would be seen: of a market journal without its end something is.
same_again quiet quiet-again
expect "what is missing of a session that was not killed" "$taken_over, $never_durable" "0, 0"
mkdir cut; cp -r quiet/ledger quiet/market cut/
journal=$(ls cut/market/*.journal | tail -1)
truncate -s $(( $(stat -c %s "$journal") * 2 / 3 )) "$journal"
same_again cut cut-again
[ "$taken_over" -gt 0 ] || fail "a re-run does not miss a third of a market journal"

same_again "$d" again
last_second=$(sql "$d" "with since as (select timestamp '$killed' - interval 1 second as since, timestamp '${starts[2]}' as until)
    select (select count(*) from order_events, since where timestamp between since and until) + (select count(*) from trades, since
    where reported_at between since and until) + (select count(*) from portfolio_snapshots, since where snapshot_time between since and until)")
[ "$last_second" -gt 0 ] || fail "it was killed when nothing happened"
[ $(( taken_over + never_durable )) -le "$last_second" ] \
    || fail "the kill cost $taken_over and $never_durable records; $last_second were decided in its last second"
for dir in "$d" again; do "$trader" doctor --data-dir "$dir" > doctor || fail "doctor on $dir: $(grep FINDING doctor)"; done
figures=$(sql "$d" "select (select count(*) from orders) || ' orders with ' || (select count(*) from order_events) || ' events and ' ||
    (select count(*) from trades) || ' fills, net ' || (select coalesce(sum(if(side = 'short', -quantity, quantity)), 0) from current_positions) || ' BTC'" | tr -d '"')
cost="the kill cost $(( taken_over + never_durable )) of $last_second records of its last second"

# The same on Alpaca's market, with its own steps and nine decimals.
export APCA_API_KEY_ID=id APCA_API_SECRET_KEY=secret
d="$work/alpaca"
market alpaca 0 BTC/USD
begin --set 'feeds.run=["alpaca_crypto"]' --set 'feeds.alpaca_crypto.symbols=["BTC/USD"]' --set account.currency=USD --set risk.stale_quote_after=30s \
    --set strategies.run.all_orders.parameters.distance=50000000 "${local_market[@]//feeds.alpaca./feeds.alpaca_crypto.}"
sleep "$(( stretch / 2 + 4 ))"
ends
market_ends
same_again alpaca alpaca-again
expect "what is missing of the session at Alpaca" "$taken_over, $never_durable" "0, 0"
fills=$(sql "$d" "select count(*) from trades")
[ "$fills" -ge "$least" ] || fail "$fills fills at Alpaca, expected $least"
echo "F6 ok: $figures come out again, over a stop and a kill; $cost; nothing is missing without one, nor of $fills fills at Alpaca"
