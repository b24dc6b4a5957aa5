//! The way out of PostgreSQL: how far it was gone, and its steps, forward and back.

use actix_web::{get, post, web};
use actors::ports::{Act, By, Step};
use messages::UtcNanos;
use serde::{Deserialize, Serialize};
use storage::migrate::way::Work;
use storage::query::Range;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Admin, Reader};
use super::edge::Edge;
use super::openapi::Refusals;
use super::problem::{Answer, Code, Problem};
use super::{views, words};

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(read_migration).service(begin_dual_write).service(bring_over).service(compare_sides);
    config.service(move_reads).service(promote_duckdb).service(go_back).service(leave_postgres).service(end_work);
}

/// How far the way out of PostgreSQL was gone, both sides, and what is under way.
#[utoipa::path(tag = "migration", responses((status = 200, description = "The answer", body = views::Migration), Refusals))]
#[get("/migration")]
async fn read_migration(_: Reader, edge: web::Data<Edge>) -> Answer<views::Migration> {
    let status = edge.runtime.migration().await.ok_or_else(|| Problem::silent("migration"))?;
    Ok(web::Json(views::Migration::of(&status)))
}

/// What was done, or has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = MigrationSaid)]
pub struct Said {
    /// In words.
    pub text: String,
}

/// Why a step is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = MigrationStep)]
pub struct Plain {
    /// Why; it is written to the ledger.
    #[schema(max_length = 512)]
    pub why: String,
}

/// What is to be brought over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = MigrationBackfillAsked)]
pub struct BackfillAsked {
    /// Why; it is written to the ledger.
    #[schema(max_length = 512)]
    pub why: String,
    /// Only these tables of theirs, as `public.trades`; empty for all of the mapping.
    pub tables: Vec<String>,
    /// The first instant of the range, UTC: `YYYY-MM-DD`, or with `HH:MM:SS`.
    #[serde(deserialize_with = "words::maybe_time", serialize_with = "words::maybe_as_text")]
    #[schema(value_type = Option<String>)]
    pub from: Option<UtcNanos>,
    /// The first instant after it.
    #[serde(deserialize_with = "words::maybe_time", serialize_with = "words::maybe_as_text")]
    #[schema(value_type = Option<String>)]
    pub to: Option<UtcNanos>,
    /// Also what came over before: it is replaced.
    pub again: bool,
}

/// What is to be held against each other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = MigrationCompareAsked)]
pub struct CompareAsked {
    /// Why; it is written to the ledger.
    #[schema(max_length = 512)]
    pub why: String,
    /// Only these tables of ours; empty for all.
    pub tables: Vec<String>,
    /// The first instant of the range, UTC: `YYYY-MM-DD`, or with `HH:MM:SS`.
    #[serde(deserialize_with = "words::maybe_time", serialize_with = "words::maybe_as_text")]
    #[schema(value_type = Option<String>)]
    pub from: Option<UtcNanos>,
    /// The first instant after it.
    #[serde(deserialize_with = "words::maybe_time", serialize_with = "words::maybe_as_text")]
    #[schema(value_type = Option<String>)]
    pub to: Option<UtcNanos>,
    /// Mends what differs, from the journal.
    pub repair: bool,
    /// How many rows that did not fit are taken as they are.
    pub accept_rejects: u64,
}

/// How many reads move over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MigrationReadsAsked)]
pub struct ReadsAsked {
    /// Why; it is written to the ledger.
    #[serde(default)]
    #[schema(max_length = 512)]
    pub why: String,
    /// Of a hundred.
    #[schema(maximum = 100)]
    pub percent: u8,
}

/// How DuckDB becomes the one that answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = MigrationPromoteAsked)]
pub struct PromoteAsked {
    /// Why; it is written to the ledger.
    #[schema(max_length = 512)]
    pub why: String,
    /// Nothing is written to PostgreSQL any more.
    pub freeze: bool,
}

/// How PostgreSQL is left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = MigrationLeaveAsked)]
pub struct LeaveAsked {
    /// Why; it is written to the ledger.
    #[schema(max_length = 512)]
    pub why: String,
    /// The name of the database, if its exported tables are to be dropped; else nothing is.
    pub drop: Option<String>,
}

/// Writes to both sides from here on: makes the server ready first.
#[utoipa::path(tag = "migration", request_body = Plain, responses((status = 200, description = "The answer", body = Said), Refusals))]
#[post("/migration/init")]
async fn begin_dual_write(admin: Admin, edge: web::Data<Edge>, asked: web::Json<Plain>) -> Answer<Said> {
    act(&admin, &edge, Act::Work(Work::Init), asked.into_inner().why).await
}

