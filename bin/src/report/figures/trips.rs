//! Round trips: a position of one strategy in one instrument, from the fill that leaves zero to the fill that comes back
//! to it. A fill that goes beyond zero ends one trip and begins the next.
//!
//! A trip's profit is what its fills realized, as they were booked (at the average price of the position), less their fees.
//! One that was open when the report begins is left out, for its fees and its beginning are not known; one that is open at
//! the end is not counted yet.

use anyhow::Context;
use messages::orders::Side;
use messages::{Cash, Quantity, UtcNanos};
use serde::Serialize;

use super::figure::Figure;
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
            self.book(fill.at, Cash::ZERO, fill.fee)?;
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

/// Sums over trips that are over.
#[derive(Debug, Clone, Default)]
pub struct Trips {
    count: u64,
    wins: u64,
    losses: u64,
    won: Cash,
    lost: Cash,
    best: Option<Cash>,
    worst: Option<Cash>,
    held: i128,
    left_out: u64,
    /// Trips that are open.
    pub open: u64,
}

impl Trips {
    /// Adds one.
    ///
    /// # Errors
    /// The sums do not fit.
    pub fn add(&mut self, ended: Ended) -> anyhow::Result<()> {
        let Ended::Counted(Trip { profit, held }) = ended else {
            self.left_out += 1;
            return Ok(());
        };
        self.count += 1;
        self.held += i128::from(held);
        self.best = self.best.max(Some(profit));
        self.worst = Some(self.worst.map_or(profit, |worst| worst.min(profit)));
        if profit.is_positive() {
            self.wins += 1;
            self.won = plus(self.won, profit)?;
        } else if profit.is_negative() {
            self.losses += 1;
            self.lost = plus(self.lost, profit)?;
        }
        Ok(())
    }

    /// Adds those of another strategy or instrument.
    ///
    /// # Errors
    /// The sums do not fit.
    pub fn merge(&mut self, other: &Self) -> anyhow::Result<()> {
        self.count += other.count;
        self.wins += other.wins;
        self.losses += other.losses;
        self.left_out += other.left_out;
        self.open += other.open;
        self.held += other.held;
        self.won = plus(self.won, other.won)?;
        self.lost = plus(self.lost, other.lost)?;
        self.best = self.best.max(other.best);
        self.worst = [self.worst, other.worst].into_iter().flatten().min();
        Ok(())
    }

    /// What they say.
    pub fn figures(&self) -> TripFigures {
        let over = |sum: f64, count: u64| (count > 0).then(|| sum / count as f64);
        let (won, lost) = (self.won.to_f64(), self.lost.to_f64());
        let (trip, win, loss) = ("a round trip that is over", "a winning trip", "a losing trip");
        TripFigures {
            count: self.count,
            wins: self.wins,
            losses: self.losses,
            open: self.open,
            left_out: self.left_out,
            win_rate: Figure::of(over(self.wins as f64, self.count), trip),
            profit_factor: Figure::of((self.losses > 0).then(|| won / -lost), loss),
            average_win: Figure::of(over(won, self.wins), win),
            average_loss: Figure::of(over(lost, self.losses), loss),
            expectancy: Figure::of(over(won + lost, self.count), trip),
            best: self.best,
            worst: self.worst,
            average_held_seconds: Figure::of(over(self.held as f64 / 1e9, self.count), trip),
        }
    }
}

/// Figures of trips.
#[derive(Debug, Clone, Serialize)]
pub struct TripFigures {
    /// Trips that began and ended in the report.
    pub count: u64,
    /// Those with a profit after fees.
    pub wins: u64,
    /// Those with a loss after fees.
    pub losses: u64,
    /// Trips that are open at the end: not counted.
    pub open: u64,
    /// Trips that began before the report: not counted.
    pub left_out: u64,
    /// wins / count
    pub win_rate: Figure,
    /// Sum of profits / sum of losses.
    pub profit_factor: Figure,
    /// Sum of profits / wins.
    pub average_win: Figure,
    /// Sum of losses / losses; negative.
    pub average_loss: Figure,
    /// Sum of all / count.
    pub expectancy: Figure,
    /// The best.
    pub best: Option<Cash>,
    /// The worst.
    pub worst: Option<Cash>,
    /// How long they took.
    pub average_held_seconds: Figure,
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

    /// Of five trips two win 500 together, two lose 200, one comes to nothing: 500 / 200 is 2.5, 2 / 5 is 0.4, 300 / 5 is 60
    /// (the definitions of R. Pardo, The Evaluation and Optimization of Trading Strategies, 2008).
    #[test]
    fn figures_of_a_known_list() {
        let mut trips = Trips::default();
        for profit in ["300", "-100", "200", "-100", "0"] {
            trips.add(trip(profit, 2_000_000_000)).unwrap();
        }
        trips.add(Ended::LeftOut).unwrap();
        let f = trips.figures();
        assert_eq!((f.count, f.wins, f.losses, f.left_out), (5, 2, 2, 1));
        let values = [&f.win_rate, &f.profit_factor, &f.average_win, &f.average_loss, &f.expectancy];
        assert_eq!(values.map(Figure::value), [0.4, 2.5, 250.0, -100.0, 60.0].map(Some));
        assert_eq!((f.best, f.worst), (Some(cash("300")), Some(cash("-100"))));
        assert_eq!(f.average_held_seconds, Figure::Known(2.0));
    }

    #[test]
    fn without_losses_there_is_no_profit_factor() {
        let mut trips = Trips::default();
        assert_eq!(trips.figures().win_rate, Figure::Unknown("a round trip that is over".to_owned()));
        trips.add(trip("1", 0)).unwrap();
        assert_eq!(trips.figures().profit_factor, Figure::Unknown("a losing trip".to_owned()));
    }

    #[test]
    fn merged_sums_are_the_sums_of_all() {
        let of = |profits: &[&str]| {
            let mut trips = Trips::default();
            profits.iter().for_each(|profit| trips.add(trip(profit, 1)).unwrap());
            trips
        };
        let mut merged = of(&["1", "-2"]);
        merged.merge(&of(&["4"])).unwrap();
        let (merged, all) = (merged.figures(), of(&["1", "-2", "4"]).figures());
        assert_eq!(serde_json::to_string(&merged).unwrap(), serde_json::to_string(&all).unwrap());
    }
}
