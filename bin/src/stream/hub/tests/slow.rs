//! Readers that do not read: what they miss, what they may not miss, and that nobody else notices.

use messages::orders::Status;

use super::*;

impl Bench {
    fn order_event(&mut self) {
        let update = self.facts.order(1, Status::Accepted);
        self.hub.hear(Input::Heard(Heard::Order(Box::new(update))), self.facts.now());
        self.hub.flush_urgent(self.facts.now());
    }

    fn quotes(&mut self, count: usize) {
        for _ in 0..count {
            self.hub.market(&self.facts.quote("A"));
            self.flush();
        }
    }
}

#[test]
fn quotes_are_conflated_for_who_does_not_read_and_for_nobody_else() {
    let mut bench = Bench::new(2);
    bench.enter(0, &["quotes/simulated:A"]);
    bench.enter(1, &["quotes/simulated:A"]);
    for _ in 0..500 {
        bench.quotes(1);
        bench.readers[1].read_all();
    }
    assert_eq!(bench.readers[0].waiting(), caps::CLIENT_MARKET_MESSAGES, "bounded");
    assert_eq!(bench.readers[1].topics["quotes/simulated:A"].seq, 500);
    assert_eq!(bench.stats.counts().encoded, 502, "each message is written once, and two snapshots");
    bench.settle();
    assert_eq!(bench.readers[0].topics, bench.readers[1].topics, "the newest follows when there is room");
    // The snapshot and the messages that fitted, and the newest of the rest.
    let missed = 500 - (caps::CLIENT_MARKET_MESSAGES as u64 - 1) - 1;
    assert_eq!(bench.stats.counts().conflated, missed);
}

#[test]
fn orders_have_room_where_quotes_have_none_and_close_who_lets_them_lie() {
    let mut bench = Bench::new(2);
    for reader in 0..2 {
        bench.enter(reader, &["orders", "quotes/simulated:A"]);
    }
    for _ in 0..200 {
        bench.quotes(1);
        bench.order_event();
        bench.readers[1].read_all();
    }
    assert_eq!((bench.readers[0].closed(), bench.stats.counts().closed_slow), (None, 0));
    bench.readers[0].read_all();
    assert_eq!(bench.readers[0].topics["orders"].events.len(), 200, "no event was left out");

    let waits = caps::CLIENT_MESSAGES;
    for _ in 0..=waits {
        bench.order_event();
        bench.readers[1].read_all();
    }
    assert_eq!((bench.readers[0].closed(), bench.stats.counts().closed_slow), (Some(Closing::Slow), 1));
    assert_eq!(bench.readers[1].topics["orders"].events.len(), 200 + waits + 1, "nobody else notices");
    assert_eq!((bench.readers[1].closed(), bench.stats.counts().subscriptions), (None, 2));
}

#[test]
fn trades_that_do_not_fit_are_answered_with_a_snapshot() {
    let mut bench = Bench::new(1);
    bench.enter(0, &["trades/simulated:A"]);
    for _ in 0..caps::CLIENT_MARKET_MESSAGES + 50 {
        bench.hub.market(&bench.facts.trade("A"));
        bench.flush();
    }
    assert_eq!(bench.stats.counts().resynced, 1);
    bench.settle();
    let known = &bench.readers[0].topics["trades/simulated:A"];
    assert_eq!((known.tape.len(), known.seq), (caps::TAPE_SHOWN, (caps::CLIENT_MARKET_MESSAGES + 50) as u64));
}

#[test]
fn who_asks_again_and_again_gets_one_snapshot_with_the_next_look() {
    let mut bench = Bench::new(2);
    for _ in 0..1_000 {
        bench.subscribe(0, &["logs", "orders"]);
        bench.subscribe(1, &["logs"]);
    }
    assert_eq!((bench.readers[0].waiting(), bench.stats.counts().encoded), (0, 0));
    bench.flush();
    assert_eq!((bench.readers[0].waiting(), bench.readers[1].waiting()), (2, 1));
    assert_eq!(bench.stats.counts().encoded, 2, "one of each topic, for both");
}

#[test]
fn no_snapshot_is_written_for_who_has_no_room() {
    let mut bench = Bench::new(1);
    bench.enter(0, &["trades/simulated:A"]);
    for _ in 0..caps::CLIENT_MARKET_MESSAGES + 50 {
        bench.hub.market(&bench.facts.trade("A"));
        bench.flush();
    }
    let written = bench.stats.counts().encoded;
    (0..10).for_each(|_| bench.flush());
    assert_eq!(bench.stats.counts().encoded, written);
}

#[test]
fn who_has_no_room_when_orders_begin_anew_is_closed() {
    let mut bench = Bench::new(1);
    bench.enter(0, &["orders"]);
    for _ in 1..caps::CLIENT_MESSAGES {
        bench.order_event();
    }
    assert_eq!(bench.readers[0].closed(), None);
    let open = bench.facts.open(1);
    bench.hub.hear(Input::Heard(open), bench.facts.now());
    assert_eq!(bench.readers[0].closed(), Some(Closing::Slow), "how an order ended would be left out");
    assert_eq!((bench.stats.counts().subscriptions, bench.hub.clients.len()), (0, 0));
}

#[test]
fn nothing_is_written_for_nobody() {
    let mut bench = Bench::new(1);
    bench.quotes(10);
    bench.order_event();
    bench.enter(0, &["orders"]);
    bench.quotes(10);
    assert_eq!(bench.stats.counts().encoded, 1, "the snapshot");
    bench.unsubscribe(0, "orders");
    bench.order_event();
    assert_eq!(bench.stats.counts().encoded, 1);
}

#[test]
fn who_is_gone_is_forgotten() {
    let mut bench = Bench::new(1);
    bench.enter(0, &["orders", "fills"]);
    assert_eq!(bench.stats.counts().subscriptions, 2);
    bench.readers[0].pipe.0.borrow_mut().is_gone = true;
    bench.order_event();
    assert_eq!((bench.stats.counts().subscriptions, bench.hub.clients.len()), (0, 0));
}

#[test]
fn a_topic_that_is_not_there_is_refused_by_its_name() {
    let mut bench = Bench::new(1);
    bench.enter(0, &["quotes/simulated:C", "bars/simulated:A/1h", "orders"]);
    bench.readers[0].read_all();
    let refused: Vec<_> = bench.readers[0].errors.iter().map(|e| (e["code"].as_str(), e["topic"].as_str())).collect();
    let unknown = Some("unknown_topic");
    assert_eq!(refused, [(unknown, Some("quotes/simulated:C")), (unknown, Some("bars/simulated:A/1h"))]);
    assert_eq!(bench.readers[0].topics.keys().collect::<Vec<_>>(), ["orders"]);
}

#[test]
fn a_client_has_so_many_topics_and_no_more() {
    let mut bench = Bench::new(1);
    for n in 0..=caps::CLIENT_TOPICS {
        let symbol = format!("S{n}");
        bench.hub.market(&bench.facts.quote(&symbol));
        bench.enter(0, &[&format!("quotes/simulated:{symbol}")]);
        bench.readers[0].read_all();
    }
    assert_eq!(bench.readers[0].topics.len(), caps::CLIENT_TOPICS);
    assert_eq!(bench.readers[0].errors[0]["code"], "too_many_topics");
}
