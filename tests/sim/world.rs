//! The world: virtual time, an agenda of what happens when, a bad wire between the process and its venue, and
//! somebody who gives commands.
//!
//! While it is stirred up, messages are late, overtake each other, are repeated and lost; connections break, the
//! disk hangs and the process dies. Two things are promised, as real venues and networks promise them: a request
//! arrives within [`LATEST_REQUEST`] of its leaving or never, and whoever loses a message loses the connection
//! soon. Then all calms down, and what is left must be whole.
//!
//! A [`Course::Day`] has the same over the hours of a session, with pauses between bursts; and a market that moves, trades
//! that the venue takes back, orders of others, and a venue whose books ours are held against.

use std::collections::BTreeMap;
use std::time::Duration;

use actors::orders::state::{Effect, Moment, Orders};
use messages::account::AccountSnapshot;
use messages::ledger::LedgerRecord;
use messages::venues::{ReportKind, VenueReport, VenueRequest};
use messages::{ClientOrderId, Reason, UtcNanos};

use crate::auditor::Auditor;
use crate::chance::Chance;
use crate::process::{self, Course, Ledger, Process, account};
use crate::trader::{Said, Trader};
use crate::venue::Venue;

/// Why an order was turned away unseen.
pub const TURNED_AWAY: &str = "venue.too_many";
/// A request arrives within this, in milliseconds; below `not_received_after`.
const LATEST_REQUEST: u64 = 50_000;
/// A report arrives within this, in milliseconds.
const LATEST_REPORT: u64 = 20_000;
/// Who loses a message loses the connection within this, in milliseconds.
const NOTICED: u64 = 30_000;
/// While it is stirred up, the venue lists the newest half of the fills alone in the last of so many minutes, and says so.
const LISTS_A_PART_EVERY: i64 = 13;
/// How long the world is stirred up.
const STIRRED: Duration = Duration::from_secs(240);
/// The same of a day.
const SESSION: Duration = Duration::from_secs(23_400);
/// How long it takes to calm down: several times what an unanswered order may take.
const CALM: Duration = Duration::from_secs(300);

/// What happens.
enum Event {
    /// A request reaches the venue.
    Request(Box<VenueRequest>),
    /// An order was turned away before the venue looked at it, and this life of the process hears of it.
    TurnedAway(u64, ClientOrderId),
    /// A report reaches the process, if the connection that it was sent on still stands.
    Report(u64, Box<VenueReport>),
    /// What the account holds reaches the process, by the same rule.
    Account(u64, Box<AccountSnapshot>),
    /// The ledger of this life of the process is durable up to here.
    Synced(u64, usize),
    /// The connection breaks, if it is still this one.
    Disconnect(u64),
    Connect,
    Crash,
    Start,
    /// Somebody gives a command.
    Command,
    /// The venue does something of its own.
    Stir,
    /// Somebody trades.
    Market,
}

pub struct World {
    course: Course,
    chance: Chance,
    now: UtcNanos,
    agenda: BTreeMap<(UtcNanos, u64), Event>,
    planned: u64,
    ends_at: UtcNanos,
    stirred: bool,
    venue: Venue,
    ledger: Ledger,
    process: Option<Process>,
    auditor: Auditor,
    /// How often the states were made: a start of the process, or of its trading group alone.
    lives: u64,
    /// How often the process was started.
    epoch: u64,
    group_alone: bool,
    /// Connections so far; the last one stands while `connected`.
    connection: u64,
    connected: bool,
    trader: Trader,
    kills: u64,
    /// Messages that were late, repeated or lost, and disks that hung.
    faults: u64,
}

