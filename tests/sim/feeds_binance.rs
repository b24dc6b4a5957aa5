//! Binance's market streams over a network that does its worst: an hour of virtual time, held against what there was.
//!
//! What a user would notice: a trade that is missing without a word, one that counts twice, a book that is not the venue's,
//! a gap that never ends, a link that the venue closes because of our manners.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use actors::feeds::binance::Decoder;
use actors::feeds::binance::session::{BinanceSession, Settings};
use actors::feeds::session::{Pause, Session};
use actors::market::state::{Market, Settings as MarketSettings};
use messages::caps::MARKET_ID_BLOCK;
use messages::market::{Batch, Event, EventBody, FeedBatch, Gap, GapCause, GapChannel, Level, Source, TickBody};
use messages::{Exchange, Instrument, MarketId, UtcNanos};
use testkit::feeds::binance::{self as venue, BinanceServer, Body, Plan, synthetic};

use crate::network::{Faults, Network};

const BEGIN: UtcNanos = UtcNanos(1_800_000_000_000_000_000);
const SYMBOLS: [&str; 3] = ["BTCUSDT", "ETHUSDT", "币安USDT"];
const MINUTE: Duration = Duration::from_secs(60);

type World = Network<BinanceSession, BinanceServer>;

/// What a run is made of.
#[derive(Clone)]
struct Setting {
    faults: Faults,
    server: venue::Settings,
    session: Settings,
    minutes: u32,
    every: Duration,
    absurd: u64,
}

impl Default for Setting {
    fn default() -> Self {
        let symbols = SYMBOLS.iter().map(|symbol| symbol.parse().unwrap()).collect();
        Self {
            faults: Faults::default(),
            server: venue::Settings::default(),
            session: Settings { symbols, ..Settings::default() },
            minutes: 20,
            every: Duration::from_millis(250),
            absurd: 0,
        }
    }
}

fn minutes(count: u32) -> UtcNanos {
    BEGIN.after(MINUTE * count)
}

/// Runs and heals, then leaves three minutes for what is still to be fetched.
fn run(seed: u64, setting: &Setting) -> World {
    let mut world = start(seed, setting);
    for minute in 1..=setting.minutes {
        world.run_until(minutes(minute));
        books_are_right(&world, false);
    }
    world.heal();
    world.run_until(minutes(setting.minutes + 3));
    world
}

fn start(seed: u64, setting: &Setting) -> World {
    let plan = Plan {
        symbols: SYMBOLS.map(str::to_owned).to_vec(),
        begin: BEGIN,
        end: minutes(setting.minutes + 10),
        every: setting.every,
        absurd: setting.absurd,
        seed,
    };
    let (books, timeline) = synthetic(&plan);
    let server = BinanceServer::new(setting.server.clone(), books, timeline);
    let session = BinanceSession::new(Settings { seed, ..setting.session.clone() }).unwrap();
    Network::new(session, server, setting.faults.clone(), seed, BEGIN)
}

fn instrument(symbol: &str) -> Instrument {
    Instrument { exchange: Exchange::Binance, symbol: symbol.parse().unwrap() }
}

/// Every synced book is what the venue's was at that update.
fn books_are_right(world: &World, all: bool) {
    for symbol in SYMBOLS {
        let book = world.market.book(instrument(symbol)).filter(|book| book.is_synced());
        let Some(book) = book else {
            assert!(!all, "{symbol} has no book at {}: {:?}", world.now, world.session.status(world.now));
            continue;
        };
        let id = book.last_id().unwrap();
        let truth = world.model.book_at(symbol, id).unwrap_or_else(|| panic!("{symbol}: no update ended at {id}"));
        let raw = |level: Level| (level.price.raw(), level.size.raw());
        assert_eq!(book.bids().map(raw).collect::<BTreeMap<_, _>>(), truth.bids, "{symbol} at {}", world.now);
        assert_eq!(book.asks().map(raw).collect::<BTreeMap<_, _>>(), truth.asks, "{symbol} at {}", world.now);
    }
}

