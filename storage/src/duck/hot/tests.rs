use std::path::Path;
use std::time::Duration;

use messages::ledger::{MarketRecord, Seq};
use messages::market::{Bar, Batch, Event, EventBody, Level, Source, Tick, TickBody, Timeframe};
use messages::orders::Side;
use messages::{Exchange, Instrument, MarketId, Notional, Price, Size, UtcNanos};
use proptest::prelude::*;

use super::*;
use crate::datadir::Paths;
use crate::duck::file::{FileWriter, catch_up};
use crate::duck::instance::{Instance, Options as DuckOptions};
use crate::journal::{Log, Writer, recover};
use crate::pool::Reader;
use crate::postgres::tests::no_server;
use crate::query::hot::answer_while;
use crate::query::{Duck, Gaps, Page, Query, Range, Rows, Source as _, Stores, Tier};
use crate::service::{Storage, open_cold};
use crate::tiers::{Places, Published};

const ROOM: Options = Options { max_bytes: 64 << 20, keep: Duration::from_secs(1_000) };

/// A directory whose file thread and memory thread are moved by hand.
struct Machine {
    dir: tempfile::TempDir,
    instance: Instance,
    hot: Hot,
    writer: HotWriter,
    /// Asks both tiers.
    tiers: Duck,
    /// Asks the file alone.
    disk: Duck,
    manifest: Published,
    next_id: u64,
}

fn open(dir: &Path) -> Instance {
    let options = DuckOptions::small();
    Instance::open(&dir.join("trading.duckdb"), &options, &Places::of(dir)).unwrap()
}

impl Machine {
    fn new(options: Options) -> Self {
        Self::start(tempfile::tempdir().unwrap(), options, 1)
    }

    /// Opens the directory as a start does, and fills the hot tier from the file.
    fn start(dir: tempfile::TempDir, options: Options, next_id: u64) -> Self {
        let instance = open(dir.path());
        let hot = Hot::default();
        let market = dir.path().join("market");
        let mut writer = HotWriter::open(instance.connect().unwrap(), options, &market, hot.clone()).unwrap();
        // The file thread makes the views before anybody reads.
        let any = (Seq(u64::MAX), Seq(u64::MAX));
        let paths = Paths::of(dir.path(), None);
        let manifest = Published::default();
        FileWriter::open(instance.connect().unwrap(), &paths, any, manifest.clone()).unwrap();
        assert!(rebuild(&mut writer, &instance.connect().unwrap(), &|| true).unwrap());
        let remote = open_cold(&paths, &crate::settings::Cold::of_tests("")).unwrap();
        let stores = Stores::new(&instance.connect().unwrap(), manifest.clone(), &paths.places, remote).unwrap();
        let tiers = Duck::new(instance.pool().clone(), hot.clone(), stores.clone());
        let disk = Duck::new(instance.pool().clone(), Hot::default(), stores);
        Self { dir, instance, hot, writer, tiers, disk, manifest, next_id }
    }

    /// What a crash leaves: the journals and the file; then a new start.
    fn restart(self, options: Options) -> Self {
        let Self { dir, next_id, instance, writer, tiers, disk, .. } = self;
        drop((writer, tiers, disk, instance));
        Self::start(dir, options, next_id)
    }

    fn journal(&mut self, events: impl IntoIterator<Item = (UtcNanos, EventBody)>) {
        let mut journal = Writer::open(&self.dir.path().join("market"), 1 << 20).unwrap();
        for (received, body) in events {
            let events = vec![Event { id: MarketId(self.next_id), body }];
            self.next_id += 1;
            journal.append(&MarketRecord::Batch(Batch { source: Source::Simulated, received, events })).unwrap();
        }
        journal.sync().unwrap();
    }

    fn follow_on_disk(&self) {
        let paths = Paths::of(self.dir.path(), None);
        catch_up(self.instance.connect().unwrap(), &paths, self.manifest.clone()).unwrap();
    }

    fn follow_in_memory(&mut self) {
        let last = recover(&self.dir.path().join("market"), Log::Market).unwrap().next.0 - 1;
        while !self.writer.take(Seq(last)).unwrap() {
            self.writer.write_all().unwrap();
            self.writer.keep_bounds(|writer| writer.publish(false)).unwrap();
        }
        self.writer.write_all().unwrap();
        self.writer.keep_bounds(|writer| writer.publish(true)).unwrap();
        self.writer.publish(true);
        assert_eq!(self.writer.applied().0, last);
    }

