//! The same rows on both sides give the same answers, but for numbers that only we give.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use arrow::util::pretty::pretty_format_batches;
use messages::market::{TickBody, Timeframe};
use messages::{MarketId, UtcNanos};

use super::super::{Need, Side};
use super::world::{BACKFILL_IDS, World};
use crate::query::tests::{instrument, range};
use crate::query::{Answer, Gaps, Of, Page, Query, Range, Rows, StoredTick};

/// Questions to every table, of ranges and pages of every kind.
fn questions() -> Vec<Query> {
    let ranges = [
        Range::ALL,
        range("2023-11-10", "2023-11-20"),
        range("2023-12-12 15:00:00", "2023-12-12 17:00:00"),
        range("2023-12-12 00:45:00", "2023-12-12 00:45:00.000001"),
        range("2023-12-12 19:59:00", "2023-12-13 01:00:00"),
        range("2025-01-01", "2025-01-02"),
    ];
    let pages = [
        Page::Oldest(1),
        Page::Oldest(7),
        Page::Newest(7),
        Page::Oldest(640),
        Page::Newest(641),
        Page::Newest(100_000),
    ];
    let account = Some("paper".parse().unwrap());
    let filters = [
        Of::default(),
        Of { account, strategy: Some("s".parse().unwrap()), instrument: None },
        Of { instrument: Some(instrument("B/C")), ..Of::default() },
    ];
    let mut asked = Vec::new();
    for range in ranges {
        for page in pages {
            for symbol in ["A", "B/C", "X"] {
                asked.push(Query::Ticks { instrument: instrument(symbol), range, page });
            }
            for (secs, gaps) in [(60, Gaps::Left), (3_600, Gaps::Left), (7_200, Gaps::Filled), (86_400, Gaps::Left)] {
                let timeframe = Timeframe::from_secs(secs).unwrap();
                asked.push(Query::Bars { instrument: instrument("A"), timeframe, range, gaps, page });
                asked.push(Query::Bars { instrument: instrument("H"), timeframe, range, gaps, page });
            }
            for of in filters {
                asked.push(Query::Orders { range, of, page });
                asked.push(Query::Trades { range, of, page });
            }
            asked.push(Query::Equity { range, account, page });
            asked.push(Query::Equity { range, account: None, page });
        }
        for of in filters {
            asked.push(Query::Positions { at: range.to, of });
        }
    }
    asked
}

/// Without the numbers that a backfill gives.
fn plain(rows: Rows) -> Rows {
    let of_backfill = |id: &mut MarketId| {
        if id.0 >= BACKFILL_IDS {
            *id = MarketId(0);
        }
    };
    match rows {
        Rows::Ticks(mut ticks) => {
            ticks.iter_mut().for_each(|tick| of_backfill(&mut tick.id));
            Rows::Ticks(ticks)
        }
        Rows::Bars(mut bars) => {
            bars.iter_mut().for_each(|bar| of_backfill(&mut bar.bar_id));
            Rows::Bars(bars)
        }
        Rows::Table { schema, batches } => {
            Rows::Table { schema, batches: batches.into_iter().map(|batch| without_low_ids(&batch)).collect() }
        }
    }
}

fn without_low_ids(batch: &RecordBatch) -> RecordBatch {
    let column = |column: &ArrayRef| -> ArrayRef {
        match column.data_type() {
            DataType::Int64 => {
                let ids = column.as_primitive::<Int64Type>().iter();
                Arc::new(ids.map(|id| id.filter(|id| *id >= 0)).collect::<Int64Array>())
            }
            _ => column.clone(),
        }
    };
    RecordBatch::try_new(batch.schema(), batch.columns().iter().map(column).collect()).unwrap()
}

fn text(rows: Rows) -> String {
    match plain(rows) {
        Rows::Table { batches, .. } if batches.iter().all(|batch| batch.num_rows() == 0) => "none".to_owned(),
        Rows::Table { batches, .. } => pretty_format_batches(&batches).unwrap().to_string(),
        other => format!("{other:#?}"),
    }
}

