//! How far the rows there reach, and whose they are.
//!
//! An offset stands beside the rows and is moved in their transaction. It names the data directory, by its first start, so
//! that no other one writes among its rows; and it keeps the checksum of the frame that the last record stands in, by which a
//! journal with another past is known: that of a restored backup has as many records in the end, but not these.

use std::path::Path;

use messages::ids::hash;
use messages::ledger::{LedgerRecord, MarketRecord, Seq};
use uuid::Uuid;

use super::tables::{SINK_OFFSET, SKIPPED};
use super::{Error, Journals, Plan, Position};
use crate::journal::{self, Log, Reader, Record};
use crate::postgres::catalog::quoted;
use crate::postgres::{self, Session};

const WHAT: &str = "read and write how far its rows reach";

/// How far they reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offset {
    /// The last records.
    pub(super) at: Position,
    /// The first tick that was written: those from it on are the sink's.
    pub(super) first_tick: Option<i64>,
}

/// Where they reach to next.
#[derive(Debug, Clone, Default)]
pub(super) struct Step {
    /// The last records.
    pub(super) at: Position,
    /// The checksums of their frames, where records were read.
    pub(super) frames: (Option<u32>, Option<u32>),
    /// The first tick of the rows.
    pub(super) first_tick: Option<i64>,
    /// Market records that are gone, first and last.
    pub(super) skipped: Vec<(Seq, Seq)>,
}

/// The offsets of one directory in one schema.
pub(super) struct Offsets {
    schema: String,
    directory: Uuid,
}

/// By what a data directory is known there: its first start, which stands in its ledger for ever, and in its backups.
pub(super) fn directory(ledger_dir: &Path, durable: Seq) -> Result<Uuid, Error> {
    let mut ledger = Reader::<LedgerRecord>::new(ledger_dir, Seq(1));
    while let Some(group) = ledger.next_group(durable)? {
        for (_, record) in group.records {
            if let LedgerRecord::Started(s) = record {
                let words = format!("{} {} {} {}", s.instance, s.epoch, s.seed, s.at.0);
                let half: [u8; 16] = hash(words.as_bytes())[..16].try_into().expect("half of 32 bytes");
                return Ok(Uuid::from_bytes(half));
            }
        }
    }
    Err(Error::NoStart)
}

/// Forgets which market records up to `upto` were given up: a comparison of everything has shown that their rows are there.
///
/// # Errors
/// The server refuses, or is gone.
pub fn forget_skipped(session: &Session, schema: &str, upto: Seq) -> Result<(), postgres::Error> {
    let (schema, table) = (quoted(schema), quoted(SKIPPED));
    let script = format!("DELETE FROM {schema}.{table} WHERE log = '{}' AND last_seq <= {upto}", Log::Market);
    session.execute("forget what was given up", &script)
}

/// One of the tables in which no rows of ours stand, but how far they reach.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// Its columns with their types, as PostgreSQL shows them, and what else is said of each.
    columns: &'static [(&'static str, &'static str)],
    key: &'static str,
}

/// Both of them.
pub(super) const TABLES: [Table; 2] = [
    Table {
        name: SINK_OFFSET,
        columns: &[
            ("directory uuid", "NOT NULL"),
            ("log text", "NOT NULL"),
            ("seq bigint", "NOT NULL"),
            ("frame bigint", ""),
            ("first_id bigint", ""),
            ("written_at timestamp with time zone", "NOT NULL DEFAULT clock_timestamp()"),
        ],
        key: "directory, log",
    },
    Table {
        name: SKIPPED,
        columns: &[
            ("directory uuid", "NOT NULL"),
            ("log text", "NOT NULL"),
            ("first_seq bigint", "NOT NULL"),
            ("last_seq bigint", "NOT NULL"),
            ("noted_at timestamp with time zone", "NOT NULL DEFAULT clock_timestamp()"),
        ],
        key: "directory, log, first_seq",
    },
];

impl Table {
    /// Its columns with their types.
    pub(super) fn columns(&self) -> Vec<String> {
        self.columns.iter().map(|(column, _)| (*column).to_owned()).collect()
    }

    /// Makes it in a schema.
    pub(super) fn create(&self, schema: &str) -> String {
        let (schema, table) = (quoted(schema), quoted(self.name));
        let columns: String = self.columns.iter().map(|(column, rest)| format!("{column} {rest}, ")).collect();
        format!("CREATE TABLE {schema}.{table} ({columns}PRIMARY KEY ({}))", self.key)
    }
}

impl Offsets {
    pub(super) fn new(schema: &str, directory: Uuid) -> Self {
        Self { schema: schema.to_owned(), directory }
    }

