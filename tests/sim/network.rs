//! A network between a feed's session and its venue's server, in virtual time, that does its worst: it delays, breaks and
//! half-breaks links, loses, repeats and reorders frames, fails requests. What the session hands on goes through the
//! market's real state, as it would live.
//!
//! Invariant: the seed decides everything, so a run that fails can be looked at again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use actors::feeds::session::{Answer, Do, Heard, Notice, Out, RequestId, Session, Undecodable};
use actors::market::state::{Market, Settings};
use actors::wire::Link;
use messages::caps::MARKET_ID_BLOCK;
use messages::market::{Batch, Event, FeedBatch, Source};
use messages::{MarketId, UtcNanos};
use testkit::feeds::{Model, Response, Say};

use crate::chance::Chance;

/// How often the shell pings a link.
const PING_EVERY: Duration = Duration::from_secs(20);

/// What goes wrong. The default network is only slow.
#[derive(Debug, Clone)]
pub struct Faults {
    /// The shortest and the longest way, in one direction.
    pub latency: (Duration, Duration),
    /// Mean time between links that break for both sides.
    pub breaks: Option<Duration>,
    /// Mean time between links that break and tell nobody.
    pub half_breaks: Option<Duration>,
    /// Frames in a million that come twice.
    pub repeated: u64,
    /// Frames in a million that come up to two seconds behind their successors.
    pub reordered: u64,
    /// Frames in a million that do not come.
    pub lost: u64,
    /// Requests in a thousand that time out.
    pub failed_requests: u64,
    /// Links in a thousand that cannot be opened.
    pub refused_links: u64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            latency: (Duration::from_millis(5), Duration::from_millis(60)),
            breaks: None,
            half_breaks: None,
            repeated: 0,
            reordered: 0,
            lost: 0,
            failed_requests: 0,
            refused_links: 0,
        }
    }
}

/// What is under way.
#[derive(Debug)]
enum Parcel {
    Connect(u32, String, Vec<(String, String)>),
    Opened(u32),
    ToServer(u32, String),
    Frame(u32, String),
    ServerPing(u32, Vec<u8>),
    Pong(u32, Vec<u8>),
    ShellPing(u32),
    ClosedByServer(u32),
    ClosedByClient(u32),
    Failed(u32, &'static str),
    Asked(RequestId, String, Vec<(String, String)>),
    Answered(RequestId, Response),
    Unanswered(RequestId),
    Break,
    HalfBreak,
}

/// One link.
#[derive(Debug, Default)]
struct Wire {
    /// The server knows it.
    accepted: bool,
    /// It carries nothing any more and nobody was told.
    dead: bool,
    /// Frames arrive in order: not before this.
    last_arrival: UtcNanos,
    /// The same of what the session sends.
    last_sent: UtcNanos,
}

/// The session, the server and all between.
pub struct Network<S, M> {
    /// The session.
    pub session: S,
    /// The server.
    pub model: M,
    /// The market that hears the session.
    pub market: Market,
    /// What the market has published.
    pub published: Vec<Batch>,
    /// What the shell would have recorded.
    pub recorded: Vec<(UtcNanos, Vec<u8>)>,
    /// What people were told.
    pub notices: Vec<(UtcNanos, Notice)>,
    /// Frames that could not be decoded.
    pub undecodable: Vec<Undecodable>,
    /// The virtual now.
    pub now: UtcNanos,
    faults: Faults,
    chance: Chance,
    under_way: BTreeMap<(UtcNanos, u64), Parcel>,
    parcels: u64,
    wires: BTreeMap<u32, Wire>,
    /// Links that the session has closed: what still comes of them is not for it.
    forgotten: BTreeSet<u32>,
    next_id: u64,
}

impl<S: Session, M: Model> Network<S, M> {
    /// At `begin`, with nothing open.
    pub fn new(session: S, model: M, faults: Faults, seed: u64, begin: UtcNanos) -> Self {
        let mut market = Market::new(Settings::default());
        market.reserve(MarketId(1), MarketId(1 + MARKET_ID_BLOCK));
        let mut network = Self {
            session,
            model,
            market,
            published: Vec::new(),
            recorded: Vec::new(),
            notices: Vec::new(),
            undecodable: Vec::new(),
            now: begin,
            faults,
            chance: Chance::new(seed),
            under_way: BTreeMap::new(),
            parcels: 0,
            wires: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            next_id: 1 + MARKET_ID_BLOCK,
        };
        network.plan_faults();
        network.tell(|session, now, out| session.begin(now, out));
        network
    }

