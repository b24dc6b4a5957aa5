//! Views: one name per table over parts that stand in several places.
//!
//! A relation is a table of the schema `disk`, the tables of a table's parts there, and Parquet files, put
//! together by UNION ALL; rows that replace others are looked for in the periods that are flagged, and only there.
//! The views of free SQL are relations over all that is local; the planner makes its own over what it chose.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use duckdb::Connection;

use super::places::quoted;
use super::tables::Moves;
use super::{Manifest, Period, Piece, Places, Table, Tier};
use crate::duck::Error;

/// The columns of each table, quoted, in their order.
#[derive(Debug, Clone, Default)]
pub struct Columns(BTreeMap<String, Vec<String>>);

impl Columns {
    /// Reads them.
    ///
    /// # Errors
    /// DuckDB refuses.
    pub fn load(db: &Connection) -> Result<Self, Error> {
        let sql = "SELECT CASE table_name WHEN 'ticks_template' THEN 'market_ticks' ELSE table_name END,
                       '\"' || column_name || '\"'
                   FROM duckdb_columns() WHERE database_name = current_database()
                     AND (schema_name = 'disk' OR table_name = 'ticks_template')
                   ORDER BY table_oid, column_index";
        let mut columns = BTreeMap::<String, Vec<String>>::new();
        let mut statement = db.prepare(sql).map_err(Error::duck("read the tables' columns"))?;
        let rows = statement
            .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
            .map_err(Error::duck("read the tables' columns"))?;
        for row in rows {
            let (table, column) = row.map_err(Error::duck("read the tables' columns"))?;
            columns.entry(table).or_default().push(column);
        }
        Ok(Self(columns))
    }

    /// Those of one table, for a SELECT.
    #[must_use]
    pub fn of(&self, table: &Table) -> String {
        self.names(table).join(", ")
    }

    /// Those of one table, one by one.
    #[must_use]
    pub fn names(&self, table: &Table) -> &[String] {
        self.0.get(table.name).map(Vec::as_slice).unwrap_or_default()
    }
}

/// What a relation is made of.
#[derive(Debug, Default, Clone)]
pub struct Parts {
    /// Pieces on disk and files, with the path where a file can be read.
    pub pieces: Vec<(Arc<Piece>, PathBuf)>,
}

impl Parts {
    /// All of a table that is local.
    #[must_use]
    pub fn local(table: &Table, manifest: &Manifest, places: &Places) -> Self {
        let local = manifest.of_table(table.name).filter(|piece| piece.tier != Tier::Cold);
        Self { pieces: local.map(|piece| (piece.clone(), places.file(&piece.location))).collect() }
    }
}

/// The columns of a table's rows, in a SELECT over one tier.
struct Cells {
    names: String,
    /// Whether a column `tier` behind them says who owns the row.
    show_tier: bool,
}

impl Cells {
    fn of(&self, tier: Tier) -> String {
        if self.show_tier { format!("{}, '{tier}' AS tier", self.names) } else { self.names.clone() }
    }

    fn of_any(&self) -> String {
        if self.show_tier { format!("{}, tier", self.names) } else { self.names.clone() }
    }
}

/// The SELECT over the parts of a table. A table that has one place on disk for all its periods is always among them.
#[must_use]
pub fn relation(table: &Table, columns: &Columns, parts: &Parts) -> String {
    union(table, &Cells { names: columns.of(table), show_tier: false }, parts)
}

/// What a question is put to: the parts of a table, where each row's owner can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// What stands behind FROM.
    pub from: String,
    /// What stands for the question marks in it.
    pub key: Vec<String>,
    /// Whose rows may be in it. Where there are several, it has one more column, `tier`.
    pub owners: Vec<Tier>,
}

impl Relation {
    /// The parts of a table. Where all rows stand in one place, that place itself: DuckDB plans each question anew, and
    /// takes half as long for it as for a SELECT around a SELECT. What stands in place of its name is a parameter, so
    /// that the statement is the same for all places: it is prepared once, and not planned before it has its parameters.
    #[must_use]
    pub fn of(table: &Table, columns: &Columns, parts: &Parts) -> Self {
        let owners: BTreeSet<Tier> = parts.pieces.iter().map(|(piece, _)| piece.tier).collect();
        let one = |from: &str, key: Vec<String>, owner| Self { from: from.to_owned(), key, owners: vec![owner] };
        let is_revised = parts.pieces.iter().any(|(piece, _)| piece.has_revisions);
        match (&parts.pieces[..], table.moves == Moves::Whole) {
            ([], true) => Self { from: "main.ticks_template".to_owned(), key: vec![], owners: vec![] },
            ([], false) => one("query_table(?)", vec![table.on_disk()], Tier::Disk),
            ([(only, _)], true) if only.tier == Tier::Disk && !is_revised => {
                one("query_table(?)", vec![only.location.clone()], Tier::Disk)
            }
            (pieces @ [(first, _), ..], true) if owners.len() == 1 && first.tier != Tier::Disk && !is_revised => {
                let marks = vec!["?"; pieces.len()].join(", ");
                let paths = pieces.iter().map(|(_, path)| path.display().to_string()).collect();
                one(&format!("read_parquet([{marks}], hive_partitioning = false)"), paths, first.tier)
            }
            _ => {
                let cells = Cells { names: columns.of(table), show_tier: true };
                let on_disk = (table.moves != Moves::Whole).then_some(Tier::Disk);
                let owners = owners.into_iter().chain(on_disk).collect::<BTreeSet<_>>().into_iter().collect();
                Self { from: format!("({})", union(table, &cells, parts)), key: vec![], owners }
            }
        }
    }
}

