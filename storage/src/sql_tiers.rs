//! SQL from outside and the tiers: what is local is one view per table; what is cold is named with a range of time.
//!
//! With a range, each table that moves and that the question names is shadowed by a temporary view over everything
//! that it has in that range, cold files fetched. The view is made inside the transaction that answers, so that it
//! shows the manifest of that snapshot, and goes with it. `current_positions` and `partitions` are what is local.

use std::collections::BTreeSet;

use duckdb::Connection;
use serde::{Deserialize, Serialize};

use crate::duck;
use crate::query::fetch::{Fetched, fetch};
use crate::query::plan::{Wanted, select};
use crate::query::{self, Range, Stores};
use crate::tiers::{Table, Tier, tables, views};

/// How far a question reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everything; refused where a part of that is cold.
    #[default]
    All,
    /// What is on this machine.
    Local,
    /// Everything of a range of time, of each table that moves.
    Range(Range),
    /// Everything but what was brought over from another database.
    Own,
}

/// The tables that a question names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Named {
    /// In lower case, each by its last name.
    pub tables: BTreeSet<String>,
    /// Those that are named with more than `main` before them, as they are written.
    pub qualified: BTreeSet<String>,
}

impl Named {
    /// Adds a table by its path: `["main", "orders"]`.
    pub fn add(&mut self, path: &[&str]) {
        let Some((name, before)) = path.split_last() else { return };
        self.tables.insert(name.to_ascii_lowercase());
        let is_plain = match before {
            [] => true,
            [schema] => schema.eq_ignore_ascii_case("main"),
            _ => false,
        };
        if !is_plain {
            self.qualified.insert(path.join("."));
        }
    }

    /// The tables among them that move.
    fn moving(&self) -> impl Iterator<Item = &'static Table> {
        tables::TABLES.iter().filter(|table| self.tables.contains(table.name))
    }

    /// A name that no view can stand before.
    fn evading(&self, table: &Table) -> Option<&String> {
        let last = |name: &str| name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case(table.name));
        self.qualified.iter().find(|name| last(name))
    }
}

/// What can go wrong before a question is run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A part of the answer is cold.
    #[error(
        "{table} has {partitions} partition{} in cold storage; give --from and --to to include them for a range, or --local-only for what is on this machine",
        if *partitions == 1 { "" } else { "s" }
    )]
    Cold {
        /// The table.
        table: &'static str,
        /// Its parts there.
        partitions: usize,
    },
    /// A name that reaches past the range.
    #[error("`{name}` names a table together with its database, past --from and --to and cold storage; write {table}")]
    Qualified {
        /// The name.
        name: String,
        /// The table.
        table: &'static str,
    },
    /// What has to be read cannot be.
    #[error(transparent)]
    Query(#[from] query::Error),
}

/// What a question needs before it is run.
#[derive(Debug, Default)]
pub struct Prepared {
    /// Statements for the question's own transaction; they go with it.
    pub views: Vec<String>,
    /// Their files, as long as this lives.
    _files: Vec<Fetched>,
}

/// Sees to it that a question reads what it says: inside the transaction that is to answer it.
///
/// # Errors
/// A part of the answer is cold and no range is given, a name evades the range, or a cold file cannot be had.
pub fn prepare(db: &Connection, stores: &Stores, named: &Named, scope: Scope) -> Result<Prepared, Error> {
    let mut prepared = Prepared::default();
    if scope == Scope::Local || named.moving().next().is_none() {
        return Ok(prepared);
    }
    let manifest = stores.manifest.of_snapshot(db).map_err(query::Error::from)?;
    for table in named.moving() {
        let partitions: BTreeSet<(&str, u32)> = manifest
            .of_table(table.name)
            .filter(|piece| piece.tier == Tier::Cold)
            .map(|piece| (piece.period.as_str(), piece.part))
            .collect();
        let range = match scope {
            Scope::Range(range) => range,
            Scope::Own => Range::ALL,
            Scope::All | Scope::Local if partitions.is_empty() => continue,
            Scope::All | Scope::Local => return Err(Error::Cold { table: table.name, partitions: partitions.len() }),
        };
        if let Some(name) = named.evading(table) {
            return Err(Error::Qualified { name: name.clone(), table: table.name });
        }
        let mut selection = select(&manifest, &Wanted::all(table, range));
        if scope == Scope::Own {
            selection.pieces.retain(|piece| piece.origin.is_none());
        }
        let fetched = fetch(stores, &selection.pieces)?;
        prepared.views.push(view(table, stores, &fetched, range));
        prepared._files.push(fetched);
    }
    Ok(prepared)
}

fn view(table: &Table, stores: &Stores, fetched: &Fetched, range: Range) -> String {
    let (names, time) = (stores.columns.of(table), table.time);
    let relation = views::relation(table, &stores.columns, &fetched.parts);
    let [from, to] = [range.from, range.to].map(query::first_micros);
    format!(
        "CREATE TEMP VIEW {} AS SELECT {names} FROM ({relation})
         WHERE \"{time}\" >= make_timestamp({from}) AND \"{time}\" < make_timestamp({to})",
        table.name
    )
}

impl Prepared {
    /// Makes the views, inside the transaction.
    ///
    /// # Errors
    /// DuckDB refuses.
    pub fn make(&self, db: &Connection) -> Result<(), Error> {
        let made = self.views.iter().try_for_each(|view| db.execute_batch(view));
        Ok(made.map_err(duck::Error::duck("make a view of a range")).map_err(query::Error::from)?)
    }
}
