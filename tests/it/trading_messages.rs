//! Every recorded message of the venues' trading protocols is read by what reads it live; nothing lies in the folders of which
//! this file does not say what it is.

use std::collections::BTreeMap;

use actors::venues::alpaca::account::{Account, Position};
use actors::venues::alpaca::activity::Page;
use actors::venues::alpaca::order::OrderObject;
use actors::venues::alpaca::outcome::Complaint;
use actors::venues::alpaca::stream::{self, Frame};
use actors::venues::binance::answer::{self, Context};
use actors::venues::binance::heard::Heard;
use actors::venues::binance::{filters, report};
use actors::wire::alpaca::{asset, calendar};
use messages::orders::{OrderRequest, Side};
use messages::venues::VenueRequest;
use messages::{Exchange, Instrument, OrderId, Quantity, UtcNanos};
use serde_json::Value;

/// Bodies of Binance's derivatives market, and of public market data that no call of ours asks for.
const OTHERS: &[&str] = &[
    "cancel_all_open_orders",
    "change_initial_leverage",
    "change_margin_type",
    "change_position_margin",
    "change_position_mode",
    "get_income_history",
    "get_24h_price_stats",
    "get_all_24h_price_stats",
    "get_all_book_tickers",
    "get_all_prices",
    "get_average_price",
    "get_book_ticker",
    "get_depth",
    "get_klines",
    "get_price",
    "open_interest_statistics",
];

fn account() -> messages::Account {
    "binance-test".parse().unwrap()
}

