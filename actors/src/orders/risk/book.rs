//! What is held and what is on its way, added up as orders come and go: risk asks for sums, and walks no orders.
//!
//! Invariant: what an order adds when it is put in, it takes away when it is taken out; a property test holds the sums
//! against a walk over all orders.

use std::collections::BTreeMap;

use messages::orders::{Order, Side, Status};
use messages::{Cash, Instrument, Quantity, StrategyId};

use super::Prices;
use crate::accounting;

/// What one order may count for: beyond it nothing is a quantity any more, and sums of thousands still fit.
const LARGEST: i128 = 1_000_000_000_000_000_000_000_000_000_000_000;

/// A stake in one instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stake {
    /// What is held, signed.
    pub position: Quantity,
    /// What open buys may still add.
    pub buys: Quantity,
    /// What open sells may still take.
    pub sells: Quantity,
    /// What open buys by value may still spend, in quote asset.
    pub buys_by_value: Cash,
    /// What open sells by value may still bring.
    pub sells_by_value: Cash,
}

impl Stake {
    /// With one more order.
    #[must_use]
    pub fn with(self, side: Side, quantity: Quantity) -> Self {
        match side {
            Side::Buy => Self { buys: self.buys.checked_add(quantity).unwrap_or(Quantity::MAX), ..self },
            Side::Sell => Self { sells: self.sells.checked_add(quantity).unwrap_or(Quantity::MAX), ..self },
        }
    }

    /// With what is open by value as quantities at the market; `None` while that has no price.
    #[must_use]
    pub fn at(self, prices: &Prices) -> Option<Self> {
        let sized = |side: Side, value: Cash| {
            if value.is_zero() {
                return Some(Quantity::ZERO);
            }
            accounting::quantity_for(value, prices.reference(side)?)
        };
        let (buys, sells) = (sized(Side::Buy, self.buys_by_value)?, sized(Side::Sell, self.sells_by_value)?);
        let by_quantity = Self { buys_by_value: Cash::ZERO, sells_by_value: Cash::ZERO, ..self };
        Some(by_quantity.with(Side::Buy, buys).with(Side::Sell, sells))
    }

    /// The position with all open buys filled and no sell.
    #[must_use]
    pub fn longest(&self) -> Quantity {
        self.position.checked_add(self.buys).unwrap_or(Quantity::MAX)
    }

    /// The position with all open sells filled and no buy.
    #[must_use]
    pub fn shortest(&self) -> Quantity {
        self.position.checked_sub(self.sells).unwrap_or(-Quantity::MAX)
    }

    /// The larger of the two, without its sign.
    #[must_use]
    pub fn worst(&self) -> Quantity {
        self.longest().abs().max(self.shortest().abs())
    }

    /// How much may still be traded on a side without passing zero, with all that is open on it filled.
    #[must_use]
    pub fn reducible(&self, side: Side) -> Quantity {
        match side {
            Side::Sell => self.position.checked_sub(self.sells),
            Side::Buy => (-self.position).checked_sub(self.buys),
        }
        .unwrap_or(Quantity::ZERO)
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn count(&mut self, order: &Counted, sign: i128) {
        let (sum, by_value) = match order.side {
            Side::Buy => (&mut self.buys, &mut self.buys_by_value),
            Side::Sell => (&mut self.sells, &mut self.sells_by_value),
        };
        *sum = moved(*sum, order.quantity.raw() * sign);
        *by_value = moved_cash(*by_value, order.value.raw() * sign);
    }
}

/// What open buys of an instrument may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reserved {
    /// At their limits, or for their values.
    pub priced: Cash,
    /// The quantity of those without one.
    pub unpriced: Quantity,
}

/// Open orders of all in one instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenHere {
    /// All of them.
    pub orders: u32,
    /// Those with a trigger price.
    pub conditional: u32,
}

/// What one open order counts for.
struct Counted {
    side: Side,
    quantity: Quantity,
    /// Of an order by value: what is not spent of it.
    value: Cash,
    cost: Option<Cash>,
}

/// The sums.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Book {
    own: BTreeMap<(StrategyId, Instrument), Stake>,
    all: BTreeMap<Instrument, (Stake, Reserved)>,
    open: BTreeMap<StrategyId, usize>,
    open_here: BTreeMap<Instrument, OpenHere>,
    open_of_all: usize,
}

impl Book {
    /// A strategy's stake.
    #[must_use]
    pub fn own(&self, strategy: StrategyId, instrument: Instrument) -> Stake {
        self.own.get(&(strategy, instrument)).copied().unwrap_or_default()
    }

    /// The account's stake: all strategies netted.
    #[must_use]
    pub fn all(&self, instrument: Instrument) -> Stake {
        self.all.get(&instrument).map(|(stake, _)| *stake).unwrap_or_default()
    }

    /// Every stake of a strategy that is not empty.
    pub fn stakes_of(&self, strategy: StrategyId) -> impl Iterator<Item = (Instrument, Stake)> + Clone {
        let own = self.own.iter().filter(move |((name, _), stake)| *name == strategy && !stake.is_empty());
        own.map(|((_, instrument), stake)| (*instrument, *stake))
    }

