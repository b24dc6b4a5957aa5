//! A trial: every row of a table is read and made into one of ours, and nothing is kept but what they are together.
//!
//! It answers before anything is brought over: which values do not fit, how fast rows come, and what their digest is.

use super::backfill::Fitting;
use super::plan::{Error, Plan, Refusal};
use crate::archive::digest::Digest;
use crate::postgres::Session;
use crate::query::Range;
use crate::tiers;
use messages::caps;

/// What was found.
#[derive(Debug, Default)]
pub struct Trial {
    /// What the rows are that fit: how many, their times, exact sums, and a hash that does not depend on their order.
    pub digest: Digest,
    /// How many do not.
    pub refused: u64,
    /// Some of these, each with the number of its row in the answer, from 1.
    pub first: Vec<(u64, Refusal)>,
}

/// Reads the rows of a range. `on` hears how many were read, now and then.
///
/// # Errors
/// The server refuses or is gone, or a column has changed since the plan was made.
///
/// # Panics
/// When a target is no table of the tiers: a mistake in the program.
pub fn run(session: &Session, plan: &Plan, range: Range, on: &dyn Fn(u64)) -> Result<Trial, Error> {
    session.in_snapshot("read a table", |session| {
        plan.hold(session)?;
        plan.confirm(session)?;
        read(session, plan, range, on)
    })
}

fn read(session: &Session, plan: &Plan, range: Range, on: &dyn Fn(u64)) -> Result<Trial, Error> {
    let table = tiers::table(plan.into.table).expect("a target is a table that moves");
    let (mut rows, mut trial, mut number) = (Fitting::of(plan), Trial::default(), 0);
    let mut digest = Digest::default();
    let mut add = |rows: &mut Fitting<'_>| digest.add(table, &rows.take().0).expect("a sheet has known types");
    session.copy_out("copy a table", &Fitting::question(plan, range), |row| {
        number += 1;
        if let Err(refusal) = rows.push(row) {
            trial.refused += 1;
            if trial.first.len() < caps::REFUSALS_SHOWN {
                trial.first.push((number, refusal));
            }
        }
        if rows.len() == caps::TRIAL_ROWS {
            add(&mut rows);
            on(number);
        }
        Ok::<_, Error>(())
    })?;
    add(&mut rows);
    trial.digest = digest;
    Ok(trial)
}
