-- From an order to what was known when it was decided: `as_of` of orders, order_events and trades is the number of a
-- delivery to orders, which had seen the market up to `market_to`, a tick_id.
CREATE TABLE decisions (
    as_of        BIGINT NOT NULL,
    "timestamp"  TIMESTAMP NOT NULL,
    market_from  BIGINT NOT NULL,
    market_to    BIGINT NOT NULL,
    what         VARCHAR NOT NULL,
    strategy_id  VARCHAR,
    generation   INTEGER
);
