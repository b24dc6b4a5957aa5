//! The session: one connection to the WebSocket API, over which everything goes: orders, questions, and the user data stream.
//!
//! Pure: it is told what came and what time it is, and says what is to be done. On every connection it looks at the venue's clock, logs
//! on (or subscribes with a signature, where the key cannot log on) and says `Connected`; orders then asks about all that is open, for
//! the stream has neither numbers nor replay. Source: `web-socket-api.md`, `user-data-stream.md`.
//!
//! Invariants: a request is written at most once and never on a later connection; nothing is written while the venue has closed
//! its door; a cancel that is half of a replacement is never told as the order's end.

mod answers;
mod fills;
mod frames;
mod look;
mod requests;
mod rules;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use messages::account::AccountSnapshot;
use messages::orders::OrderRequest;
use messages::venues::{ToldRules, VenueReport, VenueRequest};
use messages::{Account, ClientOrderId, Quantity, Symbol, UtcNanos, caps};

use super::call::Call;
use super::clock::Offset;
use super::failure::Failure;
use super::heard::Heard;
use super::key::{ApiKey, KeyKind};
use super::limits::Budget;
use super::order::{OrderBody, TradeBody};
use fills::WaitingEnd;
use look::{Look, Part};

/// How long the venue may take to answer: it gives up itself after ten seconds.
const ANSWERS_WITHIN: Duration = Duration::from_secs(15);
/// How long a connection may be silent. The venue pings every 20 s.
const SILENT_FOR: Duration = Duration::from_secs(60);
/// A connection lives for 24 hours at most; we leave before.
const LIVES_FOR: Duration = Duration::from_secs(86_400 - 600);
/// How long a connection that we leave waits for answers that are owed.
const LEAVES_WITHIN: Duration = Duration::from_secs(5);
/// How long after it was asked for a replacement may leave.
const REPLACES_WITHIN: Duration = Duration::from_secs(2);
/// How often the venue's clock is looked at.
const CLOCK_EVERY: Duration = Duration::from_secs(600);
/// How long a connection must have lived before its loss is the first of a row: a venue that takes connections only to close them is
/// not better than one that takes none.
const PROVEN_BY: Duration = Duration::from_secs(60);
/// The first wait before another connection, doubled with each failure in a row.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Of how many ended orders it is kept what was told: an end comes by an answer and by an event, within moments.
const ENDED: usize = 256;

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Open a connection.
    Open,
    /// Write a message. Its text holds signatures and is for the venue alone.
    Send(Message),
    /// Close the connection.
    Close,
    /// The venue is reached, and orders may be sent.
    Connected,
    /// It is not reached, and why.
    Disconnected(String),
    /// What happened to orders.
    Reports(Vec<VenueReport>),
    /// What the account holds.
    Account(Box<AccountSnapshot>),
    /// By which rules it trades.
    Rules(Vec<ToldRules>),
    /// What else the venue says: to be kept and told.
    Heard(Box<Heard>),
}

impl Effect {
    fn heard(heard: Heard) -> Self {
        Self::Heard(Box::new(heard))
    }
}

/// A message to the venue.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// What it asks.
    pub method: &'static str,
    text: String,
}

impl Message {
    /// Its text, for the socket.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

/// Its method alone: the text holds the key's name and signatures.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({})", self.method)
    }
}

/// How far the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// There is none before this time.
    Down(UtcNanos),
    /// It is being opened, since.
    Opening(UtcNanos),
    /// The venue's clock was asked for.
    Clock,
    /// The key was shown.
    LoggingOn,
    /// The user data was asked for.
    Subscribing,
    /// Orders may be sent.
    Up,
}

/// What an answer is owed to.
#[derive(Debug, Clone)]
enum Asked {
    Time,
    LogOn,
    Subscribe,
    /// A request of orders, and the terms that it asks for.
    Order(VenueRequest),
    /// The terms of an order that is to be replaced.
    Terms(VenueRequest),
    /// What replaced an order, which was found ended or not at all.
    Successor {
        of: ClientOrderId,
        found: Option<Box<OrderBody>>,
    },
    /// The fills of an order, and those that came already.
    Fills {
        order: Box<OrderBody>,
        so_far: Vec<TradeBody>,
    },
    /// The fills of an order of which more is filled than was told.
    Missing {
        order: ClientOrderId,
        symbol: Symbol,
    },
    /// A part of what the account holds, for the question of this time.
    Account(UtcNanos, Part),
    /// The rules of symbols.
    Rules(Vec<Symbol>),
}

struct Owed {
    asked: Asked,
    since: UtcNanos,
}

/// An order as this session saw it.
#[derive(Debug, Clone)]
struct Known {
    request: OrderRequest,
    /// Filled, as far as it was told without a gap.
    told: Quantity,
    /// Whether a replacement was ever asked for.
    is_replaced: bool,
}

