//! Why an input cannot be read: the file, the place in it, and what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Why an input cannot be read (further).
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The file cannot be opened or read.
    #[error("cannot read {}; check that it is a file and that you may read it", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A compressed file that ends early or is damaged.
    #[error("{} is cut off or damaged: its {compression} data cannot be unpacked; copy or download it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How it is compressed.
        compression: &'static str,
        /// What the decompressor met.
        source: io::Error,
    },
    /// A file of another format than was named.
    #[error("{} is not {expected}; name its format with --format", path.display())]
    WrongFormat {
        /// The file.
        path: PathBuf,
        /// What was expected.
        expected: &'static str,
    },
    /// A column that the format needs is not there.
    #[error("{} has no column `{column}`; its header needs {needed}", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: &'static str,
        /// All that is needed.
        needed: &'static str,
    },
    /// A column of a type that does not hold what we read from it.
    #[error("{}: column `{column}` is {found}; expected {expected}", path.display())]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column.
        column: &'static str,
        /// Its type.
        found: String,
        /// The type that we read.
        expected: &'static str,
    },
    /// A value of a table that cannot be read.
    #[error("{} line {line}, column `{column}`: `{text}` is not {expected}; correct it and start again", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The line (of CSV) or row (of Parquet), from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// Its text, cut to 80 characters.
        text: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A row that is not as wide as its header, or not UTF-8.
    #[error("{} line {line}: {problem}; correct it and start again", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// A Parquet file whose content cannot be read.
    #[error("{} is damaged or written in a way that is not supported; write it again", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the reader met.
        source: parquet::errors::ParquetError,
    },
    /// A column whose values cannot be converted.
    #[error("{}: a column cannot be converted; write it with our tick columns", path.display())]
    Arrow {
        /// The file.
        path: PathBuf,
        /// What the converter met.
        source: arrow::error::ArrowError,
    },
}

impl InputError {
    /// The system refuses to read `path`.
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}