#[test]
fn every_question_has_the_same_answer_on_both_sides() {
    let Some(world) = World::new("reads_equal") else { return };
    let (mut rows, mut left_out) = (0, 0);
    for query in questions() {
        let here = world.directory.ask(&query);
        let there = world.there(&query, Need::default()).unwrap_or_else(|e| panic!("{query:?}: {e}"));
        if let (Rows::Table { schema: here, .. }, Rows::Table { schema: there, .. }) = (&here.rows, &there.rows) {
            assert_eq!(here, there, "{query:?}");
        }
        assert_eq!((here.explain.answered_by, there.explain.answered_by), (Side::DuckDb, Side::Postgres));
        assert_eq!((here.complete_to, here.is_cut), (there.complete_to, there.is_cut), "{query:?}");
        left_out = left_out.max(there.explain.left_out);
        let (here, there) = (text(here.rows), text(there.rows));
        rows += here.lines().count();
        assert!(here == there, "{query:?}\nDuckDB:\n{here}\nPostgreSQL:\n{there}");
    }
    assert!(rows > 100_000, "{rows}");
    assert_eq!(left_out, 1, "the one trade that does not fit");
}

/// A page of A's ticks, and whether there are more.
fn page(world: &World, range: Range, page: Page) -> (Vec<StoredTick>, bool) {
    let query = Query::Ticks { instrument: instrument("A"), range, page };
    let Answer { rows: Rows::Ticks(ticks), is_cut, .. } = world.there(&query, Need::default()).unwrap() else {
        panic!("no ticks")
    };
    (ticks, is_cut)
}

/// A's ticks as the API turns their pages: from the instant of the last row on, without those of it that were given.
fn turned(world: &World, whole: Range, limit: u32, is_newest: bool) -> Vec<StoredTick> {
    let (mut turned, mut range, mut given) = (Vec::new(), whole, 0);
    loop {
        let most = limit + given as u32;
        let (mut ticks, is_cut) = page(world, range, if is_newest { Page::Newest(most) } else { Page::Oldest(most) });
        if is_newest {
            ticks.reverse();
        }
        turned.extend_from_slice(&ticks[given..]);
        if !is_cut {
            break;
        }
        let last = ticks.last().unwrap().tick.time;
        given = ticks.iter().rev().take_while(|tick| tick.tick.time == last).count();
        if is_newest {
            range.to = UtcNanos(last.0 + 1_000);
        } else {
            range.from = last;
        }
    }
    if is_newest {
        turned.reverse();
    }
    turned
}

#[test]
fn pages_that_follow_each_other_are_the_whole() {
    let Some(world) = World::new("reads_pages") else { return };
    let (all, _) = page(&world, Range::ALL, Page::Oldest(100_000));
    assert_eq!(turned(&world, Range::ALL, 10, false), all);
    // Where trades and quotes of theirs, out of two tables, and trades of ours stand at one instant: cut at each place.
    let some = range("2023-12-12 04:00:00", "2023-12-12 04:13:00");
    let (whole, _) = page(&world, some, Page::Oldest(100_000));
    let quotes = whole.iter().filter(|tick| matches!(tick.tick.body, TickBody::Quote { .. })).count();
    assert!(quotes == 9 && whole.len() > 40, "{quotes} of {}", whole.len());
    for limit in 1..=9 {
        for is_newest in [false, true] {
            assert_eq!(turned(&world, some, limit, is_newest), whole, "{limit}, newest first: {is_newest}");
        }
    }
}

#[test]
fn hours_of_theirs_stand_beside_those_that_are_merged_from_our_minutes() {
    let Some(world) = World::new("reads_hours") else { return };
    let timeframe = Timeframe::from_secs(3_600).unwrap();
    let ask = |page| {
        let query = Query::Bars { instrument: instrument("H"), timeframe, range: Range::ALL, gaps: Gaps::Left, page };
        let Answer { rows: Rows::Bars(bars), is_cut, .. } = world.there(&query, Need::default()).unwrap() else {
            panic!("no bars")
        };
        (bars, is_cut)
    };
    let (whole, _) = ask(Page::Oldest(1_000));
    // Theirs count two trades each. The hour before the watermark is one of them, for of ours only twenty minutes are there.
    let trades: Vec<u64> = whole.iter().map(|bar| bar.trade_count).collect();
    assert_eq!(trades, [vec![2; 54], vec![120; 4]].concat());
    for limit in [1, 3, 4, 5, 20, 57, 58] {
        let (oldest, newest) = (ask(Page::Oldest(limit)), ask(Page::Newest(limit)));
        let (n, is_cut) = (limit as usize, limit < 58);
        assert_eq!((oldest, newest), ((whole[..n].to_vec(), is_cut), (whole[58 - n..].to_vec(), is_cut)), "{limit}");
    }
}
