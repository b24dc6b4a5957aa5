//! One client of the stream: an actor beside its connection.
//!
//! Hears frames of the client and messages of the hub; says requests to the hub and messages into the session, one after the
//! other as the connection takes them. Invariant: it never waits for its client while it hears, so a client that does not
//! read stops nobody but itself; what waits for it is counted where the hub sees it. It lives as long as it answers or takes
//! what is written, and as long as whoever opened it may watch.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, SpawnHandle, StreamHandler, WrapFuture,
};
use actix_web::web::Bytes;
use actix_ws::{AggregatedMessage, CloseCode, CloseReason, Closed, ProtocolError, Session};
use actors::audience::Stats;
use actors::clock::Clock;
use bytestring::ByteString;
use messages::{UtcNanos, caps};

use super::hub::ClientId;
use super::protocol::{Closing, Refusal, Request};
use super::queue::{Load, ToClient};
use super::thread::{FromClient, ToHub};
use super::topic::Topic;

/// How often a client is pinged, and looked after.
const PING_EVERY: Duration = Duration::from_secs(15);
/// A client of which nothing is heard for so long, not even the answer to a ping, is gone.
const SILENT_AFTER: Duration = Duration::from_secs(40);
/// How long the last words to a client may take: it may read slowly.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

/// What goes to the client.
enum Outgoing {
    Text(ByteString),
    Ping,
    Pong(Bytes),
    Close(CloseReason),
}

/// Whether who has opened a stream may still watch.
pub type MayWatch = Box<dyn Fn() -> bool>;

/// The actor.
pub struct Client {
    id: ClientId,
    session: Session,
    hub: flume::Sender<ToHub>,
    load: Arc<Load>,
    stats: Arc<Stats>,
    wall: Clock,
    may_watch: MayWatch,
    outgoing: VecDeque<Outgoing>,
    writing: Option<SpawnHandle>,
    heard_at: UtcNanos,
    /// Frames in this second.
    frames: (i64, u32),
    is_closing: bool,
}

impl Client {
    /// Of a connection that was just opened.
    pub fn new(
        id: ClientId,
        session: Session,
        hub: flume::Sender<ToHub>,
        load: Arc<Load>,
        (stats, wall): (Arc<Stats>, Clock),
        may_watch: MayWatch,
    ) -> Self {
        let heard_at = wall.now();
        Self {
            id,
            session,
            hub,
            load,
            stats,
            wall,
            may_watch,
            outgoing: VecDeque::new(),
            writing: None,
            heard_at,
            frames: (0, 0),
            is_closing: false,
        }
    }

    fn say(&mut self, outgoing: Outgoing, ctx: &mut Context<Self>) {
        self.load.add(outgoing.bytes());
        self.outgoing.push_back(outgoing);
        if self.outgoing.len() > caps::CLIENT_MESSAGES {
            self.stats.closed_slow.add(1);
            return self.close(Closing::Slow, ctx);
        }
        self.write(ctx);
    }

    fn refuse(&mut self, refusal: &Refusal, ctx: &mut Context<Self>) {
        self.say(Outgoing::Text(refusal.write()), ctx);
    }

    /// Writes what waits, as the connection takes it, without waiting for it here.
    fn write(&mut self, ctx: &mut Context<Self>) {
        if self.writing.is_some() || self.outgoing.is_empty() {
            return;
        }
        let (outgoing, load) = (std::mem::take(&mut self.outgoing), self.load.clone());
        let mut session = self.session.clone();
        let write = async move {
            for outgoing in outgoing {
                let bytes = outgoing.bytes();
                outgoing.write(&mut session).await?;
                load.sent(bytes);
            }
            Ok::<(), Closed>(())
        };
        let written = write.into_actor(self).map(|written, actor, ctx| {
            actor.writing = None;
            // Who takes what is written is there, however long a ping lies behind it.
            actor.heard_at = actor.wall.now();
            match written {
                Ok(()) if actor.is_closing && actor.outgoing.is_empty() => ctx.stop(),
                Ok(()) => actor.write(ctx),
                Err(Closed) => ctx.stop(),
            }
        });
        self.writing = Some(ctx.spawn(written));
    }

    /// Says why, if the connection still takes it, and ends. What waits is said before where merganser stops: it is the end of
    /// what happened. Else it is why the client must go, or of no use to it.
    fn close(&mut self, why: Closing, ctx: &mut Context<Self>) {
        if self.is_closing {
            return;
        }
        if why != Closing::Stopping {
            self.forget(ctx);
        }
        self.outgoing.push_back(Outgoing::Text(why.write()));
        self.end(CloseReason { code: close_code(why), description: Some(why.code().to_owned()) }, ctx);
    }

    fn forget(&mut self, ctx: &mut Context<Self>) {
        if let Some(writing) = self.writing.take() {
            ctx.cancel_future(writing);
        }
        self.outgoing.clear();
    }

    fn end(&mut self, reason: CloseReason, ctx: &mut Context<Self>) {
        self.is_closing = true;
        self.outgoing.push_back(Outgoing::Close(reason));
        self.write(ctx);
        // Who does not listen is closed without.
        ctx.run_later(CLOSE_WITHIN, |_, ctx| ctx.stop());
    }

