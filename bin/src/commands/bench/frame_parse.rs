//! From a frame to what it says: one typical frame of each kind, decoded over and over.
//!
//! The fastest of a few rounds counts, for it is the least disturbed one.

use std::time::Instant;

use actors::feeds::{alpaca, binance};
use actors::wire::DecodeError;
use anyhow::ensure;
use messages::UtcNanos;
use messages::market::FeedItem;

use super::Figure;

const ROUNDS: u32 = 10;
/// Frames of a round.
const FRAMES: u32 = 100_000;

/// The design names a target for Binance's trades and quotes only.
const TARGET: Option<f64> = Some(600.0);

const BINANCE: [(&str, &str, Option<f64>); 3] = [
    (
        "frame_parse",
        r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}"#,
        TARGET,
    ),
    (
        "frame_parse_quote",
        r#"{"stream":"btcusdt@bookTicker","data":{"u":50093239225,"s":"BTCUSDT","b":"61837.62000000","B":"3.91204000","a":"61837.63000000","A":"0.51702000"}}"#,
        TARGET,
    ),
    (
        "frame_parse_depth",
        r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255410,"s":"BTCUSDT","U":50093239219,"u":50093239263,"b":[["61837.62000000","3.91204000"],["61837.60000000","0.00000000"],["61836.01000000","0.04850000"],["61830.00000000","1.20000000"],["61001.27000000","0.00000000"]],"a":[["61837.63000000","0.51702000"],["61838.00000000","0.00000000"],["61840.42000000","0.16170000"],["61851.99000000","0.00000000"],["62500.00000000","14.02311000"]]}}"#,
        None,
    ),
];

const ALPACA: [(&str, &str, Option<f64>); 3] = [
    (
        "frame_parse_alpaca_trade",
        r#"[{"T":"t","S":"AAPL","i":52983525029461,"x":"V","p":126.55,"s":100,"c":["@","I"],"z":"C","t":"2021-02-22T15:51:44.208123456Z"}]"#,
        None,
    ),
    (
        "frame_parse_alpaca_quote",
        r#"[{"T":"q","S":"AAPL","bx":"V","bp":126.54,"bs":3,"ax":"V","ap":126.56,"as":2,"c":["R"],"z":"C","t":"2021-02-22T15:51:45.335689322Z"}]"#,
        None,
    ),
    (
        "frame_parse_alpaca_depth",
        r#"[{"T":"o","S":"BTC/USD","t":"2022-04-12T02:28:09.345678Z","b":[{"p":40000.5,"s":0.25},{"p":39999.1,"s":0},{"p":39990,"s":1.5}],"a":[{"p":40001,"s":0.5},{"p":40002.25,"s":0},{"p":40010,"s":2}]}]"#,
        None,
    ),
];

pub fn measure() -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (name, frame, target) in BINANCE {
        let mut decoder = binance::Decoder::new();
        let value = fastest(|items| decoder.decode(frame.as_bytes(), UtcNanos(0), items).map(drop))?;
        figures.push(Figure { name, unit: "ns", value: Some(value), target });
    }
    for (name, frame, target) in ALPACA {
        let mut decoder = alpaca::Decoder::new();
        let value = fastest(|items| decoder.decode(frame.as_bytes(), UtcNanos(0), items).map(drop))?;
        figures.push(Figure { name, unit: "ns", value: Some(value), target });
    }
    Ok(figures)
}

/// Nanoseconds a frame, in the fastest round.
fn fastest(mut decode: impl FnMut(&mut Vec<FeedItem>) -> Result<(), DecodeError>) -> anyhow::Result<f64> {
    let mut items = Vec::with_capacity(1);
    let mut fastest = f64::INFINITY;
    for _ in 0..ROUNDS {
        let began = now();
        for _ in 0..FRAMES {
            items.clear();
            decode(&mut items)?;
            ensure!(std::hint::black_box(&items).len() == 1, "the frame was not decoded");
        }
        fastest = fastest.min(began.elapsed().as_nanos() as f64 / f64::from(FRAMES));
    }
    Ok(fastest)
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}
