//! Risk: each limit with its use, what has tripped, and what people change of it while the runtime trades.

use actix_web::{get, post, web};
use actors::orders::state::{LimitRow, RiskStatus, StatusRow};
use messages::StrategyId;
use messages::risk::{InstrumentStatus, Latch, LimitName, RiskAct, RiskChange, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Reader, Trader, Who};
use super::edge::{Edge, to_the_end};
use super::problem::{Answer, Code, Problem};
use super::trading::Done;
use super::{Refusals, words};

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(read_risk).service(change_limit).service(reset_latch).service(change_instrument);
}

/// How risk stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Risk {
    /// `ACTIVE`, `REDUCING` or `HALTED`.
    pub trading: String,
    /// What the account is worth in its currency; null where something it holds has no price.
    pub value: Option<String>,
    /// Latches that have fallen, instruments that do not trade, blackouts that hold.
    pub stops: Vec<Stop>,
    /// Each limit.
    pub limits: Vec<Limit>,
}

/// Something that stops orders beside the limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Stop {
    /// What.
    pub what: String,
    /// Why, or since when.
    pub why: String,
}

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Limit {
    /// Whom it binds: `all`, `account`, `strategy:NAME`, `symbol:EXCHANGE:SYMBOL`, or a strategy in a symbol.
    pub scope: String,
    /// Its key in the settings.
    pub name: String,
    /// Its value; `off` without one.
    pub limit: String,
    /// How much of it is used; null where it binds each order by itself, or a price is unknown.
    pub used: Option<String>,
    /// What would trip it.
    pub trips: String,
    /// Who changed it last, and when; null where the settings say it.
    pub changed: Option<String>,
}

impl From<RiskStatus> for Risk {
    fn from(status: RiskStatus) -> Self {
        let RiskStatus { trading, value, stops, limits } = status;
        let stops = stops.into_iter().map(|StatusRow { what, why }| Stop { what, why }).collect();
        let limit = |row| {
            let LimitRow { scope, name, limit, used, trips, changed } = row;
            Limit { scope, name, limit, used, trips, changed }
        };
        Self { trading, value, stops, limits: limits.into_iter().map(limit).collect() }
    }
}

/// A change of a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitChange {
    /// `all`, `account`, `strategy:NAME` or `symbol:EXCHANGE:SYMBOL`.
    pub scope: String,
    /// Its key in the settings, as `max_order_notional`.
    pub name: String,
    /// Its new value as the settings write it, 0 for off; `settings` for what they say.
    pub value: String,
    /// Why; it is written to the ledger.
    #[schema(min_length = 1, max_length = 512)]
    pub why: String,
}

/// A latch is set free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// `daily_loss`, `drawdown` or `rejects`.
    pub latch: String,
    /// Whose, where it is a strategy's; null for the account's.
    #[serde(default)]
    pub strategy: Option<String>,
    /// Why; it is written to the ledger.
    #[schema(min_length = 1, max_length = 512)]
    pub why: String,
}

/// The status of an instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstrumentChange {
    /// `exchange:symbol`.
    pub instrument: String,
    /// `trading`, `cancel_only` or `halted`.
    pub status: String,
    /// Why; it is written to the ledger.
    #[serde(default)]
    #[schema(max_length = 512)]
    pub why: String,
}

/// Each limit, its use and what would trip it.
#[utoipa::path(tag = "trading", responses((status = 200, description = "The answer", body = Risk), Refusals))]
#[get("/risk")]
async fn read_risk(_: Reader, edge: web::Data<Edge>) -> Answer<Risk> {
    let status = edge.runtime.risk_status().await.ok_or_else(|| Problem::silent("orders"))?;
    Ok(web::Json(Risk::from(*status)))
}

/// Changes a limit, tighter or looser, at once; it holds over restarts until it is changed again.
#[utoipa::path(tag = "trading", request_body = LimitChange, responses((status = 200, description = "The answer", body = Done), Refusals))]
#[post("/risk/limits")]
async fn change_limit(trader: Trader, edge: web::Data<Edge>, asked: web::Json<LimitChange>) -> Answer<Done> {
    let LimitChange { scope, name, value, why } = asked.into_inner();
    let (scope, name) = (parsed::<Scope>("scope", &scope)?, parsed::<LimitName>("name", &name)?);
    change(trader.0, edge, RiskAct::Limit { scope, name, value }, why).await
}

/// Sets a latch free; what it measures begins anew. Trading goes on once it is ACTIVE again.
#[utoipa::path(tag = "trading", request_body = Reset, responses((status = 200, description = "The answer", body = Done), Refusals))]
#[post("/risk/reset")]
async fn reset_latch(trader: Trader, edge: web::Data<Edge>, asked: web::Json<Reset>) -> Answer<Done> {
    let Reset { latch, strategy, why } = asked.into_inner();
    let latch = parsed::<Latch>("latch", &latch)?;
    let strategy = strategy.map(|name| parsed::<StrategyId>("strategy", &name)).transpose()?;
    change(trader.0, edge, RiskAct::Reset { latch, strategy }, why).await
}

/// Says what an instrument's venue takes.
#[utoipa::path(tag = "trading", request_body = InstrumentChange, responses((status = 200, description = "The answer", body = Done), Refusals))]
#[post("/risk/instruments")]
async fn change_instrument(trader: Trader, edge: web::Data<Edge>, asked: web::Json<InstrumentChange>) -> Answer<Done> {
    let InstrumentChange { instrument, status, why } = asked.into_inner();
    let instrument = words::instrument_of(&instrument)?;
    let status = parsed::<InstrumentStatus>("status", &status)?;
    change(trader.0, edge, RiskAct::Instrument { instrument, status }, why).await
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(key: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|why| Problem::new(Code::Invalid, format!("{key}: {why}")))
}

/// The ledger's record of it says who and why.
async fn change(who: Who, edge: web::Data<Edge>, act: RiskAct, why: String) -> Answer<Done> {
    to_the_end(async move {
        let change = RiskChange { act, by: who.name, why: words::cut(why) };
        let done = edge.runtime.change_risk(change).await;
        let text = "orders did not say in time that the change is durable; it may hold: see GET /api/v1/risk";
        let done = done.ok_or_else(|| Problem::new(Code::Unknown, text))?;
        done.map(|done| web::Json(Done { done })).map_err(|why| Problem::new(Code::Invalid, why))
    })
    .await
}
