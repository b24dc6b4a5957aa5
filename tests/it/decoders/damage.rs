//! Bytes that no venue sends: noise, and real frames that were damaged. Whatever comes, a decoder answers, and where it
//! refuses it leaves behind nothing of the frame.

use actors::feeds::{alpaca, binance};
use proptest::prelude::*;
use proptest::sample::Index;

use super::{RECEIVED, recorded};

/// Cases of each test. All of them together take seconds.
const CASES: u32 = 4_000;

/// A frame of each kind, for where the recordings are not there.
const FRAMES: [&str; 9] = [
    r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}"#,
    r#"{"stream":"btcusdt@bookTicker","data":{"u":50093239218,"s":"BTCUSDT","b":"61837.62","B":"3.1","a":"61837.63","A":"0.2"}}"#,
    r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255343,"s":"BTCUSDT","U":1,"u":2,"b":[["61837.62","3.1"]],"a":[]}}"#,
    r#"{"e":"kline","E":1,"s":"BTCUSDT","k":{"t":1653818760000,"T":1,"s":"BTCUSDT","i":"1m","f":1,"L":2,"o":"2","c":"3","h":"4","l":"1","v":"0.2","n":31,"x":true,"q":"6.5","V":"0","Q":"0"}}"#,
    r#"{"lastUpdateId":5,"bids":[["9","1"]],"asks":[["11","1"]]}"#,
    r#"[{"T":"t","S":"AAPL","i":52983525029461,"x":"V","p":126.55,"s":1,"t":"2021-02-22T15:51:44.208Z","c":["@","I"],"z":"A"}]"#,
    r#"[{"T":"q","S":"AMD","bx":"U","bp":87.66,"bs":1,"ax":"Q","ap":87.68,"as":4,"t":"2021-02-22T15:51:45.335689322Z","c":["R"],"z":"C"}]"#,
    r#"[{"T":"o","S":"BTC/USD","t":"2022-04-12T02:28:09.3Z","b":[{"p":40000.5,"s":1}],"a":[{"p":40001,"s":0}],"r":true}]"#,
    r#"[{"T":"b","S":"SPY","o":388.985,"h":389.13,"l":388.975,"c":389.12,"v":49378,"n":461,"vw":389.06,"t":"2021-02-22T19:15:00Z"}]"#,
];

/// What is done to a frame.
#[derive(Debug, Clone)]
enum Damage {
    Flip(Index, u8),
    Cut(Index),
    CutFront(Index),
    /// Puts a field in once more.
    Repeat(Index),
    /// Puts something in place of a number or a text.
    Replace(Index, &'static str),
    Insert(Index, &'static str),
    Nest(Index, usize),
}

/// Numbers, texts and pieces of JSON that a decoder may stumble over.
const TRAPS: [&str; 20] = [
    "1e999999999",
    "-1e-999999999",
    "99999999999999999999999999999999999999999999",
    "-9223372036854775809",
    "9223372036854775808",
    "18446744073709551615",
    "0.00000000000000000000000001",
    "-0",
    "null",
    "true",
    "[]",
    "{}",
    "[[]]",
    r#""""#,
    r#""\u0000""#,
    r#""\ud800""#,
    r#""NaN""#,
    r#""1.7976931348623157e308""#,
    "0x10",
    ",,",
];

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    let trap = || proptest::sample::select(&TRAPS[..]);
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Flip(at, byte)),
        at().prop_map(Damage::Cut),
        at().prop_map(Damage::CutFront),
        at().prop_map(Damage::Repeat),
        (at(), trap()).prop_map(|(at, trap)| Damage::Replace(at, trap)),
        (at(), trap()).prop_map(|(at, trap)| Damage::Insert(at, trap)),
        (at(), 1..200_000usize).prop_map(|(at, depth)| Damage::Nest(at, depth)),
    ]
}

impl Damage {
    fn apply(&self, frame: &mut Vec<u8>) {
        if frame.is_empty() {
            return;
        }
        let length = frame.len();
        match self {
            Self::Flip(at, byte) => frame[at.index(length)] = *byte,
            Self::Cut(at) => frame.truncate(at.index(length)),
            Self::CutFront(at) => drop(frame.drain(..at.index(length))),
            Self::Repeat(at) => {
                let fields: Vec<Vec<u8>> = frame.split(|byte| *byte == b',').map(<[u8]>::to_vec).collect();
                let again = fields[at.index(fields.len())].clone();
                let places: Vec<usize> = (0..length).filter(|&place| frame[place] == b',').collect();
                let place = if places.is_empty() { length } else { places[at.index(places.len())] };
                frame.splice(place..place, [b",", &again[..]].concat());
            }
            Self::Replace(at, trap) => {
                let starts: Vec<usize> = (1..length).filter(|&place| frame[place - 1] == b':').collect();
                let start = if starts.is_empty() { 0 } else { starts[at.index(starts.len())] };
                let end =
                    frame[start..].iter().position(|byte| b",}]".contains(byte)).map_or(length, |end| start + end);
                frame.splice(start..end, trap.bytes());
            }
            Self::Insert(at, trap) => drop(frame.splice(at.index(length)..at.index(length), trap.bytes())),
            Self::Nest(at, depth) => {
                let place = at.index(length);
                let bracket = if depth % 2 == 0 { "[" } else { r#"{"data":"# };
                frame.splice(place..place, bracket.repeat(*depth).bytes());
            }
        }
    }
}

/// Both decoders answer, and a refusal leaves nothing behind.
fn check(frame: &[u8]) {
    let mut items = Vec::new();
    let refused = binance::Decoder::new().decode(frame, RECEIVED, &mut items).is_err();
    assert!(!refused || items.is_empty(), "something is left of a refused frame");
    items.clear();
    let refused = alpaca::Decoder::new().decode(frame, RECEIVED, &mut items).is_err();
    assert!(!refused || items.is_empty(), "something is left of a refused frame");
}

/// Real frames: those above, and where the recordings are there those found elsewhere.
fn frames() -> Vec<String> {
    let mut frames: Vec<String> = FRAMES.map(str::to_owned).to_vec();
    if let Some(data) = recorded() {
        frames.extend(super::found(&data.join("binance/frames_2021_2022.jsonl")));
    }
    frames
}

#[test]
fn damaged_frames_are_answered() {
    let frames = frames();
    let damages = proptest::collection::vec(damage(), 1..5);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(CASES));
    let run = runner.run(&(any::<Index>(), damages), |(which, damages)| {
        let mut frame = frames[which.index(frames.len())].clone().into_bytes();
        damages.iter().for_each(|damage| damage.apply(&mut frame));
        check(&frame);
        Ok(())
    });
    run.unwrap();
    println!("decoders: {CASES} damaged frames of {} kinds answered", frames.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]
    #[test]
    fn noise_is_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        check(&bytes);
    }

    #[test]
    fn text_that_looks_like_json_is_answered(text in r#"[\[\]{}:,"a-zA-Z0-9.eE+\- ]{0,200}"#) {
        check(text.as_bytes());
    }
}

#[test]
fn a_frame_of_nothing_but_brackets_is_refused_without_a_deep_stack() {
    for piece in ["[", r#"{"data":"#, r#"{"e":"#, r#"[{"T":"#, r#"{"k":["#] {
        check(piece.repeat(1_000_000 / piece.len()).as_bytes());
    }
}
