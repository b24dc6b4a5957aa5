//! The archive of a running instance: what stands where, what is due, a run.

use actix_web::{get, post, web};
use serde::{Deserialize, Serialize};
use storage::archive::{Report, Runs, Standing, Step};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::commands::archive::Run;
use crate::http::access::{Admin, Reader};
use crate::http::edge::Edge;
use crate::http::problem::{Answer, Problem};
use crate::http::{Refusals, views};

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(read_tiers).service(read_archive).service(due_now).service(run_archive);
}

/// What stands where: rows and bytes by table, period and tier.
#[utoipa::path(tag = "tiers", responses((status = 200, description = "The answer", body = Vec<Object>), Refusals))]
#[get("/tiers")]
async fn read_tiers(_: Reader, edge: web::Data<Edge>) -> Answer<Vec<Standing>> {
    work(&edge, |edge| Ok(edge.runtime.archive.with(|archive| archive.status())?)).await
}

/// The archive since the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Archive)]
struct Status {
    /// When it runs: minute hour day month weekday, in UTC; empty for by hand alone.
    schedule: String,
    /// Runs.
    runs: u64,
    /// Steps of them that failed.
    steps_failed: u64,
    /// Whether the last one that ended has failed; null before one has.
    last_failed: Option<bool>,
    /// The time of the last good one; null before one was.
    last_good: Option<String>,
}

/// When the archive runs, and how it went since the start.
#[utoipa::path(tag = "tiers", responses((status = 200, description = "The answer", body = Status), Refusals))]
#[get("/archive")]
async fn read_archive(_: Reader, edge: web::Data<Edge>) -> Answer<Status> {
    let Runs { begun: runs, steps_failed, last_failed, last_good } = edge.runtime.archive.runs();
    let schedule = edge.settings.tiers.schedule.clone();
    Ok(web::Json(Status { schedule, runs, steps_failed, last_failed, last_good: views::maybe(last_good) }))
}

/// What a run would move or delete now.
#[utoipa::path(tag = "tiers", request_body = Run, responses((status = 200, description = "The answer", body = Vec<Object>), Refusals))]
#[post("/archive/due")]
async fn due_now(_: Reader, edge: web::Data<Edge>, asked: web::Json<Run>) -> Answer<Vec<Step>> {
    work(&edge, move |edge| {
        asked.check()?;
        Ok(edge.runtime.archive.with(|archive| archive.due(asked.at(), &asked.tables))?)
    })
    .await
}

/// Moves what is due. Answers when it is done, which may take long.
#[utoipa::path(tag = "tiers", request_body = Run, responses((status = 200, description = "The answer", body = Object), Refusals))]
#[post("/archive/run")]
async fn run_archive(admin: Admin, edge: web::Data<Edge>, asked: web::Json<Run>) -> Answer<Report> {
    edge.note(&admin.0, "archive.run", asked.tables.join(","), "").await?;
    work(&edge, move |edge| {
        asked.check()?;
        Ok(edge.runtime.archive.run(asked.at(), &asked.tables)?)
    })
    .await
}

/// Does blocking work.
async fn work<T: Send + 'static>(
    edge: &web::Data<Edge>,
    work: impl FnOnce(&Edge) -> anyhow::Result<T> + Send + 'static,
) -> Answer<T> {
    let edge = edge.clone();
    let done = web::block(move || work(&edge)).await.map_err(Problem::from)?;
    Ok(web::Json(done?))
}