impl World {
    /// Runs one seed to its end and gives its ledger.
    pub fn run(course: Course, seed: u64) -> Run {
        let start = UtcNanos::start_of_day(20_000);
        let stirred = if course == Course::Day { SESSION } else { STIRRED };
        let mut world = Self {
            course,
            chance: Chance::new(seed),
            now: start,
            agenda: BTreeMap::new(),
            planned: 0,
            ends_at: start.after(stirred),
            stirred: true,
            venue: Venue::new(account()),
            ledger: Ledger::default(),
            process: None,
            auditor: Auditor::default(),
            lives: 0,
            epoch: 0,
            group_alone: false,
            connection: 0,
            connected: false,
            trader: Trader::new(seed),
            kills: 0,
            faults: 0,
        };
        world.plan(Duration::ZERO, Event::Start);
        world.plan(Duration::from_secs(1), Event::Command);
        world.plan(Duration::from_secs(1), Event::Stir);
        world.plan(Duration::from_secs(20), Event::Crash);
        if course == Course::Day {
            world.plan(Duration::from_secs(1), Event::Market);
        }
        world.go_on();
        world.calm_down();
        world.finish()
    }

    fn plan(&mut self, after: Duration, event: Event) {
        self.planned += 1;
        self.agenda.insert((self.now.after(after), self.planned), event);
    }

    /// Lets everything happen that is planned or due before the end.
    fn go_on(&mut self) {
        loop {
            let planned = self.agenda.first_key_value().map(|(at, _)| at.0);
            let due = self.process.as_ref().and_then(|p| p.orders.next_due()).map(|due| due.max(self.now));
            let Some(next) = planned.into_iter().chain(due).min().filter(|at| *at <= self.ends_at) else { break };
            self.now = next;
            match self.agenda.first_entry().filter(|first| first.key().0 == next) {
                Some(first) => {
                    let event = first.remove();
                    self.happen(event);
                }
                None => self.tell(|orders, at, out| orders.on_timer(at, out)),
            }
            self.auditor.check(&self.ledger, self.process.as_ref(), &self.venue);
        }
        self.now = self.ends_at;
    }

    /// No more trouble: what was lost is noticed, everything arrives, every question is answered.
    fn calm_down(&mut self) {
        self.stirred = false;
        self.ends_at = self.now.after(CALM);
        self.go_on();
        self.happen(Event::Disconnect(self.connection));
        self.ends_at = self.now.after(CALM);
        self.go_on();
    }

    fn finish(mut self) -> Run {
        let process = self.process.as_ref().expect("the process runs at the end");
        self.auditor.check_end(&self.ledger, process, &self.venue);
        let books = process.orders.reconcile_status();
        let last = books.last.map(|last| last.words()).unwrap_or_default();
        assert!(books.waits.is_none(), "new orders still wait, for {:?}: {last}", books.waits);
        let fills = self.venue.orders.values().map(|taken| taken.fills.len()).sum();
        Run {
            orders: self.auditor.orders(),
            ledger: self.ledger.records,
            fills,
            starts: self.lives,
            connections: self.connection,
            kills: self.kills,
            faults: self.faults,
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Request(request) => self.arrive(*request),
            Event::Report(connection, report) => {
                if connection == self.connection && self.connected {
                    self.tell(|orders, at, out| orders.on_report(*report, at, out));
                }
            }
            Event::TurnedAway(life, name) => {
                if life == self.lives {
                    let kind = ReportKind::NotTaken { reason: Reason::code(TURNED_AWAY), text: "too many".to_owned() };
                    let report = VenueReport {
                        account: account(),
                        client_order_id: name,
                        venue_order_id: None,
                        time: self.now,
                        kind,
                    };
                    self.tell(|orders, at, out| orders.on_report(report, at, out));
                }
            }
            Event::Account(connection, snapshot) => {
                if connection == self.connection && self.connected {
                    self.tell(|orders, at, out| orders.on_account(*snapshot, at, out));
                }
            }
            Event::Synced(life, length) => self.synced(life, length),
            Event::Disconnect(connection) => self.disconnect(connection),
            Event::Connect => self.connect(),
            Event::Crash => self.crash(),
            Event::Start => self.start(),
            Event::Command => {
                if self.stirred {
                    self.command();
                    let after = self.pause();
                    self.plan(after, Event::Command);
                }
            }
            Event::Stir => {
                if self.stirred {
                    let mut reports = Vec::new();
                    self.venue.stir(self.now, &mut self.chance, &mut reports);
                    if self.course == Course::Day && self.chance.percent(10) {
                        self.venue.stir_account(self.now, &mut self.chance, &mut reports);
                    }
                    reports.into_iter().for_each(|report| self.carry_back(report));
                    let after = self.pause();
                    self.plan(after, Event::Stir);
                }
            }
            Event::Market => self.market(),
        }
    }

