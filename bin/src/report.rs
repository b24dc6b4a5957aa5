//! Reports: what an account or one of its strategies came to, as figures and as a page.
//!
//! - [`ask`]: who answers, a running instance or the tables of a stopped one.
//! - [`load`]: asks, and hands what it hears to the figures.
//! - `figures`: pure statistics.
//! - [`page`]: the figures as one page that needs no network.
//!
//! What is unknown is unknown on the page and `null` in JSON, with what it would take to know it.

pub mod ask;
mod cells;
pub(crate) mod figures;
pub mod load;
pub(crate) mod money;
mod notes;
pub mod page;

use std::collections::BTreeMap;
use std::time::Duration;

use messages::orders::Side;
use messages::{Cash, Instrument, StrategyId, UtcNanos};
use serde::Serialize;

use figures::curve::Point;
use figures::drawdown::Drawdown;
use figures::marks::Mark;
use figures::months::Month;
use figures::performance::Performance;
use figures::results::Row;
pub use figures::samples::Period;
use figures::trips::sums::TripFigures;
use load::prices::Bar;
use money::Money;

/// A report. As JSON it is its figures; what is only drawn is left out.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Whose money.
    pub account: String,
    /// Of which strategy alone.
    pub strategy: Option<String>,
    /// What the account is valued in.
    pub currency: String,
    /// Whether it is real.
    pub money: Money,
    /// The first snapshot.
    pub from: String,
    /// The last.
    pub to: String,
    /// How many there are.
    pub snapshots: u64,
    /// Those without a value, which are left out.
    pub snapshots_without_value: u64,
    /// The headline.
    pub performance: Performance,
    /// Round trips in the account's currency.
    pub trips: TripFigures,
    /// Returns of months.
    pub months: Vec<Month>,
    /// The deepest falls.
    pub drawdowns: Vec<Drawdown>,
    /// By strategy.
    pub strategies: Vec<Row>,
    /// By instrument.
    pub symbols: Vec<Row>,
    /// All in the account's currency.
    pub total: Row,
    /// Instruments that are in no total, as they are paid in another currency or nothing is known of them.
    pub elsewhere: Vec<String>,
    /// Profit of the account that its fills do not explain; `None` where one of the two is unknown.
    pub unexplained: Option<Cash>,
    /// Execution quality.
    pub execution: load::Execution,
    /// What people should know beside it.
    pub notes: Vec<String>,
    /// What is drawn.
    #[serde(skip)]
    pub drawn: Drawn,
}

/// What is drawn.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// The curve.
    pub equity: Vec<Point>,
    /// Instants of what strategies earned.
    pub instants: Vec<UtcNanos>,
    /// What each had earned at them.
    pub earned: BTreeMap<StrategyId, Vec<Cash>>,
    /// Fills on prices.
    pub prices: Vec<Priced>,
    /// Returns of periods.
    pub returns: Vec<f64>,
}

/// An instrument's prices with the fills on them.
#[derive(Debug, Clone)]
pub struct Priced {
    /// Which.
    pub instrument: Instrument,
    /// How long a bar is.
    pub length: Duration,
    /// Its bars.
    pub bars: Vec<Bar>,
    /// Fills, by bar and side.
    pub marks: BTreeMap<(UtcNanos, Side), Mark>,
}
