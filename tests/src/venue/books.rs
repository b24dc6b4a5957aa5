//! What the testkit's venue knows: a pure state. Hears requests and the passing of time, says reports.

use std::collections::BTreeMap;

use messages::orders::{Fee, Fill, Liquidity, OrderRequest, Side};
use messages::venues::{ReportKind, VenueReport, VenueRequest};
use messages::{Account, Cash, ClientOrderId, Price, Quantity, Reason, UtcNanos};

/// How an order stands at the venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stands {
    /// It may trade.
    Open,
    /// All of it traded.
    Filled,
    /// It was canceled.
    Canceled,
    /// It was never taken.
    Rejected,
}

/// An order at the venue.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Its terms.
    pub request: OrderRequest,
    /// The id that it goes by now.
    pub name: ClientOrderId,
    /// How it stands.
    pub stands: Stands,
    /// Its fills.
    pub fills: Vec<Fill>,
    /// The replacement in force, if any.
    replaced: Option<messages::orders::Replacement>,
}

impl Taken {
    /// What has traded.
    #[must_use]
    pub fn filled(&self) -> Quantity {
        self.fills.last().map_or(Quantity::ZERO, |f| f.cumulative)
    }

    fn rest(&self) -> Quantity {
        self.request.quantity.checked_sub(self.filled()).unwrap_or(Quantity::ZERO)
    }
}

/// The venue's books.
pub struct Books {
    account: Account,
    random: u64,
    executions: u64,
    /// Orders by the id of their submission.
    pub orders: BTreeMap<ClientOrderId, Taken>,
    /// Every id that an order went by, and the order's first.
    names: BTreeMap<ClientOrderId, ClientOrderId>,
    /// Ids that were submitted more than once: there must be none.
    pub repeated: Vec<ClientOrderId>,
}

impl Books {
    /// Empty books.
    #[must_use]
    pub fn new(account: Account, seed: u64) -> Self {
        Self {
            account,
            random: seed,
            executions: 0,
            orders: BTreeMap::new(),
            names: BTreeMap::new(),
            repeated: Vec::new(),
        }
    }

    /// Whose orders.
    #[must_use]
    pub fn account_name(&self) -> Account {
        self.account
    }

