#!/usr/bin/env bash
# B2: the archive killed with SIGKILL at every sign of life, and once more while it mends what that left.
. "$(dirname "$0")/common.sh"
cd "$root"
kills=${MERGANSER_KILLS:-${MERGANSER_CI:+16}}
MERGANSER_KILLS=${kills:-1000} cargo test --workspace --release --locked --test crash -- --nocapture archive > "$work/out" 2>&1 \
    || { tail -40 "$work/out"; fail "see above"; }
echo "B2 ok: $(grep "^archive: " "$work/out" | cut -d' ' -f2-)"
