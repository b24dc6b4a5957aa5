//! The whole: how it stands, whether it is well, and what it says.

use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::{HttpResponse, get, web};
use actors::ports::OrdersStatus;
use messages::UtcNanos;
use messages::telemetry::Level;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::Reader;
use super::edge::Edge;
use super::problem::{Answer, Code, Problem};
use super::{Refusals, stored, views, words};
use crate::stream::Stream;

/// How long whoever asks whether it lives waits for orders: a supervisor's probe waits no longer either.
const HEALTH_WITHIN: Duration = Duration::from_secs(3);

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(read_status).service(read_logs);
}

/// How an instance stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Its name.
    pub instance: String,
    /// The program's version.
    pub version: String,
    /// Whose money.
    pub account: String,
    /// Whether that is no real money.
    pub is_simulated: bool,
    /// What it is valued in.
    pub currency: String,
    /// Where orders go.
    pub orders_to: String,
    /// Which of the venue's worlds; null where it does not say.
    pub profile: Option<String>,
    /// Whether orders there move real money; null where the venue does not say.
    pub is_live: Option<bool>,
    /// Whether the venue is reached; null on paper, and where it does not answer.
    pub is_reached: Option<bool>,
    /// The feeds that run.
    pub feeds: Vec<String>,
    /// The number of this start.
    pub epoch: u64,
    /// When it began.
    pub started_at: String,
    /// The time here.
    pub now: String,
    /// What may be traded; null where orders do not answer.
    pub trading: Option<String>,
    /// Open orders; null likewise.
    pub open_orders: Option<usize>,
    /// How far the tables are behind the journals, in records.
    pub tables_behind: u64,
    /// False while the database opens.
    pub database_is_open: bool,
}

/// How the instance stands.
#[utoipa::path(tag = "system", responses((status = 200, description = "The answer", body = Status), Refusals))]
#[get("/status")]
async fn read_status(_: Reader, edge: web::Data<Edge>) -> Answer<Status> {
    let orders = edge.runtime.orders().await;
    let (settings, w) = (&edge.settings, &edge.watermarks);
    let behind = |(durable, applied): &(storage::journal::Watermark, storage::journal::Watermark)| {
        durable.get().0.saturating_sub(applied.get().0)
    };
    let account = settings.account.name;
    Ok(web::Json(Status {
        instance: settings.instance.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        account: views::text(account),
        is_simulated: views::is_simulated(account.as_str()),
        currency: views::text(settings.account.currency),
        orders_to: settings.venues.orders_to.clone(),
        profile: edge.place.map(|place| place.profile.to_owned()),
        is_live: edge.place.map(|place| place.is_live),
        is_reached: edge.runtime.venue().await.map(|venue| venue.connected),
        feeds: settings.feeds.run.iter().map(|feed| feed.as_str().to_owned()).collect(),
        epoch: edge.runtime.assembly().epoch(),
        started_at: views::text(edge.started),
        now: views::text(edge.wall.now()),
        trading: views::maybe(orders.as_ref().map(|orders| orders.trading)),
        open_orders: orders.map(|orders| orders.open.len()),
        tables_behind: behind(&w.ledger) + behind(&w.market),
        database_is_open: edge.database.pool().is_some(),
    }))
}

/// `GET /health`: is it alive? Open to all, and says little.
pub async fn health(edge: web::Data<Edge>, stream: web::Data<Stream>) -> HttpResponse {
    let (is_well, mut answer) = how_well(&edge).await;
    answer["stream_runs"] = json!(stream.runs());
    if is_well { HttpResponse::Ok().json(answer) } else { HttpResponse::ServiceUnavailable().json(answer) }
}

/// Whether all is well, and how it stands.
pub async fn how_well(edge: &Edge) -> (bool, Value) {
    let Some(orders) = orders_soon(edge).await else {
        return (false, json!({"status": "orders do not answer"}));
    };
    if (edge.has_failed)() {
        let status = "the thread that writes the tables has ended; merganser is stopping";
        return (false, json!({"status": status}));
    }
    let hot = edge.database.hot_window();
    let answer = json!({
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
    });
    (true, answer)
}

