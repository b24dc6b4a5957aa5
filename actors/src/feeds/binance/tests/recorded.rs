//! Recorded frames: all of them say something or are refused for a reason, and what that costs.

use super::{Decoder, RECEIVED, decode};
use crate::wire::testdata;

/// Frames of the derivatives markets that say nothing we could use.
const REFUSED: [&str; 4] = ["trade_all", "ticker_all", "openInterest", "lastUpdateId"];

#[test]
fn every_recorded_frame_decodes_or_is_refused_for_a_reason() {
    let Some(lines) = testdata::text("binance/frames_2021_2022.jsonl") else { return };
    let mut refused = Vec::new();
    for line in lines.lines() {
        #[derive(serde::Deserialize)]
        struct Found<'a> {
            #[serde(borrow)]
            msg: &'a serde_json::value::RawValue,
        }
        let frame = serde_json::from_str::<Found<'_>>(line).unwrap().msg.get();
        if let Err(error) = decode(frame) {
            assert!(REFUSED.iter().any(|part| frame.contains(part)), "{error}: {frame}");
            refused.push(error.to_string());
        }
    }
    println!("refused: {refused:#?}");
    assert_eq!(refused.len(), 9);
    for frame in testdata::text("binance/public_ws_2026.jsonl").unwrap().lines() {
        decode(frame).unwrap();
    }
}

/// Prints what decoding costs; a timing never decides a test.
#[test]
#[allow(clippy::disallowed_methods, reason = "a measurement has to look at the clock")]
fn decoding_is_measured() {
    use std::io::Read as _;
    let Some(data) = testdata::recorded() else { return };
    let mut text = String::new();
    let file = std::fs::File::open(data.join("binance/btcusdt_20240808.gz")).unwrap();
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    for stream in ["@trade", "@bookTicker", "@depth@100ms"] {
        let lines = text.lines().filter_map(|line| line.split_once(' ').map(|(_, frame)| frame));
        let frames: Vec<&[u8]> = lines.filter(|frame| frame.contains(stream)).map(str::as_bytes).collect();
        let (mut decoder, mut out, mut best) = (Decoder::new(), Vec::new(), u128::MAX);
        for _ in 0..10 {
            let start = std::time::Instant::now();
            for frame in &frames {
                out.clear();
                decoder.decode(frame, RECEIVED, &mut out).unwrap();
            }
            best = best.min(start.elapsed().as_nanos() / frames.len() as u128);
        }
        println!("{stream}: {best} ns/frame, best of 10 runs over {} frames", frames.len());
    }
}
