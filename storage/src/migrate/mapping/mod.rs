//! The mapping file: which of their columns become which of ours.
//!
//! ```toml
//! [[table]]
//! from = "public.raw_trades"
//! into = "market_ticks"
//!
//! [table.columns]
//! timestamp = { from = "time" }
//! last_price = { from = "price" }
//! aggressor_side = { from = "buyer_maker", values = { true = "sell", false = "buy" } }
//! exchange = { value = "binance" }
//! ```
//! - [`propose`]: makes one from the catalog, for a person to look at.
//! - [`check`]: holds one against the catalog, and says everything that is wrong at once.
//! - [`unreadable`]: asks the server whether it would give all rows of the tables.

mod check;
mod common;
mod fits;
mod propose;
mod readable;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use check::{Checked, Problem, check};
pub use propose::propose;
pub use readable::unreadable;

use super::plan::Plan;
use crate::postgres::catalog::{Catalog, TableName};

/// A mapping file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be used: {why}", file.display())]
pub struct Unusable {
    /// The file.
    pub file: PathBuf,
    /// Why, and what to do.
    pub why: String,
}

/// Reads a mapping file, whatever of it is on the server. `schema` is ours there.
///
/// # Errors
/// It is not there, is no mapping, or a table of it stands in that schema.
pub fn read(file: &Path, schema: &str) -> Result<Mapping, Unusable> {
    let unusable = |why: String| Unusable { file: file.to_owned(), why };
    let text = fs::read_to_string(file).map_err(|error| {
        unusable(format!(
            "{error}; `merganser migrate timescale map` makes one; an empty one says that nothing is to be brought over"
        ))
    })?;
    let mapping = Mapping::parse(&text).map_err(|error| unusable(error.to_string()))?;
    match mapping.among_ours(schema) {
        Some(problem) => Err(unusable(problem.to_string())),
        None => Ok(mapping),
    }
}

/// What the mapping in a file comes to, held against the catalog: a plan for each of its tables. `schema` is ours there.
///
/// # Errors
/// It is not there, is no mapping, or something in it cannot be.
pub fn plans(file: &Path, catalog: &Catalog, schema: &str) -> Result<Vec<Plan>, Unusable> {
    let unusable = |why: String| Unusable { file: file.to_owned(), why };
    let mapping = read(file, schema)?;
    let checked = check(&mapping, catalog);
    match checked.problems.as_slice() {
        [] => Ok(checked.plans),
        [problem] => Err(unusable(problem.to_string())),
        [problem, more @ ..] => {
            let more = more.len();
            Err(unusable(format!(
                "{problem}, and {more} more findings; `merganser migrate timescale check` says all of them"
            )))
        }
    }
}

/// A mapping file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Tables, in their order.
    #[serde(rename = "table", default)]
    pub tables: Vec<TableMapping>,
}

impl Mapping {
    /// Reads the text of a mapping file.
    ///
    /// # Errors
    /// It is no mapping file: where, and what was expected.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// The first table that stands in the schema of ours, where it would be taken for what merganser writes.
    #[must_use]
    pub fn among_ours(&self, schema: &str) -> Option<Problem> {
        let table = self.tables.iter().find(|table| table.from.schema == schema)?;
        let what = format!(
            "it stands in the schema {schema}, which is timescale.schema, where merganser keeps tables of its own; name another one there that nobody else uses"
        );
        Some(Problem { place: table.from.to_string(), what })
    }
}

/// One of their tables, or a view, and where its rows go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableMapping {
    /// Theirs.
    pub from: TableName,
    /// Ours.
    pub into: String,
    /// By our columns.
    pub columns: BTreeMap<String, ColumnMapping>,
}

/// What stands in one of our columns: a column of theirs, or the same for every row.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnMapping {
    /// Their column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// For every row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Texts of theirs and what each is called here; if there are any, no others may come.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// Of a whole number that is a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// How a floating-point number is read as a decimal one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floating: Option<Floating>,
    /// Of a time without a zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
}

impl ColumnMapping {
    /// A column of theirs as it is.
    fn of(column: &str) -> Self {
        Self { from: Some(column.to_owned()), ..Self::default() }
    }

    /// The same for every row.
    fn always(value: &str) -> Self {
        Self { value: Some(value.to_owned()), ..Self::default() }
    }
}

/// What a whole number that is a time counts, from 1970 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Seconds.
    S,
    /// Milliseconds.
    Ms,
    /// Microseconds.
    Us,
    /// Nanoseconds.
    Ns,
}

impl Unit {
    /// One of it, in nanoseconds.
    pub(super) const fn nanos(self) -> i64 {
        match self {
            Self::S => 1_000_000_000,
            Self::Ms => 1_000_000,
            Self::Us => 1_000,
            Self::Ns => 1,
        }
    }
}

/// How a floating-point number is read as a decimal one: it holds none exactly, so a person must say that it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Floating {
    /// The shortest decimal that is stored as the same number: what PostgreSQL shows. Refused if it has too many digits.
    Shortest,
}

/// The zone of times that have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Zone {
    /// They are in UTC.
    #[serde(rename = "UTC")]
    Utc,
}
