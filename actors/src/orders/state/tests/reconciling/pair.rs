//! A venue with books of its own, and the bench in front of it.

use messages::account::{
    AccountSnapshot, DifferenceKind, ReconcileAsk, Reconciliation, VenueBalance, VenueFill, VenueOrder, VenuePosition,
    Wanted,
};
use messages::orders::OrderType;

use super::*;
use crate::orders::state::reconciling::Reconciling;

/// An order as the venue has it.
#[derive(Debug, Clone)]
pub struct There {
    pub request: OrderRequest,
    pub fills: Vec<Fill>,
    pub end: Option<ReportKind>,
}

impl There {
    pub fn filled(&self) -> Quantity {
        self.fills.last().map_or(Quantity::ZERO, |fill| fill.cumulative)
    }
}

/// The venue: its own books, and no word that is not asked for.
#[derive(Debug, Default)]
pub struct Venue {
    pub orders: BTreeMap<ClientOrderId, There>,
    pub foreign: Vec<VenueOrder>,
    pub cash: Cash,
    pub position: Quantity,
    executions: u32,
    /// It answers no question about orders.
    pub is_silent: bool,
    pub missing: Vec<String>,
    /// Its list of fills leaves those of this order out.
    pub unlisted: Option<ClientOrderId>,
}

impl Venue {
    pub fn trade(&mut self, name: ClientOrderId, quantity: i128, now: UtcNanos) -> Option<ReportKind> {
        let there = self.orders.get_mut(&name).filter(|there| there.end.is_none())?;
        let rest = there.request.quantity.checked_sub(there.filled()).unwrap();
        let quantity = rest.min(Quantity::from_raw(quantity * Quantity::ONE.raw()).unwrap());
        if !quantity.is_positive() {
            return None;
        }
        self.executions += 1;
        let cumulative = there.filled().checked_add(quantity).unwrap();
        let made = fill(format!("x{}", self.executions).parse().unwrap(), quantity, cumulative, now);
        there.fills.push(made.clone());
        let side = there.request.side;
        self.move_by(side, quantity);
        Some(ReportKind::Filled(made))
    }

    /// At 100, with a fee of 1.
    pub fn move_by(&mut self, side: Side, quantity: Quantity) {
        let price: Price = "100".parse().unwrap();
        let value = price.times(side.signed(quantity)).unwrap();
        self.position = self.position.checked_add(side.signed(quantity)).unwrap();
        self.cash = self.cash.checked_sub(value).unwrap().checked_sub(Cash::ONE).unwrap();
    }

    /// All that it says to a request about an order.
    pub fn answer(&mut self, request: &VenueRequest) -> Vec<(ClientOrderId, ReportKind)> {
        match request {
            VenueRequest::Submit { client_order_id: name, request, .. } => {
                self.orders.insert(*name, There { request: (**request).clone(), fills: Vec::new(), end: None });
                vec![(*name, ReportKind::Accepted)]
            }
            VenueRequest::Cancel { client_order_id: name, .. } => {
                let open = self.orders.get_mut(name).filter(|there| there.end.is_none());
                let kind = open.map(|there| {
                    there.end = Some(ReportKind::Canceled);
                    ReportKind::Canceled
                });
                let reason = Reason::code("venue.unknown");
                vec![(*name, kind.unwrap_or(ReportKind::CancelRejected { reason }))]
            }
            VenueRequest::Query { client_order_id: name, .. } => {
                let Some(there) = self.orders.get(name) else { return vec![(*name, ReportKind::Unknown)] };
                let fills = there.fills.iter().map(|fill| ReportKind::Filled(fill.clone()));
                let end = there.end.clone().unwrap_or(ReportKind::Accepted);
                fills.chain([end]).map(|kind| (*name, kind)).collect()
            }
            VenueRequest::Replace { .. } | VenueRequest::Account { .. } | VenueRequest::Rules { .. } => Vec::new(),
        }
    }

    pub fn snapshot(&self, wanted: &[Wanted], asked: UtcNanos) -> AccountSnapshot {
        let since = wanted.iter().find(|w| w.instrument == instrument()).and_then(|w| w.since);
        let is_open = |there: &There| there.end.is_none() && there.filled() < there.request.quantity;
        let id = |name: &ClientOrderId| format!("V{name}").parse().unwrap();
        let open = self.orders.iter().filter(|(_, there)| is_open(there)).map(|(name, there)| VenueOrder {
            client_order_id: name.to_string(),
            venue_order_id: id(name),
            instrument: instrument(),
            side: there.request.side,
            order_type: Some(OrderType::Limit),
            time_in_force: Some(there.request.time_in_force),
            quantity: Some(there.request.quantity),
            price: there.request.price,
            stop_price: None,
            filled: there.filled(),
            filled_notional: "100".parse::<Price>().unwrap().notional(there.filled()),
            status: "open".to_owned(),
        });
        let fills =
            self.orders.iter().flat_map(|(name, there)| there.fills.iter().map(move |fill| (name, there, fill)));
        let wanted = |(name, _, fill): &(&ClientOrderId, &There, &Fill)| {
            self.unlisted != Some(**name) && since.is_some_and(|s| fill.executed_at >= s.at)
        };
        let fills = fills.filter(wanted).map(|(name, there, fill)| VenueFill {
            venue_order_id: id(name),
            instrument: instrument(),
            side: there.request.side,
            execution_id: fill.execution_id,
            price: fill.price,
            quantity: fill.quantity,
            cumulative: None,
            liquidity: None,
            fee: fill.fee,
            executed_at: fill.executed_at,
        });
        let average_entry = "100".parse().ok();
        let position = VenuePosition { instrument: instrument(), quantity: self.position, average_entry };
        AccountSnapshot {
            account: "paper".parse().unwrap(),
            asked,
            time: asked,
            open: open.chain(self.foreign.iter().cloned()).collect(),
            fills: fills.collect(),
            positions: Some(vec![position]),
            balances: vec![VenueBalance { asset: "USD".parse().unwrap(), free: self.cash, locked: Cash::ZERO }],
            missing: self.missing.clone(),
        }
    }
}