    /// Lets time pass.
    ///
    /// # Panics
    /// When the session asks to be woken again and again at the same instant.
    pub fn run_until(&mut self, end: UtcNanos) {
        let mut same_instant = 0;
        while let Some(next) = self.next().filter(|next| *next <= end) {
            same_instant = if next > self.now { 0 } else { same_instant + 1 };
            assert!(same_instant < 1_000_000, "time stands still at {}", self.now);
            self.now = self.now.max(next);
            self.step();
        }
        self.now = end;
    }

    /// Says something to the session beside what it hears.
    pub fn tell<T>(&mut self, say: impl FnOnce(&mut S, UtcNanos, &mut Out) -> T) -> T {
        let mut out = Out::default();
        let said = say(&mut self.session, self.now, &mut out);
        self.perform(out, None);
        said
    }

    /// From now on nothing goes wrong any more.
    pub fn heal(&mut self) {
        self.faults = Faults { latency: self.faults.latency, ..Faults::default() };
        self.under_way.retain(|_, parcel| !matches!(parcel, Parcel::Break | Parcel::HalfBreak));
    }

    /// Every published event.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.published.iter().flat_map(|batch| &batch.events)
    }

    fn next(&self) -> Option<UtcNanos> {
        let parcel = self.under_way.keys().next().map(|(at, _)| *at);
        let dues = [parcel, self.session.next_due(), self.model.next_due(), self.market.next_due()];
        dues.into_iter().flatten().min()
    }

