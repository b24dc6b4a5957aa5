//! Several questions of one state of the database.
//!
//! A table that another session writes anew and commits (TRUNCATE, most of ALTER TABLE, the compression of a chunk), or puts another
//! in the place of, shows to an older snapshot none of its rows: they stand no longer where that looks, and not yet where they
//! are. What a transaction has read is locked for it until it ends, so that such a table is known when the last question was
//! answered: its file is another than the snapshot says, or the snapshot knows no such table. An answer from it is none.
//!
//! What this does not see: `decompress_chunk` of TimescaleDB gives rows back to a file that was empty, and stays the same.

use super::super::Error;
use super::Session;

/// How often a state is asked for: each time a table must have been written anew in a moment.
const TRIES: usize = 3;

/// Tables that were read and that were written anew since the snapshot, or are newer. Catalogs are left out; some have no file of
/// their own.
const REWRITTEN: &str = "SELECT l.relation::regclass::text FROM pg_locks l LEFT JOIN pg_class c ON c.oid = l.relation
    WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND (c.oid IS NULL
    OR c.relkind IN ('r', 'm') AND c.relnamespace <> 'pg_catalog'::regnamespace AND c.relfilenode <> 0
    AND c.relfilenode IS DISTINCT FROM pg_relation_filenode(c.oid)) LIMIT 1";

impl Session {
    /// Asks several questions of one state of the database, in which nothing is written and no table changes; of a later state
    /// where a table was written anew meanwhile, so that `ask` begins from nothing each time.
    ///
    /// # Errors
    /// Those of the questions; a table is written anew again and again; the server refuses, or is gone.
    pub fn in_snapshot<T, E: From<Error>>(
        &self,
        what: &'static str,
        mut ask: impl FnMut(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        for _ in 1..TRIES {
            if let (answer, None) = self.in_snapshot_now(what, &mut ask)? {
                return Ok(answer);
            }
        }
        self.in_one_snapshot(what, ask)
    }

    /// As [`Self::in_snapshot`], where `ask` cannot begin again.
    ///
    /// # Errors
    /// Those of the questions; a table was written anew meanwhile; the server refuses, or is gone.
    pub fn in_one_snapshot<T, E: From<Error>>(
        &self,
        what: &'static str,
        ask: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        match self.in_snapshot_now(what, ask)? {
            (answer, None) => Ok(answer),
            (_, Some(table)) => Err(Error::Rewritten { server: self.server.name(), what, table }.into()),
        }
    }

    /// What was answered, and a table that was written anew meanwhile.
    fn in_snapshot_now<T, E: From<Error>>(
        &self,
        what: &'static str,
        ask: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<(T, Option<String>), E> {
        self.execute(what, "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let answer = ask(self).and_then(|answer| Ok((answer, self.ask(what, REWRITTEN, &[])?)));
        // What is broken off must not leave the session inside a transaction.
        let ended = self.execute(what, "ROLLBACK");
        let (answer, rewritten) = answer?;
        ended?;
        Ok((answer, rewritten.first().map(|row| row.get(0))))
    }
}
