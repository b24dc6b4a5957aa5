//! A live feed: the actor around a venue's [`Session`].
//!
//! Hears frames of its links, answers by REST, its timer, and people who add and remove symbols. Asks the session
//! what to do, performs it, and hands market data to the market's bounded queue. It never waits for the market: what
//! does not fit stands in a backlog in which quotes are conflated; when that is too much, or the market journal has
//! no room, the session pauses, closes its links and says what is missed.
//!
//! Invariant: a frame is handed on in the order in which it was received, with a receive time that never falls.

pub mod backlog;
mod lag;
mod pausing;
mod performing;
pub mod recorder;
pub mod rest;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use messages::{Exchange, Symbol, UtcNanos};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use storage::journal::Room;

use self::backlog::Backlog;
use self::lag::Lags;
use self::recorder::Recorder;
use super::session::{Heard, Out, RequestId, Session};
use crate::bulk::Signal;
use crate::clock::Clock;
use crate::market::FromFeed;
use crate::ports::{FeedStatus, ToFeed};
use crate::timer::Timer;
use crate::traffic::Seen;
use crate::wire::Link;
use crate::wire::reach::Reach;
use crate::wire::socket::{FromLink, Mouth};

/// Frames taken at once, before timers and questions are heard again.
const TAKE: usize = 256;

/// Makes a feed's session from the seed of the run.
pub type MakeSession = Arc<dyn Fn(u64) -> Result<Box<dyn Session>, String> + Send + Sync>;

/// A live feed, as the edge describes it.
#[derive(Clone)]
pub struct LiveFeed {
    /// Its name, by which people speak of it.
    pub name: String,
    /// Whose market it is.
    pub exchange: Exchange,
    /// Makes its session, and makes it again when the actor has failed.
    pub make: MakeSession,
    /// The ways out.
    pub reach: Reach,
    /// The longest that opening a link may take.
    pub connect_timeout: Duration,
    /// Frames that may wait for the actor before the venue is made to wait.
    pub queue: usize,
    /// Where its frames are recorded, if they are.
    pub recording: Option<recorder::Settings>,
}

/// What the actor is given.
pub struct Arguments {
    /// What it is.
    pub feed: LiveFeed,
    /// The venue's session.
    pub session: Box<dyn Session>,
    /// The market's queue.
    pub market: flume::Sender<FromFeed>,
    /// Raised behind it.
    pub signal: Signal,
    /// Whether the market journal has room.
    pub room: Room,
    /// Where frames are recorded.
    pub recorder: Option<Recorder>,
    /// The time.
    pub clock: Clock,
}

/// Its mailbox.
pub enum Mailbox {
    /// Frames wait.
    Wake,
    /// The session has something to do.
    Timer,
    /// The backlog may fit now.
    LookAgain,
    /// A request was answered.
    Answered(RequestId, Result<rest::Response, String>),
    /// From others.
    Said(ToFeed),
}

impl From<ToFeed> for Mailbox {
    fn from(message: ToFeed) -> Self {
        Self::Said(message)
    }
}

impl Seen for Mailbox {
    fn name(&self) -> &'static str {
        match self {
            Self::Wake => "wake",
            Self::Timer => "timer",
            Self::LookAgain => "look_again",
            Self::Answered(..) => "answered",
            Self::Said(message) => message.name(),
        }
    }
    fn came_by_port(&self) -> bool {
        matches!(self, Self::Said(_))
    }
}

/// The actor.
pub struct FeedActor;

/// The shell.
pub struct Shell {
    a: Arguments,
    me: ActorRef<Mailbox>,
    mouth: Mouth,
    heard: flume::Receiver<(Link, UtcNanos, FromLink)>,
    /// Dropping an outbox closes its link.
    links: BTreeMap<Link, flume::Sender<String>>,
    backlog: Backlog,
    lags: Lags,
    out: Out,
    /// Receive times never fall.
    received: UtcNanos,
    timer: Timer,
    paused: bool,
    /// Nothing begins again.
    stopped: bool,
    looking: bool,
    recordings_lost: u64,
}

impl Actor for FeedActor {
    type Msg = Mailbox;
    type State = Shell;
    type Arguments = Arguments;

