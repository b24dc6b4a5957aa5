//! A table that is written anew while somebody reads it.

use super::super::Session;
use super::running::until;

/// Writes a table anew with the rows that it has: a snapshot that is older than the end of it sees none of them.
pub fn same_rows(table: &str) -> String {
    format!(
        "CREATE TEMPORARY TABLE kept ON COMMIT DROP AS SELECT * FROM {table};
         TRUNCATE {table}; INSERT INTO {table} SELECT * FROM kept"
    )
}

/// Ends a transaction that has written a table anew, as soon as somebody waits for that.
pub fn commit_when_awaited(session: &Session, table: &str) {
    let waiting = format!("SELECT count(*) FROM pg_locks WHERE relation = '{table}'::regclass AND NOT granted");
    let waiting = || session.ask("look at locks", &waiting, &[]).unwrap()[0].get::<_, i64>(0);
    until("somebody waits for the table", || waiting() > 0);
    session.execute("end it", "COMMIT").unwrap();
}
