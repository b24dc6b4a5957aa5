//! Where nothing is written, and in which words that is said.

use std::fs;

use messages::ledger::Seq;

use super::super::{Error, Sink, State};
use super::{Directory, all_there, follow, open, plan, until};
use crate::journal::Taken;
use crate::postgres::tests::running::running;
use crate::settings::Timescale;

fn refused(error: Result<(), Error>, words: &str) -> Error {
    let error = error.expect_err(words);
    println!("{error}");
    assert!(error.to_string().contains(words), "`{error}` says not `{words}`");
    error
}

#[test]
fn a_schema_holds_the_rows_of_one_directory() {
    let Some(running) = running() else { return };
    let session = running.database("directories");
    let plan = plan(&running.settings_of("directories", "owner"));
    let (mut a, mut b) = (Directory::new("a"), Directory::new("b"));
    a.write(1);
    b.write(2);
    follow(&plan, &a.journals(), a.ends()).unwrap();
    let before = all_there(&session, &plan.schema);
    let other = refused(follow(&plan, &b.journals(), b.ends()), "give timescale.schema another name");
    assert!(matches!(other, Error::OtherDirectory { .. }) && !other.is_temporary(), "{other:?}");
    assert_eq!(all_there(&session, &plan.schema), before);
}

#[test]
fn a_directory_that_is_older_than_what_stands_there_or_has_another_past_writes_nothing() {
    let Some(running) = running() else { return };
    let session = running.database("past");
    let plan = plan(&running.settings_of("past", "owner"));
    let mut newer = Directory::new("a");
    newer.write(3);
    follow(&plan, &newer.journals(), newer.ends()).unwrap();
    let before = all_there(&session, &plan.schema);
    // A backup that was made before, restored.
    let mut restored = Directory::new("a");
    restored.write(2);
    let ahead = refused(follow(&plan, &restored.journals(), restored.ends()), "newer state of this directory");
    assert!(matches!(ahead, Error::Ahead { .. }) && !ahead.is_temporary(), "{ahead:?}");
    // It goes on, with other records, and has as many as stand there, then more.
    for n in [9, 7] {
        restored.write_group(n);
        let diverged = refused(follow(&plan, &restored.journals(), restored.ends()), "a restored backup?");
        assert!(matches!(diverged, Error::Diverged { .. }) && !diverged.is_temporary(), "{diverged:?}");
    }
    assert_eq!(all_there(&session, &plan.schema), before);
}

#[test]
fn two_do_not_write_at_once_and_the_second_is_told_who_does() {
    let Some(running) = running() else { return };
    drop(running.database("twice"));
    let plan = plan(&running.settings_of("twice", "owner"));
    let directory = Directory::new("a");
    let first = open(&plan, &directory.journals()).unwrap();
    let second = refused(open(&plan, &directory.journals()).map(drop), "server process");
    assert!(matches!(second, Error::Occupied { .. }) && second.is_temporary(), "{second:?}");
    drop(first);
    follow(&plan, &directory.journals(), directory.ends()).unwrap();
}

#[test]
fn a_table_of_somebody_else_is_never_written_to() {
    let Some(running) = running() else { return };
    let session = running.database("theirs");
    session
        .execute("make their table", "CREATE TABLE orders (id bigint, price numeric); INSERT INTO orders VALUES (1, 2)")
        .unwrap();
    let settings = Timescale { schema: "public".to_owned(), ..running.settings_of("theirs", "owner") };
    let mut directory = Directory::new("a");
    directory.write(1);
    let not_ours = refused(follow(&plan(&settings), &directory.journals(), directory.ends()), "public.orders");
    assert!(matches!(not_ours, Error::NotOurs { .. }) && !not_ours.is_temporary(), "{not_ours:?}");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(session.ask("count", tables, &[]).unwrap()[0].get::<_, i64>(0), 1, "nothing was made beside it");
    session
        .execute("make another", "DROP TABLE orders; CREATE TABLE skipped (directory uuid, log text, first_seq int)")
        .unwrap();
    let not_ours = refused(follow(&plan(&settings), &directory.journals(), directory.ends()), "public.skipped");
    assert!(not_ours.to_string().contains("first_seq integer should be first_seq bigint"), "{not_ours}");
}