    /// Asks both ways; the rows must be the same. Returns who answered.
    fn check(&self, query: &Query) -> Tier {
        let (answer, disk) = (self.tiers.ask(query).unwrap(), self.disk.ask(query).unwrap());
        assert_eq!(answer.rows, disk.rows, "{query:?} from {:?}, window {:?}", answer.explain, self.hot.window());
        assert!(answer.complete_to <= disk.complete_to);
        if answer.explain.rows_by_tier.contains_key(&Tier::Hot) { Tier::Hot } else { Tier::Disk }
    }

    /// What DuckDB says that tables in memory take.
    fn memory(&self) -> u64 {
        let db = self.instance.connect().unwrap();
        let sql = "SELECT coalesce(sum(memory_usage_bytes), 0)::UBIGINT FROM duckdb_memory()
                   WHERE tag IN ('IN_MEMORY_TABLE', 'BASE_TABLE')";
        db.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn window(&self) -> HotWindow {
        self.hot.window().expect("the hot tier is published")
    }
}

fn secs(n: i64) -> UtcNanos {
    UtcNanos::from_secs(1_700_000_000 + n).unwrap()
}

fn instrument(n: usize) -> Instrument {
    Instrument { exchange: Exchange::Simulated, symbol: ["A", "B", "C"][n].parse().unwrap() }
}

fn price(raw: i64) -> Price {
    Price::from_raw(raw).unwrap()
}

fn tick(of: usize, time: UtcNanos, kind: u8) -> EventBody {
    let level = Level { price: price(time.0 % 1_000_003), size: Size::ONE };
    let body = match kind % 3 {
        0 => TickBody::Quote { bid: Some(level), ask: None },
        1 => TickBody::Quote { bid: None, ask: Some(level) },
        _ => TickBody::Trade {
            price: level.price,
            size: level.size,
            aggressor: kind.is_multiple_of(2).then_some(Side::Sell),
            conditions: if kind > 9 { "@ T".parse().unwrap() } else { Default::default() },
        },
    };
    let sequence = (kind > 5).then_some(i64::from(kind));
    EventBody::Tick(Tick { instrument: instrument(of), time, sequence, revision: u16::from(kind > 12), body })
}

fn bar(of: usize, open: i64, revision: u16, trades: u64) -> EventBody {
    let open_time = secs(open);
    EventBody::Bar(Bar {
        // A bar has one number, whatever its revision; one that opens before the first second has another.
        bar_id: MarketId((1_000_000 + open).unsigned_abs() * 3 + of as u64),
        instrument: instrument(of),
        timeframe: Timeframe::SECOND,
        open_time,
        open: Price::ONE,
        high: Price::ONE,
        low: Price::ONE,
        close: price(1 + trades as i64),
        volume: "2".parse().unwrap(),
        notional: Notional::from_raw(2 * 10i128.pow(17)),
        trade_count: trades,
        revision,
        is_complete: true,
    })
}

fn ticks_of(of: usize, from: i64, to: i64, limit: u32) -> Query {
    ticks_between(of, secs(from), secs(to), Page::Newest(limit))
}

fn ticks_between(of: usize, from: UtcNanos, to: UtcNanos, page: Page) -> Query {
    Query::Ticks { instrument: instrument(of), range: Range { from, to }, page }
}

fn bars_of(of: usize, to: i64, limit: u32) -> Query {
    bars_until(of, secs(to), limit)
}

fn bars_until(of: usize, to: UtcNanos, limit: u32) -> Query {
    let (instrument, timeframe) = (instrument(of), Timeframe::SECOND);
    Query::Bars { instrument, timeframe, range: Range::until(to), gaps: Gaps::Left, page: Page::Newest(limit) }
}

/// What happens at a second of market time: to whom, how late, of what kind; a bar of revision `kind % 3` below 4.
type Happening = (u8, usize, i64, u8);

fn event(at: i64, (bar_or_tick, of, late, kind): Happening) -> (UtcNanos, EventBody) {
    // Mostly a little late, sometimes by many minutes, with parts of a microsecond.
    let late = if late > 90 { late * 20 } else { late / 30 };
    let body = match bar_or_tick {
        0..4 => bar(of, at - 1 - late, u16::from(kind % 3), u64::from(kind)),
        _ => tick(of, UtcNanos(secs(at - late).0 + i64::from(kind) * 333), kind),
    };
    (secs(at), body)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn hot_says_what_disk_says(
        happenings in prop::collection::vec((0..12u8, 0..3usize, 0..100i64, 0..15u8), 20..200),
        step in 1..20i64,
        restart_at in 0..3usize,
        asked in prop::collection::vec((0..3usize, 0..2_200i64, 0..400i64, 1..40u32), 12),
    ) {
        let mut machine = Machine::new(ROOM);
        let events: Vec<_> = (1..).zip(happenings).map(|(n, h)| event(n * step, h)).collect();
        for (n, part) in events.chunks(events.len() / 3 + 1).enumerate() {
            machine.journal(part.to_vec());
            machine.follow_on_disk();
            if n == restart_at {
                machine = machine.restart(ROOM);
            }
            machine.follow_in_memory();
            let now = part.last().unwrap().0;
            for &(of, from, len, limit) in &asked {
                let from = now.before(Duration::from_secs(from.unsigned_abs()));
                let to = from.after(Duration::from_secs(len.unsigned_abs()));
                let page = if limit % 2 == 0 { Page::Oldest(limit) } else { Page::Newest(limit) };
                let query = ticks_between(of, from, to, page);
                let tier = machine.check(&query);
                prop_assert_eq!(tier == Tier::Hot, from >= machine.window().from);
                machine.check(&bars_until(of, to, limit));
            }
        }
    }
}

#[test]
fn a_range_that_begins_before_the_window_is_answered_by_disk() {
    let mut machine = Machine::new(ROOM);
    machine.journal((0..3_000).map(|n| (secs(n), tick(0, secs(n), n as u8 % 15))));
    machine.journal((0..3_000).map(|n| (secs(n + 1), bar(0, n, 0, 1))));
    machine.follow_on_disk();
    machine.follow_in_memory();
    // Market time is that of the newest tick.
    assert_eq!(machine.window().from, secs(1_999));
    assert_eq!(machine.check(&ticks_of(0, 1_999, 3_000, 10_000)), Tier::Hot);
    assert_eq!(machine.check(&ticks_of(0, 1_998, 3_000, 10_000)), Tier::Disk);
    assert_eq!(machine.check(&bars_of(0, 3_001, 1_000)), Tier::Hot);
    assert_eq!(machine.check(&bars_of(0, 3_001, 1_002)), Tier::Disk);
}

#[test]
fn what_is_not_followed_is_answered_up_to_where_it_is_known() {
    let mut machine = Machine::new(ROOM);
    machine.journal([(secs(5), tick(0, secs(5), 2))]);
    machine.follow_on_disk();
    machine.follow_in_memory();
    machine.writer.publish(false);
    assert_eq!(machine.check(&ticks_of(0, 0, 5, 10)), Tier::Hot);
    assert_eq!(machine.check(&ticks_of(0, 0, 6, 10)), Tier::Disk);
    machine.writer.publish(true);
    assert_eq!(machine.check(&ticks_of(0, 0, 6, 10)), Tier::Hot);
}

#[test]
fn the_window_says_only_what_is_in_the_tables() {
    let mut machine = Machine::new(ROOM);
    machine.journal([(secs(1), tick(0, secs(1), 2)), (secs(2), tick(1, secs(2), 2)), (secs(3), tick(0, secs(3), 2))]);
    let durable = Seq(3);
    assert!(machine.writer.take(durable).unwrap());
    assert_eq!(machine.writer.applied().0, 0);
    for _ in 0..TURNS {
        machine.writer.write_turn().unwrap();
    }
    assert_eq!(machine.writer.applied(), durable);
    machine.writer.publish(true);
    assert_eq!((machine.window().complete_to, machine.window().to), (durable, secs(3)));
}

#[test]
fn memory_keeps_its_bound_and_the_window_moves() {
    let options = Options { max_bytes: 48 << 20, keep: Duration::from_secs(1_000_000) };
    let mut machine = Machine::new(options);
    for round in 0..50 {
        machine.journal((0..10_000).map(|n| {
            let at = secs(round * 10_000 + n);
            (at, tick(n as usize % 3, at, n as u8 % 15))
        }));
        machine.follow_in_memory();
        assert!(machine.writer.used() <= options.max_bytes, "{} bytes", machine.writer.used());
        // Nothing but the hot tier is in memory here: DuckDB's own figure is its.
        let (said, used) = (machine.memory(), machine.writer.used());
        assert!(said <= used + (1 << 20) && used <= said * 3 / 2 + (1 << 20), "{used} bytes, DuckDB says {said}");
    }
    machine.follow_on_disk();
    let (from, end) = (machine.window().from, 500_000);
    // The oldest rows are gone, and no more of them than must.
    assert!(from > secs(0) && from < secs(end - 100_000), "{from}");
    assert_eq!(machine.check(&ticks_of(1, end - 90_000, end, 100_000)), Tier::Hot);
    let before = ticks_between(1, UtcNanos(from.0 - 1_000), secs(end), Page::Newest(9));
    assert_eq!(machine.check(&before), Tier::Disk);

    // A start reads no more than fits.
    let machine = machine.restart(options);
    assert!(machine.writer.used() <= options.max_bytes);
    machine.writer.publish(true);
    let from = machine.window().from;
    assert!(from > secs(0) && from < secs(end - 100_000), "{from}");
    assert_eq!(machine.check(&ticks_of(2, end - 90_000, end, 100_000)), Tier::Hot);
}

#[test]
fn a_table_that_goes_under_a_question_makes_the_disk_answer() {
    let mut machine = Machine::new(ROOM);
    machine.journal([(secs(0), tick(0, secs(0), 2))]);
    machine.follow_in_memory();
    let taken = machine.hot.get().unwrap();
    machine.journal([(secs(5_000), tick(1, secs(5_000), 2))]);
    machine.follow_in_memory();
    let db = machine.instance.connect().unwrap();
    let query = ticks_of(0, 0, 10, 10);
    // The reader's view is older than the drop, and it sees the newer window when it has read.
    let now = machine.window().from;
    assert_eq!(answer_while(&Reader::new(&db), &taken, &query, false, |from| now <= from).unwrap(), None);
    assert!(answer_while(&Reader::new(&db), &taken, &query, false, |_| true).is_err(), "the table is gone");
}

#[test]
fn a_correction_stands_instead_of_what_it_corrects() {
    let mut machine = Machine::new(ROOM);
    let of = |n: i64, sequence, revision| {
        let EventBody::Tick(tick) = tick(0, secs(n), 2) else { panic!("a tick was made") };
        (secs(n), EventBody::Tick(Tick { sequence: Some(sequence), revision, ..tick }))
    };
    machine.journal((0..20).map(|n| of(n, n, 0)));
    machine.journal([of(20, 3, 1), of(21, 5, 1), of(22, 5, 2)]);
    machine.follow_in_memory();
    machine.follow_on_disk();
    for (from, to, limit, rows) in [(0, 100, 100, 20), (0, 10, 100, 8), (2, 30, 4, 4), (4, 6, 9, 1), (20, 30, 9, 2)] {
        for page in [Page::Oldest(limit), Page::Newest(limit)] {
            let query = ticks_between(0, secs(from), secs(to), page);
            assert_eq!(machine.check(&query), Tier::Hot, "{query:?}");
            let Rows::Ticks(ticks) = machine.tiers.ask(&query).unwrap().rows else { panic!("ticks were asked for") };
            assert_eq!(ticks.len(), rows, "{query:?}");
        }
    }
}

#[test]
fn a_start_takes_the_file_and_then_the_journal_behind_it() {
    let mut machine = Machine::new(ROOM);
    machine.journal((0..100).map(|n| (secs(n), tick(0, secs(n), n as u8 % 15))));
    machine.journal([(secs(100), bar(0, 50, 0, 1)), (secs(100), bar(0, 50, 1, 2))]);
    machine.follow_on_disk();
    machine.journal((100..200).map(|n| (secs(n), tick(0, secs(n - 150), n as u8 % 15))));
    machine.journal([(secs(200), bar(0, 50, 2, 3))]);
    let mut machine = machine.restart(ROOM);
    assert_eq!(machine.writer.applied().0, 102);
    machine.follow_in_memory();
    machine.follow_on_disk();
    assert_eq!(machine.check(&ticks_of(0, -100, 300, 1_000)), Tier::Hot);
    assert_eq!(machine.check(&bars_of(0, 300, 1)), Tier::Hot);
    let Rows::Bars(bars) = machine.tiers.ask(&bars_of(0, 300, 1)).unwrap().rows else { panic!("bars were asked for") };
    assert_eq!((bars[0].revision, bars[0].trade_count), (2, 3));
}

#[test]
fn an_answer_is_not_older_than_it_must_be() {
    let mut machine = Machine::new(ROOM);
    machine.journal([(secs(1), tick(0, secs(1), 2))]);
    machine.follow_in_memory();
    machine.journal([(secs(2), tick(0, secs(2), 2))]);
    machine.follow_on_disk();
    let asked = |at_least| {
        let reader = machine.instance.connect().unwrap();
        let query = ticks_of(0, 0, 10, 10);
        let found = crate::query::hot::answer(&Reader::new(&reader), &machine.hot, &machine.manifest, &query, at_least);
        found.unwrap().map(|answer| answer.complete_to)
    };
    assert_eq!(asked(Seq(1)), Some(Seq(1)));
    assert_eq!(asked(Seq(2)), None, "the second tick is durable and not in memory");
}

/// The real threads: SQL that takes all of DuckDB's memory is ended before the writers miss any.
#[test]
#[expect(clippy::disallowed_methods, reason = "rows arrive in real time, beside a query that takes some")]
fn a_query_that_takes_all_memory_stops_no_writer() {
    let dir = tempfile::tempdir().unwrap();
    let paths = crate::datadir::Paths::of(dir.path(), None);
    let (duck, cold) =
        (DuckOptions { memory_bytes: 256 << 20, ..DuckOptions::small() }, crate::settings::Cold::of_tests(""));
    let storage = Storage::open(&paths, &journal_settings(), &cold, &no_server(), duck, Some(ROOM), |_, _| {}).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let database = storage.database();
    let mut last = Seq(0);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let mut interrupted = false;
            while !stop.load(std::sync::atomic::Ordering::Acquire) || !interrupted {
                let Some(pool) = database.pool() else { continue };
                let all = pool.run(crate::pool::Class::Sql, pool.limits(), |reader| {
                    let sql = "SELECT len(list(i)) FROM range(2000000000) t(i)";
                    reader.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(|_| crate::pool::Error::Closed)
                });
                interrupted |= matches!(all, Err(crate::pool::Error::TooMuchMemory { .. }));
            }
        });
        for round in 0..300i64 {
            let events = (0..2_000).map(|n| {
                let id = round * 2_000 + n + 1;
                Event { id: MarketId(id.unsigned_abs()), body: tick(id as usize % 3, secs(round), 2) }
            });
            let batch = Batch { source: Source::Stream, received: secs(round), events: events.collect() };
            last = storage.market.append_and_wait(vec![MarketRecord::Batch(batch)]).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        stop.store(true, std::sync::atomic::Ordering::Release);
    });
    for applied in [storage.applied_market(), storage.applied_hot().unwrap()] {
        let moved = applied.listen();
        while applied.get() < last {
            moved.recv_timeout(Duration::from_secs(60)).expect("it follows");
        }
    }
    assert!(!storage.has_failed());
    storage.finish().unwrap();
    let instance = open(dir.path());
    let sql = "SELECT count(*), count(DISTINCT tick_id) FROM market_ticks";
    let rows: (i64, i64) =
        instance.connect().unwrap().query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(rows, (600_000, 600_000));
}

