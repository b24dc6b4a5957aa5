//! Alerts: those that are open and those that were of late, and who has seen one.

use actix_web::{get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Reader, Trader};
use super::edge::Edge;
use super::openapi::Refusals;
use super::problem::{Answer, Code, Problem};
use super::views;
use super::words;

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(read_alerts).service(acknowledge_alert);
}

/// Why an alert is no more to be told.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AlertSeen)]
pub struct Seen {
    /// Why; it is written to the ledger.
    pub why: String,
}

/// The alerts that are open, the newest first, and behind them those that were of late.
#[utoipa::path(tag = "alerts", responses((status = 200, description = "The answer", body = Vec<views::Alert>), Refusals))]
#[get("/alerts")]
async fn read_alerts(_: Reader, edge: web::Data<Edge>) -> Answer<Vec<views::Alert>> {
    let alerts = edge.runtime.alerts().await.ok_or_else(|| Problem::silent("alerts"))?;
    Ok(web::Json(alerts.iter().map(views::Alert::of).collect()))
}

/// Says that a person has seen an alert. It stays open, and is not told again.
#[utoipa::path(tag = "alerts", request_body = Seen, responses((status = 200, description = "The answer", body = views::Alert), Refusals))]
#[post("/alerts/{alert_id}/acknowledge")]
async fn acknowledge_alert(
    trader: Trader,
    edge: web::Data<Edge>,
    alert_id: web::Path<String>,
    seen: web::Json<Seen>,
) -> Answer<views::Alert> {
    let why = words::cut(seen.into_inner().why);
    edge.note(&trader.0, "alert.seen", &*alert_id, &why).await?;
    let done = edge.runtime.acknowledge(alert_id.into_inner(), trader.0.name, why).await;
    match done.ok_or_else(|| Problem::silent("alerts"))? {
        Ok(alert) => Ok(web::Json(views::Alert::of(&alert))),
        Err(unknown) => Err(Problem::new(Code::NotFound, unknown.to_string())),
    }
}
