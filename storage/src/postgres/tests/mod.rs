//! What a user meets who has the server wrong, and what is found where it is right.

pub mod rewriting;
pub mod running;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use super::catalog::{self, Form, TableName, Type};
use super::{Error, Server, Session};
use crate::settings::{Timescale, Tls};
use rewriting::same_rows;
use running::running;

pub fn settings(url: &str, tls: Tls) -> Timescale {
    Timescale {
        url: url.to_owned(),
        password_file: String::new(),
        tls,
        ca_file: String::new(),
        connect_timeout: Duration::from_secs(10),
        answer_timeout: Duration::from_secs(20),
        mapping_file: String::new(),
        schema: "merganser".to_owned(),
        journal_max_bytes: 1 << 30,
        connections: 2,
        backfill_rows_per_second: 0,
        max_rejects: 100,
        compare_every: Duration::ZERO,
        clean_for: Duration::ZERO,
        shadow_every: 0,
        read_budget: Duration::from_millis(500),
        read_errors: 1,
        standby_for: Duration::ZERO,
    }
}

/// No server is named.
pub fn no_server() -> Timescale {
    settings("", Tls::Off)
}

fn open(settings: &Timescale) -> Result<Session, Error> {
    Server::new(settings).and_then(|server| Session::open(&server))
}

/// Why there is no connection; its words name what is to be done next.
fn refused(settings: &Timescale, next_step: &str) -> Error {
    let error = open(settings).err().expect("the server cannot be used like this");
    let words = error.to_string();
    println!("{words}");
    assert!(words.contains(next_step), "`{words}` says not `{next_step}`");
    assert!(!words.contains(running::PASSWORD), "no secret is shown");
    error
}

/// A server that gives each connection one answer, or none.
fn talker(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    spawn(move || {
        let mut held = Vec::new();
        while let Ok((mut socket, _)) = listener.accept() {
            let _ = socket.read(&mut [0; 64]);
            let _ = socket.write_all(answer);
            held.push(socket);
        }
    });
    address
}

#[expect(clippy::disallowed_methods, reason = "the other end of a wire")]
fn spawn(work: impl FnOnce() + Send + 'static) {
    std::thread::spawn(work);
}

#[test]
fn settings_that_cannot_be_are_refused_before_anything_is_sent() {
    let check = |url: &str, next_step: &str| {
        let error = refused(&settings(url, Tls::Off), next_step);
        assert!(matches!(error, Error::Settings { key: "timescale.url", .. }), "{error:?}");
    };
    check("", "set it to postgres://user@host:5432/database");
    check("not an address", "expected postgres://");
    check("postgres://me:swordfish@127.0.0.1/db", "timescale.password_file");
    check("postgres://me@127.0.0.1/db?sslmode=require", "timescale.tls");
    check("postgres://me@one,two/db", "exactly one server");
    check("postgres://127.0.0.1/db", "names no user");
    let lost = Timescale { password_file: "/nowhere/at/all".to_owned(), ..settings("postgres://a@b/c", Tls::Off) };
    assert!(matches!(refused(&lost, "cannot be read"), Error::Settings { key: "timescale.password_file", .. }));
    let unknown = Timescale { ca_file: "/nowhere/at/all".to_owned(), ..settings("postgres://a@b/c", Tls::Verify) };
    assert!(matches!(refused(&unknown, "cannot be read"), Error::Settings { key: "timescale.ca_file", .. }));
}

#[test]
fn a_server_that_is_not_there_or_says_nothing_or_has_no_tls() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = refused(&settings(&format!("postgres://me@{free}/db"), Tls::Off), "start it, or check timescale.url");
    assert!(matches!(gone, Error::Unreachable { .. }) && gone.is_temporary(), "{gone:?}");
    let url = format!("postgres://me@{}/db", talker(b""));
    let silent = Timescale { connect_timeout: Duration::from_millis(300), ..settings(&url, Tls::Off) };
    let silent = refused(&silent, "timescale.connect_timeout");
    assert!(matches!(silent, Error::TooSlow { .. }) && silent.is_temporary(), "{silent:?}");
    let url = format!("postgres://me@{}/db", talker(b"N"));
    let plain = refused(&settings(&url, Tls::Verify), "timescale.tls = \"off\"");
    assert!(matches!(plain, Error::NoTls { .. }) && !plain.is_temporary(), "{plain:?}");
}

