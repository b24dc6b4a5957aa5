#!/usr/bin/env bash
# F4: trading days from seeds, each with orders, brackets, fills and busts, orders of others, faults on the wire and kills at any
# point: no order and no fill is lost or doubled, and the books balance. A seed that fails is printed with how to run it alone.
. "$(dirname "$0")/common.sh"
cd "$root"
seeds="${MERGANSER_SEEDS:-0..1000}"
[ -z "${MERGANSER_CI:-}" ] || seeds=0..100
MERGANSER_SEEDS="$seeds" cargo test --workspace --release --locked --test sim -- --nocapture a_trading_day > "$work/out" 2>&1 ||
    fail "$(grep -E 'panicked|fails; alone' -A2 "$work/out" | tail -20)"
days=$(grep -oE '[0-9]+ days, seeds .*' "$work/out") || fail "no day was simulated: $(tail -20 "$work/out")"
echo "F4 ok: $days; no order and no fill lost or doubled, all books true"
