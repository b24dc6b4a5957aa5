//! Rows of history: page by page, or the whole range as a stream of pages.

mod cursor;
mod pages;

use actix_web::{HttpRequest, HttpResponse, get, web};
use messages::{StrategyId, UtcNanos};
use serde::Deserialize;
use serde_json::{Value, json};
use storage::query::{Gaps, Of, Query};
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::Reader;
use super::edge::Edge;
use super::problem::{Code, Problem};
use super::{Refusals, views, words};
use pages::answer;

/// Rows of a page where nothing is said.
const USUAL: u32 = 500;

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(read_bars).service(read_ticks).service(read_trades).service(read_equity).service(read_orders);
}

/// Which rows.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Span {
    /// From this time on: `YYYY-MM-DD`, or with `HH:MM:SS`, in UTC.
    #[serde(default, deserialize_with = "words::maybe_time")]
    #[param(value_type = Option<String>)]
    from: Option<UtcNanos>,
    /// Before this time.
    #[serde(default, deserialize_with = "words::maybe_time")]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let read = |query: &str| web::Query::<Span>::from_query(query).map(|span| (span.from, span.to));
        let at = |text: &str| text.parse::<UtcNanos>().ok();
        assert_eq!(read("").unwrap(), (None, None));
        let (from, to) = read("from=2026-11-28&to=2026-11-28%2012:30:00").unwrap();
        assert_eq!((from, to), (at("2026-11-28"), at("2026-11-28 12:30:00")));
        assert!(from.is_some() && to > from);
        assert!(read("from=yesterday").unwrap_err().to_string().contains("yesterday"));
    }
}