/// The session.
pub struct Session {
    account: Account,
    key: Arc<ApiKey>,
    stage: Stage,
    offset: Offset,
    budget: Budget,
    longest_wait: Duration,
    failures: u32,
    opened_at: UtcNanos,
    heard_at: UtcNanos,
    clock_at: UtcNanos,
    /// When it is left at the latest, and why.
    leaves: Option<(UtcNanos, &'static str)>,
    last_id: u64,
    owed: BTreeMap<u64, Owed>,
    /// Cancels that wait for the budget: they go first.
    cancels: VecDeque<(Call, Asked)>,
    /// Questions that wait for it.
    questions: VecDeque<(Call, Asked)>,
    /// Questions about rules that wait for it: nothing waits for them.
    of_rules: VecDeque<(Call, Asked)>,
    known: BTreeMap<ClientOrderId, Known>,
    /// The last orders that ended, and how much of each was told.
    ended: VecDeque<(ClientOrderId, Quantity)>,
    /// Ends that were heard and are told behind their fills.
    waiting_ends: BTreeMap<ClientOrderId, WaitingEnd>,
    /// What the account holds is being asked for.
    look: Option<Look>,
    /// When a refusal last made us ask for rules.
    doubted_at: UtcNanos,
}

impl Session {
    /// A session of an account, which waits no longer than this before the next attempt to connect.
    #[must_use]
    pub fn new(account: Account, key: Arc<ApiKey>, longest_wait: Duration) -> Self {
        Self {
            account,
            key,
            stage: Stage::Down(UtcNanos::MIN),
            offset: Offset::default(),
            budget: Budget::default(),
            longest_wait,
            failures: 0,
            opened_at: UtcNanos::MIN,
            heard_at: UtcNanos::MIN,
            clock_at: UtcNanos::MIN,
            leaves: None,
            last_id: 0,
            owed: BTreeMap::new(),
            cancels: VecDeque::new(),
            questions: VecDeque::new(),
            of_rules: VecDeque::new(),
            known: BTreeMap::new(),
            ended: VecDeque::new(),
            waiting_ends: BTreeMap::new(),
            look: None,
            doubted_at: UtcNanos::MIN,
        }
    }

    /// Whether orders may be sent.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.stage == Stage::Up
    }

    /// The connection is open.
    pub fn opened(&mut self, now: UtcNanos, out: &mut Vec<Effect>) {
        if matches!(self.stage, Stage::Opening(_)) {
            self.stage = Stage::Clock;
            (self.opened_at, self.heard_at) = (now, now);
            self.ask_time(now, out);
        }
    }

    /// The venue answered the handshake by a failure: what it asks for is done, so that a ban is waited out.
    pub fn refused(&mut self, failure: &Failure, now: UtcNanos, out: &mut Vec<Effect>) {
        self.obey(failure, now, out);
        self.closed(&format!("the venue refused the connection: {failure}"), now, out);
    }

    /// The connection is closed, by whomever.
    pub fn closed(&mut self, why: &str, now: UtcNanos, out: &mut Vec<Effect>) {
        if matches!(self.stage, Stage::Down(_)) {
            return;
        }
        self.owed.clear();
        self.cancels.clear();
        self.questions.clear();
        self.of_rules.clear();
        self.waiting_ends.clear();
        self.look = None;
        self.leaves = None;
        let was_good = self.is_up() && self.opened_at.after(PROVEN_BY) <= now;
        let wait = FIRST_WAIT.saturating_mul(1 << self.failures.min(10)).min(self.longest_wait);
        let wait = if was_good { Duration::ZERO } else { wait };
        self.failures = if was_good { 0 } else { self.failures + 1 };
        let closed_until = self.budget.closed_until(now).unwrap_or(now);
        self.stage = Stage::Down(now.after(wait).max(closed_until));
        out.push(Effect::Disconnected(why.to_owned()));
    }

    /// The other side lives: a ping came, or a pong.
    pub fn alive(&mut self, now: UtcNanos) {
        self.heard_at = now;
    }

    /// Something is due.
    pub fn on_timer(&mut self, now: UtcNanos, out: &mut Vec<Effect>) {
        match self.stage {
            Stage::Down(again_at) if again_at <= now => {
                self.stage = Stage::Opening(now);
                out.push(Effect::Open);
            }
            Stage::Down(_) => {}
            Stage::Opening(since) if since.after(ANSWERS_WITHIN) <= now => {
                self.leave("it did not open in time", now, out)
            }
            Stage::Opening(_) => {}
            Stage::Clock | Stage::LoggingOn | Stage::Subscribing | Stage::Up => self.on_open_timer(now, out),
        }
    }

    fn on_open_timer(&mut self, now: UtcNanos, out: &mut Vec<Effect>) {
        if self.heard_at.after(SILENT_FOR) <= now {
            return self.leave("the connection is silent: no ping in a minute", now, out);
        }
        self.forget_late(now, out);
        if !self.is_up() && self.owed.is_empty() {
            return self.leave("the venue did not answer while the connection was set up", now, out);
        }
        if self.opened_at.after(LIVES_FOR) <= now && self.leaves.is_none() {
            self.leaves = Some((now.after(LEAVES_WITHIN), "the connection is a day old"));
        }
        if let Some((latest, why)) = self.leaves
            && (latest <= now || self.owed.is_empty())
        {
            return self.leave(why, now, out);
        }
        if self.is_up() && self.clock_at.after(CLOCK_EVERY) <= now {
            self.ask_time(now, out);
        }
        self.ask_for_ends(now, out);
        self.send_waiting(now, out);
    }

