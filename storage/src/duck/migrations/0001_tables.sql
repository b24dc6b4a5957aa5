-- The eight tables and their companions. Ticks have a table per day (see ticks.rs); this file holds the shape
-- that they share. Times are UTC in microseconds, prices DECIMAL(18,8), quantities and money DECIMAL(38,9).

CREATE TABLE ticks_template (
    tick_id          BIGINT NOT NULL,
    exchange         VARCHAR NOT NULL,
    symbol           VARCHAR NOT NULL,
    "timestamp"      TIMESTAMP NOT NULL,
    kind             VARCHAR NOT NULL,
    bid_price        DECIMAL(18, 8),
    ask_price        DECIMAL(18, 8),
    bid_size         DECIMAL(18, 8),
    ask_size         DECIMAL(18, 8),
    last_price       DECIMAL(18, 8),
    volume           DECIMAL(18, 8),
    aggressor_side   VARCHAR,
    sequence_number  BIGINT,
    conditions       VARCHAR,
    source           VARCHAR NOT NULL,
    revision         SMALLINT NOT NULL,
    correlation_id   UUID,
    ingestion_time   TIMESTAMP NOT NULL
);

CREATE TABLE ohlcv_bars (
    bar_id           BIGINT PRIMARY KEY,
    exchange         VARCHAR NOT NULL,
    symbol           VARCHAR NOT NULL,
    timeframe        VARCHAR NOT NULL,
    "timestamp"      TIMESTAMP NOT NULL,
    "open"           DECIMAL(18, 8) NOT NULL,
    high             DECIMAL(18, 8) NOT NULL,
    low              DECIMAL(18, 8) NOT NULL,
    "close"          DECIMAL(18, 8) NOT NULL,
    volume           DECIMAL(38, 9) NOT NULL,
    notional         DECIMAL(38, 9) NOT NULL,
    vwap             DECIMAL(18, 8),
    trade_count      BIGINT NOT NULL,
    revision         SMALLINT NOT NULL,
    is_complete      BOOLEAN NOT NULL,
    UNIQUE (exchange, symbol, timeframe, "timestamp")
);

CREATE TABLE orders (
    order_id            UUID PRIMARY KEY,
    account             VARCHAR NOT NULL,
    client_order_id     VARCHAR NOT NULL UNIQUE,
    exchange            VARCHAR NOT NULL,
    symbol              VARCHAR NOT NULL,
    side                VARCHAR NOT NULL,
    order_type          VARCHAR NOT NULL,
    time_in_force       VARCHAR NOT NULL,
    quantity            DECIMAL(38, 9) NOT NULL,
    quote_quantity      DECIMAL(38, 9),
    price               DECIMAL(18, 8),
    stop_price          DECIMAL(18, 8),
    trail_amount        DECIMAL(18, 8),
    filled_quantity     DECIMAL(38, 9) NOT NULL,
    average_fill_price  DECIMAL(18, 8),
    status              VARCHAR NOT NULL,
    reason_code         VARCHAR,
    reason              VARCHAR,
    created_at          TIMESTAMP NOT NULL,
    submitted_at        TIMESTAMP,
    updated_at          TIMESTAMP NOT NULL,
    filled_at           TIMESTAMP,
    commission          DECIMAL(38, 9),
    commission_asset    VARCHAR,
    correlation_id      UUID NOT NULL,
    strategy_id         VARCHAR NOT NULL,
    parent_order_id     UUID,
    contingency         VARCHAR,
    position_intent     VARCHAR,
    as_of               BIGINT,
    metadata            STRUCT(origin VARCHAR, note VARCHAR, risk VARCHAR)
);

CREATE TABLE order_ids (
    order_id         UUID NOT NULL,
    attempt          INTEGER NOT NULL,
    client_order_id  VARCHAR NOT NULL UNIQUE,
    venue_order_id   VARCHAR,
    since            TIMESTAMP NOT NULL,
    PRIMARY KEY (order_id, attempt)
);