/// The bench with that venue behind it.
pub struct Pair {
    pub bench: Bench,
    pub venue: Venue,
    pub orders: u32,
}

impl Pair {
    pub fn new() -> Self {
        let mut bench = Bench::new();
        let venues: BTreeMap<_, _> = [(Exchange::Simulated, Capabilities { account: true, ..CAPABILITIES })].into();
        bench.orders.reconciling = Reconciling::new(&venues);
        bench.orders.settings.venues = venues;
        Self { bench, venue: Venue { cash: "100000".parse().unwrap(), ..Venue::default() }, orders: 0 }
    }

    /// What is said goes to the venue, and its answers come back, until nothing more is said.
    pub fn exchange(&mut self, effects: Vec<Effect>) {
        let mut waiting: VecDeque<Effect> = effects.into();
        while let Some(effect) = waiting.pop_front() {
            let Effect::Send(_, request) = effect else { continue };
            if let VenueRequest::Account { wanted, at } = &request {
                let snapshot = self.venue.snapshot(wanted, *at);
                waiting.extend(self.bench.deliver(|orders, at, out| orders.on_account(snapshot, at, out)));
            } else if !self.venue.is_silent || !matches!(request, VenueRequest::Query { .. }) {
                for (name, kind) in self.venue.answer(&request) {
                    waiting.extend(self.report(name, kind));
                }
            }
            self.bench.check_restored();
        }
    }

    pub fn report(&mut self, name: ClientOrderId, kind: ReportKind) -> Vec<Effect> {
        let (time, account) = (self.bench.now, "paper".parse().unwrap());
        let venue_order_id = format!("V{name}").parse().ok();
        let report = VenueReport { account, client_order_id: name, venue_order_id, time, kind };
        self.bench.deliver(|orders, at, out| orders.on_report(report, at, out))
    }

    pub fn submit(&mut self, side: &str, quantity: u32) -> Vec<Effect> {
        self.orders += 1;
        self.bench.step(&format!("submit {} {side} {quantity} @ 100", self.orders))
    }

    pub fn place(&mut self, side: &str, quantity: u32) -> ClientOrderId {
        let effects = self.submit(side, quantity);
        self.exchange(effects);
        self.bench.orders.order(order_id(self.orders)).unwrap().client_order_id
    }

    /// Cancels the last order here; its venue says that it has ended, and of its fills nothing.
    pub fn cancel(&mut self) {
        let effects = self.bench.step(&format!("cancel {}", self.orders));
        self.exchange(effects);
    }

    pub fn connect(&mut self) {
        let effects = self.bench.deliver(|orders, at, out| orders.on_reconnected(at, out));
        self.exchange(effects);
    }

    pub fn ask(&mut self, ask: ReconcileAsk) -> Result<String, String> {
        let mut done = Ok(String::new());
        let effects = self.bench.deliver(|orders, at, out| done = orders.on_reconcile(ask, at, out));
        self.exchange(effects);
        done
    }

    /// Time passes, a second at a time.
    pub fn wait(&mut self, seconds: u32) {
        for _ in 0..seconds {
            let effects = self.bench.deliver(|orders, at, out| orders.on_timer(at, out));
            self.exchange(effects);
        }
    }

    pub fn last(&self) -> Reconciliation {
        self.bench.orders.reconcile_status().last.expect("one has ended")
    }

    pub fn waits(&self) -> Option<Waits> {
        self.bench.orders.reconcile_status().waits
    }

    pub fn kinds(&self) -> Vec<(DifferenceKind, bool)> {
        self.last().differences.iter().map(|d| (d.kind, d.settled)).collect()
    }

    /// Both sides hold the same, and every order stands as it does there.
    pub fn check_agreed(&self) {
        let orders = &self.bench.orders;
        assert_eq!(orders.book.all(instrument()).position, self.venue.position, "the position");
        assert_eq!(orders.balances.get(&"USD".parse().unwrap()), Some(&self.venue.cash), "cash");
        for (name, there) in &self.venue.orders {
            let here = orders.by_client_id.get(name).and_then(|id| orders.order(*id)).expect("it is ours");
            assert_eq!(here.filled, there.filled(), "filled of {name}");
            let is_open = there.end.is_none() && there.filled() < there.request.quantity;
            assert_eq!(here.status.is_open(), is_open, "{name} is {}", here.status);
        }
    }
}
