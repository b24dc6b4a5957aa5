# Shared by the scripts beside it: where things are, and how they begin and end.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/merganser-target}"
merganser="$CARGO_TARGET_DIR/release/merganser"
[ -x "$merganser" ] || (cd "$root" && cargo build --release --locked)
shared="$root/../shared/data"
f1="$shared/binance/btcusdt_20240808.gz"
f2="$shared/binance/btcusdt_20240809.gz"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

need_recording() {
    [ -f "$f1" ] && [ -f "$f2" ] && return
    echo "skipped: the recorded data is not beside the checkout"
    exit 0
}
sql() { "$merganser" sql --data-dir "$1" --format csv "$2" | tail -n +2; }
fail() { echo "FAILED: $*"; exit 1; }
expect() { [ "$2" = "$3" ] || fail "$1: found '$2', expected '$3'"; }
