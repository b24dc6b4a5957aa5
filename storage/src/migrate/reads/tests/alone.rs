//! What DuckDB alone recorded before there was a sink is in PostgreSQL's answers, once.

use std::collections::BTreeMap;

use messages::UtcNanos;
use messages::market::{Bar, Timeframe};

use super::super::Need;
use super::rows::{bars, names, values};
use super::world::World;
use crate::query::tests::{instrument, range};
use crate::query::{Gaps, Page, Query, Range, Rows};

/// Bars of the minutes `n` that nobody brought over and no sink wrote.
fn record(world: &World, n: &str, revision: u16) {
    let own = [("revision", revision.to_string()), ("trade_count", "90".to_owned()), ("volume", "7".to_owned())];
    let own: BTreeMap<&str, String> =
        own.into_iter().chain(["open", "close", "notional"].map(|name| (name, "3".to_owned()))).collect();
    let mut all = bars();
    for (name, value) in &mut all {
        if let Some(own) = own.get(name) {
            value.clone_from(own);
        }
    }
    all.push(("bar_id", "n + 100000".to_owned()));
    let (names, values) = (names(&all), values(&all));
    world.directory.execute(&format!("INSERT INTO disk.ohlcv_bars ({names}) SELECT {values} FROM range({n}) t(n)"));
}

fn answer(world: &World, secs: u32, range: Range, page: Page) -> Vec<Bar> {
    let timeframe = Timeframe::from_secs(secs).unwrap();
    let query = Query::Bars { instrument: instrument("A"), timeframe, range, gaps: Gaps::Left, page };
    let Rows::Bars(found) = world.there(&query, Need::default()).unwrap().rows else { panic!("no bars") };
    found
}

/// The same, out of the bars of a minute.
fn merged(minutes: &[Bar], secs: u32) -> BTreeMap<UtcNanos, (String, u64, u16)> {
    let mut all = BTreeMap::<UtcNanos, (messages::Quantity, u64, u16)>::new();
    for bar in minutes {
        let open = bar.open_time.floor_to(Timeframe::from_secs(secs).unwrap().duration());
        let (volume, count, revision) = all.entry(open).or_default();
        *volume = volume.checked_add(bar.volume).unwrap();
        *count += bar.trade_count;
        *revision = bar.revision.max(*revision);
    }
    all.into_iter().map(|(open, (volume, count, revision))| (open, (volume.to_string(), count, revision))).collect()
}

#[test]
fn a_bar_that_several_recorded_is_in_an_answer_once() {
    let Some(world) = World::new("reads_alone") else { return };
    world.directory.execute("DELETE FROM disk.ohlcv_bars WHERE bar_id > 4000");
    // Before theirs; beside theirs, better and not better; and some of the sink's own.
    [("-300, 1", 0), ("100, 130", 1), ("200, 230", 0)]
        .into_iter()
        .for_each(|(n, revision)| record(&world, n, revision));
    let minutes = answer(&world, 60, Range::ALL, Page::Oldest(100_000));
    let first = UtcNanos::from_secs(1_698_796_800 - 300 * 1_800).unwrap();
    assert_eq!(minutes.len(), 4_300, "each half hour one, from the first of ours to the last of the sink's");
    for (n, bar) in (-300_i64..).zip(&minutes) {
        assert_eq!(bar.open_time.since(first), (n + 300) * 1_800_000_000_000);
        let is_alone = n <= 0 || (100..130).contains(&n);
        assert_eq!((bar.trade_count == 90, bar.revision == 1), (is_alone, (100..130).contains(&n)), "{n}");
    }
    for secs in [3_600, 7_200, 86_400] {
        let found = answer(&world, secs, Range::ALL, Page::Oldest(100_000));
        let found = found.iter().map(|bar| (bar.open_time, (bar.volume.to_string(), bar.trade_count, bar.revision)));
        assert_eq!(found.collect::<BTreeMap<_, _>>(), merged(&minutes, secs), "{secs} s");
    }
    let some = range("2023-11-02 12:00:00", "2023-11-03 12:00:00");
    for page in [Page::Oldest(7), Page::Newest(7), Page::Oldest(100)] {
        let whole = answer(&world, 3_600, some, Page::Oldest(100));
        let found = answer(&world, 3_600, some, page);
        let expected = match page {
            Page::Oldest(n) => &whole[..whole.len().min(n as usize)],
            Page::Newest(n) => &whole[whole.len() - n as usize..],
        };
        assert_eq!(found, expected, "{page:?}");
    }
}

#[test]
fn a_tick_that_both_sides_have_is_in_an_answer_once() {
    let Some(world) = World::new("reads_once") else { return };
    // Two minutes behind the watermark count as the time before it, and hold ticks of the sink.
    let query = Query::Ticks {
        instrument: instrument("A"),
        range: range("2023-12-12 15:59:00", "2023-12-12 16:05:00"),
        page: Page::Oldest(100),
    };
    let Rows::Ticks(found) = world.there(&query, Need::default()).unwrap().rows else { panic!("no ticks") };
    let numbers: Vec<Option<i64>> = found.iter().map(|tick| tick.tick.sequence).collect();
    // Of the other program's, of ours from before, and of the sink's.
    assert!(numbers.contains(&Some(30_000)) && numbers.contains(&Some(5_001)), "{numbers:?}");
    let once: std::collections::BTreeSet<_> = found.iter().map(|tick| (tick.id, tick.tick.time)).collect();
    assert_eq!(once.len(), found.len(), "{numbers:?}");
    let Rows::Ticks(here) = world.directory.ask(&query).rows else { panic!("no ticks") };
    assert_eq!(here.len(), found.len());
}
