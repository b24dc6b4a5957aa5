//! Orders that belong together and that we hold, for their venue does not: what is to be done next, from how they all stand.
//!
//! - OTO: an exit waits until its entry has ended, and then works for what the entry was filled with: all of it, or the part
//!   of one that was canceled. An entry that ends without a fill ends its exits.
//! - Of orders that rival one another (the exits of one entry; an order and its OCO) at most one is at the venue at a time: two
//!   of them would each reserve what can be sold but once, and both could fill. The one without a trigger works there; one
//!   with a trigger waits here, and its price is watched from the first fill of its entry on. Once it is reached, all others
//!   leave the venue first, the rest of the entry among them; then it goes there as what its trigger makes of it, for what
//!   is left. A rival works on while risk would not let it leave: better that exit than none. One that has no rival, or none any
//!   more, goes to the venue as it is, to wait there, once its entry has ended; until it leaves it is watched here like any
//!   other, for a venue refuses a stop whose price the market has passed.
//! - A fill of one leaves less for the others: each is sent for what is left then, and those that are held end where nothing is.
//!   Until they leave they keep the quantity that was asked, and have it again if they did not come to their venue: what is left
//!   grows again by a late fill, or by one that is undone.
//! - While a venue counts more of one as filled than was told, nothing is sent or ended here: how much it is for is not known
//!   yet. What must leave the venue leaves it all the same.
//!
//! Everything here is a function of the orders as the ledger has them, never of the order in which things happened: whatever
//! died in between, the next look gives the step that is missing, and none twice.

use messages::orders::{Contingency, Order, OrderRequest, OrderType, Side, Status, TimeInForce};
use messages::{OrderId, Price, Quantity};

/// Why an order that was held ended: its entry ended without a fill.
pub const PARENT_ENDED: &str = "contingency.parent_ended";

/// Why an order that was held ended: the others have filled all there is.
pub const RIVAL_FILLED: &str = "contingency.rival_filled";

/// One order of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: OrderId,
    /// Where it stands.
    pub status: Status,
    /// How much was asked.
    pub quantity: Quantity,
    /// How much was filled; of an entry, what of that is there to be closed.
    pub filled: Quantity,
    /// Whether it waits for a price.
    pub is_conditional: bool,
    /// Whether that price was reached.
    pub triggered: bool,
    /// Whether its venue counts more of it as filled than was told.
    pub misses: bool,
    /// Whether it is left alone for now: its venue was asked to cancel it, or what was wanted of it was refused just now.
    pub rests: bool,
}

impl Member {
    /// Of an order that misses no fill; `refused` where its venue has just refused to cancel it, or risk to let it go there.
    #[must_use]
    pub fn of(order: &Order, refused: bool) -> Self {
        Self {
            id: order.order_id,
            status: order.status,
            quantity: order.request.quantity,
            filled: order.filled,
            is_conditional: order.request.order_type.is_conditional(),
            triggered: order.triggered,
            misses: false,
            rests: refused || order.status == Status::PendingCancel,
        }
    }

    fn is_held(&self) -> bool {
        self.status == Status::Held
    }

    fn is_at_venue(&self) -> bool {
        self.status.is_open() && !self.is_held()
    }

    fn may_be_cancelled(&self) -> bool {
        self.is_at_venue() && !self.rests
    }
}

/// Orders that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// The one that the others name as their parent.
    pub head: Member,
    /// How they are tied to it.
    pub how: Contingency,
    /// The others.
    pub others: Vec<Member>,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Hand a held order to its venue, so much of it.
    Send {
        /// Which.
        id: OrderId,
        /// How much.
        quantity: Quantity,
    },
    /// End a held order.
    End {
        /// Which.
        id: OrderId,
        /// Why.
        why: &'static str,
    },
    /// Ask the venue to cancel an order.
    Cancel {
        /// Which.
        id: OrderId,
    },
    /// The same, to let a held order take its place: only if that may leave.
    MakeRoom {
        /// Which.
        id: OrderId,
        /// The one that takes its place.
        successor: OrderId,
        /// How much of it.
        quantity: Quantity,
    },
}

impl Family {
    /// The orders that share what there is.
    fn rivals(&self) -> impl Iterator<Item = &Member> {
        let head = (self.how == Contingency::Oco).then_some(&self.head);
        head.into_iter().chain(&self.others)
    }

    fn all(&self) -> impl Iterator<Item = &Member> {
        std::iter::once(&self.head).chain(&self.others)
    }

    /// What the rivals share: what the entry was filled with, or what one of an OCO asked for.
    #[must_use]
    pub fn size(&self) -> Quantity {
        match self.how {
            Contingency::Oto => self.head.filled,
            Contingency::Oco => self.head.quantity,
        }
    }

    /// What they have filled beyond it; zero where they have not.
    #[must_use]
    pub fn excess(&self) -> Quantity {
        positive(self.filled().checked_sub(self.size()))
    }

    /// What of it is not filled.
    #[must_use]
    pub fn left(&self) -> Quantity {
        positive(self.size().checked_sub(self.filled()))
    }

    fn filled(&self) -> Quantity {
        self.rivals().fold(Quantity::ZERO, |sum, m| sum.checked_add(m.filled).unwrap_or(Quantity::MAX))
    }