/// Ids of published trades, in their order.
fn trades<'a>(events: impl Iterator<Item = &'a Event>, symbol: &str) -> Vec<i64> {
    let of = |event: &Event| match &event.body {
        EventBody::Tick(tick) if tick.instrument == instrument(symbol) => match tick.body {
            TickBody::Trade { .. } => tick.sequence,
            TickBody::Quote { .. } => None,
        },
        _ => None,
    };
    events.filter_map(of).collect()
}

fn gaps(world: &World) -> Vec<Gap> {
    let gap = |event: &Event| match &event.body {
        EventBody::Gap(gap) => Some(Gap::clone(gap)),
        _ => None,
    };
    world.events().filter_map(gap).collect()
}

/// Gaps beside those of the start: connecting and subscribing stand in one of each channel, which ends like any other.
fn later_gaps(world: &World) -> Vec<Gap> {
    gaps(world).into_iter().filter(|gap| gap.from > BEGIN).collect()
}

/// All that a user could notice. Returns how many trades are known to stay missing.
fn audit(world: &World) -> usize {
    let gaps = gaps(world);
    let mut open = BTreeMap::new();
    for gap in &gaps {
        let key = (gap.instrument, gap.channel.as_str(), gap.from);
        if gap.to.is_none() {
            assert!(open.insert(key, gap.clone()).is_none(), "opened twice: {gap:?}");
        } else {
            open.remove(&key);
        }
    }
    assert!(open.is_empty(), "open at the end: {open:#?}\n{:#?}", world.session.status(world.now));
    let lost = SYMBOLS.iter().map(|symbol| audit_trades(world, symbol, &gaps)).sum();
    books_are_right(world, true);
    assert!(world.undecodable.is_empty(), "{:?}", world.undecodable);
    for why in ["too many messages", "too many connection attempts", "too many streams"] {
        assert!(!world.model.closed_for.contains(&why), "the venue closed a link: {why}");
    }
    lost
}

fn audit_trades(world: &World, symbol: &str, gaps: &[Gap]) -> usize {
    let published = trades(world.events(), symbol);
    let seen: BTreeSet<i64> = published.iter().copied().collect();
    assert_eq!(seen.len(), published.len(), "{symbol}: a trade is published twice");
    let first = *seen.first().unwrap_or_else(|| panic!("{symbol} has trades"));
    let settled = world.now.before(Duration::from_secs(5));
    let truth = world.model.truth().iter().filter(|event| event.symbol == symbol && event.at <= settled);
    let mut real = BTreeSet::new();
    let mut lost = 0;
    for event in truth {
        let Body::Trade(trade) = &event.body else { continue };
        real.insert(trade.id);
        if trade.id < first || seen.contains(&trade.id) {
            continue;
        }
        let is_told = gaps.iter().any(|gap| {
            gap.instrument == instrument(symbol)
                && gap.channel == GapChannel::Trades
                && gap.to.is_some()
                && gap.cause != GapCause::Recovered
                && gap.first_missing.is_some_and(|id| id <= trade.id)
                && gap.resumed_at.is_some_and(|id| trade.id < id)
        });
        assert!(is_told, "{symbol}: trade {} of {} is missing and nobody says so", trade.id, event.at);
        lost += 1;
    }
    let newest = real.last().copied().unwrap_or_default();
    let invented: Vec<_> = seen.iter().filter(|id| **id <= newest && !real.contains(id)).collect();
    assert!(invented.is_empty() && seen.last() < Some(&(newest + 1_000)), "{symbol}: {invented:?} never were");
    lost
}

/// Ticks as a replay of the recording publishes them.
fn replayed(world: &World) -> Vec<Event> {
    let mut market = Market::new(MarketSettings::default());
    let mut next = 1;
    let (mut decoder, mut published) = (Decoder::new(), Vec::new());
    for (received, line) in world.recorded.iter().filter(|(_, line)| !line.is_empty()) {
        let mut batch = Batch { source: Source::Replay, received: *received, events: Vec::new() };
        let mut frame = FeedBatch { source: Source::Replay, received: *received, items: Vec::new() };
        decoder.decode(line, *received, &mut frame.items).unwrap();
        if market.ids_left() < MARKET_ID_BLOCK / 2 {
            market.reserve(MarketId(next), MarketId(next + MARKET_ID_BLOCK));
            next += MARKET_ID_BLOCK;
        }
        market.on_feed(&frame, &mut batch);
        published.append(&mut batch.events);
    }
    published
}

