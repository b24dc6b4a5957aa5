//! A PostgreSQL of the tests' own: a cluster in a temporary folder, on loopback, run by a user who is not root, with TLS
//! by an authority of its own. One for all tests that run at the same time; it ends with the last of them.
//!
//! `owner` may do all, `reader` may log in, `guest` is let in by TLS only, `stranger` is not let in.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tempfile::TempDir;

use super::super::{Server, Session};
use crate::settings::{Timescale, Tls};

pub const PASSWORD: &str = "swordfish";

const RULES: &str = "\
hostssl   all stranger    127.0.0.1/32 reject
hostssl   all all         127.0.0.1/32 scram-sha-256
hostnossl all stranger    127.0.0.1/32 reject
hostnossl all owner       127.0.0.1/32 scram-sha-256
hostnossl all reader      127.0.0.1/32 scram-sha-256
";

pub struct Running {
    temp: TempDir,
    programs: PathBuf,
    child: Child,
    port: u16,
}

static RUNNING: Mutex<Weak<Running>> = Mutex::new(Weak::new());

/// The server; `None`, with a line that says so, where PostgreSQL is not installed.
pub fn running() -> Option<Arc<Running>> {
    // One test that failed while it started the server must not fail the others in words about a lock.
    let mut slot = RUNNING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(running) = slot.upgrade() {
        return Some(running);
    }
    let started = Arc::new(alone()?);
    *slot = Arc::downgrade(&started);
    Some(started)
}

/// A server of one test alone, who may stop it; `None`, with a line that says so, where PostgreSQL is not installed.
pub fn alone() -> Option<Running> {
    let Some(programs) = programs() else {
        assert!(!is_required(), "PostgreSQL is not installed; apt-get install postgresql-15");
        println!("skipped: PostgreSQL is not installed");
        return None;
    };
    Some(Running::start(programs))
}

/// The folder with `initdb` and `postgres`, the newest version first.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect();
    found.sort();
    found.into_iter().rev().find(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
}

#[expect(clippy::disallowed_methods, reason = "whether services are required is said by the environment")]
fn is_required() -> bool {
    std::env::var("MERGANSER_REQUIRE_SERVICES").is_ok_and(|value| value == "1")
}

impl Running {
    fn start(programs: PathBuf) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path();
        fs::write(root.join("password"), PASSWORD).unwrap();
        certificates(root);
        let user = rustix::process::getuid().is_root().then(unprivileged);
        give(root, user);
        let data = root.join("data");
        let mut initdb = command(&programs.join("initdb"), user);
        initdb.args(["-U", "owner", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"]);
        run(initdb.arg("--pwfile").arg(root.join("password")).arg("-D").arg(&data));
        fs::write(data.join("pg_hba.conf"), RULES).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = serve(&programs, root, port);
        let running = Self { temp, programs, child, port };
        running.prepare();
        running
    }

    /// Ends it as a crash does.
    pub fn crash(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::QUIT);
        let _ = self.child.wait();
    }

    /// Starts it again where it was, and waits until it answers.
    pub fn start_again(&mut self) {
        self.child = serve(&self.programs, self.temp.path(), self.port);
        self.first_session();
    }

    /// Waits until it answers.
    fn first_session(&self) -> Session {
        let mut session = self.session("owner");
        for _ in 0..600 {
            if session.is_ok() {
                break;
            }
            wait(Duration::from_millis(100));
            session = self.session("owner");
        }
        session.unwrap_or_else(|e| panic!("{e}\n{}", self.log()))
    }

    /// Makes its users.
    fn prepare(&self) {
        let session = self.first_session();
        for user in ["reader", "guest", "stranger"] {
            session.execute("make a user", &format!("CREATE ROLE {user} LOGIN PASSWORD '{PASSWORD}'")).unwrap();
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.temp.path().join("log")).unwrap_or_default()
    }