    /// How long until the next of its kind: a day has bursts, and long pauses between them.
    fn pause(&mut self) -> Duration {
        if self.course == Course::Day && self.chance.percent(30) {
            return self.chance.millis(30_000, 360_000);
        }
        self.chance.millis(50, 3_000)
    }

    /// When something breaks next: once in a while of the course.
    fn breaks_after(&mut self, low: u64, high: u64) -> Duration {
        let scale = if self.course == Course::Day { 20 } else { 1 };
        self.chance.millis(low * scale, high * scale)
    }

    /// Prices move as long as the world is stirred up; what waits for one sees it.
    fn market(&mut self) {
        if !self.stirred {
            return;
        }
        let price = self.venue.holdings.walk(&mut self.chance);
        if let Some(process) = &mut self.process {
            process.orders.on_market(&process::trade(price, self.now));
        }
        let after = self.chance.millis(1_000, 60_000);
        self.plan(after, Event::Market);
    }

    /// A request reaches the venue.
    fn arrive(&mut self, request: VenueRequest) {
        if let VenueRequest::Account { wanted, at } = &request {
            let mut snapshot = self.venue.snapshot(wanted, *at, self.now);
            if self.stirred && self.now.secs() / 60 % LISTS_A_PART_EVERY == LISTS_A_PART_EVERY - 1 {
                snapshot.fills.sort_by_key(|fill| fill.executed_at);
                snapshot.fills.drain(..snapshot.fills.len() / 2);
                snapshot.missing.push("fills: only the newest can be listed".to_owned());
            }
            if self.connected && !self.is_lost() {
                let after = self.delay(LATEST_REPORT);
                self.plan(after, Event::Account(self.connection, Box::new(snapshot)));
            }
            return;
        }
        let mut reports = Vec::new();
        self.venue.on_request(request, self.now, &mut self.chance, &mut reports);
        reports.into_iter().for_each(|report| self.carry_back(report));
    }

    /// One delivery to the process, if it lives.
    fn tell(&mut self, change: impl FnOnce(&mut Orders, Moment, &mut Vec<Effect>)) {
        let Some(process) = &mut self.process else { return };
        let before = self.ledger.records.len();
        let requests = process.deliver(&mut self.ledger, self.now, change);
        self.sync_behind(before);
        requests.into_iter().for_each(|request| self.carry(request));
    }

    /// The disk takes its time, and now and then a very long one.
    fn sync_behind(&mut self, before: usize) {
        if self.ledger.records.len() > before {
            let hangs = self.stirred && self.chance.percent(1);
            self.faults += u64::from(hangs);
            let after = if hangs { self.chance.millis(1_000, 80_000) } else { self.chance.millis(1, 20) };
            self.plan(after, Event::Synced(self.lives, self.ledger.records.len()));
        }
    }

    fn synced(&mut self, life: u64, length: usize) {
        let Some(process) = self.process.as_mut().filter(|_| life == self.lives) else { return };
        self.ledger.durable = self.ledger.durable.max(length);
        let before = self.ledger.records.len();
        let requests = process.on_durable(&mut self.ledger, self.now);
        self.sync_behind(before);
        requests.into_iter().for_each(|request| self.carry(request));
    }

    fn start(&mut self) {
        self.lives += 1;
        self.epoch += u64::from(!self.group_alone);
        self.connect();
        let before = self.ledger.records.len();
        let (process, requests) = Process::start(&mut self.ledger, self.course, self.epoch, self.lives, self.now);
        self.process = Some(process);
        self.sync_behind(before);
        requests.into_iter().for_each(|request| self.carry(request));
        if self.course == Course::Day {
            // The connection that it finds is its first.
            self.tell(|orders, at, out| orders.on_reconnected(at, out));
        }
    }