fn rough() -> Setting {
    Setting {
        faults: Faults {
            breaks: Some(Duration::from_secs(150)),
            half_breaks: Some(Duration::from_secs(600)),
            repeated: 2_000,
            reordered: 500,
            lost: 500,
            failed_requests: 100,
            refused_links: 100,
            ..Faults::default()
        },
        absurd: 200,
        minutes: 60,
        ..Setting::default()
    }
}

#[test]
fn on_a_quiet_network_nothing_is_missing_and_only_the_start_is_a_gap() {
    let world = run(1, &Setting::default());
    assert_eq!(audit(&world), 0);
    assert_eq!(later_gaps(&world), []);
    let (ends, begins): (Vec<_>, Vec<_>) = gaps(&world).into_iter().partition(|gap| gap.to.is_some());
    assert!(begins.iter().all(|gap| gap.cause == GapCause::Stopped), "{begins:?}");
    assert_eq!((begins.len(), ends.len()), (9, 9));
    let soon = BEGIN.after(Duration::from_secs(30));
    assert!(ends.iter().all(|gap| gap.to.is_some_and(|to| to < soon)), "{ends:?}");
    let books = ends.iter().filter(|gap| gap.channel == GapChannel::Depth);
    assert!(books.map(|gap| gap.cause).eq([GapCause::Recovered; 3]), "{ends:?}");
    assert_eq!(world.session.status(world.now).state, "live");
}

#[test]
fn an_hour_of_everything_that_goes_wrong() {
    for seed in crate::seeds(0..4) {
        let world = run(seed, &rough());
        println!("seed {seed}: {:?}", world.session.status(world.now).counters);
        assert_eq!(audit(&world), 0, "seed {seed}: the venue had them all");
        let counters = world.session.status(world.now).counters;
        assert!(counters.disconnects > 10 && counters.backfilled > 100, "{counters:?}");
    }
}

#[test]
fn what_the_venue_does_not_have_either_is_told_with_its_bounds() {
    let mut setting = rough();
    let plain = start(5, &setting);
    let ids = plain.model.all().iter().filter_map(|event| match &event.body {
        Body::Trade(trade) if trade.id % 7 == 0 => Some((event.symbol.clone(), trade.id)),
        _ => None,
    });
    setting.server.unavailable = ids.collect();
    let world = run(5, &setting);
    assert!(audit(&world) > 10);
}

#[test]
fn a_link_is_replaced_before_it_is_too_old_and_nothing_is_lost() {
    let mut setting = Setting { minutes: 60, ..Setting::default() };
    setting.session.max_age = MINUTE * 10;
    setting.server.max_age = MINUTE * 11;
    // Two links that run apart by more than what comes between two diffs.
    setting.faults.latency = (Duration::from_millis(5), Duration::from_millis(600));
    setting.every = Duration::from_millis(100);
    setting.minutes = 40;
    let world = run(2, &setting);
    assert_eq!(audit(&world), 0);
    let counters = world.session.status(world.now).counters;
    assert!(counters.handovers >= 3 && counters.disconnects == 0, "{counters:?}");
    assert_eq!((later_gaps(&world), counters.backfilled, counters.resyncs), (Vec::new(), 0, 0));
}

#[test]
fn a_server_that_goes_is_left_in_time() {
    let mut setting = Setting::default();
    setting.server.shutdowns = vec![minutes(5), minutes(9), minutes(9).after(Duration::from_secs(1))];
    let world = run(3, &setting);
    assert_eq!((audit(&world), later_gaps(&world)), (0, Vec::new()));
    assert!(world.session.status(world.now).counters.handovers >= 2);
}

#[test]
fn a_venue_that_refuses_requests_is_waited_for() {
    let mut setting = rough();
    setting.minutes = 20;
    setting.server.weight = 600;
    let world = run(4, &setting);
    assert!(world.model.refusals() > 0, "the venue refuses");
    let mut world = world;
    world.run_until(minutes(setting.minutes + 9));
    assert_eq!(audit(&world), 0);
}