/// How orders stand, if they say so while whoever watches over the process still waits.
async fn orders_soon(edge: &Edge) -> Option<OrdersStatus> {
    tokio::time::timeout(HEALTH_WITHIN, edge.runtime.orders()).await.ok()?
}

/// `GET /ready`: can it trade and answer? Open to all; what is missing is named.
pub async fn ready(edge: web::Data<Edge>) -> HttpResponse {
    let mut missing = Vec::new();
    if orders_soon(&edge).await.is_none() {
        missing.push("orders do not answer");
    }
    if !edge.ledger_writes.load(Ordering::Acquire) {
        missing.push("the ledger cannot write");
    }
    if edge.database.pool().is_none() {
        missing.push("the database is still opening");
    }
    if (edge.has_failed)() {
        missing.push("the database has failed");
    }
    let answer = json!({"ready": missing.is_empty(), "missing": missing});
    if missing.is_empty() { HttpResponse::Ok().json(answer) } else { HttpResponse::ServiceUnavailable().json(answer) }
}

/// Which log lines.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// At least as important: `error`, `warn`, `info` or `debug`.
    #[param(value_type = Option<String>)]
    level: Option<Level>,
    /// Of this part of the program.
    component: Option<String>,
    /// Of this strategy.
    strategy: Option<String>,
    /// Of this order.
    order_id: Option<String>,
    /// With this correlation id.
    correlation_id: Option<String>,
    /// With these words in the message.
    text: Option<String>,
    /// After this line: its `log_id`.
    after: Option<u64>,
    /// From this time on, UTC.
    #[serde(default, deserialize_with = "words::maybe_time")]
    #[param(value_type = Option<String>)]
    since: Option<UtcNanos>,
    /// At most so many, the newest.
    #[serde(default = "hundred")]
    #[param(minimum = 1, maximum = 10000)]
    limit: u32,
}

fn hundred() -> u32 {
    100
}

/// Log lines that one answer may have.
const MOST_LINES: u32 = 10_000;

impl Which {
    /// The SELECT; every text is quoted.
    fn select(&self) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let levels = [Level::Error, Level::Warn, Level::Info, Level::Debug];
        let level = self.level.map(|least| {
            let names: Vec<String> = levels.iter().filter(|l| **l <= least).map(|l| quoted(l.as_str())).collect();
            format!("level IN ({})", names.join(", "))
        });
        let is = |column: &str, text: &Option<String>| text.as_ref().map(|text| format!("{column} = {}", quoted(text)));
        let wheres: Vec<String> = [
            level,
            is("component", &self.component),
            is("context.strategy_id", &self.strategy),
            is("context.order_id", &self.order_id),
            is("correlation_id::VARCHAR", &self.correlation_id),
            self.text.as_ref().map(|text| format!("contains(lower(message), lower({}))", quoted(text))),
            self.after.map(|after| format!("log_id > {after}")),
            self.since.map(|since| format!("timestamp >= '{since}'")),
        ]
        .into_iter()
        .flatten()
        .collect();
        let wheres = if wheres.is_empty() { String::new() } else { format!("WHERE {}", wheres.join(" AND ")) };
        // What follows a line is read from there on; else the newest are wanted.
        let order = if self.after.is_some() { "" } else { "DESC" };
        format!("SELECT * FROM ({LINES} {wheres} ORDER BY log_id {order} LIMIT {}) ORDER BY log_id", self.limit)
    }
}

const LINES: &str = "
    SELECT log_id, timestamp, level, component, message, event, context.order_id AS order_id,
        context.symbol AS symbol, context.strategy_id AS strategy_id, context.venue AS venue, data::VARCHAR AS data,
        exception.message AS exception, correlation_id::VARCHAR AS correlation_id
    FROM application_logs";

/// The newest log lines, the oldest of them first.
#[utoipa::path(tag = "system", params(Which), responses((status = 200, description = "The answer", body = Vec<Object>), Refusals))]
#[get("/logs")]
async fn read_logs(_: Reader, edge: web::Data<Edge>, which: web::Query<Which>) -> Answer<Vec<Map<String, Value>>> {
    if which.limit == 0 || which.limit > MOST_LINES {
        return Err(Problem::new(Code::Invalid, format!("limit: expected 1 to {MOST_LINES}")));
    }
    Ok(web::Json(stored::rows(&edge, which.select()).await?))
}
