//! Alpaca's session and its server over a network that does its worst, an hour of virtual time for each seed: what the
//! market publishes is held against what the server's market did.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use actors::feeds::alpaca::{AlpacaSession, Channel, Decoder, Feed, Settings};
use actors::feeds::session::{Notice, Session};
use actors::wire::alpaca::Keys;
use messages::market::{EventBody, FeedItem, Gap, GapCause, Tick, TickBody};
use messages::{Exchange, Instrument, UtcNanos};
use testkit::feeds::Model as _;
use testkit::feeds::alpaca::{AlpacaServer, Fate, Setup, Trade};

use crate::network::{Faults, Network};

const BEGIN: &str = "2026-11-24T15:00:00Z";
const HOUR: Duration = Duration::from_secs(3_600);
const SEEDS: u64 = 8;

type Run = Network<AlpacaSession, AlpacaServer>;
/// Whose trade, at which exchange (`-` for crypto), and its id.
type Key = (String, char, i64);

/// Books have no numbers, so they rely on the order that TCP keeps: of crypto no frame overtakes another.
fn stormy(crypto: bool) -> Faults {
    Faults {
        latency: (Duration::from_millis(1), Duration::from_millis(10)),
        breaks: Some(Duration::from_secs(240)),
        half_breaks: Some(Duration::from_secs(900)),
        repeated: 2_000,
        reordered: if crypto { 0 } else { 2_000 },
        lost: 0,
        failed_requests: 100,
        refused_links: 200,
    }
}

fn network(feed: Feed, names: &[&str], limit: usize, seed: u64) -> Run {
    let begin: UtcNanos = BEGIN.parse().unwrap();
    let crypto = feed == Feed::Crypto;
    let setup = Setup {
        symbols: names.iter().map(|name| (*name).to_owned()).collect(),
        crypto,
        keys: ("id".to_owned(), "secret".to_owned()),
        symbol_limit: limit,
        slot_held: Duration::from_secs(if seed.is_multiple_of(2) { 20 } else { 0 }),
        requests_per_minute: 200,
        refuse_every: seed.is_multiple_of(3).then_some(3),
        page: 60,
        seed,
    };
    let keys = Keys { id: "id".to_owned(), secret: "secret".to_owned() };
    let channels = [Channel::Trades, Channel::Quotes, Channel::Bars, Channel::UpdatedBars];
    let books = crypto.then_some(Channel::Orderbooks);
    let channels = channels.into_iter().chain(books).collect();
    let symbols = names.iter().map(|name| name.parse().unwrap()).collect();
    let settings = Settings { seed, ..Settings::new(feed, keys, symbols, channels) };
    Network::new(AlpacaSession::new(settings), AlpacaServer::new(setup, begin), stormy(crypto), seed, begin)
}

/// A storm of 50 minutes, then ten minutes of calm.
fn storm(mut run: Run) -> Run {
    let begin = run.now;
    run.run_until(begin.after(HOUR / 3));
    run.model.drop_slow();
    run.run_until(begin.after(HOUR / 2));
    run.model.say_error(500);
    run.run_until(begin.after(HOUR * 5 / 6));
    run.heal();
    run.run_until(begin.after(HOUR));
    // Between two events of the market everything said has arrived.
    let quiet = UtcNanos(run.model.next_due().unwrap().0 - 1);
    run.run_until(quiet);
    run
}

/// What the venue's ids are below.
const IDS: i64 = 100_000_000_000_000;

fn key(tick: &Tick) -> Key {
    let sequence = tick.sequence.expect("a trade has one");
    let (exchange, id) = if tick.instrument.symbol.as_str().contains('/') {
        ('-', sequence)
    } else {
        // Day, letter and id, as the sequence of a stock's trade is made.
        let letter = u8::try_from(sequence / IDS % 100).unwrap() + b'A';
        (char::from(letter), sequence % IDS)
    };
    (tick.instrument.symbol.to_string(), exchange, id)
}