#[test]
fn who_leaves_a_server_does_not_wait_for_it_to_let_him_in() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://me@{}/db", listener.local_addr().unwrap());
    let never = Duration::from_secs(3_600);
    let server = Server::new(&Timescale { connect_timeout: never, ..settings(&url, Tls::Off) }).unwrap();
    std::thread::scope(|threads| {
        let opens = threads.spawn(|| Session::open(&server).err());
        let _asked = listener.accept().unwrap();
        server.leave();
        let left = opens.join().unwrap();
        assert!(matches!(left, Some(Error::Left { .. })), "{left:?}");
    });
}

#[test]
fn a_real_server_refuses_and_says_what_to_do() {
    let Some(running) = running() else { return };
    let none = Timescale { password_file: String::new(), ..running.settings("owner") };
    assert!(matches!(refused(&none, "timescale.password_file"), Error::Password { .. }));
    let wrong = Timescale { password_file: running.file("names"), ..running.settings("owner") };
    assert!(matches!(refused(&wrong, "timescale.password_file"), Error::Password { .. }));
    assert!(matches!(refused(&running.settings("guest"), "timescale.tls = \"verify\""), Error::TlsNeeded { .. }));
    let stranger = running.settings_by_tls("stranger", "localhost");
    assert!(matches!(refused(&stranger, "pg_hba.conf"), Error::NotLetIn { .. }));
    let nowhere = running.settings_of("nowhere", "owner");
    assert!(matches!(refused(&nowhere, "at the end of timescale.url"), Error::NoDatabase { .. }));
}

#[test]
fn each_connection_has_the_password_that_its_file_holds_then() {
    let Some(running) = running() else { return };
    let owner = running.session("owner").unwrap();
    let set = |password: &str| owner.execute("renew", &format!("ALTER ROLE changes PASSWORD '{password}'")).unwrap();
    owner.execute("make a user", "CREATE ROLE changes LOGIN PASSWORD 'first'").unwrap();
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("password");
    std::fs::write(&file, "first").unwrap();
    let password_file = file.display().to_string();
    let settings = Timescale { password_file, ..running.settings_by_tls("changes", "localhost") };
    let server = Server::new(&settings).unwrap();
    drop(Session::open(&server).unwrap());
    set("second");
    assert!(matches!(Session::open(&server), Err(Error::Password { .. })));
    std::fs::write(&file, "second").unwrap();
    drop(Session::open(&server).unwrap());
    // Whoever writes it anew may have taken it away for a moment.
    std::fs::remove_file(&file).unwrap();
    set("first");
    drop(Session::open(&server).unwrap());
}

#[test]
fn tls_is_spoken_only_with_whom_the_authority_vouches_for() {
    let Some(running) = running() else { return };
    let session = open(&running.settings_by_tls("guest", "localhost")).unwrap();
    let encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert!(session.ask("look", encrypted, &[]).unwrap()[0].get::<_, bool>(0));
    let other_name = running.settings_by_tls("guest", "127.0.0.1");
    assert!(matches!(refused(&other_name, "timescale.ca_file"), Error::Untrusted { .. }));
    let system = Timescale { ca_file: String::new(), ..running.settings_by_tls("guest", "localhost") };
    assert!(matches!(refused(&system, "timescale.ca_file"), Error::Untrusted { .. }));
}

#[test]
fn a_question_that_takes_too_long_is_cancelled_there_as_well() {
    let Some(running) = running() else { return };
    let hasty = Timescale { answer_timeout: Duration::from_secs(3), ..running.settings("owner") };
    let error = open(&hasty).unwrap().execute("sleep", "SELECT pg_sleep(61)").unwrap_err();
    assert!(matches!(error, Error::TooSlow { .. }) && error.is_temporary(), "{error:?}");
    let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(61)' AND state = 'active'";
    let owner = running.session("owner").unwrap();
    let still = || owner.ask("look", sleeps, &[]).unwrap()[0].get::<_, i64>(0);
    running::until("nobody waits for it, and it sleeps no more", || still() == 0);
}