#[test]
fn columns_that_its_owner_added_behind_ours_stay() {
    let Some(running) = running() else { return };
    let session = running.database("added");
    let plan = plan(&running.settings_of("added", "owner"));
    let mut directory = Directory::new("a");
    follow(&plan, &directory.journals(), directory.ends()).unwrap();
    session.execute("add a column", "ALTER TABLE merganser.orders ADD seen boolean DEFAULT true").unwrap();
    directory.write(1);
    follow(&plan, &directory.journals(), directory.ends()).unwrap();
    let seen = session.ask("look", "SELECT seen FROM merganser.orders", &[]).unwrap();
    assert!(seen.len() == 1 && seen[0].get::<_, bool>(0));
}

#[test]
fn missing_rights_are_named_with_what_gives_them_and_are_tried_again() {
    let Some(running) = running() else { return };
    let owner = running.database("no_rights");
    let mut directory = Directory::new("a");
    directory.write(1);
    let plan = plan(&running.settings_of("no_rights", "reader"));
    let denied = refused(follow(&plan, &directory.journals(), directory.ends()), "GRANT CREATE, TEMPORARY ON DATABASE");
    assert!(matches!(denied, Error::MayNotWrite { .. }) && !denied.is_temporary(), "{denied:?}");
    owner.execute("grant", "GRANT CREATE, TEMPORARY ON DATABASE no_rights TO reader").unwrap();
    follow(&plan, &directory.journals(), directory.ends()).unwrap();
    // Once they are there, the tables are written to without the right to make any.
    owner.execute("revoke", "REVOKE CREATE ON DATABASE no_rights FROM reader").unwrap();
    directory.write(1);
    follow(&plan, &directory.journals(), directory.ends()).unwrap();
}

#[test]
fn a_directory_is_known_by_its_first_start() {
    let nameless = tempfile::tempdir().unwrap();
    fs::create_dir(nameless.path().join("ledger")).unwrap();
    let found = super::super::offset::directory(&nameless.path().join("ledger"), Seq(5));
    assert!(matches!(found, Err(Error::NoStart)), "{found:?}");
    let [a, again, b] = ["a", "a", "b"].map(|name| {
        let directory = Directory::new(name);
        super::super::offset::directory(&directory.journals().ledger_dir, directory.ends().0).unwrap()
    });
    assert!(a == again && a != b);
}

#[test]
fn a_table_that_somebody_dropped_is_not_made_anew_as_if_it_were_whole() {
    let Some(running) = running() else { return };
    let session = running.database("emptied");
    let directory = Directory::new("a");
    let sink = Sink::new(directory.journals(), Taken::default());
    let handle = sink.start(plan(&running.settings_of("emptied", "owner"))).unwrap();
    until("everything is there", || handle.status().was_level);
    sink.stop(std::time::Duration::from_secs(5));
    session.execute("drop a table", "DROP TABLE merganser.trades").unwrap();
    let handle = sink.start(plan(&running.settings_of("emptied", "owner"))).unwrap();
    // The server may still have to find out that the one before has let go.
    until("it has failed", || matches!(handle.status().state, State::Failed { is_temporary: false, .. }));
    let State::Failed { error, .. } = handle.status().state else { panic!("it was") };
    assert!(error.contains("lacks trades") && error.contains("DROP SCHEMA"), "{error}");
    // As it says.
    session.execute("drop all", "DROP SCHEMA merganser CASCADE").unwrap();
    until("everything is there again", || handle.status().was_level);
    sink.stop(std::time::Duration::from_secs(5));
}

#[test]
fn what_somebody_must_put_right_shows_as_failed_and_the_journal_is_kept_meanwhile() {
    let Some(running) = running() else { return };
    drop(running.database("shown"));
    let directory = Directory::new("a");
    let taken = Taken::default();
    taken.needs_nothing();
    let sink = Sink::new(directory.journals(), taken.clone());
    let handle = sink.start(plan(&running.settings_of("shown", "reader"))).unwrap();
    until("it has failed", || matches!(handle.status().state, State::Failed { .. }));
    let State::Failed { error, is_temporary } = handle.status().state else { panic!("it was") };
    assert!(error.contains("GRANT CREATE") && !is_temporary, "{error}");
    assert!(matches!(handle.hold(std::time::Duration::from_secs(60), &|| true), Err(Error::NotFollowing { .. })));
    assert_eq!(taken.get(), Seq(0));
    sink.release(std::time::Duration::from_secs(5));
    assert_eq!((taken.get(), handle.status().state), (Seq(u64::MAX), State::Ended));
}