    /// True when what they share grows no more.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.how == Contingency::Oco || !self.head.status.is_open()
    }

    /// What is left that no order is there to fill; zero while the entry may still fill.
    #[must_use]
    pub fn uncovered(&self) -> Quantity {
        let rest = |m: &Member| positive(m.quantity.checked_sub(m.filled));
        let covered = self.rivals().filter(|m| m.status.is_open()).map(rest).max().unwrap_or_default();
        if self.is_settled() { positive(self.left().checked_sub(covered)) } else { Quantity::ZERO }
    }

    fn has_rival(&self, id: OrderId) -> bool {
        self.rivals().any(|m| m.id != id && m.status.is_open())
    }

    /// The held orders whose prices are watched now: from the first fill of their entry until they leave, all of them. One that
    /// is free to leave may have been reached in the same instant, or be held on by risk.
    pub fn watched(&self) -> impl Iterator<Item = OrderId> {
        // One at a time: what was triggered goes first, and while it lives nothing else is let go.
        let is_busy = self.rivals().any(|m| m.triggered && m.status.is_open());
        let waits = move |m: &&Member| m.is_held() && m.is_conditional && !is_busy && self.left().is_positive();
        self.others.iter().filter(waits).map(|m| m.id)
    }

    /// The orders whose missing fills others are held for.
    pub fn missing(&self) -> impl Iterator<Item = OrderId> {
        let is_held = self.others.iter().any(Member::is_held);
        self.all().filter(move |m| is_held && m.misses).map(|m| m.id)
    }

    /// The next step; `None` while there is nothing to do but wait.
    #[must_use]
    pub fn next(&self) -> Option<Step> {
        let triggered = self.others.iter().find(|m| m.is_held() && m.triggered);
        if self.missing().next().is_some() {
            return triggered.and_then(|triggered| self.make_room(triggered));
        }
        if self.is_settled() && self.left().is_zero() {
            return self.end();
        }
        if let Some(triggered) = triggered {
            return self.release(triggered);
        }
        self.others.iter().filter(|_| self.is_settled()).find_map(|member| self.let_work(member))
    }

    fn end(&self) -> Option<Step> {
        let why = if self.size().is_zero() { PARENT_ENDED } else { RIVAL_FILLED };
        self.rivals().find_map(|m| match m {
            m if m.is_held() => Some(Step::End { id: m.id, why }),
            m if m.may_be_cancelled() => Some(Step::Cancel { id: m.id }),
            _ => None,
        })
    }

    /// What leaves the venue before a triggered order goes there: the rest of an entry whatever becomes of that order, a rival only
    /// for its sake.
    fn make_room(&self, triggered: &Member) -> Option<Step> {
        if !self.is_settled() {
            return self.head.may_be_cancelled().then_some(Step::Cancel { id: self.head.id });
        }
        let rival = self.rivals().find(|m| m.may_be_cancelled()).filter(|_| !triggered.rests)?;
        let quantity = triggered.quantity.min(self.left());
        Some(Step::MakeRoom { id: rival.id, successor: triggered.id, quantity })
    }

    fn release(&self, triggered: &Member) -> Option<Step> {
        let quantity = triggered.quantity.min(self.left());
        let may_go = !self.all().any(Member::is_at_venue) && !triggered.rests;
        self.make_room(triggered).or_else(|| may_go.then_some(Step::Send { id: triggered.id, quantity }))
    }

    fn let_work(&self, member: &Member) -> Option<Step> {
        if !member.is_held() {
            return None;
        }
        let (id, quantity) = (member.id, member.quantity.min(self.left()));
        let is_free = if member.is_conditional {
            !self.has_rival(id)
        } else {
            !self.rivals().any(|m| m.id != id && m.is_at_venue())
        };
        (is_free && !member.rests).then_some(Step::Send { id, quantity })
    }
}

fn positive(quantity: Option<Quantity>) -> Quantity {
    quantity.filter(|q| q.is_positive()).unwrap_or_default()
}

/// True when a trade at `price` reaches the trigger of an order: a stop is reached by a price that goes against it, a
/// take-profit by one that goes its way.
#[must_use]
pub fn is_reached(request: &OrderRequest, price: Price) -> bool {
    let Some(trigger) = request.stop_price else { return false };
    let rises = match request.order_type {
        OrderType::TakeProfit => request.side == Side::Sell,
        _ => request.side == Side::Buy,
    };
    if rises { price >= trigger } else { price <= trigger }
}

/// What an order is once it was triggered here, without its ties: a market order, or a limit order where it has a limit.
#[must_use]
pub fn as_sent(request: &OrderRequest, triggered: bool) -> OrderRequest {
    let free = OrderRequest { parent: None, contingency: None, ..request.clone() };
    match (triggered, request.order_type) {
        (true, OrderType::StopLimit) => OrderRequest { order_type: OrderType::Limit, stop_price: None, ..free },
        (true, OrderType::Stop | OrderType::TakeProfit) => {
            // What lives for a day is told so as a market order, too: a fraction of a share has no other time in force.
            let is_for_the_day = request.time_in_force == TimeInForce::Day;
            let time_in_force = if is_for_the_day { TimeInForce::Day } else { TimeInForce::Ioc };
            OrderRequest { order_type: OrderType::Market, time_in_force, stop_price: None, ..free }
        }
        _ => free,
    }
}

#[cfg(test)]
mod tests;