    fn step(&mut self) {
        while let Some(entry) = self.under_way.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let parcel = entry.remove();
            self.deliver(parcel);
        }
        if self.session.next_due().is_some_and(|due| due <= self.now) {
            self.hear(Heard::Timer);
        }
        if self.market.next_due().is_some_and(|due| due <= self.now) {
            let mut batch = empty();
            self.reserve();
            self.market.on_timer(self.now, &mut batch);
            self.publish(batch);
        }
        let mut said = Vec::new();
        self.model.says(self.now, &mut said);
        for (link, say) in said {
            self.server_says(u32::try_from(link).expect("a link of ours"), say);
        }
    }

    fn server_says(&mut self, link: u32, say: Say) {
        let Some(wire) = self.wires.get(&link).filter(|wire| !wire.dead) else { return };
        let in_order = wire.last_arrival.max(self.later());
        let parcel = match say {
            Say::Ping(payload) => Parcel::ServerPing(link, payload),
            Say::Close => Parcel::ClosedByServer(link),
            Say::Text(_) if self.happens(self.faults.lost, 1_000_000) => return,
            Say::Text(text) => {
                if self.happens(self.faults.repeated, 1_000_000) {
                    self.put(in_order, Parcel::Frame(link, text.clone()));
                }
                if self.happens(self.faults.reordered, 1_000_000) {
                    let late = in_order.after(Duration::from_millis(self.chance.between(0, 2_000)));
                    self.put(late, Parcel::Frame(link, text));
                    return;
                }
                Parcel::Frame(link, text)
            }
        };
        if let Some(wire) = self.wires.get_mut(&link) {
            wire.last_arrival = in_order;
        }
        self.put(in_order, parcel);
    }

    fn deliver(&mut self, parcel: Parcel) {
        let now = self.now;
        match parcel {
            Parcel::Connect(link, url, headers) => self.connect(link, &url, &headers),
            Parcel::Opened(link) if self.is_up(link) => {
                self.put(now.after(PING_EVERY), Parcel::ShellPing(link));
                self.hear(Heard::Opened(Link(link)));
            }
            Parcel::Frame(link, text) if self.is_up(link) => self.hear(Heard::Frame(Link(link), text.as_bytes())),
            Parcel::ServerPing(link, payload) if self.is_up(link) => {
                self.send(Parcel::Pong(link, payload));
                self.hear(Heard::Alive(Link(link)));
            }
            Parcel::ShellPing(link) if self.is_up(link) => {
                self.put(now.after(PING_EVERY), Parcel::ShellPing(link));
                self.hear(Heard::Alive(Link(link)));
            }
            Parcel::Pong(link, payload) if self.is_accepted(link) => self.model.pong(u64::from(link), &payload, now),
            Parcel::ToServer(link, text) if self.is_accepted(link) => self.model.heard(u64::from(link), &text, now),
            Parcel::ClosedByServer(link) => {
                if self.is_up(link) {
                    self.hear(Heard::Closed(Link(link), "closed by the server"));
                }
                self.wires.remove(&link);
            }
            Parcel::ClosedByClient(link) => {
                if self.wires.remove(&link).is_some_and(|wire| wire.accepted) {
                    self.model.closed(u64::from(link), now);
                }
            }
            Parcel::Failed(link, why) => self.hear(Heard::Closed(Link(link), why)),
            Parcel::Asked(id, url, headers) => self.ask(id, &url, &headers),
            Parcel::Answered(id, response) => self.answer(id, &response),
            Parcel::Unanswered(id) => self.hear(Heard::Answered(id, Err("no answer in time"))),
            Parcel::Break => self.break_one(),
            Parcel::HalfBreak => self.half_break_one(),
            // Its link is gone, or dead.
            Parcel::Opened(_)
            | Parcel::Frame(..)
            | Parcel::ServerPing(..)
            | Parcel::ShellPing(_)
            | Parcel::Pong(..)
            | Parcel::ToServer(..) => {}
        }
    }

    fn connect(&mut self, link: u32, url: &str, headers: &[(String, String)]) {
        if self.forgotten.contains(&link) {
            return;
        }
        if self.happens(self.faults.refused_links, 1_000) {
            return self.send(Parcel::Failed(link, "connection refused"));
        }
        self.wires.insert(link, Wire { accepted: true, ..Wire::default() });
        self.model.opened(u64::from(link), path_of(url), headers, self.now);
        let at = self.later();
        self.wires.entry(link).or_default().last_arrival = at;
        self.put(at, Parcel::Opened(link));
    }

    fn ask(&mut self, id: RequestId, url: &str, headers: &[(String, String)]) {
        if self.happens(self.faults.failed_requests, 1_000) {
            let at = self.now.after(Duration::from_secs(10));
            return self.put(at, Parcel::Unanswered(id));
        }
        let response = self.model.asked(path_of(url), headers, self.now);
        self.send(Parcel::Answered(id, response));
    }

    fn answer(&mut self, id: RequestId, response: &Response) {
        let header = |name: &str| {
            let found = response.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.and_then(|(_, value)| value.parse::<u32>().ok())
        };
        let answer = Answer {
            status: response.status,
            retry_after: header("Retry-After").map(|secs| Duration::from_secs(secs.into())),
            used_weight: header("X-MBX-USED-WEIGHT-1M"),
            body: response.body.as_bytes(),
        };
        self.hear(Heard::Answered(id, Ok(answer)));
    }

    /// A link breaks for both sides.
    fn break_one(&mut self) {
        self.plan(self.faults.breaks, Parcel::Break);
        let Some(link) = self.any_link() else { return };
        self.wires.remove(&link);
        self.model.closed(u64::from(link), self.now);
        self.hear(Heard::Closed(Link(link), "connection reset"));
    }

    /// A link carries nothing any more; the server finds out by its own pings.
    fn half_break_one(&mut self) {
        self.plan(self.faults.half_breaks, Parcel::HalfBreak);
        let Some(link) = self.any_link() else { return };
        if let Some(wire) = self.wires.get_mut(&link) {
            wire.dead = true;
        }
    }

    fn any_link(&mut self) -> Option<u32> {
        let up: Vec<u32> = self.wires.keys().copied().filter(|link| self.is_up(*link)).collect();
        self.chance.pick(&up).copied()
    }

    /// The session hears of the link.
    fn is_up(&self, link: u32) -> bool {
        !self.forgotten.contains(&link) && self.wires.get(&link).is_some_and(|wire| wire.accepted && !wire.dead)
    }

    /// The server hears of the link.
    fn is_accepted(&self, link: u32) -> bool {
        self.wires.get(&link).is_some_and(|wire| wire.accepted && !wire.dead)
    }

    fn hear(&mut self, heard: Heard<'_>) {
        let mut out = Out::default();
        self.session.hear(heard, self.now, &mut out);
        let frame = if let Heard::Frame(_, frame) = heard { Some(frame.to_vec()) } else { None };
        self.perform(out, frame);
    }

    fn perform(&mut self, mut out: Out, frame: Option<Vec<u8>>) {
        let line = out.record.take().or(frame).filter(|line| !line.is_empty());
        self.recorded.extend(line.map(|line| (self.now, line)));
        if !out.items.is_empty() {
            let frame = FeedBatch { source: out.source(), received: self.now, items: std::mem::take(&mut out.items) };
            let mut batch = empty();
            self.reserve();
            self.market.on_feed(&frame, &mut batch);
            self.publish(batch);
        }
        self.undecodable.append(&mut out.undecodable);
        self.notices.extend(out.notices.drain(..).map(|notice| (self.now, notice)));
        for effect in out.effects {
            self.effect(effect);
        }
    }

    fn effect(&mut self, effect: Do) {
        let owned = |headers: Vec<(&'static str, String)>| -> Vec<(String, String)> {
            headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
        };
        match effect {
            Do::Open { link, url, headers } => self.send(Parcel::Connect(link.0, url, owned(headers))),
            Do::Send(link, text) => {
                let at = self.wires.get(&link.0).map_or(self.now, |wire| wire.last_sent).max(self.later());
                if let Some(wire) = self.wires.get_mut(&link.0) {
                    wire.last_sent = at;
                }
                self.put(at, Parcel::ToServer(link.0, text));
            }
            Do::Close(link) => {
                self.forgotten.insert(link.0);
                self.send(Parcel::ClosedByClient(link.0));
            }
            Do::Ask { id, url, headers } => self.send(Parcel::Asked(id, url, owned(headers))),
        }
    }

    fn reserve(&mut self) {
        if self.market.ids_left() < MARKET_ID_BLOCK / 2 {
            self.market.reserve(MarketId(self.next_id), MarketId(self.next_id + MARKET_ID_BLOCK));
            self.next_id += MARKET_ID_BLOCK;
        }
    }

    fn publish(&mut self, batch: Batch) {
        if !batch.events.is_empty() {
            self.published.push(batch);
        }
    }

    fn plan_faults(&mut self) {
        self.plan(self.faults.breaks, Parcel::Break);
        self.plan(self.faults.half_breaks, Parcel::HalfBreak);
    }

    /// Some time between now and twice the mean.
    fn plan(&mut self, mean: Option<Duration>, parcel: Parcel) {
        let Some(mean) = mean else { return };
        let millis = u64::try_from(mean.as_millis()).unwrap_or(u64::MAX / 2).saturating_mul(2);
        let at = self.now.after(Duration::from_millis(self.chance.between(1, millis)));
        self.put(at, parcel);
    }

    fn send(&mut self, parcel: Parcel) {
        let at = self.later();
        self.put(at, parcel);
    }

    fn put(&mut self, at: UtcNanos, parcel: Parcel) {
        self.parcels += 1;
        self.under_way.insert((at, self.parcels), parcel);
    }

    /// After one way through the network.
    fn later(&mut self) -> UtcNanos {
        let (shortest, longest) = self.faults.latency;
        let spread = u64::try_from(longest.saturating_sub(shortest).as_micros()).unwrap_or(0);
        self.now.after(shortest + Duration::from_micros(self.chance.between(0, spread)))
    }

    fn happens(&mut self, share: u64, of: u64) -> bool {
        share > 0 && self.chance.between(1, of) <= share
    }
}

fn empty() -> Batch {
    Batch { source: Source::Stream, received: UtcNanos::MIN, events: Vec::new() }
}

/// The path and query of a URL.
fn path_of(url: &str) -> &str {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    host.find('/').map_or("/", |at| &host[at..])
}
