#!/usr/bin/env bash
# C7: streams and REST by TLS and through a proxy (HTTPS_PROXY), with a root that the system trusts (SSL_CERT_FILE); with a
# root that it does not trust nothing comes.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/support/market.sh"
command -v openssl > /dev/null || { echo "skipped: openssl is not there"; exit 0; }
cd "$work"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=merganser tests" -keyout ca.key -out ca.pem 2> /dev/null
openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" -keyout server.key -out server.csr 2> /dev/null
printf 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n' > server.ext
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext -out server.pem 2> /dev/null
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=another" -keyout other.key -out other.pem 2> /dev/null

market synthetic 3 30 200 1
address=$(head -1 "$work/market.out")
mkfifo tunnel.in
python3 "$here/support/tunnel.py" "$address" server.pem server.key < tunnel.in > tunnel.out 2> tunnel.err &
tunnel=$!
exec 8> tunnel.in
for _ in $(seq 1 600); do [ -s tunnel.out ] && break; sleep 0.1; done
read -r tls proxy < tunnel.out || fail "no tunnel: $(cat tunnel.err)"
feed=(--profile binance-paper --set "feeds.binance.stream_url=wss://localhost:$tls" --set "feeds.binance.rest_url=https://localhost:$tls")
export HTTPS_PROXY="http://127.0.0.1:$proxy"

SSL_CERT_FILE=$work/ca.pem "$merganser" run --for 10s --data-dir trusted "${feed[@]}" > /dev/null 2> trusted.err || fail "$(tail -3 trusted.err)"
ticks=$(sql trusted "select count(*) from market_ticks")
[ "$ticks" -gt 100 ] || fail "$ticks ticks by tls through the proxy: $(tail -3 trusted.err)"
depth=$(sql trusted "select coalesce(max(value), 0)::bigint from system_metrics where metric_name = 'feed_requests'")
[ "$depth" -gt 0 ] || fail "nothing was asked by REST"

SSL_CERT_FILE=$work/other.pem "$merganser" run --for 6s --data-dir strange "${feed[@]}" > /dev/null 2> strange.err || fail "$(tail -3 strange.err)"
strange=$(sql strange "select count(*) from market_ticks")
expect "ticks from a server that no trusted root vouches for" "$strange" "0"
exec 8>&-
wait "$tunnel"
market_ends
through=$(tail -1 tunnel.out)
[ "$through" -gt 1 ] || fail "$through connections went through the proxy"
echo "C7 ok: $ticks ticks by TLS through a proxy ($through connections), none from a server without a trusted root"
