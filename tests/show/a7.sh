#!/usr/bin/env bash
# A7: the ledger's disk is full: HALT, cancels still go out marked `journaled: false`, and when space returns nothing
# is lost or doubled.
. "$(dirname "$0")/common.sh"
disk="$work/disk"
mkdir "$disk"
mount -t tmpfs -o size=1m tmpfs "$disk" 2> /dev/null || { echo "skipped: no small disk can be mounted here"; exit 0; }
trap 'umount "$disk" 2> /dev/null; rm -rf "$work"' EXIT
d="$work/run"
"$merganser" run --data-dir "$d" --set "journal.ledger_dir=$disk/ledger" --set strategies.checkpoint_every=1s > "$work/out" 2>&1 &
pid=$!
until [ -s "$d/merganser.lock" ] && grep -q "merganser runs on" "$work/out"; do sleep 0.05; kill -0 "$pid" || fail "$(cat "$work/out")"; done
sleep 3
health() { curl -s "$(grep -o 'http://[^;]*health' "$work/out")"; }
field() { health | python3 -c "import json,sys; print(json.load(sys.stdin)['$1'])"; }
expect "trading before" "$(field trading)" "ACTIVE"
dd if=/dev/zero of="$disk/filler" bs=1k 2> /dev/null || true
for (( n = 0; n < 600; n++ )); do [ "$(field trading)" = HALTED ] && break; sleep 0.1; done
expect "trading with a full disk" "$(field trading)" "HALTED"
stuck=$(field ledger_durable)
"$merganser" halt --cancel-all --why "the disk is full" --data-dir "$d" > "$work/halt"
grep -q "journaled: false" "$work/halt" || fail "the kill switch was not answered with journaled: false: $(cat "$work/halt")"
sleep 1
expect "durable records while full" "$(field ledger_durable)" "$stuck"
rm "$disk/filler"
for (( n = 0; n < 600; n++ )); do [ "$(field ledger_durable)" -gt "$stuck" ] && break; sleep 0.1; done
[ "$(field ledger_durable)" -gt "$stuck" ] || fail "the ledger does not go on when space returns"
for (( n = 0; n < 600; n++ )); do [ "$(field open_orders)" = 0 ] && break; sleep 0.1; done
expect "trading after" "$(field trading)" "HALTED"
expect "open orders after" "$(field open_orders)" "0"
grep -q "journaled=false" "$work/out" || fail "no cancel went out at once"
"$merganser" resume --data-dir "$d" > /dev/null
sleep 2
for (( n = 0; n < 600; n++ )); do [ "$(field trading)" = ACTIVE ] && break; sleep 0.1; done
expect "trading resumed" "$(field trading)" "ACTIVE"
kill -TERM "$pid"; wait "$pid" || fail "it did not stop in order: $(cat "$work/out")"
"$merganser" doctor --data-dir "$d" --set "journal.ledger_dir=$disk/ledger" || fail "doctor found something"
sent=$("$merganser" sql --data-dir "$d" --set "journal.ledger_dir=$disk/ledger" --format csv "select count(*) from order_events s join actions h on h.what = 'trading.HALTED' join actions r on r.what = 'trading.ACTIVE' where s.event = 'submitted' and s.timestamp > h.timestamp and s.timestamp < r.timestamp" | tail -1)
expect "orders that left while HALTED" "$sent" "0"
events=$("$merganser" sql --data-dir "$d" --set "journal.ledger_dir=$disk/ledger" --format csv "select count(*) from order_events" | tail -1)
echo "A7 ok: halted at ledger record $stuck, cancels went out at once, $events order events, none lost or doubled"
