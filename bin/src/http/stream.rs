//! The stream's endpoint: who may watch, and what it must ask for.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpRequest, HttpResponse, get, web};
use futures::future::BoxFuture;
use utoipa_actix_web::service_config::ServiceConfig;

use super::access::{Access, COOKIE};
use super::edge::Edge;
use super::problem::{Code, Problem};
use super::{Refusals, system};
use crate::stream::{Asked, MayWatch, Stream};

/// How long the value of all that is held is waited for.
const VALUED_WITHIN: Duration = Duration::from_secs(1);

/// The routes.
pub fn routes(config: &mut ServiceConfig) {
    config.service(open_stream);
}

/// Opens a WebSocket, on which topics are subscribed to.
#[utoipa::path(tag = "stream", responses((status = 101, description = "It speaks as docs/guide/api.md says"), Refusals))]
#[get("/stream")]
async fn open_stream(
    request: HttpRequest,
    body: web::Payload,
    access: web::Data<Access>,
    stream: web::Data<Stream>,
) -> Result<HttpResponse, Problem> {
    // Who may do anything at all may read.
    access.identify_socket(&request)?;
    let opened = stream.accept(&request, body, may_watch(&request, access.into_inner())).map_err(|error| {
        Problem::new(Code::Unreadable, format!("{error}; expected a WebSocket, as `new WebSocket(…)` opens it"))
    })?;
    opened
        .ok_or_else(|| Problem::new(Code::Unavailable, "too many clients are connected; close one, or ask again later"))
}

/// Whether who opens it may still watch: with a cookie as long as the session lasts, with a token of the settings as long as
/// merganser runs.
fn may_watch(request: &HttpRequest, access: Arc<Access>) -> MayWatch {
    match request.cookie(COOKIE) {
        Some(cookie) if request.headers().get(AUTHORIZATION).is_none() => {
            Box::new(move || access.sessions().find(cookie.value()).is_some())
        }
        _ => Box::new(|| true),
    }
}

/// What the stream asks for once a second; ends when the edge has ended.
pub fn asks(edge: &web::Data<Edge>) -> impl Fn() -> BoxFuture<'static, Option<Asked>> + Send + use<> {
    let edge = Arc::downgrade(&edge.clone().into_inner());
    move || {
        let edge = edge.upgrade();
        Box::pin(async move {
            let edge = edge?;
            // Whether all is well is told though positions do not answer: then above all.
            let valued = tokio::time::timeout(VALUED_WITHIN, edge.runtime.portfolio());
            let (valued, (_, health)) = futures::future::join(valued, system::how_well(&edge)).await;
            Some(Asked { valued: valued.ok().flatten(), health })
        })
    }
}
