//! What came out by strategy and by symbol: sums of the lines, one row for each name and currency.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use messages::instrument::Asset;
use messages::{Cash, Instrument};
use serde::Serialize;

use super::fills::{Key, Line, Pair};
use super::sum::{TOO_LARGE, plus};
use super::trips::sums::TripFigures;

/// A row of results.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The strategy, or the instrument; `all` for the total.
    pub name: String,
    /// What its money is; `None` where nothing is known of the instrument.
    pub currency: Option<String>,
    /// Fills.
    pub fills: u64,
    /// price × quantity of all fills.
    pub turnover: Cash,
    /// Realized, before fees.
    pub realized: Cash,
    /// What open positions gained beyond that; `None` while a price is unknown.
    pub unrealized_change: Option<Cash>,
    /// Fees in that currency, or worth that.
    pub fees: Cash,
    /// Fees in other assets, which `net` does not know.
    pub other_fees: BTreeMap<String, Cash>,
    /// realized + unrealized_change − fees
    pub net: Option<Cash>,
    /// Fills that made liquidity.
    pub made: u64,
    /// Fills that took it.
    pub took: u64,
    /// Round trips.
    pub trips: TripFigures,
}

/// All rows.
#[derive(Debug, Clone)]
pub struct Results {
    /// By strategy.
    pub strategies: Vec<Row>,
    /// By instrument.
    pub symbols: Vec<Row>,
    /// All in the account's currency.
    pub total: Row,
    /// Instruments that are paid in another currency, or of which nothing is known: they are in no total.
    pub elsewhere: Vec<String>,
    /// price × quantity of all fills; `None` where one of them is paid in another currency.
    pub turnover: Option<Cash>,
    /// All fees; `None` where one of them is in another currency.
    pub fees: Option<Cash>,
}

impl Results {
    /// The sums of these lines.
    ///
    /// # Errors
    /// They do not fit.
    pub fn of(
        lines: &BTreeMap<Key, Line>,
        pairs: &BTreeMap<Instrument, Pair>,
        currency: Asset,
    ) -> anyhow::Result<Self> {
        let quote = |key: &Key| pairs.get(&key.1).map(|pair| pair.quote);
        let by = |name: &dyn Fn(&Key) -> String| -> anyhow::Result<Vec<Row>> {
            let mut sums: BTreeMap<(String, Option<Asset>), Line> = BTreeMap::new();
            for (key, line) in lines {
                sums.entry((name(key), quote(key))).or_insert_with(nothing).merge(line)?;
            }
            Ok(sums.iter().map(|((name, currency), line)| Row::of(name, *currency, line)).collect())
        };
        let is_here = |key: &Key| quote(key) == Some(currency);
        let mut total = nothing();
        for (key, line) in lines.iter().filter(|(key, _)| is_here(key)) {
            total.merge(line).with_context(|| format!("{} in {}", key.0, key.1))?;
        }
        let all_here = lines.iter().all(|(key, line)| is_here(key) || line.fills == 0);
        let elsewhere: BTreeSet<Instrument> = lines.keys().filter(|key| !is_here(key)).map(|key| key.1).collect();
        Ok(Self {
            strategies: by(&|key| key.0.to_string())?,
            symbols: by(&|key| key.1.to_string())?,
            elsewhere: elsewhere.iter().map(ToString::to_string).collect(),
            turnover: all_here.then_some(total.turnover),
            fees: (all_here && total.other_fees.is_empty()).then_some(total.fees),
            total: Row::of("all", Some(currency), &total),
        })
    }
}

/// A sum of no lines.
fn nothing() -> Line {
    Line { unrealized_before: Some(Cash::ZERO), unrealized_after: Some(Cash::ZERO), ..Line::default() }
}

impl Line {
    fn merge(&mut self, other: &Self) -> anyhow::Result<()> {
        self.fills += other.fills;
        self.made += other.made;
        self.took += other.took;
        self.turnover = plus(self.turnover, other.turnover)?;
        self.realized = plus(self.realized, other.realized)?;
        self.fees = plus(self.fees, other.fees)?;
        for (asset, amount) in &other.other_fees {
            let sum = self.other_fees.entry(*asset).or_default();
            *sum = plus(*sum, *amount)?;
        }
        self.unrealized_before = both(self.unrealized_before, other.unrealized_before)?;
        self.unrealized_after = both(self.unrealized_after, other.unrealized_after)?;
        self.trips.merge(&other.trips)
    }
}

/// The sum, if both are known.
fn both(a: Option<Cash>, b: Option<Cash>) -> anyhow::Result<Option<Cash>> {
    a.zip(b).map(|(a, b)| a.checked_add(b).context(TOO_LARGE)).transpose()
}

impl Row {
    fn of(name: &str, currency: Option<Asset>, line: &Line) -> Self {
        Self {
            name: name.to_owned(),
            currency: currency.map(|asset| asset.to_string()),
            fills: line.fills,
            turnover: line.turnover,
            realized: line.realized,
            unrealized_change: line.unrealized_change(),
            fees: line.fees,
            other_fees: line.other_fees.iter().map(|(asset, amount)| (asset.to_string(), *amount)).collect(),
            net: line.net(),
            made: line.made,
            took: line.took,
            trips: line.trips.figures(),
        }
    }
}
