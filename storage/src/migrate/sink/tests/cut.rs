//! Cut at a message to the server, whether that arrives or not, it goes on from where the server is: each row is there once,
//! and so is the offset.

use std::collections::BTreeMap;

use super::super::{Plan, Position};
use super::wire::{Last, Wire};
use super::{Directory, Rows, all_there, follow, offset, open, plan, tables};
use crate::postgres::Session;
use crate::postgres::tests::running::{Running, running};
use crate::settings::Timescale;

/// A directory, and what is to be there in the end.
struct Cutting<'a> {
    running: &'a Running,
    session: Session,
    directory: Directory,
    middle: Position,
    whole: BTreeMap<&'static str, Rows>,
}

impl<'a> Cutting<'a> {
    fn new(running: &'a Running, database: &str) -> Self {
        let session = running.database(database);
        let mut directory = Directory::new("a");
        directory.write(2);
        let middle = directory.ends();
        directory.write(2);
        let mut cutting = Self { running, session, directory, middle, whole: BTreeMap::new() };
        follow(&cutting.plan("whole", None), &cutting.directory.journals(), cutting.directory.ends()).unwrap();
        cutting.whole = all_there(&cutting.session, "whole");
        assert!(cutting.whole.values().all(|rows| !rows.is_empty()));
        cutting
    }

    fn plan(&self, schema: &str, wire: Option<&Wire>) -> Plan {
        let database = self.session.server().name();
        let (place, database) = database.split_once('/').unwrap();
        let place = wire.map_or(place.to_owned(), |wire| wire.address.to_string());
        let url = format!("postgres://owner@{place}/{database}");
        plan(&Timescale { url, schema: schema.to_owned(), ..self.running.settings("owner") })
    }

    /// Two transactions by a wire that is cut: whether they ended, and the numbers of the last message before them and of
    /// their last one.
    fn write(&self, schema: &str, fatal: u64, last: Last) -> (bool, u64, u64) {
        let wire = Wire::to(self.running.address(), fatal, last);
        let (mut opened, mut all) = (0, 0);
        let plan = self.plan(schema, Some(&wire));
        let both = open(&plan, &self.directory.journals()).and_then(|mut follower| {
            opened = wire.sent();
            let first = follower.step(self.middle)?;
            assert!(first.is_some_and(|wrote| wrote.rows > 0));
            follower.step(self.directory.ends())?;
            // While it lives: its farewell is no part of it.
            all = wire.sent();
            Ok(())
        });
        (both.is_ok(), opened, all)
    }

    /// Cuts it there, and lets the next one go on.
    fn check(&self, schema: &str, fatal: u64, last: Last) {
        let (is_ok, ..) = self.write(schema, fatal, last);
        assert!(!is_ok, "cut at {fatal}, {last:?}: nobody noticed");
        let (plan, ends) = (self.plan(schema, None), self.directory.ends());
        follow(&plan, &self.directory.journals(), ends).unwrap();
        assert_eq!(all_there(&self.session, schema), self.whole, "cut at {fatal}, {last:?}");
        let at = ["ledger", "market"].map(|log| offset(&self.session, schema, log).0 as u64);
        assert_eq!(at, [ends.0.0, ends.1.0], "cut at {fatal}, {last:?}");
    }
}

#[test]
fn a_transaction_is_there_wholly_or_not_at_all_wherever_the_wire_is_cut() {
    let Some(running) = running() else { return };
    let cutting = Cutting::new(&running, "cut");
    follow(&cutting.plan("cut", None), &cutting.directory.journals(), Position::default()).unwrap();
    // What stands there as after the tables were made.
    let names: Vec<String> = tables().iter().map(|table| table.in_schema("cut")).collect();
    let empty = format!(
        "DROP TABLE IF EXISTS cut.market_ticks_20260102, cut.market_ticks_20260103;
         TRUNCATE {}; TRUNCATE cut.sink_offset",
        names.join(", ")
    );
    let (is_ok, opened, all) = cutting.write("cut", u64::MAX, Last::IsLost);
    assert!(is_ok && all - opened > 50, "{opened} of {all} messages");
    println!("cut at messages {opened} to {all}");
    // Each takes seconds: some of them, in the steps of a prime, and each of the last ones, with the commit.
    for fatal in (opened..=all).filter(|n| n % 13 == 0 || n + 8 > all) {
        cutting.session.execute("empty the tables", &empty).unwrap();
        cutting.check("cut", fatal, if fatal % 2 == 0 { Last::IsLost } else { Last::Arrives });
    }
    for last in [Last::IsLost, Last::Arrives] {
        cutting.session.execute("empty the tables", &empty).unwrap();
        cutting.check("cut", all, last);
    }
}

#[test]
fn the_tables_are_made_wholly_or_not_at_all_wherever_the_wire_is_cut() {
    let Some(running) = running() else { return };
    let cutting = Cutting::new(&running, "cut_making");
    let (is_ok, opened, _) = cutting.write("uncut", u64::MAX, Last::IsLost);
    assert!(is_ok);
    // Each takes the server long: some of them.
    for fatal in (0..opened).step_by(23) {
        let schema = format!("cut_{fatal}");
        cutting.check(&schema, fatal, if fatal % 2 == 0 { Last::IsLost } else { Last::Arrives });
    }
}
