#!/usr/bin/env bash
# D1: the dashboard in a real browser against a running runtime: every page, at a desktop's and a phone's width, without a word
# on the console; a manual order by the ticket, found in the blotter, in positions, in DuckDB and by a WebSocket; one whose
# answer is lost, sent again; the kill switch; a strategy that panics and is restarted; a connection that is lost and comes back.
# `d1.sh FOLDER` leaves the screenshots there.
. "$(dirname "$0")/common.sh"
chromium=$(command -v chromium || command -v chromium-browser || true)
driver=$(command -v chromedriver || true)
if [ -z "$chromium" ] || [ -z "$driver" ]; then
    [ -z "${MERGANSER_REQUIRE_SERVICES:-}" ] || fail "chromium or chromedriver is missing; apt-get install chromium chromium-driver"
    echo "skipped: chromium and chromedriver are not there"
    exit 0
fi
folder="${1:-$work/screenshots}"
mkdir -p "$folder"
folder=$(realpath "$folder")
venv="${MERGANSER_TEST_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/merganser-test-servers}"
"$venv/bin/python" -c "import selenium, websocket" 2> /dev/null || {
    { [ -x "$venv/bin/pip" ] || python3 -m venv "$venv"; } &&
        "$venv/bin/pip" install --quiet --disable-pip-version-check "selenium==4.*"
} > "$work/pip" 2>&1 || fail "selenium cannot be installed: $(tail -3 "$work/pip")"

panicking="$CARGO_TARGET_DIR/release/panicking-merganser"
[ -x "$panicking" ] || (cd "$root" && cargo build --workspace --release --locked)
d="$work/run"
cat > "$work/config.toml" <<'TOML'
# About ten seconds of the simulated market's quotes.
[strategies.run.jumpy]
parameters = { quotes = 900 }
TOML
"$panicking" run --data-dir "$d" --config "$work/config.toml" > "$work/out" 2>&1 & pid=$!
trap 'kill -CONT "$pid" 2> /dev/null || true; kill "$pid" 2> /dev/null || true; wait "$pid" 2> /dev/null || true; rm -rf "$work"' EXIT
until grep -q "merganser runs on" "$work/out"; do sleep 0.1; kill -0 "$pid" || fail "$(cat "$work/out")"; done
address=$(sed -n 's,.*health at http://\(.*\)/health;.*,\1,p' "$work/out")

"$venv/bin/python" "$here/support/dashboard.py" "$address" "$d" "$pid" "$panicking" "$chromium" "$driver" "$folder" > "$work/told" \
    || fail "$(cat "$work/told"; tail -5 "$work/out")"
kill "$pid"
wait "$pid" || fail "it did not stop in order: $(tail -5 "$work/out")"
echo "D1 ok: $(tail -1 "$work/told")"
