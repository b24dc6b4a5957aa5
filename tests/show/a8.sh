#!/usr/bin/env bash
# A8: the benchmarks print their figures beside the design's targets, as text and as JSON. A timing decides nothing here.
. "$(dirname "$0")/common.sh"
cd "$work"
for bench in backtest ingest latency; do
    "$merganser" bench "$bench" --json > "$work/$bench.json"
    python3 - "$work/$bench.json" "$bench" <<'PY'
import json, sys
found = json.load(open(sys.argv[1]))
assert found["bench"] == sys.argv[2] and found["machine"]["cores"] > 0 and found["results"]
for r in found["results"]:
    value = "not there" if r["value"] is None else f'{r["value"]:.1f}'
    print(f'   {r["name"]:<24} {value:>12} {r["unit"]}' + (f'   target {r["target"]:g}' if r["target"] else ""))
PY
done
echo "A8 ok: figures above"
