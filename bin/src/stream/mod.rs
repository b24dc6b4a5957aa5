//! The stream: what happens, to those who watch (docs/guide/api.md, "The stream").
//!
//! ```text
//! market, orders, positions, strategies ── audience ──┐
//!                      once a second: value, health ──┤ hub, on its thread ── queue ── client, an actor for each
//!                                 log lines, alerts ──┘   one message for all         its connection
//! ```
//! Nobody in the tree waits for the hub, and the hub waits for no client: each way between them is bounded and has its policy
//! for what does not fit.

mod client;
mod hub;
mod polls;
mod protocol;
mod queue;
mod seated;
mod thread;
mod topic;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use actix::{Actor, ActorContext, AsyncContext};
use actix_web::body::BoxBody;
use actix_web::{HttpRequest, HttpResponse, web};
use actors::audience::Stats;
use actors::clock::Clock;
use messages::caps;

use client::Client;
use hub::{ClientId, Hub};
use queue::{Load, Mailbox};
use seated::Seated;
use thread::{Arguments, FromClient, ToHub};

pub use client::MayWatch;
pub use hub::Known;
pub use polls::Asked;
pub use thread::Sources;

/// The stream of a running instance.
pub struct Stream {
    to_hub: flume::Sender<ToHub>,
    stats: Arc<Stats>,
    clients: AtomicU64,
    wall: Clock,
}

/// Ends the stream.
pub struct Running {
    stop: flume::Sender<()>,
    thread: JoinHandle<()>,
}

impl Stream {
    /// Starts the hub.
    ///
    /// # Errors
    /// There can be no further thread.
    pub fn start(sources: Sources, known: Known) -> std::io::Result<(Self, Running)> {
        let (to_hub, requests) = flume::bounded(caps::CLIENT_REQUESTS);
        let (stop, stopped) = flume::bounded(0);
        let (stats, wall) = (sources.seat.stats.clone(), Clock::wall());
        let hub = Hub::new(known, stats.clone());
        let thread = start_thread(Arguments { hub, sources, requests, stop: stopped, wall: wall.clone() })?;
        Ok((Self { to_hub, stats, clients: AtomicU64::new(0), wall }, Running { stop, thread }))
    }

    /// Asks the tree for what it does not tell by itself, until either has ended.
    pub fn poll<Ask, Answer>(&self, ask: Ask) -> impl Future<Output = ()> + use<Ask, Answer>
    where
        Ask: Fn() -> Answer,
        Answer: Future<Output = Option<Asked>>,
    {
        polls::poll(ask, self.to_hub.clone())
    }

    /// Whether there is somebody who shows what happens.
    pub fn runs(&self) -> bool {
        !self.to_hub.is_disconnected()
    }

    /// Makes a WebSocket of a request that was let in, for as long as `may_watch` says so; `None` when there are too many
    /// already.
    ///
    /// # Errors
    /// It does not ask for a WebSocket.
    pub fn accept(
        &self,
        request: &HttpRequest,
        body: web::Payload,
        may_watch: MayWatch,
    ) -> Result<Option<HttpResponse>, actix_web::Error> {
        let Some(taken) = seated::Place::take(&self.stats) else { return Ok(None) };
        let (response, session, frames) = actix_ws::handle(request, body)?;
        let most = caps::CLIENT_FRAME_BYTES;
        let frames = frames.max_frame_size(most).aggregate_continuations().max_continuation_size(most);
        let id = ClientId(self.clients.fetch_add(1, Ordering::Relaxed));
        let load = Arc::new(Load::default());
        Client::create(|ctx| {
            ctx.set_mailbox_capacity(caps::CLIENT_MESSAGES);
            ctx.add_stream(frames);
            let queue = Mailbox::new(ctx.address().recipient(), load.clone());
            if self.to_hub.try_send(ToHub::Client(FromClient::Join { client: id, queue })).is_err() {
                // The hub is busy or gone: it is as if the client had never come.
                ctx.stop();
            }
            let shared = (self.stats.clone(), self.wall.clone());
            Client::new(id, session, self.to_hub.clone(), load, shared, may_watch)
        });
        Ok(Some(response.map_body(|_, body| BoxBody::new(Seated::new(body, taken)))))
    }
}

impl Running {
    /// Tells all clients that it is over, and waits for the hub's thread.
    pub fn stop(self) {
        drop(self.stop);
        // A thread that panicked has said so already.
        let _ = self.thread.join();
    }
}

#[expect(clippy::disallowed_methods, reason = "the home of the hub's thread")]
fn start_thread(arguments: Arguments) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("stream".to_owned()).spawn(move || thread::run(arguments))
}

#[cfg(test)]
mod tests;
