//! Which rows of theirs become rows of ours, and which are refused: one answer, for who brings them over, who only tries, and
//! who compares. What they count must be the same.

use arrow::array::RecordBatch;
use messages::UtcNanos;

use super::super::plan::{Plan, Refusal, Rows};
use super::numbers::{Ids, Ranks};
use super::slices::YEARS;
use crate::postgres::copy::Row;
use crate::query::Range;

/// Rows of a plan that fit, out of the answer to [`Self::question`].
pub struct Fitting<'a> {
    plan: &'a Plan,
    rows: Rows<'a>,
    /// Our column of numbers, where these are made of the time.
    by_time: Option<&'static str>,
    ranks: Ranks,
    ids: Vec<i64>,
}

impl<'a> Fitting<'a> {
    /// Of a plan, none so far.
    #[must_use]
    pub fn of(plan: &'a Plan) -> Self {
        Self { plan, rows: plan.rows(), by_time: by_time(plan), ranks: Ranks::default(), ids: Vec::new() }
    }

    /// The question for the rows of a range, in the order in which it is told of them whether they fit. It may begin and end at
    /// any microsecond.
    #[must_use]
    pub fn question(plan: &Plan, range: Range) -> String {
        if by_time(plan).is_some() { plan.select_in_order(range) } else { plan.select(range) }
    }

    /// Adds a row, or none of it.
    ///
    /// # Errors
    /// A value of it does not fit, no slice has its time, or there is no number for it.
    pub fn push(&mut self, row: Row<'_>) -> Result<(), Refusal> {
        let at = self.plan.time_of(row)?;
        if at < YEARS.from || at >= YEARS.to {
            return Err(outside(self.plan, at));
        }
        let id = match self.by_time {
            Some(column) => Some(self.ranks.next(column, at)?),
            None => None,
        };
        self.rows.push(row)?;
        self.ids.extend(id);
        Ok(())
    }

    /// How many rows wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True without rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes them out, with their numbers where these are made of the time.
    pub fn take(&mut self) -> (RecordBatch, Vec<i64>) {
        (self.rows.take(), std::mem::take(&mut self.ids))
    }
}

/// Why a row is refused whose time no slice has: an instant of ours can be it, but not all of its year.
pub(super) fn outside(plan: &Plan, at: UtcNanos) -> Refusal {
    let reason = "lies outside of the years 1678 to 2261".to_owned();
    Refusal { column: plan.into.time, value: at.to_string(), reason }
}

fn by_time(plan: &Plan) -> Option<&'static str> {
    let table = plan.table();
    table.id.filter(|_| Ids::of(table) == Ids::ByTime)
}
