//! Questions to history, as plain data: the same on a running instance and on a stopped directory.

use actix_web::{HttpRequest, HttpResponse, web};
use messages::ledger::Seq;
use serde::{Deserialize, Serialize};
use storage::query::{Answer, Explain, Query};

use super::{Edge, content_type, refusal, wait_until_fresh};
use crate::output::{self, Format};

/// The header with what is to be known of an answer.
pub const NOTE: &str = "merganser-answer";

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

/// Writes an answer.
///
/// # Errors
/// The format cannot hold it.
pub fn write(answer: Answer, format: Format, explain: bool) -> anyhow::Result<(Vec<u8>, Note)> {
    let note = Note { is_cut: answer.is_cut, complete_to: answer.complete_to, explain: answer.explain.clone() };
    let table = answer.into_table();
    let mut body = Vec::new();
    if explain && format == Format::Json {
        let rows = output::json_rows(&table)?;
        output::json(&serde_json::json!({"rows": rows, "explain": note.explain}), &mut body)?;
    } else {
        output::write(&table, format, &mut body)?;
    }
    Ok((body, note))
}

/// `POST /api/v1/history`
pub async fn answer(request: HttpRequest, edge: web::Data<Edge>, asked: web::Json<Request>) -> HttpResponse {
    if let Some(refused) = refusal(&request, &edge) {
        return refused;
    }
    let Request { query, format, explain, fresh } = asked.into_inner();
    let durable = if fresh { wait_until_fresh(&edge.watermarks).await } else { Some(Seq(0)) };
    let Some(durable) = durable else {
        return HttpResponse::ServiceUnavailable()
            .body("the tables are more than 10 s behind the journals; ask again later, or with --stale");
    };
    let Some(source) = edge.database.fresh_source(durable) else {
        return HttpResponse::ServiceUnavailable().body("the database is still opening; ask again in a moment");
    };
    let work = web::block(move || write(source.ask(&query)?, format, explain));
    match work.await {
        Ok(Ok((body, note))) => {
            let note = serde_json::to_string(&note).unwrap_or_default();
            HttpResponse::Ok().content_type(content_type(format)).insert_header((NOTE, note)).body(body)
        }
        Ok(Err(error)) => HttpResponse::UnprocessableEntity().body(format!("{error:#}")),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}
