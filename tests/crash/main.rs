//! Crashes: a runtime in a process of its own, killed with SIGKILL at random moments and started again, while
//! the venue lives on in this process. Afterwards the venue's books, the ledger and the tables must say the same.
//!
//! `MERGANSER_KILLS` says how often; a handful without it.

mod archive;
mod import;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use messages::ledger::{LedgerRecord, Seq};
use storage::journal::Reader;
use testkit::venue::books::Stands;
use testkit::venue::server::Server;

const ACCOUNT: &str = "socket-test";

/// A data directory, the venue that its orders go to, and the binary.
struct Bench {
    dir: PathBuf,
    venue: Server,
}

impl Bench {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_socket-merganser"));
        let address = self.venue.address;
        command.args(arguments).arg("--data-dir").arg(&self.dir);
        for setting in [
            "venues.orders_to=socket".to_owned(),
            format!("venues.parameters={{address=\"{address}\",account=\"{ACCOUNT}\"}}"),
            format!("account.name={ACCOUNT}"),
            "venues.query_after=300ms".to_owned(),
            "venues.not_received_after=1500ms".to_owned(),
            "strategies.run.market_maker.parameters={every=\"50ms\"}".to_owned(),
        ] {
            command.args(["--set", &setting]);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end and returns what it printed.
    fn output(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?} failed:\n{out}\n{err}");
        out.into_owned()
    }

    fn sql(&self, query: &str) -> Vec<String> {
        let text = self.output(&["sql", query, "--format", "csv", "--max-rows", "10000000"]);
        text.lines().skip(1).map(str::to_owned).collect()
    }

