//! The edge: the API, its document, the dashboard, `/health`, and the command line's questions to a running instance.
//!
//! actix-web runs beside the actors with one worker of its own; it asks through ports and reads the database through
//! its readers. `access` decides who may do what, `problem` says every refusal, `edge` is what the handlers share; each
//! other module is a part of the API, as docs/guide/api.md has it.

pub mod access;
mod account;
mod alerts;
mod ask;
pub mod body;
mod dashboard;
pub mod edge;
pub mod feeds;
pub mod history;
pub mod listen;
mod market;
pub mod metrics;
pub mod migration;
mod openapi;
pub mod orders;
pub mod problem;
pub mod reconcile;
pub mod risk;
mod rows;
mod session;
pub mod sides;
pub mod sql;
mod stored;
pub mod strategies;
pub mod stream;
pub mod system;
pub mod tiers;
pub mod tls;
pub mod trading;
mod tree;
pub mod views;
mod words;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use actix_web::dev::ServerHandle;
use actix_web::error::JsonPayloadError;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, HttpServer, web};
use anyhow::Context;
use messages::caps;
use utoipa::OpenApi;
use utoipa_actix_web::AppExt;
use utoipa_actix_web::service_config::ServiceConfig;

use access::{Access, guard, headers};
use edge::Edge;
use openapi::{Head, Paths, Refusals};
use problem::{Code, Problem};

use crate::stream::Stream;

/// The header with what is to be known of an answer.
pub const NOTE: &str = "merganser-answer";

/// The largest body of a request, in bytes.
const BODY_BYTES: usize = 1 << 20;

/// Every part of the API.
fn routes(config: &mut ServiceConfig) {
    config
        .configure(system::routes)
        .configure(account::routes)
        .configure(orders::routes)
        .configure(rows::routes)
        .configure(market::routes)
        .configure(trading::routes)
        .configure(reconcile::routes)
        .configure(risk::routes)
        .configure(strategies::routes)
        .configure(feeds::routes)
        .configure(tree::routes)
        .configure(alerts::routes)
        .configure(sql::routes)
        .configure(history::routes)
        .configure(tiers::routes)
        .configure(migration::routes)
        .configure(stream::routes)
        .configure(session::routes)
        .configure(openapi::routes);
}

/// Where it listens.
pub struct Listens {
    /// As the settings have it.
    pub at: SocketAddr,
    /// On loopback, without TLS: for the command line.
    pub here: SocketAddr,
}

/// Starts listening. Returns where, and a handle to stop it.
///
/// # Errors
/// The address is taken, or the certificate cannot be read.
pub fn start(edge: Edge, stream: Stream, token: &str) -> anyhow::Result<(Listens, ServerHandle)> {
    let settings = edge.settings.http.clone();
    let address: SocketAddr = settings.address.parse().context("http.address")?;
    let is_here = address.ip().is_loopback() && settings.tls_certificate.as_os_str().is_empty();
    let tls = tls::settings(&settings)?;
    let access = web::Data::new(Access::new(&settings, token, address.ip()));
    let requests = web::Data::from(edge.requests.clone());
    let (edge, stream) = (web::Data::new(edge), web::Data::new(stream));
    tokio::spawn(stream.poll(stream::asks(&edge)));
    let server = HttpServer::new(move || {
        // Answers to people may take their time; orders may not.
        storage::background::step_back();
        let is_secure = access.is_secure();
        let (app, document) = App::new()
            .into_utoipa_app()
            .openapi(Head::openapi())
            .service(utoipa_actix_web::scope("/api/v1").configure(routes))
            .split_for_parts();
        app.app_data(edge.clone())
            .app_data(stream.clone())
            .app_data(access.clone())
            .app_data(requests.clone())
            .app_data(web::Data::new(Paths::of(&document)))
            .app_data(web::Data::new(document))
            .app_data(web::PayloadConfig::new(BODY_BYTES))
            .app_data(web::JsonConfig::default().limit(BODY_BYTES).error_handler(|error, _| unreadable(&error).into()))
            .app_data(web::QueryConfig::default().error_handler(|error, _| wrong("the query", &error).into()))
            .app_data(web::PathConfig::default().error_handler(|error, _| wrong("the path", &error).into()))
            .service(openapi::page())
            .configure(dashboard::routes)
            .route("/health", web::get().to(system::health))
            .route("/ready", web::get().to(system::ready))
            .route("/metrics", web::get().to(metrics::show))
            .default_service(web::to(openapi::nothing))
            .wrap(from_fn(guard))
            .wrap(headers(is_secure))
            .wrap(Compress::default())
            // Last, and so first: what is refused counts as well.
            .wrap(from_fn(metrics::count))
    })
    .workers(1)
    // Files of this process are for trading, too.
    .max_connections(caps::CONNECTIONS)
    // A client that is gone is seen, and what it asked for ends.
    .h1_allow_half_closed(false)
    .disable_signals()
    .shutdown_timeout(2);
    let listener = listen::on(address)?;
    let mut server = match tls {
        Some(tls) => server.listen_rustls_0_23(listener, tls)?,
        None => server.listen(listener)?,
    };
    if !is_here {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        server = server.listen(listen::on(loopback)?)?;
    }
    let bound = server.addrs();
    let listens = bound.first().zip(bound.last()).map(|(at, here)| Listens { at: *at, here: *here });
    let listens = listens.context("the server has no address")?;
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok((listens, handle))
}

/// A body that cannot be read.
fn unreadable(error: &JsonPayloadError) -> Problem {
    let code = match error {
        JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. } => Code::TooLarge,
        _ => Code::Unreadable,
    };
    Problem::new(code, format!("the body: {error}"))
}

fn wrong(what: &str, error: &dyn std::fmt::Display) -> Problem {
    Problem::new(Code::Unreadable, format!("{what}: {error}"))
}

/// Makes the token of this run, readable by its owner alone.
///
/// # Errors
/// There is no randomness, or the file cannot be written.
pub fn make_token(path: &Path) -> anyhow::Result<String> {
    use std::os::unix::fs::OpenOptionsExt;
    let token = access::make()?.secret;
    let _ = std::fs::remove_file(path);
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(token.as_bytes()))
        .with_context(|| format!("cannot write the token {}", path.display()))?;
    Ok(token)
}
