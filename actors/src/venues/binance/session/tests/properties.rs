//! One order against a venue that keeps books: fills, replacements, cancels, questions, lost connections in any order. However it goes,
//! no living order is told as ended, no end is told before the fills that the venue counts, and after the last question everything
//! that the venue has was told.

use std::collections::BTreeSet;

use messages::orders::Replacement;
use proptest::prelude::*;

use super::*;

/// An order in the venue's books; quantities in tenths.
struct Booked {
    name: String,
    number: u64,
    is_open: bool,
    total: usize,
    trades: Vec<u64>,
    /// Whether its end was nobody's cancel.
    is_expired: bool,
}

/// The venue.
#[derive(Default)]
struct Books {
    orders: Vec<Booked>,
    trades: u64,
    /// What it says, in the order in which it says it.
    said: VecDeque<Value>,
}

fn tenths(count: usize) -> String {
    format!("{}.{}", count / 10, count % 10)
}

impl Booked {
    fn status(&self) -> &'static str {
        match (self.is_open, self.trades.len()) {
            (true, 0) => "NEW",
            (true, _) => "PARTIALLY_FILLED",
            (false, filled) if filled == self.total => "FILLED",
            (false, _) if self.is_expired => "EXPIRED",
            (false, _) => "CANCELED",
        }
    }

    fn executed(&self) -> String {
        tenths(self.trades.len())
    }

    /// The keys of its fills.
    fn keys(&self) -> impl Iterator<Item = String> {
        self.trades.iter().map(|trade| format!("BTCUSDT:{trade}:{}", self.number))
    }

    fn body(&self) -> Value {
        let mut body = order(&self.name, self.number, self.status(), &self.executed());
        body["origQty"] = tenths(self.total).into();
        body
    }

    fn event(&self, changes: &Value) -> Value {
        let mut event = json!({
            "e": "executionReport", "s": "BTCUSDT", "c": self.name, "S": "BUY", "o": "LIMIT", "q": tenths(self.total), "C": "", "x": "NEW",
            "X": self.status(), "i": self.number, "z": self.executed(), "T": 1_700_000_000_000_i64, "t": -1, "w": true
        });
        for (field, value) in changes.as_object().unwrap() {
            event[field] = value.clone();
        }
        json!({"subscriptionId": 0, "event": event})
    }
}

impl Books {
    fn open(&mut self) -> Option<&mut Booked> {
        self.orders.iter_mut().find(|order| order.is_open)
    }

    fn trade(&mut self) {
        self.trades += 1;
        let trade = self.trades;
        let Some(order) = self.open() else { return };
        order.trades.push(trade);
        order.is_open = order.trades.len() < order.total;
        let changes = json!({"x": "TRADE", "t": trade, "l": "0.1", "L": "100.0", "n": "0", "N": "USDT"});
        let event = order.event(&changes);
        self.said.push_back(event);
    }

    fn place(&mut self, name: &str) -> Value {
        let number = self.orders.len() as u64 + 1;
        let (name, trades) = (name.to_owned(), Vec::new());
        self.orders.push(Booked { name, number, is_open: true, total: 10, trades, is_expired: false });
        let placed = &self.orders[self.orders.len() - 1];
        self.said.push_back(placed.event(&json!({})));
        self.orders[self.orders.len() - 1].body()
    }

    /// Cancels an open order; the name of the cancel is the event's.
    fn cancel(&mut self, name: &str, by: &str) -> Option<Value> {
        let order = self.orders.iter_mut().find(|order| order.is_open && order.name == name)?;
        order.is_open = false;
        let event = order.event(&json!({"x": "CANCELED", "c": by, "C": name}));
        let mut body = order.body();
        body["origClientOrderId"] = name.into();
        self.said.push_back(event);
        Some(body)
    }

    /// Ends the open order without being asked.
    fn expire(&mut self) {
        let Some(order) = self.open() else { return };
        (order.is_open, order.is_expired) = (false, true);
        let event = order.event(&json!({"x": "EXPIRED"}));
        self.said.push_back(event);
    }

