//! The other reading: over JSON values, by the venues' documents (Binance `web-socket-streams.md`, Alpaca's pages on market
//! data), with decimals taken digit by digit.

use std::collections::BTreeMap;

use messages::UtcNanos;
use serde_json::Value;
use serde_json::value::RawValue;

/// What a frame of Binance says. A snapshot of a book that names no symbol is of `book`.
pub fn binance(frame: &str, received: UtcNanos, book: &str) -> Vec<String> {
    let frame: Value = serde_json::from_str(frame).unwrap();
    let stream = frame["stream"].as_str();
    let payload = frame.get("data").unwrap_or(&frame);
    match payload {
        Value::Array(all) => all.iter().filter_map(|one| binance_payload(one, stream, received, book)).collect(),
        one => binance_payload(one, stream, received, book).into_iter().collect(),
    }
}

fn binance_payload(p: &Value, stream: Option<&str>, received: UtcNanos, book: &str) -> Option<String> {
    let event = p["e"].as_str().unwrap_or_default();
    let channel = stream.and_then(|stream| stream.split_once('@')).map_or("", |(_, channel)| channel);
    match event {
        "trade" => Some(binance_trade(p, "t", "")),
        "aggTrade" => Some(binance_trade(p, "a", "agg")),
        "kline" => binance_bar(&p["k"]),
        _ if channel.starts_with("depth") || event == "depthUpdate" || p.get("lastUpdateId").is_some() => {
            Some(binance_depth(p, stream, channel, received, book))
        }
        // A quote is known by its fields alone: Spot gives it no name.
        _ if p.get("u").is_some() && p.get("B").is_some() => Some(binance_quote(p, received)),
        _ => None,
    }
}

fn binance_trade(p: &Value, id: &str, conditions: &str) -> String {
    let side = if p["m"].as_bool().unwrap() { "sell" } else { "buy" };
    let (symbol, time, id) = (text(p, "s"), millis(&p["T"]), p[id].as_i64());
    format!("trade {symbol} at {time} {id:?} r0 {} x {} {side} {conditions}", decimal(p, "p", 8), decimal(p, "q", 8))
}

fn binance_quote(p: &Value, received: UtcNanos) -> String {
    let time = p.get("T").map_or(received.0, millis);
    let side = |price, size| (decimal(p, price, 8), decimal(p, size, 8));
    let (bid, ask) = (Some(side("b", "B")), Some(side("a", "A")));
    format!("quote {} at {time} {:?} r0 {bid:?} {ask:?}", text(p, "s"), p["u"].as_i64())
}

fn binance_depth(p: &Value, stream: Option<&str>, channel: &str, received: UtcNanos, book: &str) -> String {
    let named = p.get("s").or(p.get("symbol")).and_then(Value::as_str).map(str::to_owned);
    let of_stream = || stream.and_then(|stream| stream.split_once('@')).map(|(symbol, _)| symbol.to_uppercase());
    let symbol = named.or_else(of_stream).unwrap_or_else(|| book.to_owned());
    // Partial books come by the streams `depth5`, `depth10` and `depth20`; a snapshot comes by REST.
    let is_partial = channel.trim_start_matches("depth").starts_with(|c: char| c.is_ascii_digit());
    let kind = match (is_partial, p.get("lastUpdateId")) {
        (true, _) => "partial".to_owned(),
        (false, Some(_)) => "snapshot".to_owned(),
        (false, None) => format!("diff from {}", p["U"]),
    };
    let last = p.get("lastUpdateId").unwrap_or(&p["u"]);
    let time = p.get("T").or(p.get("E")).map_or(received.0, millis);
    let side = |short: &str, long: &str| -> Vec<(i128, i128)> {
        let levels = p.get(short).or(p.get(long)).and_then(Value::as_array).unwrap();
        let number = |level: &Value, at: usize| scaled(level[at].as_str().unwrap(), 8);
        levels.iter().map(|level| (number(level, 0), number(level, 1))).collect()
    };
    format!("{kind} {symbol} at {time} to {last} {:?} {:?}", side("b", "bids"), side("a", "asks"))
}

/// Only a bar that has closed says something, and only of a length that divides a day.
fn binance_bar(k: &Value) -> Option<String> {
    let secs = match text(k, "i") {
        "1m" => 60,
        "1h" => 3_600,
        "1d" => 86_400,
        _ => return None,
    };
    let prices = ["o", "h", "l", "c"].map(|name| decimal(k, name, 8));
    let (volume, notional) = (decimal(k, "v", 9), decimal(k, "q", 17));
    let (symbol, open, trades) = (text(k, "s"), millis(&k["t"]), &k["n"]);
    k["x"].as_bool()?.then(|| format!("bar {symbol} {secs}s at {open} {prices:?} {volume} {notional} {trades}"))
}

