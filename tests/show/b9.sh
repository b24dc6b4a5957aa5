#!/usr/bin/env bash
# B9: backups of a running directory: twice while it trades and the archive moves days; the second sends only what is
# new. Killed; restored; every table as the journals of the backup say, and as it was at a point in time; doctor is content.
. "$(dirname "$0")/common.sh"
. "$here/support/s3.sh"
d="$work/d"; to="$work/backups"
keep=(--set tiers.market_ticks.warm=forever --set http.address=127.0.0.1:0)
# Two days of history that the archive brings into local files.
python3 - > "$work/a.csv" <<'PY'
print("timestamp,symbol,price,size,side")
for n in range(20000):
    s = n * 4
    print(f"2024-08-{8 + n % 2:02d}T{s//3600%24:02d}:{s//60%60:02d}:{s%60:02d}.{n%1000:03d}Z,{('BTCUSDT','ETHUSDT')[n//2%2]},{100+n%50}.25,0.{n%9+1},buy")
PY
"$merganser" import --format csv --input "$work/a.csv" --data-dir "$d" > /dev/null
"$merganser" run --data-dir "$d" "${keep[@]}" > "$work/out" 2> "$work/err" &
pid=$!
trap '{ kill -9 $pid; s3_stop; } 2> /dev/null || true; rm -rf "$work"' EXIT
# Market records that the tables are behind the journal, and open orders.
health() { python3 -c 'import json,sys,urllib.request
owner = json.load(open(sys.argv[1]))
said = json.load(urllib.request.urlopen("http://%s/health" % owner["address"]))
print(max(0, said["market_durable"] - said["market_in_tables"]), said["open_orders"])' "$d/merganser.lock"; }
until grep -q "merganser runs on" "$work/out" "$work/err"; do sleep 0.05; kill -0 $pid || fail "$(cat "$work/err")"; done
sleep 6
"$merganser" archive run --data-dir "$d" --table market_ticks "${keep[@]}" > "$work/archived"
sleep 4
began=$(date +%s%N)
"$merganser" backup create --data-dir "$d" --to "$to" --json > "$work/first"
took=$(( ($(date +%s%N) - began) / 1000000 ))
sleep 2
at=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)
sleep 2
"$merganser" backup create --data-dir "$d" --to "$to" --json > "$work/second"
read -r lag orders < <(health)
kill -9 $pid; wait $pid 2> /dev/null || true
field() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"; }
id=$(field "$work/second" id)
"$merganser" backup list --from "$to"
"$merganser" backup verify --from "$to" | tee "$work/verified"
grep -q "^2 backups, .* 0 findings" "$work/verified" || fail "verify: $(cat "$work/verified")"
# What was sealed at the first is in the second, and was not sent again.
read -r there new sent < <(python3 - "$to/backups/$(field "$work/first" id).json" "$to/backups/$id.json" <<'PY'
import json, sys
first, second = (json.load(open(path)) for path in sys.argv[1:])
had = {f["hash"] for f in first["files"]}
again = [f for f in second["files"] if f["hash"] in had]
assert {f["path"] for f in first["files"] if f["path"].startswith("warm/")} <= {f["path"] for f in again}
print(len(again), len(second["files"]) - len(again), second["sent"][0])
PY
)
expect "objects that the second sent" "$sent" "$new"
warm=$(find "$d/warm" -name '*.parquet' | wc -l)
expect "warm files" "$warm" "4"

# Every table of a directory: its rows and their hash. What only the snapshot has (telemetry) is compared apart.
tables="market_ticks ohlcv_bars orders order_events trades positions balances portfolio_snapshots instruments feed_gaps order_ids strategy_state actions undecodable_frames"
rows() { # directory
    local query=""
    for table in $tables; do query+="${query:+ union all }select '$table' t, count(*) n, bit_xor(hash(x)) h from $table x"; done
    "$merganser" sql --data-dir "$1" "${keep[@]}" --format csv "$query order by 1"
}
r="$work/restored"
began=$(date +%s%N)
"$merganser" backup restore --from "$to" --backup "$id" --data-dir "$r" "${keep[@]}"
back=$(( ($(date +%s%N) - began) / 1000000 ))
rows "$r" > "$work/found"

