//! A checked mapping of one table: the question to ask of the server, and rows of ours out of its answer.
//!
//! - [`question`]: the same for some of its rows, in an order.

pub mod question;

use arrow::array::RecordBatch;

use super::convert::{Cell, Rule};
use super::targets::Target;
use super::whole::Whole;
use crate::duck::sheet::{Kind, Sheet};
use crate::postgres::catalog::{Form, TableName, Type, quoted};
use crate::postgres::copy::Row;
use crate::postgres::{self, Session, instant, timestamp};
use crate::query::Range;

pub use super::convert::Refusal;

/// Why rows are not brought over.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server.
    #[error(transparent)]
    Postgres(#[from] postgres::Error),
    /// A value that does not fit.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A column has changed since the mapping was checked.
    #[error(
        "the column {column} of {table} was {was} when the mapping was checked and is {is} now; run `merganser migrate timescale check`, and go on"
    )]
    Changed {
        /// Their table.
        table: String,
        /// Their column.
        column: String,
        /// Its type then.
        was: String,
        /// Its type now.
        is: String,
    },
}

impl Error {
    /// True for what is wrong with the table of a plan: rows of others may be read all the same.
    #[must_use]
    pub fn is_of_its_table(&self) -> bool {
        match self {
            Self::Postgres(error) => error.is_of_a_table(),
            Self::Refused(_) | Self::Changed { .. } => true,
        }
    }
}

/// How one of our columns is made.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Made {
    /// Of one of theirs.
    Read { from: String, rule: Rule },
    /// The same for every row.
    Constant { column: &'static str, kind: Kind, cell: Cell<'static> },
}

impl Made {
    fn column(&self) -> (&'static str, Kind) {
        match self {
            Self::Read { rule, .. } => (rule.column, rule.kind),
            Self::Constant { column, kind, .. } => (column, *kind),
        }
    }

    /// Its cell in a row of the answer, whose cells that are read come one after the other.
    fn cell<'a>(&'a self, row: Row<'a>, read: &mut std::ops::RangeFrom<usize>) -> Result<Cell<'a>, Refusal> {
        match self {
            Self::Read { rule, .. } => rule.read(row.cell(read.next().expect("places do not end"))),
            Self::Constant { cell, .. } => Ok(cell.borrowed()),
        }
    }
}

/// What brings the rows of one table over.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Theirs.
    pub from: TableName,
    /// Ours.
    pub into: &'static Target,
    made: Vec<Made>,
    /// Their column that is our time.
    time: (String, Rule),
    /// Its place among those that are read.
    time_at: usize,
    /// What the cells of a row must be together.
    whole: Whole,
    /// Whether theirs is a table, which can be locked alone.
    is_table: bool,
}

impl Plan {
    /// A plan of these columns, in the order of ours; `None` without one for the time.
    pub(super) fn new(from: TableName, into: &'static Target, made: Vec<Made>) -> Option<Self> {
        let is_read = |made: &&Made| matches!(made, Made::Read { .. });
        let (time_at, time) = made.iter().filter(is_read).enumerate().find_map(|(at, made)| match made {
            Made::Read { from, rule } if rule.column == into.time => Some((at, (from.clone(), rule.clone()))),
            _ => None,
        })?;
        let columns: Vec<&'static str> = made.iter().map(|made| made.column().0).collect();
        let whole = Whole::new(into, &columns);
        Some(Self { from, into, made, time, time_at, whole, is_table: false })
    }

    /// The same, of what stands there in this form.
    pub(super) fn standing_as(self, form: &Form) -> Self {
        let is_table = matches!(form, Form::Plain | Form::Partitioned | Form::Hypertable(_));
        Self { is_table, ..self }
    }

