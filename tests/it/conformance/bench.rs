//! A runtime with its whole tree, and the house that its orders go to. It can be killed and started again; the venue lives on.

use std::time::Duration;

use actors::clock::Clock;
use actors::feeds::player::Frames;
use actors::runtime::{self, Plan, Runtime};
use actors::strategies::registry::Registry;
use messages::orders::{Command, Exits, Order, OrderRequest, Replacement, Side, Status, TimeInForce};
use messages::{OrderId, Price, Quantity, Reason, Size};
use storage::datadir::Paths;
use storage::service::Storage;

use super::feed::{Quote, Show, Shown};
use super::house::{Goods, House};

/// How often it is looked whether something is so.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How often it is looked until something is given up.
const LOOKS: u32 = 6_000;
/// How long what a killed runtime left may take to end.
const ENDS_WITHIN: Duration = Duration::from_secs(5);
/// Settings of every life: questions are asked soon, and neither money nor haste is an obstacle: until a venue takes orders again
/// it is tried as often as it goes.
const SETTINGS: &[&str] = &[
    "venues.query_after=300ms",
    "venues.not_received_after=1500ms",
    "risk.max_order_notional=0",
    "risk.max_position_notional=0",
    "risk.max_orders_per_second=0",
    "paper.latency=1ms",
    "paper.triggers.by=quote",
    "paper.rejects.balance=true",
];
/// Requests to paper travel so long that whatever is done meanwhile is done before they arrive.
pub const SLOW: &[&str] = &["paper.latency=1500ms"];

/// What a case ends with, as its cell in the document has it; `None` where the venue has no such case.
pub type Cell = Option<String>;

struct Life {
    threads: tokio::runtime::Runtime,
    runtime: Runtime,
    storage: Storage,
    shows: flume::Sender<Show>,
    usual: bool,
}

/// See the file's story.
pub struct Bench {
    pub house: House,
    pub goods: Goods,
    pub paths: Paths,
    _dir: tempfile::TempDir,
    life: Option<Life>,
    quote: Quote,
    placed: u32,
    case: String,
}

