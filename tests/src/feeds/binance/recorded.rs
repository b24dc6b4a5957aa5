//! A timeline from a recording: one frame a line, `<receive time, ns> <json>`, and one line with the first book.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use messages::{Price, UtcNanos};
use serde_json::Value;

use super::book::Book;
use super::{Body, Event, Levels, Trade};

/// The books and events of recordings (`.gz`), from the first snapshot on, moved so that this begins at `begin`.
///
/// # Panics
/// When a file cannot be read or is no such recording.
#[must_use]
pub fn recorded(files: &[&Path], begin: UtcNanos) -> (BTreeMap<String, Book>, Vec<Event>) {
    let mut text = String::new();
    for file in files {
        let file = std::fs::File::open(file).expect("a recording");
        flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).expect("text");
    }
    let lines = text.lines().map(|line| {
        let (at, frame) = line.split_once(' ').expect("a time and a frame");
        let frame: Value = serde_json::from_str(frame).expect("JSON");
        (at.parse::<i64>().expect("nanoseconds"), frame)
    });
    let (mut books, mut timeline, mut offset) = (BTreeMap::new(), Vec::<Event>::new(), None);
    // Depth that came before the snapshot, part of which may be newer than it.
    let mut early = Vec::new();
    for (at, frame) in lines {
        let Some(stream) = frame["stream"].as_str() else {
            offset.get_or_insert(begin.0 - at);
            let book = Book { last: number(&frame["lastUpdateId"]), ..Book::default() };
            early.retain(|event: &Event| matches!(event.body, Body::Depth { last, .. } if last > book.last));
            timeline.append(&mut early);
            books.insert("BTCUSDT".to_owned(), filled(book, &frame));
            continue;
        };
        let body = body(stream, &frame["data"]);
        let symbol = frame["data"]["s"].as_str().expect("a symbol").to_owned();
        let payload = frame["data"].to_string();
        let when = offset.map_or(begin, |offset| UtcNanos(at + offset));
        let event = Event { at: when, symbol, stream: stream.to_owned(), payload, body };
        if offset.is_some() { timeline.push(event) } else { early.push(event) }
    }
    timeline.sort_by_key(|event| event.at);
    (books, timeline)
}

fn filled(mut book: Book, frame: &Value) -> Book {
    book.bids = levels(&frame["bids"]).into_iter().collect();
    book.asks = levels(&frame["asks"]).into_iter().collect();
    book
}

fn body(stream: &str, data: &Value) -> Body {
    let text = |field: &str| data[field].as_str().expect("a text").to_owned();
    if stream.ends_with("@trade") {
        return Body::Trade(Trade {
            id: data["t"].as_i64().expect("an id"),
            price: text("p"),
            quantity: text("q"),
            time: data["T"].as_i64().expect("a time"),
            buyer_is_maker: data["m"].as_bool().expect("a side"),
        });
    }
    if stream.ends_with("@bookTicker") {
        return Body::Quote(data["u"].as_i64().expect("an id"));
    }
    Body::Depth {
        first: number(&data["U"]),
        last: number(&data["u"]),
        bids: levels(&data["b"]),
        asks: levels(&data["a"]),
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn levels(value: &Value) -> Levels {
    let units = |value: &Value| value.as_str().expect("a text").parse::<Price>().expect("a number").raw();
    value.as_array().expect("levels").iter().map(|level| (units(&level[0]), units(&level[1]))).collect()
}