fn journal_settings() -> crate::settings::Journal {
    crate::settings::Journal {
        ledger_dir: String::new(),
        ledger_segment_bytes: 1 << 20,
        market_max_bytes: 1 << 40,
        market_segment_bytes: 1 << 20,
        market_linger_ms: 1,
        market_queue: 64,
        ledger_queue: 64,
    }
}

/// The real threads: what was journaled is answered from memory, and again after the next start.
#[test]
fn the_memory_thread_fills_it_and_a_start_fills_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let paths = crate::datadir::Paths::of(dir.path(), None);
    let query = ticks_of(0, 0, 1_000, 1_000);
    for start in 1..=2u64 {
        let (duck, cold) = (DuckOptions::small(), crate::settings::Cold::of_tests(""));
        let storage =
            Storage::open(&paths, &journal_settings(), &cold, &no_server(), duck, Some(ROOM), |_, _| {}).unwrap();
        let event = |n: u64| Event { id: MarketId(n), body: tick(0, secs(n as i64), 2) };
        let record =
            |n| MarketRecord::Batch(Batch { source: Source::Stream, received: secs(n as i64), events: vec![event(n)] });
        let last = storage.market.append_and_wait((start * 100..start * 100 + 100).map(record).collect()).unwrap();
        let hot = storage.applied_hot().unwrap();
        let moved = hot.listen();
        while hot.get() < last {
            moved.recv_timeout(Duration::from_secs(60)).expect("the memory thread follows");
        }
        let answer = storage.database().source().unwrap().ask(&query).unwrap();
        let Rows::Ticks(ticks) = &answer.rows else { panic!("ticks were asked for") };
        assert_eq!(
            (answer.explain.rows_by_tier.keys().next(), answer.complete_to, ticks.len()),
            (Some(&Tier::Hot), last, start as usize * 100)
        );
        storage.finish().unwrap();
    }
}