impl Bench {
    pub fn new(house: House) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let (goods, paths) = (house.goods(), Paths::of(dir.path(), None));
        let quote = (goods.bid, goods.bid, Size::ONE);
        Self { house, goods, paths, _dir: dir, life: None, quote, placed: 0, case: String::new() }
    }

    /// Starts a runtime with more settings than the usual ones.
    pub fn start(&mut self, more: &[&str]) {
        assert!(self.life.is_none(), "{}: it runs", self.case);
        let (house, instrument) = (&self.house, self.goods.instrument);
        let mut set: Vec<String> = SETTINGS.iter().chain(more).map(|s| (*s).to_owned()).collect();
        set.push(format!("account.name={}", house.account()));
        set.push(format!("account.currency={}", house.currency()));
        let layers = config::Layers { set, ..config::Layers::default() };
        let mut settings = config::load(&layers).expect("settings");
        settings.tiers.schedule.clear();
        settings.strategies.run.clear();
        let (shows, queue) = flume::unbounded();
        let shown = Shown { instrument, shows: queue, last: self.quote };
        let exchanges = vec![instrument.exchange];
        let plan = Plan {
            frames: Some(Box::new(move |_, _| Ok(Box::new(shown) as Box<dyn Frames>))),
            route: house.route(),
            ..settings.plan(&self.paths, exchanges, Registry::default(), Clock::wall())
        };
        let storage = Storage::open(
            &self.paths,
            &settings.journal,
            &settings.tiers.cold,
            &settings.timescale,
            settings.duckdb.options(),
            settings.hot.options(),
            |_, _| {},
        )
        .expect("a data directory");
        let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let runtime = threads.block_on(runtime::start(plan, &storage)).expect("a runtime");
        self.life = Some(Life { threads, runtime, storage, shows, usual: more.is_empty() });
    }

    /// Ends the runtime between two steps of whatever it does, as a crash would: nobody stops in order.
    pub fn kill(&mut self) {
        let Some(Life { threads, runtime, storage, shows, .. }) = self.life.take() else { return };
        drop((runtime, shows));
        threads.shutdown_timeout(ENDS_WITHIN);
        storage.finish().expect("what is durable is applied");
    }

    /// Kills it and starts it again.
    pub fn restart(&mut self, more: &[&str]) {
        self.kill();
        self.start(more);
    }

    /// Everything as it was at first: a healthy venue, no open order, the market where it began.
    pub fn begin(&mut self, case: &str) {
        case.clone_into(&mut self.case);
        self.house.heal();
        // A connector waits longer after each connection that it has lost in a row: every case has one that has lost none.
        if !self.house.is_paper() || self.life.as_ref().is_none_or(|life| !life.usual) {
            self.restart(&[]);
        }
        self.market(100, None);
        assert!(self.block(async |runtime| runtime.command(Command::CancelAll).await), "{case}: orders answer");
        self.becomes("nothing is open", |bench| bench.open_orders() == 0);
        self.ready();
    }

    /// Until the venue takes orders on the market that is shown: an order that rests is the barrier.
    pub fn ready(&mut self) {
        for _ in 0..LOOKS {
            let id = self.place(self.buy(90));
            let order = self.wait(id, "an answer to a probe", |order| {
                !matches!(order.status, Status::PendingSubmit | Status::Submitted)
            });
            if order.status == Status::Accepted {
                self.cancel(id);
                self.settles(id, Status::Canceled);
                return;
            }
            self.pause();
        }
        panic!("{}: {} takes no orders", self.case, self.house.name());
    }

    fn block<T>(&self, ask: impl AsyncFnOnce(&Runtime) -> T) -> T {
        let life = self.life.as_ref().expect("a runtime that runs");
        life.threads.block_on(ask(&life.runtime))
    }

    fn pause(&self) {
        self.block(async |_| tokio::time::sleep(LOOK_EVERY).await);
    }

    fn open_orders(&self) -> usize {
        self.block(async |runtime| runtime.orders().await).map_or(usize::MAX, |status| status.open.len())
    }

    /// Looks until it is so.
    pub fn becomes(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..LOOKS {
            if is_so(self) {
                return;
            }
            self.pause();
        }
        panic!("{}: not within {:?}: {what}", self.case, LOOK_EVERY * LOOKS);
    }

    /// Shows another market, so many percent of the first, with so much to take or with any amount.
    pub fn market(&mut self, percent: i64, size: Option<Quantity>) {
        let (bid, ask) = (self.price(percent), self.price(percent).checked_add(cent()).expect("a price"));
        self.house.quote(bid, ask, size);
        let any = || "1000".parse().expect("a size");
        self.quote = (bid, ask, size.map_or_else(any, to_size));
        if let Some(life) = &self.life {
            life.shows.send(Show::Quote(self.quote)).expect("a feed that listens");
        }
    }

    /// Shows a trade at so many percent of the first price: the venue outside is not moved by it.
    pub fn trade(&self, percent: i64) {
        let life = self.life.as_ref().expect("a runtime that runs");
        life.shows.send(Show::Trade(self.price(percent))).expect("a feed that listens");
    }

    /// So many percent of the price at first.
    pub fn price(&self, percent: i64) -> Price {
        Price::from_raw(self.goods.bid.raw() * percent / 100).expect("a price")
    }

    /// Buys by a limit of so many percent.
    pub fn buy(&self, percent: i64) -> OrderRequest {
        OrderRequest::limit(self.goods.instrument, Side::Buy, self.goods.quantity, self.price(percent))
    }

    /// The same with another time in force.
    pub fn buy_for(&self, percent: i64, time_in_force: TimeInForce) -> OrderRequest {
        OrderRequest { time_in_force, ..self.buy(percent) }
    }

    fn command(&self, command: Command) {
        assert!(self.block(async |runtime| runtime.command(command).await), "{}: orders answer", self.case);
    }

    pub fn place(&mut self, request: OrderRequest) -> OrderId {
        self.placed += 1;
        let order_id = OrderId::of_key(self.house.account(), &self.placed.to_string());
        self.command(Command::Submit { order_id, request: Box::new(request) });
        order_id
    }

    /// Places an entry with its exits, whose ids are the entry's parts 1 and 2.
    pub fn place_bracket(&mut self, entry: OrderRequest, exits: Exits) -> OrderId {
        self.placed += 1;
        let id = OrderId::of_key(self.house.account(), &self.placed.to_string());
        self.command(Command::SubmitList { orders: exits.bracket(id, entry) });
        id
    }

    /// Places an order as soon as a price is known, as it is not yet when a runtime has just started.
    pub fn place_priced(&mut self, request: &OrderRequest) -> OrderId {
        for _ in 0..LOOKS {
            let id = self.place(request.clone());
            let order = self.wait(id, "a verdict", |_| true);
            if order.reason != Some(Reason::code("risk.no_quote")) {
                return id;
            }
            self.pause();
        }
        panic!("{}: no price is shown", self.case);
    }

    /// Until a runtime that has just started knows a price.
    pub fn until_priced(&mut self) {
        let probe = self.buy(90);
        self.place_priced(&probe);
    }

    /// Places an order and waits until it rests.
    pub fn rest(&mut self, request: OrderRequest) -> OrderId {
        let id = self.place(request);
        self.reaches(id, Status::Accepted)
    }

    pub fn cancel(&self, order_id: OrderId) {
        self.command(Command::Cancel { order_id });
    }

    pub fn replace(&self, order_id: OrderId, quantity: Option<Quantity>, price: Option<Price>) {
        self.command(Command::Replace { order_id, replacement: Replacement { quantity, price, stop_price: None } });
    }

    pub fn order(&self, id: OrderId) -> Option<Order> {
        self.block(async |runtime| runtime.find_order(id).await).and_then(|found| found.order).map(|order| *order)
    }

    /// Waits until an order is as wished.
    pub fn wait(&self, id: OrderId, what: &str, is_so: impl Fn(&Order) -> bool) -> Order {
        for _ in 0..LOOKS {
            if let Some(order) = self.order(id).filter(&is_so) {
                return order;
            }
            self.pause();
        }
        panic!("{}: not within {:?}: {what}: {:#?}", self.case, LOOK_EVERY * LOOKS, self.order(id));
    }

    /// Waits until an order is there, or has ended otherwise.
    pub fn settles(&self, id: OrderId, at: Status) -> Cell {
        Some(told(&self.settled(id, at)))
    }

    /// Waits until an order is there, and nowhere else.
    pub fn reaches(&self, id: OrderId, at: Status) -> OrderId {
        let order = self.settled(id, at);
        assert_eq!(told(&order), at.as_str(), "{}: on the way: {}", self.case, order.reason_text);
        id
    }

    fn settled(&self, id: OrderId, at: Status) -> Order {
        self.wait(id, at.as_str(), |order| order.status == at || order.status.is_terminal())
    }

    /// Waits until something has gone wrong at the venue.
    pub fn has_failed(&self, point: &str) {
        self.becomes("something goes wrong at the venue", |bench| {
            let hit = |name: &String| name.starts_with(point);
            bench.house.outside(|_, faults| faults.done.keys().any(hit)).unwrap_or(true)
        });
    }

    /// Waits until the runtime knows that the venue is not reached.
    pub fn is_unreached(&self) {
        self.becomes("the lost connection is noticed", |bench| {
            bench.block(async |runtime| runtime.venue().await).is_some_and(|venue| !venue.connected)
        });
    }

    /// Ends the bench, so that all that was told is booked, and gives what its ledger and its venue are to be compared by.
    pub fn end(mut self) -> Self {
        "the end".clone_into(&mut self.case);
        self.block(async |runtime| runtime.stop().await);
        self.kill();
        self
    }
}

/// An order as a cell has it: where it stands, and why.
fn told(order: &Order) -> String {
    match order.reason {
        Some(reason) => format!("{}: {reason}", order.status),
        None => order.status.to_string(),
    }
}

fn cent() -> Price {
    Price::from_raw(1_000_000).expect("a price")
}

fn to_size(quantity: Quantity) -> Size {
    i64::try_from(quantity.raw() / 10).ok().and_then(Size::from_raw).expect("a size")
}
