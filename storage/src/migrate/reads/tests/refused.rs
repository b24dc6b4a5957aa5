//! What cannot be answered wholly is refused, with the next step.

use messages::ledger::Seq;

use super::super::{Error, Need};
use super::world::World;
use crate::migrate::sink;
use crate::postgres::Session;
use crate::postgres::tests::rewriting::{commit_when_awaited, same_rows};
use crate::query::tests::instrument;
use crate::query::{Answer, Of, Page, Query, Range, Rows};

fn ticks() -> Query {
    Query::Ticks { instrument: instrument("A"), range: Range::ALL, page: Page::Oldest(5) }
}

fn refused(world: &World, query: &Query, need: Need, words: &str) -> Error {
    let error = world.there(query, need).unwrap_err();
    assert!(error.to_string().contains(words), "{error}");
    error
}

#[test]
fn an_answer_holds_what_it_must_or_is_none() {
    let Some(world) = World::new("reads_behind") else { return };
    let orders = Query::Orders { range: Range::ALL, of: Of::default(), page: Page::Oldest(5) };
    let last = world.there(&ticks(), Need::default()).unwrap().complete_to;
    let need = |ledger, market| Need { ledger: Seq(ledger), market };
    world.there(&ticks(), need(99, last)).unwrap();
    let next = Seq(last.0 + 1);
    refused(
        &world,
        &ticks(),
        need(0, next),
        &format!("holds market records up to {last} and the answer must hold {next}"),
    );
    world.there(&orders, need(1, next)).unwrap();
    refused(&world, &orders, need(2, next), "ledger records up to 1");
}

#[test]
fn records_that_were_given_up_are_missing_from_no_answer() {
    let Some(world) = World::new("reads_skipped") else { return };
    let skipped = "INSERT INTO merganser.skipped (directory, log, first_seq, last_seq)
        SELECT directory, log, 1300, 1310 FROM merganser.sink_offset WHERE log = 'market'";
    world.session.execute("skip", skipped).unwrap();
    let error = refused(&world, &ticks(), Need::default(), "compare --repair");
    assert!(matches!(error, Error::GivenUp { first: Seq(1_300), last: Seq(1_310), .. }), "{error:?}");
    sink::forget_skipped(&world.session, "merganser", Seq(1_309)).unwrap();
    refused(&world, &ticks(), Need::default(), "compare --repair");
    // The ledger is never given up.
    world.there(&Query::Positions { at: messages::UtcNanos::MAX, of: Of::default() }, Need::default()).unwrap();
    // Once everything was compared and is the same, they are there.
    sink::forget_skipped(&world.session, "merganser", Seq(1_310)).unwrap();
    world.there(&ticks(), Need::default()).unwrap();
}

#[test]
fn a_mapping_that_fits_no_more_is_said_and_read_again_when_it_was_mended() {
    let Some(world) = World::new("reads_mapping") else { return };
    world.there(&ticks(), Need::default()).unwrap();
    let change = "ALTER TABLE old_trades ALTER seq TYPE text USING seq::text";
    world.session.execute("change a column", change).unwrap();
    refused(&world, &ticks(), Need::default(), "the column seq of public.old_trades was bigint");
    // The mapping fits the new type as well.
    let Rows::Ticks(found) = world.there(&ticks(), Need::default()).unwrap().rows else { panic!("no ticks") };
    assert_eq!(found.len(), 5);
    let file = world.directory.path().join("timescale.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    world.there(&ticks(), Need::default()).expect("what it said last holds");
    std::fs::write(&file, text.replace("\"seq\"", "\"number\"")).unwrap();
    world.there(&ticks(), Need::default()).expect("what it said last holds");
    // Not where it fits the tables no more.
    world.session.execute("change it back", "ALTER TABLE old_trades ALTER seq TYPE bigint USING seq::bigint").unwrap();
    refused(&world, &ticks(), Need::default(), "the column seq of public.old_trades was text");
    refused(&world, &ticks(), Need::default(), "no column `number`");
    std::fs::remove_file(&file).unwrap();
    refused(&world, &ticks(), Need::default(), "`merganser migrate timescale map` makes one");
    std::fs::write(&file, text).unwrap();
    world.there(&ticks(), Need::default()).unwrap();
}

#[test]
fn a_row_of_ours_that_somebody_changed_is_not_left_out() {
    let Some(world) = World::new("reads_changed") else { return };
    world
        .session
        .execute("change a row", "UPDATE merganser.market_ticks SET source = 'nobody' WHERE tick_id = 607")
        .unwrap();
    let all = Query::Ticks { instrument: instrument("A"), range: Range::ALL, page: Page::Oldest(10_000) };
    refused(&world, &all, Need::default(), "nobody");
}

#[test]
fn a_table_of_theirs_that_is_written_anew_meanwhile_is_in_the_answer() {
    let Some(world) = World::new("reads_anew") else { return };
    let all = Query::Ticks { instrument: instrument("A"), range: Range::ALL, page: Page::Oldest(5_000) };
    let before = world.there(&all, Need::default()).unwrap();
    let (began, begun) = flume::bounded(1);
    let server = world.session.server().clone();
    let after = std::thread::scope(|threads| {
        threads.spawn(move || {
            let other = Session::open(&server).unwrap();
            other.execute("write a table anew", &format!("BEGIN; {}", same_rows("old_trades"))).unwrap();
            began.send(()).unwrap();
            commit_when_awaited(&other, "old_trades");
        });
        begun.recv().unwrap();
        world.there(&all, Need::default()).unwrap()
    });
    let count = |answer: &Answer| match &answer.rows {
        Rows::Ticks(ticks) => ticks.len(),
        other => panic!("{other:?}"),
    };
    assert!(count(&before) > 1_000, "it has rows of theirs and of the sink");
    assert_eq!(after.rows, before.rows);
}
