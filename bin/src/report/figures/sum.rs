//! Exact sums of money, and what to say where they do not fit.

use anyhow::Context;
use messages::Cash;

/// What to do when a sum does not fit its column.
pub const TOO_LARGE: &str =
    "the sums of these fills do not fit DECIMAL(38,9); give a shorter range with --from and --to";

/// The sum of two amounts.
///
/// # Errors
/// It does not fit.
pub fn plus(sum: Cash, more: Cash) -> anyhow::Result<Cash> {
    sum.checked_add(more).context(TOO_LARGE)
}
