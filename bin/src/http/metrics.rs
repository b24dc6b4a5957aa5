//! `GET /metrics`: what is counted, as Prometheus reads it.
//!
//! A fresh sample of telemetry, which asks all actors at once and with a deadline: a scrape waits for nobody longer, and
//! makes nobody wait. What did not answer is absent.

mod requests;
mod text;

use actix_web::{HttpResponse, web};

use super::access::Reader;
use super::edge::Edge;
use super::problem::Problem;

pub use requests::{Requests, count};

/// Prometheus' text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Shows all metrics.
pub async fn show(_: Reader, edge: web::Data<Edge>) -> Result<HttpResponse, Problem> {
    let metrics = edge.runtime.metrics().await.ok_or_else(|| Problem::silent("telemetry"))?;
    Ok(HttpResponse::Ok().content_type(TEXT).body(text::of(&metrics)))
}
