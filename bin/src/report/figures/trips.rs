//! Round trips: a position of one strategy in one instrument, from the fill that leaves zero to the fill that comes back
//! to it. A fill that goes beyond zero ends one trip and begins the next.
//!
//! A trip's profit is what its fills realized, as they were booked (at the average price of the position), less their fees.
//! One that was open when the report begins is left out, for its fees and its beginning are not known; one that is open at
//! the end is not counted yet.

pub mod sums;

use anyhow::Context;
use messages::orders::Side;
use messages::{Cash, Quantity, UtcNanos};

use super::sum::{TOO_LARGE, plus};

/// What a fill does to a position.
#[derive(Debug, Clone, Copy)]
pub struct Move {
    /// When.
    pub at: UtcNanos,
    /// Which way.
    pub side: Side,
    /// How much.
    pub quantity: Quantity,
    /// What it realized, before fees.
    pub realized: Cash,
    /// Its fee, in the same currency.
    pub fee: Cash,
}

/// A trip that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trip {
    /// What it came to, after fees.
    pub profit: Cash,
    /// How long it took, in nanoseconds.
    pub held: i64,
}

/// A position, as far as trips go.
#[derive(Debug, Clone, Default)]
pub struct Held {
    quantity: Quantity,
    open: Option<Open>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    since: UtcNanos,
    profit: Cash,
    is_from_before: bool,
}

/// What became of a trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It is over.
    Counted(Trip),
    /// It is over, and began before the report does.
    LeftOut,
}

impl Held {
    /// Open since before the report begins.
    pub fn from_before(quantity: Quantity, begin: UtcNanos) -> Self {
        let open = Open { since: begin, profit: Cash::ZERO, is_from_before: true };
        Self { quantity, open: (!quantity.is_zero()).then_some(open) }
    }

    /// Whether there is a position.
    pub fn is_open(&self) -> bool {
        !self.quantity.is_zero()
    }

    /// Moves the position; says what became of the trip that this ended, if it ended one.
    ///
    /// # Errors
    /// The sums do not fit.
    pub fn fill(&mut self, fill: &Move) -> anyhow::Result<Option<Ended>> {
        let before = self.quantity;
        let change = fill.side.signed(fill.quantity);
        let after = before.checked_add(change).context(TOO_LARGE)?;
        self.quantity = after;
        if before.is_zero() || before.is_negative() == change.is_negative() {
            // A fill realizes nothing here; what undoes one takes back what that realized.
            self.book(fill.at, fill.realized, fill.fee)?;
            return Ok(None);
        }
        if after.is_zero() || after.is_negative() == before.is_negative() {
            self.book(fill.at, fill.realized, fill.fee)?;
            return Ok(if after.is_zero() { self.end(fill.at) } else { None });
        }
        let closing = fill.fee.share(before.abs(), change.abs()).context(TOO_LARGE)?;
        self.book(fill.at, fill.realized, closing)?;
        let ended = self.end(fill.at);
        self.book(fill.at, Cash::ZERO, fill.fee.checked_sub(closing).context(TOO_LARGE)?)?;
        Ok(ended)
    }

    fn book(&mut self, at: UtcNanos, realized: Cash, fee: Cash) -> anyhow::Result<()> {
        let open = self.open.get_or_insert(Open { since: at, profit: Cash::ZERO, is_from_before: false });
        open.profit = plus(open.profit, plus(realized, -fee)?)?;
        Ok(())
    }

    fn end(&mut self, at: UtcNanos) -> Option<Ended> {
        let Open { since, profit, is_from_before } = self.open.take()?;
        let trip = Trip { profit, held: at.since(since).max(0) };
        Some(if is_from_before { Ended::LeftOut } else { Ended::Counted(trip) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cash(text: &str) -> Cash {
        text.parse().unwrap()
    }

    fn fill(at: i64, quantity: &str, realized: &str, fee: &str) -> Move {
        let (side, quantity) = match quantity.strip_prefix('-') {
            Some(sold) => (Side::Sell, sold),
            None => (Side::Buy, quantity),
        };
        Move { at: UtcNanos(at), side, quantity: quantity.parse().unwrap(), realized: cash(realized), fee: cash(fee) }
    }

    fn ended(held: &mut Held, fills: &[Move]) -> Vec<Ended> {
        fills.iter().filter_map(|fill| held.fill(fill).unwrap()).collect()
    }

    fn trip(profit: &str, held: i64) -> Ended {
        Ended::Counted(Trip { profit: cash(profit), held })
    }

    #[test]
    fn a_trip_goes_from_zero_to_zero_with_all_its_fees() {
        let mut held = Held::default();
        let fills =
            [fill(1, "1", "0", "1"), fill(2, "1", "0", "1"), fill(3, "-0.5", "10", "0.5"), fill(9, "-1.5", "-3", "2")];
        assert_eq!(ended(&mut held, &fills), [trip("2.5", 8)]);
        assert!(!held.is_open());
    }

    #[test]
    fn a_fill_beyond_zero_shares_its_fee_between_two_trips() {
        let mut held = Held::default();
        let fills = [fill(1, "1", "0", "0"), fill(5, "-4", "8", "4"), fill(6, "3", "-2", "0")];
        assert_eq!(ended(&mut held, &fills), [trip("7", 4), trip("-5", 1)]);
    }

    #[test]
    fn a_trip_from_before_is_left_out_and_an_open_one_is_not_over() {
        let mut held = Held::from_before("2".parse().unwrap(), UtcNanos(0));
        assert_eq!(ended(&mut held, &[fill(1, "-3", "9", "0")]), [Ended::LeftOut]);
        assert!(held.is_open());
    }
}
