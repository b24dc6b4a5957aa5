//! Questions to history, as plain data: the same on a running instance and on a stopped directory.

use actix_web::{HttpResponse, post, web};
use messages::caps;
use messages::ledger::Seq;
use serde::{Deserialize, Serialize};
use storage::migrate::reads::Need;
use storage::query::{Answer, Explain, Page, Query};
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::Reader;
use super::edge::Edge;
use super::problem::{Code, Problem};
use super::sides::Question;
use super::{NOTE, Refusals};
use crate::output::{self, Format, Table};

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(ask_history);
}

/// A question.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// What is asked.
    pub query: Query,
    /// How the answer is written.
    pub format: Format,
    /// Whether the answer in JSON says what was read for it.
    pub explain: bool,
    /// Whether it waits until the tables hold what is durable now.
    pub fresh: bool,
}

/// What is to be known of an answer beside its rows.
#[derive(Debug, Serialize, Deserialize)]
pub struct Note {
    /// That there may be more rows than were asked for.
    pub is_cut: bool,
    /// Up to which record of its journal it is complete.
    pub complete_to: Seq,
    /// What was read for it.
    pub explain: Explain,
}

/// The answer in JSON that says what was read for it.
#[derive(Serialize)]
struct Explained<'a> {
    rows: Table<'a>,
    #[serde(flatten)]
    note: &'a Note,
}

/// Writes an answer; returns what is to be known of it.
///
/// # Errors
/// The format or `out` cannot hold it.
pub fn write(
    answer: Answer,
    format: Format,
    explain: bool,
    out: &mut (impl std::io::Write + Send),
) -> anyhow::Result<Note> {
    let note = Note { is_cut: answer.is_cut, complete_to: answer.complete_to, explain: answer.explain.clone() };
    let table = answer.into_table();
    if explain && format == Format::Json {
        output::json(&Explained { rows: Table(&table), note: &note }, out)?;
    } else {
        output::write(&table, format, out)?;
    }
    Ok(note)
}

/// Refuses a page that nobody can hold.
///
/// # Errors
/// What is too large, and how large it may be.
fn check(query: &Query) -> Result<(), String> {
    let limit = query.page().map_or(0, Page::limit);
    let most = caps::HISTORY_ROWS as usize;
    if limit > most { Err(format!("a limit of {limit} rows is too large; expected at most {most}")) } else { Ok(()) }
}

/// Answers a question to history as plain data: what the command line asks.
#[utoipa::path(tag = "history", request_body = Object, responses(
    (status = 200, description = "The answer", content((Vec<Object> = "application/json"), (String = "text/csv"), (String = "text/plain"),
        (String = "application/vnd.apache.arrow.stream"), (String = "application/vnd.apache.parquet"))),
    Refusals,
))]
#[post("/history")]
async fn ask_history(_: Reader, edge: web::Data<Edge>, asked: web::Json<Request>) -> Result<HttpResponse, Problem> {
    let Request { query, format, explain, fresh } = asked.into_inner();
    check(&query).map_err(|why| Problem::new(Code::Invalid, why))?;
    let need = if fresh { edge.watermarks.durable() } else { Need::default() };
    let question = Question { whole: query.clone(), query, need, memory: need.market };
    let (body, note) = edge.history(question, move |answer, body| write(answer, format, explain, body)).await?;
    let note = serde_json::to_string(&note).unwrap_or_default();
    Ok(body.answer(HttpResponse::Ok().content_type(format.content_type()).insert_header((NOTE, note))))
}
