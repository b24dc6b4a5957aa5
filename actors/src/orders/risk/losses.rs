//! Losses: from the day's first value and from the highest value, which two latches measure.
//!
//! The first value of a day and the highest of all come from the account's snapshots at a start, and from valuations of
//! the state's own in between. Money that is paid in or out is neither a gain nor a loss.

use messages::instrument::{Calendar, Sessions};
use messages::risk::{Latch, Refusal, TradingState};
use messages::{Cash, UtcNanos};
use serde::{Deserialize, Serialize};

use super::{AccountLimits, Context, refuse};

/// From where losses are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Losses {
    /// The day's first value, and when that day ends.
    day: Option<(UtcNanos, Cash)>,
    /// The highest value.
    highest: Option<Cash>,
}

impl Losses {
    /// The account was worth this much.
    pub fn follow(&mut self, value: Cash, at: UtcNanos, calendar: &Calendar, account_day: Sessions) {
        if self.day.is_none_or(|(ends, _)| at >= ends) {
            self.day = Some((calendar.day_ends(account_day, at), value));
        }
        self.highest = self.highest.max(Some(value));
    }

    /// Money was paid in, or out where it is negative.
    pub fn paid(&mut self, amount: Cash) {
        let shifted = |value: Cash| value.checked_add(amount).unwrap_or(value);
        self.day = self.day.map(|(ends, value)| (ends, shifted(value)));
        self.highest = self.highest.map(shifted);
    }

    /// True where there is something to lose: nothing is counted from less.
    #[must_use]
    pub fn are_counted(&self) -> bool {
        [self.day_began_with(), self.highest].into_iter().flatten().any(|from| from.is_positive())
    }

    /// A latch was set free, on a day that ends at `ends`: its losses are counted from here. From the next valuation on, where the
    /// value is unknown.
    pub fn begin_anew(&mut self, latch: Latch, value: Option<Cash>, ends: UtcNanos) {
        match latch {
            Latch::DailyLoss => self.day = value.map(|value| (ends, value)),
            Latch::Drawdown => self.highest = value,
            Latch::Rejects => {}
        }
    }

    /// The day's first value.
    #[must_use]
    pub fn day_began_with(&self) -> Option<Cash> {
        self.day.map(|(_, value)| value)
    }

    /// The highest value.
    #[must_use]
    pub fn highest(&self) -> Option<Cash> {
        self.highest
    }

    /// The latches that a value makes fall, each with why.
    pub fn check(&self, value: Cash, limits: &AccountLimits) -> impl Iterator<Item = (Latch, String)> {
        let measured = [
            (Latch::DailyLoss, self.day_began_with(), limits.max_daily_loss_percent, "the day's first value"),
            (Latch::Drawdown, self.highest, limits.max_drawdown_percent, "the highest value"),
        ];
        measured.into_iter().filter_map(move |(latch, from, percent, what)| {
            let from = from?;
            is_lost(from, value, percent)
                .then(|| (latch, format!("the account is worth {value}, {percent} % or more below {what}, {from}")))
        })
    }
}

/// While nobody knows what the account is worth, nobody knows what it has lost: then passes what `on_loss` lets pass.
pub(super) fn check(c: &Context<'_>) -> Result<(), Refusal> {
    let account = &c.limits.account;
    let passes = account.on_loss != TradingState::Halted && c.reduces();
    if !account.limits_losses() || c.equity.is_some() || passes {
        return Ok(());
    }
    let text = "what the account is worth, and so what it has lost, is unknown: a price or a rate is missing";
    refuse("risk.unknown_value", text.to_owned())
}

/// Whether so many percent are lost; compared in hundredths, so that nothing is rounded.
fn is_lost(from: Cash, value: Cash, percent: u32) -> bool {
    percent > 0
        && from.is_positive()
        && share(from, value).is_some_and(|lost| lost >= from.raw().saturating_mul(i128::from(percent)))
}

/// A hundred times what is lost.
fn share(from: Cash, value: Cash) -> Option<i128> {
    from.checked_sub(value)?.raw().checked_mul(100)
}

