//! Requests as they are counted: by the part of the API that they are for, a fixed list, and by what came of them. What a
//! client makes up counts as `other`, so that nobody fills the memory of Prometheus.

use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::{Error, web};
use actors::telemetry::edge::RequestCounts;

/// Parts of the API, each with the first words of paths that are its own.
const CLASSES: &[(&str, &[&str])] = &[
    ("orders", &["orders"]),
    ("account", &["positions", "portfolio", "equity", "trades"]),
    ("market", &["instruments", "quotes", "book", "bars", "ticks"]),
    ("trading", &["trading", "flatten", "reconcile"]),
    ("strategies", &["strategies"]),
    ("feeds", &["feeds"]),
    ("system", &["status", "actors", "alerts", "logs", "health", "ready", "metrics"]),
    ("tiers", &["tiers", "archive", "backups", "backup"]),
    ("sql", &["sql", "history"]),
    ("session", &["session"]),
    ("stream", &["stream"]),
    ("other", &[]),
];

/// Counts of all classes.
#[derive(Default)]
pub struct Requests([Counts; CLASSES.len()]);

#[derive(Default)]
struct Counts {
    answered: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

impl Requests {
    fn count(&self, path: &str, status: StatusCode) {
        let counts = &self.0[class(path)];
        counts.answered.fetch_add(1, Ordering::Relaxed);
        if status.is_client_error() {
            counts.refused.fetch_add(1, Ordering::Relaxed);
        }
        if status.is_server_error() {
            counts.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// As telemetry asks for them.
    pub fn counts(&self) -> Vec<(&'static str, RequestCounts)> {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = self.0.iter().map(|c| RequestCounts {
            answered: read(&c.answered),
            refused: read(&c.refused),
            failed: read(&c.failed),
        });
        CLASSES.iter().map(|(name, _)| *name).zip(counts).collect()
    }
}

/// The place of a path's class.
fn class(path: &str) -> usize {
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    let word = path.split('/').nth(1).unwrap_or_default();
    let own = CLASSES.iter().position(|(_, words)| words.contains(&word));
    own.unwrap_or(CLASSES.len() - 1)
}

/// Counts what comes by.
pub async fn count<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let requests = request.app_data::<web::Data<Requests>>().cloned();
    let path = request.path().to_owned();
    let answer = next.call(request).await;
    if let Some(requests) = requests {
        let status = match &answer {
            Ok(answer) => answer.status(),
            Err(error) => error.as_response_error().status_code(),
        };
        requests.count(&path, status);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_counts_for_its_part_of_the_api_and_what_is_made_up_for_none() {
        let requests = Requests::default();
        for (path, status) in [
            ("/api/v1/orders/7", 200),
            ("/api/v1/orders", 422),
            ("/metrics", 200),
            ("/api/v1/x-made-up", 404),
            ("/", 500),
        ] {
            requests.count(path, StatusCode::from_u16(status).unwrap());
        }
        let counts = requests.counts();
        let of = |name: &str| {
            let (_, c) = counts.iter().find(|(class, _)| *class == name).unwrap();
            (c.answered, c.refused, c.failed)
        };
        assert_eq!((of("orders"), of("system"), of("other")), ((2, 1, 0), (1, 0, 0), (2, 1, 1)));
    }
}