    /// When [`Self::on_timer`] has something to do next.
    #[must_use]
    pub fn next_due(&self, now: UtcNanos) -> UtcNanos {
        let again = match self.stage {
            Stage::Down(again_at) => return again_at,
            Stage::Opening(since) => return since.after(ANSWERS_WITHIN),
            Stage::Clock | Stage::LoggingOn | Stage::Subscribing => UtcNanos::MAX,
            Stage::Up => self.clock_at.after(CLOCK_EVERY),
        };
        let answers = self.owed.values().map(|owed| owed.since.after(ANSWERS_WITHIN));
        let waiting = [&self.cancels, &self.questions, &self.of_rules].into_iter().filter_map(VecDeque::front);
        let waits = waiting.filter_map(|(call, _)| self.budget.when(call, now));
        let leaves = self.leaves.map(|(latest, _)| if self.owed.is_empty() { now } else { latest });
        let ends = self.waiting_ends.values().map(|end| end.again_at);
        let lives = self.opened_at.after(LIVES_FOR);
        let others = answers.chain(waits).chain(ends).chain(leaves).chain(self.leaves.is_none().then_some(lives));
        others.fold(again.min(self.heard_at.after(SILENT_FOR)), Ord::min)
    }

    /// Closes the connection.
    fn leave(&mut self, why: &str, now: UtcNanos, out: &mut Vec<Effect>) {
        out.push(Effect::Close);
        self.closed(why, now, out);
    }

    /// What was not answered in time is open; orders asks.
    fn forget_late(&mut self, now: UtcNanos, out: &mut Vec<Effect>) {
        let late: Vec<u64> =
            self.owed.iter().filter(|(_, o)| o.since.after(ANSWERS_WITHIN) <= now).map(|(id, _)| *id).collect();
        for id in late {
            if let Some(Owed { asked: Asked::Order(request), .. }) = self.owed.remove(&id) {
                let Some(client_order_id) = request.client_order_id() else { continue };
                out.push(Effect::heard(Heard::Open { client_order_id, why: "no answer in time".to_owned() }));
            }
        }
    }

    fn ask_time(&mut self, now: UtcNanos, out: &mut Vec<Effect>) {
        if !self.owed.values().any(|owed| matches!(owed.asked, Asked::Time)) {
            self.clock_at = now;
            self.send(Call::time(), Asked::Time, now, out);
        }
    }

    /// Writes a message.
    fn send(&mut self, call: Call, asked: Asked, now: UtcNanos, out: &mut Vec<Effect>) {
        self.budget.spend(&call, now);
        self.last_id += 1;
        let stamp = self.offset.stamp(now);
        let params = match &asked {
            Asked::Time | Asked::Rules(_) => call.parameters.message(),
            Asked::Subscribe if self.key.kind() == KeyKind::Ed25519 => call.parameters.message(),
            Asked::LogOn | Asked::Subscribe => call.parameters.signed_message(&self.key, &stamp),
            _ if self.key.kind() == KeyKind::Ed25519 => call.parameters.stamped_message(&stamp),
            _ => call.parameters.signed_message(&self.key, &stamp),
        };
        let text = serde_json::json!({"id": self.last_id, "method": call.method, "params": params}).to_string();
        self.owed.insert(self.last_id, Owed { asked, since: now });
        out.push(Effect::Send(Message { method: call.method, text }));
    }

    /// Whatever is owed an answer, or waits to be asked.
    fn asked(&self) -> impl Iterator<Item = &Asked> {
        let waiting = self.cancels.iter().chain(&self.questions).chain(&self.of_rules).map(|(_, asked)| asked);
        self.owed.values().map(|owed| &owed.asked).chain(waiting)
    }

    /// Writes a question or a cancel, now or when the budget has room. There is an end to what may wait: orders asks again.
    fn send_or_wait(&mut self, call: Call, asked: Asked, now: UtcNanos, out: &mut Vec<Effect>) {
        let waiting = match &call {
            call if call.is_cancel() => &mut self.cancels,
            call if call.is_of_rules() => &mut self.of_rules,
            _ => &mut self.questions,
        };
        if waiting.is_empty() && self.budget.when(&call, now).is_some_and(|at| at <= now) {
            self.send(call, asked, now, out);
        } else if waiting.len() < caps::VENUE_REQUESTS {
            waiting.push_back((call, asked));
        }
    }

    fn send_waiting(&mut self, now: UtcNanos, out: &mut Vec<Effect>) {
        while let Some((call, asked)) = self.next_waiting(now) {
            self.send(call, asked, now, out);
        }
    }

    /// What has waited and may go now, a cancel before any question, and questions about rules last.
    fn next_waiting(&mut self, now: UtcNanos) -> Option<(Call, Asked)> {
        for waiting in [&mut self.cancels, &mut self.questions, &mut self.of_rules] {
            let due = waiting.front().and_then(|(call, _)| self.budget.when(call, now));
            if due.is_some_and(|at| at <= now) {
                return waiting.pop_front();
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
