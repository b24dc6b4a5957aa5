#!/usr/bin/env bash
# E6: what is wrong with a server or a mapping is said by its name, with what to do next: a wrong password, a user and a database
# that are not there, a missing table, missing privileges, a clock and time zones that differ, a column that changed its type
# midway, a full disk on either side, a server that takes TLS alone.
. "$(dirname "$0")/common.sh"
. "$here/support/postgres.sh"
. "$here/support/migration.sh"
cd "$work"
small="$work/small"; own="$work/own"; mkdir "$small" "$own"
trap '[ -z "$pid" ] || kill -9 "$pid" 2> /dev/null || true; postgres_stop; umount "$small" "$own" 2> /dev/null || true; rm -rf "$work"' EXIT
postgres_start "$work/pg" || exit 0
old_tables 2000 2 > /dev/null
postgres_settings settings.toml
write_mapping
shown=0
# says WORDS NEXT-STEP COMMAND…: it fails and says both.
says() {
    local words="$1" next="$2"; shift 2
    "$@" > out 2>&1 && fail "$*: it was let through: $(tail -3 out)"
    grep -qF -- "$words" out || fail "$*: does not say '$words': $(cat out)"
    grep -qF -- "$next" out || fail "$*: does not say '$next': $(cat out)"
    ! grep -q swordfish out || fail "a secret is shown: $(cat out)"
    echo "   $(grep -F -- "$words" out | head -1 | cut -c1-220)"
    shown=$(( shown + 1 ))
}
look() { m check "$@"; }
echo wrong > wrong
says "refused the password of owner" "timescale.password_file" look --set timescale.password_file="$work/wrong"
says "could not be reached" "start it" look --set timescale.url="postgres://owner@127.0.0.1:1/market"
says "nowhere" "correct the database" look --set timescale.url="postgres://owner@127.0.0.1:$postgres_port/nowhere"
says "offers no TLS" 'ssl = on' look --set timescale.tls=verify
sed 's/public.raw_trades/public.nosuch/' data/timescale.toml > other.toml
says "public.nosuch: there is no such table" "public.raw_trades" look --set timescale.mapping_file="$work/other.toml"
sed 's/from = "qty"/from = "quantity"/' data/timescale.toml > other.toml
says "there is no column \`quantity\`" "qty" look --set timescale.mapping_file="$work/other.toml"

# A server that takes TLS alone, from an authority of its own.
served="$work/pg/data"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=127.0.0.1" -addext "subjectAltName=IP:127.0.0.1" -addext basicConstraints=critical,CA:FALSE \
    -keyout "$served/server.key" -out "$served/server.crt" 2> /dev/null
chmod 600 "$served/server.key"; [ "$(id -u)" != 0 ] || chown postgres "$served/server.key" "$served/server.crt"
cp "$served/server.crt" authority.pem
cp "$served/pg_hba.conf" hba; sed 's/^host /hostssl /' hba > "$served/pg_hba.conf"
psql_as owner -c "ALTER SYSTEM SET ssl = on" -c "SELECT pg_reload_conf()" > /dev/null
for n in $(seq 50); do [ "$(psql_as owner -c "SHOW ssl")" != on ] || break; sleep 0.1; done
says "refuses connections without TLS" 'timescale.tls = "verify"' look
says "is not trusted" "timescale.ca_file" look --set timescale.tls=verify
m check --set timescale.tls=verify --set timescale.ca_file="$work/authority.pem" > out 2>&1 || fail "with its authority: $(cat out)"
cat hba > "$served/pg_hba.conf"
psql_as owner -c "ALTER SYSTEM RESET ssl" -c "SELECT pg_reload_conf()" > /dev/null

# Privileges: to read a table, and to make a schema.
psql_as owner -c "CREATE ROLE reader LOGIN PASSWORD 'swordfish'" -c "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
as_reader=(--set timescale.url="postgres://reader@127.0.0.1:$postgres_port/market")
says "public.raw_trades: it may not be read" "GRANT SELECT" look "${as_reader[@]}"
psql_as owner -c "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader"
says "may make no schema" "GRANT CREATE ON DATABASE" look "${as_reader[@]}"
psql_as owner -c "ALTER TABLE raw_trades ENABLE ROW LEVEL SECURITY"
says "only some rows" "BYPASSRLS" look "${as_reader[@]}"
psql_as owner -c "ALTER TABLE raw_trades DISABLE ROW LEVEL SECURITY"

# What the catalog calls readable, and the server does not give: a view that was never filled. The others are tried all the same.
psql_as owner -c "CREATE MATERIALIZED VIEW unfilled AS SELECT * FROM raw_trades WITH NO DATA"
sed 's/public.raw_trades/public.unfilled/' data/timescale.toml > other.toml
says "has not been populated" "REFRESH MATERIALIZED VIEW" look --set timescale.mapping_file="$work/other.toml"
says "has not been populated" "REFRESH MATERIALIZED VIEW" m try --set timescale.mapping_file="$work/other.toml"
grep -q "public.my_fills → trades: 5000 rows fit" out || fail "the other tables are not tried: $(cat out)"
psql_as owner -c "DROP MATERIALIZED VIEW unfilled"

