//! What is read of a manifest, and what is not.

use messages::UtcNanos;

use super::{instrument, range};
use crate::query::plan::{Wanted, select, widening};
use crate::query::{Page, Range};
use crate::tiers::manifest::Content;
use crate::tiers::places::folder;
use crate::tiers::tables::ticks;
use crate::tiers::{Manifest, Period, Piece, Tier, table};

pub fn file(name: &str, period: &str, slice: String, part: u32) -> Piece {
    let (table, period) = (table(name).unwrap(), period.parse::<Period>().unwrap());
    let times = (period.start().micros() + 1_000_000, period.end().micros() - 1_000_000);
    Piece {
        tier: Tier::Warm,
        location: Piece::path(name, period, &slice, part),
        content: Some(Content {
            rows: 1,
            bytes: 1,
            plain_bytes: 1,
            times,
            ids: None,
            row_hash: String::new(),
            sums: String::new(),
            file_hash: String::new(),
            schema_hash: String::new(),
        }),
        slice,
        sealed: true,
        ..Piece::open(table, period, part, String::new())
    }
}

fn day(n: i64) -> String {
    Period::of(crate::tiers::period::Unit::Day, UtcNanos::start_of_day(19_723 + n)).to_string()
}

/// 100 days × 100 symbols.
fn hundred_by_hundred() -> Manifest {
    let slice =
        |symbol: i64| format!("{}/{}", folder("exchange", "simulated"), folder("symbol", &format!("S{symbol}")));
    let files = (0..100).flat_map(|n| (0..100).map(move |symbol| file("market_ticks", &day(n), slice(symbol), 0)));
    Manifest::from_pieces(files)
}

#[test]
fn one_day_of_one_symbol_is_one_file() {
    let manifest = hundred_by_hundred();
    let check = |from: &str, to: &str, read: u64| {
        let selection = select(&manifest, &Wanted::of_instrument(ticks(), range(from, to), instrument("S42")));
        let explain = selection.explain();
        assert_eq!((explain.files_total, explain.files_read, explain.files_pruned), (10_000, read, 10_000 - read));
    };
    check("2024-02-01", "2024-02-02", 1);
    check("2024-02-01 12:00:00", "2024-02-01 12:05:00", 1);
    check("2024-02-01", "2024-02-03", 2);
    check("2024-02-01", "2024-02-01 00:00:00.5", 0);
    check("2023-01-01", "2023-02-01", 0);
    check("2024-01-01", "2025-01-01", 100);
    let all = select(&manifest, &Wanted::all(ticks(), range("2024-02-01", "2024-02-02")));
    assert_eq!(all.files_read, 100);
}

#[test]
fn a_disk_table_is_no_file_and_is_pruned_by_its_day() {
    let open = |n| Piece::open(ticks(), day(n).parse().unwrap(), 0, format!("disk.ticks_{n}"));
    let manifest = Manifest::from_pieces((0..7).map(open));
    let wanted = Wanted::of_instrument(ticks(), range("2024-01-03", "2024-01-03 00:05:00"), instrument("S1"));
    let selection = select(&manifest, &wanted);
    assert_eq!((selection.files_total, selection.files_read), (0, 0));
    assert_eq!(selection.pieces.iter().map(|p| p.location.as_str()).collect::<Vec<_>>(), ["disk.ticks_2"]);
}

#[test]
fn a_period_with_corrections_is_read_whole_or_not() {
    let slice = format!("{}/{}", folder("exchange", "simulated"), folder("symbol", "S1"));
    let mut late = file("market_ticks", &day(1), slice.clone(), 1);
    let noon = UtcNanos::start_of_day(19_724).micros() + 43_200_000_000;
    late.content.as_mut().unwrap().times = (noon, noon);
    late.has_revisions = true;
    let manifest = Manifest::from_pieces([
        file("market_ticks", &day(1), slice.clone(), 0),
        late,
        file("market_ticks", &day(2), slice, 0),
    ]);
    let parts = |from, to| {
        let wanted = Wanted::of_instrument(ticks(), range(from, to), instrument("S1"));
        select(&manifest, &wanted).pieces.iter().map(|p| (p.period.clone(), p.part)).collect::<Vec<_>>()
    };
    // The correction at noon may replace a tick of the morning.
    assert_eq!(parts("2024-01-02 06:00:00", "2024-01-02 07:00:00"), [(day(1), 0), (day(1), 1)]);
    assert_eq!(parts("2024-01-03", "2024-01-04"), [(day(2), 0)]);
}

#[test]
fn fills_are_found_by_their_time_and_not_by_their_orders_month() {
    let manifest = Manifest::from_pieces([file("trades", "2024-01", String::new(), 0), {
        let mut late = file("trades", "2023-12", String::new(), 0);
        let february = at_micros("2024-02-10");
        late.content.as_mut().unwrap().times = (at_micros("2023-12-05"), february);
        late
    }]);
    let wanted = Wanted::all(table("trades").unwrap(), range("2024-02-01", "2024-03-01"));
    let found = select(&manifest, &wanted);
    assert_eq!(found.pieces.iter().map(|p| p.period.as_str()).collect::<Vec<_>>(), ["2023-12"]);
}

fn at_micros(text: &str) -> i64 {
    super::at(text).micros()
}

#[test]
fn a_page_is_looked_for_where_it_begins() {
    let manifest = hundred_by_hundred();
    let whole = range("2024-01-01", "2025-01-01");
    let wanted = |range| Wanted::of_instrument(ticks(), range, instrument("S42"));
    let selection = select(&manifest, &wanted(whole));
    for page in [Page::Oldest(10), Page::Newest(10)] {
        let ranges = widening(&selection, &wanted(whole), page);
        let read: Vec<u64> = ranges.iter().map(|range| select(&manifest, &wanted(*range)).files_read).collect();
        assert_eq!(read, [1, 2, 4, 8, 16, 32, 64, 100], "{page:?}");
        assert!(ranges.windows(2).all(|pair| pair[1].from <= pair[0].from && pair[0].to <= pair[1].to));
    }
}

#[test]
fn what_is_on_disk_is_looked_at_before_any_file() {
    let orders = table("orders").unwrap();
    let manifest = Manifest::from_pieces(["2024-01", "2024-02"].map(|month| file("orders", month, String::new(), 0)));
    let wanted = Wanted::all(orders, range("2023-01-01", "2025-01-01"));
    let read = |page| {
        let ranges = widening(&select(&manifest, &wanted), &wanted, page);
        let of = |range: &Range| select(&manifest, &Wanted::all(orders, *range)).files_read;
        ranges.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(read(Page::Newest(10)), [0, 1, 2]);
    assert_eq!(read(Page::Oldest(10)), [1, 2]);
}