#[test]
fn a_copy_that_is_left_in_its_middle_holds_nothing_up() {
    let Some(running) = running() else { return };
    let session = open(&Timescale { answer_timeout: Duration::from_secs(5), ..running.settings("owner") }).unwrap();
    // Far more than is read within the time of the next question.
    let endless = "SELECT generate_series(1, 1000000000)";
    let mut seen = 0;
    let left = session.copy_out("copy rows", endless, |_| {
        seen += 1;
        if seen < 1_000 { Ok(()) } else { Err(Error::from(super::copy::Error::RowTooLarge)) }
    });
    assert!(matches!(left, Err(Error::Copy(_))), "{left:?}");
    assert_eq!(seen, 1_000);
    assert_eq!(session.ask("count", "SELECT 1", &[]).unwrap().len(), 1);
}

#[test]
fn a_table_that_is_written_anew_behind_a_snapshot_is_not_empty_in_it() {
    let Some(running) = running() else { return };
    let (session, other) = (running.database("snapshots"), open(&running.settings_of("snapshots", "owner")).unwrap());
    let make =
        "CREATE TABLE parent (a int) PARTITION BY LIST (a); CREATE TABLE one PARTITION OF parent FOR VALUES IN (1);
        CREATE TABLE two PARTITION OF parent FOR VALUES IN (2); INSERT INTO parent VALUES (1), (2), (2);
        CREATE VIEW shown AS SELECT * FROM parent";
    session.execute("make tables", make).unwrap();
    let anew =
        |table: &str| other.execute("write a table anew", &format!("BEGIN; {}; COMMIT", same_rows(table))).unwrap();
    // The snapshot is of the first question, and the table is written anew before the second one, so often.
    let count = |session: &Session, question: &str, rewritten: &dyn Fn()| {
        session.ask("count", "SELECT 1", &[])?;
        rewritten();
        Ok::<i64, Error>(session.ask("count", &format!("SELECT count(*) FROM {question}"), &[])?[0].get(0))
    };
    let refused = |question: &str, table: &str| {
        let found = session.in_one_snapshot("count rows", |session| count(session, question, &|| anew(table)));
        match found {
            Err(Error::Rewritten { table, .. }) => Err(table),
            other => Ok(other.unwrap()),
        }
    };
    assert_eq!(refused("parent", "two"), Err("two".to_owned()));
    assert_eq!(refused("shown", "one"), Err("one".to_owned()), "behind a view");
    assert_eq!(refused("parent WHERE a = 1", "two"), Ok(1), "it was not read");
    let replace =
        "BEGIN; CREATE TABLE new AS SELECT * FROM two; ALTER TABLE parent DETACH PARTITION two; DROP TABLE two;
        ALTER TABLE new RENAME TO two; ALTER TABLE parent ATTACH PARTITION two FOR VALUES IN (2); COMMIT";
    let replaced = session.in_one_snapshot("count rows", |session| {
        count(session, "parent", &|| other.execute("put another in its place", replace).unwrap())
    });
    assert!(matches!(&replaced, Err(Error::Rewritten { table, .. }) if table == "two"), "{replaced:?}");
    // What is asked once more has the rows, unless that happens each time.
    let tries = std::cell::Cell::new(0);
    let until = |last: u32| {
        tries.set(0);
        session.in_snapshot("count rows", |session| {
            tries.set(tries.get() + 1);
            count(session, "parent", &|| {
                if tries.get() <= last {
                    anew("two")
                }
            })
        })
    };
    assert_eq!((until(0).unwrap(), tries.get()), (3, 1));
    assert_eq!((until(2).unwrap(), tries.get()), (3, 3));
    let error = until(9).unwrap_err();
    assert!(
        error.to_string().starts_with("two was written anew on ") && error.to_string().ends_with("; try again"),
        "{error}"
    );
    assert_eq!(tries.get(), 3);
    assert_eq!(until(0).unwrap(), 3, "the session goes on");
}

