//! The recorded day's book through the live path, held against the venue's own book at random instants and at the end; and
//! frames of depth that do not come, which must be noticed with the very next one.

use std::path::Path;
use std::time::Duration;

use actors::feeds::binance::session::{BinanceSession, Channels, Settings};
use actors::feeds::session::Session;
use messages::market::{DepthKind, EventBody, GapCause, GapChannel};
use messages::{Exchange, Instrument, UtcNanos};
use testkit::feeds::binance::{BinanceServer, Settings as ServerSettings, recorded};

use crate::chance::Chance;
use crate::network::{Faults, Network};

const BEGIN: UtcNanos = UtcNanos(1_800_000_000_000_000_000);
/// The recording is eleven minutes long.
const END: UtcNanos = UtcNanos(BEGIN.0 + 12 * 60 * 1_000_000_000);

type World = Network<BinanceSession, BinanceServer>;

fn bitcoin() -> Instrument {
    Instrument { exchange: Exchange::Binance, symbol: "BTCUSDT".parse().unwrap() }
}

/// The recording behind the server's model; `None`, with a printed line, where it is not there.
fn world(faults: Faults) -> Option<World> {
    let files = ["binance/btcusdt_20240808.gz", "binance/btcusdt_20240809.gz"];
    let files: Vec<_> = files.iter().filter_map(|file| testkit::recording(file)).collect();
    let [first, second] = files.as_slice() else { return None };
    let (books, timeline) = recorded(&[first as &Path, second], BEGIN);
    let channels = Channels { trade: true, agg_trade: false, book_ticker: true, depth: true, kline: None };
    let settings = Settings { symbols: vec![bitcoin().symbol], channels, ..Settings::default() };
    let session = BinanceSession::new(settings).unwrap();
    let server = BinanceServer::new(ServerSettings::default(), books, timeline);
    Some(Network::new(session, server, faults, 3, BEGIN))
}

/// Whether the book is synced; if it is, it must be the venue's as of the same update.
fn book_is_right(world: &World) -> bool {
    let Some(book) = world.market.book(bitcoin()).filter(|book| book.is_synced()) else { return false };
    let last = book.last_id().unwrap();
    let theirs = world.model.book_at("BTCUSDT", last).unwrap_or_else(|| panic!("no message ended at {last}"));
    let ours = |levels: &mut dyn Iterator<Item = messages::market::Level>| -> Vec<(i64, i64)> {
        let mut levels: Vec<_> = levels.map(|level| (level.price.raw(), level.size.raw())).collect();
        levels.sort_unstable();
        levels
    };
    assert_eq!(ours(&mut book.bids()), theirs.bids.into_iter().collect::<Vec<_>>(), "bids at {last}");
    assert_eq!(ours(&mut book.asks()), theirs.asks.into_iter().collect::<Vec<_>>(), "asks at {last}");
    true
}

#[test]
fn the_recorded_book_is_right_at_a_hundred_instants_and_at_the_end() {
    let Some(mut world) = world(Faults::default()) else { return };
    let mut chance = Chance::new(100);
    let mut instants: Vec<u64> = (0..100).map(|_| chance.between(5_000, 11 * 60_000)).collect();
    instants.sort_unstable();
    let synced = instants
        .into_iter()
        .filter(|millis| {
            world.run_until(BEGIN.after(Duration::from_millis(*millis)));
            book_is_right(&world)
        })
        .count();
    world.run_until(END);
    assert!(book_is_right(&world), "synced at the end");
    let book = world.market.book(bitcoin()).unwrap();
    // What the recording's README says of its end.
    assert_eq!((book.last_id(), book.bid_levels(), book.ask_levels()), (Some(50_093_696_318), 1_971, 2_962));
    assert_eq!((book.bid_total().to_string(), book.ask_total().to_string()), totals());
    assert_eq!(synced, 100, "synced at every instant");
    println!("the book is the venue's at 100 instants and at the end");
}

fn totals() -> (String, String) {
    let quantity = |text: &str| text.parse::<messages::Quantity>().unwrap().to_string();
    (quantity("3720.36033"), quantity("4039.815274"))
}

#[test]
fn a_frame_that_does_not_come_is_noticed_with_the_next_and_the_book_is_fetched_again() {
    let Some(mut world) = world(Faults { lost: 2_000, ..Faults::default() }) else { return };
    world.run_until(BEGIN.after(Duration::from_secs(10 * 60)));
    world.heal();
    world.run_until(END);
    assert!(book_is_right(&world), "synced at the end");
    let (mut newest, mut holes, mut told) = (None, 0, false);
    for event in world.events() {
        match &event.body {
            EventBody::Gap(gap) if gap.channel == GapChannel::Depth && gap.cause == GapCause::Sequence => told = true,
            EventBody::Depth(depth) => {
                let DepthKind::Diff { first } = depth.kind else { continue };
                if newest.is_some_and(|newest| first > newest + 1) {
                    holes += 1;
                    assert!(told, "a hole before {first} without a gap");
                }
                newest = newest.max(Some(depth.last));
                told = false;
            }
            _ => {}
        }
    }
    let resyncs = world.session.status(world.now).counters.resyncs;
    assert!(holes > 3, "{holes} holes are too few to speak of");
    assert!(resyncs > 0 && resyncs <= holes, "{resyncs} resyncs for {holes} holes");
    println!("{holes} holes in the diffs, each told with the next frame; the book was fetched again {resyncs} times");
}
