//! A chaotic venue: it refuses, fills, ends and changes orders as chance has it, and keeps its own log of what
//! it took and filled. What it says goes over a [`crate::wire`] that is worse.
//!
//! It answers a query by what it really knows: the terms in force, every fill, and where the order stands.

use std::collections::{BTreeMap, BTreeSet};

use messages::orders::{Fee, Fill, Liquidity, OrderRequest, Replacement};
use messages::venues::{ReportKind, VenueReport, VenueRequest};
use messages::{Account, Cash, ClientOrderId, ExecutionId, Quantity, Reason, UtcNanos};

use crate::chance::Chance;

mod holdings;

use holdings::Holdings;

/// Where an order stands at the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Working,
    Filled,
    Canceled,
    Expired,
    Rejected,
}

/// An order as the venue knows it.
#[derive(Debug)]
pub struct Taken {
    /// The terms in force.
    pub request: OrderRequest,
    /// Its names, oldest first: only the last is good for requests.
    pub names: Vec<ClientOrderId>,
    /// Every fill, with the name that it was reported under.
    pub fills: Vec<(ClientOrderId, Fill)>,
    /// Those of them that were taken back.
    pub busted: BTreeSet<ExecutionId>,
    pub standing: Standing,
    /// By the fills that stand.
    pub filled: Quantity,
    /// By all that there ever were.
    pub traded: Quantity,
    triggered: bool,
    changed: bool,
}

/// The venue. Orders are found by the first of their names.
pub struct Venue {
    account: Account,
    pub orders: BTreeMap<ClientOrderId, Taken>,
    first_names: BTreeMap<ClientOrderId, ClientOrderId>,
    executions: u64,
    pub holdings: Holdings,
}

impl Taken {
    fn name(&self) -> ClientOrderId {
        *self.names.last().expect("an order has a name")
    }
    fn remaining(&self) -> Quantity {
        self.request.quantity.checked_sub(self.filled).expect("an order is not overfilled here")
    }
    fn end(&self) -> ReportKind {
        match self.standing {
            Standing::Working => ReportKind::Accepted,
            // The fills have said it.
            Standing::Filled => ReportKind::Accepted,
            Standing::Canceled => ReportKind::Canceled,
            Standing::Expired => ReportKind::Expired { reason: Reason::code("venue.expired") },
            Standing::Rejected => rejected(),
        }
    }
}

fn rejected() -> ReportKind {
    ReportKind::Rejected { reason: Reason::code("venue.rejected"), text: "no".to_owned() }
}

impl Venue {
    pub fn new(account: Account) -> Self {
        let (orders, first_names) = (BTreeMap::new(), BTreeMap::new());
        Self { account, orders, first_names, executions: 0, holdings: Holdings::new() }
    }

    /// Takes a request that arrived.
    ///
    /// # Panics
    /// When a client order id is submitted twice.
    pub fn on_request(
        &mut self,
        request: VenueRequest,
        now: UtcNanos,
        chance: &mut Chance,
        out: &mut Vec<VenueReport>,
    ) {
        match request {
            VenueRequest::Submit { client_order_id, request, .. } => {
                self.submit(client_order_id, *request, now, chance, out);
            }
            VenueRequest::Cancel { client_order_id, .. } => self.cancel(client_order_id, now, chance, out),
            VenueRequest::Replace { client_order_id, new_client_order_id, replacement, .. } => {
                self.replace((client_order_id, new_client_order_id), replacement, now, chance, out);
            }
            VenueRequest::Query { client_order_id, .. } => self.query(client_order_id, now, out),
            VenueRequest::Account { .. } => unreachable!("answered by a snapshot"),
            VenueRequest::Rules { .. } => unreachable!("it has told none that could change"),
        }
    }

    fn submit(
        &mut self,
        name: ClientOrderId,
        request: OrderRequest,
        now: UtcNanos,
        chance: &mut Chance,
        out: &mut Vec<VenueReport>,
    ) {
        assert!(!self.first_names.contains_key(&name), "{name} was submitted twice");
        let standing = if chance.percent(5) { Standing::Rejected } else { Standing::Working };
        self.first_names.insert(name, name);
        let taken = Taken {
            request,
            names: vec![name],
            fills: Vec::new(),
            busted: BTreeSet::new(),
            standing,
            filled: Quantity::ZERO,
            traded: Quantity::ZERO,
            triggered: false,
            changed: false,
        };
        out.push(self.report(name, now, taken.end()));
        self.orders.insert(name, taken);
        if chance.percent(20) {
            self.trade(name, now, chance, out);
        }
    }

    /// The order that goes by a name now; `None` for one that is unknown, ended or replaced.
    fn working(&mut self, name: ClientOrderId) -> Option<&mut Taken> {
        let taken = self.orders.get_mut(self.first_names.get(&name)?)?;
        (taken.standing == Standing::Working && taken.name() == name).then_some(taken)
    }

    fn cancel(&mut self, name: ClientOrderId, now: UtcNanos, chance: &mut Chance, out: &mut Vec<VenueReport>) {
        let refuses = chance.percent(5);
        let kind = match self.working(name) {
            Some(taken) if !refuses => {
                taken.standing = Standing::Canceled;
                ReportKind::Canceled
            }
            _ => ReportKind::CancelRejected { reason: Reason::code("venue.cannot_cancel") },
        };
        out.push(self.report(name, now, kind));
    }

