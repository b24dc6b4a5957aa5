//! Rows of history: page by page, or the whole range as a stream of pages.
//!
//! A page ends with a cursor: the time of its last row, and how many rows of that instant were given. The next page begins
//! at that instant and leaves out so many, so that rows of one instant are neither lost nor given twice.

use actix_web::http::header::ACCEPT;
use actix_web::{HttpRequest, HttpResponse, get, web};
use arrow::array::{Array, TimestampMicrosecondArray};
use futures::stream;
use messages::{StrategyId, UtcNanos, caps};
use serde::Deserialize;
use serde_json::{Value, json};
use storage::query::{Gaps, Of, Page, Query, Range};
use storage::sql::Answer as Rows;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::Reader;
use super::edge::{Edge, opening};
use super::problem::{Code, Problem};
use super::{Refusals, views, words};
use crate::output::{self, Body, Table};

/// Rows of a page where nothing is said.
const USUAL: u32 = 500;

/// Rows that a stream reads at a time.
const STREAMED: u32 = 10_000;

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(read_bars).service(read_ticks).service(read_trades).service(read_equity).service(read_orders);
}

/// Which rows.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Span {
    /// From this time on: `YYYY-MM-DD`, or with `HH:MM:SS`, in UTC.
    #[param(value_type = Option<String>)]
    from: Option<UtcNanos>,
    /// Before this time.
    #[param(value_type = Option<String>)]
    to: Option<UtcNanos>,
    /// The most rows of a page.
    #[serde(default = "usual")]
    #[param(minimum = 1, maximum = 1000000)]
    limit: u32,
    /// What the page before said as `next`.
    cursor: Option<String>,
    /// The last rows of the range instead of the first, the oldest of them first.
    #[serde(default)]
    newest: bool,
    /// Whether it waits until the tables hold what is durable now; the default.
    #[serde(default = "yes")]
    fresh: bool,
}

fn usual() -> u32 {
    USUAL
}

fn yes() -> bool {
    true
}

/// Of which bars.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OfBars {
    /// `exchange:symbol`.
    instrument: String,
    /// Their length, as `1s`, `1m`, `5m` or `1h`.
    #[serde(default = "minute")]
    timeframe: String,
}

fn minute() -> String {
    "1m".to_owned()
}

/// Of which instrument.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OfTicks {
    /// `exchange:symbol`.
    instrument: String,
}

/// Whose.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Whose {
    /// `exchange:symbol`.
    instrument: Option<String>,
    /// Of this account.
    account: Option<String>,
    /// Of this strategy, or `manual`.
    strategy: Option<String>,
    /// Of orders: `open` for those that are, now; `all` for rows of the table.
    status: Option<String>,
}

impl Whose {
    fn of(&self) -> Result<Of, Problem> {
        let name = |what: &str, error: &dyn std::fmt::Display| Problem::new(Code::Invalid, format!("{what}: {error}"));
        Ok(Of {
            instrument: self.instrument.as_deref().map(words::instrument_of).transpose()?,
            account: self.account.as_deref().map(str::parse).transpose().map_err(|e| name("account", &e))?,
            strategy: self.strategy.as_deref().map(str::parse).transpose().map_err(|e| name("strategy", &e))?,
        })
    }
}

/// Bars of any length, by the time that they open.
#[utoipa::path(tag = "history", params(OfBars, Span), responses((status = 200, description = "The answer", body = Object, content_type = "application/json"), Refusals))]
#[get("/bars")]
async fn read_bars(
    _: Reader,
    edge: web::Data<Edge>,
    request: HttpRequest,
    of: web::Query<OfBars>,
    span: web::Query<Span>,
) -> Result<HttpResponse, Problem> {
    let instrument = words::instrument_of(&of.instrument)?;
    let timeframe = of.timeframe.parse().map_err(|e| Problem::new(Code::Invalid, format!("timeframe: {e}")))?;
    let query = move |range, page| Query::Bars { instrument, timeframe, range, gaps: Gaps::Left, page };
    answer(&request, edge, span.into_inner(), "timestamp", query).await
}

/// Ticks by exchange time and number.
#[utoipa::path(tag = "history", params(OfTicks, Span), responses((status = 200, description = "The answer", body = Object, content_type = "application/json"), Refusals))]
#[get("/ticks")]
async fn read_ticks(
    _: Reader,
    edge: web::Data<Edge>,
    request: HttpRequest,
    of: web::Query<OfTicks>,
    span: web::Query<Span>,
) -> Result<HttpResponse, Problem> {
    let instrument = words::instrument_of(&of.instrument)?;
    let query = move |range, page| Query::Ticks { instrument, range, page };
    answer(&request, edge, span.into_inner(), "timestamp", query).await
}

/// Our fills, by the time of their execution.
#[utoipa::path(tag = "history", params(Whose, Span), responses((status = 200, description = "The answer", body = Object, content_type = "application/json"), Refusals))]
#[get("/trades")]
async fn read_trades(
    _: Reader,
    edge: web::Data<Edge>,
    request: HttpRequest,
    whose: web::Query<Whose>,
    span: web::Query<Span>,
) -> Result<HttpResponse, Problem> {
    let of = whose.of()?;
    answer(&request, edge, span.into_inner(), "executed_at", move |range, page| Query::Trades { range, of, page }).await
}

