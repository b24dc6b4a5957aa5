//! The life of the connection to Alpaca's trading API, as a pure state: the shell opens sockets, makes calls and tells what
//! came of them; this decides.
//!
//! Opened, authorized, listening, then one sweep over all open orders and their fills, and only then connected: whatever
//! happened while nobody listened is asked about when `Connected` is said, and most of it can be answered from the sweep. A
//! connection that is silent or lost is opened again after a back-off.
//!
//! Invariants: a request leaves at most once; nothing leaves before its time in the [`Budget`]; a new order that would wait
//! longer than [`LATE`], or [`LATE_TO_CLOSE`], is refused here and never sent, and so is one that waits when the connection is
//! lost; of one order at most one cancel waits or is under way, so that what waits is bounded by what is open. The keys are the
//! shell's: they are not in any value here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use messages::account::AccountSnapshot;
use messages::venues::{ToldRules, VenueReport, VenueRequest};
use messages::{Account, UtcNanos, VenueOrderId};

use super::books::{Books, Said};
use super::budget::{Budget, Urgency};
use super::call::Call;
use super::inquiry::{Inquiry, Subject};
use super::note::Note;
use super::outcome::Answer;
use super::request::Hours;
use super::stream::{self, Frame, TRADE_UPDATES};
use crate::wire::backoff::Backoff;

mod answers;
mod look;
mod requests;
mod sweep;

use look::{Look, Part};
use requests::{Job, Purpose};
use sweep::Sweep;

/// A connection that takes longer to open is given up.
const OPEN_WITHIN: Duration = Duration::from_secs(20);
/// The venue answers to keys and wishes at once or not at all.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long a new order may wait for its turn: later it is none that anybody wants.
const LATE: Duration = Duration::from_secs(2);
/// How long one may wait that is `reduce_only`: it is wanted until it is there, and a window of the budget is a minute.
const LATE_TO_CLOSE: Duration = Duration::from_secs(65);
/// When a question that came to nothing is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// Keys that are not taken will not be taken a second later.
const UNAUTHORIZED_WAIT: Duration = Duration::from_secs(60);
/// A connection that held for so long is a success, and the next wait is a short one.
const HELD: Duration = Duration::from_secs(60);

/// What may be chosen.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whose money.
    pub account: Account,
    /// Requests a minute.
    pub per_minute: u32,
    /// When limit orders of the day trade.
    pub hours: Hours,
    /// A connection without a sign of life for longer is lost. The shell pings.
    pub silence: Duration,
    /// The first wait before the next connection, and the longest.
    pub back_off: (Duration, Duration),
    /// What the jitter of the waits comes from.
    pub seed: u64,
}

/// One call. Numbers are given by the session and not used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallId(pub u64);

/// What happened outside.
#[derive(Debug)]
pub enum Heard<'a> {
    /// The connection is open.
    Opened,
    /// The other side lives: a ping, or an answer to ours.
    Alive,
    /// A frame, of text or of bytes that hold text.
    Frame(&'a [u8]),
    /// The connection could not be opened or is closed, and why.
    Closed(&'a str),
    /// A call was answered, or came to nothing. Every call is.
    Answered(CallId, Result<Answer<'a>, &'a str>),
    /// Orders want something.
    Request(&'a VenueRequest),
    /// The time of [`Session::next_due`] has come.
    Timer,
}

/// What the shell is to do, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Do {
    /// Open the connection; nothing is heard of an older one any more.
    Open,
    /// Close it; nothing is heard of it any more.
    Close,
    /// Send the keys over it.
    Authenticate,
    /// Ask for trade updates over it.
    Listen,
    /// Call.
    Call(CallId, Call),
    /// The venue is reached.
    Connected,
    /// The venue is not reached, and why.
    Disconnected(String),
    /// The venue reports.
    Report(VenueReport),
    /// What the account holds.
    Account(Box<AccountSnapshot>),
    /// By which rules the venue trades.
    Rules(Vec<ToldRules>),
    /// Tell people.
    Tell(Note),
}

/// How far the connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Not begun.
    Idle,
    /// To be opened at an instant.
    Waiting(UtcNanos),
    Opening,
    Authorizing,
    Listening,
    Sweeping,
    Live,
}

