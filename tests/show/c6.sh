#!/usr/bin/env bash
# C6: from a frame to a typed tick: trade, quote and depth frames of both venues. Alpaca has no target.
. "$(dirname "$0")/common.sh"
cd "$work"
"$merganser" bench latency --json > "$work/latency.json"
python3 - "$work/latency.json" "${MERGANSER_CI:-}" <<'PY'
import json, sys
found = {r["name"]: r for r in json.load(open(sys.argv[1]))["results"] if r["name"].startswith("frame_parse")}
kinds = ["", "_quote", "_depth", "_alpaca_trade", "_alpaca_quote", "_alpaca_depth"]
assert sorted(found) == sorted("frame_parse" + kind for kind in kinds), sorted(found)
for r in found.values():
    print(f'   {r["name"]:<26} {r["value"]:>8.0f} {r["unit"]}' + (f'   target {r["target"]:g}' if r["target"] else ""))
by_hand = not sys.argv[2]
late = [r["name"] for r in found.values() if r["target"] and r["value"] > r["target"]]
if late and by_hand:
    sys.exit(f"FAILED: slower than the target: {late}")
trade, quote = (found["frame_parse" + kind]["value"] for kind in ["", "_quote"])
print(f"C6 ok: a Binance trade in {trade:.0f} ns, a quote in {quote:.0f} ns (target 600 ns)")
PY