fn true_key(symbol: &str, trade: &Trade) -> Key {
    (symbol.to_owned(), trade.exchange.unwrap_or('-'), i64::try_from(trade.id).unwrap())
}

/// How often each trade was published first, and its newest revision.
fn published(run: &Run) -> (BTreeMap<Key, u32>, BTreeMap<Key, u16>) {
    let (mut firsts, mut revisions) = (BTreeMap::new(), BTreeMap::new());
    for event in run.events() {
        let EventBody::Tick(tick @ Tick { body: TickBody::Trade { .. }, .. }) = &event.body else { continue };
        *firsts.entry(key(tick)).or_insert(0) += u32::from(tick.revision == 0);
        let newest: &mut u16 = revisions.entry(key(tick)).or_insert(0);
        *newest = (*newest).max(tick.revision);
    }
    (firsts, revisions)
}

fn gaps(run: &Run) -> Vec<Gap> {
    let gaps = run.events().filter_map(|event| match &event.body {
        EventBody::Gap(gap) => Some((**gap).clone()),
        _ => None,
    });
    gaps.collect()
}

/// No trade is lost that history has, and none is counted twice.
fn audit_trades(run: &Run, of: impl Fn(&str) -> bool) {
    let (firsts, revisions) = published(run);
    let begin: UtcNanos = BEGIN.parse().unwrap();
    for (key, count) in &firsts {
        assert!(*count <= 1, "{key:?} was published {count} times");
    }
    for (symbol, trades) in run.model.truth().iter().filter(|(symbol, _)| of(symbol)) {
        for trade in trades.iter().filter(|trade| trade.time > begin) {
            let key = true_key(symbol, trade);
            match trade.fate {
                Fate::Stands => assert_eq!(firsts.get(&key), Some(&1), "{key:?} of {} is lost", trade.time),
                // Known under its own id or as the revision of what it corrects.
                Fate::Corrected => {}
                Fate::Canceled | Fate::Incorrect => assert!(revisions.contains_key(&key), "{key:?} is lost"),
            }
        }
    }
}

/// Every gap is opened once and closed once, and only those of trades and books recover.
fn audit_gaps(run: &Run, of: impl Fn(&str) -> bool) {
    let mut open = BTreeMap::new();
    for gap in gaps(run).into_iter().filter(|gap| of(gap.instrument.symbol.as_str())) {
        let key = (gap.instrument, gap.channel.as_str(), gap.from);
        match gap.to {
            None => assert!(open.insert(key, gap.cause).is_none(), "{gap:?} is open already"),
            Some(to) => {
                assert!(open.remove(&key).is_some(), "{gap:?} was not open");
                assert!(to >= gap.from, "{gap:?}");
                assert_eq!(gap.cause == GapCause::Recovered, key.1 != "quotes", "{gap:?}");
            }
        }
    }
    assert!(open.is_empty(), "gaps stay open: {open:?}");
}

/// What was recorded gives the trades that were published.
fn audit_recording(run: &Run) {
    let mut decoder = Decoder::new();
    let mut replayed = BTreeSet::new();
    for (received, line) in &run.recorded {
        let mut items = Vec::new();
        decoder.decode(line, *received, &mut items).expect("it was decoded once");
        let trades = items.iter().filter_map(|item| match item {
            FeedItem::Tick(tick @ Tick { body: TickBody::Trade { .. }, .. }) => Some((key(tick), tick.revision)),
            _ => None,
        });
        replayed.extend(trades);
    }
    let ticks = run.events().filter_map(|event| match &event.body {
        EventBody::Tick(tick @ Tick { body: TickBody::Trade { .. }, .. }) => Some((key(tick), tick.revision)),
        _ => None,
    });
    assert_eq!(ticks.collect::<BTreeSet<_>>(), replayed);
}

fn audit(run: &Run, of: impl Fn(&str) -> bool) {
    assert!(run.undecodable.is_empty(), "{:?}", run.undecodable);
    assert_eq!(run.session.status(run.now).state, "live");
    audit_gaps(run, of);
    audit_recording(run);
}

