//! The fills, page by page in the order in which they were booked, and the positions around them.

use std::collections::BTreeMap;
use std::time::Duration;

use messages::instrument::Asset;
use messages::orders::{Fee, Liquidity, Side};
use messages::{Cash, Instrument, Quantity, UtcNanos, caps};
use storage::query::{Of, Query};
use storage::sql_tiers::Scope;

use super::whose::Whose;
use crate::report::ask::Ask;
use crate::report::cells::{Cells, each, literal};
use crate::report::figures::earned::Earned;
use crate::report::figures::fills::{Booked, Fill, Fills, Pair, Standing};
use crate::report::figures::marks::Marks;

/// What instruments are made of, as far as the runtime knows them.
///
/// # Errors
/// They cannot be read.
pub fn pairs(ask: &dyn Ask) -> anyhow::Result<BTreeMap<Instrument, Pair>> {
    let mut pairs = BTreeMap::new();
    let sql = "SELECT exchange, symbol, base, quote FROM instruments";
    each(&ask.sql(sql, Scope::Local)?, &["exchange", "symbol", "base", "quote"], |row| {
        pairs.insert(instrument(row)?, Pair { base: row.need("base")?, quote: row.need("quote")? });
        Ok(())
    })?;
    Ok(pairs)
}

/// The instruments with the most fills, most first.
///
/// # Errors
/// They cannot be read.
pub fn most_traded(ask: &dyn Ask, whose: &Whose, most: usize) -> anyhow::Result<(Vec<Instrument>, usize)> {
    let sql = format!(
        "SELECT exchange, symbol, count(*) AS fills FROM trades WHERE {} GROUP BY exchange, symbol
         ORDER BY fills DESC, exchange, symbol",
        whose.fills("")
    );
    let mut found = Vec::new();
    each(&ask.sql(&sql, whose.fills_scope())?, &["exchange", "symbol"], |row| {
        found.push(instrument(row)?);
        Ok(())
    })?;
    let all = found.len();
    found.truncate(most);
    Ok((found, all))
}

/// All fills of the report, and what the open positions gained.
///
/// # Errors
/// They cannot be read, or their sums do not fit.
pub fn load(
    ask: &dyn Ask,
    whose: &Whose,
    pairs: &BTreeMap<Instrument, Pair>,
    (bar, drawn): (Duration, &[Instrument]),
) -> anyhow::Result<Booked> {
    let before = standings(ask, whose, whose.begin)?;
    let earned = Earned::new(whose.begin, whose.end);
    let marks = Marks::new(bar, drawn.iter().copied());
    let mut fills = Fills::new(whose.begin, (whose.currency, pairs.clone()), &before, (earned, marks));
    each_fill(ask, whose, |fill| fills.fill(fill))?;
    value_positions(ask, whose, &mut fills)?;
    Ok(fills.finish(whose.end, &standings(ask, whose, whose.end)?))
}

fn each_fill(ask: &dyn Ask, whose: &Whose, mut take: impl FnMut(&Fill) -> anyhow::Result<()>) -> anyhow::Result<()> {
    // Booked in this order; ids tell apart what one message brought.
    let key = "epoch_us(coalesce(reported_at, executed_at)), coalesce(as_of, 0), execution_id, trade_id::VARCHAR";
    let mut behind = String::new();
    loop {
        let sql = format!(
            "SELECT epoch_us(coalesce(reported_at, executed_at)) AS booked, coalesce(as_of, 0) AS handled, execution_id,
                 trade_id::VARCHAR AS trade, epoch_us(executed_at) AS executed, exchange, symbol, strategy_id, side,
                 quantity, price, realized_pnl, commission, commission_asset, liquidity
             FROM trades WHERE {} {behind} ORDER BY booked, handled, execution_id, trade LIMIT {}",
            whose.fills(""),
            caps::REPORT_PAGE
        );
        let rows = each(&ask.sql(&sql, whose.fills_scope())?, FILL, |row| {
            take(&fill(row)?)?;
            let (booked, handled) = (row.need::<i64>("booked")?, row.need::<i64>("handled")?);
            let ids = ["execution_id", "trade"].map(|id| row.need::<String>(id).map(|id| literal(&id)));
            let [execution, trade] = ids;
            behind = format!("AND ({key}) > ({booked}, {handled}, {}, {})", execution?, trade?);
            Ok(())
        })?;
        if rows < caps::REPORT_PAGE {
            return Ok(());
        }
    }
}

