//! The venues' decoders against an independent reading: every recorded message, field by field, and bytes that no venue
//! sends.
//!
//! The other reading goes over JSON values and decimal digits, slowly and plainly; it shares nothing with the decoders but
//! the venues' documents.

mod damage;
mod facts;
mod reading;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use actors::feeds::{alpaca, binance};
use messages::UtcNanos;
use messages::market::FeedItem;
use serde_json::value::RawValue;

use facts::fact;

/// The recordings beside the checkout, if they are there.
fn recorded() -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !dir.is_dir() {
        println!("skipped: the recorded data is not beside the checkout");
        return None;
    }
    Some(dir)
}

/// When a message without a time of its own was received.
const RECEIVED: UtcNanos = UtcNanos(1_700_000_000_000_000_000);

/// The messages that were found in other projects' tests: the wrapper says where.
fn found(path: &Path) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Found {
        msg: Box<RawValue>,
    }
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str::<Found>(line).unwrap().msg.get().to_owned()).collect()
}

/// What a decoder of Binance's frames makes of one.
fn binance_facts(decoder: &mut binance::Decoder, frame: &str, received: UtcNanos) -> Result<Vec<String>, String> {
    let mut items: Vec<FeedItem> = Vec::new();
    let decoded = decoder.decode(frame.as_bytes(), received, &mut items);
    decoded.map(|_| items.iter().map(fact).collect()).map_err(|error| error.to_string())
}

#[test]
fn a_whole_recording_of_binance_reads_the_same_twice() {
    let Some(data) = recorded() else { return };
    let mut messages = 0;
    for name in ["btcusdt_20240808.gz", "btcusdt_20240809.gz"] {
        let file = std::fs::File::open(data.join("binance").join(name)).unwrap();
        let mut decoder = binance::Decoder::new();
        for line in BufReader::new(flate2::read::MultiGzDecoder::new(file)).lines() {
            let line = line.unwrap();
            let (received, frame) = line.split_once(' ').unwrap();
            let received = UtcNanos(received.parse().unwrap());
            let decoded = binance_facts(&mut decoder, frame, received).unwrap();
            assert_eq!(decoded, reading::binance(frame, received, "BTCUSDT"), "{frame}");
            assert_eq!(decoded.len(), 1, "{frame}");
            messages += 1;
        }
    }
    assert_eq!(messages, 99_574);
    println!("decoders: {messages} recorded messages of Binance Spot, every field as documented");
}

#[test]
fn other_frames_of_binance_read_the_same_twice_or_are_of_other_markets() {
    let Some(data) = recorded() else { return };
    // Events that Spot does not have, and snapshots of a book that do not say whose.
    const OTHER_MARKETS: [&str; 4] = ["trade_all", "ticker_all", "openInterest", "lastUpdateId"];
    let (mut said, mut silent, mut refused) = (0, 0, 0);
    for frame in found(&data.join("binance/frames_2021_2022.jsonl")) {
        match binance_facts(&mut binance::Decoder::new(), &frame, RECEIVED) {
            Ok(decoded) => {
                assert_eq!(decoded, reading::binance(&frame, RECEIVED, ""), "{frame}");
                *(if decoded.is_empty() { &mut silent } else { &mut said }) += 1;
            }
            Err(error) => {
                assert!(OTHER_MARKETS.iter().any(|part| frame.contains(part)), "{error}: {frame}");
                refused += 1;
            }
        }
    }
    for frame in std::fs::read_to_string(data.join("binance/public_ws_2026.jsonl")).unwrap().lines() {
        let decoded = binance_facts(&mut binance::Decoder::new(), frame, RECEIVED).unwrap();
        assert_eq!(decoded, reading::binance(frame, RECEIVED, ""), "{frame}");
        *(if decoded.is_empty() { &mut silent } else { &mut said }) += 1;
    }
    // Tickers, mark prices, running bars and answers say nothing that is kept.
    assert_eq!((said, refused), (28, 9));
    println!(
        "decoders: {said} other frames of Binance as documented, {silent} say nothing, {refused} of other markets"
    );
}

#[test]
fn recorded_trades_and_quotes_of_alpaca_read_the_same_twice() {
    let Some(data) = recorded() else { return };
    let (mut messages, mut options) = (0, 0);
    for name in ["rest_bodies_go.jsonl", "rest_bodies_py.jsonl"] {
        for body in found(&data.join("alpaca").join(name)) {
            for message in reading::alpaca_messages(&body) {
                let Some(expected) = reading::alpaca(&message) else {
                    options += 1;
                    continue;
                };
                let mut items = Vec::new();
                let frame = format!("[{message}]");
                alpaca::Decoder::new().decode(frame.as_bytes(), RECEIVED, &mut items).unwrap();
                assert_eq!(items.iter().map(fact).collect::<Vec<_>>(), [expected], "{message}");
                messages += 1;
            }
        }
    }
    assert!(messages > 80, "{messages}");
    println!(
        "decoders: {messages} recorded trades and quotes of Alpaca, every field as documented; {options} of options"
    );
}