#[test]
fn stocks_lose_no_trade_and_count_none_twice() {
    let (mut connects, mut fetched, mut refused) = (0, 0, (0, 0));
    for seed in crate::seeds(0..SEEDS) {
        let run = storm(network(Feed::Iex, &["AAPL", "MSFT", "TSLA"], 30, seed));
        audit(&run, |_| true);
        audit_trades(&run, |_| true);
        let counters = run.session.status(run.now).counters;
        connects += counters.connects;
        fetched += counters.backfilled;
        refused = (refused.0 + run.model.refused.0, refused.1 + run.model.refused.1);
    }
    println!("{connects} connections, {fetched} trades fetched, {refused:?} refused for the slot and the rate");
    let something = connects > 50 && fetched > 1_000 && refused.0 > 0 && refused.1 > 0;
    assert!(something || crate::seeds(0..SEEDS) != (0..SEEDS), "the storm has something to do");
}

#[test]
fn crypto_loses_no_trade_and_its_books_are_right() {
    for seed in crate::seeds(0..SEEDS) {
        let run = storm(network(Feed::Crypto, &["BTC/USD", "ETH/USD"], 30, seed));
        audit(&run, |_| true);
        audit_trades(&run, |_| true);
        for (symbol, sides) in run.model.books() {
            let instrument = Instrument { exchange: Exchange::Alpaca, symbol: symbol.parse().unwrap() };
            let book = run.market.book(instrument).expect("it has a book");
            assert!(book.is_synced(), "seed {seed}");
            let cents = |price: messages::Price| price.raw() / 1_000_000;
            let bids: BTreeMap<i64, i64> = book.bids().map(|l| (cents(l.price), l.size.raw() / 100_000_000)).collect();
            let asks: BTreeMap<i64, i64> = book.asks().map(|l| (cents(l.price), l.size.raw() / 100_000_000)).collect();
            assert_eq!([&bids, &asks], [&sides[0], &sides[1]], "seed {seed}, {symbol}");
        }
    }
}

#[test]
fn a_plan_for_fewer_symbols_loses_those_that_do_not_fit_and_says_so() {
    let run = storm(network(Feed::Iex, &["AAPL", "MSFT", "TSLA"], 2, 7));
    audit(&run, |symbol| symbol != "TSLA");
    audit_trades(&run, |symbol| symbol != "TSLA");
    let open = gaps(&run).into_iter().filter(|gap| gap.instrument.symbol.as_str() == "TSLA");
    assert!(open.into_iter().all(|gap| gap.cause == GapCause::Stopped && gap.to.is_none()), "its gaps stay open");
    let lost: Vec<_> = run.session.status(run.now).symbols.into_iter().filter(|s| s.state == "lost").collect();
    assert_eq!(lost.len(), 1);
    assert_eq!(lost[0].symbol.as_str(), "TSLA");
    let told = |notice: &Notice| matches!(notice, Notice::Warning(text) if text.contains("TSLA"));
    assert!(run.notices.iter().any(|(_, notice)| told(notice)));
}

#[test]
fn wrong_keys_end_it_at_once() {
    let mut run = network(Feed::Iex, &["AAPL"], 30, 1);
    let settings = {
        let keys = Keys { id: "id".to_owned(), secret: "wrong".to_owned() };
        Settings::new(Feed::Iex, keys, vec!["AAPL".parse().unwrap()], vec![Channel::Trades])
    };
    run = Network::new(AlpacaSession::new(settings), run.model, Faults::default(), 1, run.now);
    run.run_until(run.now.after(HOUR));
    let status = run.session.status(run.now);
    assert_eq!((status.state.as_str(), status.counters.connects), ("failed", 1));
}

#[test]
fn the_same_seed_gives_the_same_market() {
    let [one, again, other] = [3, 3, 4].map(|seed| storm(network(Feed::Iex, &["AAPL", "MSFT"], 30, seed)).published);
    assert!(one == again, "the same seed gives the same");
    assert!(one != other, "another seed gives another");
}