    fn start(&self) -> Child {
        self.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

#[expect(clippy::disallowed_methods, reason = "a test of real processes takes real time")]
fn now() -> Instant {
    Instant::now()
}

/// Waits until the venue has a new order of this start; returns how long that took.
#[expect(clippy::disallowed_methods, reason = "a test of real processes takes real time")]
fn until_it_trades(bench: &Bench, child: &mut Child) -> Duration {
    let (began, before) = (now(), bench.venue.submits());
    while bench.venue.submits() == before {
        assert!(child.try_wait().unwrap().is_none(), "the runtime ended by itself");
        assert!(began.elapsed() < Duration::from_secs(60), "the runtime does not trade");
        sleep(Duration::from_millis(1));
    }
    began.elapsed()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads its size from the environment, and waits before it kills")]
fn nothing_is_lost_and_nothing_repeated_over_kills() {
    let kills: u64 = std::env::var("MERGANSER_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(4);
    let temp = tempfile::tempdir().unwrap();
    let bench = Bench { dir: temp.path().join("run"), venue: Server::open(ACCOUNT.parse().unwrap(), 1) };
    let (mut starts, mut moment) = (Vec::new(), 7u64);
    for _ in 0..kills {
        let mut child = bench.start();
        starts.push(until_it_trades(&bench, &mut child));
        moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        sleep(Duration::from_millis((moment >> 33) % 700));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // A last run in peace: what is open is asked about, and canceled at its stop.
    bench.output(&["run", "--for", "5s"]);

    assert!(
        bench.venue.books().repeated.is_empty(),
        "the venue saw an order twice: {:?}",
        bench.venue.books().repeated
    );
    let fills = agree_on_orders_and_fills(&bench);
    let events = agree_with_the_ledger(&bench);
    bench.output(&["doctor"]);
    rerun_agrees(&bench, temp.path());
    starts.sort();
    let (p50, worst) = (starts[starts.len() / 2], starts[starts.len() - 1]);
    println!(
        "{kills} kills: {} orders at the venue, {fills} fills and {events} order events, each once; \
         from start to first order {} ms at p50, {} ms at most",
        bench.venue.books().orders.len(),
        p50.as_millis(),
        worst.as_millis()
    );
}

/// What happened to orders, for who reads how one came to differ.
const EVENTS: &str = "select e.* from order_events e join orders o using (order_id)";

/// The venue's books against the tables.
fn agree_on_orders_and_fills(bench: &Bench) -> usize {
    let books = bench.venue.books();
    let mut ours: BTreeMap<String, (String, String)> = BTreeMap::new();
    for row in bench.sql("select client_order_id, status, filled_quantity from orders where status <> 'denied'") {
        let [id, status, filled] = row.split(',').collect::<Vec<_>>()[..] else { panic!("{row}") };
        ours.insert(id.to_owned(), (status.to_owned(), filled.to_owned()));
    }
    for (id, order) in &books.orders {
        let (status, filled) =
            ours.get(id.as_str()).unwrap_or_else(|| panic!("{id} is at the venue and not in orders"));
        let expected = match order.stands {
            Stands::Open => panic!("{id} is still open at the venue and {status} here"),
            Stands::Filled => "filled",
            Stands::Canceled => "canceled",
            Stands::Rejected => "rejected",
        };
        let found = (status.as_str(), same(filled));
        let happened = || bench.sql(&format!("{EVENTS} where o.client_order_id = '{id}' order by number")).join("\n");
        assert_eq!(found, (expected, same(&order.filled().to_string())), "{id}:\n{}", happened());
    }
    // What never reached the venue ended as such.
    let lost = ours.iter().filter(|(id, _)| !books.orders.contains_key(&id.parse().unwrap()));
    for (id, (status, filled)) in lost {
        assert_eq!((status.as_str(), same(filled)), ("rejected", same("0")), "{id} never reached the venue");
    }
    let theirs: Vec<String> =
        books.orders.values().flat_map(|o| &o.fills).map(|f| f.execution_id.to_string()).collect();
    let trades = bench.sql("select execution_id from trades");
    let unique: BTreeSet<&String> = trades.iter().collect();
    assert_eq!(unique.len(), trades.len(), "a fill was booked twice");
    assert_eq!(unique, theirs.iter().collect(), "fills of the venue and of the tables");
    assert!(theirs.len() > 3, "the test needs fills");
    theirs.len()
}

/// Decimals without their trailing zeros.
fn same(decimal: &str) -> String {
    let text = if decimal.contains('.') { decimal.trim_end_matches('0').trim_end_matches('.') } else { decimal };
    text.to_owned()
}

/// The ledger against the tables: every record is there exactly once.
fn agree_with_the_ledger(bench: &Bench) -> usize {
    let (mut events, mut booked) = (Vec::new(), Vec::new());
    let mut ledger = Reader::<LedgerRecord>::new(&bench.dir.join("ledger"), Seq(1));
    while let Some(group) = ledger.next_group(Seq(u64::MAX)).unwrap() {
        for (_, record) in group.records {
            match record {
                LedgerRecord::Order(u) => events.push(format!("{},{}", u.event.order_id, u.event.number)),
                LedgerRecord::Booked(b) => booked.push(b.trade.trade_id.to_string()),
                _ => {}
            }
        }
    }
    events.sort();
    booked.sort();
    assert!(events.windows(2).all(|w| w[0] != w[1]), "an order event is in the ledger twice");
    let mut rows = bench.sql("select order_id, number from order_events");
    rows.sort();
    assert_eq!(events, rows, "order events");
    let mut rows = bench.sql("select trade_id from trades");
    rows.sort();
    assert_eq!(booked, rows, "trades");
    events.len()
}

/// The whole history, every crash in it, is re-run from its journals to the same rows.
fn rerun_agrees(bench: &Bench, temp: &Path) {
    let again = Bench { dir: temp.join("again"), venue: Server::open(ACCOUNT.parse().unwrap(), 2) };
    let session = bench.dir.to_str().unwrap();
    let said = again.output(&["backtest", "--session", session]);
    println!("{}", said.lines().filter(|l| l.starts_with("note")).collect::<Vec<_>>().join("\n"));
    for (table, order) in [
        ("orders", "order_id"),
        ("order_events", "order_id, number"),
        ("trades", "trade_id"),
        ("positions", "position_id"),
        ("balances", "balance_id"),
        ("portfolio_snapshots", "snapshot_id"),
    ] {
        let query = format!("select * from {table} order by {order}");
        let (one, two) = (bench.sql(&query), again.sql(&query));
        let differs = one.iter().zip(&two).find(|(a, b)| a != b);
        assert!(one == two, "{table} differs in the re-run: {differs:?} ({} and {} rows)", one.len(), two.len());
    }
    assert_eq!(again.venue.submits(), 0, "a re-run sends nothing to anybody");
}