    async fn pre_start(&self, me: ActorRef<Mailbox>, arguments: Arguments) -> Result<Shell, ActorProcessingErr> {
        let (queue, heard) = flume::bounded(arguments.feed.queue);
        let awake = me.clone();
        let signal = Signal::new(move || drop(awake.send_message(Mailbox::Wake)));
        let mouth = Mouth { queue, signal, clock: arguments.clock.clone() };
        let received = arguments.clock.now();
        let mut shell = Shell {
            a: arguments,
            me,
            mouth,
            heard,
            links: BTreeMap::new(),
            backlog: Backlog::default(),
            lags: Lags::default(),
            out: Out::default(),
            received,
            timer: Timer::default(),
            paused: false,
            stopped: false,
            looking: false,
            recordings_lost: 0,
        };
        shell.say(|session, now, out| session.begin(now, out));
        shell.look_ahead();
        Ok(shell)
    }

    async fn handle(
        &self,
        _: ActorRef<Mailbox>,
        message: Mailbox,
        shell: &mut Shell,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Mailbox::Wake => shell.take(),
            Mailbox::Timer => {
                shell.timer.fired();
                shell.hear(Heard::Timer, None);
            }
            Mailbox::LookAgain => shell.looking = false,
            Mailbox::Answered(id, answer) => {
                let answer = answer.as_ref().map(rest::Response::answer).map_err(String::as_str);
                shell.hear(Heard::Answered(id, answer), None);
            }
            Mailbox::Said(ToFeed::Change { add, remove, reply }) => {
                let _ = reply.send(shell.change(&add, &remove));
            }
            Mailbox::Said(ToFeed::Status(reply)) => drop(reply.send(Box::new(shell.status()))),
            Mailbox::Said(ToFeed::Stop(reply)) => {
                shell.stop().await;
                let _ = reply.send(());
            }
        }
        shell.look_ahead();
        Ok(())
    }
}

impl Shell {
    /// Takes what the links have said.
    fn take(&mut self) {
        if self.stopped {
            return;
        }
        self.mouth.signal.lower();
        for _ in 0..TAKE {
            let Ok((link, received, said)) = self.heard.try_recv() else { return };
            // Of a link that the session has closed.
            if !self.links.contains_key(&link) {
                continue;
            }
            self.received = self.received.max(received);
            match said {
                FromLink::Frame(frame) => self.hear(Heard::Frame(link, &frame), Some(&frame)),
                FromLink::Opened => self.hear(Heard::Opened(link), None),
                FromLink::Alive => self.hear(Heard::Alive(link), None),
                FromLink::Closed(why) => {
                    self.links.remove(&link);
                    self.hear(Heard::Closed(link, &why), None);
                }
            }
        }
        // By the signal, so that there is never more than one on its way: others are heard in between.
        self.mouth.signal.raise();
    }

    fn hear(&mut self, heard: Heard<'_>, frame: Option<&[u8]>) {
        if self.stopped {
            return;
        }
        if frame.is_none() {
            self.received = self.received.max(self.a.clock.now());
        }
        self.out.clear();
        self.a.session.hear(heard, self.received, &mut self.out);
        self.record(frame);
        self.perform();
    }

    /// Lets the session do something else than hear.
    fn say<T>(&mut self, say: impl FnOnce(&mut dyn Session, UtcNanos, &mut Out) -> T) -> T {
        self.received = self.received.max(self.a.clock.now());
        self.out.clear();
        let said = say(&mut *self.a.session, self.received, &mut self.out);
        self.record(None);
        self.perform();
        said
    }

    fn record(&mut self, frame: Option<&[u8]>) {
        let Some(recorder) = &mut self.a.recorder else { return };
        // An empty line stands for a frame of which nothing was handed on.
        if let Some(line) = self.out.record.as_deref().or(frame).filter(|line| !line.is_empty()) {
            recorder.record(self.received, line);
        }
        let lost = recorder.lost();
        if lost > 0 && self.recordings_lost == 0 {
            tracing::warn!(feed = self.a.feed.name, "the recording has a hole: the disk is too slow for it, or full");
        }
        self.recordings_lost = lost;
    }

    fn change(&mut self, add: &[Symbol], remove: &[Symbol]) -> Result<(), String> {
        self.say(|session, now, out| session.change(add, remove, now, out))
    }

    fn status(&self) -> FeedStatus {
        FeedStatus {
            name: self.a.feed.name.clone(),
            session: self.a.session.status(self.received.max(self.a.clock.now())),
            waiting: self.heard.len(),
            backlog: self.backlog.len(),
            conflated: self.backlog.conflated(),
            lag: self.lags.summary(),
            records: self.a.recorder.is_some(),
            recordings_lost: self.recordings_lost,
        }
    }
}
