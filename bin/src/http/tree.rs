//! The tree of actors. Nobody in it is asked: one that hangs is shown as well.

use actix_web::{get, web};
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::Reader;
use super::edge::Edge;
use super::openapi::Refusals;
use super::problem::Answer;
use super::views;

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(read_actors);
}

/// Every actor: its state, restarts, what it handled and what waits for it, its last message.
#[utoipa::path(tag = "system", responses((status = 200, description = "The answer", body = Vec<views::Actor>), Refusals))]
#[get("/actors")]
async fn read_actors(_: Reader, edge: web::Data<Edge>) -> Answer<Vec<views::Actor>> {
    Ok(web::Json(edge.runtime.actors().iter().map(views::Actor::of).collect()))
}
