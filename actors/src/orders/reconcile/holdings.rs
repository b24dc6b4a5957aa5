//! Positions and balances: what the account holds there, against what our history comes to.
//!
//! A venue that knows positions (Alpaca) says them beside its cash: what we count of their base assets follows from them. One that
//! holds assets alone (a spot market) says all its balances, and no position is read out of them: an asset that somebody paid in is
//! nobody's trade.

use std::collections::BTreeMap;

use messages::account::{AccountSnapshot, Difference, DifferenceKind, OpeningEntry};
use messages::instrument::{Asset, Rules};
use messages::{Cash, Instrument, Price, Quantity, StrategyId};

/// What we hold.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    /// Positions, all strategies netted.
    pub positions: &'a BTreeMap<Instrument, Quantity>,
    /// Balances.
    pub balances: &'a BTreeMap<Asset, Cash>,
    /// The instruments that we know.
    pub rules: &'a BTreeMap<Instrument, Rules>,
}

/// What is held otherwise there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// A position.
    Position {
        /// Of which instrument.
        instrument: Instrument,
        /// Here.
        here: Quantity,
        /// There.
        there: Quantity,
        /// What it was entered at on average, where the venue says so.
        price: Option<Price>,
    },
    /// A balance.
    Balance {
        /// Of which asset.
        asset: Asset,
        /// Here; `None` where nothing was ever heard of it.
        here: Option<Cash>,
        /// There.
        there: Cash,
    },
}

impl Gap {
    /// In words.
    #[must_use]
    pub fn difference(&self) -> Difference {
        let (kind, subject, text) = match self {
            Self::Position { instrument, here, there, .. } => {
                (DifferenceKind::Position, instrument.to_string(), format!("{here} here and {there} there"))
            }
            Self::Balance { asset, here, there } => {
                let here = here.map_or_else(|| "unknown".to_owned(), |here| here.to_string());
                (DifferenceKind::Balance, asset.to_string(), format!("{here} here and {there} there"))
            }
        };
        Difference { kind, subject, text, settled: false }
    }

    /// The entry that closes it, for what nobody here decided. `own` is what is held under that name, `mark` what the instrument
    /// is worth now: what is opened beside ours, or without a price of the venue's, begins there, and what is closed ends there.
    /// `worth` says what an amount of an asset is worth now. `None` where what it cost is not known, or beyond all numbers.
    #[must_use]
    pub fn entry(
        &self,
        own: Quantity,
        mark: Option<Price>,
        worth: impl Fn(Asset, Cash) -> Option<Cash>,
    ) -> Option<OpeningEntry> {
        match *self {
            Self::Position { instrument, here, there, price } => {
                let change = there.checked_sub(here)?;
                let after = own.checked_add(change)?;
                let opens = after.abs() > own.abs() || !own.is_zero() && after.is_negative() != own.is_negative();
                // The venue's average is that of the whole position: what we hold of it cost what we paid.
                let crosses = here.is_positive() && there.is_negative() || here.is_negative() && there.is_positive();
                let average = price.filter(|_| opens && (here.is_zero() || crosses));
                let price = average.or(mark);
                if opens && price.is_none() {
                    return None;
                }
                Some(OpeningEntry::Position { instrument, strategy: StrategyId::manual(), change, price })
            }
            Self::Balance { asset, here, there } => {
                let change = there.checked_sub(here.unwrap_or_default())?;
                Some(OpeningEntry::Balance { asset, change, worth: worth(asset, change) })
            }
        }
    }
}

/// Holds what we hold against what the venue says: the gaps, and what it holds that has no name here.
#[must_use]
pub fn compare(held: Held<'_>, snapshot: &AccountSnapshot) -> (Vec<Gap>, Vec<Difference>) {
    let (mut gaps, mut unknown) = (Vec::new(), Vec::new());
    let mut there: BTreeMap<Asset, Cash> = BTreeMap::new();
    match &snapshot.positions {
        Some(positions) => {
            let mut said: BTreeMap<Instrument, (Quantity, Option<Price>)> = BTreeMap::new();
            for position in positions {
                if held.rules.contains_key(&position.instrument) {
                    said.insert(position.instrument, (position.quantity, position.average_entry));
                } else {
                    unknown.push(unnamed(&position.instrument.to_string(), position.quantity));
                }
            }
            for (instrument, rules) in held.rules {
                let (quantity, price) = said.get(instrument).copied().unwrap_or_default();
                let here = held.positions.get(instrument).copied().unwrap_or_default();
                if here != quantity {
                    gaps.push(Gap::Position { instrument: *instrument, here, there: quantity, price });
                }
                let total = there.entry(rules.base).or_default();
                let base = Cash::from_raw(quantity.raw());
                *total = base.and_then(|base| total.checked_add(base)).unwrap_or(*total);
            }
        }
        None => there.extend(held.balances.keys().map(|asset| (*asset, Cash::ZERO))),
    }
    for balance in &snapshot.balances {
        match balance.total() {
            Some(total) => drop(there.insert(balance.asset, total)),
            None => unknown.push(unnamed(balance.asset.as_str(), balance.free)),
        }
    }
    for (asset, there) in there {
        let here = held.balances.get(&asset).copied();
        if here.unwrap_or_default() != there {
            gaps.push(Gap::Balance { asset, here, there });
        }
    }
    (gaps, unknown)
}

fn unnamed(subject: &str, quantity: impl std::fmt::Display) -> Difference {
    let text = format!("{quantity} there; nothing is known of it here, and it is left out of all books");
    Difference { kind: DifferenceKind::Unknown, subject: subject.to_owned(), text, settled: true }
}
