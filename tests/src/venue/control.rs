//! What a test or a script does to a venue by hand, as lines of text: moves the market, halts it, takes trades back, turns its
//! clock, lets things go wrong.

use messages::{Price, Quantity, UtcNanos};
use serde_json::json;

use super::exchange::order::State;
use super::exchange::rules::Refusal;
use super::face::Face;
use super::faults::{Fault, Rule};
use super::faulty::Venue;

/// The lines that are understood.
pub const LINES: &str = "quote SYMBOL BID ASK | available SYMBOL QUANTITY|any | fill ACCOUNT CLIENT_ID PRICE QUANTITY | \
    cancel ACCOUNT CLIENT_ID | halt SYMBOL | resume SYMBOL | bust TRADE | end-day | clock MILLISECONDS | cut | \
    fault FAULT [times=N] [skip=N] [per_million=N] POINT… | plan PER_MILLION | no-faults | truth | faults";

/// Does what a line says; what it tells, one line.
///
/// # Errors
/// What is wrong with the line.
pub fn obey<F: Face>(venue: &mut Venue<F>, line: &str, now: UtcNanos) -> Result<String, String> {
    let (here, now) = (now, venue.time(now));
    let words: Vec<&str> = line.split_whitespace().collect();
    let refused = |refusal: Refusal| format!("{refusal:?}: {line}");
    match words[..] {
        ["quote", symbol, bid, ask] => {
            let (bid, ask): (Price, Price) = (read(bid)?, read(ask)?);
            venue.face.exchange().quote(symbol, bid, ask, now).map_err(refused)?;
        }
        ["available", symbol, much] => {
            let much: Option<Quantity> = if much == "any" { None } else { Some(read(much)?) };
            let exchange = venue.face.exchange();
            exchange.instruments.get_mut(symbol).ok_or("no such symbol")?.available = much;
            exchange.run(symbol, now);
        }
        ["fill", account, client_id, price, quantity] => {
            let exchange = venue.face.exchange();
            let id = exchange.by_client_id(account, client_id).ok_or("no such order")?.id;
            exchange.fill(id, read(price)?, read(quantity)?, now).map_err(refused)?;
        }
        ["cancel", account, client_id] => {
            let exchange = venue.face.exchange();
            let id = exchange.by_client_id(account, client_id).ok_or("no such order")?.id;
            exchange.cancel(id, None, now).map_err(refused)?;
        }
        [word @ ("halt" | "resume"), symbol] => {
            let exchange = venue.face.exchange();
            exchange.instruments.get_mut(symbol).ok_or("no such symbol")?.halted = word == "halt";
            exchange.run(symbol, now);
        }
        ["bust", trade] => venue.face.exchange().bust(read(trade)?, now).map_err(refused)?,
        ["end-day"] => venue.face.exchange().end_day(now),
        ["clock", ahead] => venue.clock = read::<i64>(ahead)?.saturating_mul(1_000_000),
        ["cut"] => venue.cut(here),
        ["fault", fault, ..] => venue.faults.add(rule(read(fault)?, &words[2..])?),
        ["plan", per_million] => venue.faults.plan(read(per_million)?),
        ["no-faults"] => venue.faults.clear(),
        ["truth"] => return Ok(truth(venue)),
        ["faults"] => return Ok(json!(venue.faults.done).to_string()),
        _ => return Err(format!("`{line}` is not understood; expected {LINES}")),
    }
    Ok("ok".to_owned())
}

fn read<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("`{text}`: {error}"))
}

fn rule(fault: Fault, words: &[&str]) -> Result<Rule, String> {
    let mut rule = Rule::once("", fault);
    let mut point = Vec::new();
    for word in words {
        match word.split_once('=') {
            Some(("times", number)) => rule.times = read(number)?,
            Some(("skip", number)) => rule.skip = read(number)?,
            Some(("per_million", number)) => rule.per_million = read(number)?,
            _ => point.push(*word),
        }
    }
    rule.at = point.join(" ");
    Ok(rule)
}

/// Every order and its fills, and what each account owns: the witness of what a client says.
fn truth<F: Face>(venue: &mut Venue<F>) -> String {
    let exchange = venue.face.exchange();
    let orders = exchange.orders.values().map(|order| {
        let fills = exchange.fills(order.id).map(|f| json!([f.trade, f.price, f.quantity]));
        let state = match order.state {
            State::Expired(_) => "expired".to_owned(),
            state => format!("{state:?}").to_lowercase(),
        };
        json!({
            "account": order.account, "client_id": order.client_id, "symbol": order.terms.symbol, "state": state,
            "filled": order.filled, "fills": fills.collect::<serde_json::Value>(),
        })
    });
    let orders: serde_json::Value = orders.collect();
    let owned: serde_json::Value = exchange
        .accounts
        .iter()
        .map(|(name, a)| (name.clone(), json!(a.owned)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    json!({"orders": orders, "owned": owned}).to_string()
}
