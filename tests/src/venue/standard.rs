//! The venues as tests usually want them: two instruments each, one account with money, keys that are no secret.

use std::time::Duration;

use messages::{Cash, Price, Quantity, UtcNanos};

use super::alpaca::{self, AlpacaVenue};
use super::binance::signing::{Key, Secret};
use super::binance::{self, BinanceVenue};
use super::exchange::rules::Instrument;

/// The account of both venues.
pub const ACCOUNT: &str = "main";
/// The key's id, with which `secret` goes.
pub const KEY: &str = "key";
/// The secret of [`KEY`].
pub const SECRET: &str = "secret";
/// The id of the Ed25519 key at Binance.
pub const ED25519_KEY: &str = "ed25519";

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a number of this file")
}

/// Names of an instrument, and its numbers: tick, step, smallest quantity, smallest notional, bid, ask.
fn instrument(names: [&str; 3], numbers: [&str; 6]) -> Instrument {
    let [symbol, base, quote] = names.map(str::to_owned);
    let [tick, step, least, notional, bid, ask] = numbers;
    Instrument {
        symbol,
        base,
        quote,
        tick: number::<Price>(tick),
        step: number::<Quantity>(step),
        min_quantity: number(least),
        max_quantity: number("9000"),
        min_notional: number::<Cash>(notional),
        max_notional: number("9000000"),
        percent: None,
        max_orders: 2_000,
        max_conditional: 5,
        bid: number(bid),
        ask: number(ask),
        available: None,
        halted: false,
    }
}

/// BTCUSDT and ETHUSDT.
#[must_use]
pub fn binance_instruments() -> Vec<Instrument> {
    let btc = instrument(["BTCUSDT", "BTC", "USDT"], ["0.01", "0.00001", "0.00001", "5", "60000", "60000.01"]);
    let eth = instrument(["ETHUSDT", "ETH", "USDT"], ["0.01", "0.0001", "0.0001", "5", "3000", "3000.01"]);
    [btc, eth].map(|on| Instrument { percent: Some((20, 500)), ..on }).into()
}

/// Binance with its instruments; an HMAC key, and an Ed25519 key if its public part is given.
#[must_use]
pub fn binance(ed25519: Option<Vec<u8>>) -> BinanceVenue {
    let instruments = binance_instruments();
    let key = |api_key: &str, secret| Key { api_key: api_key.to_owned(), secret, account: ACCOUNT.to_owned() };
    let mut keys = vec![key(KEY, Secret::Hmac(SECRET.to_owned()))];
    keys.extend(ed25519.map(|public| key(ED25519_KEY, Secret::Ed25519(public))));
    let setup = binance::Setup { keys, instruments, weight: 6_000, orders: [100, 200_000], first: 1_000 };
    let owned = [(ACCOUNT, "USDT", "100000"), (ACCOUNT, "BTC", "2"), (ACCOUNT, "ETH", "0")];
    BinanceVenue::new(setup, &owned.map(|(account, asset, much)| (account, asset, number(much))))
}

/// Alpaca with AAPL, SPY and BTC/USD.
#[must_use]
pub fn alpaca(binary: bool, now: UtcNanos) -> AlpacaVenue {
    let stock = ["0.01", "0.000000001", "0.000000001", "1"];
    let [tick, step, least, notional] = stock;
    let instruments = vec![
        instrument(["AAPL", "AAPL", "USD"], [tick, step, least, notional, "150", "150.02"]),
        instrument(["SPY", "SPY", "USD"], [tick, step, least, notional, "500", "500.02"]),
        instrument(["BTC/USD", "BTC", "USD"], ["0.01", "0.000000001", "0.00001", "1", "60000", "60010"]),
    ];
    let setup = alpaca::Setup {
        keys: (KEY.to_owned(), SECRET.to_owned()),
        account: ACCOUNT.to_owned(),
        instruments,
        binary,
        requests: 200,
        since: now.before(Duration::from_secs(30 * 86_400)),
    };
    AlpacaVenue::new(setup, &[("USD", number("100000"))])
}
