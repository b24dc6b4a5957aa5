#!/usr/bin/env bash
# B4: a real S3 server: the whole walk; server down, wrong secret, corrupted object, missing object, a second writer; then
# archived classes against moto.
. "$(dirname "$0")/common.sh"
. "$here/support/s3.sh"
trap '{ s3_stop; moto_stop; } 2> /dev/null || true; rm -rf "$work"' EXIT
s3_start "$work/s3" || fail "no S3 server can be started"
eval "$(s3_env "$s3_url")"
python3 - > "$work/a.csv" <<'PY'
print("timestamp,symbol,price,size,side")
for n in range(6000):
    s = n * 14
    print(f"2024-08-{8 + n % 2:02d}T{s//3600%24:02d}:{s//60%60:02d}:{s%60:02d}.{n%1000:03d}Z,{('BTCUSDT','ETHUSDT')[n//2%2]},{100+n%50}.25,0.{n%9+1},buy")
PY
all=(--from 2024-08-01 --to 2024-09-01)
d="$work/d"
store=(--set "tiers.cold.url=s3://merganser-test/walk-$$" --set tiers.cold.retries=2 --set tiers.cold.request_timeout=30s)
"$merganser" import --format csv --input "$work/a.csv" --data-dir "$d" > /dev/null
ask() { "$merganser" sql --data-dir "$d" --format csv "${all[@]}" "${store[@]}" "$@" "select symbol, count(*), sum(last_price), bit_xor(hash(t)) from market_ticks t group by 1 order by 1" | tail -2; }
archive() { "$merganser" archive "$@" --data-dir "$d" "${store[@]}"; }
before=$(ask)
archive run --now 2024-08-20 > /dev/null
expect "warm" "$(ask)" "$before"

# The server is down: warm files stay, the error names the store, nothing is dropped.
s3_kill
if archive run --now 2024-12-20 > "$work/run" 2> "$work/err"; then fail "moved into a store that is down: $(cat "$work/run")"; fi
grep -h "could not be reached" "$work/run" "$work/err" | head -1 | cut -c1-160
expect "warm files while the store is down" "$(find "$d/warm" -name '*.parquet' | wc -l)" "4"
expect "answers while the store is down" "$(ask)" "$before"
s3_start "$work/s3"
# The wrong secret.
if AWS_SECRET_ACCESS_KEY=wrong archive run --now 2024-12-20 > "$work/run" 2> "$work/err"; then fail "moved with a wrong secret"; fi
grep -h "denied access" "$work/run" "$work/err" | head -1 | cut -c1-160
expect "warm files after a wrong secret" "$(find "$d/warm" -name '*.parquet' | wc -l)" "4"

archive run --now 2024-12-20 > "$work/run" || fail "$(cat "$work/run")"
expect "warm files when all is cold" "$(find "$d/warm" -name '*.parquet' | wc -l)" "0"
expect "cold, fetched" "$(ask)" "$before"
expect "cold, from the cache" "$(ask)" "$before"
"$merganser" doctor --data-dir "$d" "${store[@]}" > "$work/doctor" || fail "$(grep FINDING "$work/doctor")"
slice=$("$merganser" sql --data-dir "$d" --format csv "select min(slice) from partitions where tier = 'cold' and table_name = 'market_ticks'" "${store[@]}" | tail -1)
object="$s3_bucket/walk-$$/market_ticks/day=2024-08-08/$slice/part-0.parquet"
# A corrupted object, and a missing one: found by verify, and no answer is given from them.
address="$s3_url/$(sed 's/=/%3D/g' <<< "$object")"
s3_curl "$s3_url" -f "$address" > "$work/object"
cp "$work/object" "$work/broken"; printf 'X' | dd of="$work/broken" bs=1 seek=2000 conv=notrunc 2> /dev/null
s3_curl "$s3_url" -f -T "$work/broken" "$address" > /dev/null
rm -rf "$d/cache"
if ask > "$work/run" 2> "$work/err"; then fail "an answer from a corrupted object"; fi
grep -h "blake3\|corrupt" "$work/err" | head -1 | cut -c1-200
if archive verify > "$work/run"; then fail "verify does not see a corrupted object"; fi
s3_curl "$s3_url" -f -X DELETE "$address" > /dev/null
if ask > "$work/run" 2> "$work/err"; then fail "an answer without a missing object"; fi
grep -h "is not in" "$work/err" | head -1 | cut -c1-160
s3_curl "$s3_url" -f -T "$work/object" "$address" > /dev/null
expect "the object put back" "$(ask)" "$before"
archive verify | tail -1

# A second writer to the same prefix.
e="$work/e"
"$merganser" import --format csv --input "$work/a.csv" --data-dir "$e" > /dev/null
if "$merganser" archive run --now 2024-12-20 --data-dir "$e" "${store[@]}" > "$work/run" 2> "$work/err"; then fail "a second writer is not refused: $(cat "$work/run")"; fi
grep -h "another one uses the same" "$work/run" "$work/err" | head -1 | cut -c1-160
expect "the first one's rows" "$(ask)" "$before"
s3_stop

# Archived classes.
moto_start "$work/moto" || fail "moto cannot be started"
eval "$(s3_env "$moto_url")"
store=(--set "tiers.cold.url=s3://merganser-test/glacier" --set tiers.market_ticks.storage_class=GLACIER --set tiers.cold.retries=1)
d="$work/g"
"$merganser" import --format csv --input "$work/a.csv" --data-dir "$d" > /dev/null
archive run --now 2024-12-20 > "$work/run" || fail "$(cat "$work/run")"
moto_slow 3
if ask > "$work/run" 2> "$work/err"; then fail "an answer from archived objects: $(cat "$work/run")"; fi
grep -h "restore" "$work/err" | head -1 | cut -c1-200
for (( n = 0; n < 20; n++ )); do ask > "$work/run" 2> "$work/err" && break; sleep 0.2; done
expect "answers once they are restored" "$(cat "$work/run")" "$before"
echo "B4 ok: disk, warm, S3, cache: the same sums; down, wrong secret, corrupted, missing, second writer: refused; GLACIER: restore started, then the same sums (asked $(( n + 1 )) more times)"
