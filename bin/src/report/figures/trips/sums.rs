//! What round trips come to together: how many were won, and what they brought.

use messages::Cash;
use serde::Serialize;

use super::{Ended, Trip};
use crate::report::figures::figure::Figure;
use crate::report::figures::sum::plus;

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

    fn trip(profit: &str, held: i64) -> Ended {
        Ended::Counted(Trip { profit: cash(profit), held })
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
