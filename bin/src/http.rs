//! The edge: `/health`, and the command line's questions to a running instance, on loopback.
//!
//! actix-web runs beside the actors with one worker of its own; it asks through ports and reads the
//! database through its readers. Everything but `/health` needs the token.

pub mod feeds;
pub mod history;
pub mod sql;
pub mod views;

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use actors::runtime::Runtime;
use anyhow::Context;
use messages::ledger::Seq;
use messages::orders::Command;
use messages::risk::{StateChange, TradingState};
use serde::{Deserialize, Serialize};
use storage::disk::Reserve;
use storage::journal::{Room, Watermark};
use storage::service::Database;

use crate::archive_api;
use crate::backup_api::{self, Directory};
use crate::output::Format;

/// The longest that a question waits for the tables to hold what was durable when it was asked.
pub const FRESH_WITHIN: Duration = Duration::from_secs(10);

/// The header with what is to be known of an answer.
pub const NOTE: &str = "merganser-answer";

/// What the handlers share.
pub struct Edge {
    /// The tree.
    pub runtime: Arc<Runtime>,
    /// The database.
    pub database: Database,
    /// How far the ledger and the market journal are durable, and how far the tables are.
    pub watermarks: Watermarks,
    /// False while the ledger cannot write.
    pub ledger_writes: Arc<AtomicBool>,
    /// Whether the disk of the tables has room.
    pub reserve: Reserve,
    /// Whether the market journal has room.
    pub room: Room,
    /// True when DuckDB does not follow any more.
    pub has_failed: Box<dyn Fn() -> bool + Send + Sync>,
    /// The data directory, for a backup.
    pub directory: Directory,
    /// What must be shown.
    pub token: String,
}

/// How far journals and tables are.
pub struct Watermarks {
    /// The ledger.
    pub ledger: (Watermark, Watermark),
    /// The market journal.
    pub market: (Watermark, Watermark),
}

/// A change of the trading state.
#[derive(Debug, Serialize, Deserialize)]
pub struct TradingRequest {
    /// The new state.
    pub state: TradingState,
    /// Why.
    pub why: String,
    /// Whether all open orders are cancelled, too: the kill switch.
    pub cancel_all: bool,
}

/// Starts listening. Returns where, and a handle to stop it.
pub fn start(address: &str, edge: Edge) -> anyhow::Result<(SocketAddr, ServerHandle)> {
    let edge = web::Data::new(edge);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(edge.clone())
            .app_data(web::JsonConfig::default().limit(1 << 20))
            .route("/health", web::get().to(health))
            .route("/api/v1/sql", web::post().to(sql::answer))
            .route("/api/v1/history", web::post().to(history::answer))
            .route("/api/v1/strategies", web::get().to(strategies))
            .route("/api/v1/strategies/{name}/resume", web::post().to(resume_strategy))
            .route("/api/v1/trading", web::post().to(trading))
            .route("/api/v1/reconcile", web::post().to(reconcile))
            .configure(feeds::routes)
            .configure(archive_api::routes)
            .configure(backup_api::routes)
    })
    .workers(1)
    // A client that is gone is seen, and what it asked for ends.
    .h1_allow_half_closed(false)
    .disable_signals()
    .shutdown_timeout(2)
    .bind(address)
    .with_context(|| format!("cannot listen on {address}; choose another http.address"))?;
    let bound = server.addrs().first().copied().context("the server has no address")?;
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok((bound, handle))
}

/// Makes the token of this run, readable by its owner alone.
pub fn make_token(path: &Path) -> anyhow::Result<String> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut bytes = [0; 32];
    std::fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut bytes)).context("cannot make a token")?;
    let token: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let _ = std::fs::remove_file(path);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.as_mut()
        .map_err(|e| std::io::Error::new(e.kind(), e.to_string()))
        .and_then(|f| f.write_all(token.as_bytes()))
        .with_context(|| format!("cannot write the token {}", path.display()))?;
    Ok(token)
}

/// The answer to who does not show the token; `None` for who does.
pub fn refusal(request: &HttpRequest, edge: &Edge) -> Option<HttpResponse> {
    let given =
        request.headers().get("Authorization").and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    // Hashes are compared, so that the time tells nothing of the token.
    let matches =
        given.is_some_and(|g| messages::ids::hash(g.as_bytes()) == messages::ids::hash(edge.token.as_bytes()));
    (!matches).then(|| HttpResponse::Unauthorized().body("the token is missing or wrong"))
}

