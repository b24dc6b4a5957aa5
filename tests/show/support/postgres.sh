# A PostgreSQL for the scripts beside it: a cluster of their own in a temporary folder, on loopback, run by a user who is not
# root. It is ended by the process id that was started. Source it; nothing happens by itself.
#
#   postgres_start DIR       makes the cluster if there is none, and starts it; sets postgres_port, postgres_pid, postgres_url
#   postgres_kill            pulls its plug
#   postgres_stop            ends it in order
#   psql_as USER [psql …]    psql on the database `market`; the owner is `owner`
#   postgres_settings FILE   writes the settings that lead merganser to it
postgres_pid="" postgres_port=""

postgres_programs() {
    local found
    found="$(compgen -G '/usr/lib/postgresql/*/bin/postgres' | sort -V | tail -1)" || true
    [ -n "$found" ] || { echo "skipped: PostgreSQL is not installed"; return 1; }
    dirname "$found"
}

# PostgreSQL refuses root.
postgres_user=()
[ "$(id -u)" != 0 ] || postgres_user=(setpriv --reuid=postgres --regid=postgres --clear-groups --)

postgres_start() {
    local dir="$1" programs n
    programs="$(postgres_programs)" || return 1
    if [ ! -d "$dir/data" ]; then
        mkdir -p "$dir"
        # Whoever runs it must reach its folder, and nothing else of the work.
        chmod 711 "$work"; [ "$(id -u)" != 0 ] || chown postgres "$dir"
        echo swordfish > "$dir/password"; chmod 644 "$dir/password"
        (cd "$dir" && "${postgres_user[@]}" "$programs/initdb" -D data -U owner -A scram-sha-256 -E UTF8 --locale=C --pwfile=password > "$dir.log" 2>&1) \
            || { cat "$dir.log"; return 1; }
        postgres_port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
    fi
    for n in $(seq 3000); do
        # What a plug that was pulled leaves behind may still work on something, and keeps the next one out until it looks up.
        [ "$n" != 1 ] && kill -0 "$postgres_pid" 2> /dev/null || {
            (cd "$dir" && exec "${postgres_user[@]}" "$programs/postgres" -D data -k "$dir" -h 127.0.0.1 -p "$postgres_port" \
                -c max_wal_size=4GB) >> "$dir.log" 2>&1 &
            postgres_pid=$!
        }
        PGPASSWORD=swordfish psql -h 127.0.0.1 -p "$postgres_port" -U owner -d postgres -qAt -c 'SELECT 1' > /dev/null 2>&1 && break
        sleep 0.1
    done
    [ "$n" -lt 3000 ] || { tail -20 "$dir.log"; return 1; }
    postgres_url="postgres://owner@127.0.0.1:$postgres_port/market"
    PGPASSWORD=swordfish psql -h 127.0.0.1 -p "$postgres_port" -U owner -d postgres -qAt -c 'CREATE DATABASE market' > /dev/null 2>&1 || true
}

postgres_kill() { kill -9 "$postgres_pid" 2> /dev/null || true; wait "$postgres_pid" 2> /dev/null || true; }
postgres_stop() { [ -z "$postgres_pid" ] || { kill -INT "$postgres_pid" 2> /dev/null; wait "$postgres_pid"; } || true; postgres_pid=""; }
psql_as() { local user="$1"; shift; PGPASSWORD=swordfish psql -h 127.0.0.1 -p "$postgres_port" -U "$user" -d market -qAt -v ON_ERROR_STOP=1 "$@"; }
postgres_settings() {
    printf '%s\n' swordfish > "$work/pg-password"
    printf '[timescale]\nurl = "%s"\npassword_file = "%s"\ntls = "off"\n' "$postgres_url" "$work/pg-password" > "$1"
}
