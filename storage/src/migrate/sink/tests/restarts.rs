//! The server goes away and comes back; the process does, too.

use std::time::Duration;

use super::super::{Sink, State};
use super::{Directory, all_there, follow, plan, until};
use crate::journal::Taken;
use crate::postgres::tests::running::{alone, running, wait};
use crate::settings::Timescale;

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn a_server_that_crashes_and_comes_back_has_every_row_once() {
    let Some(mut server) = alone() else { return };
    let settings = server.settings("owner");
    let mut directory = Directory::new("a");
    let taken = Taken::default();
    let sink = Sink::new(directory.journals(), taken.clone());
    let handle = sink.start(plan(&settings)).unwrap();
    directory.write(3);
    until("it has caught up", || handle.applied() == directory.ends());
    // In the middle of a flow of records, twice.
    for _ in 0..2 {
        let before = handle.status();
        for n in 0..20 {
            directory.write(1);
            wait(Duration::from_millis(20));
            if n == 10 {
                server.crash();
            }
        }
        until("the server is missed", || matches!(handle.status().state, State::Failed { is_temporary: true, .. }));
        let missed = handle.status();
        assert!(missed.lag_records > 0 && missed.lag > Duration::ZERO, "{missed:?}");
        assert!(missed.applied >= before.applied && taken.get() == missed.applied.1);
        server.start_again();
        until("it has caught up", || handle.applied() == directory.ends());
    }
    let after = handle.status();
    assert_eq!((after.state, after.lag_records, after.lag, after.given_up), (State::Following, 0, Duration::ZERO, 0));
    sink.stop(LIMIT);
    let whole = Timescale { schema: "whole".to_owned(), ..settings };
    follow(&plan(&whole), &directory.journals(), directory.ends()).unwrap();
    let session = server.session("owner").unwrap();
    assert_eq!(all_there(&session, "merganser"), all_there(&session, "whole"));
}

#[test]
fn what_is_durable_at_an_end_is_written_and_the_next_start_goes_on_behind_it() {
    let Some(running) = running() else { return };
    let session = running.database("starts");
    let settings = running.settings_of("starts", "owner");
    let mut directory = Directory::new("a");
    for _ in 0..3 {
        let sink = Sink::new(directory.journals(), Taken::default());
        let handle = sink.start(plan(&settings)).unwrap();
        until("it follows", || handle.status().state == State::Following);
        directory.write(2);
        sink.stop(LIMIT);
        assert_eq!(handle.applied(), directory.ends());
        assert!(sink.handle().is_none());
    }
    let whole = Timescale { schema: "whole".to_owned(), ..settings };
    follow(&plan(&whole), &directory.journals(), directory.ends()).unwrap();
    assert_eq!(all_there(&session, "merganser"), all_there(&session, "whole"));
}

#[test]
fn one_that_is_started_twice_runs_once() {
    let Some(running) = running() else { return };
    drop(running.database("started_twice"));
    let mut directory = Directory::new("a");
    let sink = Sink::new(directory.journals(), Taken::default());
    let first = sink.start(plan(&running.settings_of("started_twice", "owner"))).unwrap();
    until("it follows", || first.status().state == State::Following);
    let second = sink.start(plan(&running.settings_of("started_twice", "owner"))).unwrap();
    assert_eq!(first.status().state, State::Ended);
    directory.write(1);
    until("the second follows", || second.applied() == directory.ends());
    sink.stop(LIMIT);
}

#[test]
fn a_server_that_hangs_keeps_nobody_from_the_end() {
    let Some(running) = running() else { return };
    let session = running.database("hangs");
    let mut directory = Directory::new("a");
    let sink = Sink::new(directory.journals(), Taken::default());
    let handle = sink.start(plan(&running.settings_of("hangs", "owner"))).unwrap();
    until("it follows", || handle.status().state == State::Following);
    session.execute("lock", "BEGIN; LOCK TABLE merganser.market_ticks").unwrap();
    directory.write(1);
    until("it waits for the lock", || {
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'merganser sink' AND wait_event_type = 'Lock'";
        running.session("owner").unwrap().ask("look", waits, &[]).unwrap()[0].get::<_, i64>(0) > 0
    });
    // It has none to give, and a second beyond it.
    sink.stop(Duration::ZERO);
    session.execute("let go", "ROLLBACK").unwrap();
    until("it ends by itself", || handle.status().state == State::Ended);
}
