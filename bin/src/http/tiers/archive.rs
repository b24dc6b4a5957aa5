//! The archive of a running instance: what stands where, what is due, a run.

use actix_web::{get, post, web};
use messages::UtcNanos;
use serde::{Deserialize, Serialize};
use storage::archive::{Report, Runs, Standing, Step, Ticket};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::commands::archive::{self, Run};
use crate::http::access::{Admin, Reader};
use crate::http::edge::Edge;
use crate::http::problem::{Answer, Code, Problem};
use crate::http::{Refusals, views, words};

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(read_tiers).service(read_archive).service(due_now).service(run_archive);
    config.service(read_restores).service(restore_archived);
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

/// Archived objects (GLACIER, DEEP_ARCHIVE) of a table that hold rows of a range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ArchiveRestore)]
pub struct Wanted {
    /// The table.
    #[schema(example = "market_ticks")]
    pub table: String,
    /// The first instant: `YYYY-MM-DD`, or with `HH:MM:SS`, in UTC.
    #[serde(deserialize_with = "words::time", serialize_with = "words::as_text")]
    #[schema(value_type = String, example = "2025-01-01")]
    pub from: UtcNanos,
    /// The first instant after it.
    #[serde(deserialize_with = "words::time", serialize_with = "words::as_text")]
    #[schema(value_type = String, example = "2025-01-08")]
    pub to: UtcNanos,
}

/// A restore that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = RestoreTicket)]
pub struct Restoring {
    /// The object's path in the store.
    pub path: String,
    /// How it stands, in words.
    pub state: String,
}

impl From<Ticket> for Restoring {
    fn from(Ticket { path, state }: Ticket) -> Self {
        Self { path, state }
    }
}

/// Archived objects that were asked for since the start, by people or for a question, and how they stand.
#[utoipa::path(tag = "tiers", responses((status = 200, description = "The answer", body = Vec<Restoring>), Refusals))]
#[get("/archive/restores")]
async fn read_restores(_: Reader, edge: web::Data<Edge>) -> Answer<Vec<Restoring>> {
    work(&edge, |edge| {
        Ok(edge.runtime.archive.with(|archive| archive.tickets())?.into_iter().map(Restoring::from).collect())
    })
    .await
}

/// Asks the object store to make archived objects readable for some days. Asking again tells how they stand.
#[utoipa::path(tag = "tiers", request_body = Wanted, responses((status = 200, description = "The answer", body = Vec<Restoring>), Refusals))]
#[post("/archive/restores")]
async fn restore_archived(admin: Admin, edge: web::Data<Edge>, asked: web::Json<Wanted>) -> Answer<Vec<Restoring>> {
    let Wanted { table, from, to } = asked.into_inner();
    archive::table(&table).map_err(|why| Problem::new(Code::Invalid, why))?;
    edge.note(&admin.0, "archive.restore", &table, &format!("{from} to {to}")).await?;
    work(&edge, move |edge| {
        let tickets = edge.runtime.archive.with(|archive| archive.restore(&table, from, to))?;
        Ok(tickets.into_iter().map(Restoring::from).collect())
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