/// Trades and quotes in a body of Alpaca's REST interface, as the messages by which its streams send the same: with the
/// symbol, which stands as a key above them, and with their kind.
pub fn alpaca_messages(body: &str) -> Vec<String> {
    let mut found = Vec::new();
    gather(body, None, &mut found);
    found
}

fn gather(json: &str, symbol: Option<&str>, found: &mut Vec<String>) {
    if let Ok(all) = serde_json::from_str::<Vec<Box<RawValue>>>(json) {
        all.iter().for_each(|one| gather(one.get(), symbol, found));
        return;
    }
    let Ok(fields) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(json) else { return };
    let has = |names: &[&str]| names.iter().all(|name| fields.contains_key(*name));
    let kind = if has(&["p", "s", "t"]) {
        Some("t")
    } else if has(&["bp", "bs", "ap", "as", "t"]) {
        Some("q")
    } else {
        None
    };
    if let (Some(kind), Some(symbol)) = (kind, symbol) {
        found.push(format!(r#"{{"T":"{kind}","S":"{symbol}",{}"#, json.trim_start_matches('{')));
        return;
    }
    let named = fields.get("symbol").and_then(|name| serde_json::from_str::<String>(name.get()).ok());
    for (key, value) in &fields {
        let is_symbol = !key.chars().any(char::is_lowercase) && !key.is_empty();
        gather(value.get(), if is_symbol { Some(key) } else { named.as_deref().or(symbol) }, found);
    }
}

/// What a message of Alpaca says; `None` for an option's, whose condition is a text instead of a list.
pub fn alpaca(message: &str) -> Option<String> {
    let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(message).unwrap();
    let number = |name: &str| scaled(fields[name].get(), 8);
    let string = |name: &str| serde_json::from_str::<String>(fields[name].get()).unwrap();
    let time = nanos(&string("t"));
    let conditions = fields.get("c").map_or(Ok(Vec::new()), |c| serde_json::from_str::<Vec<String>>(c.get()));
    let conditions = conditions.ok()?;
    if string("T") == "q" {
        let side = |price: &str, size: &str| Some((number(price), number(size))).filter(|side| *side != (0, 0));
        return Some(format!("quote {} at {time} None r0 {:?} {:?}", string("S"), side("bp", "bs"), side("ap", "as")));
    }
    let side = match fields.get("tks").map(|side| side.get()) {
        Some(r#""B""#) => "buy",
        Some(r#""S""#) => "sell",
        _ => "",
    };
    let id: Option<i64> = fields.get("i").map(|id| id.get().parse().unwrap());
    let conditions = conditions.join(",");
    Some(format!("trade {} at {time} {id:?} r0 {} x {} {side} {conditions}", string("S"), number("p"), number("s")))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

fn decimal(value: &Value, name: &str, digits: usize) -> i128 {
    scaled(text(value, name), digits)
}

/// Milliseconds as nanoseconds.
fn millis(value: &Value) -> i64 {
    value.as_i64().unwrap() * 1_000_000
}

/// A decimal number times 10 to so many digits; further digits are rounded half to even.
fn scaled(text: &str, digits: usize) -> i128 {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let shift = exponent.parse::<i32>().unwrap() + digits as i32 - fraction.len() as i32;
    let all: i128 = format!("{whole}{fraction}").parse().unwrap();
    if shift >= 0 {
        return all * 10i128.pow(shift as u32);
    }
    let divisor = 10i128.pow(-shift as u32);
    let (quotient, twice) = (all / divisor, all % divisor * 2);
    quotient + i128::from(twice > divisor || (twice == divisor && quotient % 2 == 1))
}

/// `2022-03-09T06:00:00.080264Z` as nanoseconds since 1970, by the count of days.
fn nanos(text: &str) -> i64 {
    let (date, clock) = text.strip_suffix('Z').unwrap().split_once('T').unwrap();
    let numbers = |text: &str, by: char| text.split(by).map(|n| n.parse::<i64>().unwrap()).collect::<Vec<_>>();
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let (date, clock) = (numbers(date, '-'), numbers(clock, ':'));
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if is_leap(date[0]) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let years: i64 = (1970..date[0]).map(|year| 365 + i64::from(is_leap(year))).sum();
    let days = years + lengths[..date[1] as usize - 1].iter().sum::<i64>() + date[2] - 1;
    let fraction: i64 = format!("{fraction:0<9}").parse().unwrap();
    (days * 86_400 + clock[0] * 3_600 + clock[1] * 60 + clock[2]) * 1_000_000_000 + fraction
}
