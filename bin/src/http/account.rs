//! The account: what is held and what it is worth, now.

use actix_web::{get, web};
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::Reader;
use super::edge::Edge;
use super::problem::{Answer, Problem};
use super::{Refusals, views};

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(read_positions).service(read_net_positions).service(read_portfolio);
}

/// Every position that is or was held since the account began, valued at the newest prices.
#[utoipa::path(tag = "account", responses((status = 200, description = "The answer", body = Vec<views::Position>), Refusals))]
#[get("/positions")]
async fn read_positions(_: Reader, edge: web::Data<Edge>) -> Answer<Vec<views::Position>> {
    let snapshot = edge.runtime.portfolio().await.ok_or_else(|| Problem::silent("positions"))?;
    Ok(web::Json(snapshot.positions.iter().map(views::Position::from).collect()))
}

/// What the account holds of each instrument: the sum of what its strategies hold.
#[utoipa::path(tag = "account", responses((status = 200, description = "The answer", body = Vec<views::NetPosition>), Refusals))]
#[get("/positions/net")]
async fn read_net_positions(_: Reader, edge: web::Data<Edge>) -> Answer<Vec<views::NetPosition>> {
    let snapshot = edge.runtime.portfolio().await.ok_or_else(|| Problem::silent("positions"))?;
    Ok(web::Json(views::NetPosition::all(&snapshot.positions)))
}

/// What the account is worth, valued at the newest prices.
#[utoipa::path(tag = "account", responses((status = 200, description = "The answer", body = views::Portfolio), Refusals))]
#[get("/portfolio")]
async fn read_portfolio(_: Reader, edge: web::Data<Edge>) -> Answer<views::Portfolio> {
    let snapshot = edge.runtime.portfolio().await.ok_or_else(|| Problem::silent("positions"))?;
    Ok(web::Json(views::Portfolio::of(&snapshot)))
}