    /// A connection, without TLS.
    pub fn session(&self, user: &str) -> Result<Session, super::super::Error> {
        Session::open(&Server::new(&self.settings(user)).unwrap())
    }

    /// The settings for a user, without TLS.
    pub fn settings(&self, user: &str) -> Timescale {
        Timescale {
            password_file: self.file("password"),
            ..super::settings(&format!("postgres://{user}@127.0.0.1:{}/postgres", self.port), Tls::Off)
        }
    }

    /// As [`Self::settings`], by TLS, at a name of this machine.
    pub fn settings_by_tls(&self, user: &str, host: &str) -> Timescale {
        Timescale {
            url: format!("postgres://{user}@{host}:{}/postgres", self.port),
            tls: Tls::Verify,
            ca_file: self.file("ca.crt"),
            ..self.settings(user)
        }
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// A file in its folder.
    pub fn file(&self, name: &str) -> String {
        self.temp.path().join(name).display().to_string()
    }

    /// A database of a test's own, with a connection to it.
    pub fn database(&self, name: &str) -> Session {
        let owner = self.session("owner").unwrap();
        owner.execute("make a database", &format!("CREATE DATABASE {name}")).unwrap();
        Session::open(&Server::new(&self.settings_of(name, "owner")).unwrap()).unwrap()
    }

    /// The settings for a user of a database.
    pub fn settings_of(&self, database: &str, user: &str) -> Timescale {
        let settings = self.settings(user);
        let url = settings.url.strip_suffix("postgres").unwrap().to_owned() + database;
        Timescale { url, ..settings }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // There is nothing in it to keep.
        self.crash();
    }
}

fn serve(programs: &Path, root: &Path, port: u16) -> Child {
    let user = rustix::process::getuid().is_root().then(unprivileged);
    let mut postgres = command(&programs.join("postgres"), user);
    postgres.arg("-D").arg(root.join("data")).arg("-k").arg(root);
    postgres.args(["-h", "127.0.0.1", "-F", "-p", &port.to_string()]);
    for setting in ["ssl=on", "ssl_cert_file=../server.crt", "ssl_key_file=../server.key", "timezone=Asia/Tokyo"] {
        postgres.args(["-c", setting]);
    }
    let log = fs::File::options().create(true).append(true).open(root.join("log")).unwrap();
    postgres.stderr(log).spawn().unwrap()
}

/// Who runs it where the tests are run by root, whom PostgreSQL refuses.
fn unprivileged() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let of = |name: &str| users.lines().find(|line| line.starts_with(&format!("{name}:"))).map(str::to_owned);
    let line = of("postgres").or_else(|| of("nobody")).expect("a user who is not root");
    let mut ids = line.split(':').skip(2).map(|id| id.parse().unwrap());
    (ids.next().unwrap(), ids.next().unwrap())
}

fn give(root: &Path, user: Option<(u32, u32)>) {
    let Some((uid, gid)) = user else { return };
    chown(root, Some(uid), Some(gid)).unwrap();
    for entry in fs::read_dir(root).unwrap() {
        chown(entry.unwrap().path(), Some(uid), Some(gid)).unwrap();
    }
}

fn command(program: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An authority, and a certificate of it for `localhost`.
fn certificates(root: &Path) {
    let openssl = |line: &str| {
        run(Command::new("openssl").current_dir(root).stdin(Stdio::null()).args(line.split(' ')));
    };
    openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=authority",
    );
    openssl(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr -subj /CN=localhost",
    );
    fs::write(root.join("names"), "subjectAltName=DNS:localhost").unwrap();
    openssl("x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt");
}

#[expect(clippy::disallowed_methods, reason = "a real server takes real time to start")]
pub fn wait(time: Duration) {
    std::thread::sleep(time);
}

/// Waits for what another thread does, for up to a minute.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        wait(Duration::from_millis(10));
    }
    panic!("within a minute not: {what}");
}
