//! Strategies: how they stand, started and stopped by people.

use actix_web::{get, post, web};
use actors::ports::{Steer, StrategyStatus};
use messages::StrategyId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Reader, Trader};
use super::edge::Edge;
use super::problem::{Answer, Code, Problem};
use super::trading::Done;
use super::{Refusals, views, words};

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(read_strategies).service(read_strategy).service(steer_strategy);
}

/// Every strategy.
#[utoipa::path(tag = "strategies", responses((status = 200, description = "The answer", body = Vec<views::Strategy>), Refusals))]
#[get("/strategies")]
async fn read_strategies(_: Reader, edge: web::Data<Edge>) -> Answer<Vec<views::Strategy>> {
    let found = edge.runtime.strategies().await;
    Ok(web::Json(all(&edge, &found).await))
}

/// One strategy.
#[utoipa::path(tag = "strategies", responses((status = 200, description = "The answer", body = views::Strategy), Refusals))]
#[get("/strategies/{name}")]
async fn read_strategy(_: Reader, edge: web::Data<Edge>, name: web::Path<String>) -> Answer<views::Strategy> {
    let found: Vec<_> = edge.runtime.strategies().await.into_iter().filter(|s| s.name == *name).collect();
    let found = all(&edge, &found).await.into_iter().next();
    found.map(web::Json).ok_or_else(|| Problem::new(Code::NotFound, format!("no strategy `{name}` runs here")))
}

async fn all(edge: &Edge, found: &[StrategyStatus]) -> Vec<views::Strategy> {
    let (orders, snapshot) = (edge.runtime.orders().await, edge.runtime.portfolio().await);
    let open = orders.as_ref().map(|orders| orders.open.as_slice());
    let run = |name: &str| {
        let name: Option<StrategyId> = name.parse().ok();
        name.and_then(|name| edge.settings.strategies.run.get(&name)).cloned().unwrap_or_default()
    };
    let rules = edge.runtime.assembly().rules();
    let quote = |instrument| rules.get(&instrument).map(|rules| rules.quote);
    let results = |name: &str| views::Results::of(name, open, snapshot.as_deref(), quote);
    found.iter().map(|s| views::Strategy::of(s, &run(&s.name), results(&s.name))).collect()
}

/// Why it is done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Because {
    /// Why; it is written to the ledger.
    #[schema(max_length = 512)]
    pub why: String,
}

/// Starts, stops or restarts a strategy, or resumes one in quarantine.
#[utoipa::path(tag = "strategies", request_body = Because,
    params(("name" = String, Path), ("what" = String, Path, description = "start, stop, restart or resume", pattern = "^(start|stop|restart|resume)$")),
    responses((status = 200, description = "The answer", body = Done), Refusals))]
#[post("/strategies/{name}/{what}")]
async fn steer_strategy(
    trader: Trader,
    edge: web::Data<Edge>,
    path: web::Path<(String, String)>,
    because: web::Json<Because>,
) -> Answer<Done> {
    let (name, what) = path.into_inner();
    let steer = match what.as_str() {
        "start" | "resume" => Steer::Start,
        "stop" => Steer::Stop,
        "restart" => Steer::Restart,
        _ => return Err(Problem::new(Code::NotFound, format!("`{what}` is not start, stop, restart or resume"))),
    };
    if !edge.runtime.assembly().deciding().strategies.run.keys().any(|known| known.as_str() == name) {
        return Err(Problem::new(Code::NotFound, format!("no strategy `{name}` runs here")));
    }
    let why = words::cut(because.into_inner().why);
    edge.note(&trader.0, &format!("strategy.{what}"), &name, &why).await?;
    let done = edge.runtime.steer_strategy(&name, steer).await;
    done.map_err(|why| Problem::new(Code::Conflict, why))?;
    Ok(web::Json(Done { done: format!("{name}: {what} is done") }))
}
