//! What the account holds at the venue, and what happens to it without us: trades that are taken back, orders of somebody else,
//! and trades by hand that no order explains.

use actors::accounting;
use messages::account::{AccountSnapshot, VenueBalance, VenueFill, VenueOrder, VenuePosition, Wanted};
use messages::orders::{OrderType, Side, TimeInForce};
use messages::{Asset, Price};

use super::*;
use crate::process::{instrument, rules};

const SMALL: &str = "quantities and amounts are small";

/// An order that somebody else placed in the account.
#[derive(Debug)]
struct Foreign {
    order: VenueOrder,
    fills: Vec<VenueFill>,
    has_ended: bool,
}

/// What the account holds.
#[derive(Debug)]
pub struct Holdings {
    pub position: Quantity,
    pub balances: BTreeMap<Asset, Cash>,
    /// Where others trade.
    pub market: Price,
    foreign: Vec<Foreign>,
}

fn whole(number: u64) -> Quantity {
    Quantity::from_raw(i128::from(number) * Quantity::ONE.raw()).expect(SMALL)
}

fn any_side(chance: &mut Chance) -> Side {
    if chance.percent(50) { Side::Buy } else { Side::Sell }
}

/// A fill that is in no report.
fn unheard(execution_id: ExecutionId, price: Price, quantity: Quantity, executed_at: UtcNanos) -> Fill {
    Fill { execution_id, price, quantity, cumulative: quantity, liquidity: None, fee: None, executed_at }
}

impl Holdings {
    /// What the account begins with, there as here.
    pub fn new() -> Self {
        let (asset, amount): (Asset, Cash) = ("USD".parse().expect("an asset"), "100000".parse().expect("an amount"));
        let market: Price = "100".parse().expect("a price");
        Self { position: Quantity::ZERO, balances: [(asset, amount)].into(), market, foreign: Vec::new() }
    }

    /// The price moves by at most two, between 90 and 110.
    pub fn walk(&mut self, chance: &mut Chance) -> Price {
        let step = chance.between(0, 4) as i64 - 2;
        let next = (self.market.raw() / Price::ONE.raw() + step).clamp(90, 110);
        self.market = Price::from_raw(next * Price::ONE.raw()).expect(SMALL);
        self.market
    }

    /// What a fill, or what undoes one, does to them.
    pub fn settle(&mut self, side: Side, fill: &Fill) {
        self.position = self.position.checked_add(side.signed(fill.quantity)).expect(SMALL);
        for (asset, change) in accounting::balance_changes(&rules(), side, fill).expect(SMALL) {
            let total = self.balances.entry(asset).or_default();
            *total = total.checked_add(change).expect(SMALL);
        }
    }
}

impl Venue {
    /// What the account holds, as the venue says it: open orders, the fills that are wanted, position and balances.
    pub fn snapshot(&self, wanted: &[Wanted], asked: UtcNanos, now: UtcNanos) -> AccountSnapshot {
        let since = wanted.iter().find(|w| w.instrument == instrument()).and_then(|w| w.since);
        let is_wanted = |fill: &VenueFill| since.is_some_and(|since| fill.executed_at >= since.at);
        let working = self.orders.values().filter(|taken| taken.standing == Standing::Working).map(listed);
        let others = self.holdings.foreign.iter().filter(|foreign| !foreign.has_ended);
        let fills = self.orders.values().flat_map(fills_that_stand);
        let of_others = self.holdings.foreign.iter().flat_map(|foreign| foreign.fills.iter().cloned());
        let base = rules().base;
        let balances = self.holdings.balances.iter().filter(|(asset, _)| **asset != base);
        AccountSnapshot {
            account: self.account,
            asked,
            time: now,
            open: working.chain(others.map(|foreign| foreign.order.clone())).collect(),
            fills: fills.chain(of_others).filter(is_wanted).collect(),
            positions: Some(vec![VenuePosition {
                instrument: instrument(),
                quantity: self.holdings.position,
                average_entry: Some(self.holdings.market),
            }]),
            balances: balances
                .map(|(asset, free)| VenueBalance { asset: *asset, free: *free, locked: Cash::ZERO })
                .collect(),
            missing: Vec::new(),
        }
    }

    /// Something happens that we did not ask for.
    pub fn stir_account(&mut self, now: UtcNanos, chance: &mut Chance, out: &mut Vec<VenueReport>) {
        match chance.between(1, 10) {
            1..=4 => self.bust(now, chance, out),
            5..=9 => self.stir_foreign(now, chance),
            _ => {
                let key: ExecutionId = "hand".parse().expect("a short key");
                let fill = unheard(key, self.holdings.market, whole(chance.between(1, 5)), now);
                self.holdings.settle(any_side(chance), &fill);
            }
        }
    }

