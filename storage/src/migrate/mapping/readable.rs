//! Whether tables may be read, all of them and as a whole: what the catalog does not tell, and the server says once it is asked.

use std::collections::BTreeSet;

use super::super::plan::Plan;
use super::Problem;
use crate::postgres::{Error, Session};

/// What is in the way of reading these tables: policies that hide rows from this user, a right that the owner of a view lacks, a
/// materialized view that was never filled. No row is read.
///
/// # Errors
/// The server is gone, or says nothing of a table in its time.
pub fn unreadable(session: &Session, plans: &[Plan]) -> Result<Vec<Problem>, Error> {
    let (mut asked, mut problems) = (BTreeSet::new(), Vec::new());
    for plan in plans {
        // One that becomes two of ours is said once.
        if !asked.insert(&plan.from) {
            continue;
        }
        match plan.ask_for_none(session) {
            Err(error) if error.is_of_a_table() => {
                problems.push(Problem { place: plan.from.to_string(), what: error.to_string() });
            }
            other => other?,
        }
    }
    Ok(problems)
}
