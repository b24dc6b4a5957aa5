//! What their tables say twice is in an answer once: as it would be once it was brought over.

use arrow::util::display::array_value_to_string;
use messages::market::Timeframe;

use super::super::Need;
use super::world::{WATERMARK, World};
use crate::query::tests::{at, instrument};
use crate::query::{Gaps, Of, Page, Query, Range, Rows};

/// Several rows of one bar, in one table of theirs and in two: the minute, and the trades of which it was made.
fn record_twice(world: &World) {
    let of_bars = [(0, 10), (0, 20), (1, 30), (2, 50), (3, 90)];
    let row = |(minute, trades): &(u32, u32)| {
        format!("('2023-12-01 00:0{minute}:00+00', 'T', {trades}, 100, 1, 2, 1, 1, {trades})")
    };
    let rows: Vec<String> = of_bars.iter().map(row).collect();
    world.session.execute("fill a table", &format!("INSERT INTO old_bars VALUES {}", rows.join(", "))).unwrap();
    let of_lengths = [(1, 0, 40), (2, 1, 60), (3, 2, 70), (3, 1, 80)];
    let row = |(minute, revision, trades): &(u32, u32, u32)| {
        format!("('2023-12-01 00:0{minute}:00+00', 'T', '1m', {revision}, {trades}, 100, 1, 2, 1, 1, {trades})")
    };
    let rows: Vec<String> = of_lengths.iter().map(row).collect();
    world.session.execute("fill a table", &format!("INSERT INTO old_lengths VALUES {}", rows.join(", "))).unwrap();
}

#[test]
fn of_several_rows_of_a_bar_of_theirs_one_is_shown_and_counted() {
    let Some(world) = World::new("reads_twice") else { return };
    record_twice(&world);
    let ask = |secs, page| {
        let timeframe = Timeframe::from_secs(secs).unwrap();
        let query = Query::Bars { instrument: instrument("T"), timeframe, range: Range::ALL, gaps: Gaps::Left, page };
        let answer = world.there(&query, Need::default()).unwrap();
        let Rows::Bars(found) = answer.rows else { panic!("no bars") };
        (found.iter().map(|bar| bar.trade_count).collect::<Vec<_>>(), answer.is_cut)
    };
    // The later of two alike, the one of the table that is mapped later, and the one of the higher revision wherever it stands.
    for (secs, shown) in [(60, vec![20, 40, 60, 70]), (120, vec![60, 130]), (300, vec![190])] {
        for limit in 1..=5 {
            let n = shown.len().min(limit as usize);
            let is_cut = n < shown.len();
            assert_eq!(ask(secs, Page::Oldest(limit)), (shown[..n].to_vec(), is_cut), "{secs} s, {limit}");
            let newest = shown[shown.len() - n..].to_vec();
            assert_eq!(ask(secs, Page::Newest(limit)), (newest, is_cut), "{secs} s, the newest {limit}");
        }
    }
}

#[test]
fn of_two_rows_of_a_position_at_one_instant_the_one_that_is_brought_over_last_is_shown() {
    let Some(world) = World::new("reads_instant") else { return };
    // In the order in which they are brought over 9 comes behind 1, and the server has it first.
    let sql = "INSERT INTO old_positions VALUES ('paper', 'T', 'long', 9, 9, '2023-12-01 00:00:00+00'),
        ('paper', 'T', 'long', 1, 1, '2023-12-01 00:00:00+00')";
    world.session.execute("fill a table", sql).unwrap();
    let of = Of { instrument: Some(instrument("T")), ..Of::default() };
    let query = Query::Positions { at: at(WATERMARK), of };
    let Rows::Table { batches, .. } = world.there(&query, Need::default()).unwrap().rows else { panic!("no rows") };
    let [batch] = &batches[..] else { panic!("{} batches", batches.len()) };
    let quantity = array_value_to_string(batch.column_by_name("quantity").unwrap(), 0).unwrap();
    assert_eq!((batch.num_rows(), quantity.as_str()), (1, "9.000000000"));
}