fn union(table: &Table, cells: &Cells, parts: &Parts) -> String {
    let on_disk = cells.of(Tier::Disk);
    let revised: BTreeSet<&str> =
        parts.pieces.iter().filter(|(p, _)| p.has_revisions).map(|(p, _)| p.period.as_str()).collect();
    let (again, once): (Vec<_>, Vec<_>) = parts.pieces.iter().partition(|(p, _)| revised.contains(p.period.as_str()));
    let periods: Vec<String> =
        revised.iter().filter_map(|p| p.parse::<Period>().ok()).map(|p| format!("({})", p.holds(table.time))).collect();
    let within = periods.join(" OR ");
    let mut selects = Vec::new();
    match (table.moves, within.is_empty()) {
        (Moves::Whole, _) => {}
        (_, true) => selects.push(format!("SELECT {on_disk} FROM {}", table.on_disk())),
        (_, false) => selects.push(format!("SELECT {on_disk} FROM {} WHERE NOT ({within})", table.on_disk())),
    }
    selects.extend(tables(table, cells, &once));
    selects.extend(files(cells, &once));
    if let Some(newest) = table.newest.as_ref().filter(|_| !again.is_empty()) {
        let mut candidates = Vec::new();
        if table.moves != Moves::Whole {
            candidates.push(format!("SELECT {on_disk} FROM {} WHERE {within}", table.on_disk()));
        }
        candidates.extend(tables(table, cells, &again));
        candidates.extend(files(cells, &again));
        // Two ticks may be of one rank, and both are shown. Of the others a row may stand on disk and in a file: it is one.
        let place = if table.moves == Moves::Whole { "rank" } else { "row_number" };
        selects.push(format!(
            "SELECT {} FROM ({}) QUALIFY {place}() OVER (PARTITION BY {} ORDER BY {}) = 1",
            cells.of_any(),
            candidates.join(" UNION ALL "),
            newest.key,
            newest.rank
        ));
    }
    if selects.is_empty() {
        // Only ticks may stand nowhere.
        selects.push(format!("SELECT {on_disk} FROM main.ticks_template"));
    }
    selects.join(" UNION ALL ")
}

/// A SELECT for each part that has a table of its own on disk.
fn tables(table: &Table, cells: &Cells, parts: &[&(Arc<Piece>, PathBuf)]) -> Vec<String> {
    let own = parts.iter().filter(|(p, _)| p.tier == Tier::Disk && table.moves == Moves::Whole);
    own.map(|(p, _)| format!("SELECT {} FROM {}", cells.of(Tier::Disk), p.location)).collect()
}

/// A SELECT for all the files of each tier.
fn files(cells: &Cells, parts: &[&(Arc<Piece>, PathBuf)]) -> Vec<String> {
    let of_tier = |tier: Tier| {
        let paths: Vec<String> = parts.iter().filter(|(p, _)| p.tier == tier).map(|(_, path)| quoted(path)).collect();
        // The folders of a path are columns of the file as well: DuckDB need not look at them.
        let (names, list) = (cells.of(tier), paths.join(", "));
        (!paths.is_empty()).then(|| format!("SELECT {names} FROM read_parquet([{list}], hive_partitioning = false)"))
    };
    [Tier::Warm, Tier::Cold].into_iter().filter_map(of_tier).collect()
}

/// Points the view of a table at what is local, inside the caller's transaction. DuckDB looks at the files of a view
/// when it is made: where one cannot be read the view is made to say so to whoever asks, and nothing else waits for it.
///
/// # Errors
/// DuckDB refuses.
pub fn make(
    db: &Connection,
    table: &Table,
    columns: &Columns,
    manifest: &Manifest,
    places: &Places,
) -> Result<(), Error> {
    let parts = Parts::local(table, manifest, places);
    let body = match unreadable(db, &parts)? {
        None => relation(table, columns, &parts),
        Some(why) => {
            tracing::error!(table = table.name, event = "file_unreadable", "{why}");
            refusal(table, columns, &why)
        }
    };
    db.execute_batch(&format!("CREATE OR REPLACE VIEW main.{} AS {body}", table.name))
        .map_err(Error::duck("point a view at its parts"))?;
    if table.moves == Moves::Whole { make_partitions(db, manifest) } else { Ok(()) }
}

