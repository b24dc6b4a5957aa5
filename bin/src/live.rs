//! A live run: storage, the tree and the edge put together, until something ends it; then all stop in order.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actors::audience::{self, Audience, Heard};
use actors::clock::Clock;
use actors::feeds::live::LiveFeed;
use actors::feeds::player::MakeFrames;
use actors::runtime::{self, Plan, Runtime, WantsStop};
use actors::strategies::registry::Registry;
use actors::telemetry::edge::{EdgeCounts, StreamCounts};
use actors::venues::Route;
use actors::venues::paper::models::Models;
use actors::venues::place::Place;
use anyhow::{Context, bail};
use config::Settings;
use messages::ids::IdMaker;
use messages::ledger::Mode;
use messages::{Exchange, UtcNanos};
use serde_json::json;
use storage::DataDir;
use storage::datadir::{Owner, Paths};
use storage::journal::{Health, Log};
use storage::service::Storage;
use storage::sql_tiers::Scope;

use crate::http;
use crate::http::body::Answers;
use crate::http::edge::{Edge, Watermarks};
use crate::http::metrics::Requests;
use crate::http::sides::Sides;
use crate::http::tiers::backup::{Current, Directory};
use crate::http::views::Alert;
use crate::stopped::Tables;
use crate::stream::{Known, Running, Sources, Stream};
use crate::{Plugins, stopped, telemetry};

/// What a live run is made from.
pub struct Live {
    /// The settings.
    pub settings: Settings,
    /// Where orders go.
    pub route: Route,
    /// The exchanges whose data comes in.
    pub exchanges: Vec<Exchange>,
    /// Live or replay.
    pub mode: Mode,
    /// Frames that are played: a recording or the simulated market.
    pub frames: Option<MakeFrames>,
    /// Feeds of venues outside.
    pub feeds: Vec<LiveFeed>,
    /// The time of the run.
    pub clock: Clock,
    /// How long it runs; `None` until somebody stops it.
    pub stop_after: Option<Duration>,
}

/// Runs until a signal, the time or the input ends it. Prints what it did.
pub fn run(live: Live, root: &Path, plugins: Plugins) -> anyhow::Result<()> {
    let use_duckdb = config::use_duckdb()?;
    let dir = DataDir::create(&stopped::paths(root, &live.settings))?;
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start tokio")?;
    let models = plugins.venues.models().clone();
    threads.block_on(until_stopped(live, dir, (plugins.strategies, models), use_duckdb))
}

async fn until_stopped(
    live: Live,
    mut dir: DataDir,
    (registry, models): (Registry, Models),
    use_duckdb: Option<bool>,
) -> anyhow::Result<()> {
    let Live { settings, route, exchanges, mode, frames, feeds, clock, stop_after } = live;
    let place = route.place();
    let paths = stopped::paths(dir.root(), &settings);
    let ledger_writes = Arc::new(AtomicBool::new(true));
    let (health_tx, health_rx) = flume::unbounded();
    let (duck, hot) = (settings.duckdb.options(), settings.hot.options());
    let on_health = move |log, health| drop(health_tx.send((log, health)));
    let (cold, timescale) = (&settings.tiers.cold, &settings.timescale);
    let storage = Storage::open(&paths, &settings.journal, cold, timescale, duck, hot, on_health)?;
    telemetry::send_to(storage.telemetry());
    if let Some(use_duckdb) = use_duckdb {
        tracing::warn!(
            event = "reads_overridden",
            use_duckdb,
            "USE_DUCKDB says who answers history, whatever the phase"
        );
        storage.reads().share().set_override(Some(use_duckdb));
    }
    let started = Clock::wall().now();
    let (audience, seat) = audience::channel();
    let requests = Arc::new(Requests::default());
    let (counted, watched, reads) = (requests.clone(), seat.stats.clone(), storage.reads());
    let plan = Plan {
        mode,
        frames,
        live: feeds,
        ledger_writes: ledger_writes.clone(),
        edge: Some(Arc::new(move || {
            let (requests, stream, reads) = (counted.counts(), Some(counts(&watched)), reads.stats());
            EdgeCounts { requests, stream, reads }
        })),
        route,
        models,
        audience: Some(audience.clone()),
        ..settings.plan(&paths, exchanges, registry, clock)
    };
    let runtime = match runtime::start(plan, &storage).await {
        Ok(runtime) => Arc::new(runtime),
        Err(error) => {
            storage.finish()?;
            return Err(error.into());
        }
    };
    pass_on_health(health_rx, runtime.on_journal_health());

    let settings = Arc::new(settings);
    let (stream, watching) = watch(&runtime, (audience, seat), &settings)?;
    let own = Own { ledger_writes, started, requests, stream, place };
    let (server, backup) = match serve(&settings, &paths, &mut dir, &runtime, &storage, own) {
        Ok(server) => server,
        Err(error) => {
            // It trades already: it stops as it always does.
            runtime.stop().await;
            storage.finish()?;
            return Err(error);
        }
    };
    let reason = wait(&runtime.wants_stop, stop_after, &storage).await?;
    let archive = runtime.archive.clone();
    backup.stop();
    archive.stop();
    // Trading ends first: nothing else that is to end may hold it up, and go on deciding meanwhile.
    runtime.stop().await;
    // Who watches has seen the end of it.
    tokio::task::spawn_blocking(|| watching.stop()).await.context("the stream did not end")?;
    server.stop(true).await;
    drop(runtime);
    // Whoever works on the database for long ends before it does.
    let ends = move || {
        backup.close();
        archive.close();
    };
    tokio::task::spawn_blocking(ends).await.context("a backup or the archive did not end")?;
    let finished = tokio::task::spawn_blocking(move || storage.finish()).await.context("storage did not end")?;
    finished.context("DuckDB did not follow to the end")?;
    report(&paths, &settings)?;
    match reason {
        Some(why) => bail!("stopped because of {why}"),
        None => Ok(()),
    }
}

