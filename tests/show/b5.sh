#!/usr/bin/env bash
# B5: questions to every tier, alone and while rows arrive and others ask, what is pruned, and how small files are, each
# beside its target. That every figure is there and what is pruned decide; a timing decides nothing. With MERGANSER_CI=1 a
# small history: one with enough files that 99.9 % of them can be pruned.
. "$(dirname "$0")/common.sh"
cd "$work"
size=()
if [ "${MERGANSER_CI:-}" = 1 ]; then size=(--rows 300000 --symbols 30 --days 100 --seconds 5); fi
recorded=()
if [ -f "$f1" ] && [ -f "$f2" ]; then recorded=(--recorded "$f1" --recorded "$f2"); fi
"$merganser" bench query "${size[@]}" "${recorded[@]}" --json > "$work/query.json" || fail "bench query: $?"
python3 - "$work/query.json" <<'PY'
import json, sys
found = json.load(open(sys.argv[1]))
results = {r["name"]: r for r in found["results"]}
tiers = ["hot", "disk", "warm", "cold"]
wanted = [f"{t}_{p}{a}" for t in tiers for p in ("p50", "p99") for a in ("", "_alone")]
wanted += ["cold_first_p50_alone", "cold_first_p99_alone", "rows_arriving", "rows_in_tables", "questions", "files_pruned"]
wanted += ["compression_csv_warm", "compression_csv_cold"]
optional = ["compression_warm", "compression_cold"]  # where there is a PostgreSQL
for r in found["results"]:
    value = "not there" if r["value"] is None else f'{r["value"]:.2f}'
    print(f'   {r["name"]:<26} {value:>12} {r["unit"]}' + (f'   target {r["target"]:g}' if r["target"] else ""))
missing = [n for n in wanted if n not in results or results[n]["value"] is None] + [n for n in optional if n not in results]
if missing:
    sys.exit("FAILED: figures that are not there: " + ", ".join(missing))
if results["files_pruned"]["value"] < 99.9:
    sys.exit(f'FAILED: {results["files_pruned"]["value"]:.3f} % of the files were pruned, not 99.9')
def beside(name, digits=1):
    r = results[name]
    return f'{name} ' + ("not there" if r["value"] is None else f'{r["value"]:.{digits}f}') + f' ({r["target"]:g})'
said = [beside(f"{t}_p99") for t in tiers] + [beside("files_pruned", 2)] + [beside(n) for n in optional]
print("B5 ok: with targets in brackets: " + ", ".join(said) + f', at {results["rows_arriving"]["value"]:.0f} rows/s arriving, {results["rows_in_tables"]["value"]:.0f} into the tables, and {results["questions"]["value"]:.0f} answers/s')
PY
