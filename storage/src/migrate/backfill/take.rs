//! Rows of a slice as they come from the server: each becomes one of ours or is refused, and both are counted.

use messages::caps;

use super::super::plan::{Plan, Refusal};
use super::fill::Filler;
use super::fitting::{Fitting, outside};
use super::numbers::{Ids, Numbers};
use super::pace::Pace;
use super::part::Parts;
use super::rejects::Rejects;
use super::{Error, Limits};
use crate::postgres::copy::Row;
use crate::tiers::Table;

/// Whether rows that fit are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fits {
    /// They are.
    Wanted,
    /// No slice has their time: they are refused in any case.
    Never,
}

/// What rows are taken with.
#[derive(Clone, Copy)]
pub struct With<'a> {
    /// What they are read by.
    pub plan: &'a Plan,
    /// The table that they go to.
    pub table: &'static Table,
    /// Whether those that fit are wanted.
    pub fits: Fits,
    /// How much.
    pub limits: Limits,
    /// How fast.
    pub pace: &'a Pace,
    /// Ids that are ours to give.
    pub numbers: &'a Numbers,
    /// What the mapping does not give.
    pub filler: &'a Filler,
}

/// A slice that is being read.
pub struct Taking<'a> {
    with: With<'a>,
    parts: Parts<'a>,
    rejects: Rejects,
    rows: Fitting<'a>,
    number: u64,
    /// Rows since the pace was kept.
    since: usize,
}

impl<'a> Taking<'a> {
    /// None so far.
    pub fn begin(with: With<'a>, parts: Parts<'a>, rejects: Rejects) -> Self {
        Self { with, parts, rejects, rows: Fitting::of(with.plan), number: 0, since: 0 }
    }

    /// Takes the next row.
    ///
    /// # Errors
    /// More do not fit than may be; DuckDB or the disk refuses; it was stopped.
    pub fn row(&mut self, row: Row<'_>) -> Result<(), Error> {
        self.number += 1;
        self.since += 1;
        if let Err(refusal) = self.fit(row) {
            self.refuse(row, refusal)?;
        }
        if self.since >= caps::BACKFILL_BATCH_ROWS.min(self.with.limits.part_rows) { self.pass_on() } else { Ok(()) }
    }

    fn fit(&mut self, row: Row<'_>) -> Result<(), Refusal> {
        let With { plan, fits, .. } = self.with;
        if fits == Fits::Never {
            return Err(outside(plan, plan.time_of(row)?));
        }
        self.rows.push(row)
    }

    fn refuse(&mut self, row: Row<'_>, refusal: Refusal) -> Result<(), Error> {
        self.rejects.add(self.number, &self.with.plan.shown(row), refusal)?;
        self.with.pace.refuse();
        let most = self.with.limits.max_rejects;
        if self.rejects.count() <= most {
            return Ok(());
        }
        let (table, start) = (self.with.plan.from.to_string(), self.rejects.start().to_owned());
        let first = self.rejects.first().to_vec();
        let file = self.rejects.keep()?.unwrap_or_default();
        Err(Error::TooManyRefused { table, start, most, first, file })
    }

    /// Hands on what has come so far.
    fn pass_on(&mut self) -> Result<(), Error> {
        self.with.pace.pass(std::mem::take(&mut self.since))?;
        if self.rows.is_empty() {
            return Ok(());
        }
        let (rows, ids) = self.rows.take();
        let ids = match Ids::of(self.with.table) {
            Ids::Given => None,
            Ids::Next => Some(self.with.numbers.take(self.with.table.name, rows.num_rows()).collect()),
            Ids::ByTime => Some(ids),
        };
        self.parts.add(self.with.filler.fill(&rows, ids));
        if self.parts.is_full(self.with.limits.part_rows) {
            self.parts.make()?;
        }
        Ok(())
    }

    /// Ends it: the files of all that fit, and what does not.
    ///
    /// # Errors
    /// As [`Self::row`].
    pub fn end(mut self) -> Result<(Parts<'a>, Rejects), Error> {
        self.pass_on()?;
        self.parts.make()?;
        Ok((self.parts, self.rejects))
    }
}