/// The stream of the running tree.
fn watch(
    runtime: &Arc<Runtime>,
    (audience, seat): (Audience, audience::Seat),
    settings: &Settings,
) -> anyhow::Result<(Stream, Running)> {
    let (tree, threads) = (Arc::downgrade(runtime), tokio::runtime::Handle::current());
    let make_whole = Box::new(move || {
        let Some(runtime) = tree.upgrade() else { return };
        runtime.tell_open();
        let audience = audience.clone();
        threads.spawn(async move {
            let all = runtime.strategies().await;
            all.into_iter().for_each(|status| audience.tell(Heard::Strategy(status)));
        });
    });
    let mut open = runtime.open_alerts();
    open.mark_changed();
    let alerts = Box::new(move || {
        // A tree that has ended says nothing more.
        let has_changed = open.has_changed().unwrap_or(false);
        has_changed.then(|| open.borrow_and_update().iter().map(|alert| json!(Alert::of(alert))).collect())
    });
    let sources = Sources { seat, logs: Some(telemetry::tap()), alerts, make_whole };
    let rules = runtime.assembly().rules();
    let known = Known {
        instruments: rules.keys().copied().collect(),
        quotes: rules.iter().map(|(instrument, rules)| (*instrument, rules.quote)).collect(),
        timeframes: settings.bars.timeframes.clone(),
        strategies: settings.strategies.run.clone(),
    };
    Stream::start(sources, known).context("the stream cannot start")
}

/// What the stream has counted, as telemetry asks for it.
fn counts(stats: &audience::Stats) -> StreamCounts {
    let c = stats.counts();
    StreamCounts {
        clients: c.clients,
        messages: c.messages,
        bytes: c.bytes,
        conflated: c.conflated,
        closed_slow: c.closed_slow,
        closed_faulty: c.closed_faulty,
        closed_silent: c.closed_silent,
        turned_away: c.turned_away,
        resynced: c.resynced,
        lost_lines: c.lost_lines,
        lost: c.lost_events + c.lost_batches,
    }
}

/// What a run has of its own, for the edge.
struct Own {
    ledger_writes: Arc<AtomicBool>,
    started: UtcNanos,
    requests: Arc<Requests>,
    stream: Stream,
    place: Option<Place>,
}

