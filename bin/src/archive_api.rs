//! The archive of a running instance, as the command line asks for it.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::commands::archive::Run;
use crate::http::{Edge, refusal};

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/api/v1/archive", web::get().to(status))
        .route("/api/v1/archive/due", web::post().to(due))
        .route("/api/v1/archive/run", web::post().to(run));
}

async fn status(request: HttpRequest, edge: web::Data<Edge>) -> HttpResponse {
    answer(&request, &edge, |edge| Ok(edge.runtime.archive.with(|archive| archive.status())?)).await
}

async fn due(request: HttpRequest, edge: web::Data<Edge>, asked: web::Json<Run>) -> HttpResponse {
    answer(&request, &edge, move |edge| {
        asked.check()?;
        Ok(edge.runtime.archive.with(|archive| archive.due(asked.at(), &asked.tables))?)
    })
    .await
}

async fn run(request: HttpRequest, edge: web::Data<Edge>, asked: web::Json<Run>) -> HttpResponse {
    answer(&request, &edge, move |edge| {
        asked.check()?;
        Ok(edge.runtime.archive.run(asked.at(), &asked.tables)?)
    })
    .await
}

/// Does blocking work for who shows the token.
async fn answer<T: serde::Serialize + Send + 'static>(
    request: &HttpRequest,
    edge: &web::Data<Edge>,
    work: impl FnOnce(&Edge) -> anyhow::Result<T> + Send + 'static,
) -> HttpResponse {
    if let Some(refused) = refusal(request, edge) {
        return refused;
    }
    let edge = edge.clone();
    match web::block(move || work(&edge)).await {
        Ok(Ok(answer)) => HttpResponse::Ok().json(answer),
        Ok(Err(error)) => HttpResponse::UnprocessableEntity().body(format!("{error:#}")),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}