/// What is lost, in percent for people, rounded down to hundredths; 0 for a gain.
#[must_use]
pub fn percent(from: Cash, value: Cash) -> Option<String> {
    let hundredths = share(from, value)?.max(0).checked_mul(100)?.checked_div(from.raw())?;
    from.is_positive().then(|| format!("{}.{:02} %", hundredths / 100, hundredths % 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cash(text: &str) -> Cash {
        text.parse().unwrap()
    }

    /// What falls at each value of a day that begins with 1000, with limits of 5 % and 10 %.
    fn check(values: &[(&str, &str)], expected: &str) {
        let limits = AccountLimits { max_daily_loss_percent: 5, max_drawdown_percent: 10, ..AccountLimits::default() };
        let mut losses = Losses::default();
        let mut fallen = Vec::new();
        for (at, value) in values {
            let (at, value) = (at.parse().unwrap(), cash(value));
            losses.follow(value, at, &Calendar::default(), Sessions::AroundTheClock);
            fallen.extend(losses.check(value, &limits).map(|(latch, _)| format!("{latch} at {value}")));
        }
        assert_eq!(fallen.join(", "), expected, "{values:?}");
    }

    #[test]
    fn latches_fall_at_their_share_and_a_day_begins_anew() {
        check(&[("2026-11-24T10:00:00Z", "1000"), ("2026-11-24T11:00:00Z", "950.000000001")], "");
        check(&[("2026-11-24T10:00:00Z", "1000"), ("2026-11-24T11:00:00Z", "950")], "daily_loss at 950");
        check(
            &[("2026-11-24T10:00:00Z", "1000"), ("2026-11-24T11:00:00Z", "1100"), ("2026-11-24T12:00:00Z", "990")],
            "drawdown at 990",
        );
        // 4 % a day are no daily loss; together they are a drawdown.
        check(
            &[
                ("2026-11-24T10:00:00Z", "1000"),
                ("2026-11-24T20:00:00Z", "960"),
                ("2026-11-25T00:00:00Z", "960"),
                ("2026-11-25T20:00:00Z", "925"),
                ("2026-11-26T00:00:00Z", "900"),
            ],
            "drawdown at 900",
        );
        check(&[("2026-11-24T10:00:00Z", "0"), ("2026-11-24T11:00:00Z", "-5")], "");
    }

    #[test]
    fn money_paid_out_is_no_loss_and_a_reset_counts_from_there() {
        let limits = AccountLimits { max_daily_loss_percent: 5, max_drawdown_percent: 5, ..AccountLimits::default() };
        let at = "2026-11-24T10:00:00Z".parse().unwrap();
        let mut losses = Losses::default();
        losses.follow(cash("1000"), at, &Calendar::default(), Sessions::AroundTheClock);
        losses.paid(cash("-400"));
        assert_eq!(losses.check(cash("600"), &limits).count(), 0);
        assert_eq!(losses.check(cash("570"), &limits).count(), 2);
        let ends = Calendar::default().day_ends(Sessions::AroundTheClock, at);
        losses.begin_anew(Latch::DailyLoss, Some(cash("570")), ends);
        assert_eq!(losses.check(cash("570"), &limits).map(|(latch, _)| latch).collect::<Vec<_>>(), [Latch::Drawdown]);
        losses.begin_anew(Latch::Drawdown, Some(cash("570")), ends);
        assert_eq!(losses.check(cash("570"), &limits).count(), 0);
        // A start may hear of the reset before it hears of any value.
        let mut started = Losses::default();
        started.begin_anew(Latch::DailyLoss, Some(cash("570")), ends);
        started.follow(cash("560"), at, &Calendar::default(), Sessions::AroundTheClock);
        assert_eq!(started.day_began_with(), Some(cash("570")));
        started.follow(cash("550"), ends, &Calendar::default(), Sessions::AroundTheClock);
        assert_eq!(started.day_began_with(), Some(cash("550")), "the next day begins with its own");
    }

    #[test]
    fn what_is_lost_is_said_in_percent() {
        let check = |from: &str, value: &str, expected: Option<&str>| {
            assert_eq!(percent(cash(from), cash(value)).as_deref(), expected, "{from} {value}");
        };
        check("1000", "958.76", Some("4.12 %"));
        check("1000", "1200", Some("0.00 %"));
        check("0", "1", None);
    }
}