/// The state.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    stage: Stage,
    /// When the stage began.
    since: UtcNanos,
    /// When the connection last showed life.
    heard: UtcNanos,
    back_off: Backoff,
    budget: Budget,
    /// What waits for its turn, by urgency.
    waiting: BTreeMap<Urgency, VecDeque<Job>>,
    calls: BTreeMap<CallId, Purpose>,
    last_call: u64,
    /// Questions under way.
    asking: BTreeSet<Subject>,
    /// Those of them whose answer may be older than what made us ask: they are asked once more.
    outdated: BTreeSet<Subject>,
    /// Questions to be asked again.
    again: Vec<(UtcNanos, Subject)>,
    sweep: Sweep,
    /// What the account holds is being asked for.
    look: Option<Look>,
    books: Books,
}

impl Session {
    /// Not begun: the first timer opens the connection.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let (first, longest) = settings.back_off;
        Self {
            stage: Stage::Idle,
            since: UtcNanos::MIN,
            heard: UtcNanos::MIN,
            back_off: Backoff::new(first, longest, settings.seed),
            budget: Budget::new(settings.per_minute),
            waiting: BTreeMap::new(),
            calls: BTreeMap::new(),
            last_call: 0,
            asking: BTreeSet::new(),
            outdated: BTreeSet::new(),
            again: Vec::new(),
            sweep: Sweep::default(),
            look: None,
            books: Books::new(settings.account),
            settings,
        }
    }

    /// Something happened.
    pub fn hear(&mut self, heard: Heard<'_>, now: UtcNanos, out: &mut Vec<Do>) {
        match heard {
            Heard::Opened => self.opened(now, out),
            Heard::Alive => self.heard = now,
            Heard::Frame(frame) => {
                self.heard = now;
                self.frame(frame, now, out);
            }
            Heard::Closed(why) => self.lost(why, now, out),
            Heard::Answered(id, answer) => self.answered(id, answer, now, out),
            Heard::Request(request) => self.request(request, now, out),
            Heard::Timer => {}
        }
        self.on_time(now, out);
        self.pump(now, out);
    }

    /// When [`Heard::Timer`] is to be said.
    #[must_use]
    pub fn next_due(&self, now: UtcNanos) -> UtcNanos {
        let stage = match self.stage {
            Stage::Idle => Some(now),
            Stage::Waiting(at) => Some(at),
            _ => self.deadline().map(|(at, _)| at),
        };
        let again = self.again.iter().map(|(at, _)| *at).min();
        [stage, again, self.next_turn(now)].into_iter().flatten().min().unwrap_or(UtcNanos::MAX)
    }

    /// Whether requests are sent.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.stage == Stage::Live
    }

    fn enter(&mut self, stage: Stage, now: UtcNanos) {
        (self.stage, self.since) = (stage, now);
    }

    /// What the connection must do next, and by when.
    fn deadline(&self) -> Option<(UtcNanos, &'static str)> {
        let silence = (self.heard.after(self.settings.silence), "the connection is silent");
        match self.stage {
            Stage::Idle | Stage::Waiting(_) => None,
            Stage::Opening => Some((self.since.after(OPEN_WITHIN), "the connection does not open")),
            Stage::Authorizing => Some((self.since.after(ANSWER_WITHIN), "the venue does not answer to the keys")),
            Stage::Listening => Some((self.since.after(ANSWER_WITHIN), "the venue does not acknowledge trade updates")),
            Stage::Sweeping | Stage::Live => Some(silence),
        }
    }

    fn on_time(&mut self, now: UtcNanos, out: &mut Vec<Do>) {
        match self.stage {
            Stage::Idle => self.open(now, out),
            Stage::Waiting(at) if at <= now => self.open(now, out),
            _ => {
                if let Some((_, why)) = self.deadline().filter(|(at, _)| *at <= now) {
                    out.push(Do::Close);
                    self.lost(why, now, out);
                }
            }
        }
        let due: Vec<Subject> = self.again.iter().filter(|(at, _)| *at <= now).map(|(_, subject)| *subject).collect();
        self.again.retain(|(at, _)| *at > now);
        for subject in due {
            self.inquire(subject, now);
        }
    }

    fn open(&mut self, now: UtcNanos, out: &mut Vec<Do>) {
        self.enter(Stage::Opening, now);
        self.heard = now;
        out.push(Do::Open);
    }

    fn opened(&mut self, now: UtcNanos, out: &mut Vec<Do>) {
        if self.stage == Stage::Opening {
            self.enter(Stage::Authorizing, now);
            self.heard = now;
            out.push(Do::Authenticate);
        }
    }

    fn frame(&mut self, frame: &[u8], now: UtcNanos, out: &mut Vec<Do>) {
        match stream::read(frame) {
            Ok(Frame::Authorization { authorized: true, .. }) if self.stage == Stage::Authorizing => {
                self.enter(Stage::Listening, now);
                out.push(Do::Listen);
            }
            Ok(Frame::Authorization { authorized: true, .. }) => {}
            Ok(Frame::Authorization { authorized: false, message }) => {
                out.extend([Do::Tell(Note::Unauthorized(message)), Do::Close]);
                self.lost("the keys are not taken", now, out);
                self.enter(Stage::Waiting(now.after(UNAUTHORIZED_WAIT)), now);
            }
            Ok(Frame::Listening(streams)) => self.listening(&streams, now, out),
            Ok(Frame::Update(update)) => {
                self.sweep.changed(&update.order.client_order_id);
                let mut said = Vec::new();
                self.books.update(&update, now, &mut said);
                self.say(said, now, out);
            }
            Ok(Frame::Other(text)) => out.push(Do::Tell(Note::UnknownMessage(text))),
            Err(error) => {
                let what = format!("a frame `{}`", crate::wire::cut(&String::from_utf8_lossy(frame)));
                out.push(Do::Tell(Note::Unreadable { error: error.to_string(), what }));
                // Whose order it was about nobody knows: all that is open is asked about.
                if self.stage == Stage::Live {
                    out.push(Do::Disconnected("a frame could not be read; all orders are asked about".to_owned()));
                }
                if matches!(self.stage, Stage::Live | Stage::Sweeping) {
                    self.enter(Stage::Sweeping, now);
                    self.begin_sweep(now);
                }
            }
        }
    }

    fn listening(&mut self, streams: &[String], now: UtcNanos, out: &mut Vec<Do>) {
        let listens = streams.iter().any(|stream| stream == TRADE_UPDATES);
        match (self.stage, listens) {
            (Stage::Listening, true) => {
                self.enter(Stage::Sweeping, now);
                self.begin_sweep(now);
            }
            (Stage::Sweeping | Stage::Live, true) => {}
            _ => {
                out.push(Do::Close);
                self.lost("the venue does not send trade updates", now, out);
            }
        }
    }

    fn lost(&mut self, why: &str, now: UtcNanos, out: &mut Vec<Do>) {
        match self.stage {
            Stage::Idle | Stage::Waiting(_) => return,
            Stage::Live if self.since.after(HELD) <= now => self.back_off.succeeded(),
            _ => {}
        }
        out.push(Do::Disconnected(why.to_owned()));
        self.sweep.end();
        self.look = None;
        // What is under way may say what was true before; what is asked from now on is asked anew.
        self.asking.clear();
        self.outdated.clear();
        let wait = self.back_off.next_wait();
        self.enter(Stage::Waiting(now.after(wait)), now);
    }

    /// All that waited for the sweep may be asked now.
    fn live(&mut self, now: UtcNanos, out: &mut Vec<Do>) {
        if self.stage == Stage::Sweeping {
            self.enter(Stage::Live, now);
            out.push(Do::Connected);
        }
    }

    fn say(&mut self, said: Vec<Said>, now: UtcNanos, out: &mut Vec<Do>) {
        for one in said {
            match one {
                Said::Report(report) => out.push(Do::Report(report)),
                Said::Note(note) => out.push(Do::Tell(note)),
                Said::LookUp(id) => self.look_up(id, now),
            }
        }
    }

    /// Asks about an order of which the stream said something that cannot be told from it alone.
    fn look_up(&mut self, id: VenueOrderId, now: UtcNanos) {
        let subject = Subject::Theirs(id);
        if self.asking.contains(&subject) {
            self.outdated.insert(subject);
        } else {
            self.inquire(subject, now);
        }
    }

    /// Asks what became of an order, unless that is being asked.
    fn inquire(&mut self, subject: Subject, now: UtcNanos) {
        if self.asking.insert(subject) {
            let (inquiry, call) = Inquiry::new(subject, now);
            self.queue(Urgency::Question, Purpose::Ask(Box::new(inquiry)), call, now);
        }
    }
}

#[cfg(test)]
mod tests;