    /// The table that its rows go to.
    ///
    /// # Panics
    /// When its target is no table of the tiers: a mistake in the program.
    #[must_use]
    pub fn table(&self) -> &'static crate::tiers::Table {
        crate::tiers::table(self.into.table).expect("a target is a table that moves")
    }

    /// The columns of ours that it makes, in their order.
    #[must_use]
    pub fn columns(&self) -> Vec<&'static str> {
        self.made.iter().map(|made| made.column().0).collect()
    }

    /// The question for the rows whose time lies in `range`.
    #[must_use]
    pub fn select(&self, range: Range) -> String {
        self.select_where(&self.bounds(range))
    }

    fn select_where(&self, conditions: &[String]) -> String {
        let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
        format!("SELECT {} FROM {}{filter}", self.read_columns(), self.from.sql())
    }

    /// That the time of a row lies in a range.
    fn bounds(&self, range: Range) -> Vec<String> {
        let mut bounds = Vec::new();
        if range.from != Range::ALL.from {
            bounds.push(format!("{} >= {}", self.time_column(), self.literal(range.from)));
        }
        if range.to != Range::ALL.to {
            bounds.push(format!("{} < {}", self.time_column(), self.literal(range.to)));
        }
        bounds
    }

    /// The question for the rows that no range within `years` has: without a time, or with another.
    #[must_use]
    pub fn select_outside(&self, years: Range) -> String {
        let (time, from, to) = (self.time_column(), self.literal(years.from), self.literal(years.to));
        let outside = format!("{time} IS NULL OR {time} < {from} OR {time} >= {to}");
        format!("SELECT {} FROM {} WHERE {outside}", self.read_columns(), self.from.sql())
    }

    /// How many rows there are in the answer to a question.
    ///
    /// # Errors
    /// The server refuses, or is gone.
    pub fn count(&self, session: &Session, question: &str) -> Result<u64, postgres::Error> {
        let rows = session.ask("count rows of a table", &format!("SELECT count(*) FROM ({question}) rows"), &[])?;
        let count: Option<i64> = rows.first().and_then(|row| row.try_get(0).ok());
        Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default())
    }

    /// The question for the first and the last time in a range, each as [`Self::instant`] takes it.
    #[must_use]
    pub fn select_bounds(&self, range: Range) -> String {
        let time = self.time_column();
        let count = |of: &str| match self.time.1.source {
            Type::Int(_) => format!("{of}({time})::bigint"),
            Type::Date => format!("({of}({time}) - DATE '1970-01-01')::bigint"),
            _ => format!("(extract(epoch FROM {of}({time})) * 1000000)::bigint"),
        };
        let within = format!("{time} >= {} AND {time} < {}", self.literal(range.from), self.literal(range.to));
        format!("SELECT {}, {} FROM {} WHERE {within}", count("min"), count("max"), self.from.sql())
    }

    /// The instant that their time column counts as `count`.
    #[must_use]
    pub fn instant(&self, count: i64) -> messages::UtcNanos {
        let nanos = match (&self.time.1.source, self.time.1.unit) {
            (Type::Int(_), Some(unit)) => unit.nanos(),
            (Type::Date, _) => 86_400_000_000_000,
            _ => 1_000,
        };
        messages::UtcNanos(count.saturating_mul(nanos))
    }

    /// Their column that is our time.
    #[must_use]
    pub fn time_from(&self) -> &str {
        &self.time.0
    }

    fn time_column(&self) -> String {
        quoted(&self.time.0)
    }

    fn read_columns(&self) -> String {
        let column = |(from, rule): (&str, &Rule)| match rule.source {
            Type::LooseText => format!("{}::text", quoted(from)),
            _ => quoted(from),
        };
        self.read().map(column).collect::<Vec<_>>().join(", ")
    }

    /// The time of a row of the answer.
    ///
    /// # Errors
    /// It is none of ours.
    pub fn time_of(&self, row: Row<'_>) -> Result<messages::UtcNanos, Refusal> {
        let (_, rule) = &self.time;
        match rule.read(row.cell(self.time_at))? {
            Cell::Time(time) => Ok(time),
            _ => unreachable!("a rule for a time gives a time"),
        }
    }

    /// A row of the answer as a person reads it.
    #[must_use]
    pub fn shown(&self, row: Row<'_>) -> String {
        let cell = |(at, (from, rule)): (usize, (&str, &Rule))| {
            let text = row.cell(at).map_or_else(|| "NULL".to_owned(), |bytes| rule.text_of(bytes));
            format!("{from}={text}")
        };
        self.read().enumerate().map(cell).collect::<Vec<_>>().join(" ")
    }

    /// An instant as their time column has it, so that an index or a chunk is found by it. Rounded up, as the first that
    /// is not before it.
    fn literal(&self, at: messages::UtcNanos) -> String {
        let micros = messages::UtcNanos(at.0.saturating_add(999)).micros();
        match (&self.time.1.source, self.time.1.unit) {
            (Type::Int(_), Some(unit)) => ceil(at.0, unit.nanos()).to_string(),
            (Type::Date, _) => format!("DATE '1970-01-01' + {}", ceil(micros, 86_400_000_000)),
            (Type::Timestamp, _) => timestamp(micros),
            _ => instant(micros),
        }
    }

    /// Keeps their table as it is until the transaction ends. To be asked before anything else in it: a snapshot is of the first
    /// question, and one that is older than a TRUNCATE, or an ALTER TABLE that wrote the table anew, finds the table empty.
    ///
    /// Its chunks or partitions are not held: there may be thousands, and each takes one of the server's locks. One that is emptied
    /// or compressed between the snapshot and the question is found behind it (`Session::in_snapshot`). A view would be locked with
    /// all of them.
    ///
    /// # Errors
    /// The server refuses, or is gone.
    pub fn hold(&self, session: &Session) -> Result<(), postgres::Error> {
        if !self.is_table {
            return Ok(());
        }
        session.execute("hold a table", &format!("LOCK TABLE ONLY {} IN ACCESS SHARE MODE", self.from.sql()))
    }

    /// Makes sure that their columns are still of the types that the plan was made for. To be asked in the transaction that
    /// reads the rows: bytes of another type would be read as something else.
    ///
    /// # Errors
    /// A column has changed, the server refuses, or is gone.
    pub fn confirm(&self, session: &Session) -> Result<(), Error> {
        let columns: Vec<String> = self.read().map(|(from, _)| quoted(from)).collect();
        let select = format!("SELECT {} FROM {}", columns.join(", "), self.from.sql());
        let found = session.describe("look at the columns of a table", &select)?;
        for ((column, rule), is) in self.read().zip(found) {
            if !rule.source.is_read_as(&is) {
                let (table, column) = (self.from.to_string(), column.to_owned());
                return Err(Error::Changed { table, column, was: rule.source.to_string(), is: is.to_string() });
            }
        }
        Ok(())
    }

    /// Asks for none of its rows: where the server would not give them, or not all of them, it says so all the same. Of one
    /// instant, so that of a table in many parts no other part is opened.
    ///
    /// # Errors
    /// The table cannot be read, the server refuses, or is gone.
    pub fn ask_for_none(&self, session: &Session) -> Result<(), postgres::Error> {
        let instant = Range { from: messages::UtcNanos(0), to: messages::UtcNanos(1_000) };
        session.execute("read a table", &format!("{} LIMIT 0", self.select(instant)))
    }

    /// The rows that it reads, none so far.
    #[must_use]
    pub fn rows(&self) -> Rows<'_> {
        let columns: Vec<(&'static str, Kind)> = self.made.iter().map(Made::column).collect();
        Rows { plan: self, sheet: Sheet::new(&columns) }
    }

    fn read(&self) -> impl Iterator<Item = (&str, &Rule)> {
        self.made.iter().filter_map(|made| match made {
            Made::Read { from, rule } => Some((from.as_str(), rule)),
            Made::Constant { .. } => None,
        })
    }
}

/// The least multiple of `unit` at or above, in units.
fn ceil(value: i64, unit: i64) -> i64 {
    value.div_euclid(unit) + i64::from(value.rem_euclid(unit) != 0)
}

/// Rows of ours out of the answer to [`Plan::select`].
pub struct Rows<'a> {
    plan: &'a Plan,
    sheet: Sheet,
}

impl Rows<'_> {
    /// Adds a row, or none of it.
    ///
    /// # Errors
    /// A value of it does not fit.
    pub fn push(&mut self, row: Row<'_>) -> Result<(), Refusal> {
        let mut read = 0..;
        let cells: Vec<Cell<'_>> =
            self.plan.made.iter().map(|made| made.cell(row, &mut read)).collect::<Result<_, _>>()?;
        self.plan.whole.check(|at| &cells[at])?;
        for (made, cell) in self.plan.made.iter().zip(cells) {
            cell.write(made.column().1, &mut self.sheet);
        }
        Ok(())
    }

    /// How many rows wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sheet.len()
    }

    /// True without rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sheet.is_empty()
    }

    /// Takes them out.
    pub fn take(&mut self) -> RecordBatch {
        self.sheet.take()
    }
}
