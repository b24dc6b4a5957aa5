#!/usr/bin/env bash
# D5: every metric that the Grafana board and the alert rules name is exported by a running instance; a correlation id that
# stands in a log line leads to its order, its events, fills, positions and ticks by SQL; an alert is opened, delivered to a
# webhook, acknowledged, and stands in the ledger.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/support/market.sh"
command -v curl > /dev/null || { echo "skipped: curl is not there"; exit 0; }
d="$work/d"

# A webhook that writes down what it hears.
python3 - "$work/hook.port" "$work/hook.heard" <<'PY' &
import http.server, sys
class Hook(http.server.BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        with open(sys.argv[2], "ab") as heard:
            heard.write(f"{self.command} {self.path} ".encode() + body + b"\n")
        self.send_response(204)
        self.end_headers()
    do_POST = do_GET = answer
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
with open(sys.argv[1] + ".new", "w") as port: port.write(str(server.server_port))
import os; os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
PY
hook=$!
run=""
ends() { kill "$hook" 2> /dev/null || true; [ -z "$run" ] || kill "$run" 2> /dev/null || true; exec 7>&- || true; rm -rf "$work"; }
trap ends EXIT
for _ in $(seq 1 600); do [ -s "$work/hook.port" ] && break; sleep 0.1; done
url="http://127.0.0.1:$(cat "$work/hook.port")"

# Starts it in a data directory and finds out where it is.
begin() {
    local dir="$1"; shift
    # What an earlier run said must not be taken for this one's.
    : > "$work/err"
    "$merganser" run --data-dir "$dir" --set telemetry.every=1s "$@" > "$work/out" 2> "$work/err" &
    run=$!
    address=""
    for _ in $(seq 1 600); do
        address=$(sed -n 's|.*http://\([0-9.:]*\)/.*|\1|p' "$work/err" | head -1)
        [ -n "$address" ] && break
        kill -0 "$run" 2> /dev/null || fail "it does not run: $(tail -3 "$work/err")"
        sleep 0.1
    done
    [ -n "$address" ] || fail "it does not say where it is: $(tail -3 "$work/err")"
    token=$(cat "$dir/token")
}
stop() {
    kill -TERM "$run"
    wait "$run" || fail "it did not stop in order: $(tail -3 "$work/err")"
    run=""
}
# No disk has so much room: that alert is opened at once.
alerts=(--set "alerts.webhook_url=\"$url/T0-secret-path\""
    --set 'alerts.rules.disk_space={limit=1000000000000,clear=1000000000000,for="0s"}')
begin "$d" "${alerts[@]}" --set "alerts.heartbeat_url=\"$url/beat\"" --set alerts.heartbeat_every=1s
ask() { curl -sS --max-time 20 -H "Authorization: Bearer $token" "$@"; }
query() { "$merganser" sql --data-dir "$d" --format csv "$1" | tail -n +2; }

# 1. Metrics: those of live feeds come from a second run, on a venue's data server; for those of PostgreSQL e3.sh asks.
until query "select 1" > "$work/open" 2>&1; do sleep 0.1; kill -0 "$run" || fail "$(cat "$work/open")"; done
"$merganser" archive run --data-dir "$d" > "$work/archive" || fail "$(cat "$work/archive")"
named=$(grep -oh 'merganser_[a-z0-9_]*' "$root/docs/operations/grafana-dashboard.json" "$root/docs/operations/prometheus-alerts.yml" | grep -v '^merganser_postgres_' | sort -u)
of_feeds=$(grep -E '^merganser_(feed|clock)_' <<< "$named")
exports() {
    local wanted="$1" missing=""
    for _ in $(seq 1 90); do
        ask "http://$address/metrics" > "$work/metrics"
        missing=$(comm -23 <(echo "$wanted") <(grep -o '^merganser_[a-z0-9_]*' "$work/metrics" | sort -u))
        [ -z "$missing" ] && break
        sleep 1
    done
    [ -z "$missing" ] || fail "named by the board or the rules and not exported: $missing"
    local twice; twice=$(grep -v '^#' "$work/metrics" | sed 's/ [^ ]*$//' | sort | uniq -d)
    [ -z "$twice" ] || fail "series that stand twice: $twice"
    if command -v promtool > /dev/null; then promtool check metrics < "$work/metrics" || fail "promtool does not like the metrics"; fi
}
exports "$(comm -23 <(echo "$named") <(echo "$of_feeds"))"
count=$(wc -l <<< "$named")
series=$(grep -cv '^#' "$work/metrics")
expect "the answer to who shows no token" "$(curl -s -o /dev/null -w '%{http_code}' "http://$address/metrics")" "401"

# 2. From a log line to the order, its events, fills, positions, and the tick before it.
id=""
for _ in $(seq 1 60); do
    id=$(query "select correlation_id from application_logs where event = 'order_filled' order by log_id limit 1")
    [ -n "$id" ] && break
    sleep 1
done
[ -n "$id" ] || fail "no line about a fill has a correlation id"
of() { query "select count(*) from $1 where correlation_id = '$id'"; }
for _ in $(seq 1 60); do [ "$(of positions)" -gt 0 ] && break; sleep 0.5; done
orders=$(of orders) events=$(of order_events) fills=$(of trades) positions=$(of positions) lines=$(of application_logs)
for found in "$orders" "$events" "$fills" "$positions"; do
    [ "$found" -gt 0 ] || fail "$id leads to $orders orders, $events events, $fills fills, $positions positions"
done
[ "$lines" -ge 2 ] || fail "only $lines lines carry $id"
ticks=$(query "select count(*), bool_and(t.\"timestamp\" <= o.created_at + interval 1 second) from orders o
    join decisions d on d.as_of = o.as_of
    join market_ticks t on t.exchange = o.exchange and t.symbol = o.symbol and t.tick_id <= d.market_to
    where o.correlation_id = '$id'")
case "$ticks" in
    0,*) fail "no tick leads to the order of $id" ;;
    *,true) ;;
    *) fail "ticks from after the order: $ticks" ;;
