//! A row as a whole: cells that each fit, and that together could not be read again here, are refused.
//!
//! What is stored as a tick is shown as a trade where it has a price, and as a quote where it has none; whole numbers of
//! 64 bits come into columns that hold less.

use super::convert::{Cell, Refusal};
use super::targets::Target;

/// What is looked at in the rows of a target, by the places of its columns in a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Whole {
    /// A trade has a price and a size, and a quote has neither.
    Tick { kind: usize, price: Option<usize>, size: Option<usize> },
    /// These whole numbers lie within bounds.
    Numbers(Vec<(usize, &'static str, i64, i64)>),
}

impl Whole {
    /// For rows with these columns.
    pub(super) fn new(target: &Target, columns: &[&'static str]) -> Self {
        let place = |name: &str| columns.iter().position(|column| *column == name);
        if target.table == "market_ticks"
            && let Some(kind) = place("kind")
        {
            return Self::Tick { kind, price: place("last_price"), size: place("volume") };
        }
        let bounds = [
            ("trade_count", 0, i64::MAX),
            ("long_positions", i64::from(i32::MIN), i64::from(i32::MAX)),
            ("short_positions", i64::from(i32::MIN), i64::from(i32::MAX)),
        ];
        Self::Numbers(
            bounds.into_iter().filter_map(|(name, low, high)| Some((place(name)?, name, low, high))).collect(),
        )
    }

    /// Refuses a row whose cells do not go together.
    ///
    /// # Errors
    /// They do not.
    pub(super) fn check<'c, 'v: 'c>(&self, cell: impl Fn(usize) -> &'c Cell<'v>) -> Result<(), Refusal> {
        let refuse = |column, value: String, reason: String| Err(Refusal { column, value, reason });
        let has = |place: Option<usize>| place.is_some_and(|at| *cell(at) != Cell::Null);
        match self {
            Self::Tick { kind, price, size } => {
                let is_trade = matches!(cell(*kind), Cell::Text(text) if text == "trade");
                let null = || "NULL".to_owned();
                match (is_trade, has(*price), has(*size)) {
                    (true, false, _) => refuse("last_price", null(), "a trade must have a price".to_owned()),
                    (true, _, false) => refuse("volume", null(), "a trade must have a size".to_owned()),
                    (false, true, _) => {
                        let reason = "a quote has no price of a trade, and would be shown as one; map trades and quotes of one table by two views";
                        refuse("last_price", "not NULL".to_owned(), reason.to_owned())
                    }
                    _ => Ok(()),
                }
            }
            Self::Numbers(bounds) => {
                for (at, column, low, high) in bounds {
                    if let Cell::Int(value) = cell(*at)
                        && !(low..=high).contains(&value)
                    {
                        return refuse(column, value.to_string(), format!("is out of range; expected {low} to {high}"));
                    }
                }
                Ok(())
            }
        }
    }
}