    fn replace(
        &mut self,
        (name, new_name): (ClientOrderId, ClientOrderId),
        terms: Replacement,
        now: UtcNanos,
        chance: &mut Chance,
        out: &mut Vec<VenueReport>,
    ) {
        let refuses = chance.percent(10);
        let fits = |taken: &&mut Taken| terms.quantity.is_none_or(|quantity| quantity > taken.filled);
        let Some(taken) = self.working(name).filter(fits).filter(|_| !refuses) else {
            let kind = ReportKind::ReplaceRejected { reason: Reason::code("venue.cannot_replace") };
            return out.push(self.report(new_name, now, kind));
        };
        taken.request.quantity = terms.quantity.unwrap_or(taken.request.quantity);
        taken.request.price = terms.price.or(taken.request.price);
        taken.names.push(new_name);
        taken.changed = true;
        let first = taken.names[0];
        self.first_names.insert(new_name, first);
        out.push(self.report(new_name, now, ReportKind::Replaced { replacement: terms }));
    }

    fn query(&self, name: ClientOrderId, now: UtcNanos, out: &mut Vec<VenueReport>) {
        let Some(taken) = self.first_names.get(&name).and_then(|first| self.orders.get(first)) else {
            return out.push(self.report(name, now, ReportKind::Unknown));
        };
        let current = taken.name();
        if taken.changed {
            let replacement =
                Replacement { quantity: Some(taken.request.quantity), price: taken.request.price, stop_price: None };
            out.push(self.report(current, now, ReportKind::Replaced { replacement }));
        }
        if taken.triggered {
            out.push(self.report(current, now, ReportKind::Triggered));
        }
        let (undone, fills): (Vec<_>, Vec<_>) =
            taken.fills.iter().partition(|(_, fill)| taken.busted.contains(&fill.execution_id));
        for (name, fill) in undone {
            out.push(self.report(*name, now, ReportKind::Busted { execution_id: fill.execution_id }));
        }
        out.extend(fills.into_iter().map(|(name, fill)| self.report(*name, now, ReportKind::Filled(fill.clone()))));
        out.push(self.report(current, now, taken.end()));
    }

    /// Something happens to one of the working orders.
    pub fn stir(&mut self, now: UtcNanos, chance: &mut Chance, out: &mut Vec<VenueReport>) {
        let working =
            |(first, taken): (&ClientOrderId, &Taken)| (taken.standing == Standing::Working).then_some(*first);
        let names: Vec<ClientOrderId> = self.orders.iter().filter_map(working).collect();
        let Some(first) = chance.pick(&names).copied() else { return };
        match chance.between(1, 100) {
            1..=85 => self.trade(first, now, chance, out),
            86..=90 => self.shrink(first, now, out),
            91..=95 => self.end(first, Standing::Expired, now, out),
            // A person cancels at the venue's own screen.
            _ => self.end(first, Standing::Canceled, now, out),
        }
    }

    /// Fills a part of an order, or triggers it first.
    fn trade(&mut self, first: ClientOrderId, now: UtcNanos, chance: &mut Chance, out: &mut Vec<VenueReport>) {
        let Some(taken) = self.orders.get_mut(&first).filter(|t| t.standing == Standing::Working) else { return };
        let name = taken.name();
        if taken.request.order_type.is_conditional() && !taken.triggered {
            taken.triggered = true;
            return out.push(self.report(name, now, ReportKind::Triggered));
        }
        let rest = u64::try_from(taken.remaining().raw() / Quantity::ONE.raw()).expect("quantities are small");
        let quantity = chance.between(1, rest);
        let quantity = Quantity::from_raw(i128::from(quantity) * Quantity::ONE.raw()).expect("quantities are small");
        taken.filled = taken.filled.checked_add(quantity).expect("quantities are small");
        taken.traded = taken.traded.checked_add(quantity).expect("quantities are small");
        if taken.remaining().is_zero() {
            taken.standing = Standing::Filled;
        }
        self.executions += 1;
        let fee_asset = if chance.percent(30) { "BNB" } else { "USD" };
        let fill = Fill {
            execution_id: format!("x{}", self.executions).parse().expect("a short key"),
            price: taken.request.price.unwrap_or(self.holdings.market),
            quantity,
            cumulative: taken.filled,
            liquidity: Some(Liquidity::Maker),
            fee: Some(Fee { amount: Cash::ONE, asset: fee_asset.parse().expect("an asset") }),
            executed_at: now,
        };
        taken.fills.push((name, fill.clone()));
        self.holdings.settle(taken.request.side, &fill);
        out.push(self.report(name, now, ReportKind::Filled(fill)));
    }

    /// The venue makes an order smaller without being asked.
    fn shrink(&mut self, first: ClientOrderId, now: UtcNanos, out: &mut Vec<VenueReport>) {
        let Some(taken) = self.orders.get_mut(&first) else { return };
        let smaller = taken.request.quantity.checked_sub(Quantity::ONE).filter(|q| *q > taken.filled);
        let Some(quantity) = smaller else { return };
        taken.request.quantity = quantity;
        taken.changed = true;
        let (name, replacement) =
            (taken.name(), Replacement { quantity: Some(quantity), price: None, stop_price: None });
        out.push(self.report(name, now, ReportKind::Replaced { replacement }));
    }

    fn end(&mut self, first: ClientOrderId, standing: Standing, now: UtcNanos, out: &mut Vec<VenueReport>) {
        let Some(taken) = self.orders.get_mut(&first) else { return };
        taken.standing = standing;
        let (name, kind) = (taken.name(), taken.end());
        out.push(self.report(name, now, kind));
    }

    fn report(&self, name: ClientOrderId, now: UtcNanos, kind: ReportKind) -> VenueReport {
        let venue_order_id = format!("V{name}").parse().ok();
        VenueReport { account: self.account, client_order_id: name, venue_order_id, time: now, kind }
    }
}
