#!/usr/bin/env bash
# B7: the disk fills while tables are written, a day is sorted, a part is exported, a checkpoint is due: an alarm, trading by
# policy, nothing lost.
. "$(dirname "$0")/common.sh"
disk="$work/disk"
mkdir "$disk"
mount -t tmpfs -o size=256m tmpfs "$disk" 2> /dev/null || { echo "skipped: no small disk can be mounted here"; exit 0; }
trap 'umount "$disk" 2> /dev/null; rm -rf "$work"' EXIT
d="$disk/run"
small=(--set duckdb.reserve_bytes=67108864 --set duckdb.checkpoint_bytes=1048576 --set journal.market_segment_bytes=16777216)
"$merganser" run --data-dir "$d" "${small[@]}" > "$work/out" 2>&1 &
pid=$!
until grep -q "merganser runs on" "$work/out"; do sleep 0.05; kill -0 "$pid" || fail "$(cat "$work/out")"; done
health() { curl -s "$(grep -o 'http://[^;]*health' "$work/out")"; }
field() { health | python3 -c "import json,sys; print(json.load(sys.stdin)['$1'])" 2> /dev/null || kill -0 "$pid" 2> /dev/null || fail "it has ended: $(tail -5 "$work/out")"; }
until_field() { for (( n = 0; n < 200; n++ )); do [ "$(field "$1")" = "$2" ] && return; sleep 0.1; done; fail "$1 is $(field "$1"), expected $2"; }
fill() { # leaves so many KiB
    local free; free=$(df -k --output=avail "$disk" | tail -1)
    head -c $(( (free - $1) * 1024 )) /dev/zero > "$disk/filler" 2> /dev/null || true
}
sleep 3
expect "tables wait at first" "$(field tables_wait_for_room)" "False"
# Little room: the tables wait, the archive does not begin, trading goes on.
fill 40960
until_field tables_wait_for_room True
stuck=$(field market_in_tables)
sleep 2
expect "trading with little room" "$(field trading)" "ACTIVE"
for (( n = 0; n < 300; n++ )); do [ "$(field market_durable)" -gt "$stuck" ] && break; sleep 0.1; done
[ "$(field market_durable)" -gt "$stuck" ] || fail "the journal does not go on"
expect "records in the tables while they wait" "$(field market_in_tables)" "$stuck"
grep -q "little room: the tables wait" "$work/out" || fail "no alarm: $(tail -3 "$work/out")"
# No room at all: the ledger cannot write, nothing trades.
dd if=/dev/zero of="$disk/filler2" bs=1k > /dev/null 2>&1 || true
until_field trading HALTED
rm "$disk/filler" "$disk/filler2"
until_field tables_wait_for_room False
"$merganser" resume --data-dir "$d" > /dev/null
until_field trading ACTIVE
sleep 2
tomorrow=$(date -u -d '+3 days' +%F)
"$merganser" archive run --now "$tomorrow" --data-dir "$d" > "$work/archive" || fail "with room: $(cat "$work/archive")"
grep -q "market_ticks .* sorted" "$work/archive" || fail "nothing was sorted: $(cat "$work/archive")"
kill -TERM "$pid"; wait "$pid" || fail "it did not stop in order: $(tail -5 "$work/out")"
"$merganser" doctor --data-dir "$d" > "$work/doctor" || fail "$(grep FINDING "$work/doctor")"
ticks=$("$merganser" sql --data-dir "$d" --format csv "select count(*) from market_ticks" | tail -1)

# The disk fills at some moment of a run on a stopped directory: what fails is said, and the next run does it.
all=(--from 1970-01-01 --to 2200-01-01)
sums() { "$merganser" sql --data-dir "$1" --format csv "${all[@]}" "select count(*), sum(last_price), bit_xor(hash(t)) from market_ticks t union all select count(*), sum(quantity), bit_xor(hash(t)) from trades t" | tail -2; }
before=$(sums "$d")
failed=0
for (( round = 0; round < 8; round++ )); do
    cp -r "$d" "$disk/copy"
    "$merganser" archive run --now 2031-01-01 --data-dir "$disk/copy" > "$work/archive" 2>&1 &
    run=$!
    sleep "0.$(( 5 + round * 7 ))"
    dd if=/dev/zero of="$disk/filler" bs=64k > /dev/null 2>&1 || true
    wait "$run" || failed=$(( failed + 1 ))
    rm -f "$disk/filler"
    "$merganser" archive run --now 2031-01-01 --data-dir "$disk/copy" > "$work/archive" 2>&1 || fail "with room again: $(cat "$work/archive")"
    expect "rows after round $round" "$(sums "$disk/copy")" "$before"
    "$merganser" doctor --data-dir "$disk/copy" > "$work/doctor" || fail "$(grep FINDING "$work/doctor")"
    rm -rf "$disk/copy"
done
[ "$failed" -gt 0 ] || fail "no run was hit by the full disk"
echo "B7 ok: the tables waited at record $stuck while trading went on, HALTED without room, resumed; $ticks ticks, none lost; $failed of 8 runs failed on a full disk and were done by the next"