/// What was recorded and what was read, by kind.
#[derive(Default)]
struct Counted(BTreeMap<&'static str, (usize, usize)>);

impl Counted {
    fn note(&mut self, kind: &'static str, place: &str, read: Result<(), String>) {
        let (recorded, good) = self.0.entry(kind).or_default();
        *recorded += 1;
        match read {
            Ok(()) => *good += 1,
            Err(why) => println!("{place}: {kind}: {why}"),
        }
    }

    fn end(self, venue: &str) {
        let sum = |of: fn(&(usize, usize)) -> usize| self.0.values().map(of).sum::<usize>();
        let (recorded, good) = (sum(|n| n.0), sum(|n| n.1));
        let kinds: Vec<String> = self.0.iter().map(|(kind, (n, good))| format!("{kind} {good} of {n}")).collect();
        println!("trading messages: {venue}: {good} of {recorded} ({})", kinds.join(", "));
        assert_eq!(good, recorded);
    }
}

fn understood(heard: &[Heard]) -> Result<(), String> {
    let odd: Vec<&Heard> = heard.iter().filter(|heard| matches!(heard, Heard::Unknown { .. })).collect();
    if heard.is_empty() || !odd.is_empty() { Err(format!("{heard:?}")) } else { Ok(()) }
}

/// The requests that recorded answers of Binance answer.
fn asked(name: &str) -> VenueRequest {
    let (client_order_id, at) = ("me-1-a".parse().unwrap(), UtcNanos(0));
    let instrument = Instrument { exchange: Exchange::Binance, symbol: "LTCBTC".parse().unwrap() };
    match name {
        "cancel_order" => VenueRequest::Cancel { client_order_id, venue_order_id: None, instrument, at },
        "order_status" => VenueRequest::Query { client_order_id, instrument, at },
        _ => {
            let order_id = OrderId::of_key(account(), "1");
            let request = Box::new(OrderRequest::market(instrument, Side::Buy, Quantity::ONE));
            VenueRequest::Submit { client_order_id, order_id, request, at }
        }
    }
}

fn read_binance(name: &str, text: &str) -> Result<(), String> {
    let body: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let context = Context { account: account(), now: UtcNanos(0) };
    match name {
        "get_open_orders" => listed(answer::orders(&body)),
        "trade_history" => listed(answer::trades(&body)),
        "get_account" => understood(&[answer::balances(&body, UtcNanos(0))]),
        "server_time" => answer::server_time(&body).map(drop).ok_or_else(|| "no time".to_owned()),
        "exchange_info" => match filters::read(text.as_bytes()) {
            Ok((symbols, refused)) if !symbols.is_empty() && refused.is_empty() => Ok(()),
            other => Err(format!("{other:?}")),
        },
        _ => understood(&answer::heard(&asked(name), &Ok(body), context)),
    }
}

fn listed<T>((read, unread): (Vec<T>, Vec<Heard>)) -> Result<(), String> {
    if !read.is_empty() && unread.is_empty() { Ok(()) } else { Err(format!("{} read, {unread:?}", read.len())) }
}

#[test]
fn every_recorded_message_of_binance_trading_is_read() {
    let Some(events) = testkit::recording("binance/user_data_market_fill_2026.jsonl") else { return };
    let (mut counted, mut others) = (Counted::default(), 0);
    for (line, text) in std::fs::read_to_string(&events).unwrap().lines().enumerate() {
        let frame: Value = serde_json::from_str(text).unwrap();
        let place = format!("user data, line {}", line + 1);
        match frame.get("event") {
            Some(event) => counted.note("events", &place, understood(&report::event(event, account()))),
            None => counted.note("answers", &place, subscribed(&frame)),
        }
    }
    for path in testkit::files_below(&events.with_file_name("rest")) {
        let name = path.file_stem().unwrap().to_str().unwrap();
        if OTHERS.contains(&name) {
            others += 1;
            continue;
        }
        counted.note("bodies", name, read_binance(name, &std::fs::read_to_string(&path).unwrap()));
    }
    counted.end("Binance");
    println!("trading messages: {others} bodies of Binance are of its derivatives market or of public data");
}

/// The answer to a subscription, which no order waits for.
fn subscribed(frame: &Value) -> Result<(), String> {
    let id = frame["result"]["subscriptionId"].as_u64().filter(|_| frame["status"] == 200);
    id.map(drop).ok_or_else(|| frame.to_string())
}

/// What a body of Alpaca is by its shape, and whether it is read; `None` for one of another of its APIs.
fn read_alpaca(body: &Value) -> Option<(&'static str, Result<(), String>)> {
    let text = body.to_string();
    let bytes = text.as_bytes();
    let first = body.as_array().map_or(body, |all| all.first().unwrap_or(&Value::Null));
    let has = |fields: &[&str]| fields.iter().all(|field| first.get(field).is_some());
    let wrong = |error: &dyn std::fmt::Display| error.to_string();
    let is_list = body.is_array();
    Some(if has(&["client_order_id", "status", "filled_qty"]) && !is_list {
        ("orders", OrderObject::read(&text).map(drop).map_err(|e| wrong(&e)))
    } else if has(&["client_order_id", "status", "filled_qty"]) {
        ("lists of orders", each(OrderObject::read_list(bytes)))
    } else if has(&["avg_entry_price", "qty"]) {
        ("positions", each(Position::read_list(bytes)))
    } else if has(&["activity_type"]) {
        let whole = |page: Page| {
            let read = page.fills.len() + page.others.len();
            if read == page.len { Ok(()) } else { Err(format!("{read} of {}", page.len)) }
        };
        ("activities", Page::read(bytes).map_err(|e| wrong(&e)).and_then(whole))
    } else if has(&["code", "message"]) {
        let same = Complaint::read(bytes).code == body["code"].as_i64();
        ("refusals", same.then_some(()).ok_or_else(|| "its code is not read".to_owned()))
    } else if has(&["buying_power", "cash", "status"]) {
        ("accounts", Account::read(bytes).map(drop).map_err(|e| wrong(&e)))
    } else if has(&["date", "open", "session_open"]) {
        ("calendars", calendar::Calendar::read(bytes).map(drop).map_err(|e| wrong(&e)))
    } else if has(&["tradable", "class"]) && is_list {
        ("lists of assets", asset::read(bytes).map(drop).map_err(|e| wrong(&e)))
    } else if has(&["tradable", "class"]) {
        ("assets", asset::read_one(bytes).map(drop).map_err(|e| wrong(&e)))
    } else {
        return None;
    })
}

fn each<T: std::fmt::Debug, E: std::fmt::Debug>(read: Result<Vec<Result<T, E>>, E>) -> Result<(), String> {
    match read {
        Ok(all) if all.iter().all(Result::is_ok) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

#[test]
fn every_recorded_message_of_alpaca_trading_is_read() {
    let Some(session) = testkit::recording("alpaca/trade_updates_2026.jsonl") else { return };
    let (mut counted, mut others) = (Counted::default(), 0);
    for (line, text) in std::fs::read_to_string(&session).unwrap().lines().enumerate() {
        let read = match stream::read(text.as_bytes()) {
            Ok(Frame::Authorization { .. } | Frame::Listening(_) | Frame::Update(_)) => Ok(()),
            other => Err(format!("{other:?}")),
        };
        counted.note("trade updates", &format!("trade updates, line {}", line + 1), read);
    }
    for name in ["rest_bodies_py.jsonl", "rest_bodies_go.jsonl"] {
        for (line, text) in std::fs::read_to_string(session.with_file_name(name)).unwrap().lines().enumerate() {
            let mut line_of: Value = serde_json::from_str(text).unwrap();
            match read_alpaca(&line_of["msg"].take()) {
                Some((kind, read)) => counted.note(kind, &format!("{name}:{}", line + 1), read),
                None => others += 1,
            }
        }
    }
    counted.end("Alpaca");
    println!(
        "trading messages: {others} bodies of Alpaca are of its brokers' API, of market data, or answer what is never asked"
    );
}