async fn health(edge: web::Data<Edge>) -> HttpResponse {
    let Some(orders) = edge.runtime.orders().await else {
        return HttpResponse::ServiceUnavailable().json(serde_json::json!({"status": "orders do not answer"}));
    };
    if (edge.has_failed)() {
        let status = "the thread that writes the tables has ended; merganser is stopping";
        return HttpResponse::ServiceUnavailable().json(serde_json::json!({"status": status}));
    }
    let hot = edge.database.hot_window();
    HttpResponse::Ok().json(serde_json::json!({
        "status": "ok",
        "trading": orders.trading.to_string(),
        "open_orders": orders.open.len(),
        "ledger_durable": edge.watermarks.ledger.0.get().0,
        "market_durable": edge.watermarks.market.0.get().0,
        "ledger_in_tables": edge.watermarks.ledger.1.get().0,
        "market_in_tables": edge.watermarks.market.1.get().0,
        "hot_from": hot.map(|window| window.from.to_string()),
        "hot_to": hot.map(|window| window.to.to_string()),
        "tables_wait_for_room": edge.reserve.is_short(),
        "market_is_full": edge.room.is_full(),
        "market_segments_packed": edge.room.segments_packed(),
        "market_segments_dropped": edge.room.segments_dropped(),
    }))
}

/// The answer while the database is not open yet.
fn opening() -> HttpResponse {
    HttpResponse::ServiceUnavailable().body("the database is still opening; ask again in a moment")
}

/// The answer where the tables do not follow.
fn behind() -> HttpResponse {
    let within = messages::durations::format(FRESH_WITHIN);
    let text = format!("the tables are more than {within} behind the journals; ask again later, or with --stale");
    HttpResponse::ServiceUnavailable().body(text)
}

fn content_type(format: Format) -> &'static str {
    match format {
        Format::Table | Format::Csv | Format::Json => "text/plain; charset=utf-8",
        Format::Parquet => "application/vnd.apache.parquet",
    }
}

/// Waits until the tables hold what is durable now. Returns the last market record that was; `None` if it takes too long.
async fn wait_until_fresh(w: &Watermarks) -> Option<Seq> {
    let (ledger, market) = (w.ledger.0.get(), w.market.0.get());
    let deadline = now() + FRESH_WITHIN;
    while w.ledger.1.get() < ledger || w.market.1.get() < market {
        if now() > deadline {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Some(market)
}

#[expect(clippy::disallowed_methods, reason = "how long a person waits is real time")]
fn now() -> Instant {
    Instant::now()
}

async fn strategies(request: HttpRequest, edge: web::Data<Edge>) -> HttpResponse {
    if let Some(refused) = refusal(&request, &edge) {
        return refused;
    }
    HttpResponse::Ok().json(edge.runtime.strategies().await)
}

async fn resume_strategy(request: HttpRequest, edge: web::Data<Edge>, name: web::Path<String>) -> HttpResponse {
    if let Some(refused) = refusal(&request, &edge) {
        return refused;
    }
    match name.parse() {
        Ok(known) if edge.runtime.resume_strategy(known) => {
            HttpResponse::Ok().body(format!("{name} is asked to start again\n"))
        }
        _ => HttpResponse::NotFound().body(format!("there is no strategy `{name}` here")),
    }
}

async fn reconcile(request: HttpRequest, edge: web::Data<Edge>) -> HttpResponse {
    if let Some(refused) = refusal(&request, &edge) {
        return refused;
    }
    match edge.runtime.reconcile().await {
        Ok(()) => HttpResponse::Ok().body("restored from the ledger; the venue is asked about every open order\n"),
        Err(why) => HttpResponse::InternalServerError().body(why),
    }
}

async fn trading(request: HttpRequest, edge: web::Data<Edge>, change: web::Json<TradingRequest>) -> HttpResponse {
    if let Some(refused) = refusal(&request, &edge) {
        return refused;
    }
    let TradingRequest { state, why, cancel_all } = change.into_inner();
    let heard = edge.runtime.set_trading(StateChange { state, by: "manual".to_owned(), why })
        && (!cancel_all || edge.runtime.command(Command::CancelAll));
    if !heard {
        return HttpResponse::ServiceUnavailable().body("orders is being restored and did not hear; say it again");
    }
    let journaled = edge.ledger_writes.load(Ordering::Acquire);
    let what = if cancel_all { ", all open orders are to be cancelled" } else { "" };
    HttpResponse::Ok().body(format!("trading is to be {state}{what} (journaled: {journaled})\n"))
}
