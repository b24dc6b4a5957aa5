//! Whatever happens, and however readers come, go and read: who has read all has what a new reader is told.

use messages::orders::Status;
use messages::risk::StateChange;
use proptest::prelude::*;

use super::*;

const TOPICS: [&str; 8] = [
    "quotes/simulated:A",
    "trades/simulated:A",
    "trades/simulated:B",
    "bars/simulated:A/1s",
    "orders",
    "fills",
    "positions",
    "equity",
];

#[derive(Debug, Clone)]
enum Step {
    Quote(usize),
    Trade(usize),
    Bar(usize),
    Order(u64, usize),
    Fill(usize, i64),
    Valued(i64),
    Open(u64),
    MarketLost,
    Trading,
    Subscribe(usize, usize),
    Unsubscribe(usize, usize),
    Read(usize, usize),
    Flush,
    FlushUrgent,
}

const STATUSES: [Status; 3] = [Status::Accepted, Status::PartiallyFilled, Status::Filled];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..2usize).prop_map(Step::Quote),
        6 => (0..2usize).prop_map(Step::Trade),
        1 => (0..2usize).prop_map(Step::Bar),
        6 => (0..4u64, 0..3usize).prop_map(|(order, status)| Step::Order(order, status)),
        3 => (0..2usize, -1..2i64).prop_map(|(symbol, quantity)| Step::Fill(symbol, quantity)),
        2 => (-1..2i64).prop_map(Step::Valued),
        1 => (0..4u64).prop_map(Step::Open),
        1 => Just(Step::MarketLost),
        1 => Just(Step::Trading),
        4 => (0..3usize, 0..TOPICS.len()).prop_map(|(reader, topic)| Step::Subscribe(reader, topic)),
        1 => (0..3usize, 0..TOPICS.len()).prop_map(|(reader, topic)| Step::Unsubscribe(reader, topic)),
        3 => (0..3usize, 0..80usize).prop_map(|(reader, count)| Step::Read(reader, count)),
        4 => Just(Step::Flush),
        4 => Just(Step::FlushUrgent),
    ]
}

impl Bench {
    fn take(&mut self, step: &Step) {
        match *step {
            Step::Quote(symbol) => self.hub.market(&self.facts.quote(facts::INSTRUMENTS[symbol])),
            Step::Trade(symbol) => self.hub.market(&self.facts.trade(facts::INSTRUMENTS[symbol])),
            Step::Bar(symbol) => self.hub.market(&self.facts.bar(facts::INSTRUMENTS[symbol])),
            Step::Order(order, status) => {
                let update = self.facts.order(order, STATUSES[status]);
                self.hear(Heard::Order(Box::new(update)));
            }
            Step::Fill(symbol, quantity) => {
                let booked = self.facts.booked(facts::INSTRUMENTS[symbol], quantity);
                self.hear(Heard::Booked(Box::new(booked)));
            }
            Step::Valued(held) => {
                let valued = self.facts.valued(held);
                self.hub.hear(Input::Valued(valued), self.facts.now());
            }
            Step::Open(order) => {
                let open = self.facts.open(order);
                self.hear(open);
            }
            Step::MarketLost => self.hub.market_lost(),
            Step::Trading => {
                let state = messages::risk::TradingState::Halted;
                let change = StateChange { state, by: "a".to_owned(), why: "b".to_owned() };
                self.hear(Heard::Trading { change, at: self.facts.now() });
            }
            Step::Subscribe(reader, topic) => self.subscribe(reader, &[TOPICS[topic]]),
            Step::Unsubscribe(reader, topic) => self.unsubscribe(reader, TOPICS[topic]),
            Step::Read(reader, count) => self.readers[reader].read(count),
            Step::Flush => self.flush(),
            Step::FlushUrgent => self.hub.flush_urgent(self.facts.now()),
        }
    }

    fn hear(&mut self, heard: Heard) {
        self.hub.hear(Input::Heard(heard), self.facts.now());
    }
}

/// Compares what a reader has with what a new one is told.
fn compare(topic: &str, has: &reader::Known, new: &reader::Known) {
    assert_eq!(has.seq, new.seq, "the number of {topic}");
    if topic.starts_with("bars/") {
        // A new reader is told the newest alone.
        for (key, bar) in &new.entries {
            assert_eq!(has.entries.get(key), Some(bar), "{topic}");
        }
        assert!(new.entries.len() >= has.entries.len().min(caps::BARS_SHOWN), "{topic}");
    } else {
        assert_eq!(has.entries, new.entries, "{topic}");
    }
    let newest = &has.tape[has.tape.len().saturating_sub(new.tape.len())..];
    assert_eq!(newest, &new.tape[..], "{topic}");
}

proptest! {
    #[test]
    fn who_has_read_all_has_what_a_new_reader_is_told(steps in prop::collection::vec(step(), 1..300)) {
        let mut bench = Bench::new(3);
        steps.iter().for_each(|step| bench.take(step));
        bench.settle();
        let new = bench.join();
        bench.subscribe(new, &TOPICS);
        bench.settle();
        let told = bench.readers[new].topics.clone();
        for reader in &bench.readers[..new] {
            prop_assert_eq!(reader.closed(), None);
            reader.topics.iter().for_each(|(topic, has)| compare(topic, has, &told[topic]));
        }
    }

    #[test]
    fn every_order_event_comes_once_and_in_order(steps in prop::collection::vec(step(), 1..300)) {
        let mut bench = Bench::new(3);
        bench.enter(0, &["orders"]);
        let mut made = Vec::new();
        for step in steps.iter().filter(|step| !matches!(step, Step::Subscribe(0, _) | Step::Unsubscribe(0, _))) {
            bench.take(step);
            if let Step::Order(order, _) = step {
                made.push(*order);
            }
        }
        bench.settle();
        let mut numbers = BTreeMap::<u64, u64>::new();
        let expected: Vec<(String, u64)> = made
            .into_iter()
            .map(|order| {
                let number = numbers.entry(order).or_default();
                *number += 1;
                (format!("\"{}\"", uuid::Uuid::from_u128(u128::from(order))), *number)
            })
            .collect();
        prop_assert_eq!(&bench.readers[0].topics["orders"].events, &expected);
    }
}
