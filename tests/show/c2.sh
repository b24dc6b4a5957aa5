#!/usr/bin/env bash
# C2: the decoders against an independent reading: every recorded message field by field, and bytes that no venue sends.
. "$(dirname "$0")/common.sh"
need_recording
cd "$root"
cargo test --workspace --release --locked --test it -- --nocapture decoders > "$work/out" 2>&1 \
    || fail "$(tail -60 "$work/out")"
grep -q "test result: ok" "$work/out" || fail "nothing was tested: $(tail -20 "$work/out")"
grep -o "decoders: .*" "$work/out" | sed 's/^decoders:/  /'
read_twice=$(grep -o "decoders: [0-9]* .*as documented" "$work/out" | awk '{ sum += $2 } END { print sum }')
[ "${read_twice:-0}" -gt 99000 ] || fail "only ${read_twice:-0} recorded messages were read"
echo "C2 ok: $read_twice recorded messages say what the documents say, damaged ones are answered without a panic"