    /// Pings, unless there is a reason to end it.
    fn look_after(&mut self, ctx: &mut Context<Self>) {
        if self.is_closing {
            return;
        }
        if self.hub.is_disconnected() {
            self.close(Closing::Stopping, ctx);
        } else if !(self.may_watch)() {
            self.close(Closing::LoggedOut, ctx);
        } else if self.wall.now() > self.heard_at.after(SILENT_AFTER) {
            self.stats.closed_silent.add(1);
            self.close(Closing::Silent, ctx);
        } else {
            self.say(Outgoing::Ping, ctx);
        }
    }

    fn fault(&mut self, why: Closing, ctx: &mut Context<Self>) {
        self.stats.closed_faulty.add(1);
        self.close(why, ctx);
    }

    /// Whether this frame is one too many in this second.
    fn is_flood(&mut self) -> bool {
        let second = self.heard_at.secs();
        let frames = if self.frames.0 == second { self.frames.1 + 1 } else { 1 };
        self.frames = (second, frames);
        frames > caps::CLIENT_FRAMES_PER_SECOND
    }

    fn hear(&mut self, text: &str, ctx: &mut Context<Self>) {
        let (names, is_wanted) = match serde_json::from_str(text) {
            Ok(Request::Subscribe { topics }) => (topics, true),
            Ok(Request::Unsubscribe { topics }) => (topics, false),
            Err(error) => return self.refuse(&Refusal::new("unreadable", error.to_string()), ctx),
        };
        if !(self.may_watch)() {
            return self.close(Closing::LoggedOut, ctx);
        }
        if names.len() > caps::CLIENT_TOPICS {
            let detail = format!("{} topics are too many; expected at most {}", names.len(), caps::CLIENT_TOPICS);
            return self.refuse(&Refusal::new("too_many_topics", detail), ctx);
        }
        let mut topics = BTreeSet::new();
        for name in names {
            match name.parse::<Topic>() {
                Ok(topic) => drop(topics.insert(topic)),
                Err(error) => self.refuse(&Refusal::of(name, "unknown_topic", error), ctx),
            }
        }
        let (client, topics) = (self.id, topics.into_iter().collect());
        let request = if is_wanted {
            FromClient::Subscribe { client, topics }
        } else {
            FromClient::Unsubscribe { client, topics }
        };
        if self.hub.try_send(ToHub::Client(request)).is_err() {
            self.refuse(&Refusal::new("busy", "too many requests wait; ask again in a moment".to_owned()), ctx);
        }
    }
}

impl Outgoing {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Ping | Self::Close(_) => 0,
            Self::Pong(payload) => payload.len(),
        }
    }

    async fn write(self, session: &mut Session) -> Result<(), Closed> {
        match self {
            Self::Text(text) => session.text(text).await,
            Self::Ping => session.ping(b"").await,
            Self::Pong(payload) => session.pong(&payload).await,
            Self::Close(reason) => session.clone().close(Some(reason)).await,
        }
    }
}

fn close_code(why: Closing) -> CloseCode {
    match why {
        Closing::Slow => CloseCode::Again,
        Closing::Stopping => CloseCode::Away,
        Closing::Silent | Closing::Flood | Closing::Faulty | Closing::LoggedOut => CloseCode::Policy,
    }
}

impl Actor for Client {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.run_interval(PING_EVERY, Self::look_after);
    }

    fn stopped(&mut self, _: &mut Context<Self>) {
        // Where this does not fit the hub finds out when it has something to say.
        let _ = self.hub.try_send(ToHub::Client(FromClient::Leave { client: self.id }));
    }
}

impl Handler<ToClient> for Client {
    type Result = ();

    fn handle(&mut self, message: ToClient, ctx: &mut Context<Self>) {
        match message {
            ToClient::Deliver(_) if self.is_closing => {}
            ToClient::Deliver(messages) => {
                self.outgoing.extend(messages.into_iter().map(Outgoing::Text));
                self.write(ctx);
            }
            ToClient::Close(why) => self.close(why, ctx),
        }
    }
}

impl StreamHandler<Result<AggregatedMessage, ProtocolError>> for Client {
    fn handle(&mut self, frame: Result<AggregatedMessage, ProtocolError>, ctx: &mut Context<Self>) {
        if self.is_closing {
            return;
        }
        self.heard_at = self.wall.now();
        if self.is_flood() {
            return self.fault(Closing::Flood, ctx);
        }
        match frame {
            Ok(AggregatedMessage::Text(text)) => self.hear(&text, ctx),
            Ok(AggregatedMessage::Ping(payload)) => self.say(Outgoing::Pong(payload), ctx),
            Ok(AggregatedMessage::Pong(_)) => {}
            Ok(AggregatedMessage::Close(_)) => {
                self.forget(ctx);
                self.end(CloseCode::Normal.into(), ctx);
            }
            Ok(AggregatedMessage::Binary(_)) | Err(_) => self.fault(Closing::Faulty, ctx),
        }
    }
}
