#!/usr/bin/env bash
# F1: public clients trade against the local venues unchanged: alpaca-py, python-binance and ccxt place, fill, cancel, replace
# and read over loopback, meet the venues' own refusals and every kind of fault, and agree with the venues' books in the end.
. "$(dirname "$0")/common.sh"
venue_server="${VENUE_SERVER:-$CARGO_TARGET_DIR/release/venue-server}"
[ -x "$venue_server" ] || (cd "$root" && cargo build --workspace --release --locked)
venv="${MERGANSER_TEST_CLIENTS:-$work/venv}"
clients=(alpaca-py==0.44.0 python-binance==1.0.37 ccxt==4.5.90)
if ! "$venv/bin/python" -c "import alpaca, binance, ccxt" 2> /dev/null; then
    python3 -m venv "$venv" > "$work/pip" 2>&1 || fail "no virtual environment for the clients: $(tail -3 "$work/pip")"
    if ! "$venv/bin/pip" install --quiet --disable-pip-version-check "${clients[@]}" >> "$work/pip" 2>&1; then
        # Nothing of PyPI is reached, or what it says is a failure.
        [ "${MERGANSER_REQUIRE_SERVICES:-}" != 1 ] && ! "$venv/bin/pip" download --quiet --no-deps --dest "$work" pip > /dev/null 2>&1 \
            && { echo "skipped: PyPI is not reached, where the clients come from"; exit 0; }
        fail "the clients cannot be installed: $(tail -3 "$work/pip")"
    fi
fi
for client in alpaca binance; do
    timeout 300 "$venv/bin/python" "$here/support/${client}_client.py" "$venue_server" > "$work/$client" 2> "$work/$client.err" \
        || fail "the clients of $client: $(tail -5 "$work/$client.err")"
    sed 's/^/   /' "$work/$client"
done
orders=$(cat "$work/alpaca" "$work/binance" | grep -oE '[0-9]+ orders placed' | awk '{ sum += $1 } END { print sum }')
faults=$(cat "$work/alpaca" "$work/binance" | grep -oE '[0-9]+ faults met' | awk '{ sum += $1 } END { print sum }')
echo "F1 ok: ${clients[*]} placed $orders orders at the local venues and met $faults faults; the venues' books say what the clients say"