# Time: sessions in another zone, and a column without one; a clock that is off.
psql_as owner -c "ALTER DATABASE market SET timezone = 'Asia/Tokyo'" -c "CREATE TABLE local_trades AS SELECT time::timestamp AS time, symbol, price, qty FROM raw_trades LIMIT 5"
cat > zone.toml <<'TOML'
[[table]]
from = "public.local_trades"
into = "market_ticks"
[table.columns]
exchange = { value = "binance" }
symbol = { from = "symbol" }
timestamp = { from = "time" }
kind = { value = "trade" }
last_price = { from = "price" }
volume = { from = "qty" }
TOML
says "public.local_trades into market_ticks.timestamp" 'zone = "UTC"' look --set timescale.mapping_file="$work/zone.toml"
sed 's/from = "time"/from = "time", zone = "UTC"/' zone.toml > zoned.toml
m check --set timescale.mapping_file="$work/zoned.toml" > out 2>&1 || fail "$(cat out)"
grep -q "DOUBT .*Asia/Tokyo" out || fail "a zone that may be wrong is no doubt: $(cat out)"
shown=$(( shown + 1 ))
if command -v faketime > /dev/null; then
    says "behind ours" "NTP" faketime -f '+90s' "$merganser" migrate timescale check --data-dir data --config settings.toml
fi
psql_as owner -c "ALTER DATABASE market RESET timezone"

# Nobody runs; then somebody does, and what is asked too early is refused.
says "no merganser runs" "merganser run" m init
begin
says "the phase is off" "init" m backfill
mv data/timescale.toml kept.toml
says "data/timescale.toml cannot be used" "timescale map" m init
phase=$(field phase); [ "$phase" = off ] || fail "without a mapping the phase is $phase"
mv kept.toml data/timescale.toml
m init > out 2>&1 || fail "$(cat out)"
until_level

# A column changes its type before the backfill, and in the middle of it: nothing of another type is read as a number.
psql_as owner -c "ALTER TABLE my_fills ALTER COLUMN qty TYPE double precision"
says "public.my_fills into trades.quantity: double precision holds no decimal exactly" "floating" m backfill
psql_as owner -c "ALTER TABLE my_fills ALTER COLUMN qty TYPE numeric"
ends
begin --set timescale.backfill_rows_per_second=1000
m backfill --detach > out 2>&1 || fail "$(cat out)"
for n in $(seq 100); do [ "$(field backfill.rows)" = None ] && [ "$(field working.rows)" = 0 ] || break; sleep 0.05; done
psql_as owner -c "ALTER TABLE raw_trades ALTER COLUMN qty TYPE double precision"
for n in $(seq 600); do [ "$(field working)" != None ] || break; sleep 0.1; done
says "the column qty of public.raw_trades was numeric" "and is double precision now" eval 'field last.text && false'
psql_as owner -c "ALTER TABLE raw_trades ALTER COLUMN qty TYPE numeric"
ends
begin
m backfill > out 2>&1 || fail "$(cat out)"

# A value that does not fit stands in the rejects, and who goes on must say how many they are.
psql_as owner -c "INSERT INTO my_fills SELECT md5('nan')::uuid, md5('x')::uuid, 'GENUSDT', 'BUY', 'NaN', 1, min(at) FROM my_fills"
says "1 rows did not fit" "data/rejects/public.my_fills" m backfill --again
says "1 rows did not fit" "--accept-rejects 1" m compare
grep -rq NaN data/rejects || fail "the row that did not fit is in no file of rejects"
m compare --accept-rejects 1 > out 2>&1 || fail "compare: $(cat out)"
ends

# The server's disk is full: rows wait in the journal, trading goes on, and it catches up.
if mount -t tmpfs -o size=120m tmpfs "$small" 2> /dev/null; then
    [ "$(id -u)" != 0 ] || chown postgres "$small"
    psql_as owner -c "CREATE TABLESPACE small LOCATION '$small'"
    psql_as owner -c "ALTER DATABASE market SET default_tablespace = 'small'"
    psql_as owner -c "SELECT 1" > /dev/null
    cat >> settings.toml <<'TOML'
schema = "second"
[feeds.simulated.SIMBTC]
trades_per_sec = 1000
quotes_per_sec = 2000
TOML
    rm -rf data2; mkdir data2; cp data/timescale.toml data2/; mv data data1; mv data2 data
    begin
    m init > out 2>&1 || fail "$(cat out)"
    dd if=/dev/zero of="$small/filler" bs=1M 2> /dev/null || true
    for n in $(seq 300); do [ "$(field sink.state)" != failed ] || break; sleep 0.2; done
    m status > out; grep -q "disk" out || fail "a full disk of the server is not said: $(cat out)"
    echo "   $(grep -i disk out | head -1 | cut -c1-220)"
    ticks() { "$merganser" sql --data-dir data --format csv "SELECT count(*) FROM market_ticks" | tail -1; }
    before=$(ticks); after=$before
    for n in $(seq 30); do [ "$after" -gt "$before" ] && break; sleep 2; after=$(ticks); done
    [ "$after" -gt "$before" ] || fail "the market waits for the server's disk"
    rm "$small/filler"
    until_level
    shown=$(( shown + 1 ))
    ends
    psql_as owner -c "ALTER DATABASE market RESET default_tablespace"

    # Our own disk is full: a backfill says so and ends; where there is room it goes on.
    mount -t tmpfs -o size=2g tmpfs "$own"
    mkdir "$own/data"; cp data/timescale.toml "$own/data/"; rm -rf data; ln -s "$own/data" data
    sed -i 's/^schema = .*/schema = "third"\n[duckdb]\nreserve_bytes = 268435456/' settings.toml
    begin
    m init > out 2>&1 || fail "$(cat out)"
    until_level
    fallocate -l "$(( $(df --output=avail -B1 "$own" | tail -1) - 134217728 ))" "$own/filler"
    says "the disk has less room than duckdb.reserve_bytes" "make room" m backfill
    rm "$own/filler"
    for n in $(seq 100); do m backfill > out 2>&1 || true; ! grep -q "1 rows did not fit" out || break; sleep 0.2; done
    grep -q "1 rows did not fit" out || fail "there is room and it does not go on: $(cat out)"
    ends
else
    echo "   skipped: no small disk can be mounted here"
fi
echo "E6 ok: $shown mistakes, each said with its name and the next step"
