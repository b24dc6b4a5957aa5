//! Money that was paid in or out while the report runs. What was paid in earlier and is no cash changes in price, and that is no
//! deposit, though `total_pnl` counts it as money that was paid in.

use messages::UtcNanos;

use super::whose::Whose;
use crate::report::ask::Ask;
use crate::report::cells::{each, literal};

/// How often money was paid in or out: balances that were written with no fill and no snapshot.
///
/// # Errors
/// They cannot be read.
pub fn count(ask: &dyn Ask, whose: &Whose) -> anyhow::Result<u64> {
    let account = literal(whose.account.as_str());
    let [begin, end] = [whose.begin, whose.end].map(UtcNanos::micros);
    let others = |table: &str| format!("SELECT snapshot_time FROM {table} WHERE account = {account}");
    let sql = format!(
        "SELECT count(*) AS deposits FROM balances
         WHERE account = {account} AND \"timestamp\" > make_timestamp({begin}) AND \"timestamp\" <= make_timestamp({end})
             AND \"timestamp\" NOT IN ({}) AND \"timestamp\" NOT IN ({})",
        others("positions"),
        others("portfolio_snapshots")
    );
    let mut deposits = 0;
    each(&ask.sql(&sql, whose.scope())?, &["deposits"], |row| {
        deposits = row.need("deposits")?;
        Ok(())
    })?;
    Ok(deposits)
}
