//! The account's snapshots, page by page into the curve.

use messages::UtcNanos;
use messages::{Cash, caps};
use storage::query::Range;
use storage::sql_tiers::Scope;

use super::whose::Whose;
use crate::report::ask::Ask;
use crate::report::cells::{each, literal};
use crate::report::figures::curve::{Curve, Mean};
use crate::report::figures::growth::Valued;

/// The mean of exposure / value, and the largest; `None` while no snapshot knows it.
pub type Leverage = Option<(f64, f64)>;

/// Puts all snapshots with a value into the curve.
///
/// # Errors
/// They cannot be read.
pub fn load(ask: &dyn Ask, whose: &Whose, curve: &mut Curve) -> anyhow::Result<Leverage> {
    let (mut mean, mut largest) = (Mean::default(), None::<f64>);
    each_snapshot(ask, whose, |valued, leverage| {
        curve.at(valued);
        if let Some(leverage) = leverage {
            mean.add(leverage);
            largest = Some(largest.map_or(leverage, |largest| largest.max(leverage)));
        }
    })?;
    Ok(largest.map(|largest| (mean.value(), largest)))
}

/// What the account was worth at the first snapshot.
///
/// # Errors
/// It cannot be read.
pub fn first_value(ask: &dyn Ask, whose: &Whose) -> anyhow::Result<Cash> {
    let only = Whose { end: whose.begin, ..*whose };
    let mut first = Cash::ZERO;
    each_snapshot(ask, &only, |valued, _| first = valued.value)?;
    Ok(first)
}

fn each_snapshot(ask: &dyn Ask, whose: &Whose, mut take: impl FnMut(Valued, Option<f64>)) -> anyhow::Result<()> {
    let scope = Scope::Range(Range { from: whose.begin, to: UtcNanos(whose.end.0 + 1_000) });
    let account = literal(whose.account.as_str());
    let mut last = -1i64;
    loop {
        let sql = format!(
            "SELECT snapshot_id, epoch_us(snapshot_time) AS taken, portfolio_value, total_pnl, leverage
             FROM portfolio_snapshots
             WHERE account = {account} AND portfolio_value IS NOT NULL AND snapshot_id > {last}
             ORDER BY snapshot_id LIMIT {}",
            caps::REPORT_PAGE
        );
        let names = &["snapshot_id", "taken", "portfolio_value", "total_pnl", "leverage"];
        let rows = each(&ask.sql(&sql, scope)?, names, |row| {
            last = row.need("snapshot_id")?;
            let (at, value) = (row.instant("taken")?, row.need("portfolio_value")?);
            take(Valued { at, value, profit: row.get("total_pnl")? }, row.get("leverage")?);
            Ok(())
        })?;
        if rows < caps::REPORT_PAGE {
            return Ok(());
        }
    }
}
