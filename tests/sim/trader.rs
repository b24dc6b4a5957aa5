//! Somebody who gives commands: two strategies and a person, as chance has it.

use messages::orders::{Command, Exits, Order, OrderRequest, OrderType, Replacement, Sender, Side, Status};
use messages::risk::{StateChange, TradingState};
use messages::{OrderId, Price, Quantity, StrategyId, ids::IdMaker};

use crate::chance::Chance;
use crate::process::{Course, instrument};

/// What is said to orders.
pub enum Said {
    Command(Sender, Command),
    Trading(StateChange),
}

/// The two strategies and the person.
pub struct Trader {
    order_ids: IdMaker,
}

impl Trader {
    pub fn new(seed: u64) -> Self {
        Self { order_ids: IdMaker::new(seed, "sim") }
    }

    /// The next thing that is said, in sight of the open orders.
    pub fn speak<'a>(&mut self, course: Course, open: impl Iterator<Item = &'a Order>, chance: &mut Chance) -> Said {
        let names = ["a", "b"].map(|name| name.parse::<StrategyId>().expect("a name"));
        let strategy = names[chance.between(0, 1) as usize];
        let (sender, person) =
            (Sender { strategy, generation: 0 }, Sender { strategy: StrategyId::manual(), generation: 0 });
        let mine = |order: &&Order| order.strategy == strategy && order.status != Status::PendingCancel;
        let open: Vec<(OrderId, Quantity)> = open.filter(mine).map(|o| (o.order_id, o.request.quantity)).collect();
        let (sender, command) = match (chance.between(1, 100), chance.pick(&open).copied()) {
            (1..=2, _) => return Said::Trading(switch(chance)),
            (3, _) => (person, Command::CancelAll),
            (4..=5, _) => (sender, Command::CancelAll),
            (6..=25, Some((order_id, _))) => (sender, Command::Cancel { order_id }),
            (26..=50, Some((order_id, quantity))) => {
                (sender, Command::Replace { order_id, replacement: terms(quantity, chance) })
            }
            _ if course == Course::Day && chance.percent(30) => {
                (sender, Command::SubmitList { orders: bracket(self.order_ids.next_order_id(), chance) })
            }
            _ => {
                let order_id = self.order_ids.next_order_id();
                (sender, Command::Submit { order_id, request: Box::new(request(chance)) })
            }
        };
        Said::Command(sender, command)
    }
}

/// Trading is halted or reduced for a while.
fn switch(chance: &mut Chance) -> StateChange {
    let states = [TradingState::Halted, TradingState::Reducing, TradingState::Active, TradingState::Active];
    let state = *chance.pick(&states).expect("there are some");
    StateChange { state, by: "manual".to_owned(), why: "simulation".to_owned() }
}

fn request(chance: &mut Chance) -> OrderRequest {
    let side = if chance.percent(50) { Side::Buy } else { Side::Sell };
    let (quantity, price) = (quantity(1, 40, chance), price(chance));
    let request = OrderRequest::limit(instrument(), side, quantity, price);
    if chance.percent(20) {
        return OrderRequest { order_type: OrderType::StopLimit, stop_price: Some(price), ..request };
    }
    request
}

/// An entry by a limit, with its exits five above and below it.
fn bracket(id: OrderId, chance: &mut Chance) -> Vec<(OrderId, OrderRequest)> {
    let side = if chance.percent(50) { Side::Buy } else { Side::Sell };
    let (quantity, limit) = (quantity(1, 20, chance), price(chance));
    let away = |by: i64| Price::from_raw(limit.raw() + by * Price::ONE.raw()).expect("a small price");
    let (gain, loss) = if side == Side::Buy { (away(5), away(-5)) } else { (away(-5), away(5)) };
    let exits = Exits { take_profit: Some(gain), stop_loss: Some(loss), stop_limit: None };
    exits.bracket(id, OrderRequest::limit(instrument(), side, quantity, limit))
}

fn terms(before: Quantity, chance: &mut Chance) -> Replacement {
    let price = if chance.percent(50) { Some(price(chance)) } else { None };
    let quantity = if chance.percent(20) { before } else { quantity(1, 60, chance) };
    Replacement { quantity: Some(quantity), price, stop_price: None }
}

fn quantity(low: u64, high: u64, chance: &mut Chance) -> Quantity {
    let whole = chance.between(low, high);
    Quantity::from_raw(i128::from(whole) * Quantity::ONE.raw()).expect("a small quantity")
}

fn price(chance: &mut Chance) -> Price {
    let whole = chance.between(90, 110);
    Price::from_raw(whole as i64 * Price::ONE.raw()).expect("a small price")
}
