#!/usr/bin/env bash
# F3: every case of docs/venues.md at every venue: the real connectors against local servers with their faults, and paper.
. "$(dirname "$0")/common.sh"
cd "$root"
cargo test --workspace --release --locked --test it -- --nocapture conformance > "$work/out" 2>&1 || fail "$(tail -60 "$work/out")"
for venue in paper binance alpaca; do
    grep -E "^$venue: [0-9]+ cases" "$work/out" | sed 's/^/   /' || fail "$venue was not walked: $(tail -20 "$work/out")"
done
echo "F3 ok: $(grep -c '^| `' docs/venues.md) cases at three venues, $(grep -oE '[0-9]+ fills' "$work/out" | awk '{ sum += $1 } END { print sum }') fills, none lost and none twice"
