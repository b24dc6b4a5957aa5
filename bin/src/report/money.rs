//! Whether the money of a report is real, as far as the account's name says it.

use messages::{Account, Exchange};
use serde::Serialize;

/// What kind of money it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Money {
    /// Virtual time, no venue.
    Backtest,
    /// A paper account, on a simulated market.
    Simulated,
    /// A paper account.
    Paper,
    /// A venue's test network.
    Test,
    /// Real money.
    Live,
    /// The account's name does not say.
    Unknown,
}

impl Money {
    /// What to say of it; `None` for real money.
    pub fn mark(self) -> Option<&'static str> {
        match self {
            Self::Backtest => Some("Backtest: simulated fills on recorded data, no real money"),
            Self::Simulated => Some("Paper money on a simulated market: nothing here is real"),
            Self::Paper => Some("Paper money: simulated fills, no real money"),
            Self::Test => Some("Test network: no real money"),
            Self::Live => None,
            Self::Unknown => Some("The account's name does not say whether this is real money"),
        }
    }
}

/// By the account's name (`paper`, `backtest`, `alpaca-paper`, `binance-test`, `binance-live` …) and what was traded.
pub fn of(account: Account, traded: impl IntoIterator<Item = Exchange>) -> Money {
    let is_simulated = traded.into_iter().any(|exchange| exchange == Exchange::Simulated);
    match account.as_str().rsplit('-').next().unwrap_or_default() {
        "backtest" => Money::Backtest,
        "paper" if is_simulated => Money::Simulated,
        "paper" => Money::Paper,
        "test" => Money::Test,
        "live" => Money::Live,
        _ => Money::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_whose_money_it_is_and_only_real_money_has_no_mark() {
        let check = |account: &str, exchange, expected: Money| {
            let found = of(account.parse().unwrap(), [exchange]);
            assert_eq!((found, found.mark().is_none()), (expected, expected == Money::Live), "{account}");
        };
        check("backtest", Exchange::Binance, Money::Backtest);
        check("paper", Exchange::Binance, Money::Paper);
        check("paper", Exchange::Simulated, Money::Simulated);
        check("alpaca-paper", Exchange::Alpaca, Money::Paper);
        check("binance-test", Exchange::Binance, Money::Test);
        check("binance-live", Exchange::Binance, Money::Live);
        check("mine", Exchange::Binance, Money::Unknown);
    }
}
