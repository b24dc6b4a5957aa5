//! It waits where it is asked to, exactly, while records go on coming.

use std::cell::Cell;
use std::net::TcpListener;
use std::time::Duration;

use messages::ledger::Seq;

use super::super::{Error, Sink, State};
use super::{Directory, offset, plan, until};
use crate::journal::Taken;
use crate::postgres::tests::running::running;
use crate::postgres::tests::settings;
use crate::settings::{Timescale, Tls};

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn it_waits_and_goes_exactly_to_where_it_is_asked_to() {
    let Some(running) = running() else { return };
    let session = running.database("held");
    let mut directory = Directory::new("a");
    directory.write(3);
    let sink = Sink::new(directory.journals(), Taken::default());
    let handle = sink.start(plan(&running.settings_of("held", "owner"))).unwrap();
    until("it has caught up", || handle.applied() == directory.ends());
    let held = handle.hold(LIMIT, &|| true).unwrap();
    assert_eq!((held.at(), handle.status().state), (directory.ends(), State::Held));
    assert!(matches!(handle.hold(LIMIT, &|| true), Err(Error::HeldAlready)));
    directory.write(1);
    let middle = directory.ends();
    directory.write(2);
    let there = || (offset(&session, "merganser", "ledger").0 as u64, offset(&session, "merganser", "market").0 as u64);
    assert_eq!(there(), (held.at().0.0, held.at().1.0));
    held.go_to(middle, LIMIT, &|| true).unwrap();
    assert_eq!((there(), handle.applied()), ((middle.0.0, middle.1.0), middle));
    // Not back, and not to the middle of a group.
    assert!(matches!(held.go_to((Seq(1), Seq(1)), LIMIT, &|| true), Err(Error::NotThere { .. })));
    assert_eq!(handle.applied(), middle);
    assert_eq!(handle.status().lag_records, directory.ends().0.0 + directory.ends().1.0 - middle.0.0 - middle.1.0);
    drop(held);
    until("it goes on", || handle.applied() == directory.ends() && handle.status().state == State::Following);
    assert_eq!(handle.status().lag, Duration::ZERO);
    // Whoever holds it does not keep it from its end.
    let held = handle.hold(LIMIT, &|| true).unwrap();
    directory.write(1);
    sink.stop(LIMIT);
    assert_eq!((handle.status().state, handle.applied()), (State::Ended, directory.ends()));
    assert!(matches!(held.go_to(directory.ends(), LIMIT, &|| true), Err(Error::NotFollowing { .. })));
}

#[test]
fn a_server_that_says_nothing_keeps_nobody_who_is_to_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://me@{}/db", listener.local_addr().unwrap());
    let never = Duration::from_secs(3_600);
    let silent = Timescale { connect_timeout: never, answer_timeout: never, ..settings(&url, Tls::Off) };
    let directory = Directory::new("a");
    let sink = Sink::new(directory.journals(), Taken::default());
    let handle = sink.start(plan(&silent)).unwrap();
    let _asked = listener.accept().unwrap();
    // Who does not want it any more does not wait for it.
    assert!(matches!(handle.hold(never, &|| false), Err(Error::Stopped)));
    let looks = Cell::new(0);
    let wanted = || looks.replace(looks.get() + 1) < 2;
    assert!(matches!(handle.hold(never, &wanted), Err(Error::Stopped)));
    assert_eq!(handle.status().state, State::Connecting);
    sink.stop(never);
    until("it has ended", || handle.status().state == State::Ended);
}
