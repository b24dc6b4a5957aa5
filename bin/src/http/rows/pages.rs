//! The pages of one question: one of them, or all as a stream.

use actix_web::http::header::ACCEPT;
use actix_web::{HttpRequest, HttpResponse, web};
use anyhow::bail;
use futures::stream;
use messages::{UtcNanos, caps};
use serde_json::{Value, json};
use storage::migrate::reads::Need;
use storage::query::{Page, Query, Range};
use storage::sql::Answer as Rows;

use super::Span;
use super::cursor::{Cursor, without};
use crate::http::body::{Body, Filled};
use crate::http::edge::Edge;
use crate::http::problem::{Code, Problem};
use crate::http::sides::Question;
use crate::output::{self, Table};

/// Rows that a stream reads at a time.
const STREAMED: u32 = 10_000;

/// Answers with one page, or with all of them as the request accepts it.
pub async fn answer(
    request: &HttpRequest,
    edge: web::Data<Edge>,
    span: Span,
    time: &'static str,
    query: impl Fn(Range, Page) -> Query + Send + 'static,
) -> Result<HttpResponse, Problem> {
    if span.limit == 0 || span.limit > caps::HISTORY_ROWS {
        return Err(Problem::new(Code::Invalid, format!("limit: expected 1 to {}", caps::HISTORY_ROWS)));
    }
    let no_cursor = || Problem::new(Code::Invalid, "cursor: expected what the page before said as `next`");
    let cursor = span.cursor.as_deref().map(|text| Cursor::parse(text).ok_or_else(no_cursor)).transpose()?;
    let accepts = request.headers().get(ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let range = Range { from: span.from.unwrap_or(UtcNanos::MIN), to: span.to.unwrap_or(UtcNanos::MAX) };
    let need = if span.fresh { edge.watermarks.durable() } else { Need::default() };
    let pages = Pages { edge, range, need, time, query: Box::new(query) };
    // A stream has no status any more when its first page cannot be had.
    pages.edge.sides.ready(&pages.question(range, Page::Oldest(span.limit))).await?;
    if accepts.starts_with("text/csv") {
        return Ok(pages.stream(cursor, "text/csv; charset=utf-8", output::csv_rows));
    }
    if accepts.starts_with("application/x-ndjson") {
        return Ok(pages.stream(cursor, "application/x-ndjson", |rows, _, body| output::json_lines(rows, body)));
    }
    let body =
        if span.newest { pages.newest(span.limit).await? } else { pages.page(cursor, span.limit, whole).await?.0 };
    Ok(body.answer(HttpResponse::Ok().content_type("application/json")))
}

/// Writes a page as one document.
fn whole(rows: &Rows, next: Option<Cursor>, body: &mut Body) -> anyhow::Result<()> {
    #[derive(serde::Serialize)]
    struct WithRows<'a> {
        rows: Table<'a>,
        #[serde(flatten)]
        rest: Value,
    }
    let rest = json!({ "next": next.map(Cursor::text) });
    output::json(&WithRows { rows: Table(rows), rest }, body)
}

struct Pages {
    edge: web::Data<Edge>,
    range: Range,
    /// What each page must hold.
    need: Need,
    /// The column by which rows are sorted.
    time: &'static str,
    query: Box<dyn Fn(Range, Page) -> Query + Send>,
}

impl Pages {
    /// The question for a page; all of them are pages of the whole range.
    fn question(&self, range: Range, page: Page) -> Question {
        let (query, whole) = ((self.query)(range, page), (self.query)(self.range, page));
        Question { query, whole, need: self.need, memory: self.edge.watermarks.market.1.get() }
    }

    async fn newest(&self, limit: u32) -> Result<Filled, Problem> {
        let question = self.question(self.range, Page::Newest(limit));
        let written = self.edge.history(question, |found, body| whole(&found.into_table(), None, body));
        Ok(written.await?.0)
    }

    /// The rows behind a cursor, and where the next page begins; `None` at the end.
    async fn page(
        &self,
        cursor: Option<Cursor>,
        limit: u32,
        write: impl FnOnce(&Rows, Option<Cursor>, &mut Body) -> anyhow::Result<()> + Send + 'static,
    ) -> Result<(Filled, Option<Cursor>), Problem> {
        let from = cursor.map_or(self.range.from, |cursor| cursor.at);
        let given = cursor.map_or(0, |cursor| cursor.given);
        let asked = limit.saturating_add(u32::try_from(given).unwrap_or(u32::MAX)).min(caps::HISTORY_ROWS);
        let question = self.question(Range { from, to: self.range.to }, Page::Oldest(asked));
        let time = self.time;
        let written = self.edge.history(question, move |found, body| {
            let rows = found.into_table();
            let found: usize = rows.batches.iter().map(|batch| batch.num_rows()).sum();
            let next = if found == asked as usize { Cursor::behind(&rows, time) } else { None };
            if next.is_some() && next == cursor {
                bail!("more than {} rows have one and the same time; ask for them by SQL", caps::HISTORY_ROWS);
            }
            write(&without(rows, given), next, body)?;
            Ok(next)
        });
        written.await
    }

    /// All rows, page by page; `write` is told which is the first.
    fn stream(
        self,
        cursor: Option<Cursor>,
        content_type: &'static str,
        write: fn(&Rows, bool, &mut Body) -> anyhow::Result<()>,
    ) -> HttpResponse {
        let begin = (self, Some(cursor), true);
        let pages = stream::unfold(begin, move |(pages, at, is_first)| async move {
            let at = at?;
            match pages.page(at, STREAMED, move |rows, _, body| write(rows, is_first, body)).await {
                Ok((body, next)) => Some((Ok(body.into_bytes()), (pages, next.map(Some), false))),
                // The connection breaks off: who reads sees that this is not the end.
                Err(problem) => Some((Err(problem), (pages, None, false))),
            }
        });
        HttpResponse::Ok().content_type(content_type).streaming(pages)
    }
}
