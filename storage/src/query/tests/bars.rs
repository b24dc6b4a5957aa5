//! Bars of any length, against a model that goes through them one by one.

use std::collections::BTreeMap;

use messages::market::{Bar, Timeframe};
use messages::{MarketId, Notional, Price, Quantity, UtcNanos};
use proptest::prelude::*;

use super::{Directory, instrument};
use crate::query::{Gaps, Page, Query, Range, Rows};

const START: i64 = 1_704_067_200;

fn secs(n: i64) -> UtcNanos {
    UtcNanos::from_secs(START + n).unwrap()
}

/// A stored bar; `seed` makes its numbers.
fn bar(base: Timeframe, number: i64, seed: u16) -> Bar {
    let raw = |n: u64| Price::from_raw(100_000_000 + n as i64 * 7_919).unwrap();
    let seed = u64::from(seed);
    Bar {
        bar_id: MarketId(1 + number.unsigned_abs()),
        instrument: instrument("A"),
        timeframe: base,
        open_time: secs(number * i64::from(base.secs())),
        open: raw(seed % 101),
        high: raw(200 + seed % 13),
        low: raw(0),
        close: raw(seed % 103),
        volume: Quantity::from_raw(i128::from(seed) * 333_333_333 + 1).unwrap(),
        notional: Notional::from_raw((i128::from(seed) * 123_456_789 + 7) * 100_000_000),
        trade_count: seed % 50 + 1,
        revision: 0,
        is_complete: seed % 7 != 0,
    }
}

fn insert(directory: &Directory, bars: &[Bar]) {
    let row = |b: &Bar| {
        format!(
            "({}, 'simulated', 'A', '{}', TIMESTAMP '{}', {}, {}, {}, {}, {}, {}, NULL, {}, {}, {})",
            b.bar_id.0,
            b.timeframe,
            b.open_time,
            b.open,
            b.high,
            b.low,
            b.close,
            b.volume,
            b.notional.to_cash().unwrap(),
            b.trade_count,
            b.revision,
            b.is_complete
        )
    };
    let rows: Vec<String> = bars.iter().map(row).collect();
    directory.execute(&format!("DELETE FROM disk.ohlcv_bars; INSERT INTO disk.ohlcv_bars VALUES {}", rows.join(", ")));
}

/// What must be answered.
fn model(bars: &[Bar], timeframe: Timeframe, range: Range, gaps: Gaps, page: Page) -> (Vec<Bar>, bool) {
    let width = timeframe.duration();
    let mut merged = BTreeMap::<UtcNanos, Bar>::new();
    for bar in bars {
        let open_time = bar.open_time.floor_to(width);
        if open_time < range.from || open_time.after(width) > range.to {
            continue;
        }
        let new = Bar { open_time, timeframe, ..*bar };
        merged
            .entry(open_time)
            .and_modify(|all| {
                all.high = all.high.max(bar.high);
                all.low = all.low.min(bar.low);
                all.close = bar.close;
                all.volume = all.volume.checked_add(bar.volume).unwrap();
                all.notional = all.notional.checked_add(bar.notional).unwrap();
                all.trade_count += bar.trade_count;
                all.is_complete &= bar.is_complete;
            })
            .or_insert(new);
    }
    let base = bars[0].timeframe;
    let stored_to = bars.last().unwrap().open_time;
    let mut all: Vec<Bar> = merged.into_values().collect();
    let limit = page.limit();
    let mut is_cut = all.len() > limit;
    cut(&mut all, page);
    if let Some(last) = all.last_mut().filter(|_| base != timeframe) {
        last.is_complete &= stored_to >= last.end_time().before(base.duration());
    }
    if gaps == Gaps::Filled {
        let mut filled: Vec<Bar> = Vec::new();
        for bar in all {
            while let Some(before) = filled.last().filter(|b| b.end_time() < bar.open_time).copied() {
                let (open_time, price) = (before.end_time(), before.close);
                let zero = (Quantity::ZERO, Notional::ZERO);
                filled.push(Bar {
                    bar_id: MarketId(0),
                    open_time,
                    open: price,
                    high: price,
                    low: price,
                    volume: zero.0,
                    notional: zero.1,
                    trade_count: 0,
                    is_complete: false,
                    ..before
                });
            }
            filled.push(bar);
        }
        is_cut |= filled.len() > limit;
        cut(&mut filled, page);
        all = filled;
    }
    (all, is_cut)
}