    fn crash(&mut self) {
        if !self.stirred || self.process.take().is_none() {
            return;
        }
        self.kills += 1;
        // Where the trading group dies alone, the journal's thread goes on, and so do the client order ids.
        self.group_alone = self.chance.percent(30);
        if self.group_alone {
            self.ledger.durable = self.ledger.records.len();
        } else {
            self.ledger.crash(&mut self.chance);
        }
        self.auditor.on_crash();
        self.connected = false;
        let after = self.chance.millis(100, 20_000);
        self.plan(after, Event::Start);
        let next = self.breaks_after(1_000, 90_000);
        self.plan(after.saturating_add(next), Event::Crash);
    }

    fn connect(&mut self) {
        if self.connected {
            return;
        }
        self.connection += 1;
        self.connected = true;
        if self.stirred {
            let after = self.breaks_after(5_000, 120_000);
            self.plan(after, Event::Disconnect(self.connection));
        }
        self.tell(|orders, at, out| orders.on_reconnected(at, out));
    }

    fn disconnect(&mut self, connection: u64) {
        if connection == self.connection && self.connected && self.process.is_some() {
            self.connected = false;
            let after = self.chance.millis(100, 90_000);
            self.plan(after, Event::Connect);
        }
    }

    /// Brings a request to the venue, or not.
    fn carry(&mut self, request: VenueRequest) {
        self.auditor.on_request(&request, &self.ledger);
        let turns_away = !self.connected || self.stirred && self.chance.percent(3);
        if let (VenueRequest::Submit { client_order_id, .. }, true) = (&request, turns_away) {
            // The adapter says so itself, or its venue does a moment later.
            self.faults += 1;
            let after = self.chance.millis(0, 300);
            return self.plan(after, Event::TurnedAway(self.lives, *client_order_id));
        }
        if !self.connected {
            return;
        }
        if let VenueRequest::Submit { client_order_id, .. } = &request
            && self.chance.percent(90)
        {
            // The adapter says so itself; nothing lies between.
            let kind = ReportKind::Submitted;
            let (name, time) = (*client_order_id, self.now);
            let report = VenueReport { account: account(), client_order_id: name, venue_order_id: None, time, kind };
            self.plan(Duration::ZERO, Event::Report(self.connection, Box::new(report)));
        }
        if self.is_lost() {
            return;
        }
        let after = self.delay(LATEST_REQUEST);
        self.plan(after, Event::Request(Box::new(request)));
    }

    /// Brings a report to the process, or not, or twice.
    fn carry_back(&mut self, report: VenueReport) {
        if !self.connected || self.is_lost() {
            return;
        }
        let copies = if self.stirred && self.chance.percent(5) { 2 } else { 1 };
        self.faults += copies - 1;
        for _ in 0..copies {
            let after = self.delay(LATEST_REPORT);
            self.plan(after, Event::Report(self.connection, Box::new(report.clone())));
        }
    }

    fn is_lost(&mut self) -> bool {
        let lost = self.stirred && self.chance.percent(2);
        if lost {
            self.faults += 1;
            let after = self.chance.millis(0, NOTICED);
            self.plan(after, Event::Disconnect(self.connection));
        }
        lost
    }

    fn delay(&mut self, latest: u64) -> Duration {
        match (self.stirred, self.chance.between(1, 100)) {
            (false, _) => Duration::from_millis(10),
            (true, 1..=5) => {
                self.faults += 1;
                self.chance.millis(1_000, latest)
            }
            (true, _) => self.chance.millis(1, 300),
        }
    }

    fn command(&mut self) {
        let open = self.process.iter().flat_map(|process| process.orders.open_orders());
        match self.trader.speak(self.course, open, &mut self.chance) {
            Said::Command(sender, command) => self.tell(|orders, at, out| orders.on_command(sender, command, at, out)),
            Said::Trading(change) => self.tell(|orders, at, out| orders.on_trading(change, at, out)),
        }
    }
}

/// What a run leaves.
pub struct Run {
    pub orders: usize,
    pub ledger: Vec<LedgerRecord>,
    pub fills: usize,
    pub starts: u64,
    pub connections: u64,
    pub kills: u64,
    pub faults: u64,
}