#[test]
fn a_pause_is_a_gap_and_is_caught_up() {
    let setting = Setting::default();
    let mut world = start(6, &setting);
    world.run_until(minutes(5));
    world.tell(|session, now, out| session.pause(Pause::Overload, now, out));
    world.run_until(minutes(8));
    assert_eq!(world.session.next_due(), None);
    world.tell(|session, now, out| session.begin(now, out));
    world.run_until(minutes(12));
    assert_eq!(audit(&world), 0);
    let causes: Vec<_> = later_gaps(&world).into_iter().filter(|gap| gap.to.is_none()).map(|gap| gap.cause).collect();
    assert_eq!(causes, [GapCause::Overload; 9]);
}

#[test]
fn symbols_come_and_go_and_one_that_the_venue_does_not_know_is_left_out() {
    for refuses_unknown in [true, false] {
        let mut setting = Setting::default();
        setting.server.refuses_unknown = refuses_unknown;
        setting.session.symbols.truncate(1);
        let mut world = start(7, &setting);
        world.run_until(minutes(2));
        let symbol = |text: &str| text.parse().unwrap();
        let add = [symbol(SYMBOLS[1]), symbol("NONEUSDT"), symbol(SYMBOLS[2])];
        world.tell(|session, now, out| session.change(&add, &[], now, out)).unwrap();
        world.run_until(minutes(6));
        assert_eq!(audit(&world), 0);
        let state = |world: &World, symbol: &str| {
            let symbols = world.session.status(world.now).symbols;
            symbols.into_iter().find(|known| known.symbol.as_str() == symbol).map(|known| known.state)
        };
        assert_eq!(state(&world, "NONEUSDT").as_deref(), Some("refused"));
        assert_eq!(state(&world, SYMBOLS[2]).as_deref(), Some("live"));
        assert_eq!(world.session.status(world.now).state, "live");
        world.tell(|session, now, out| session.change(&[], &[symbol(SYMBOLS[1])], now, out)).unwrap();
        world.run_until(minutes(7));
        let before = trades(world.events(), SYMBOLS[1]).len();
        world.run_until(minutes(9));
        assert_eq!(trades(world.events(), SYMBOLS[1]).len(), before, "nothing comes of a symbol that is not wanted");
        assert_eq!(state(&world, SYMBOLS[1]), None);
        let lower = world.tell(|session, now, out| session.change(&[symbol("btcusdt")], &[], now, out));
        assert!(lower.unwrap_err().contains("upper case"));
    }
}

#[test]
fn a_seed_gives_the_same_run_and_a_recording_the_same_market() {
    let mut setting = rough();
    setting.minutes = 15;
    let [one, again, other] = [8, 8, 9].map(|seed| run(seed, &setting));
    assert!(one.published == again.published, "the same seed gives the same run");
    assert!(one.published != other.published, "another seed gives another");
    let ticks = |events: &mut dyn Iterator<Item = &Event>| -> Vec<String> {
        let tick = |event: &Event| match &event.body {
            EventBody::Tick(tick) => Some(format!("{tick:?}")),
            EventBody::Depth(depth) => Some(format!("{depth:?}")),
            _ => None,
        };
        events.filter_map(tick).collect()
    };
    let replayed = replayed(&one);
    assert!(ticks(&mut one.events()) == ticks(&mut replayed.iter()), "a replay sees the same market");
}

#[test]
fn a_recorded_day_comes_through() {
    let files = ["binance/btcusdt_20240808.gz", "binance/btcusdt_20240809.gz"].map(testkit::recording);
    let [Some(first), Some(second)] = files else { return };
    let (books, timeline) = venue::recorded(&[&first, &second], BEGIN.after(Duration::from_secs(2)));
    let symbols = vec![SYMBOLS[0].parse().unwrap()];
    let mut setting = Setting { session: Settings { symbols, ..Settings::default() }, ..rough() };
    setting.faults.breaks = Some(Duration::from_secs(100));
    let server = BinanceServer::new(venue::Settings::default(), books, timeline);
    let session = BinanceSession::new(setting.session).unwrap();
    let mut world = Network::new(session, server, setting.faults, 11, BEGIN);
    world.run_until(minutes(8));
    world.heal();
    world.run_until(minutes(12));
    assert_eq!(audit_trades(&world, SYMBOLS[0], &gaps(&world)), 0);
    assert!(trades(world.events(), SYMBOLS[0]).len() > 19_000);
}
