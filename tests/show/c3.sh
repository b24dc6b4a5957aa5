#!/usr/bin/env bash
# C3: the recording's book through the live path equals the book rebuilt from the files, at 100 random instants and at the end;
# a removed frame is noticed with the next one, and the book is fetched again.
. "$(dirname "$0")/common.sh"
need_recording
cd "$root"
cargo test --workspace --release --locked --test sim -- --nocapture feeds_depth > "$work/out" 2>&1 || fail "$(tail -40 "$work/out")"
instants=$(grep -o "the book is the venue's at .*" "$work/out") || fail "nothing was tested"
holes=$(grep -o "[0-9]* holes in the diffs.*" "$work/out") || fail "no frame was removed"
echo "C3 ok: $instants; $holes"
