//! Every question ends, and leaves nothing behind: by its answer, its time, or who asked.

use std::time::Duration;

use super::super::{Error, Sessions};
use super::lend;
use crate::postgres::tests::running::{running, until, wait};
use crate::postgres::{self, Server};
use crate::settings::Timescale;

const SHORT: Duration = Duration::from_millis(200);

fn sleeping(session: &postgres::Session, seconds: u32) -> i64 {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE $1 AND state = 'active'";
    session.ask("look", sql, &[&format!("%pg_sleep({seconds})%")]).unwrap()[0].get(0)
}

#[test]
fn who_leaves_ends_the_question_and_the_next_one_is_answered() {
    let Some(running) = running() else { return };
    let owner = running.session("owner").unwrap();
    let sessions = Sessions::new(Server::new(&running.settings("owner")).unwrap(), 1, SHORT);
    let lent = lend(&sessions).unwrap();
    let ender = lent.ender();
    let question = |session: &postgres::Session| Ok(session.execute("sleep", "SELECT pg_sleep(63)")?);
    std::thread::scope(|scope| {
        let asked = scope.spawn(move || lent.run(question));
        while sleeping(&owner, 63) == 0 {
            wait(Duration::from_millis(10));
        }
        drop(ender);
        assert!(matches!(asked.join().unwrap(), Err(Error::Gone)));
    });
    // The server lists it until it has heard of the end.
    until("the question has ended", || sleeping(&owner, 63) == 0);
    let answered = lend(&sessions).unwrap().run(|session| Ok(session.ask("count", "SELECT 1", &[])?.len()));
    assert_eq!(answered.unwrap(), 1);
}

#[test]
fn who_left_before_his_turn_is_not_asked_for() {
    let Some(running) = running() else { return };
    let sessions = Sessions::new(Server::new(&running.settings("owner")).unwrap(), 1, SHORT);
    let lent = lend(&sessions).unwrap();
    drop(lent.ender());
    let asked = lent.run(|_| -> Result<(), Error> { panic!("nobody waits for it") });
    assert!(matches!(asked, Err(Error::Gone)));
}

#[test]
fn only_so_many_are_lent_out() {
    let Some(running) = running() else { return };
    let sessions = Sessions::new(Server::new(&running.settings("owner")).unwrap(), 1, SHORT);
    let first = lend(&sessions).unwrap();
    let busy = lend(&sessions).err().unwrap();
    assert!(busy.to_string().contains("raise timescale.connections"), "{busy}");
    drop(first);
    lend(&sessions).unwrap();
    sessions.close();
    assert!(matches!(lend(&sessions).err().unwrap(), Error::Closed));
}

#[test]
fn a_connection_that_died_while_it_waited_is_replaced() {
    let Some(running) = running() else { return };
    let sessions = Sessions::new(Server::new(&running.settings("owner")).unwrap(), 1, SHORT);
    let pid = |sessions: &Sessions| {
        lend(sessions)
            .unwrap()
            .run(|session| Ok(session.ask("look", "SELECT pg_backend_pid()", &[])?[0].get::<_, i32>(0)))
    };
    let first = pid(&sessions).unwrap();
    assert_eq!(pid(&sessions).unwrap(), first, "it is kept");
    running.session("owner").unwrap().ask("end it", "SELECT pg_terminate_backend($1)", &[&first]).unwrap();
    assert_ne!(pid(&sessions).unwrap(), first);
}

#[test]
fn the_server_ends_what_takes_too_long() {
    let Some(running) = running() else { return };
    let settings = Timescale { answer_timeout: Duration::from_millis(300), ..running.settings("owner") };
    let sessions = Sessions::new(Server::new(&settings).unwrap(), 1, SHORT);
    let slow = |session: &postgres::Session| -> Result<(), Error> {
        session.in_snapshot("read history", |session| {
            session.limit_each_question()?;
            session.copy_out("read history", "SELECT 1 WHERE pg_sleep(64) IS NULL", |_| Ok::<_, Error>(())).map(drop)
        })
    };
    let error = lend(&sessions).unwrap().run(slow).unwrap_err();
    assert!(error.to_string().contains("raise timescale.answer_timeout"), "{error}");
    let owner = running.session("owner").unwrap();
    until("the question has ended", || sleeping(&owner, 64) == 0);
}

#[test]
fn a_password_that_was_renewed_is_used_at_the_next_question() {
    let Some(running) = running() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "of yesterday").unwrap();
    let settings = Timescale { password_file: file.display().to_string(), ..running.settings("owner") };
    let sessions = Sessions::new(Server::new(&settings).unwrap(), 1, SHORT);
    let ask = || lend(&sessions).unwrap().run(|session| Ok(session.ask("count", "SELECT 1", &[])?.len()));
    let refused = ask().unwrap_err();
    assert!(matches!(refused, Error::Postgres(postgres::Error::Password { .. })), "{refused}");
    std::fs::copy(running.file("password"), &file).unwrap();
    assert_eq!(ask().unwrap(), 1);
}