    /// Makes an open order smaller, under a new name.
    fn amend(&mut self, current: &str, new: &str, total: usize) -> Option<Value> {
        let order = self.orders.iter_mut().find(|order| order.is_open && order.name == current)?;
        if total >= order.total || total <= order.trades.len() {
            return None;
        }
        (order.name, order.total) = (new.to_owned(), total);
        let event = order.event(&json!({"x": "REPLACED", "C": current}));
        let mut body = order.body();
        body["origClientOrderId"] = current.into();
        let quantity = body.as_object_mut().and_then(|body| body.remove("origQty"));
        body["qty"] = quantity.into();
        self.said.push_back(event);
        Some(json!({"transactTime": 1_700_000_000_000_i64, "executionId": 1, "amendedOrder": body}))
    }

    /// Does what is asked, and says the answer, sometimes before the events that it made.
    fn ask(&mut self, asked: &Value, answers_first: bool) {
        let params = &asked["params"];
        let text = |name: &str| params[name].as_str().unwrap_or_default().to_owned();
        let refused = |status: u16, code: i64, data: Value| json!({"id": asked["id"], "status": status, "error": {"code": code, "msg": "", "data": data}});
        let done = |result: Value| json!({"id": asked["id"], "status": 200, "result": result});
        let before = self.said.len();
        let answer = match asked["method"].as_str().unwrap() {
            "time" => done(json!({"serverTime": 1_700_000_000_000_i64})),
            "order.place" => done(self.place(&text("newClientOrderId"))),
            "order.cancel" => self
                .cancel(&text("origClientOrderId"), "by-hand")
                .map_or_else(|| refused(400, -2011, Value::Null), done),
            "order.cancelReplace" => {
                let (current, new) = (text("cancelOrigClientOrderId"), text("newClientOrderId"));
                let is_new = self.orders.iter().any(|order| order.name == current && order.trades.is_empty());
                let canceled = if is_new { self.cancel(&current, &text("cancelNewClientOrderId")) } else { None };
                match canceled {
                    Some(canceled) => {
                        let placed = self.place(&new);
                        let results = json!({"cancelResult": "SUCCESS", "newOrderResult": "SUCCESS"});
                        let mut all = results;
                        (all["cancelResponse"], all["newOrderResponse"]) = (canceled, placed);
                        done(all)
                    }
                    None => refused(
                        400,
                        -2022,
                        json!({"cancelResult": "FAILURE", "newOrderResult": "NOT_ATTEMPTED", "cancelResponse": {"code": -2011, "msg": ""}}),
                    ),
                }
            }
            "order.amend.keepPriority" => {
                let (current, new) = (text("origClientOrderId"), text("newClientOrderId"));
                let total: Quantity = text("newQty").parse().unwrap();
                let total = usize::try_from(total.raw() / 100_000_000).unwrap();
                self.amend(&current, &new, total).map_or_else(|| refused(400, -2038, Value::Null), done)
            }
            "order.status" => {
                let found = self.orders.iter().find(|order| order.name == text("origClientOrderId"));
                found.map_or_else(|| refused(400, -2013, Value::Null), |order| done(order.body()))
            }
            "allOrders" => done(self.orders.iter().map(Booked::body).collect()),
            "myTrades" => {
                let of = params["orderId"].as_u64().unwrap();
                let order = self.orders.iter().find(|order| order.number == of).unwrap();
                done(order.trades.iter().map(|id| trade(of, *id, "0.1")).collect())
            }
            _ => done(json!({})),
        };
        let at = if answers_first { before } else { self.said.len() };
        self.said.insert(at, answer);
    }
}

/// What orders would know: the name in force, the trades that were told, the end.
struct Client {
    name: ClientOrderId,
    attempts: u32,
    trades: BTreeSet<String>,
    is_ended: bool,
    is_replacing: bool,
}

impl Client {
    fn hear(&mut self, report: &VenueReport, books: &Books) {
        let is_later = crate::venues::binance::answer::is_later(report.client_order_id, self.name);
        match &report.kind {
            ReportKind::Filled(fill) => {
                self.trades.insert(fill.execution_id.to_string());
            }
            ReportKind::Canceled | ReportKind::Expired { .. } if is_later || report.client_order_id == self.name => {
                let ended = books.orders.iter().find(|order| order.name == report.client_order_id.as_str()).unwrap();
                assert!(ended.keys().all(|key| self.trades.contains(&key)), "{} ended before its fills", self.name);
                assert!(books.orders.iter().all(|order| !order.is_open), "{} was told as ended", self.name);
                self.is_ended = true;
            }
            ReportKind::ReplaceRejected { .. } => self.is_replacing = false,
            _ => {}
        }
        let is_alive =
            !matches!(report.kind, ReportKind::ReplaceRejected { .. } | ReportKind::Unknown | ReportKind::Submitted);
        if is_later && is_alive {
            (self.name, self.is_replacing) = (report.client_order_id, false);
        }
    }
}

