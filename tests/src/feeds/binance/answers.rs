//! The server's answers by REST, and what it does to those who ask too much.

use std::collections::BTreeMap;
use std::time::Duration;

use messages::UtcNanos;

use super::{BinanceServer, Response, Trade};

const MINUTE: Duration = Duration::from_secs(60);
const BAN: Duration = Duration::from_secs(120);

/// What was asked in the running minute.
#[derive(Debug)]
pub struct Weights {
    limit: u32,
    used: u32,
    minute: UtcNanos,
    /// Who asks before then is banned.
    refused_until: UtcNanos,
    banned_until: UtcNanos,
    pub refusals: u64,
}

impl Weights {
    pub fn new(limit: u32) -> Self {
        let never = UtcNanos::MIN;
        Self { limit, used: 0, minute: never, refused_until: never, banned_until: never, refusals: 0 }
    }

    /// Counts a request; how it is refused and for how long, if it is.
    fn count(&mut self, weight: u32, now: UtcNanos) -> Result<u32, (u16, Duration)> {
        let minute = now.floor_to(MINUTE);
        if minute != self.minute {
            (self.minute, self.used) = (minute, 0);
        }
        let left =
            |until: UtcNanos| Duration::from_secs(u64::try_from(until.since(now) / 1_000_000_000 + 1).unwrap_or(1));
        if now < self.refused_until {
            self.banned_until = self.banned_until.max(now.after(BAN));
        }
        if now < self.banned_until {
            self.refusals += 1;
            return Err((418, left(self.banned_until)));
        }
        self.used += weight;
        if self.used > self.limit {
            self.refusals += 1;
            self.refused_until = minute.after(MINUTE);
            return Err((429, left(self.refused_until)));
        }
        Ok(self.used)
    }
}

impl BinanceServer {
    pub(super) fn answer(&mut self, path_and_query: &str, now: UtcNanos) -> Response {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let query: BTreeMap<&str, String> =
            query.split('&').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k, decoded(v))).collect();
        let limit: usize = query.get("limit").and_then(|text| text.parse().ok()).unwrap_or(500);
        let weight = match path {
            "/api/v3/depth" => {
                [(100, 5), (500, 25), (1_000, 50)].iter().find(|(most, _)| limit <= *most).map_or(250, |w| w.1)
            }
            "/api/v3/historicalTrades" => 25,
            "/api/v3/exchangeInfo" => 20,
            _ => 4,
        };
        let used = match self.weights.count(weight, now) {
            Ok(used) => used,
            Err((status, wait)) => {
                let body = r#"{"code":-1003,"msg":"Too much request weight used."}"#.to_owned();
                return Response { status, headers: vec![("Retry-After", wait.as_secs().to_string())], body };
            }
        };
        let (status, body) = self.body(path, &query, limit);
        Response { status, headers: vec![("X-MBX-USED-WEIGHT-1M", used.to_string())], body }
    }

    fn body(&self, path: &str, query: &BTreeMap<&str, String>, limit: usize) -> (u16, String) {
        if path == "/api/v3/exchangeInfo" {
            return (200, self.exchange_info());
        }
        let symbol = query.get("symbol").cloned().unwrap_or_default();
        let (Some(book), Some(trades)) = (self.books.get(&symbol), self.trades.get(&symbol)) else {
            return (400, r#"{"code":-1121,"msg":"Invalid symbol."}"#.to_owned());
        };
        let from: Option<i64> = query.get("fromId").and_then(|text| text.parse().ok());
        match path {
            "/api/v3/depth" => (200, book.snapshot(limit.min(5_000))),
            "/api/v3/historicalTrades" => (200, self.historical(&symbol, trades, from, limit.min(1_000))),
            _ => (404, r#"{"code":-1,"msg":"Not found."}"#.to_owned()),
        }
    }

    fn historical(&self, symbol: &str, trades: &[Trade], from: Option<i64>, limit: usize) -> String {
        let there = |trade: &&Trade| !self.settings.unavailable.contains(&(symbol.to_owned(), trade.id));
        let begin = from.map_or(trades.len().saturating_sub(limit), |from| trades.partition_point(|t| t.id < from));
        let rows: Vec<String> = trades[begin..].iter().filter(there).take(limit).map(row).collect();
        format!("[{}]", rows.join(","))
    }

    fn exchange_info(&self) -> String {
        let symbols: Vec<String> = self.books.keys().map(|symbol| {
            let base = symbol.strip_suffix("USDT").unwrap_or(symbol);
            format!(r#"{{"symbol":"{symbol}","status":"TRADING","baseAsset":"{base}","quoteAsset":"USDT","filters":[{{"filterType":"PRICE_FILTER","minPrice":"0.01000000","maxPrice":"1000000.00000000","tickSize":"0.01000000"}},{{"filterType":"LOT_SIZE","minQty":"0.00001000","maxQty":"9000.00000000","stepSize":"0.00001000"}},{{"filterType":"NOTIONAL","minNotional":"5.00000000","applyMinToMarket":true,"maxNotional":"9000000.00000000","applyMaxToMarket":false,"avgPriceMins":5}}]}}"#)
        }).collect();
        format!(
            r#"{{"timezone":"UTC","serverTime":0,"rateLimits":[],"exchangeFilters":[],"symbols":[{}]}}"#,
            symbols.join(",")
        )
    }
}

fn row(trade: &Trade) -> String {
    let Trade { id, price, quantity, time, buyer_is_maker } = trade;
    format!(
        r#"{{"id":{id},"price":"{price}","qty":"{quantity}","quoteQty":"0.0","time":{time},"isBuyerMaker":{buyer_is_maker},"isBestMatch":true}}"#
    )
}

/// `%XX` read.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, tail @ ..] = rest {
        let hex = tail
            .get(..2)
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let (byte, tail) = match hex {
            Some(byte) if *first == b'%' => (byte, &tail[2..]),
            _ => (*first, tail),
        };
        bytes.push(byte);
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