#[test]
fn partitions_that_cannot_have_an_instant_are_not_opened() {
    let Some(running) = running() else { return };
    let session = running.database("pruned_instants");
    let make = "CREATE TABLE parent (at timestamptz) PARTITION BY RANGE (at);
        CREATE TABLE early PARTITION OF parent FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-01-02 00:00:00+00');
        CREATE TABLE late PARTITION OF parent FOR VALUES FROM ('2026-01-02 00:00:00+00') TO ('2026-01-03 00:00:00+00')";
    session.execute("make tables", make).unwrap();
    let text = |sql: &str| session.ask("look", sql, &[]).unwrap()[0].get::<_, String>(0);
    let second = 1_767_312_000_000_000;
    // The last two are where a number times an interval would be off by one.
    for micros in [second, second + 1, -1, 0, super::FIRST, -9_223_372_036_854_775, 9_223_372_036_854_775] {
        let there = text(&format!("SELECT (extract(epoch FROM {}) * 1000000)::bigint::text", super::instant(micros)));
        assert_eq!(there, micros.to_string());
    }
    for zone in ["UTC", "Asia/Tokyo"] {
        session.execute("set the zone", &format!("SET TimeZone = '{zone}'")).unwrap();
        let plan = |condition: &str| text(&format!("EXPLAIN (COSTS off) SELECT FROM parent WHERE at {condition}"));
        assert!(plan(&format!("< {}", super::instant(second))).contains("early"));
        assert!(plan(&format!(">= {}", super::instant(second))).contains("late"));
    }
}

#[test]
fn missing_tables_and_rights_are_told_apart() {
    let Some(running) = running() else { return };
    let owner = running.database("rights");
    owner.execute("make a table", "CREATE TABLE secret (a int)").unwrap();
    let reader = open(&running.settings_of("rights", "reader")).unwrap();
    let copy = |table: &str| {
        reader.copy_out("copy a table", &format!("SELECT * FROM {table}"), |_| Ok::<_, Error>(())).unwrap_err()
    };
    let denied = copy("secret");
    assert!(matches!(&denied, Error::Denied { .. }) && denied.to_string().contains("GRANT SELECT"), "{denied}");
    let missing = copy("nothing");
    assert!(matches!(missing, Error::Missing { .. }), "{missing:?}");
    // A session that was refused something goes on.
    assert_eq!(reader.ask("count", "SELECT 1", &[]).unwrap().len(), 1);
}

#[test]
fn rows_that_policies_hide_are_not_left_out_without_a_word() {
    let Some(running) = running() else { return };
    let owner = running.database("hidden_rows");
    let script = "
        CREATE TABLE theirs (a int);
        INSERT INTO theirs SELECT generate_series(1, 10);
        ALTER TABLE theirs ENABLE ROW LEVEL SECURITY;
        CREATE POLICY few ON theirs USING (a < 3);
        CREATE TABLE own (a int);
        ALTER TABLE own ENABLE ROW LEVEL SECURITY;
        GRANT SELECT ON theirs TO reader;
        ALTER TABLE own OWNER TO reader;
        CREATE ROLE view_owner;
        GRANT SELECT ON theirs TO view_owner;
        CREATE VIEW shown AS SELECT a FROM theirs;
        ALTER VIEW shown OWNER TO view_owner;
        GRANT SELECT ON shown TO reader";
    owner.execute("make tables", script).unwrap();
    let reader = open(&running.settings_of("hidden_rows", "reader")).unwrap();
    let copy = |session: &Session, table: &str| {
        session.copy_out("copy a table", &format!("SELECT * FROM {table}"), |_| Ok::<_, Error>(()))
    };
    let hidden = |table: &str, next_step: &str| {
        let error = copy(&reader, table).unwrap_err();
        assert!(matches!(error, Error::RowsHidden { .. }) && error.to_string().contains(next_step), "{error}");
    };
    hidden("theirs", "ALTER ROLE reader BYPASSRLS");
    assert_eq!(copy(&reader, "own").unwrap(), 0, "an owner sees all of it");
    owner.execute("hide them from their owner", "ALTER TABLE own FORCE ROW LEVEL SECURITY").unwrap();
    hidden("own", "NO FORCE ROW LEVEL SECURITY");
    assert_eq!(copy(&owner, "theirs").unwrap(), 10, "a superuser sees all of it");
    // Behind a view its owner is asked, whoever reads it.
    hidden("shown", "for the owner of that view");
    owner.execute("let the owner see all", "ALTER ROLE view_owner BYPASSRLS").unwrap();
    assert_eq!(copy(&reader, "shown").unwrap(), 10);
}

