#!/usr/bin/env bash
# A5: journals cut at every byte of their last frame recover; a byte flipped earlier is refused with file, offset and
# command, and `journal quarantine` gets the runtime going; journals of every record version still decode.
. "$(dirname "$0")/common.sh"
d="$work/run"
"$merganser" run --for 3s --data-dir "$d" > /dev/null 2>&1
cp -r "$d" "$work/whole"

last_frame() { # offset and size of the last frame of a segment
    python3 - "$1" <<'PY'
import struct, sys
data = open(sys.argv[1], "rb").read()
at, last = 24, None
while at < len(data):
    size = 28 + struct.unpack_from("<I", data, at + 4)[0]
    last = (at, size)
    at += size
print(*last)
PY
}

cuts=0
for log in ledger market; do
    segment=$(ls "$work/whole/$log"/*.journal | tail -1)
    read -r at size < <(last_frame "$segment")
    # Every byte of a small frame; of a large one every byte of its header and then steps that are no multiple of anything.
    step=$(( size > 400 ? size / 300 + 1 : 1 ))
    for (( cut = 0; cut < size; cut += (cut < 64 ? 1 : step) )); do
        rm -rf "$work/cut"; mkdir "$work/cut"; cp -r "$work/whole/ledger" "$work/whole/market" "$work/cut/"
        truncate -s $(( at + cut )) "$work/cut/$log/$(basename "$segment")"
        rm -f "$work/cut/merganser.lock"
        # A start recovers: the table's question opens both journals and applies them.
        "$merganser" sql --data-dir "$work/cut" "select count(*) from orders" > /dev/null 2> "$work/err" \
            || fail "$log cut at byte $cut of its last frame does not recover: $(cat "$work/err")"
        cuts=$(( cuts + 1 ))
    done
done

flip() { python3 -c "
import sys
p, at = sys.argv[1], int(sys.argv[2])
b = bytearray(open(p, 'rb').read()); b[at] ^= 0x10; open(p, 'wb').write(b)" "$1" "$2"; }
rm -rf "$work/flip"; cp -r "$work/whole" "$work/flip"; rm -f "$work/flip/trading.duckdb"*
segment=$(ls "$work/flip/ledger"/*.journal | tail -1)
flip "$segment" 60
"$merganser" run --for 1s --data-dir "$work/flip" > "$work/out" 2>&1 && fail "a damaged ledger was not refused"
grep -q "$(basename "$segment") is damaged at byte 24" "$work/out" || fail "the refusal does not name file and offset: $(cat "$work/out")"
grep -q "journal quarantine ledger" "$work/out" || fail "the refusal does not name the command"
"$merganser" journal verify --data-dir "$work/flip" > /dev/null && fail "verify found nothing"
"$merganser" journal quarantine ledger --data-dir "$work/flip" > "$work/quarantined"
grep -q "^missing: ledger records 1 to" "$work/quarantined" || fail "$(cat "$work/quarantined")"
"$merganser" run --for 2s --data-dir "$work/flip" > "$work/out" 2>&1 || fail "it does not run after the quarantine: $(cat "$work/out")"
expect "trading state" "$(sql "$work/flip" "select count(*) from orders where reason_code = 'risk.halted'" | awk '{print ($1 > 0)}')" "1"
echo "A5 ok: $cuts cuts recovered, a flipped byte refused and quarantined, trading HALTED until resumed"
