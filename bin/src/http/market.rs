//! The market, as it is now.

use actix_web::{get, web};
use messages::Instrument;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::Reader;
use super::edge::Edge;
use super::problem::{Answer, Code, Problem};
use super::{Refusals, views, words};

/// Levels of a book that one answer may have.
const MOST_LEVELS: usize = 1_000;

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(read_instruments).service(read_quotes).service(read_book);
}

/// Every known instrument with its rules.
#[utoipa::path(tag = "market", responses((status = 200, description = "The answer", body = Vec<views::Instrument>), Refusals))]
#[get("/instruments")]
async fn read_instruments(_: Reader, edge: web::Data<Edge>) -> Answer<Vec<views::Instrument>> {
    Ok(web::Json(edge.runtime.assembly().rules().values().map(views::Instrument::from).collect()))
}

/// The newest prices of every instrument that has one.
#[utoipa::path(tag = "market", responses((status = 200, description = "The answer", body = Vec<views::Market>), Refusals))]
#[get("/quotes")]
async fn read_quotes(_: Reader, edge: web::Data<Edge>) -> Answer<Vec<views::Market>> {
    let mut found = Vec::new();
    for instrument in edge.runtime.assembly().rules().keys() {
        let view = edge.runtime.market_view(*instrument, 0).await.ok_or_else(|| Problem::silent("market"))?;
        found.extend(view.map(|view| views::Market::of(*instrument, &view)));
    }
    Ok(web::Json(found))
}

/// Of which book.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// `exchange:symbol`.
    #[param(example = "binance:BTCUSDT")]
    instrument: String,
    /// Levels of each side, at most 1000.
    #[serde(default = "twenty")]
    #[param(minimum = 1, maximum = 1000)]
    depth: usize,
}

fn twenty() -> usize {
    20
}

/// The best levels of an order book; empty, and so marked, while it is not in step with its venue.
#[utoipa::path(tag = "market", params(Which), responses((status = 200, description = "The answer", body = views::Book), Refusals))]
#[get("/book")]
async fn read_book(_: Reader, edge: web::Data<Edge>, which: web::Query<Which>) -> Answer<views::Book> {
    let instrument: Instrument = words::instrument_of(&which.instrument)?;
    if !(1..=MOST_LEVELS).contains(&which.depth) {
        return Err(Problem::new(Code::Invalid, format!("depth: expected 1 to {MOST_LEVELS}")));
    }
    let view = edge.runtime.market_view(instrument, which.depth).await.ok_or_else(|| Problem::silent("market"))?;
    let book = view.as_ref().and_then(|view| view.book.as_ref());
    Ok(web::Json(views::Book::of(instrument, book)))
}
