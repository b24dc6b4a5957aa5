#!/usr/bin/env bash
# C1: both venues' servers for an hour of virtual time a seed, over a network that breaks and half breaks links, delays, repeats,
# reorders, loses and refuses: no trade lost that the server could replay, none doubled, every gap that stays told with its bounds.
. "$(dirname "$0")/common.sh"
cd "$root"
# By hand more seeds than in an ordinary run.
[ -n "${MERGANSER_CI:-}" ] || export MERGANSER_SEEDS=0..30
cargo test --workspace --release --locked --test sim -- --nocapture feeds_binance feeds_alpaca > "$work/out" 2>&1 \
    || fail "$(tail -40 "$work/out")"
python3 - "$work/out" <<'PY'
import re, sys
text = open(sys.argv[1]).read()
binance = [dict((k, int(v)) for k, v in re.findall(r"(\w+): (\d+)", line)) for line in re.findall(r"seed \d+: Counters (.*)", text)]
total = lambda name: sum(c[name] for c in binance)
alpaca = re.search(r"(\d+) connections, (\d+) trades fetched, \((\d+), (\d+)\) refused", text)
passed = re.search(r"test result: ok\. (\d+) passed", text)
if not binance or not alpaca or not passed:
    sys.exit("FAILED: the tests said nothing")
print(f"C1 ok: {passed[1]} simulations; Binance, {len(binance)} hours: {total('frames')} frames, {total('disconnects')} links lost, "
      f"{total('handovers')} handed over, {total('gaps')} gaps, {total('backfilled')} trades fetched, {total('resyncs')} books fetched again; "
      f"Alpaca stocks: {alpaca[1]} connections, {alpaca[2]} trades fetched, {alpaca[3]} times 406, {alpaca[4]} times 429; nothing lost or doubled")
PY
