//! What leads to the server is read at each try: what somebody puts right needs no restart.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::super::{Sink, SinkHandle, State};
use super::{Directory, plan, until};
use crate::journal::Taken;
use crate::postgres::tests::running::{PASSWORD, running};
use crate::settings::Timescale;

const LIMIT: Duration = Duration::from_secs(5);

/// Starts one with its password in that file.
fn started(settings: Timescale, file: &Path, directory: &Directory) -> (Sink, SinkHandle) {
    let settings = Timescale { password_file: file.display().to_string(), ..settings };
    let sink = Sink::new(directory.journals(), Taken::default());
    let handle = sink.start(plan(&settings)).unwrap();
    (sink, handle)
}

fn fails(handle: &SinkHandle, words: &str) {
    until(words, || matches!(handle.status().state, State::Failed { error, .. } if error.contains(words)));
}

#[test]
fn a_password_that_was_renewed_lets_it_in() {
    let Some(running) = running() else { return };
    let session = running.database("renewed");
    session.execute("make a user", "CREATE ROLE renews LOGIN PASSWORD 'old'").unwrap();
    session.execute("let him in", "GRANT CREATE, TEMPORARY ON DATABASE renewed TO renews").unwrap();
    let mut directory = Directory::new("a");
    let file = directory.paths().root.join("password");
    let renew = |password: &str| {
        session.execute("renew", &format!("ALTER ROLE renews PASSWORD '{password}'")).unwrap();
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'renews'";
        session.ask("end its session", end, &[]).unwrap();
    };
    fs::write(&file, "old").unwrap();
    // The server lets others than its own users in by TLS only.
    let by_tls = running.settings_by_tls("renews", "localhost");
    let url = by_tls.url.strip_suffix("postgres").unwrap().to_owned() + "renewed";
    let (sink, handle) = started(Timescale { url, ..by_tls }, &file, &directory);
    until("it follows", || handle.status().was_level);
    renew("new");
    fails(&handle, "refused the password");
    fs::write(&file, "new").unwrap();
    directory.write(1);
    until("it goes on", || handle.applied() == directory.ends());
    sink.stop(LIMIT);
}

#[test]
fn a_setting_that_could_not_be_read_at_the_begin_is_read_again() {
    let Some(running) = running() else { return };
    drop(running.database("unread"));
    let directory = Directory::new("a");
    let file = directory.paths().root.join("password");
    let (sink, handle) = started(running.settings_of("unread", "owner"), &file, &directory);
    fails(&handle, "timescale.password_file");
    fs::write(&file, PASSWORD).unwrap();
    until("it goes on", || handle.status().was_level && handle.applied() == directory.ends());
    sink.stop(LIMIT);
}
