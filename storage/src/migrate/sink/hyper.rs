//! TimescaleDB, where it is installed: hypertables, their compression, and the end of their rows' life.
//!
//! Compression and retention belong to its community edition; where only the other one is licensed the hypertables are there
//! without them, and that is said.

use std::time::Duration;

use super::Error;
use super::tables::{Cut, Table};
use crate::postgres::Session;
use crate::postgres::catalog::quoted;
use crate::settings::{Age, AtEnd, Limits};

const WHAT: &str = "make a hypertable";

/// The extension in a database.
pub(super) struct Extension {
    /// The schema of its functions.
    functions: String,
    /// True if compression and retention may be used.
    has_policies: bool,
}

impl Extension {
    /// `None` where it is not installed.
    ///
    /// # Errors
    /// The server refuses, or is gone.
    pub(super) fn find(session: &Session) -> Result<Option<Self>, Error> {
        let select = "SELECT n.nspname::text, current_setting('timescaledb.license', true)
            FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'timescaledb'";
        let rows = session.ask("look for TimescaleDB", select, &[])?;
        let found = |row: &tokio_postgres::Row| Self {
            functions: quoted(row.get(0)),
            has_policies: row.get::<_, Option<&str>>(1) == Some("timescale"),
        };
        Ok(rows.first().map(found))
    }

    /// Makes a table that is empty a hypertable, in the caller's transaction.
    ///
    /// # Errors
    /// The server refuses, or is gone.
    pub(super) fn create(&self, session: &Session, table: &Table, schema: &str) -> Result<(), Error> {
        let Cut::Hypertable { chunk, segment_by, compress_after, .. } = table.cut else { return Ok(()) };
        let (functions, name, time) = (&self.functions, table.in_schema(schema), table.time);
        let create = format!(
            "SELECT {functions}.create_hypertable('{name}', '{time}', chunk_time_interval => INTERVAL '{chunk}',
                create_default_indexes => false)"
        );
        session.execute(WHAT, &create)?;
        if !self.has_policies {
            tracing::warn!(
                table = table.name,
                "this TimescaleDB is licensed without compression and retention: neither is set"
            );
            return Ok(());
        }
        // Whatever makes a row unique must be told from compressed rows, too.
        let rest = table.key.iter().filter(|name| !segment_by.split(", ").any(|by| by == **name));
        let order_by = rest.map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        let compress = format!(
            "ALTER TABLE {name} SET (timescaledb.compress, timescaledb.compress_segmentby = '{segment_by}',
                timescaledb.compress_orderby = '{order_by}');
             SELECT {functions}.add_compression_policy('{name}', INTERVAL '{compress_after}')"
        );
        Ok(session.execute("set the compression of a hypertable", &compress)?)
    }

    /// Sets for how long the hypertables of a schema keep rows, in the caller's transaction: as the settings say now.
    ///
    /// # Errors
    /// The server refuses, or is gone.
    pub(super) fn retain(
        &self,
        session: &Session,
        schema: &str,
        lives: &[(&Table, Option<Duration>)],
    ) -> Result<(), Error> {
        const WHAT: &str = "set how long a hypertable keeps rows";
        if !self.has_policies {
            return Ok(());
        }
        let select =
            "SELECT hypertable_name::text FROM timescaledb_information.hypertables WHERE hypertable_schema = $1";
        let found = session.ask(WHAT, select, &[&schema])?;
        let names: Vec<&str> = found.iter().map(|row| row.get(0)).collect();
        for (table, life) in lives.iter().filter(|(table, _)| names.contains(&table.name)) {
            let (functions, name) = (&self.functions, table.in_schema(schema));
            let mut script = format!("SELECT {functions}.remove_retention_policy('{name}', if_exists => true)");
            if let Some(life) = life {
                let life = life.as_secs();
                script += &format!("; SELECT {functions}.add_retention_policy('{name}', INTERVAL '{life} seconds')");
            }
            session.execute(WHAT, &script)?;
        }
        Ok(())
    }
}

/// How long rows live that are deleted at their end; `None` for those that are kept.
pub(super) fn life(limits: &Limits) -> Option<Duration> {
    if limits.at_end == AtEnd::Keep {
        return None;
    }
    match limits.disk.max(limits.warm).max(limits.cold) {
        Age::For(life) => Some(life),
        Age::Forever => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cold::StorageClass;

    #[test]
    fn only_what_is_deleted_here_is_deleted_there() {
        fn check(ages: [Option<u64>; 3], at_end: AtEnd, expected: Option<u64>) {
            let [disk, warm, cold] =
                ages.map(|age| age.map_or(Age::Forever, |secs| Age::For(Duration::from_secs(secs))));
            let limits = Limits { disk, warm, cold, at_end, storage_class: StorageClass::Standard };
            assert_eq!(life(&limits), expected.map(Duration::from_secs), "{ages:?}");
        }
        check([Some(7), Some(90), Some(365)], AtEnd::Keep, None);
        check([Some(7), Some(90), Some(365)], AtEnd::Delete, Some(365));
        // A tier that is not used has the age of the one before it, or less.
        check([Some(90), Some(90), Some(0)], AtEnd::Delete, Some(90));
        check([Some(7), Some(90), None], AtEnd::Delete, None);
    }
}
