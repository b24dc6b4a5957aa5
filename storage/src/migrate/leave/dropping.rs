//! The one transaction that removes anything on the server: it locks every table that was exported, looks whether each is
//! still what it was then, and drops all of them or none.

use super::Error;
use super::record::{Exported, OfTable};
use super::server::{columns, fingerprint};
use crate::postgres::{self, Session};

const WHAT: &str = "drop the tables that were exported";

/// That other objects depend on what is dropped.
const DEPENDED: &str = "2BP01";

/// Drops every table of an export. Returns their names.
///
/// # Errors
/// One has changed, somebody uses it for longer than half a minute, or something else depends on it: then all are as they were.
pub fn drop_all(session: &Session, exported: &Exported) -> Result<Vec<String>, Error> {
    let tables: Vec<&OfTable> = exported.droppable().collect();
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    session.execute(WHAT, "BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED")?;
    let done = lock_and_drop(session, &tables);
    if done.is_err() {
        // What is broken off must not leave the session inside a transaction.
        let _ = session.execute(WHAT, "ROLLBACK");
    }
    done?;
    Ok(tables.iter().map(|table| table.name.clone()).collect())
}

fn lock_and_drop(session: &Session, tables: &[&OfTable]) -> Result<(), Error> {
    let list = tables.iter().map(|table| table.sql.as_str()).collect::<Vec<_>>().join(", ");
    session.execute(WHAT, "SET LOCAL lock_timeout = '30s'")?;
    session.execute(WHAT, &format!("LOCK TABLE {list} IN ACCESS EXCLUSIVE MODE"))?;
    for table in tables {
        let columns = columns(session, &table.sql)?;
        let found = fingerprint(session, &table.sql, &columns)?;
        if found != table.fingerprint || columns != table.columns {
            let (name, expected) = (table.name.clone(), table.fingerprint.clone());
            return Err(Error::ChangedTable { table: name, expected, found });
        }
    }
    // All in one statement: tables that refer to each other go together, and nothing else goes with them.
    session.execute(WHAT, &format!("DROP TABLE {list}")).map_err(|error| match error {
        postgres::Error::Refused { code, reason, .. } if code == DEPENDED => Error::Depended { reason },
        other => other.into(),
    })?;
    Ok(session.execute(WHAT, "COMMIT")?)
}