# The same from nothing but the original's journals, ended at two records.
built() { # directory, ledger record, market record
    mkdir "$1"; cp -r "$d/ledger" "$d/market" "$1"; rm -f "$1/ledger/checkpoint" "$1/ledger/ledger.lock"
    python3 - "$@" <<'PY'
import glob, os, struct, sys
root, *ends = sys.argv[1:]
for log, end in zip(("ledger", "market"), map(int, ends)):
    for path in sorted(glob.glob(f"{root}/{log}/*.journal"), reverse=True):
        if int(os.path.basename(path).split(".")[0]) > end:
            os.remove(path)
            continue
        data, at = open(path, "rb").read(), 24
        while at < len(data):
            size, first, records = struct.unpack_from("<IQI", data, at + 4)
            if first + records - 1 > end:
                break
            at += 28 + size
        os.truncate(path, at)
        break
PY
}
built "$work/cut" "$(field "$work/second" ledger)" "$(field "$work/second" market)"
rows "$work/cut" > "$work/expected"
diff "$work/expected" "$work/found" || fail "the restored tables are not those of the journals"
for table in market_ticks ohlcv_bars orders trades positions balances; do
    n=$(grep "^$table," "$work/found" | cut -d, -f2); [ "$n" -ge 10 ] || fail "$table has $n rows"
done
for table in system_metrics application_logs; do
    lost=$("$merganser" sql --data-dir "$r" "${keep[@]}" --format csv "select count(*) from $table" | tail -1)
    [ "$table" != system_metrics ] || [ "$lost" -ge 1 ] || fail "$table has no rows"
done
"$merganser" doctor --data-dir "$r" "${keep[@]}" > "$work/doctor" || fail "doctor: $(grep FINDING "$work/doctor")"

# A point in time between the two.
p="$work/point"
"$merganser" backup restore --from "$to" --at "$at" --data-dir "$p" "${keep[@]}" --json > "$work/point.json"
expect "the tables' backup" "$(field "$work/point.json" tables)" "$(field "$work/first" id)"
expect "the journals' backup" "$(field "$work/point.json" journals)" "$id"
built "$work/then" "$(field "$work/point.json" ledger)" "$(field "$work/point.json" market)"
rows "$p" > "$work/found"; rows "$work/then" > "$work/expected"
diff "$work/expected" "$work/found" || fail "the tables at $at are not those of the journals"
when="timestamp '${at:0:10} ${at:11:15}'"
for pair in market_ticks:ingestion_time order_events:timestamp trades:reported_at actions:timestamp portfolio_snapshots:snapshot_time; do
    ask="select count(*) filter (${pair#*:} > $when), max(${pair#*:}) > $when - interval 2 second from ${pair%:*}"
    found=$("$merganser" sql --data-dir "$p" "${keep[@]}" --format csv "$ask" | tail -1)
    expect "${pair%:*} after $at" "${found%,*}" "0"
    [ "${pair%:*}" != market_ticks ] || expect "ticks up to $at" "${found#*,}" "true"
done
"$merganser" doctor --data-dir "$p" "${keep[@]}" > "$work/doctor" || fail "doctor at the point: $(grep FINDING "$work/doctor")"

# It goes on from there, and uses no client order id again.
"$merganser" run --for 10s --data-dir "$p" "${keep[@]}" > /dev/null 2> "$work/err" || fail "the restored directory does not run: $(cat "$work/err")"
"$merganser" doctor --data-dir "$p" "${keep[@]}" > "$work/doctor" || fail "doctor after it ran: $(grep FINDING "$work/doctor")"
ids() { "$merganser" sql --data-dir "$1" "${keep[@]}" --format csv "select client_order_id from orders $2" | tail -n +2 | sort; }
ids "$p" "where created_at > $when" > "$work/new"; ids "$d" "" > "$work/old"
[ -s "$work/new" ] || fail "the restored directory has made no orders"
expect "client order ids used again" "$(comm -12 "$work/new" "$work/old" | wc -l)" "0"