esac

# 3. An alert: open, posted, acknowledged, in the ledger.
alert=""
for _ in $(seq 1 60); do
    alert=$(ask "http://$address/api/v1/alerts" | grep -o 'disk_space\.data\.[0-9]*' | head -1)
    [ -n "$alert" ] && break
    sleep 0.5
done
[ -n "$alert" ] || fail "the alert was not opened: $(ask "http://$address/api/v1/alerts")"
for _ in $(seq 1 60); do grep -q "POST /T0-secret-path .*$alert" "$work/hook.heard" 2> /dev/null && break; sleep 0.5; done
grep -q "POST /T0-secret-path .*\"event\":\"opened\".*$alert" "$work/hook.heard" || fail "the webhook heard $(cat "$work/hook.heard")"
grep -q "GET /beat" "$work/hook.heard" || fail "there was no heartbeat"
ask -X POST -H 'Content-Type: application/json' -d '{"why": "it is meant to"}' "http://$address/api/v1/alerts/$alert/acknowledge" > "$work/seen"
grep -q '"why":"it is meant to"' "$work/seen" || fail "it was not acknowledged: $(cat "$work/seen")"
for _ in $(seq 1 40); do
    actions=$(query "select string_agg(what, ' ' order by ledger_seq) from actions where subject = '$alert'")
    [ "$actions" = "alert.opened alert.seen alert.acknowledged" ] && break
    sleep 0.5
done
expect "what the ledger says of the alert" "$actions" "alert.opened alert.seen alert.acknowledged"

stop
# A restart goes on with what was open and seen, and tells nobody again.
told=$(grep -c "POST /T0-secret-path .*$alert" "$work/hook.heard")
"$merganser" run --for 8s --data-dir "$d" --set telemetry.every=1s "${alerts[@]}" > "$work/out" 2> "$work/err" || fail "$(tail -3 "$work/err")"
expect "messages about the alert" "$(grep -c "POST /T0-secret-path .*disk_space" "$work/hook.heard")" "$told"
expect "times that it was opened" "$(query "select count(*) from actions where what = 'alert.opened' and subject like 'disk_space.%'")" "1"

# The secret path stands nowhere.
MERGANSER__ALERTS__WEBHOOK_URL="$url/T0-secret-path" "$merganser" config show > "$work/shown"
for place in "$work/shown" "$work/out" "$work/err" "$d/ledger"; do
    grep -rq "T0-secret-path" "$place" && fail "$place holds the webhook's secret"
done
expect "log lines with the secret" "$(query "select count(*) from application_logs where message like '%T0-secret%' or \"data\"::varchar like '%T0-secret%'")" "0"

# 4. A live feed's metrics, as said above.
market synthetic 3 60 200 1
begin "$work/live" --profile binance-paper "${local_market[@]}"
exports "$of_feeds"
stop
market_ends
echo "D5 ok: $count metrics of board and rules are among $series series; $id leads to $orders order, $events events, $fills fills, $positions positions and ${ticks%,*} ticks; alert $alert opened, posted, acknowledged, and remembered over a restart"
