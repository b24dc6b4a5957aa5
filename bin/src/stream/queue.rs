//! The way from the hub to one client: bounded in messages and bytes, with room for orders and fills that nothing else takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix::Recipient;
use bytestring::ByteString;
use messages::caps;

use super::protocol::Closing;
use super::topic::Overflow;

/// One client as the hub sees it.
pub trait Queue {
    /// What waits for it.
    fn waiting(&self) -> Waiting;
    /// Hands it messages. What does not fit was not to be handed over: see [`Waiting::has_room`].
    ///
    /// # Errors
    /// It is gone.
    fn deliver(&self, messages: Vec<ByteString>) -> Result<(), Gone>;
    /// Ends it.
    fn close(&self, why: Closing);
}

/// There is no such client any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

/// What waits for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// Messages.
    pub messages: usize,
    /// Their bytes.
    pub bytes: usize,
}

impl Waiting {
    /// Whether a message fits. One alone always does, however long it is.
    pub fn has_room(self, overflow: Overflow, bytes: usize) -> bool {
        let (most, most_bytes) = match overflow {
            Overflow::Close => (caps::CLIENT_MESSAGES, caps::CLIENT_BYTES),
            Overflow::Conflate | Overflow::Resync => (caps::CLIENT_MARKET_MESSAGES, caps::CLIENT_MARKET_BYTES),
        };
        self.messages == 0 || (self.messages < most && self.bytes + bytes <= most_bytes)
    }

    /// One more waits.
    pub fn add(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes;
    }
}

/// To the actor of a client.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub enum ToClient {
    /// Send these.
    Deliver(Vec<ByteString>),
    /// End it.
    Close(Closing),
}

/// What waits for a client, counted on both ends: the hub adds, the client's actor takes away.
#[derive(Debug, Default)]
pub struct Load {
    messages: AtomicUsize,
    bytes: AtomicUsize,
}

impl Load {
    /// One more waits.
    pub fn add(&self, bytes: usize) {
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// One is with the connection.
    pub fn sent(&self, bytes: usize) {
        self.messages.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The queue of a real client: its actor's mailbox.
pub struct Mailbox {
    to: Recipient<ToClient>,
    load: Arc<Load>,
}

impl Mailbox {
    /// To an actor that takes from `load` what it has sent.
    pub fn new(to: Recipient<ToClient>, load: Arc<Load>) -> Self {
        Self { to, load }
    }
}

impl Queue for Mailbox {
    fn waiting(&self) -> Waiting {
        let (messages, bytes) = (self.load.messages.load(Ordering::Relaxed), self.load.bytes.load(Ordering::Relaxed));
        Waiting { messages, bytes }
    }

    fn deliver(&self, messages: Vec<ByteString>) -> Result<(), Gone> {
        messages.iter().for_each(|message| self.load.add(message.len()));
        // Its mailbox holds as many as may wait: an actor that took none of them is as good as gone.
        self.to.try_send(ToClient::Deliver(messages)).map_err(|_| Gone)
    }

    fn close(&self, why: Closing) {
        // The way that nothing can stop up: whoever is to go, goes.
        self.to.do_send(ToClient::Close(why));
    }
}
