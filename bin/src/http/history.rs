//! Questions to history, as plain data: the same on a running instance and on a stopped directory.

use actix_web::{HttpRequest, HttpResponse, web};
use messages::caps;
use messages::ledger::Seq;
use serde::{Deserialize, Serialize};
use storage::query::{Answer, Explain, Page, Query};

use super::{Edge, NOTE, behind, content_type, opening, refusal, wait_until_fresh};
use crate::output::{self, Body, Format, Table};

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

/// Writes an answer.
///
/// # Errors
/// The format cannot hold it.
pub fn write(answer: Answer, format: Format, explain: bool) -> anyhow::Result<(Vec<u8>, Note)> {
    let note = Note { is_cut: answer.is_cut, complete_to: answer.complete_to, explain: answer.explain.clone() };
    let table = answer.into_table();
    let mut body = Body::default();
    if explain && format == Format::Json {
        output::json(&Explained { rows: Table(&table), note: &note }, &mut body)?;
    } else {
        output::write(&table, format, &mut body)?;
    }
    Ok((body.into_bytes(), note))
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

/// `POST /api/v1/history`
pub async fn answer(request: HttpRequest, edge: web::Data<Edge>, asked: web::Json<Request>) -> HttpResponse {
    if let Some(refused) = refusal(&request, &edge) {
        return refused;
    }
    let Request { query, format, explain, fresh } = asked.into_inner();
    if let Err(why) = check(&query) {
        return HttpResponse::UnprocessableEntity().body(why);
    }
    if edge.database.pool().is_none() {
        return opening();
    }
    let durable = if fresh { wait_until_fresh(&edge.watermarks).await } else { Some(Seq(0)) };
    let Some(durable) = durable else { return behind() };
    let lease = match edge.database.lease(&query).await {
        Some(Ok(lease)) => lease,
        Some(Err(error)) => return HttpResponse::ServiceUnavailable().body(error.to_string()),
        None => return opening(),
    };
    // Dropped with this future when the client goes: nobody reads for who does not listen.
    let _ender = lease.ender();
    let database = edge.database.clone();
    let work = web::block(move || {
        let answer =
            lease.run(|reader| database.answer(reader, &query, durable).expect("open: it has lent a reader"))?;
        write(answer, format, explain)
    });
    match work.await {
        Ok(Ok((body, note))) => {
            let note = serde_json::to_string(&note).unwrap_or_default();
            HttpResponse::Ok().content_type(content_type(format)).insert_header((NOTE, note)).body(body)
        }
        Ok(Err(error)) => HttpResponse::UnprocessableEntity().body(format!("{error:#}")),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}
