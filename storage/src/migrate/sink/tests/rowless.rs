//! Records that make no row, as depth makes none, are read in steps as others are.

use super::{Directory, offset, open, plan};
use crate::postgres::tests::running::running;

#[test]
fn a_backlog_without_rows_is_read_in_steps() {
    let Some(running) = running() else { return };
    let session = running.database("rowless");
    let mut directory = Directory::new("a");
    (0..12).for_each(|_| directory.write_rowless(10_000));
    let plan = plan(&running.settings_of("rowless", "owner"));
    let mut follower = open(&plan, &directory.journals()).unwrap();
    let mut reached = Vec::new();
    while follower.step(directory.ends()).unwrap().is_some() {
        reached.push(offset(&session, "merganser", "market").0);
    }
    assert_eq!(reached, [50_000, 100_000, 120_000]);
}