    /// How far the rows reach; where there are none of this directory they begin, in the caller's transaction, behind the
    /// plan's watermark.
    ///
    /// # Errors
    /// Rows of another directory stand there, or the journals are not those that they came from.
    pub(super) fn open(&self, session: &Session, plan: &Plan, journals: &Journals) -> Result<Offset, Error> {
        let (table, directory) = (self.table(SINK_OFFSET), self.directory);
        let others = format!("SELECT directory::text FROM {table} WHERE directory <> '{directory}' LIMIT 1");
        if let Some(row) = session.ask(WHAT, &others, &[])?.first() {
            let theirs = row.get::<_, &str>(0).parse().unwrap_or_default();
            let (server, schema) = (session.server().name(), self.schema.clone());
            return Err(Error::OtherDirectory { server, schema, theirs, ours: directory });
        }
        let begin = format!(
            "INSERT INTO {table} (directory, log, seq) VALUES ('{directory}', 'ledger', 0), ('{directory}', 'market', {})
             ON CONFLICT DO NOTHING",
            plan.watermark
        );
        session.execute(WHAT, &begin)?;
        let select = format!("SELECT log, seq, frame, first_id FROM {table} WHERE directory = '{directory}'");
        let mut offset = Offset { at: Position::default(), first_tick: None };
        for row in session.ask(WHAT, &select, &[])? {
            let (seq, frame) = (Seq(row.get::<_, i64>(1).max(0) as u64), row.get(2));
            let server = session.server().name();
            match row.get(0) {
                "ledger" => {
                    confirm::<LedgerRecord>(server, &journals.ledger_dir, journals.ledger.get(), (seq, frame))?;
                    offset.at.0 = seq;
                }
                _ => {
                    confirm::<MarketRecord>(server, &journals.market_dir, journals.market.get(), (seq, frame))?;
                    offset.at.1 = seq;
                    offset.first_tick = row.get(3);
                }
            }
        }
        Ok(offset)
    }

    /// Moves them, in the caller's transaction.
    ///
    /// # Errors
    /// They do not stand where they stood.
    pub(super) fn advance(&self, session: &Session, before: Position, step: &Step) -> Result<(), Error> {
        let number = |value: Option<i64>| value.map_or("NULL".to_owned(), |value| value.to_string());
        let line = |log: Log, before: Seq, at: Seq, frame: Option<u32>, first: Option<i64>| {
            let (frame, first) = (number(frame.map(i64::from)), number(first));
            format!("('{log}', {before}, {at}, {frame}::bigint, {first}::bigint)")
        };
        let script = format!(
            "UPDATE {} o SET seq = n.seq, frame = coalesce(n.frame, o.frame), first_id = coalesce(o.first_id, n.first_id),
                written_at = clock_timestamp()
             FROM (VALUES {}, {}) n (log, before, seq, frame, first_id)
             WHERE o.directory = '{}' AND o.log = n.log AND o.seq = n.before RETURNING 1",
            self.table(SINK_OFFSET),
            line(Log::Ledger, before.0, step.at.0, step.frames.0, None),
            line(Log::Market, before.1, step.at.1, step.frames.1, step.first_tick),
            self.directory
        );
        if session.ask(WHAT, &script, &[])?.len() == 2 {
            return Ok(());
        }
        Err(Error::Moved { server: session.server().name() })
    }

    /// Notes which market records were given up, as SQL.
    pub(super) fn note_skipped(&self, (first, last): (Seq, Seq)) -> String {
        format!(
            "INSERT INTO {} (directory, log, first_seq, last_seq) VALUES ('{}', 'market', {first}, {last})
             ON CONFLICT (directory, log, first_seq) DO UPDATE SET last_seq = greatest({SKIPPED}.last_seq, excluded.last_seq)",
            self.table(SKIPPED),
            self.directory
        )
    }

    fn table(&self, name: &str) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(name))
    }
}

/// Whether a journal that ends with the record `end` is the one that the server's rows came from.
fn confirm<R: Record>(server: String, dir: &Path, end: Seq, (seq, frame): (Seq, Option<i64>)) -> Result<(), Error> {
    if seq > end {
        return Err(Error::Ahead { server, log: R::LOG, applied: seq.0, end: end.0 });
    }
    let (Some(frame), true) = (frame, seq > Seq(0)) else { return Ok(()) };
    let group = match Reader::<R>::new(dir, seq).next_group(end) {
        // It was dropped: there is nothing left to hold it against.
        Err(journal::Error::Gone { .. }) => return Ok(()),
        group => group?,
    };
    // What a quarantine put in place of a lost frame tells nothing either.
    match group.filter(|group| !group.records.is_empty()) {
        Some(group) if i64::from(group.checksum) != frame => Err(Error::Diverged { server, log: R::LOG, seq: seq.0 }),
        _ => Ok(()),
    }
}
