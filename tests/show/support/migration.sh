# What somebody has in PostgreSQL who is to leave it, and a merganser that runs beside: for the scripts e*.sh. Source it after
# common.sh and postgres.sh; nothing happens by itself.
#
#   old_tables ROWS DAYS     makes raw_trades (ROWS generated rows of GENUSDT over DAYS days, and the recorded ones of BTCUSDT where
#                            the recordings are there), my_orders and my_fills; sets old_first and old_step (microseconds)
#   write_mapping            writes data/timescale.toml for them
#   begin [arguments]        starts `merganser run` on data/ with settings.toml, and waits until it answers; sets pid
#   ends, pulls_plug         stops it in order, or kills it
#   m …                      `merganser migrate timescale …` on it
#   field NAME               a value of the status as JSON, as sink.rows
#   until_level [SECONDS]    waits until PostgreSQL has all that is durable, 600 s at most
pid=""

old_tables() {
    local rows="$1" days="$2" shared_trades="$root/../shared/data/timescaledb/raw_trades.csv.gz"
    old_step=$(( days * 86400 * 1000000 / rows ))
    old_first=$(( ($(date +%s) / 86400 - days - 2) * 86400 * 1000000 ))
    psql_as owner <<SQL
CREATE TABLE raw_trades (time timestamptz NOT NULL, exchange text NOT NULL, symbol text NOT NULL, trade_id bigint NOT NULL,
    price numeric(18, 8) NOT NULL, qty numeric NOT NULL, buyer_maker boolean NOT NULL);
INSERT INTO raw_trades
    SELECT TIMESTAMPTZ '1970-01-01 00:00:00+00' + INTERVAL '1 microsecond' * ($old_first + n * $old_step), 'binance', 'GENUSDT', n,
        (10000000000 + n * 7919 % 1000000000)::numeric / 100000000, (1 + n * 31 % 100000)::numeric / 100000000, n % 3 = 0
    FROM generate_series(0::bigint, $rows - 1) n;
CREATE INDEX ON raw_trades (time);
CREATE TABLE my_orders (id uuid PRIMARY KEY, symbol text NOT NULL, side text NOT NULL, qty numeric NOT NULL, price numeric NOT NULL,
    made timestamptz NOT NULL);
INSERT INTO my_orders
    SELECT md5('order ' || n)::uuid, 'GENUSDT', CASE n % 2 WHEN 0 THEN 'BUY' ELSE 'SELL' END, n::numeric / 1000, 100 + n::numeric / 100,
        TIMESTAMPTZ '1970-01-01 00:00:00+00' + INTERVAL '1 microsecond' * ($old_first + n * 7000001)
    FROM generate_series(1::bigint, 5000) n;
CREATE TABLE my_fills (id uuid PRIMARY KEY, order_id uuid NOT NULL, symbol text NOT NULL, side text NOT NULL, qty numeric NOT NULL,
    price numeric NOT NULL, at timestamptz NOT NULL);
INSERT INTO my_fills
    SELECT md5('fill ' || n)::uuid, md5('order ' || n)::uuid, 'GENUSDT', CASE n % 2 WHEN 0 THEN 'BUY' ELSE 'SELL' END, n::numeric / 1000,
        100 + n::numeric / 100, TIMESTAMPTZ '1970-01-01 00:00:00+00' + INTERVAL '1 microsecond' * ($old_first + n * 7000001 + 1500)
    FROM generate_series(1::bigint, 5000) n;
SQL
    if [ -f "$shared_trades" ]; then
        gzip -dc "$shared_trades" | psql_as owner -c "CREATE TEMP TABLE t (time timestamptz, symbol text, trade_id bigint, price numeric,
                qty numeric, buyer_maker boolean, recv timestamptz)" -c "\\copy t FROM STDIN CSV HEADER" \
            -c "INSERT INTO raw_trades SELECT time, 'binance', symbol, trade_id, price, qty, buyer_maker FROM t"
    else
        echo "skipped: the recorded trades are not beside the checkout"
    fi
    psql_as owner -c "ANALYZE"
}

write_mapping() {
    mkdir -p data
    cat > data/timescale.toml <<'TOML'
[[table]]
from = "public.raw_trades"
into = "market_ticks"
[table.columns]
exchange = { from = "exchange" }
symbol = { from = "symbol" }
timestamp = { from = "time" }
kind = { value = "trade" }
last_price = { from = "price" }
volume = { from = "qty" }
aggressor_side = { from = "buyer_maker", values = { false = "buy", true = "sell" } }
sequence_number = { from = "trade_id" }

[[table]]
from = "public.my_orders"
into = "orders"
[table.columns]
order_id = { from = "id" }
account = { value = "paper" }
client_order_id = { value = "old" }
exchange = { value = "binance" }
symbol = { from = "symbol" }
side = { from = "side", values = { BUY = "buy", SELL = "sell" } }
order_type = { value = "limit" }
time_in_force = { value = "gtc" }
quantity = { from = "qty" }
price = { from = "price" }
filled_quantity = { from = "qty" }
status = { value = "filled" }
created_at = { from = "made" }
updated_at = { from = "made" }
correlation_id = { from = "id" }
strategy_id = { value = "old" }

[[table]]
from = "public.my_fills"
into = "trades"
[table.columns]
trade_id = { from = "id" }
order_id = { from = "order_id" }
account = { value = "paper" }
exchange = { value = "binance" }
symbol = { from = "symbol" }
side = { from = "side", values = { BUY = "buy", SELL = "sell" } }
quantity = { from = "qty" }
price = { from = "price" }
executed_at = { from = "at" }
execution_id = { value = "old" }
strategy_id = { value = "old" }
correlation_id = { from = "order_id" }
TOML
}

begin() {
    : > running # or the lines of the run before would answer
    "$merganser" run --data-dir data --config settings.toml "$@" > running 2>&1 & pid=$!
    until grep -q "merganser runs on" running 2> /dev/null; do sleep 0.05; kill -0 "$pid" 2> /dev/null || fail "$(cat running)"; done
    until "$merganser" sql --data-dir data "SELECT 1" > out 2> err; do sleep 0.1; kill -0 "$pid" 2> /dev/null || fail "$(cat running err)"; done
}
ends() { kill -INT "$pid"; wait "$pid" || fail "it did not stop in order: $(tail -5 running)"; pid=""; }
pulls_plug() { kill -9 "$pid"; wait "$pid" 2> /dev/null || true; pid=""; }
m() { "$merganser" migrate timescale "$@" --data-dir data --config settings.toml; }
field() { m status --json | python3 -c 'import json, sys
value = json.load(sys.stdin)
for name in sys.argv[1].split("."): value = None if value is None else value[name]
print(value)' "$1"; }
until_level() {
    local end=$(( SECONDS + ${1:-600} ))
    # What asks must take little of the machine, for what catches up has only what trading leaves of it.
    until m status 2>&1 | grep '^sink  *following, .* rows written, [0-2]\.[0-9] s behind' > /dev/null; do
        [ "$SECONDS" -lt "$end" ] || { m status || true; fail "PostgreSQL has not caught up in ${1:-600} s: $(tail -5 running)"; }
        sleep 0.5
    done
}
