//! A session against a venue that a test plays: what is written is read back as JSON and answered by its id.

mod connection;
mod look;
mod orders;
mod properties;
mod rules;

use messages::orders::Side;
use messages::venues::ReportKind;
use messages::{Exchange, Instrument, OrderId};
use serde_json::{Value, json};

use super::*;

const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

/// The session, its time, what it did and what it wrote.
struct Play {
    session: Session,
    now: UtcNanos,
    done: Vec<Effect>,
    written: Vec<Value>,
}

fn id(text: &str) -> ClientOrderId {
    text.parse().unwrap()
}

fn btc() -> Instrument {
    Instrument { exchange: Exchange::Binance, symbol: "BTCUSDT".parse().unwrap() }
}

impl Play {
    fn new(secret: &str) -> Self {
        Self::that_waits(secret, Duration::from_secs(30))
    }

    fn that_waits(secret: &str, longest_wait: Duration) -> Self {
        let key = Arc::new(ApiKey::new("public", secret).unwrap());
        let session = Session::new("binance-test".parse().unwrap(), key, longest_wait);
        Self { session, now: UtcNanos(1_700_000_000_000_000_000), done: Vec::new(), written: Vec::new() }
    }

    /// One that is connected, with nothing left to look at.
    fn up() -> Self {
        let mut play = Self::new("hush");
        play.connect();
        assert!(play.session.is_up());
        play.take();
        play
    }

    fn connect(&mut self) {
        self.written.clear();
        self.now = self.now.max(self.session.next_due(self.now));
        self.step(Session::on_timer);
        self.step(Session::opened);
        self.answer(&json!({"serverTime": self.now.0 / 1_000_000}));
        while !self.session.is_up() {
            self.answer(&json!({"subscriptionId": 0}));
        }
    }

    fn step(&mut self, step: impl FnOnce(&mut Session, UtcNanos, &mut Vec<Effect>)) {
        let mut out = Vec::new();
        step(&mut self.session, self.now, &mut out);
        for effect in &out {
            if let Effect::Send(message) = effect {
                self.written.push(serde_json::from_str(message.reveal()).unwrap());
            }
        }
        self.done.extend(out);
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.step(Session::on_timer);
    }

    fn frame(&mut self, frame: &Value) {
        let text = frame.to_string();
        self.step(|session, now, out| session.frame(&text, now, out));
    }

    fn event(&mut self, event: &Value) {
        self.frame(&json!({"subscriptionId": 0, "event": event}));
    }

    /// Answers what was written first and not answered yet.
    fn answer(&mut self, result: &Value) {
        let asked = self.written.remove(0);
        self.frame(&json!({"id": asked["id"], "status": 200, "result": result}));
    }

    fn refuse(&mut self, status: u16, code: i64, text: &str) {
        let asked = self.written.remove(0);
        self.frame(&json!({"id": asked["id"], "status": status, "error": {"code": code, "msg": text}}));
    }

    fn request(&mut self, request: VenueRequest) {
        self.step(|session, now, out| session.request(request, now, out));
    }

    fn submit(&mut self, name: &str) {
        let request = OrderRequest::limit(btc(), Side::Buy, Quantity::ONE, "100".parse().unwrap());
        let order_id = OrderId::of_key("test".parse().unwrap(), name);
        self.request(VenueRequest::Submit {
            client_order_id: id(name),
            order_id,
            request: Box::new(request),
            at: self.now,
        });
    }

    fn query(&mut self, name: &str) {
        self.request(VenueRequest::Query { client_order_id: id(name), instrument: btc(), at: self.now });
    }

    fn cancel(&mut self, name: &str) {
        let (client_order_id, instrument) = (id(name), btc());
        self.request(VenueRequest::Cancel { client_order_id, venue_order_id: None, instrument, at: self.now });
    }

    /// What was done since the last look, a line each; what was written by its method.
    fn take(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for effect in std::mem::take(&mut self.done) {
            match effect {
                Effect::Send(message) => lines.push(message.method.to_owned()),
                Effect::Reports(reports) => lines.extend(reports.iter().map(line)),
                Effect::Heard(heard) => lines.push(match *heard {
                    Heard::Open { client_order_id, .. } => format!("{client_order_id} is open"),
                    Heard::Unknown { what, .. } => format!("unknown: {what}"),
                    other => format!("{other:?}"),
                }),
                other => lines.push(format!("{other:?}")),
            }
        }
        lines
    }

    fn check(&mut self, expected: &[&str]) {
        assert_eq!(self.take(), expected);
    }
}

fn line(report: &VenueReport) -> String {
    let name = report.client_order_id;
    match &report.kind {
        ReportKind::Filled(fill) => format!("{name} fill {} of {}", fill.quantity, fill.cumulative),
        ReportKind::Rejected { reason, .. } => format!("{name} rejected {reason}"),
        ReportKind::NotTaken { reason, .. } => format!("{name} not taken: {reason}"),
        ReportKind::ReplaceRejected { reason } => format!("{name} replace rejected {reason}"),
        ReportKind::Replaced { replacement } => {
            format!("{name} replaced {:?} {:?}", replacement.quantity, replacement.price)
        }
        other => format!("{name} {other:?}"),
    }
}

/// An order as answers have it.
fn order(name: &str, number: u64, status: &str, executed: &str) -> Value {
    json!({
        "symbol": "BTCUSDT", "orderId": number, "clientOrderId": name, "price": "100.0", "origQty": "1.0", "executedQty": executed,
        "status": status, "timeInForce": "GTC", "type": "LIMIT", "side": "BUY", "stopPrice": "0.0", "isWorking": true,
        "updateTime": 1_700_000_000_000_i64
    })
}

fn trade(number: u64, trade: u64, quantity: &str) -> Value {
    json!({
        "symbol": "BTCUSDT", "id": trade, "orderId": number, "price": "100.0", "qty": quantity, "commission": "0.1",
        "commissionAsset": "USDT", "time": 1_700_000_000_000_i64, "isMaker": true
    })
}
