-- What comparisons with PostgreSQL found: each with its sums, and the rows that differed of the newest ones.
CREATE TABLE migration_comparisons (
    comparison   BIGINT NOT NULL,
    "timestamp"  TIMESTAMP NOT NULL,
    ledger_seq   BIGINT NOT NULL,
    market_seq   BIGINT NOT NULL,
    table_name   VARCHAR NOT NULL,
    origin       VARCHAR,
    slices       BIGINT NOT NULL,
    differing    BIGINT NOT NULL,
    duckdb_rows    BIGINT NOT NULL,
    postgres_rows  BIGINT NOT NULL,
    duckdb_hash    VARCHAR NOT NULL,
    postgres_hash  VARCHAR NOT NULL
);

-- A row for each column that differs. `side` says who has the row: only_duckdb, only_postgres, or differs.
CREATE TABLE migration_mismatches (
    comparison   BIGINT NOT NULL,
    table_name   VARCHAR NOT NULL,
    origin       VARCHAR,
    "day"        VARCHAR NOT NULL,
    symbol       VARCHAR NOT NULL,
    "key"        VARCHAR NOT NULL,
    side         VARCHAR NOT NULL,
    column_name  VARCHAR NOT NULL,
    duckdb       VARCHAR,
    postgres     VARCHAR
);