CREATE TABLE order_events (
    order_id         UUID NOT NULL,
    number           INTEGER NOT NULL,
    account          VARCHAR NOT NULL,
    client_order_id  VARCHAR NOT NULL,
    exchange         VARCHAR NOT NULL,
    symbol           VARCHAR NOT NULL,
    strategy_id      VARCHAR NOT NULL,
    event            VARCHAR NOT NULL,
    state            VARCHAR NOT NULL,
    reason           VARCHAR,
    reason_text      VARCHAR,
    "timestamp"      TIMESTAMP NOT NULL,
    quantity         DECIMAL(38, 9) NOT NULL,
    filled_quantity  DECIMAL(38, 9) NOT NULL,
    execution_id     VARCHAR,
    last_quantity    DECIMAL(38, 9),
    last_price       DECIMAL(18, 8),
    correlation_id   UUID NOT NULL,
    as_of            BIGINT,
    PRIMARY KEY (order_id, number)
);

CREATE TABLE trades (
    trade_id          UUID PRIMARY KEY,
    account           VARCHAR NOT NULL,
    order_id          UUID NOT NULL REFERENCES orders (order_id),
    exchange          VARCHAR NOT NULL,
    symbol            VARCHAR NOT NULL,
    side              VARCHAR NOT NULL,
    quantity          DECIMAL(38, 9) NOT NULL,
    price             DECIMAL(18, 8) NOT NULL,
    executed_at       TIMESTAMP NOT NULL,
    reported_at       TIMESTAMP,
    commission        DECIMAL(38, 9),
    commission_asset  VARCHAR,
    liquidity         VARCHAR,
    realized_pnl      DECIMAL(38, 9),
    execution_id      VARCHAR NOT NULL,
    strategy_id       VARCHAR NOT NULL,
    correlation_id    UUID NOT NULL,
    as_of             BIGINT,
    UNIQUE (account, exchange, execution_id)
);

CREATE TABLE positions (
    position_id      BIGINT PRIMARY KEY,
    account          VARCHAR NOT NULL,
    exchange         VARCHAR NOT NULL,
    symbol           VARCHAR NOT NULL,
    side             VARCHAR NOT NULL,
    quantity         DECIMAL(38, 9) NOT NULL,
    cost_basis       DECIMAL(38, 9) NOT NULL,
    avg_entry_price  DECIMAL(18, 8),
    current_price    DECIMAL(18, 8),
    unrealized_pnl   DECIMAL(38, 9),
    realized_pnl     DECIMAL(38, 9),
    opened_at        TIMESTAMP,
    closed_at        TIMESTAMP,
    snapshot_time    TIMESTAMP NOT NULL,
    strategy_id      VARCHAR NOT NULL,
    correlation_id   UUID
);

-- The newest row first, then the flat ones left out: the other way round, closed positions come back to life.
CREATE VIEW current_positions AS
    SELECT * FROM (
        SELECT * FROM positions
        QUALIFY row_number() OVER (PARTITION BY account, exchange, symbol, strategy_id ORDER BY position_id DESC) = 1
    ) WHERE side <> 'flat';

CREATE TABLE balances (
    balance_id   BIGINT PRIMARY KEY,
    account      VARCHAR NOT NULL,
    asset        VARCHAR NOT NULL,
    total        DECIMAL(38, 9) NOT NULL,
    "timestamp"  TIMESTAMP NOT NULL
);

CREATE TABLE portfolio_snapshots (
    snapshot_id      BIGINT PRIMARY KEY,
    account          VARCHAR NOT NULL,
    currency         VARCHAR NOT NULL,
    snapshot_time    TIMESTAMP NOT NULL,
    snapshot_type    VARCHAR NOT NULL,
    cash_balance     DECIMAL(38, 9),
    portfolio_value  DECIMAL(38, 9),
    total_pnl        DECIMAL(38, 9),
    daily_pnl        DECIMAL(38, 9),
    max_drawdown     DECIMAL(38, 9),
    leverage         DECIMAL(18, 8),
    long_positions   INTEGER NOT NULL,
    short_positions  INTEGER NOT NULL
);

