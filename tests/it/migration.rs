//! The way out of PostgreSQL beside a server that takes connections and never says a word.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actors::clock::Clock;
use actors::ports::{Act, By, Step};
use actors::runtime;
use actors::strategies::registry::Registry;
use messages::UtcNanos;
use messages::ledger::{LedgerRecord, Seq};
use messages::migration::{Migration, MigrationChange, Phase, Watermark};
use storage::datadir::Paths;
use storage::service::Storage;
use tokio::net::TcpListener;
use tokio::time::Instant;

/// How often the others want their turn.
const TURN: Duration = Duration::from_millis(1);

/// Rows go to both sides.
fn dual_write() -> LedgerRecord {
    let at = UtcNanos(0);
    let watermark = Some(Watermark { market: Seq(0), at });
    LedgerRecord::Migration(Box::new(MigrationChange {
        state: Migration { phase: Phase::DualWrite, watermark, ..Migration::default() },
        by: "test".to_owned(),
        what: "migration.init".to_owned(),
        why: "a test".to_owned(),
        at,
    }))
}

#[test]
fn while_a_server_that_hangs_is_left_all_other_actors_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let paths = Paths::of(dir.path(), None);
    // One thread for all: what blocks it holds everybody up.
    let threads = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let storage = threads.block_on(async {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut settings = config::load(&config::Layers::default()).unwrap();
        settings.tiers.schedule.clear();
        settings.strategies.run.clear();
        settings.timescale.url = format!("postgres://me@{}/db", silent.local_addr().unwrap());
        settings.timescale.connect_timeout = Duration::from_secs(3_600);
        let (cold, timescale) = (&settings.tiers.cold, &settings.timescale);
        let duck = settings.duckdb.options();
        let storage = Storage::open(&paths, &settings.journal, cold, timescale, duck, None, |_, _| {}).unwrap();
        storage.ledger.append_and_wait(vec![dual_write()]).unwrap();
        let plan = settings.plan(&paths, Vec::new(), Registry::shipped(), Clock::wall());
        let runtime = runtime::start(plan, &storage).await.unwrap();
        let _asked = silent.accept().await.unwrap();

        let longest = Arc::new(AtomicU64::new(0));
        let notes = longest.clone();
        tokio::spawn(async move {
            let mut last = Instant::now();
            loop {
                tokio::time::sleep(TURN).await;
                let now = Instant::now();
                notes.fetch_max(u64::try_from((now - last).as_millis()).unwrap(), Ordering::Relaxed);
                last = now;
            }
        });
        tokio::time::sleep(TURN * 10).await;
        longest.store(0, Ordering::Relaxed);
        let by = By { who: "test".to_owned(), why: "it hangs".to_owned() };
        runtime.migrate(Act::Step(Step::Rollback), by).await.unwrap().unwrap();
        tokio::time::sleep(TURN * 10).await;
        // The server has two seconds: who is blocked has no turn for as long.
        let longest = longest.load(Ordering::Relaxed);
        assert!(longest < 1_500, "nobody had a turn for {longest} ms while the server was left");
        let status = runtime.migration().await.unwrap();
        assert_eq!((status.state.phase, status.standing.sink.state), (Phase::Off, "off"));
        runtime.stop().await;
        storage
    });
    drop(threads);
    storage.finish().unwrap();
}