fn cut(bars: &mut Vec<Bar>, page: Page) {
    match page {
        Page::Oldest(limit) => bars.truncate(limit as usize),
        Page::Newest(limit) => drop(bars.drain(..bars.len().saturating_sub(limit as usize))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn bars_of_any_length_are_what_they_are_made_of(
        is_minutes in any::<bool>(),
        stored in prop::collection::btree_map(0..3_000i64, any::<u16>(), 1..300),
        asked in prop::collection::vec(
            (0..6usize, 0..3_200i64, 1..3_200i64, 1..60u32, any::<bool>(), any::<bool>()), 12),
    ) {
        let directory = Directory::new();
        let base = if is_minutes { Timeframe::MINUTE } else { Timeframe::SECOND };
        let bars: Vec<Bar> = stored.into_iter().map(|(number, seed)| bar(base, number, seed)).collect();
        insert(&directory, &bars);
        for (n, from, len, limit, is_newest, is_filled) in asked {
            let lengths = if is_minutes { [60, 120, 300, 900, 3_600, 86_400] } else { [1, 5, 15, 30, 2, 90] };
            let timeframe = Timeframe::from_secs(lengths[n]).unwrap();
            let unit = i64::from(base.secs());
            let range = Range { from: secs(from * unit - 1), to: secs((from + len) * unit + 1) };
            let page = if is_newest { Page::Newest(limit) } else { Page::Oldest(limit) };
            let gaps = if is_filled { Gaps::Filled } else { Gaps::Left };
            let query = Query::Bars { instrument: instrument("A"), timeframe, range, gaps, page };
            let answer = directory.ask(&query);
            let (expected, is_cut) = model(&bars, timeframe, range, gaps, page);
            prop_assert_eq!(&answer.rows, &Rows::Bars(expected), "{:?}", query);
            prop_assert_eq!(answer.is_cut, is_cut);
        }
    }
}

#[test]
fn a_gap_is_filled_at_the_last_close_and_has_no_number() {
    let directory = Directory::new();
    let bars = [bar(Timeframe::MINUTE, 0, 1), bar(Timeframe::MINUTE, 3, 2)];
    insert(&directory, &bars);
    let query = Query::Bars {
        instrument: instrument("A"),
        timeframe: Timeframe::MINUTE,
        range: Range { from: secs(0), to: secs(3_600) },
        gaps: Gaps::Filled,
        page: Page::Oldest(100),
    };
    let table = directory.ask(&query).into_table();
    let batch = &table.batches[0];
    let text = |name: &str, row: usize| {
        let column = batch.column_by_name(name).unwrap();
        arrow::util::display::array_value_to_string(column, row).unwrap()
    };
    assert_eq!(batch.num_rows(), 4);
    assert_eq!(
        ["bar_id", "volume", "vwap", "trade_count", "is_complete"].map(|c| text(c, 1)),
        ["", "0.000000000", "", "0", "false"]
    );
    assert_eq!(["open", "high", "low", "close"].map(|c| text(c, 2)), [(); 4].map(|()| text("close", 0)));
}

#[test]
fn bars_are_merged_from_whatever_length_is_stored() {
    for stored in [1, 300, 3_600] {
        let directory = Directory::new();
        let base = Timeframe::from_secs(stored).unwrap();
        let bars: Vec<Bar> = (0..3_600 / i64::from(stored)).map(|n| bar(base, n, 7 * n as u16 + 1)).collect();
        insert(&directory, &bars);
        let (timeframe, page) = (Timeframe::from_secs(3_600).unwrap(), Page::Oldest(10));
        let query = Query::Bars { instrument: instrument("A"), timeframe, range: Range::ALL, gaps: Gaps::Left, page };
        let Rows::Bars(found) = directory.ask(&query).rows else { panic!("no bars") };
        assert_eq!(found.len(), 1, "from {stored} s");
        assert_eq!(found[0].trade_count, bars.iter().map(|bar| bar.trade_count).sum::<u64>());
    }
}

#[test]
fn bars_that_were_brought_over_stand_beside_those_that_are_merged() {
    let directory = Directory::new();
    let hour = Timeframe::from_secs(3_600).unwrap();
    // Another program's hours, of which one is missing, up to one that ours have wholly; ours begin in the middle of another.
    let theirs = [0, 1, 3, 4, 5, 6].map(|n| Bar { is_complete: true, ..bar(hour, n, n as u16 + 1) });
    let begun = 5 * 60 + 20;
    let minutes: Vec<Bar> =
        (begun..9 * 60).map(|n| Bar { is_complete: n > begun, ..bar(Timeframe::MINUTE, n, n as u16) }).collect();
    insert(&directory, &[&theirs[..], &minutes[..]].concat());
    let range = Range { from: secs(0), to: secs(12 * 3_600) };
    let (merged, _) = model(&minutes, hour, range, Gaps::Left, Page::Oldest(100));
    assert_eq!(merged.iter().map(|bar| bar.is_complete).collect::<Vec<_>>(), [false, true, true, true]);
    let whole = [&theirs[..5], &merged[1..]].concat();
    let ask = |gaps, page| {
        let answer = directory.ask(&Query::Bars { instrument: instrument("A"), timeframe: hour, range, gaps, page });
        let Rows::Bars(found) = answer.rows else { panic!("no bars") };
        (found, answer.is_cut)
    };
    for limit in 1..=9 {
        for page in [Page::Oldest(limit), Page::Newest(limit)] {
            let mut expected = whole.clone();
            cut(&mut expected, page);
            assert_eq!(ask(Gaps::Left, page), (expected, whole.len() > limit as usize), "{page:?}");
        }
    }
    let (filled, is_cut) = ask(Gaps::Filled, Page::Oldest(100));
    let opened: Vec<UtcNanos> = filled.iter().map(|bar| bar.open_time).collect();
    assert_eq!(opened, (0..9).map(|n| secs(n * 3_600)).collect::<Vec<_>>());
    assert_eq!((filled[2].close, filled[2].trade_count, is_cut), (theirs[1].close, 0, false));
}
