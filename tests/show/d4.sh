#!/usr/bin/env bash
# D4: who may do what: tokens and scopes, cookies, origins, hosts, limits, addresses. Each refusal is tried, each grant too.
# No token, and no hash's secret, stands in logs, tables, answers, `config show` or the OpenAPI page.
. "$(dirname "$0")/common.sh"
cd "$work"
trap '[ -z "${pid:-}" ] || kill -9 "$pid" 2> /dev/null || true; rm -rf "$work"' EXIT
for scope in read trade admin; do
    "$merganser" config token "$scope-er" --scope "$scope" > "$scope" 2> lines || fail "$(cat lines)"
    sed -n '/^\[\[/,$p' lines >> settings.toml
done
tries=0
start() { # further arguments
    rm -f running
    "$merganser" run --data-dir data --config settings.toml "$@" > running 2>&1 & pid=$!
    until grep -q "merganser runs on" running 2> /dev/null; do sleep 0.05; kill -0 "$pid" 2> /dev/null || fail "$(cat running)"; done
    base=$(sed -n 's,.*health at \(.*\)/health;.*,\1,p' running); host=${base#*://}
    until "$merganser" sql --data-dir data "SELECT 1" > out 2> err; do sleep 0.1; kill -0 "$pid" || fail "$(cat running err)"; done
}
ends() { kill -INT "$pid"; wait "$pid" || fail "$(tail -5 running)"; pid=; }
# try EXPECTED-STATUS METHOD PATH [curl arguments]: the status, and that a refusal is a problem document.
try() {
    local expected=$1 method=$2 path=$3; shift 3
    # Who is refused while it still sends may see the connection end before the answer: it asks once more.
    local got ask=(curl -sk -o body -D head -w '%{http_code}' -X "$method" "$@" "$base$path")
    got=$("${ask[@]}") || got=$("${ask[@]}") || got="$got, no answer"
    [ "$got" = "$expected" ] || fail "$method $path $*: $got instead of $expected: $(head -c 400 body)"
    if [ "$got" -ge 400 ] && [ "$path" != /health ]; then
        grep -qi '^content-type: application/problem+json' head || fail "$method $path: no problem document: $(cat head)"
        python3 -c "import json; p = json.load(open('body')); assert p['status'] == $got and p['code'] and p['detail'], p" || fail "$method $path: $(cat body)"
    fi
    cat head body >> answers
    tries=$(( tries + 1 ))
}
as() { echo "Authorization: Bearer $(cat "$1")"; }
json="Content-Type: application/json"
start
order='{"instrument":"simulated:SIMBTC","side":"buy","order_type":"limit","quantity":"0.01","price":"1"}'

# Scopes: each token, each kind of thing.
for who in read trade admin; do
    try 200 GET /api/v1/status -H "$(as $who)"
    try 200 GET /api/v1/session -H "$(as $who)"
    try 200 POST /api/v1/sql -H "$(as $who)" -H "$json" -d '{"query":"select 1"}'
done
for path in orders orders/preview trading flatten reconcile strategies/ema_cross/stop feeds/x/symbols; do
    try 403 POST "/api/v1/$path" -H "$(as read)" -H "$json" -d '{}'
done
try 403 DELETE /api/v1/orders -H "$(as read)"
try 403 POST /api/v1/archive/run -H "$(as trade)" -H "$json" -d '{}'
try 403 POST /api/v1/backup -H "$(as trade)" -H "$json" -d '{"to":"b"}'
try 201 POST /api/v1/orders -H "$(as trade)" -H "$json" -H "Idempotency-Key: k" -d "$order"
try 200 POST /api/v1/orders -H "$(as trade)" -H "$json" -H "Idempotency-Key: k" -d "$order"
try 422 POST /api/v1/orders -H "$(as trade)" -H "$json" -H "Idempotency-Key: k" -d "${order/buy/sell}"
try 200 POST /api/v1/archive/run -H "$(as admin)" -H "$json" -d '{}'
range='{"table":"market_ticks","from":"2025-01-01","to":"2025-01-08"}'
try 403 POST /api/v1/archive/restores -H "$(as trade)" -H "$json" -d "$range"
try 200 POST /api/v1/archive/restores -H "$(as admin)" -H "$json" -d "$range"
try 200 GET "/api/v1/bars?instrument=simulated:SIMBTC&from=2025-01-01&to=2025-01-08%2012:00:00" -H "$(as read)"
try 400 GET "/api/v1/bars?instrument=simulated:SIMBTC&from=yesterday" -H "$(as read)"
# Nobody, and who is wrong.
for path in status orders quotes openapi.json logs metrics-of-nobody; do
    expected=401; [ $path != metrics-of-nobody ] || expected=404
    try $expected GET "/api/v1/$path"
done
try 401 GET /api/v1/status -H "Authorization: Bearer wrong"
try 401 GET /api/v1/status -H "Authorization: Basic $(cat admin)"
try 401 GET /api/v1/status -H "Authorization: Bearer $(head -c 60 admin)"
try 200 GET /health
try 200 GET /ready

# A browser: a cookie that no script reads, used from our own page alone.
try 401 POST /api/v1/session -H "$json" -d '{"token":"wrong"}'
try 200 POST /api/v1/session -H "$json" -d "{\"token\":\"$(cat trade)\"}"
cookie=$(sed -n 's/^[Ss]et-[Cc]ookie: \(merganser_session=[^;]*\).*/\1/p' head)
grep -qi 'set-cookie:.*HttpOnly' head && grep -qi 'set-cookie:.*SameSite=Strict' head || fail "the cookie: $(cat head)"
try 200 GET /api/v1/status -b "$cookie"
try 403 DELETE /api/v1/orders -b "$cookie"
try 403 DELETE /api/v1/orders -b "$cookie" -H "Origin: http://$host"
try 403 DELETE /api/v1/orders -b "$cookie" -H "X-Merganser: 1"
try 403 DELETE /api/v1/orders -b "$cookie" -H "X-Merganser: 1" -H "Origin: http://evil.example"
try 202 DELETE /api/v1/orders -b "$cookie" -H "X-Merganser: 1" -H "Origin: http://$host"
try 403 POST /api/v1/backup -b "$cookie" -H "X-Merganser: 1" -H "Origin: http://$host" -H "$json" -d '{"to":"b"}'
try 204 DELETE /api/v1/session -b "$cookie" -H "X-Merganser: 1" -H "Origin: http://$host"
try 401 GET /api/v1/status -b "$cookie"
# The stream: by a token, by a cookie from our page, by no other.
socket=(-H "Connection: Upgrade" -H "Upgrade: websocket" -H "Sec-WebSocket-Version: 13" -H "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==" )
# A stream that is open ends with the time that curl has for it; on a busy machine the first second may be too short.
opens() {
    local got limit
    for limit in 1 5 30; do
        got=$(curl -s -o /dev/null -w '%{http_code}' "${socket[@]}" --max-time "$limit" "${@:2}" "$base/api/v1/stream" || true)
        [ "$got" = 000 ] || break
    done
    expect "the stream $*" "$got" "$1"; tries=$(( tries + 1 ))
}
opens 401
opens 101 -H "$(as read)"
opens 101 -H "$(as read)" -H "Origin: http://$host"
opens 403 -H "$(as read)" -H "Origin: http://evil.example"
try 200 POST /api/v1/session -H "$json" -d "{\"token\":\"$(cat read)\"}"
cookie=$(sed -n 's/^[Ss]et-[Cc]ookie: \(merganser_session=[^;]*\).*/\1/p' head)
opens 403 -b "$cookie"
opens 403 -b "$cookie" -H "Origin: https://$host.evil.example"
opens 403 -b "$cookie" -H "Origin: https://$host"
opens 101 -b "$cookie" -H "Origin: http://$host"

# Hosts, bodies, methods, limits, headers.
try 421 GET /api/v1/status -H "$(as read)" -H "Host: evil.example"
try 421 GET / -H "Host: evil.example:${host##*:}"
head -c 2000000 /dev/zero | tr '\0' 'x' > large
try 413 POST /api/v1/sql -H "$(as read)" -H "$json" --data-binary @large
try 405 PUT /api/v1/orders -H "$(as admin)"
try 404 GET /api/v1/nothing -H "$(as read)"
try 200 GET /api/v1/status -H "$(as read)"
for header in content-security-policy x-content-type-options x-frame-options referrer-policy cross-origin-opener-policy; do
    grep -qi "^$header:" head || fail "no $header: $(cat head)"
done
grep -qi '^cache-control: no-store' head || fail "an answer may be kept: $(cat head)"
# Turns come back one by one: the last of these may have got one.
for _ in 1 2 3 4 5; do
    curl -s -o /dev/null -H "Authorization: Bearer wrong" "$base/api/v1/status?[1-40]" || true
    got=$(curl -s -o body -D head -w '%{http_code}' -H "Authorization: Bearer wrong" "$base/api/v1/status") || got="no answer"
    [ "$got" != 429 ] || break
done
expect "too many wrong tokens" "$got" 429; tries=$(( tries + 1 ))
grep -qi '^content-type: application/problem+json' head || fail "$(cat head)"
cat head body >> answers
try 200 GET /api/v1/status -H "$(as read)"
curl -sk -H "$(as admin)" "$base/api/v1/openapi.json" "$base/api/docs/" "$base/api/v1/logs?limit=1000" "$base/api/v1/trading" "$base/api/v1/feeds" >> answers
# Who did it and why stands in the ledger.
who=$(sql data "select string_agg(w, ', ' order by w) from (select distinct \"by\" || ' ' || what as w from actions where what like 'order.%' or what like 'archive.%')")
who=${who//\"/}
expect "who did what" "$who" "admin-er archive.restore, admin-er archive.run, trade-er order.cancel_all, trade-er order.submit"
cp running logs; ends
start --set http.requests_per_second=5
codes=$(curl -s -o /dev/null -w '%{http_code}\n' "$base/health?[1-100]" | sort -u) || true
grep -qx 429 <<< "$codes" || fail "beyond the limit: $codes"
sleep 2; got=$(curl -s -o /dev/null -w '%{http_code}' "$base/health"); expect "a moment later" "$got" 200
cat running >> logs; ends

# TLS of our own, and addresses that need it.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost 2> /dev/null
start --set http.tls_certificate="$work/cert.pem" --set http.tls_key="$work/key.pem"
[ "${base%%:*}" = https ] || fail "no TLS: $base"
try 200 GET /api/v1/status -H "$(as read)"
try 200 POST /api/v1/session -H "$json" -d "{\"token\":\"$(cat read)\"}"
grep -qi 'set-cookie:.*Secure' head && grep -qi '^strict-transport-security:' head || fail "over TLS: $(cat head)"
"$merganser" status --data-dir data > /dev/null || fail "the command line does not reach it"
cat running >> logs; ends
refuses() { # WORDS, arguments of config check
    local words=$1; shift
    ! "$merganser" config check "$@" > out 2>&1 || fail "not refused: $*"
    grep -q "$words" out || fail "$(cat out)"
    tries=$(( tries + 1 ))
}
refuses "needs a token" --set http.address=0.0.0.0:8080
refuses "needs http.tls_certificate" --config settings.toml --set http.address=0.0.0.0:8080
refuses "give both, or none" --set http.tls_key=key.pem
refuses "is not an address" --set http.address=localhost
refuses "not 64 digits" --set 'http.tokens=[{name="a",scope="read",hash="x"}]'
"$merganser" config check --config settings.toml --set http.address=0.0.0.0:8080 --set http.behind_proxy=true > /dev/null || fail "behind a proxy"

# Secrets.
"$merganser" config show --config settings.toml > shown
"$merganser" sql --data-dir data --format csv "select * from application_logs" > tables
"$merganser" sql --data-dir data --format csv "select * from actions" >> tables
grep -v "^[Ss]et-[Cc]ookie" answers > answered
for secret in read trade admin; do
    for file in shown tables answered logs; do
        ! grep -qF "$(cat $secret)" $file || fail "the token of $secret stands in $file"
    done
done
[ "$(stat -c %a data/token 2> /dev/null || echo 600)" = 600 ] || fail "the token of the run can be read by others"
echo "D4 ok: $tries requests and settings, each refused or granted as it must be; no secret in $(cat shown tables answered logs | wc -c) bytes of settings, tables, answers and logs"