struct World {
    play: Play,
    books: Books,
    client: Client,
}

impl World {
    fn hear(&mut self) {
        for effect in std::mem::take(&mut self.play.done) {
            if let Effect::Reports(reports) = effect {
                reports.iter().for_each(|report| self.client.hear(report, &self.books));
            }
        }
    }

    fn arrive(&mut self, answers_first: bool) {
        if !self.play.written.is_empty() {
            let asked = self.play.written.remove(0);
            self.books.ask(&asked, answers_first);
        }
    }

    fn deliver(&mut self) {
        if let Some(frame) = self.books.said.pop_front() {
            self.play.frame(&frame);
            self.hear();
        }
    }

    fn replace(&mut self, is_smaller: bool) {
        if self.client.is_replacing || self.client.is_ended {
            return;
        }
        self.client.attempts += 1;
        self.client.is_replacing = true;
        let new = id("me-1-a").replacement(self.client.attempts).unwrap();
        let price = Some("101".parse().unwrap()).filter(|_| !is_smaller);
        let left = 10_usize.saturating_sub(self.client.attempts as usize).max(1);
        let quantity = is_smaller.then(|| tenths(left).parse().unwrap());
        let replacement = Replacement { quantity, price, stop_price: None };
        let (client_order_id, at) = (self.client.name, self.play.now);
        self.play.request(VenueRequest::Replace {
            client_order_id,
            new_client_order_id: new,
            venue_order_id: None,
            instrument: btc(),
            replacement,
            at,
        });
    }

    fn lose(&mut self, arrives: bool) {
        while arrives && !self.play.written.is_empty() {
            self.arrive(false);
        }
        self.play.written.clear();
        self.books.said.clear();
        self.play.step(|session, now, out| session.closed("reset", now, out));
        self.play.now = self.play.now.max(self.play.session.next_due(self.play.now));
        self.play.step(Session::on_timer);
        self.play.step(Session::opened);
        while !self.play.session.is_up() {
            self.arrive(false);
            self.deliver();
        }
        self.hear();
        self.ask();
    }

    fn ask(&mut self) {
        let name = self.client.name.to_string();
        self.play.query(&name);
    }

    fn settle(&mut self) {
        while !self.play.written.is_empty() || !self.books.said.is_empty() {
            self.arrive(false);
            self.deliver();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn nothing_is_lost_and_no_living_order_ends(steps in proptest::collection::vec((0u8..17, any::<bool>()), 1..60)) {
        let client = Client {
            name: id("me-1-a"),
            attempts: 0,
            trades: BTreeSet::new(),
            is_ended: false,
            is_replacing: false,
        };
        let mut world = World { play: Play::up(), books: Books::default(), client };
        world.play.submit("me-1-a");
        world.arrive(false);
        for (step, flag) in steps {
            match step {
                0 | 1 => world.books.trade(),
                2 | 3 => world.replace(flag),
                4 => world.play.cancel(&world.client.name.to_string()),
                5 => world.ask(),
                6 => world.lose(flag),
                7..=10 => world.arrive(flag),
                11 if flag => world.books.expire(),
                _ => world.deliver(),
            }
            world.hear();
        }
        world.settle();
        world.lose(true);
        world.settle();
        // The last question, by the name that the first may have found.
        world.ask();
        world.settle();
        let there: BTreeSet<String> = world.books.orders.iter().flat_map(Booked::keys).collect();
        prop_assert_eq!(&world.client.trades, &there);
        let last = world.books.orders.last().unwrap();
        prop_assert_eq!(world.client.name.as_str(), &last.name);
        prop_assert_eq!(world.client.is_ended, matches!(last.status(), "CANCELED" | "EXPIRED"));
    }
}
