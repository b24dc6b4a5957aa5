//! What is in a database: its tables with columns, types and rights; hypertables where TimescaleDB is; its clock.
//!
//! Read in one snapshot. Names are as the server has them; in SQL they are always quoted.

mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use messages::UtcNanos;
use serde::{Deserialize, Serialize};
use tokio_postgres::types::Kind;

pub use read::read;

/// A database.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalog {
    /// The server and our place in it.
    pub facts: Facts,
    /// Tables and views that are not the system's, by name.
    pub tables: BTreeMap<TableName, Table>,
}

/// The server and our place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its version, as 150018 for 15.18.
    pub version: i32,
    /// The version as it says it.
    pub version_text: String,
    /// The encoding of the database.
    pub encoding: String,
    /// The time zone that sessions have which set none.
    pub time_zone: String,
    /// What its clock showed.
    pub now: UtcNanos,
    /// True for a standby, which takes no writes.
    pub is_standby: bool,
    /// True if we may make a schema in the database.
    pub may_create: bool,
    /// The version of TimescaleDB, where it is.
    pub timescale: Option<String>,
}

/// A schema and a table in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TableName {
    /// The schema.
    pub schema: String,
    /// The table.
    pub table: String,
}

impl TableName {
    /// As SQL.
    #[must_use]
    pub fn sql(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.table))
    }
}

/// A name in SQL.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name of theirs in a line, which must not end it.
#[must_use]
pub fn one_line(name: &str) -> String {
    name.replace(char::is_control, " ")
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

impl From<TableName> for String {
    fn from(name: TableName) -> Self {
        name.to_string()
    }
}

impl TryFrom<String> for TableName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once('.') {
            Some((schema, table)) if !schema.is_empty() && !table.is_empty() => {
                Ok(Self { schema: schema.to_owned(), table: table.to_owned() })
            }
            _ => Err(format!("`{text}` is no table; expected schema.table, as public.trades")),
        }
    }
}

/// A table, or what looks like one.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// What it is.
    pub form: Form,
    /// Its columns, in their order.
    pub columns: Vec<Column>,
    /// About how many rows; none when the server has not counted.
    pub rows_about: Option<i64>,
    /// True if we may read all of its columns.
    pub may_read: bool,
    /// Others whose rows are in it: its children, what a view reads, and theirs in turn. Rows of an aggregate are its own; parts
    /// of a table that are not listed are named only where a view reads them.
    pub holds: BTreeSet<TableName>,
}

impl Table {
    /// The column of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// What a table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// A table.
    Plain,
    /// A table in partitions.
    Partitioned,
    /// TimescaleDB's, in chunks of time.
    Hypertable(Hypertable),
    /// TimescaleDB's view that keeps what it aggregates, rows whose sources may be gone.
    ContinuousAggregate,
    /// A view, kept or not.
    View,
    /// It stands on another server.
    Foreign,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain => f.write_str("table"),
            Self::Partitioned => f.write_str("partitioned table"),
            Self::Hypertable(h) => {
                write!(f, "hypertable by {}, {} chunks", h.time_column, h.chunks)?;
                if h.compressed > 0 { write!(f, ", {} of them compressed", h.compressed) } else { Ok(()) }
            }
            Self::ContinuousAggregate => f.write_str("continuous aggregate"),
            Self::View => f.write_str("view"),
            Self::Foreign => f.write_str("foreign table"),
        }
    }
}

/// How a hypertable is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hypertable {
    /// The column by which it is cut.
    pub time_column: String,
    /// How many chunks it has.
    pub chunks: i64,
    /// Those that are compressed.
    pub compressed: i64,
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Type,
}

/// A type, as far as we read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// `boolean`
    Bool,
    /// `smallint`, `integer`, `bigint`, by their bytes.
    Int(usize),
    /// `real`
    Real,
    /// `double precision`
    Double,
    /// `numeric`; with its scale where it is declared.
    Numeric(Option<u32>),
    /// `text`, `varchar`, `name`
    Text,
    /// A text that the server takes for others as well: `char(n)`, which is sent with blanks behind it that mean nothing, or one
    /// with a collation of its own. Cast to `text` it is what is meant; `=` is not enough to ask for it.
    LooseText,
    /// An enumerated type, with its labels.
    Enum(Vec<String>),
    /// `uuid`
    Uuid,
    /// `timestamp with time zone`
    Timestamptz,
    /// `timestamp without time zone`
    Timestamp,
    /// `date`
    Date,
    /// `json`
    Json,
    /// `jsonb`
    Jsonb,
    /// One that we do not read, as the server names it.
    Other(String),
}

impl Type {
    /// The type of a question's column, where no scale is declared.
    pub(super) fn of(found: &tokio_postgres::types::Type) -> Self {
        match found.kind() {
            Kind::Enum(labels) => Self::Enum(labels.clone()),
            Kind::Domain(base) => Self::of(base),
            _ => read::kind(found.name(), read::NO_MODIFIER, found.name().to_owned()),
        }
    }

    /// True if its values are sent in the same form, and mean the same.
    #[must_use]
    pub fn is_read_as(&self, other: &Self) -> bool {
        match (self, other) {
            // Of a collation an answer says nothing, and what is cast is read in the same way.
            (Self::Numeric(_), Self::Numeric(_)) | (Self::LooseText, Self::Text) => true,
            (Self::Other(_), _) => false,
            _ => self == other,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "boolean",
            Self::Int(2) => "smallint",
            Self::Int(4) => "integer",
            Self::Int(_) => "bigint",
            Self::Real => "real",
            Self::Double => "double precision",
            Self::Numeric(Some(scale)) => return write!(f, "numeric with {scale} decimals"),
            Self::Numeric(None) => "numeric",
            Self::Text => "text",
            Self::LooseText => "char(n), or text with a collation",
            Self::Enum(labels) => return write!(f, "enum of {}", labels.join(", ")),
            Self::Uuid => "uuid",
            Self::Timestamptz => "timestamp with time zone",
            Self::Timestamp => "timestamp without time zone",
            Self::Date => "date",
            Self::Json => "json",
            Self::Jsonb => "jsonb",
            Self::Other(name) => name,
        })
    }
}
