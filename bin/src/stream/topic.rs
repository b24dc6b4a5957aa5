//! The topics of the stream: what a client may subscribe to, and what becomes of a message that does not fit its queue.

use std::fmt;
use std::str::FromStr;

use actors::settings::parse_instrument;
use messages::Instrument;
use messages::market::{Timeframe, TimeframeError};

/// What a client may subscribe to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// The newest quote of an instrument.
    Quotes(Instrument),
    /// Its trades.
    Trades(Instrument),
    /// Its bars of one length.
    Bars(Instrument, Timeframe),
    /// What happens to our orders.
    Orders,
    /// Our fills.
    Fills,
    /// What is held.
    Positions,
    /// What the account is worth.
    Equity,
    /// What may be traded.
    Trading,
    /// How the strategies stand.
    Strategies,
    /// Log lines.
    Logs,
    /// Whether all is well.
    Health,
    /// Open alerts.
    Alerts,
}

/// What becomes of a message that does not fit the queue of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// The newest message of the topic follows when there is room again.
    Conflate,
    /// A new snapshot follows when there is room again.
    Resync,
    /// The client is closed: it may miss nothing of this.
    Close,
}

impl Topic {
    /// Topics in which nobody waits for the next interval.
    pub const URGENT: [Self; 6] =
        [Self::Orders, Self::Fills, Self::Positions, Self::Trading, Self::Strategies, Self::Alerts];

    /// What becomes of a message that does not fit.
    pub const fn overflow(self) -> Overflow {
        match self {
            Self::Quotes(_) => Overflow::Conflate,
            Self::Orders | Self::Fills => Overflow::Close,
            _ => Overflow::Resync,
        }
    }
}

impl FromStr for Topic {
    /// What was expected, in words.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((kind, of)) = text.split_once('/') {
            return match kind {
                "quotes" => parse_instrument(of).map(Self::Quotes),
                "trades" => parse_instrument(of).map(Self::Trades),
                "bars" => {
                    // A symbol may have a slash itself (BTC/USD): the length of the bars stands behind the last one.
                    let (name, timeframe) = of.rsplit_once('/').ok_or_else(|| unknown(text))?;
                    let timeframe = timeframe.parse().map_err(|e: TimeframeError| e.to_string())?;
                    parse_instrument(name).map(|instrument| Self::Bars(instrument, timeframe))
                }
                _ => Err(unknown(text)),
            };
        }
        PLAIN.iter().find(|topic| topic.to_string() == text).copied().ok_or_else(|| unknown(text))
    }
}

/// The topics that are about no instrument.
const PLAIN: [Topic; 9] = [
    Topic::Orders,
    Topic::Fills,
    Topic::Positions,
    Topic::Equity,
    Topic::Trading,
    Topic::Strategies,
    Topic::Logs,
    Topic::Health,
    Topic::Alerts,
];

fn unknown(text: &str) -> String {
    let plain = PLAIN.map(|topic| topic.to_string()).join(", ");
    format!(
        "`{text}` is no topic; expected quotes/exchange:symbol, trades/exchange:symbol, bars/exchange:symbol/1m, {plain}"
    )
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = match self {
            Self::Quotes(instrument) => return write!(f, "quotes/{instrument}"),
            Self::Trades(instrument) => return write!(f, "trades/{instrument}"),
            Self::Bars(instrument, timeframe) => return write!(f, "bars/{instrument}/{timeframe}"),
            Self::Orders => "orders",
            Self::Fills => "fills",
            Self::Positions => "positions",
            Self::Equity => "equity",
            Self::Trading => "trading",
            Self::Strategies => "strategies",
            Self::Logs => "logs",
            Self::Health => "health",
            Self::Alerts => "alerts",
        };
        f.write_str(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read_as_they_are_written() {
        let all =
            ["quotes/simulated:SIMBTC", "trades/alpaca:BTC/USD", "bars/alpaca:BTC/USD/1m", "bars/binance:BTCUSDT/1s"];
        for text in all.into_iter().map(str::to_owned).chain(PLAIN.map(|topic| topic.to_string())) {
            assert_eq!(text.parse::<Topic>().map(|topic| topic.to_string()), Ok(text));
        }
    }

    #[test]
    fn a_wrong_name_is_refused_with_what_was_expected() {
        fn check(text: &str, expected: &str) {
            let refusal = text.parse::<Topic>().unwrap_err();
            assert!(refusal.contains(expected), "{text}: {refusal}");
        }
        check("", "orders, fills");
        check("order", "orders, fills");
        check("quotes/BTCUSDT", "expected exchange:symbol");
        check("quotes/nasdaq:X", "expected binance, alpaca or simulated");
        check("bars/binance:BTCUSDT", "is no topic");
        check("bars/binance:BTCUSDT/7s", "not a bar length");
        check("book/binance:BTCUSDT", "is no topic");
    }
}
