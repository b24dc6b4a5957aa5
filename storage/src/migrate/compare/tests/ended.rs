//! A server that takes connections and never says a word: nobody who is to end waits for it.

use std::net::TcpListener;
use std::time::Duration;

use messages::migration::{Backfilled, Migration, Phase, Watermark};
use messages::{UtcNanos, ledger::Seq};

use super::Both;
use crate::migrate::compare::{Compare, Error, live, watch::Watch};
use crate::migrate::way::{self, Work};
use crate::postgres::Server;
use crate::postgres::catalog::TableName;
use crate::postgres::tests::settings;
use crate::query::Range;
use crate::settings::{Timescale, Tls};

/// Longer than any test may take.
const NEVER: Duration = Duration::from_secs(3_600);

/// A server that says nothing, and who is to be asked by nobody else.
fn silent() -> (TcpListener, Both) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://me@{}/db", listener.local_addr().unwrap());
    let settings = Timescale { connect_timeout: NEVER, answer_timeout: NEVER, ..settings(&url, Tls::Off) };
    let both = Both::beside(Server::new(&settings).unwrap(), settings, 1 << 20);
    (listener, both)
}

#[test]
fn the_way_is_closed_when_a_comparison_has_ended_that_the_server_does_not_answer() {
    let (listener, both) = silent();
    let now = UtcNanos(0);
    let way =
        both.storage().way(&both.opened.paths, &both.settings, &both.opened.tiers, &both.opened.archive, move || now);
    let state = Migration {
        phase: Phase::Compare,
        watermark: Some(Watermark { market: Seq(0), at: now }),
        backfilled: Some(Backfilled { at: now, slices: 0, rows: 0, refused: 0, accepted: 0 }),
        ..Migration::default()
    };
    let (compare, turn) = (Work::compare_all(), way.turn().unwrap());
    std::thread::scope(|threads| {
        let compares = threads.spawn(|| way.perform(&turn, &compare, &state, &|_| {}, &|| true));
        let _asked = listener.accept().unwrap();
        way.close();
        let ended = compares.join().unwrap();
        assert!(matches!(ended, Err(way::Error::Stopped)), "{ended:?}");
        let after = way.perform(&turn, &compare, &state, &|_| {}, &|| true);
        assert!(matches!(after, Err(way::Error::Stopped)), "nothing begins any more: {after:?}");
    });
}

#[test]
fn tables_that_do_not_get_on_are_not_waited_for_by_who_is_to_stop() {
    let (_listener, both) = silent();
    let database = both.storage().database();
    let again = |_: &TableName, _: Range, _: &dyn Fn() -> bool| Ok(());
    let ctx: Compare<'_> = both.compared(&database, &[], &again);
    let waits = |watch: &Watch| live::wait_for_tables(&ctx, watch, (Seq(0), Seq(u64::MAX)));
    let stopped = Watch::over(&both.server, waits, &|_| {}, &|| false);
    assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");
}
