#!/usr/bin/env bash
# B10: what ends, and what is bounded, on a running instance. SIGTERM ends trading at once and the process soon, while the
# object store is silent; long SQL leaves the others their turn; a client that is gone is not computed for; commands find
# the instance from another folder; flags that would do nothing are refused.
. "$(dirname "$0")/common.sh"
cd "$work"
trap 'for p in ${pid:-} ${store:-} ${held[@]:-}; do kill -9 "$p" 2> /dev/null || true; done; rm -rf "$work"' EXIT
now() { date +%s%3N; }
export AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b
python3 - > port <<'PY' & store=$!
import socket
server = socket.socket(); server.bind(("127.0.0.1", 0)); server.listen(50)
print(server.getsockname()[1], flush=True)
kept = []
while True:
    kept.append(server.accept())
PY
until [ -s port ]; do sleep 0.05; done
silent=(--set tiers.cold.url=s3://x/y --set "tiers.cold.endpoint=http://127.0.0.1:$(cat port)")
: > running
"$merganser" run --data-dir data "${silent[@]}" > running 2>&1 & pid=$!
until grep -q "merganser runs on" running; do sleep 0.05; kill -0 "$pid" || fail "$(cat running)"; done
until "$merganser" sql --data-dir data "SELECT 1" > out 2> err; do sleep 0.1; kill -0 "$pid" || fail "$(cat running err)"; done
address=$(sed -n 's,.*http://\([^/]*\)/health.*,\1,p' running)

# From another folder, though --data-dir was given as a relative path.
(cd / && "$merganser" sql --data-dir "$work/data" "SELECT 1") > out 2>&1 || fail "from another folder: $(cat out)"

# Long SQL holds what it may hold; a question of another kind is answered beside it.
bomb="WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t"
held=()
for _ in 1 2 3; do "$merganser" sql --data-dir data --timeout 100s "$bomb" > /dev/null 2>&1 & held+=($!); done
sleep 2
began=$(now)
"$merganser" history orders --limit 5 --data-dir data > out 2>&1 || fail "beside long SQL: $(cat out)"
took=$(( $(now) - began )); [ "$took" -lt 50000 ] || fail "beside long SQL a question took $took ms"
# Who asked is gone: the turn is free long before the 100 s are over.
disown "${held[@]}"; kill -9 "${held[@]}"
began=$(now)
"$merganser" sql --data-dir data "SELECT 1" > out 2>&1 || fail "after clients that have gone: $(cat out)"
took=$(( $(now) - began )); [ "$took" -lt 50000 ] || fail "after clients that have gone SQL took $took ms"

refused() { local got=0; "$merganser" "$@" --data-dir data > out 2> err || got=$?; expect "the exit of $*" "$got" 2; }
refused history equity --strategy x
refused history positions --limit 5
refused history ticks --symbol simulated:SIM-A --account paper
refused history orders --from 2026-02-01 --to 2026-01-01
refused history orders --limit 4000000000
refused sql "SELECT 1" --from 2026-02-01 --to 2026-01-01
refused archive run --table nosuch
refused archive restore --table nosuch --from 2026-01-01 --to 2026-02-01
"$merganser" history orders --limit 1 --explain --format json --data-dir data > out
python3 -c 'import json; a = json.load(open("out")); assert a["is_cut"] in (True, False) and a["complete_to"] > 0 and "rows" in a, a'
"$merganser" history orders --limit 1 --explain --data-dir data > out 2>&1
grep -q "complete to record .* of the ledger; cut: " out || fail "--explain says too little: $(cat out)"

# The archive waits for a store that does not answer; a stop waits for neither.
"$merganser" archive run --data-dir data > archived 2>&1 & run=$!
sleep 3
began=$(now); stopped_at=$(date -u "+%Y-%m-%d %H:%M:%S.%6N")
kill -TERM "$pid"; wait "$pid" || fail "SIGTERM did not stop it in order: $(cat running)"; pid=
took=$(( $(now) - began )); [ "$took" -lt 30000 ] || fail "the stop took $took ms"
wait "$run" || true
later="$("$merganser" sql --data-dir data --format csv "SELECT count(*) FROM orders WHERE created_at > TIMESTAMP '$stopped_at' + INTERVAL 10 SECOND" | tail -1)"
expect "orders that were made after the stop" "$later" 0
echo "B10 ok: it ended $took ms after SIGTERM while the store was silent"