/// Why DuckDB would not take the files of a relation. It is asked on a connection of its own: a failure would end the
/// caller's transaction.
fn unreadable(db: &Connection, parts: &Parts) -> Result<Option<String>, Error> {
    let files: Vec<String> =
        parts.pieces.iter().filter(|(p, _)| p.tier == Tier::Warm).map(|(_, path)| quoted(path)).collect();
    if files.is_empty() {
        return Ok(None);
    }
    let beside = db.try_clone().map_err(Error::duck("open another connection"))?;
    let sql = format!("SELECT 1 FROM read_parquet([{}], hive_partitioning = false)", files.join(", "));
    let refused = beside.prepare(&sql).err();
    Ok(refused.map(|error| error.to_string().lines().next().unwrap_or_default().to_owned()))
}

/// A relation with the columns of a table that fails whoever reads a row of it, and says why.
fn refusal(table: &Table, columns: &Columns, why: &str) -> String {
    let text = format!(
        "a file of {} cannot be read ({why}); `merganser archive verify` names each such file: bring it back from a backup \
         and start again, or leave it out with --from and --to",
        table.name
    );
    let fails = format!("error('{}')", text.replace('\'', "''"));
    // The columns' types are those of the rows on disk, of which there are none here.
    let typed = table.template();
    let cells: Vec<&str> = columns.names(table).iter().map(|_| fails.as_str()).collect();
    // Whatever is asked, a column or none: one of them has to be known.
    format!(
        "SELECT {} FROM {typed} WHERE false UNION ALL SELECT {} FROM range(1) WHERE {fails} IS NULL",
        columns.of(table),
        cells.join(", ")
    )
}

/// The view `partitions`: the manifest, with the rows of what is on disk counted when it is asked.
fn make_partitions(db: &Connection, manifest: &Manifest) -> Result<(), Error> {
    let mut body =
        "SELECT table_name, period, part, slice, tier, location, storage_class, \"rows\", bytes, plain_bytes,
            min_time, max_time, min_id, max_id, row_hash, sums, file_hash, schema_hash, sealed, has_revisions
        FROM manifest WHERE \"rows\" IS NOT NULL"
            .to_owned();
    let counted = |table: &Table, period: &str, part: &str, location: &str, sealed: bool| {
        let (name, time, id) = (table.name, table.time, table.id);
        // What moves with its order stands in the period of that.
        let rows = if table.is_by_time() {
            location.to_owned()
        } else {
            format!(
                "(SELECT *, (SELECT created_at FROM disk.orders o WHERE o.order_id = r.order_id) AS ordered_at FROM {location} r)"
            )
        };
        let ids = id.map_or("NULL, NULL".to_owned(), |id| format!("min({id}), max({id})"));
        format!(
            " UNION ALL SELECT '{name}', {period} AS p, {part}, '', 'disk', '{location}', NULL, count(*), NULL, NULL,
              min(\"{time}\"), max(\"{time}\"), {ids}, NULL, NULL, NULL, NULL, {sealed}, false
              FROM {rows} GROUP BY p HAVING count(*) > 0"
        )
    };
    for table in super::tables::TABLES {
        if table.moves == Moves::Whole {
            for piece in manifest.of_table(table.name).filter(|p| p.content.is_none()) {
                let period = format!("'{}'", piece.period);
                let part = piece.part.to_string();
                body += &counted(table, &period, &part, &piece.location, piece.sealed);
            }
        } else {
            let format = if table.unit == super::period::Unit::Month { "%Y-%m" } else { "%Y-%m-%d" };
            let time = if table.is_by_time() {
                format!("\"{}\"", table.time)
            } else {
                format!("coalesce(ordered_at, \"{}\")", table.time)
            };
            let period = format!("strftime({time}, '{format}')");
            body += &counted(table, &period, "NULL", &table.on_disk(), false);
        }
    }
    db.execute_batch(&format!("CREATE OR REPLACE VIEW main.partitions AS {body}"))
        .map_err(Error::duck("point the view partitions at the manifest"))
}

/// What a person holds now: the newest row first, then the flat ones left out; the other way round, closed
/// positions come back to life. Archiving leaves the newest row of each position on disk.
const CURRENT_POSITIONS: &str = "CREATE OR REPLACE VIEW main.current_positions AS
    SELECT * FROM (
        SELECT * FROM disk.positions
        QUALIFY row_number() OVER (PARTITION BY account, exchange, symbol, strategy_id ORDER BY position_id DESC) = 1
    ) WHERE side <> 'flat'";

/// Makes all views anew: their bodies hold paths, and a data directory may have been moved.
///
/// # Errors
/// DuckDB refuses.
pub fn make_all(db: &Connection, columns: &Columns, manifest: &Manifest, places: &Places) -> Result<(), Error> {
    for table in super::tables::TABLES {
        make(db, table, columns, manifest, places)?;
    }
    db.execute_batch(CURRENT_POSITIONS).map_err(Error::duck("make the view current_positions"))
}
