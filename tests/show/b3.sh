#!/usr/bin/env bash
# B3: another file into a day that is warm, and into one that is cold: right before and after the new part is exported. Then
# the database is lost, and a file.
. "$(dirname "$0")/common.sh"
d="$work/d"
make() { # first sequence number, rows: a CSV of trades on two days
    python3 - "$1" "$2" <<'PY'
import sys
first, rows = int(sys.argv[1]), int(sys.argv[2])
print("timestamp,symbol,price,size,side")
for n in range(rows):
    day, second = (8, 80000 + n) if n < rows // 2 else (9, first + n - rows // 2)
    print(f"2024-08-{day:02d}T{second//3600:02d}:{second//60%60:02d}:{second%60:02d}.{n%1000:03d}Z,BTCUSDT,{60000+n%500}.25,0.{n%9+1},buy")
PY
}
make 100 4000 > "$work/a.csv"
make 5000 3000 > "$work/b.csv"
make 9000 2000 > "$work/c.csv"
import() { "$merganser" import --format csv --input "$1" --data-dir "$2" > "$work/import" || fail "$(cat "$work/import")"; }
ask() { "$merganser" sql --data-dir "$1" --format csv --from 2024-08-01 --to 2024-09-01 \
    "select count(*), sum(last_price), sum(volume), min(timestamp), max(timestamp) from market_ticks" | tail -1; }
# What all three files say without any archive.
import "$work/a.csv" "$work/plain"; import "$work/b.csv" "$work/plain"
two=$(ask "$work/plain")
import "$work/c.csv" "$work/plain"
three=$(ask "$work/plain")

import "$work/a.csv" "$d"
"$merganser" archive run --now 2024-08-20 --data-dir "$d" > /dev/null
expect "warm files" "$(find "$d/warm" -name 'part-0.parquet' | wc -l)" "2"
import "$work/b.csv" "$d"
expect "a file into a warm day, before its part is exported" "$(ask "$d")" "$two"
"$merganser" archive run --now 2024-08-20 --data-dir "$d" > /dev/null
expect "and after" "$(ask "$d")" "$two"
expect "second parts" "$(find "$d/warm" -name 'part-1.parquet' | wc -l)" "2"
"$merganser" archive run --now 2024-12-20 --data-dir "$d" > /dev/null
expect "cold files" "$(find "$d/cold/market_ticks" -name 'part-*.parquet' | wc -l)" "4"
import "$work/c.csv" "$d"
expect "a file into a cold day, before its part is exported" "$(ask "$d")" "$three"
"$merganser" archive run --now 2024-12-20 --data-dir "$d" > /dev/null
expect "and after" "$(ask "$d")" "$three"
expect "third parts" "$(find "$d/cold/market_ticks" -name 'part-2.parquet' | wc -l)" "2"
"$merganser" doctor --data-dir "$d" > "$work/doctor" || fail "$(grep FINDING "$work/doctor")"

# trading.duckdb is lost, and what the journal brings again is in files of both tiers.
refused() { local words=$1; shift; if "$@" > "$work/run" 2> "$work/err"; then fail "not refused: $*: $(cat "$work/run")"; fi
    grep -hq -- "$words" "$work/run" "$work/err" || fail "'$words' is not in: $(cat "$work/run" "$work/err")"; }
rm "$d"/trading.duckdb*
refused "doctor --rebuild-manifest" "$merganser" archive run --now 2024-12-20 --data-dir "$d"
"$merganser" doctor --rebuild-manifest --data-dir "$d" > "$work/doctor" || fail "$(grep FINDING "$work/doctor")"
expect "after the database was lost" "$(ask "$d")" "$three"
"$merganser" archive run --now 2024-12-20 --data-dir "$d" > "$work/run" || fail "$(cat "$work/run")"
expect "and archived again" "$(ask "$d")" "$three"

# The journal has dropped its oldest segment as well: what was in it is in files.
o="$work/o"
python3 - > "$work/o.csv" <<'PY'
print("timestamp,symbol,price,size,side")
for n in range(80000):
    day, second = 8 + n // 40000, 2 * (n % 40000)
    print(f"2024-08-{day:02d}T{second//3600:02d}:{second//60%60:02d}:{second%60:02d}Z,BTCUSDT,{60000+n%500}.25,0.{n%9+1},buy")
PY
"$merganser" import --format csv --input "$work/o.csv" --data-dir "$o" --set journal.market_segment_bytes=1048576 > "$work/import"
"$merganser" archive run --now 2024-08-20 --data-dir "$o" > /dev/null
many=$(ask "$o")
rm "$o"/trading.duckdb*
segments=("$o"/market/*.journal*)
[ "${#segments[@]}" -gt 1 ] || fail "one segment only: ${segments[*]}"
rm "${segments[0]}"
refused "doctor --rebuild-manifest" ask "$o"
"$merganser" doctor --rebuild-manifest --data-dir "$o" > "$work/doctor" || fail "$(grep FINDING "$work/doctor")"
expect "without the oldest segment" "$(ask "$o")" "$many"

# A warm file is away: everything else goes on, and no answer is without it.
w="$work/w"
import "$work/a.csv" "$w"
"$merganser" archive run --now 2024-08-20 --data-dir "$w" > /dev/null
import "$work/b.csv" "$w"
file=$(find "$w/warm" -name 'part-0.parquet' | sort | head -1)
mv "$file" "$work/aside"
refused "$file" "$merganser" sql --data-dir "$w" --local-only "select count(*) from market_ticks"
refused "$file" ask "$w"
refused "$file" "$merganser" history ticks --symbol binance:BTCUSDT --from 2024-08-08 --to 2024-08-09 --data-dir "$w"
expect "another table" "$(sql "$w" "select count(*) from orders")" "0"
"$merganser" run --for 2s --data-dir "$w" > /dev/null 2> "$work/err" || fail "run ended with $?: $(cat "$work/err")"
refused "$file" "$merganser" doctor --data-dir "$w"
expect "checks beside" "$(grep -c "quantities are not negative" "$work/run")" "1"
mv "$work/aside" "$file"
expect "the file put back" "$(ask "$w")" "$two"
echo "B3 ok: $(cut -d, -f1 <<< "$three") ticks of three files in three parts of two days, right before and after each export, without the database, and not without a file"
