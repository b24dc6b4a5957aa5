#!/usr/bin/env bash
# F1: public clients trade against the local venues unchanged: alpaca-py, python-binance and ccxt place, fill, cancel, replace
# and read over loopback, meet the venues' own refusals and faults, and agree with the venues' books in the end.
. "$(dirname "$0")/common.sh"
venue_server="${VENUE_SERVER:-$CARGO_TARGET_DIR/release/venue-server}"
[ -x "$venue_server" ] || (cd "$root" && cargo build --workspace --release --locked)
venv="${MERGANSER_TEST_CLIENTS:-$work/venv}"
if ! "$venv/bin/python" -c "import alpaca, binance, ccxt" 2> /dev/null; then
    python3 -m venv "$venv" \
        && "$venv/bin/pip" install --quiet --disable-pip-version-check alpaca-py==0.44.0 python-binance==1.0.37 ccxt==4.5.90 \
        || { echo "skipped: the clients cannot be installed from PyPI"; exit 0; }
fi
for client in alpaca binance; do
    timeout 300 "$venv/bin/python" "$here/support/${client}_client.py" "$venue_server" > "$work/$client" 2> "$work/$client.err" \
        || fail "the clients of $client: $(tail -5 "$work/$client.err")"
    sed 's/^/   /' "$work/$client"
done
echo "F1 ok: public clients trade against the local venues"
