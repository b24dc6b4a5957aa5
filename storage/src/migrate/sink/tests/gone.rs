//! What the journal does not keep any more is noted there, with the rows that follow.

use std::fs;
use std::time::Duration;

use super::super::{Sink, State};
use super::{Directory, all_there, offset, plan, until};
use crate::journal::{self, Taken};
use crate::postgres::tests::running::running;

#[test]
fn records_that_were_given_up_are_passed_over_and_noted() {
    let Some(running) = running() else { return };
    let session = running.database("gone");
    let mut directory = Directory::new("a");
    directory.write(2);
    let plan = plan(&running.settings_of("gone", "owner"));
    super::follow(&plan, &directory.journals(), directory.ends()).unwrap();
    let first = directory.ends().1.0 + 1;
    directory.write(3);
    let last = directory.ends().1.0;
    directory.write(1);
    for segment in journal::segments(&directory.journals().market_dir).unwrap() {
        if segment.first_seq <= last {
            fs::remove_file(&segment.path).unwrap();
        }
    }
    let sink = Sink::new(directory.journals(), Taken::default());
    let handle = sink.start(plan).unwrap();
    until("it has caught up", || handle.applied() == directory.ends());
    let status = handle.status();
    assert_eq!((status.given_up, status.state), (last + 1 - first, State::Following));
    let noted = "SELECT log, first_seq, last_seq FROM merganser.skipped";
    let rows = session.ask("look", noted, &[]).unwrap();
    let noted: Vec<(&str, i64, i64)> = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    assert_eq!(noted, [("market", first as i64, last as i64)]);
    assert_eq!(offset(&session, "merganser", "market"), (directory.ends().1.0 as i64, Some(1_000)));
    // Of the ledger nothing is ever given up: all six orders are there, and of the six groups of ticks three.
    let there = all_there(&session, "merganser");
    assert_eq!((there["orders"].len(), there["trades"].len(), there["market_ticks"].len()), (6, 6, 60));
    sink.stop(Duration::from_secs(5));
}

#[test]
fn an_empty_server_in_place_of_a_lost_one_gets_what_is_left_and_is_level() {
    let Some(running) = running() else { return };
    let session = running.database("lost");
    let mut directory = Directory::new("a");
    directory.write(2);
    let last = directory.ends().1.0;
    directory.write(1);
    for segment in journal::segments(&directory.journals().market_dir).unwrap() {
        if segment.first_seq <= last {
            fs::remove_file(&segment.path).unwrap();
        }
    }
    let sink = Sink::new(directory.journals(), Taken::default());
    let handle = sink.start(plan(&running.settings_of("lost", "owner"))).unwrap();
    until("it is level", || handle.status().was_level);
    let status = handle.status();
    assert_eq!((status.given_up, status.lag, status.applied), (last, Duration::ZERO, directory.ends()));
    let there = all_there(&session, "merganser");
    assert_eq!((there["orders"].len(), there["market_ticks"].len()), (3, 20));
    sink.stop(Duration::from_secs(5));
}
