//! SQL from outside: one SELECT, answered by a running instance.

use std::time::Duration;

use actix_web::{HttpResponse, post, web};
use messages::caps;
use messages::ledger::Seq;
use serde::{Deserialize, Serialize};
use storage::pool::Class;
use storage::sql_tiers::Scope;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::Reader;
use super::ask::Select;
use super::edge::Edge;
use super::problem::{Code, Problem};
use super::{NOTE, Refusals};
use crate::output::{self, Format};

/// Rows of an answer where nothing is said.
const USUAL: usize = 100_000;

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(ask_sql);
}

/// A question.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Sql)]
pub struct Request {
    /// The SELECT.
    #[schema(example = "select symbol, count(*) from market_ticks group by 1")]
    pub query: String,
    /// How far it reaches: `all`, `local`, or `{"range": {"from": ns, "to": ns}}`, which brings what is cold;
    /// `own` is everything, but for what was brought over from another database.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub scope: Scope,
    /// How the answer is written: `json`, `csv`, `arrow` (an IPC stream), `parquet` or `table`.
    #[serde(default = "json")]
    #[schema(value_type = String, pattern = "^(json|csv|arrow|parquet|table)$")]
    pub format: Format,
    /// The most rows, at most 10,000,000.
    #[serde(default = "usual")]
    #[schema(minimum = 1, maximum = 10000000)]
    pub max_rows: usize,
    /// The longest time, in milliseconds, at most an hour; `duckdb.query_timeout` where none is given.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// Whether it does not wait until the tables hold what is durable now.
    #[serde(default)]
    pub stale: bool,
}

fn json() -> Format {
    Format::Json
}

fn usual() -> usize {
    USUAL
}

/// What is to be known of an answer beside its rows.
#[derive(Debug, Serialize, Deserialize)]
pub struct Note {
    /// Up to which record of each journal it is complete.
    pub complete_to: CompleteTo,
}

/// How far the tables were.
#[derive(Debug, Serialize, Deserialize)]
pub struct CompleteTo {
    /// The ledger.
    pub ledger: Seq,
    /// The market journal.
    pub market: Seq,
}

/// Answers one SELECT, read-only and within its limits. The header `merganser-answer` says how far the tables were.
#[utoipa::path(tag = "sql", request_body = Request, responses(
    (status = 200, description = "The answer", content(
        (Vec<Object> = "application/json"), (String = "text/csv"), (String = "text/plain"),
        (String = "application/vnd.apache.arrow.stream"), (String = "application/vnd.apache.parquet"),
    )),
    Refusals,
))]
#[post("/sql")]
async fn ask_sql(_: Reader, edge: web::Data<Edge>, asked: web::Json<Request>) -> Result<HttpResponse, Problem> {
    let Request { query, scope, format, max_rows, timeout_ms, stale } = asked.into_inner();
    if max_rows > caps::SQL_ROWS {
        let text = format!("max_rows = {max_rows} is too large; at most {} rows are answered", caps::SQL_ROWS);
        return Err(Problem::new(Code::Invalid, text));
    }
    if !stale {
        edge.until_fresh().await?;
    }
    // The snapshot is taken later, and holds at least this.
    let complete_to = CompleteTo { ledger: edge.watermarks.ledger.1.get(), market: edge.watermarks.market.1.get() };
    let time = timeout_ms.map(Duration::from_millis);
    let select = Select { class: Class::Sql, text: query, scope, max_rows, time };
    let (body, ()) = edge.select(select, move |answer, body| output::write(&answer, format, body)).await?;
    let note = serde_json::to_string(&Note { complete_to }).unwrap_or_default();
    Ok(body.answer(HttpResponse::Ok().content_type(format.content_type()).insert_header((NOTE, note))))
}