/// The equity curve: portfolio snapshots by their time.
#[utoipa::path(tag = "history", params(Whose, Span), responses((status = 200, description = "The answer", body = Object, content_type = "application/json"), Refusals))]
#[get("/equity")]
async fn read_equity(
    _: Reader,
    edge: web::Data<Edge>,
    request: HttpRequest,
    whose: web::Query<Whose>,
    span: web::Query<Span>,
) -> Result<HttpResponse, Problem> {
    let account = whose.of()?.account;
    let query = move |range, page| Query::Equity { range, account, page };
    answer(&request, edge, span.into_inner(), "snapshot_time", query).await
}

/// Open orders as they are now (`status=open`, the default), or rows of the table (`status=all`).
#[utoipa::path(tag = "orders", params(Whose, Span), responses((status = 200, description = "The answer", body = Object, content_type = "application/json"), Refusals))]
#[get("/orders")]
async fn read_orders(
    _: Reader,
    edge: web::Data<Edge>,
    request: HttpRequest,
    whose: web::Query<Whose>,
    span: web::Query<Span>,
) -> Result<HttpResponse, Problem> {
    let of = whose.of()?;
    match whose.status.as_deref() {
        None | Some("open") => open_orders(&edge, &of).await,
        Some("all") => {
            let query = move |range, page| Query::Orders { range, of, page };
            answer(&request, edge, span.into_inner(), "created_at", query).await
        }
        Some(other) => Err(Problem::new(Code::Invalid, format!("status: `{other}` is not open or all"))),
    }
}

async fn open_orders(edge: &Edge, of: &Of) -> Result<HttpResponse, Problem> {
    let found = edge.runtime.orders().await.ok_or_else(|| Problem::silent("orders"))?;
    let asked = |order: &&messages::orders::Order| {
        of.instrument.is_none_or(|instrument| instrument == order.request.instrument)
            && of.account.is_none_or(|account| account == order.account)
            && of.strategy.is_none_or(|strategy: StrategyId| strategy == order.strategy)
    };
    let rows: Vec<views::Order> = found.open.iter().filter(asked).map(views::Order::from).collect();
    Ok(HttpResponse::Ok().json(json!({ "rows": rows, "next": Value::Null })))
}

/// Where a page goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    /// The instant of the last row.
    at: UtcNanos,
    /// Rows of that instant that were given.
    given: usize,
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let (micros, given) = text.split_once('.')?;
        let at = UtcNanos(micros.parse::<i64>().ok()?.checked_mul(1_000)?);
        let given = given.parse().ok().filter(|given| *given <= caps::HISTORY_ROWS as usize)?;
        Some(Self { at, given })
    }

    fn text(self) -> String {
        format!("{}.{}", self.at.0.div_euclid(1_000), self.given)
    }

    /// Behind these rows, of which the first `before` were given earlier; `None` of none.
    fn behind(rows: &Rows, time: &str) -> Option<Self> {
        let at = rows.schema.index_of(time).ok()?;
        let mut times = rows.batches.iter().rev().flat_map(|batch| {
            let column = batch.column(at).as_any().downcast_ref::<TimestampMicrosecondArray>();
            column.into_iter().flat_map(|column| column.values().iter().rev().copied())
        });
        let last = times.next()?;
        let given = 1 + times.take_while(|time| *time == last).count();
        Some(Self { at: UtcNanos(last.checked_mul(1_000)?), given })
    }
}

/// Answers with one page, or with all of them as the request accepts it.
async fn answer(
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
    if span.fresh {
        edge.until_fresh().await?;
    }
    let pages = Pages { edge, range, time, query: Box::new(query) };
    if accepts.starts_with("text/csv") {
        return Ok(pages.stream(cursor, "text/csv; charset=utf-8", csv));
    }
    if accepts.starts_with("application/x-ndjson") {
        return Ok(pages.stream(cursor, "application/x-ndjson", lines));
    }
    let (rows, next) = match (span.newest, cursor) {
        (true, _) => (pages.ask(range, Page::Newest(span.limit)).await?, None),
        (false, cursor) => pages.page(cursor, span.limit).await?,
    };
    let mut body = Body::default();
    let page = json!({ "next": next.map(Cursor::text) });
    output::json(&WithRows { rows: Table(&rows), rest: page }, &mut body)?;
    Ok(HttpResponse::Ok().content_type("application/json").body(body.into_bytes()))
}

#[derive(serde::Serialize)]
struct WithRows<'a> {
    rows: Table<'a>,
    #[serde(flatten)]
    rest: Value,
}

/// The pages of one question.
struct Pages {
    edge: web::Data<Edge>,
    range: Range,
    /// The column by which rows are sorted.
    time: &'static str,
    query: Box<dyn Fn(Range, Page) -> Query + Send>,
}

type Write = fn(&Rows, bool, &mut Body) -> anyhow::Result<()>;