    /// Takes back a trade of an order that has ended. One that was filled is filled no more, and canceled.
    fn bust(&mut self, now: UtcNanos, chance: &mut Chance, out: &mut Vec<VenueReport>) {
        let mut stand: Vec<(ClientOrderId, usize)> = Vec::new();
        for (first, taken) in self.orders.iter().filter(|(_, taken)| taken.standing != Standing::Working) {
            let fills = taken.fills.iter().enumerate();
            let left = fills.filter(|(_, (_, fill))| !taken.busted.contains(&fill.execution_id));
            stand.extend(left.map(|(place, _)| (*first, place)));
        }
        let Some((first, place)) = chance.pick(&stand).copied() else { return };
        let Some(taken) = self.orders.get_mut(&first) else { return };
        let (name, fill) = taken.fills[place].clone();
        taken.busted.insert(fill.execution_id);
        taken.filled = taken.filled.checked_sub(fill.quantity).expect(SMALL);
        for (_, later) in &mut taken.fills[place + 1..] {
            later.cumulative = later.cumulative.checked_sub(fill.quantity).expect(SMALL);
        }
        let was_filled = taken.standing == Standing::Filled;
        if was_filled {
            taken.standing = Standing::Canceled;
        }
        let (side, current) = (taken.request.side, taken.name());
        let fee = fill.fee.map(|fee| Fee { amount: -fee.amount, ..fee });
        self.holdings.settle(side, &Fill { quantity: -fill.quantity, fee, ..fill.clone() });
        out.push(self.report(name, now, ReportKind::Busted { execution_id: fill.execution_id }));
        if was_filled {
            out.push(self.report(current, now, ReportKind::Canceled));
        }
    }

    /// Somebody else places an order, or theirs fills or ends.
    fn stir_foreign(&mut self, now: UtcNanos, chance: &mut Chance) {
        let open: Vec<usize> =
            (0..self.holdings.foreign.len()).filter(|i| !self.holdings.foreign[*i].has_ended).collect();
        let Some(place) = chance.pick(&open).copied().filter(|_| chance.percent(70)) else {
            return self.place_foreign(chance);
        };
        let foreign = &mut self.holdings.foreign[place];
        if chance.percent(30) {
            foreign.has_ended = true;
            return;
        }
        self.executions += 1;
        let order = &mut foreign.order;
        let quantity = Quantity::ONE;
        order.filled = order.filled.checked_add(quantity).expect(SMALL);
        foreign.has_ended = order.quantity == Some(order.filled);
        let (side, price) = (order.side, order.price.expect("a limit"));
        let execution_id: ExecutionId = format!("x{}", self.executions).parse().expect("a short key");
        foreign.fills.push(VenueFill {
            venue_order_id: order.venue_order_id,
            instrument: order.instrument,
            side,
            execution_id,
            price,
            quantity,
            cumulative: None,
            liquidity: None,
            fee: None,
            executed_at: now,
        });
        self.holdings.settle(side, &unheard(execution_id, price, quantity, now));
    }

    fn place_foreign(&mut self, chance: &mut Chance) {
        let number = self.holdings.foreign.len() + 1;
        let order = VenueOrder {
            client_order_id: format!("web-{number}"),
            venue_order_id: format!("F{number}").parse().expect("a short id"),
            instrument: instrument(),
            side: any_side(chance),
            order_type: Some(OrderType::Limit),
            time_in_force: Some(TimeInForce::Gtc),
            quantity: Some(whole(chance.between(1, 4))),
            price: Some(self.holdings.market),
            stop_price: None,
            filled: Quantity::ZERO,
            filled_notional: None,
            status: "open".to_owned(),
        };
        self.holdings.foreign.push(Foreign { order, fills: Vec::new(), has_ended: false });
    }
}

/// An order of ours as it is listed.
fn listed(taken: &Taken) -> VenueOrder {
    let (name, request) = (taken.name(), &taken.request);
    VenueOrder {
        client_order_id: name.to_string(),
        venue_order_id: format!("V{name}").parse().expect("a short id"),
        instrument: request.instrument,
        side: request.side,
        order_type: Some(request.order_type),
        time_in_force: Some(request.time_in_force),
        quantity: Some(request.quantity),
        price: request.price,
        stop_price: request.stop_price,
        filled: taken.filled,
        filled_notional: None,
        status: "open".to_owned(),
    }
}

fn fills_that_stand(taken: &Taken) -> impl Iterator<Item = VenueFill> {
    let stands = move |(_, fill): &&(ClientOrderId, Fill)| !taken.busted.contains(&fill.execution_id);
    taken.fills.iter().filter(stands).map(move |(name, fill)| VenueFill {
        venue_order_id: format!("V{name}").parse().expect("a short id"),
        instrument: taken.request.instrument,
        side: taken.request.side,
        execution_id: fill.execution_id,
        price: fill.price,
        quantity: fill.quantity,
        cumulative: None,
        liquidity: fill.liquidity,
        fee: fill.fee,
        executed_at: fill.executed_at,
    })
}
