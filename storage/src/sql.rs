//! SQL from outside: one SELECT, read-only, bounded in rows and time.
//!
//! - [`guard`]: what it may be, by its syntax tree; nothing is run before that is known.
//! - `names`: which tables and functions it may name.
//! - `size`: how large a value it may make.
//! - `run`: how it is run, through the [`pool`], in a READ ONLY transaction, on an instance whose
//!   configuration is locked and whose access to files is off.

pub mod guard;
mod names;
mod run;
mod size;
#[cfg(test)]
mod tests;

use std::time::Duration;

use messages::caps;

use crate::pool;

use crate::sql_tiers;
pub use names::HIDDEN;
pub use run::{Answer, answer, ask, run};

/// What can go wrong with SQL from outside.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not exactly one SELECT.
    #[error("only a single SELECT statement is answered here ({why})")]
    NotASelect {
        /// The parser's words.
        why: String,
    },
    /// Longer than anybody writes.
    #[error(
        "the statement is too long: {bytes} bytes, and at most {most} are read where it says WITH {withs} times; give all names in one WITH, and say a long list as a range, a join or a pattern"
    )]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The longest that is read.
        most: usize,
        /// How often it says WITH.
        withs: usize,
    },
    /// More of the same than anybody writes.
    #[error(
        "the statement is too long: {brackets} opening brackets and {signs} signs, and at most {} of each are read; say a long list as a range, a join or a pattern",
        caps::SQL_BRACKETS
    )]
    TooMany {
        /// Opening brackets.
        brackets: usize,
        /// Plus and minus.
        signs: usize,
    },
    /// More nested than anybody writes.
    #[error(
        "the statement is nested too deeply; name its parts in a WITH, or add values with sum() and list functions"
    )]
    TooDeep,
    /// A function that may not be called.
    #[error("the function `{name}` is not available here: it reaches outside the query, or changes something")]
    Function {
        /// Its name.
        name: String,
    },
    /// A function that may not stand where a table does.
    #[error(
        "`{name}(…)` is not available here as a table: files and settings are not read; rows come from the tables, from {}",
        names::TABLE_FUNCTIONS.join(", ")
    )]
    TableFunction {
        /// Its name.
        name: String,
    },
    /// A value of any size.
    #[error(
        "`{name}` may make a value that is too large: give its size as a constant, at most {most} for all such values of the statement multiplied; rows by the number come from range and generate_series in FROM"
    )]
    LargeValue {
        /// The function that makes it.
        name: String,
        /// The bound.
        most: u64,
    },
    /// Where a tier keeps its rows.
    #[error(
        "`{name}` is how a tier keeps its rows, and no part of SQL: ask for the table by its own name, as market_ticks, which holds the same rows"
    )]
    Hidden {
        /// Its name.
        name: String,
    },
    /// A file named as a table.
    #[error("`{name}` names a file, and files are not read here; `merganser import` brings their data into the tables")]
    File {
        /// Its name.
        name: String,
    },
    /// A table of the system.
    #[error(
        "`{name}` is not available here: it shows settings or paths; what there is say SHOW TABLES, DESCRIBE, information_schema.tables and information_schema.columns"
    )]
    System {
        /// Its name.
        name: String,
    },
    /// No table can be named so.
    #[error("there is no table `{name}` here; SHOW TABLES lists them")]
    NoTable {
        /// The name.
        name: String,
    },
    /// The tiers that it reaches.
    #[error(transparent)]
    Tiers(#[from] sql_tiers::Error),
    /// DuckDB's answer to the question.
    #[error("{0}")]
    Refused(String),
    /// It found no reader, or was interrupted.
    #[error(transparent)]
    Pool(#[from] pool::Error),
    /// More bytes than allowed.
    #[error("the answer is larger than {0} MiB; ask for fewer rows or columns")]
    TooLarge(usize),
    /// More rows than allowed.
    #[error("the answer has more than {0} rows; add a LIMIT or an aggregate")]
    TooManyRows(usize),
}

fn refused(error: duckdb::Error) -> Error {
    Error::Refused(error.to_string())
}

/// What an answer may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Rows.
    pub rows: usize,
    /// Time.
    pub time: Duration,
}