/// Opens the edge and says where it is.
fn serve(
    settings: &Arc<Settings>,
    paths: &Paths,
    dir: &mut DataDir,
    runtime: &Arc<Runtime>,
    storage: &Storage,
    own: Own,
) -> anyhow::Result<(ServerHandle, Current)> {
    let token = http::make_token(&paths.token)?;
    let watermarks = Watermarks {
        ledger: (storage.ledger.watermark().clone(), storage.applied_ledger().clone()),
        market: (storage.market.watermark().clone(), storage.applied_market().clone()),
    };
    let (database, room) = (storage.database(), storage.room().clone());
    let (every, tiers) = (settings.timescale.shadow_every, settings.tiers.clone());
    let sides = Sides::new(database.clone(), storage.reads(), watermarks.clone(), every, tiers);
    let backup = Current::default();
    let directory = Directory {
        paths: paths.clone(),
        cold: settings.tiers.cold.clone(),
        reserve_bytes: settings.duckdb.reserve_bytes,
        current: backup.clone(),
    };
    let edge = Edge {
        runtime: runtime.clone(),
        database,
        answers: Answers::default(),
        sides,
        watermarks,
        ledger: storage.ledger.clone(),
        ledger_writes: own.ledger_writes,
        reserve: storage.reserve().clone(),
        room,
        has_failed: Box::new(storage.watch()),
        directory,
        settings: settings.clone(),
        place: own.place,
        started: own.started,
        ids: Mutex::new(IdMaker::new(storage.ledger.watermark().get().0, token.clone())),
        wall: Clock::wall(),
        requests: own.requests,
    };
    let (http::Listens { at: address, here }, server) = http::start(edge, own.stream, &token)?;
    // Who reads it may stand in another folder.
    let token_path = std::path::absolute(&paths.token).context("cannot tell where the token is")?;
    dir.announce(&Owner { pid: std::process::id(), address: Some(here.to_string()), token_path: Some(token_path) })?;
    let scheme = if settings.http.tls_certificate.as_os_str().is_empty() { "http" } else { "https" };
    eprintln!("merganser runs on {}; health at {scheme}://{address}/health; Ctrl-C stops it", dir.root().display());
    eprintln!("the dashboard is at {scheme}://{address}/; `merganser dashboard` prints a link that logs in");
    Ok((server, backup))
}

fn pass_on_health(from: flume::Receiver<(Log, Health)>, to: impl Fn(Log, Health) + Send + 'static) {
    tokio::spawn(async move {
        while let Ok((log, health)) = from.recv_async().await {
            to(log, health);
        }
    });
}

/// Waits for the end; says why when it is a failure.
async fn wait(
    wants_stop: &flume::Receiver<WantsStop>,
    after: Option<Duration>,
    storage: &Storage,
) -> anyhow::Result<Option<String>> {
    let mut terminate =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).context("cannot hear SIGTERM")?;
    let time_is_up = async {
        match after {
            Some(after) => tokio::time::sleep(after).await,
            None => std::future::pending().await,
        }
    };
    let storage_fails = async {
        while !storage.has_failed() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let reason = tokio::select! {
        () = time_is_up => None,
        _ = tokio::signal::ctrl_c() => None,
        _ = terminate.recv() => None,
        () = storage_fails => Some("a failure of DuckDB".to_owned()),
        stop = wants_stop.recv_async() => match stop {
            Ok(WantsStop::Failed(why)) => Some(why),
            Ok(WantsStop::InputEnded) => None,
            Err(_) => Some("a failure of the supervisor".to_owned()),
        },
    };
    Ok(reason)
}

/// Says what the directory holds now.
fn report(paths: &storage::datadir::Paths, settings: &Settings) -> anyhow::Result<()> {
    let Tables { instance, stores, .. } = stopped::recover(paths, settings)?;
    let limits = storage::sql::Limits { rows: 1_000, time: Duration::from_secs(30) };
    let ask = |scope| storage::sql::run(instance.pool(), &stores, REPORT, scope, limits);
    let answer = match ask(Scope::All) {
        Err(storage::sql::Error::Tiers(_)) => {
            eprintln!("without what is in cold storage:");
            ask(Scope::Local)
        }
        other => other,
    };
    let answer = match answer {
        Ok(answer) => answer,
        // The run was what it was, whatever can be read of the tables now.
        Err(error) => {
            eprintln!("the tables cannot be counted: {:#}", anyhow::Error::from(error));
            return Ok(());
        }
    };
    crate::output::write(&answer, crate::output::Format::Table, &mut std::io::stdout())
}

const REPORT: &str = "
    SELECT 'ticks' AS what, count(*) AS rows FROM market_ticks
    UNION ALL SELECT 'bars', count(*) FROM ohlcv_bars
    UNION ALL SELECT 'orders', count(*) FROM orders
    UNION ALL SELECT 'fills', count(*) FROM trades
    UNION ALL SELECT 'positions', count(*) FROM positions
    UNION ALL SELECT 'snapshots', count(*) FROM portfolio_snapshots";
