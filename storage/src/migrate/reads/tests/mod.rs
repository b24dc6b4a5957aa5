//! PostgreSQL answers as DuckDB does, or says why not.

mod alone;
mod ends;
mod equal;
mod refused;
mod rows;
mod twice;
mod world;

use super::{Error, Lent, Sessions};

/// Waits for a connection.
fn lend(sessions: &Sessions) -> Result<Lent, Error> {
    let threads = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    threads.block_on(sessions.lend())
}
