//! SQL from outside: one SELECT, answered by a running instance.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use messages::caps;
use messages::ledger::Seq;
use serde::{Deserialize, Serialize};
use storage::pool::{Class, Limits};
use storage::sql;
use storage::sql_tiers::Scope;

use super::{Edge, NOTE, behind, content_type, opening, refusal, wait_until_fresh};
use crate::output::{self, Body, Format};

/// A question.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// The SELECT.
    pub query: String,
    /// How far it reaches.
    #[serde(default)]
    pub scope: Scope,
    /// How the answer is written.
    pub format: Format,
    /// The most rows, at most [`caps::SQL_ROWS`].
    pub max_rows: usize,
    /// The longest time, in milliseconds, at most [`caps::QUESTION_TIME`]; `duckdb.query_timeout` where none is given.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// Whether it does not wait until the tables hold what is durable now.
    #[serde(default)]
    pub stale: bool,
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

/// `POST /api/v1/sql`
pub async fn answer(request: HttpRequest, edge: web::Data<Edge>, asked: web::Json<Request>) -> HttpResponse {
    if let Some(refused) = refusal(&request, &edge) {
        return refused;
    }
    let Request { query, scope, format, max_rows, timeout_ms, stale } = asked.into_inner();
    if max_rows > caps::SQL_ROWS {
        return HttpResponse::UnprocessableEntity()
            .body(format!("max_rows = {max_rows} is too large; at most {} rows are answered", caps::SQL_ROWS));
    }
    let Some((pool, stores)) = edge.database.pool().zip(edge.database.stores().cloned()) else {
        return opening();
    };
    if !stale && wait_until_fresh(&edge.watermarks).await.is_none() {
        return behind();
    }
    let Limits { acquire, execute } = pool.limits();
    let execute = timeout_ms.map_or(execute, Duration::from_millis).min(caps::QUESTION_TIME);
    let lease = match pool.lease_async(Class::Sql, Limits { acquire, execute }).await {
        Ok(lease) => lease,
        Err(error) => return HttpResponse::ServiceUnavailable().body(error.to_string()),
    };
    // Dropped with this future when the client goes: nobody computes for who does not listen.
    let _ender = lease.ender();
    // The snapshot is taken later, and holds at least this.
    let complete_to = CompleteTo { ledger: edge.watermarks.ledger.1.get(), market: edge.watermarks.market.1.get() };
    let work = web::block(move || {
        let answer = sql::ask(lease, &stores, &query, scope, max_rows)?;
        let mut body = Body::default();
        output::write(&answer, format, &mut body)?;
        anyhow::Ok(body.into_bytes())
    });
    match work.await {
        Ok(Ok(body)) => {
            let note = serde_json::to_string(&Note { complete_to }).unwrap_or_default();
            HttpResponse::Ok().content_type(content_type(format)).insert_header((NOTE, note)).body(body)
        }
        Ok(Err(error)) => HttpResponse::UnprocessableEntity().body(format!("{error:#}")),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}
