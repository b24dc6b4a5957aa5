//! PostgreSQL answers as DuckDB does, or says why not.

mod ends;
mod equal;
mod refused;
mod world;
