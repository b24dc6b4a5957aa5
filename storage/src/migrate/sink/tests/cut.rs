//! Cut at every message to the server, whether that arrives or not, it goes on from where the server is: each row is there
//! once, and so is the offset.

use super::super::follower::Follower;
use super::wire::{Last, Wire};
use super::{Directory, all_there, follow, offset, plan};
use crate::postgres::tests::running::running;
use crate::settings::Timescale;

#[test]
fn a_transaction_is_there_wholly_or_not_at_all_wherever_the_wire_is_cut() {
    let Some(running) = running() else { return };
    let session = running.database("cut");
    let settings = running.settings_of("cut", "owner");
    let mut directory = Directory::new("a");
    directory.write(2);
    let middle = directory.ends();
    directory.write(2);
    let (journals, ends) = (directory.journals(), directory.ends());
    let of_schema = |schema: &str| Timescale { schema: schema.to_owned(), ..settings.clone() };
    follow(&plan(&of_schema("whole")), &journals, ends).unwrap();
    let whole = all_there(&session, "whole");
    assert!(whole.values().all(|rows| !rows.is_empty()));

    // Two transactions by a wire that is cut; what it sent of both.
    let cut = |schema: &str, fatal: u64, last: Last| {
        let wire = Wire::to(running.address(), fatal, last);
        let url = format!("postgres://owner@{}/cut", wire.address);
        let plan = plan(&Timescale { url, ..of_schema(schema) });
        let both = Follower::open(&plan, &journals).and_then(|mut follower| {
            let first = follower.step(middle)?;
            assert!(first.is_some_and(|wrote| wrote.rows > 0));
            follower.step(ends)
        });
        (both.is_ok(), wire.sent())
    };
    let (is_ok, messages) = cut("uncut", u64::MAX, Last::IsLost);
    assert!(is_ok && messages > 50, "{messages} messages");
    assert_eq!(all_there(&session, "uncut"), whole);
    println!("cut at each of {messages} messages");
    for fatal in 0..=messages {
        for last in [Last::IsLost, Last::Arrives] {
            let schema = format!("cut_{fatal}_{last:?}").to_lowercase();
            let (is_ok, _) = cut(&schema, fatal, last);
            // After the last message but one there is nothing left to be heard.
            assert!(!is_ok || fatal >= messages - 1, "cut at {fatal}, {last:?}: nobody noticed");
            follow(&plan(&of_schema(&schema)), &journals, ends).unwrap();
            assert_eq!(all_there(&session, &schema), whole, "cut at {fatal}, {last:?}");
            let at = (offset(&session, &schema, "ledger").0, offset(&session, &schema, "market").0);
            assert_eq!(at, (ends.0.0 as i64, ends.1.0 as i64), "cut at {fatal}, {last:?}");
            session.execute("drop it", &format!("DROP SCHEMA {schema} CASCADE")).unwrap();
        }
    }
}
