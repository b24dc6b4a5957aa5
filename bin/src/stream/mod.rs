//! The stream: what happens, to those who watch (docs/guide/api.md, "The stream").
//!
//! ```text
//! market, orders, positions, strategies ── audience ──┐
//!                          once a second: value, health ──┤ hub, on its thread ── queue ── client, an actor for each
//!                                             log lines ──┘      one message for all      its connection
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

use actix::{Actor, AsyncContext};
use actix_web::{HttpRequest, HttpResponse, web};
use actors::audience::{Seat, Stats};
use actors::clock::Clock;
use messages::market::Timeframe;
use messages::{Instrument, caps};

use client::Client;
use hub::{ClientId, Hub};
use queue::{Load, Mailbox};
use seated::Seated;
use thread::{Arguments, FromClient, ToHub};

pub use polls::poll;

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