CREATE TABLE system_metrics (
    metric_id       BIGINT PRIMARY KEY,
    "timestamp"     TIMESTAMP NOT NULL,
    metric_name     VARCHAR NOT NULL,
    metric_type     VARCHAR NOT NULL,
    "value"         DOUBLE NOT NULL,
    labels          STRUCT(component VARCHAR, actor VARCHAR, venue VARCHAR, symbol VARCHAR, tier VARCHAR),
    quantiles       STRUCT(p50 DOUBLE, p95 DOUBLE, p99 DOUBLE, p999 DOUBLE),
    correlation_id  UUID
);

CREATE TABLE application_logs (
    log_id          BIGINT PRIMARY KEY,
    "timestamp"     TIMESTAMP NOT NULL,
    "level"         VARCHAR NOT NULL,
    service         VARCHAR NOT NULL,
    component       VARCHAR,
    message         VARCHAR NOT NULL,
    "event"         VARCHAR,
    context         STRUCT(order_id VARCHAR, symbol VARCHAR, strategy_id VARCHAR, venue VARCHAR),
    "data"          JSON,
    "exception"     STRUCT("type" VARCHAR, message VARCHAR, backtrace VARCHAR),
    source          STRUCT("file" VARCHAR, line INTEGER, target VARCHAR),
    correlation_id  UUID
);

CREATE TABLE instruments (
    exchange       VARCHAR NOT NULL,
    symbol         VARCHAR NOT NULL,
    base           VARCHAR NOT NULL,
    quote          VARCHAR NOT NULL,
    price_step     DECIMAL(18, 8) NOT NULL,
    quantity_step  DECIMAL(38, 9) NOT NULL,
    min_quantity   DECIMAL(38, 9) NOT NULL,
    max_quantity   DECIMAL(38, 9) NOT NULL,
    min_notional   DECIMAL(38, 9) NOT NULL,
    sessions       VARCHAR NOT NULL,
    PRIMARY KEY (exchange, symbol)
);

CREATE TABLE feed_gaps (
    gap_id         BIGINT PRIMARY KEY,
    exchange       VARCHAR NOT NULL,
    symbol         VARCHAR NOT NULL,
    channel        VARCHAR NOT NULL,
    cause          VARCHAR NOT NULL,
    "from"         TIMESTAMP NOT NULL,
    "to"           TIMESTAMP,
    first_missing  BIGINT,
    resumed_at     BIGINT
);

CREATE TABLE undecodable_frames (
    market_seq  BIGINT NOT NULL,
    number      INTEGER NOT NULL,
    feed        VARCHAR NOT NULL,
    received    TIMESTAMP NOT NULL,
    error       VARCHAR NOT NULL,
    frame       VARCHAR NOT NULL,
    PRIMARY KEY (market_seq, number)
);

CREATE TABLE strategy_state (
    strategy_id  VARCHAR NOT NULL,
    generation   INTEGER NOT NULL,
    "timestamp"  TIMESTAMP NOT NULL,
    bytes        INTEGER NOT NULL,
    ledger_seq   BIGINT PRIMARY KEY
);

CREATE TABLE actions (
    ledger_seq   BIGINT PRIMARY KEY,
    "timestamp"  TIMESTAMP NOT NULL,
    "by"         VARCHAR NOT NULL,
    what         VARCHAR NOT NULL,
    subject      VARCHAR NOT NULL,
    why          VARCHAR NOT NULL
);

-- Every part of every partition, with the tier that owns it.
CREATE TABLE partitions (
    table_name   VARCHAR NOT NULL,
    period       VARCHAR NOT NULL,
    part         INTEGER NOT NULL,
    tier         VARCHAR NOT NULL,
    location     VARCHAR NOT NULL,
    PRIMARY KEY (table_name, period, part)
);

-- Inserted, never updated: the newest row of a consumer and log is its offset.
CREATE TABLE consumer_offsets (
    consumer   VARCHAR NOT NULL,
    log        VARCHAR NOT NULL,
    seq        BIGINT NOT NULL
);