    /// A number below `bound`, by a linear congruence (Knuth's MMIX constants): the same seed, the same venue.
    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % bound
    }

    /// Takes a request.
    pub fn on_request(&mut self, request: &VenueRequest, out: &mut Vec<VenueReport>) {
        match request {
            VenueRequest::Submit { client_order_id, request, at, .. } => {
                self.submit(*client_order_id, request, *at, out)
            }
            VenueRequest::Cancel { client_order_id, at, .. } => self.cancel(*client_order_id, *at, out),
            VenueRequest::Replace { client_order_id, new_client_order_id, replacement, at, .. } => {
                self.replace(*client_order_id, *new_client_order_id, *replacement, *at, out);
            }
            VenueRequest::Query { client_order_id, at, .. } => self.query(*client_order_id, *at, out),
            // Answered by [`Books::account`].
            VenueRequest::Account { .. } => {}
            // It has told none before the run.
            VenueRequest::Rules { .. } => {}
        }
    }

    fn submit(&mut self, id: ClientOrderId, request: &OrderRequest, at: UtcNanos, out: &mut Vec<VenueReport>) {
        if self.names.contains_key(&id) {
            self.repeated.push(id);
            return;
        }
        let refused = self.below(50) == 0;
        let stands = if refused { Stands::Rejected } else { Stands::Open };
        let taken = Taken { request: request.clone(), name: id, stands, fills: Vec::new(), replaced: None };
        self.names.insert(id, id);
        self.orders.insert(id, taken);
        if refused {
            return out.push(self.report(id, at, rejected()));
        }
        out.push(self.report(id, at, ReportKind::Accepted));
        if request.price.is_none() {
            // In one or two executions, at a price of the testkit's own: money moves, whatever it is.
            let all = request.quantity;
            let half = Quantity::from_raw(all.raw() / 2).filter(|h| h.is_positive());
            if let Some(half) = half.filter(|_| self.below(2) == 0) {
                self.fill(id, half, at, out);
            }
            self.fill(id, all, at, out);
        }
    }

    /// Lets about one in twenty open orders trade, in part or whole.
    pub fn trade(&mut self, at: UtcNanos, out: &mut Vec<VenueReport>) {
        let open: Vec<ClientOrderId> =
            self.orders.iter().filter(|(_, o)| o.stands == Stands::Open).map(|(id, _)| *id).collect();
        for id in open {
            if self.below(20) == 0 {
                let rest = self.orders[&id].rest();
                let part =
                    Quantity::from_raw(rest.raw() / 3).filter(|p| p.is_positive() && self.random.is_multiple_of(2));
                self.fill(id, part.unwrap_or(rest), at, out);
            }
        }
    }

    fn fill(&mut self, id: ClientOrderId, most: Quantity, at: UtcNanos, out: &mut Vec<VenueReport>) {
        self.executions += 1;
        let Some(order) = self.orders.get_mut(&id) else { return };
        let quantity = order.rest().min(most);
        let price = order.request.price.unwrap_or_else(|| reference(&order.request));
        let fee = price.times(quantity).and_then(|value| value.per_million(1_000));
        let cumulative = order.filled().checked_add(quantity).expect("at most the order's quantity");
        let fill = Fill {
            execution_id: format!("W{}:{id}", self.executions).parse().expect("a short id"),
            price,
            quantity,
            cumulative,
            liquidity: Some(if order.request.price.is_some() { Liquidity::Maker } else { Liquidity::Taker }),
            fee: fee.map(|amount: Cash| Fee { amount, asset: "USDT".parse().expect("an asset") }),
            executed_at: at,
        };
        order.fills.push(fill.clone());
        if !order.rest().is_positive() {
            order.stands = Stands::Filled;
        }
        let name = order.name;
        out.push(self.report(name, at, ReportKind::Filled(fill)));
    }

    fn cancel(&mut self, id: ClientOrderId, at: UtcNanos, out: &mut Vec<VenueReport>) {
        let order = self.named(id).filter(|o| o.stands == Stands::Open);
        let kind = match order {
            Some(order) => {
                order.stands = Stands::Canceled;
                ReportKind::Canceled
            }
            None => ReportKind::CancelRejected { reason: unknown() },
        };
        out.push(self.report(id, at, kind));
    }

    fn replace(
        &mut self,
        id: ClientOrderId,
        new_id: ClientOrderId,
        terms: messages::orders::Replacement,
        at: UtcNanos,
        out: &mut Vec<VenueReport>,
    ) {
        if self.names.contains_key(&new_id) {
            self.repeated.push(new_id);
            return;
        }
        let open = self.named(id).filter(|o| o.stands == Stands::Open && o.name == id);
        let enough = open.filter(|o| terms.quantity.is_none_or(|q| q > o.filled()));
        let Some(order) = enough else {
            return out.push(self.report(new_id, at, ReportKind::ReplaceRejected { reason: unknown() }));
        };
        order.request.quantity = terms.quantity.unwrap_or(order.request.quantity);
        order.request.price = terms.price.or(order.request.price);
        (order.name, order.replaced) = (new_id, Some(terms));
        let first = self.names[&id];
        self.names.insert(new_id, first);
        out.push(self.report(new_id, at, ReportKind::Replaced { replacement: terms }));
    }

    /// Tells all that the venue knows of an order: its terms, its fills, its end.
    fn query(&mut self, id: ClientOrderId, at: UtcNanos, out: &mut Vec<VenueReport>) {
        let Some(order) = self.named(id).cloned() else {
            return out.push(self.report(id, at, ReportKind::Unknown));
        };
        if let Some(replacement) = order.replaced.filter(|_| order.name != id) {
            out.push(self.report(order.name, at, ReportKind::Replaced { replacement }));
        }
        for fill in &order.fills {
            out.push(self.report(order.name, at, ReportKind::Filled(fill.clone())));
        }
        let end = match order.stands {
            Stands::Open => ReportKind::Accepted,
            Stands::Filled => return,
            Stands::Canceled => ReportKind::Canceled,
            Stands::Rejected => rejected(),
        };
        out.push(self.report(order.name, at, end));
    }

    fn named(&mut self, id: ClientOrderId) -> Option<&mut Taken> {
        let first = self.names.get(&id)?;
        self.orders.get_mut(first)
    }

    fn report(&self, id: ClientOrderId, time: UtcNanos, kind: ReportKind) -> VenueReport {
        let first = self.names.get(&id).copied().unwrap_or(id);
        VenueReport {
            account: self.account,
            client_order_id: id,
            venue_order_id: format!("V{first}").parse().ok(),
            time,
            kind,
        }
    }
}

/// A price near the simulated market's.
fn reference(request: &OrderRequest) -> Price {
    let text = match request.instrument.symbol.as_str() {
        "SIMBTC" => "60000",
        "SIMETH" => "3000",
        _ => "150",
    };
    let away = if request.side == Side::Buy { "0.01" } else { "0" };
    let (price, away): (Price, Price) = (text.parse().expect("a price"), away.parse().expect("a price"));
    price.checked_add(away).expect("in range")
}

fn rejected() -> ReportKind {
    ReportKind::Rejected { reason: Reason::code("socket.dislikes"), text: "the testkit's venue dislikes it".to_owned() }
}

fn unknown() -> Reason {
    Reason::code("socket.unknown_order")
}
