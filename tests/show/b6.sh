#!/usr/bin/env bash
# B6: 50 readers, 200 tasks that ask as much as they can while 100,000 rows a second arrive: nobody is starved, nothing stands
# still, no question fails. 60 seconds by hand, 10 where MERGANSER_CI is set; no timing decides anything.
. "$(dirname "$0")/common.sh"
cd "$work"
seconds=60; [ -z "${MERGANSER_CI:-}" ] || seconds=10
timeout $(( seconds + 120 )) "$merganser" bench readers --seconds "$seconds" --readers 50 --tasks 200 --json > out 2> err \
    || fail "$(cat err out)"
cat err
python3 - out "$seconds" <<'PY'
import json, sys
found = {r["name"]: r["value"] for r in json.load(open(sys.argv[1]))["results"]}
f = lambda *names: " / ".join(f"{found[n]:.1f}" for n in names)
print(f"B6 ok: {sys.argv[2]} s, {found['rows_arriving']:.0f} rows/s held, lag {found['lag_max']:.0f} rows at most and {found['lag_at_end']:.0f} at the end, "
      f"{found['questions']:.0f} answers/s, wait p50/p99/max {f('wait_p50', 'wait_p99', 'wait_max')} ms, "
      f"ticks {f('ticks_p50', 'ticks_p99', 'ticks_max')} ms, bars {f('bars_p50', 'bars_p99', 'bars_max')} ms, "
      f"sql {f('sql_p50', 'sql_p99', 'sql_max')} ms, {found['timed_out']:.0f} timed out, longest without an answer {found['longest_gap']:.0f} ms")
PY
