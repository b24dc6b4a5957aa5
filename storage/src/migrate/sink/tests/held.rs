//! It waits where it is asked to, exactly, while records go on coming.

use std::time::Duration;

use messages::ledger::Seq;

use super::super::{Error, Sink, State};
use super::{Directory, offset, plan, until};
use crate::journal::Taken;
use crate::postgres::tests::running::running;

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