# What is damaged is found, and not restored.
object=$(python3 -c 'import json,sys; print([f["hash"] for f in json.load(open(sys.argv[1]))["files"] if f["path"] == "trading.duckdb"][0])' "$to/backups/$id.json")
printf 'X' | dd of="$to/objects/$object" bs=1 seek=5000 conv=notrunc 2> /dev/null
if "$merganser" backup verify --from "$to" > "$work/verified"; then fail "verify does not see a damaged object"; fi
grep FINDING "$work/verified" | cut -c1-160
if "$merganser" backup restore --from "$to" --data-dir "$work/no" "${keep[@]}" > /dev/null 2> "$work/err"; then fail "a damaged backup was restored"; fi
grep -h "is not what was put there" "$work/err" | cut -c1-160
expect "what a refused restore leaves" "$(find "$work/no" -type f | wc -l)" "0"

# A stopped directory: cold files in its own folder are in the backup, and come back.
e="$work/e"
"$merganser" import --format csv --input "$work/a.csv" --data-dir "$e" > /dev/null
"$merganser" archive run --data-dir "$e" > /dev/null
cold() { "$merganser" sql --data-dir "$1" "${@:2}" --format csv --from 2024-08-01 --to 2024-09-01 "select symbol, count(*), sum(last_price), bit_xor(hash(t)) from market_ticks t group by 1 order by 1" | tail -2; }
"$merganser" backup create --data-dir "$e" --to "$work/backups-of-e" > /dev/null
"$merganser" backup restore --from "$work/backups-of-e" --data-dir "$work/cold" > "$work/out"
grep -q "cold files stand in $work/cold/cold" "$work/out" || fail "$(cat "$work/out")"
expect "cold rows" "$(cold "$work/cold")" "$(cold "$e")"
"$merganser" doctor --data-dir "$work/cold" > "$work/doctor" || fail "doctor with cold files: $(grep FINDING "$work/doctor")"

# Into a bucket, with the cold store in another: named, not copied.
s3=" (no S3 server here)"
if s3_start "$work/s3"; then
    eval "$(s3_env "$s3_url")"
    store=(--set "tiers.cold.url=s3://$s3_bucket/cold-$$")
    "$merganser" import --format csv --input "$work/a.csv" --data-dir "$work/f" > /dev/null
    "$merganser" archive run --data-dir "$work/f" "${store[@]}" > /dev/null
    bucket="s3://$s3_bucket/backups-$$"
    for n in 1 2; do "$merganser" backup create --data-dir "$work/f" --to "$bucket" "${store[@]}" --json > "$work/in-s3"; done
    "$merganser" backup verify --from "$bucket" "${store[@]}" > "$work/verified" || fail "$(cat "$work/verified")"
    grep -q "stand in s3://$s3_bucket/cold-$$ .*were not copied" "$work/verified" || fail "$(cat "$work/verified")"
    "$merganser" backup restore --from "$bucket" --data-dir "$work/g" "${store[@]}" > "$work/out"
    grep -q "belongs to the directory that was backed up" "$work/out" || fail "$(cat "$work/out")"
    expect "rows in the store" "$(cold "$work/g" "${store[@]}")" "$(cold "$e")"
    "$merganser" doctor --data-dir "$work/g" "${store[@]}" > "$work/doctor" || fail "doctor beside a store: $(grep FINDING "$work/doctor")"
    s3=", S3 too"
fi
echo "B9 ok: $(field "$work/first" bytes) bytes, then $(field "$work/second" new_bytes) new of $(field "$work/second" bytes) ($there files were there, $new sent); created in $took ms while trading ($lag market records behind then, $orders open orders), restored in $back ms; tables equal at the end and at $at; doctor content; no id used again; cold files$s3"
