//! Answers are the same wherever their rows stand.

use std::collections::BTreeMap;
use std::time::Duration;

use messages::ledger::MarketRecord;
use messages::market::{Batch, Event, EventBody, Source, Tick, TickBody, Timeframe};
use messages::{Account, MarketId, Price, Size, UtcNanos};

use super::{Directory, at, instrument, range};
use crate::duck::hot::Hot;
use crate::journal::Writer;
use crate::query::{Gaps, Of, Page, Query, Range, Rows, Tier};

/// Journals trades: number, symbol, time, the venue's number, revision.
fn journal(directory: &Directory, ticks: impl IntoIterator<Item = (u64, &'static str, UtcNanos, i64, u16)>) {
    let mut writer = Writer::open(&directory.path().join("market"), 1 << 22).unwrap();
    let event = |(id, symbol, time, sequence, revision): (u64, &str, UtcNanos, i64, u16)| {
        let price = Price::from_raw(100_000_000 + id as i64).unwrap();
        let body = TickBody::Trade { price, size: Size::ONE, aggressor: None, conditions: Default::default() };
        let tick = Tick { instrument: instrument(symbol), time, sequence: Some(sequence), revision, body };
        Event { id: MarketId(id), body: EventBody::Tick(tick) }
    };
    let events = ticks.into_iter().map(event).collect();
    writer.append(&MarketRecord::Batch(Batch { source: Source::Simulated, received: UtcNanos(0), events })).unwrap();
    writer.sync().unwrap();
}

/// Three days of ticks, three months of everything else.
fn filled() -> Directory {
    let directory = Directory::new();
    let first = at("2024-01-01").0;
    journal(
        &directory,
        (0..1_500u64).map(|n| {
            let symbol = ["A", "B/C", "D"][(n % 3) as usize];
            (n + 1, symbol, UtcNanos(first + n as i64 * 172_800_000_000), n as i64, 0)
        }),
    );
    directory.follow();
    directory.execute(
        "INSERT INTO disk.ohlcv_bars SELECT 10000 + n, 'simulated', 'A', '1m',
             TIMESTAMP '2023-11-01' + to_minutes(n * 30), 1 + n % 7, 10, 0.5, 2 + n % 5, n + 0.000000001, n * 2, 2,
             1, 0, true FROM range(1, 4_000) t(n);
         INSERT INTO disk.orders SELECT md5('o' || n)::UUID, CASE WHEN n % 2 = 0 THEN 'paper' ELSE 'other' END,
             'c' || n, 'simulated', 'A', 'buy', 'market', 'day', 1, NULL, NULL, NULL, NULL, 1, 1, 'filled', NULL, NULL,
             TIMESTAMP '2023-11-01' + to_hours(n * 5), NULL, TIMESTAMP '2023-11-01' + to_hours(n * 5 + 1), NULL, NULL,
             NULL, uuid(), CASE WHEN n % 3 = 0 THEN 's' ELSE 'manual' END, NULL, NULL, NULL, 1,
             {origin: 'strategy', note: NULL, risk: NULL} FROM range(400) t(n);
         INSERT INTO disk.trades SELECT md5('t' || n)::UUID, CASE WHEN n % 2 = 0 THEN 'paper' ELSE 'other' END,
             md5('o' || n)::UUID, 'simulated', 'A', 'buy', 1, 2.5,
             TIMESTAMP '2023-11-01' + to_hours(n * 5 + 30), NULL, NULL, NULL, NULL, NULL, 'e' || n, 's', uuid(), 1
             FROM range(400) t(n);
         INSERT INTO disk.positions SELECT 1 + n, 'paper', 'simulated', CASE WHEN n % 2 = 0 THEN 'A' ELSE 'D' END,
             CASE WHEN n % 4 = 3 THEN 'flat' ELSE 'long' END, n, n, 1, 1, 0, 0, NULL, NULL,
             TIMESTAMP '2023-11-01' + to_hours(n * 5), 's', NULL FROM range(400) t(n);
         INSERT INTO disk.portfolio_snapshots SELECT 1 + n, 'paper', 'USDT', TIMESTAMP '2023-11-01' + to_hours(n * 5),
             CASE WHEN n % 5 = 0 THEN 'eod' ELSE 'intraday' END, n, n, 0, 0, 0, 1, 1, 0 FROM range(400) t(n)",
    );
    directory
}

/// Questions to every table, of ranges and pages of every kind.
fn questions() -> Vec<Query> {
    let ranges = [
        Range { from: UtcNanos::MIN, to: UtcNanos::MAX },
        range("2023-11-10", "2023-11-20"),
        range("2023-11-25", "2024-01-02 12:00:00"),
        range("2024-01-02 06:00:00", "2024-01-02 06:05:00"),
        range("2024-01-01 23:00:00", "2024-01-03 01:00:00"),
        range("2025-01-01", "2025-01-02"),
    ];
    let pages = [Page::Oldest(7), Page::Newest(7), Page::Oldest(1_000), Page::Newest(100_000)];
    let account: Option<Account> = Some("paper".parse().unwrap());
    let filters = [Of::default(), Of { account, strategy: Some("s".parse().unwrap()), instrument: None }];
    let mut asked = Vec::new();
    for range in ranges {
        for page in pages {
            for symbol in ["A", "B/C", "X"] {
                asked.push(Query::Ticks { instrument: instrument(symbol), range, page });
            }
            for (secs, gaps) in [(60, Gaps::Left), (3_600, Gaps::Left), (86_400, Gaps::Filled)] {
                let timeframe = Timeframe::from_secs(secs).unwrap();
                asked.push(Query::Bars { instrument: instrument("A"), timeframe, range, gaps, page });
            }
            for of in filters {
                asked.push(Query::Orders { range, of, page });
                asked.push(Query::Trades { range, of, page });
            }
            asked.push(Query::Equity { range, account, page });
        }
        asked.push(Query::Positions { at: range.to, of: Of::default() });
    }
    asked
}

#[test]
fn answers_are_the_same_before_and_after_archiving() {
    let directory = filled();
    let asked = questions();
    let texts = || asked.iter().map(|query| text(&directory.ask(query).rows)).collect::<Vec<_>>();
    let before = texts();
    assert!(before.iter().filter(|rows| rows.lines().count() > 5).count() > asked.len() / 2);
    let mut seen = BTreeMap::<Tier, u64>::new();
    for now in ["2024-01-04 01:00:00", "2024-01-12", "2025-01-01"] {
        assert!(!directory.archive(now).done.is_empty(), "{now}");
        for ((query, expected), found) in asked.iter().zip(&before).zip(texts()) {
            assert_eq!(&found, expected, "{now}: {query:?}");
            let answer = directory.ask(query);
            let explain = answer.explain;
            assert_eq!(explain.files_total, explain.files_read + explain.files_pruned);
            for (tier, rows) in &explain.rows_by_tier {
                *seen.entry(*tier).or_default() += rows;
            }
            if matches!(query, Query::Ticks { .. }) {
                let Rows::Ticks(ticks) = answer.rows else { panic!("no ticks") };
                assert_eq!(explain.rows_by_tier.values().sum::<u64>(), ticks.len() as u64, "{query:?}");
            }
        }
    }
    assert!([Tier::Disk, Tier::Warm, Tier::Cold].iter().all(|tier| seen[tier] > 0), "{seen:?}");
}

/// Rows as text; batches are cut differently by different readers.
fn text(rows: &Rows) -> String {
    match rows {
        Rows::Table { batches, .. } => {
            let whole = arrow::util::pretty::pretty_format_batches(batches).unwrap();
            whole.to_string()
        }
        other => format!("{other:#?}"),
    }
}

#[test]
fn a_small_page_reads_few_files_and_a_position_of_today_none() {
    let directory = filled();
    directory.archive("2025-01-01");
    let read = |query: &Query| {
        let explain = directory.ask(query).explain;
        (explain.files_read, explain.files_total)
    };
    let (always, of) = (Range { from: UtcNanos::MIN, to: UtcNanos::MAX }, Of::default());
    assert_eq!(read(&Query::Ticks { instrument: instrument("A"), range: always, page: Page::Newest(5) }), (1, 9));
    assert_eq!(read(&Query::Ticks { instrument: instrument("A"), range: always, page: Page::Oldest(5) }), (1, 9));
    assert_eq!(read(&Query::Orders { range: always, of, page: Page::Oldest(5) }), (1, 3));
    assert_eq!(read(&Query::Positions { at: UtcNanos::MAX, of }).0, 0);
    assert_eq!(read(&Query::Positions { at: at("2023-11-15"), of }), (1, 3));
}

#[test]
fn a_correction_is_shown_instead_of_what_it_corrects_in_every_tier() {
    let directory = filled();
    let day = range("2024-01-01", "2024-01-02");
    let all = Query::Ticks { instrument: instrument("A"), range: day, page: Page::Oldest(1_000) };
    directory.archive("2024-01-04 01:00:00");
    let count = |query: &Query| {
        let Rows::Ticks(ticks) = directory.ask(query).rows else { panic!("no ticks") };
        (ticks.len(), ticks.iter().filter(|t| t.tick.revision == 1).map(|t| t.id.0).collect::<Vec<_>>())
    };
    let before = count(&all).0;
    // The third tick of A has the venue's number 6; it is corrected, to another minute, when its day is cold.
    journal(&directory, [(9_001, "A", at("2024-01-01 12:00:00"), 6, 1)]);
    directory.follow();
    let check = || {
        assert_eq!(count(&all), (before, vec![9_001]));
        let morning = Query::Ticks {
            instrument: instrument("A"),
            range: range("2024-01-01", "2024-01-01 00:30:00"),
            page: Page::Oldest(1_000),
        };
        let Rows::Ticks(ticks) = directory.ask(&morning).rows else { panic!("no ticks") };
        assert!(ticks.iter().all(|t| t.tick.sequence != Some(6)), "what was corrected does not come back");
    };
    check();
    directory.archive("2025-01-01");
    check();
}

#[test]
fn a_file_that_is_gone_is_said_and_not_left_out() {
    let directory = filled();
    directory.archive("2024-01-04 01:00:00");
    std::fs::remove_dir_all(directory.path().join("warm/market_ticks")).unwrap();
    let query =
        Query::Ticks { instrument: instrument("A"), range: range("2024-01-02", "2024-01-03"), page: Page::Oldest(10) };
    use crate::query::Source as _;
    assert!(directory.duck.ask(&query).is_err());
}

#[test]
fn a_correction_replaces_nothing_of_another_day() {
    let directory = filled();
    // The venue counts from the beginning every day; on the first a trade is corrected, and so on the second.
    let number = |id, day: &str, sequence, revision| (id, "E", at(day), sequence, revision);
    journal(
        &directory,
        [
            number(9_001, "2024-01-01 12:00:00", 1, 0),
            number(9_002, "2024-01-01 13:00:00", 2, 0),
            number(9_003, "2024-01-01 13:00:00", 2, 1),
            number(9_004, "2024-01-02 12:00:00", 1, 0),
            number(9_005, "2024-01-02 13:00:00", 2, 0),
            number(9_006, "2024-01-02 12:00:00", 1, 1),
        ],
    );
    directory.follow();
    let range = range("2024-01-01", "2024-01-03");
    let query = Query::Ticks { instrument: instrument("E"), range, page: Page::Oldest(100) };
    for now in ["2024-01-03", "2024-01-04 01:00:00", "2025-01-01"] {
        directory.archive(now);
        let Rows::Ticks(ticks) = directory.ask(&query).rows else { panic!("no ticks") };
        let ids: Vec<u64> = ticks.iter().map(|t| t.id.0).collect();
        assert_eq!(ids, [9_001, 9_003, 9_006, 9_005], "{now}");
    }
}

#[test]
fn whether_a_bar_has_ended_is_the_same_in_every_tier() {
    let directory = Directory::new();
    // One symbol is traded until the seventh minute, another one and another length until the twentieth.
    directory.execute(
        "INSERT INTO disk.ohlcv_bars SELECT n * 10 + s + f * 5, 'simulated', ['A', 'D'][s + 1], ['1m', '1s'][f + 1],
             TIMESTAMP '2024-01-01' + to_minutes(n), 1, 1, 1, 1, 1, 1, 1, 1, 0, true
         FROM range(20) t(n), range(2) u(s), range(2) v(f) WHERE s = 1 OR n < 7 OR f = 1",
    );
    let timeframe = Timeframe::from_secs(300).unwrap();
    let ended = |symbol| {
        let (gaps, page) = (Gaps::Left, Page::Oldest(100));
        let query = Query::Bars { instrument: instrument(symbol), timeframe, range: Range::ALL, gaps, page };
        let Rows::Bars(bars) = directory.ask(&query).rows else { panic!("no bars") };
        bars.iter().map(|bar| bar.is_complete).collect::<Vec<_>>()
    };
    for now in ["2024-01-01", "2024-02-12", "2025-01-01"] {
        directory.archive(now);
        assert_eq!((ended("A"), ended("D")), (vec![true, false], vec![true; 4]), "{now}");
    }
}

#[test]
fn memory_begins_behind_what_was_archived() {
    let directory = filled();
    directory.archive("2025-01-01");
    journal(&directory, [(9_001, "A", at("2024-01-30 12:00:00"), 1, 0)]);
    directory.follow();
    let (hot, keep) = (Hot::default(), Duration::from_secs(10 * 365 * 86_400));
    let options = crate::duck::hot::Options { max_bytes: 64 << 20, keep };
    let db = || directory.instance.connect().unwrap();
    let market = directory.path().join("market");
    let mut writer = crate::duck::hot::HotWriter::open(db(), options, &market, hot.clone()).unwrap();
    assert!(crate::duck::hot::rebuild(&mut writer, &db(), &|| true).unwrap());
    writer.publish(true);
    // The last bar that was archived opens at minute 3999 * 30.
    assert_eq!(hot.window().unwrap().from, UtcNanos(at("2024-01-23 07:30:00").0 + 1_000));
}
