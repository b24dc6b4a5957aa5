//! PostgreSQL answers as DuckDB does.