/// Brings over what stands in PostgreSQL from before dual write.
#[utoipa::path(tag = "migration", request_body = BackfillAsked, responses((status = 200, description = "The answer", body = Said), Refusals))]
#[post("/migration/backfill")]
async fn bring_over(admin: Admin, edge: web::Data<Edge>, asked: web::Json<BackfillAsked>) -> Answer<Said> {
    let BackfillAsked { why, tables, from, to, again } = asked.into_inner();
    act(&admin, &edge, Act::Work(Work::Backfill { tables, range: range(from, to)?, again }), why).await
}

/// Holds both sides against each other.
#[utoipa::path(tag = "migration", request_body = CompareAsked, responses((status = 200, description = "The answer", body = Said), Refusals))]
#[post("/migration/compare")]
async fn compare_sides(admin: Admin, edge: web::Data<Edge>, asked: web::Json<CompareAsked>) -> Answer<Said> {
    let CompareAsked { why, tables, from, to, repair, accept_rejects } = asked.into_inner();
    let work = Work::Compare { tables, range: range(from, to)?, repair, accept_rejects };
    act(&admin, &edge, Act::Work(work), why).await
}

/// Lets DuckDB answer so many of a hundred reads.
#[utoipa::path(tag = "migration", request_body = ReadsAsked, responses((status = 200, description = "The answer", body = Said), Refusals))]
#[post("/migration/reads")]
async fn move_reads(admin: Admin, edge: web::Data<Edge>, asked: web::Json<ReadsAsked>) -> Answer<Said> {
    let ReadsAsked { why, percent } = asked.into_inner();
    act(&admin, &edge, Act::Step(Step::Reads(percent)), why).await
}

/// Lets DuckDB alone answer.
#[utoipa::path(tag = "migration", request_body = PromoteAsked, responses((status = 200, description = "The answer", body = Said), Refusals))]
#[post("/migration/promote")]
async fn promote_duckdb(admin: Admin, edge: web::Data<Edge>, asked: web::Json<PromoteAsked>) -> Answer<Said> {
    let PromoteAsked { why, freeze } = asked.into_inner();
    act(&admin, &edge, Act::Step(Step::Promote { freeze }), why).await
}

/// Goes a step back.
#[utoipa::path(tag = "migration", request_body = Plain, responses((status = 200, description = "The answer", body = Said), Refusals))]
#[post("/migration/rollback")]
async fn go_back(admin: Admin, edge: web::Data<Edge>, asked: web::Json<Plain>) -> Answer<Said> {
    act(&admin, &edge, Act::Step(Step::Rollback), asked.into_inner().why).await
}

/// Exports all that stands in PostgreSQL, and leaves it; drops it only where that is said.
#[utoipa::path(tag = "migration", request_body = LeaveAsked, responses((status = 200, description = "The answer", body = Said), Refusals))]
#[post("/migration/decommission")]
async fn leave_postgres(admin: Admin, edge: web::Data<Edge>, asked: web::Json<LeaveAsked>) -> Answer<Said> {
    let LeaveAsked { why, drop } = asked.into_inner();
    act(&admin, &edge, Act::Work(Work::Decommission { drop }), why).await
}

/// Ends the work that is under way, at its next step.
#[utoipa::path(tag = "migration", request_body = Plain, responses((status = 200, description = "The answer", body = Said), Refusals))]
#[post("/migration/stop")]
async fn end_work(admin: Admin, edge: web::Data<Edge>, asked: web::Json<Plain>) -> Answer<Said> {
    act(&admin, &edge, Act::Stop, asked.into_inner().why).await
}

/// What is done stands in the ledger with the phase that it leads to; what only begins is noted there first.
async fn act(admin: &Admin, edge: &Edge, act: Act, why: String) -> Answer<Said> {
    let why = words::cut(why);
    if let Act::Work(work) = &act {
        edge.note(&admin.0, "migration.asked", work.name(), &why).await?;
    }
    let by = By { who: admin.0.name.clone(), why };
    match edge.runtime.migrate(act, by).await {
        Some(Ok(text)) => Ok(web::Json(Said { text })),
        Some(Err(refused)) => Err(Problem::new(Code::Conflict, refused.to_string())),
        None => {
            let text = "the migration did not answer in time and may do it later; look at GET /api/v1/migration";
            Err(Problem::new(Code::Unknown, text))
        }
    }
}

fn range(from: Option<UtcNanos>, to: Option<UtcNanos>) -> Result<Range, Problem> {
    let range = Range { from: from.unwrap_or(Range::ALL.from), to: to.unwrap_or(Range::ALL.to) };
    if range.from < range.to {
        return Ok(range);
    }
    let text = format!("from {} is not before to {}: no row lies between them", range.from, range.to);
    Err(Problem::new(Code::Invalid, text))
}