impl Pages {
    async fn ask(&self, range: Range, page: Page) -> Result<Rows, Problem> {
        let query = (self.query)(range, page);
        let database = self.edge.database.clone();
        let lease = match database.lease(&query).await {
            Some(Ok(lease)) => lease,
            Some(Err(error)) => return Err(Problem::new(Code::Unavailable, error.to_string())),
            None => return Err(opening()),
        };
        // Dropped with this future when the client goes: nobody reads for who does not listen.
        let _ender = lease.ender();
        let at_least = self.edge.watermarks.market.1.get();
        let found = web::block(move || {
            let answer =
                lease.run(|reader| database.answer(reader, &query, at_least).expect("open: it has lent a reader"))?;
            anyhow::Ok(answer.into_table())
        });
        Ok(found.await??)
    }

    /// The rows behind a cursor, and where the next page begins; `None` at the end.
    async fn page(&self, cursor: Option<Cursor>, limit: u32) -> Result<(Rows, Option<Cursor>), Problem> {
        let from = cursor.map_or(self.range.from, |cursor| cursor.at);
        let given = cursor.map_or(0, |cursor| cursor.given);
        let asked = limit.saturating_add(u32::try_from(given).unwrap_or(u32::MAX)).min(caps::HISTORY_ROWS);
        let rows = self.ask(Range { from, to: self.range.to }, Page::Oldest(asked)).await?;
        let found: usize = rows.batches.iter().map(|batch| batch.num_rows()).sum();
        let next = if found == asked as usize { Cursor::behind(&rows, self.time) } else { None };
        if next.is_some() && next == cursor {
            let text = format!("more than {} rows have one and the same time; ask for them by SQL", caps::HISTORY_ROWS);
            return Err(Problem::new(Code::Invalid, text));
        }
        Ok((without(rows, given), next))
    }

    /// All rows, page by page.
    fn stream(self, cursor: Option<Cursor>, content_type: &'static str, write: Write) -> HttpResponse {
        let begin = (self, Some(cursor), true);
        let pages = stream::unfold(begin, move |(pages, at, is_first)| async move {
            let at = at?;
            let page = pages.page(at, STREAMED).await.and_then(|(rows, next)| {
                let mut body = Body::default();
                write(&rows, is_first, &mut body)?;
                Ok((body.into_bytes(), next))
            });
            match page {
                Ok((body, next)) => Some((Ok(web::Bytes::from(body)), (pages, next.map(Some), false))),
                // The connection breaks off: who reads sees that this is not the end.
                Err(problem) => Some((Err(problem), (pages, None, false))),
            }
        });
        HttpResponse::Ok().content_type(content_type).streaming(pages)
    }
}

/// Without the first `given` rows.
fn without(mut rows: Rows, mut given: usize) -> Rows {
    rows.batches.retain_mut(|batch| {
        let gone = given.min(batch.num_rows());
        given -= gone;
        *batch = batch.slice(gone, batch.num_rows() - gone);
        batch.num_rows() > 0
    });
    rows
}

fn csv(rows: &Rows, is_first: bool, body: &mut Body) -> anyhow::Result<()> {
    output::csv_rows(rows, is_first, body)
}

fn lines(rows: &Rows, _: bool, body: &mut Body) -> anyhow::Result<()> {
    output::json_lines(rows, body)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, RecordBatch};
    use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

    use super::*;

    fn rows(batches: &[&[i64]]) -> Rows {
        let field = Field::new("timestamp", DataType::Timestamp(TimeUnit::Microsecond, None), false);
        let schema = Arc::new(Schema::new(vec![field]));
        let batch = |times: &&[i64]| {
            let column: ArrayRef = Arc::new(TimestampMicrosecondArray::from(times.to_vec()));
            RecordBatch::try_new(schema.clone(), vec![column]).unwrap()
        };
        Rows { batches: batches.iter().map(batch).collect(), schema }
    }

    #[test]
    fn a_cursor_counts_the_rows_of_its_instant() {
        let check = |batches: &[&[i64]], expected: Option<(i64, usize)>| {
            let found = Cursor::behind(&rows(batches), "timestamp");
            assert_eq!(found.map(|c| (c.at.0 / 1_000, c.given)), expected, "{batches:?}");
            assert_eq!(found.and_then(|cursor| Cursor::parse(&cursor.text())), found);
        };
        check(&[], None);
        check(&[&[1, 2, 3]], Some((3, 1)));
        check(&[&[1, 3], &[3, 3]], Some((3, 3)));
        check(&[&[-5, -5]], Some((-5, 2)));
    }

    #[test]
    fn what_was_given_is_left_out() {
        let left: Vec<usize> = (0..=5).map(|n| without(rows(&[&[1, 1], &[1, 2]]), n).batches.len()).collect();
        assert_eq!(left, [2, 2, 1, 1, 0, 0]);
    }

    #[test]
    fn a_wrong_cursor_is_none() {
        for text in ["", "1", "x.1", "1.x", "1.-1", "99999999999999999999.1", "1.99999999"] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
