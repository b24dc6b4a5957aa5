//! A place at the stream, held by the connection itself: it is free when the connection has ended, and not when its client was
//! given up. A client that reads nothing keeps its socket for a while.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;
use actors::audience::Stats;
use messages::caps;

/// One of the clients that there may be.
pub struct Place(Arc<Stats>);

impl Place {
    /// Takes one; `None` when all are taken.
    pub fn take(stats: &Arc<Stats>) -> Option<Self> {
        if !stats.clients.enter(caps::STREAM_CLIENTS) {
            stats.turned_away.add(1);
            return None;
        }
        stats.connected.add(1);
        Some(Self(stats.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.clients.leave();
    }
}

/// The body of a connection, with its place.
pub struct Seated {
    body: BoxBody,
    _place: Place,
}

impl Seated {
    /// Holds the place for as long as the body is there.
    pub fn new(body: BoxBody, place: Place) -> Self {
        Self { body, _place: place }
    }
}

impl MessageBody for Seated {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}