    /// Every stake of the account that is not empty, with what its open buys may cost.
    pub fn stakes(&self) -> impl Iterator<Item = (Instrument, Stake, Reserved)> + Clone {
        self.all.iter().filter(|(_, (stake, _))| !stake.is_empty()).map(|(i, (stake, cost))| (*i, *stake, *cost))
    }

    /// Who has a stake in what.
    pub fn owners(&self) -> impl Iterator<Item = (StrategyId, Instrument, Stake)> {
        self.own.iter().filter(|(_, stake)| !stake.is_empty()).map(|((s, i), stake)| (*s, *i, *stake))
    }

    /// Every position that is not flat.
    pub fn positions(&self) -> impl Iterator<Item = ((StrategyId, Instrument), Quantity)> {
        self.own.iter().filter(|(_, s)| !s.position.is_zero()).map(|(key, stake)| (*key, stake.position))
    }

    /// Open orders of a strategy.
    #[must_use]
    pub fn open(&self, strategy: StrategyId) -> usize {
        self.open.get(&strategy).copied().unwrap_or_default()
    }

    /// Open orders of all in an instrument.
    #[must_use]
    pub fn open_here(&self, instrument: Instrument) -> OpenHere {
        self.open_here.get(&instrument).copied().unwrap_or_default()
    }

    /// Open orders of all.
    #[must_use]
    pub fn open_of_all(&self) -> usize {
        self.open_of_all
    }

    /// A position changed by a signed quantity.
    pub fn fill(&mut self, strategy: StrategyId, instrument: Instrument, change: Quantity) {
        let own = self.own.entry((strategy, instrument)).or_default();
        own.position = own.position.checked_add(change).unwrap_or(own.position);
        let (all, _) = self.all.entry(instrument).or_default();
        all.position = all.position.checked_add(change).unwrap_or(all.position);
    }

    /// An order is there, as it stands.
    pub fn put(&mut self, order: &Order) {
        self.count(order, 1);
    }

    /// It is not any more, or is about to change.
    pub fn take(&mut self, order: &Order) {
        self.count(order, -1);
    }

    fn count(&mut self, order: &Order, sign: i128) {
        // What is held here can fill only once it is at its venue, and is judged again before that.
        if !order.status.is_open() || order.status == Status::Held {
            return;
        }
        let (strategy, instrument) = (order.strategy, order.request.instrument);
        let counted = counted(order);
        self.own.entry((strategy, instrument)).or_default().count(&counted, sign);
        let (all, reserved) = self.all.entry(instrument).or_default();
        all.count(&counted, sign);
        if counted.side == Side::Buy {
            match counted.cost {
                Some(cost) => reserved.priced = moved_cash(reserved.priced, cost.raw() * sign),
                None => reserved.unpriced = moved(reserved.unpriced, counted.quantity.raw() * sign),
            }
        }
        let open = self.open.entry(strategy).or_default();
        *open = open.saturating_add_signed(sign as isize);
        self.open_of_all = self.open_of_all.saturating_add_signed(sign as isize);
        let here = self.open_here.entry(instrument).or_default();
        here.orders = here.orders.saturating_add_signed(sign as i32);
        if order.request.order_type.is_conditional() {
            here.conditional = here.conditional.saturating_add_signed(sign as i32);
        }
    }
}

fn counted(order: &Order) -> Counted {
    let side = order.request.side;
    if let Some(all) = order.request.quote_quantity {
        let left = order.filled_notional.to_cash().and_then(|spent| all.checked_sub(spent)).unwrap_or(all);
        let value = Cash::from_raw(left.raw().clamp(0, LARGEST)).unwrap_or_default();
        return Counted { side, quantity: Quantity::ZERO, value, cost: Some(value) };
    }
    let quantity = Quantity::from_raw(remaining(order).raw().min(LARGEST)).unwrap_or_default();
    let limit = order.replacing.and_then(|terms| terms.price).max(order.request.price);
    let largest = Cash::from_raw(LARGEST).unwrap_or_default();
    let cost = limit.map(|price| price.times(quantity).map_or(largest, |cost| cost.min(largest)));
    Counted { side, quantity, value: Cash::ZERO, cost }
}

/// The most that an open order may still trade: by its terms, or by those on their way, which may be in force already. Nothing of
/// one by value, which counts in money.
#[must_use]
pub fn remaining(order: &Order) -> Quantity {
    let replaced = order.replacing.and_then(|terms| terms.quantity?.checked_sub(order.filled));
    replaced.map_or(order.remaining(), |rest| rest.max(order.remaining()))
}

fn moved(sum: Quantity, by: i128) -> Quantity {
    Quantity::from_raw(sum.raw() + by).unwrap_or(sum)
}

fn moved_cash(sum: Cash, by: i128) -> Cash {
    Cash::from_raw(sum.raw() + by).unwrap_or(sum)
}