#[test]
fn the_catalog_is_what_is_there() {
    let Some(running) = running() else { return };
    let owner = running.database("catalog");
    let script = "
        CREATE TYPE side AS ENUM ('BUY', 'SELL');
        CREATE DOMAIN price AS numeric(18, 8) NOT NULL;
        CREATE TABLE \"Odd \"\"name\" (id uuid PRIMARY KEY, a price, b numeric, c numeric(10), s side, ts timestamp,
            tz timestamptz NOT NULL, f real, d double precision, j jsonb, x interval, n smallint, UNIQUE (tz, n));
        CREATE TABLE parts (t timestamptz, v bigint) PARTITION BY RANGE (t);
        CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
        INSERT INTO parts SELECT '2026-01-02', g FROM generate_series(1, 500) g;
        CREATE VIEW seen AS SELECT v FROM parts;
        ANALYZE;
        GRANT SELECT ON parts TO reader";
    owner.execute("make tables", script).unwrap();
    let found = catalog::read(&owner).unwrap();
    assert_eq!(found.facts.encoding, "UTF8");
    assert_eq!(found.facts.time_zone, "Asia/Tokyo");
    assert!(found.facts.version >= 120_000 && found.facts.may_create && !found.facts.is_standby);
    assert_eq!(found.facts.timescale, None);
    let names: Vec<String> = found.tables.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["public.Odd \"name", "public.parts", "public.seen"]);
    let of = |table: &str| &found.tables[&TableName { schema: "public".to_owned(), table: table.to_owned() }];
    let odd = of("Odd \"name");
    let kinds: Vec<&Type> = odd.columns.iter().map(|c| &c.kind).collect();
    let side = Type::Enum(vec!["BUY".to_owned(), "SELL".to_owned()]);
    let expected = [
        &Type::Uuid,
        &Type::Numeric(Some(8)),
        &Type::Numeric(None),
        &Type::Numeric(Some(0)),
        &side,
        &Type::Timestamp,
        &Type::Timestamptz,
        &Type::Real,
        &Type::Double,
        &Type::Jsonb,
        &Type::Other("interval".to_owned()),
        &Type::Int(2),
    ];
    assert_eq!(kinds, expected);
    assert_eq!((&of("parts").form, of("parts").rows_about), (&Form::Partitioned, Some(500)));
    assert_eq!(of("seen").form, Form::View);
    let reader = open(&running.settings_of("catalog", "reader")).unwrap();
    let seen = catalog::read(&reader).unwrap();
    let readable: Vec<String> = seen.tables.iter().filter(|(_, t)| t.may_read).map(|(n, _)| n.to_string()).collect();
    assert_eq!(readable, ["public.parts"]);
    assert!(!seen.facts.may_create);
}

#[test]
fn who_has_rows_of_whom_is_known_without_any_right() {
    let Some(running) = running() else { return };
    let owner = running.database("in_common");
    let script = "
        CREATE TABLE trades (t timestamptz, v bigint);
        CREATE TABLE btc () INHERITS (trades);
        CREATE TABLE btc_old () INHERITS (btc);
        CREATE TABLE other (v bigint);
        CREATE TABLE parts (t timestamptz, v bigint) PARTITION BY RANGE (t);
        CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2026-02-01') PARTITION BY RANGE (v);
        CREATE TABLE parts_1_a PARTITION OF parts_1 FOR VALUES FROM (0) TO (10);
        CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
        CREATE INDEX ON parts (t);
        CREATE VIEW seen AS SELECT v FROM btc WHERE v > 1;
        CREATE MATERIALIZED VIEW kept AS SELECT v FROM seen JOIN other USING (v);
        CREATE VIEW of_kept AS SELECT v FROM kept UNION ALL SELECT v FROM parts_1_a;
        CREATE RULE told AS ON INSERT TO other DO ALSO INSERT INTO trades VALUES (now(), new.v)";
    owner.execute("make tables", script).unwrap();
    let reader = open(&running.settings_of("in_common", "reader")).unwrap();
    let found = catalog::read(&reader).unwrap().tables;
    assert!(found.values().all(|table| !table.may_read));
    let held = |table: &str| {
        let name = TableName { schema: "public".to_owned(), table: table.to_owned() };
        found[&name].holds.iter().map(|held| held.table.as_str()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!([held("trades"), held("btc"), held("btc_old")], ["btc btc_old", "btc_old", ""]);
    assert_eq!(held("other"), "", "a rule for what is written is no view");
    assert_eq!(held("seen"), "btc btc_old");
    assert_eq!(held("kept"), "btc btc_old other seen");
    assert_eq!(held("of_kept"), "btc btc_old kept other parts_1_a seen");
    assert_eq!(held("parts"), "parts_1 parts_1_a", "of its parts those that a view reads, and what they are in");
}
