#!/usr/bin/env bash
# F7: strategies that live by what they should not have yet earn nothing, though the prize is real where levels that have gone
# still fill; and the queue models against the recording, predicted and actual fills side by side.
. "$(dirname "$0")/common.sh"
need_recording
cd "$root"
cargo test --workspace --release --locked --lib -- --nocapture --test-threads=1 backtest::tests::lookahead \
    predicted_and_actual_fills_side_by_side > "$work/out" 2>&1 || fail "$(tail -60 "$work/out")"
python3 - "$work/out" <<'PY'
import re, sys
# The name of a test stands before the first line that it prints.
text = re.sub(r"^test .*? \.\.\. ", "", open(sys.argv[1]).read(), flags=re.M)
honest = [(seam, int(cents), int(fills)) for seam, cents, fills in re.findall(r"^ *(\w+) seed \d+: +(-?\d+) cents, (\d+) fills$", text, re.M)]
prize = [(seam, int(gone), int(there)) for seam, gone, there in
         re.findall(r"^ *(\w+): +(-?\d+) cents, +(-?\d+) without gone levels, \d+ fills$", text, re.M)]
followed = re.search(r"(\d+) real orders followed to their fill, (\d+) of them behind others", text)
rows = re.findall(r"^ *(front|prorated|probabilistic|shown|pessimistic) +(\d+) +(\d+) +(\S+) +(\d+) +(\S+) +(\d+)$", text, re.M)
if len(honest) < 24 or len(prize) < 4 or not followed or len(rows) != 5:
    sys.exit(f"FAILED: the tests said too little: {len(honest)}, {len(prize)}, {len(rows)}")
print("   looks ahead by      cents, by seed      where gone levels fill")
for seam in dict.fromkeys(seam for seam, _, _ in honest):
    cents = " ".join(f"{c:>6}" for s, c, _ in honest if s == seam)
    print(f"   {seam:<14}{cents:>24}{dict((s, c) for s, c, _ in prize).get(seam, ''):>16}")
print(f"   {followed[0]}")
print("   model          at the same  earlier  median ms  later  median ms  not in 10 s")
for model, same, early, early_ms, late, late_ms, never in rows:
    print(f"   {model:<14}{same:>12}{early:>9}{early_ms:>11}{late:>7}{late_ms:>11}{never:>13}")
shown = next(row for row in rows if row[0] == "shown")
print(f"F7 ok: {len(honest)} runs that look ahead earn {max(c for _, c, _ in honest)} cents at most; where gone levels fill it pays "
      f"{min(gone - there for _, gone, there in prize)} cents more at least; {followed[1]} real orders, `shown` fills {shown[1]} at the same event, {shown[2]} earlier, {shown[4]} later, {shown[6]} not")
PY
