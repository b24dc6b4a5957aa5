//! The stream's endpoint alone, as the edge serves it, without asking who asks.

use std::net::SocketAddr;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::Context;

use crate::http::listen;
use crate::stream::Stream;

/// Where it is, and how it ends.
pub struct Server {
    pub address: SocketAddr,
    pub handle: ServerHandle,
}

/// Serves the stream on loopback.
pub fn start(stream: Stream) -> anyhow::Result<Server> {
    let stream = web::Data::new(stream);
    let server = HttpServer::new(move || {
        storage::background::step_back();
        App::new().app_data(stream.clone()).route("/", web::get().to(answer))
    });
    let server = server.workers(1).disable_signals().listen(listen::on("127.0.0.1:0".parse()?)?)?;
    let address = server.addrs().first().copied().context("the server has no address")?;
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(Server { address, handle })
}

async fn answer(
    request: HttpRequest,
    body: web::Payload,
    stream: web::Data<Stream>,
) -> actix_web::Result<HttpResponse> {
    Ok(stream.accept(&request, body, Box::new(|| true))?.unwrap_or_else(|| HttpResponse::ServiceUnavailable().finish()))
}