/// The columns of a fill.
const FILL: &[&str] = &[
    "booked",
    "handled",
    "execution_id",
    "trade",
    "executed",
    "exchange",
    "symbol",
    "strategy_id",
    "side",
    "quantity",
    "price",
    "realized_pnl",
    "commission",
    "commission_asset",
    "liquidity",
];

fn fill(row: &Cells<'_>) -> anyhow::Result<Fill> {
    let fee = row.get::<Cash>("commission")?.zip(row.get::<Asset>("commission_asset")?);
    let liquidity = match row.get::<String>("liquidity")?.as_deref() {
        Some("maker") => Some(Liquidity::Maker),
        Some("taker") => Some(Liquidity::Taker),
        _ => None,
    };
    Ok(Fill {
        at: row.instant("executed")?,
        instrument: instrument(row)?,
        strategy: row.need("strategy_id")?,
        side: side(row)?,
        quantity: row.need("quantity")?,
        price: row.need("price")?,
        realized: row.get("realized_pnl")?.unwrap_or_default(),
        fee: fee.map(|(amount, asset)| Fee { amount, asset }),
        liquidity,
    })
}

/// What each position was worth beyond its cost at the end of each step.
fn value_positions(ask: &dyn Ask, whose: &Whose, fills: &mut Fills) -> anyhow::Result<()> {
    let (origin, step) = fills.earned.grid();
    let sql = format!(
        "SELECT strategy_id, exchange, symbol, (epoch_us(snapshot_time) - {} - 1) // {} AS step,
             arg_max(unrealized_pnl, position_id) AS unrealized
         FROM positions WHERE {} GROUP BY 1, 2, 3, 4 ORDER BY step",
        origin.micros(),
        step.as_micros(),
        whose.rows("")
    );
    each(&ask.sql(&sql, whose.scope())?, &["strategy_id", "exchange", "symbol", "step", "unrealized"], |row| {
        let (instrument, unrealized) = (instrument(row)?, row.get::<Cash>("unrealized")?);
        let Some(unrealized) = unrealized.filter(|_| fills.is_in_currency(instrument)) else { return Ok(()) };
        fills.earned.valued((row.need("strategy_id")?, instrument), row.need("step")?, unrealized)
    })?;
    Ok(())
}

/// The positions that were open at an instant.
fn standings(ask: &dyn Ask, whose: &Whose, at: UtcNanos) -> anyhow::Result<Vec<Standing>> {
    let of = Of { account: Some(whose.account), strategy: whose.strategy, instrument: None };
    let mut found = Vec::new();
    let names = &["strategy_id", "exchange", "symbol", "side", "quantity", "unrealized_pnl"];
    each(&ask.history(Query::Positions { at, of })?, names, |row| {
        let quantity: Quantity = row.need("quantity")?;
        let is_short = row.need::<String>("side")? == "short";
        found.push(Standing {
            key: (row.need("strategy_id")?, instrument(row)?),
            quantity: if is_short { -quantity } else { quantity },
            unrealized: row.get("unrealized_pnl")?,
        });
        Ok(())
    })?;
    Ok(found)
}

/// The instrument of a row.
///
/// # Errors
/// It is none.
pub fn instrument(row: &Cells<'_>) -> anyhow::Result<Instrument> {
    Ok(Instrument { exchange: row.need("exchange")?, symbol: row.need("symbol")? })
}

/// The side of a row.
///
/// # Errors
/// It is none.
pub fn side(row: &Cells<'_>) -> anyhow::Result<Side> {
    let text: String = row.need("side")?;
    let side = Side::ALL.iter().copied().find(|side| side.as_str() == text);
    side.ok_or_else(|| anyhow::anyhow!("side `{text}`: expected buy or sell"))
}
