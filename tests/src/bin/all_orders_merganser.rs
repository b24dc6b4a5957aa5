//! Merganser with one more strategy: `all_orders`, which places one kind of order after the other around the market, moves and
//! cancels what rests, and closes what it holds, so that a session has all that can happen to an order.

use std::time::Duration;

use merganser::api::{Context, Strategy, Wants};
use merganser::messages::orders::{Exits, Order, OrderRequest, OrderType, Replacement, Side, Status, TimeInForce};
use merganser::messages::{Cash, Instrument, OrderId, Price, Quantity};
use serde::Deserialize;

/// Turns of a lap; the next lap trades the other way.
const LAP: u64 = 13;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllOrders {
    /// How often it takes a turn.
    every_ms: u64,
    /// How far from the market it places what waits for a price, in steps of the price.
    distance: i64,
    /// Value of an order that rests.
    notional: Cash,
    /// Value of an order that wants more than is shown.
    sweep: Cash,
    #[serde(skip)]
    instruments: Vec<Instrument>,
    #[serde(skip)]
    turn: u64,
}

/// The market of one turn, seen from the side that is traded.
struct Around {
    instrument: Instrument,
    side: Side,
    /// Where a bid and an ask rest first.
    bid: Price,
    ask: Price,
    step: Price,
    quantity: Quantity,
    /// What an order that wants more than is shown asks for.
    sweep: Quantity,
}

impl Around {
    /// Where an order of that side rests first.
    fn touch(&self, side: Side) -> Price {
        match side {
            Side::Buy => self.bid,
            Side::Sell => self.ask,
        }
    }

    /// The price that takes, so many steps on in the direction in which its side earns.
    fn beyond(&self, steps: i64) -> Option<Price> {
        let steps = match self.side {
            Side::Buy => steps,
            Side::Sell => -steps,
        };
        let moved = self.step.raw().checked_mul(steps)?;
        self.touch(self.side.opposite()).checked_add(Price::from_raw(moved)?)
    }

    /// An order that rests at the best price of its own side.
    fn resting(&self) -> OrderRequest {
        OrderRequest::limit(self.instrument, self.side, self.quantity, self.touch(self.side))
    }

    /// An order that takes what is shown.
    fn taking(&self, quantity: Quantity, time_in_force: TimeInForce) -> Option<OrderRequest> {
        let at = self.beyond(0)?;
        Some(OrderRequest { time_in_force, ..OrderRequest::limit(self.instrument, self.side, quantity, at) })
    }

    /// An order that waits for a price.
    fn waiting(&self, order_type: OrderType, steps: i64) -> Option<OrderRequest> {
        let stop_price = Some(self.beyond(steps)?);
        Some(OrderRequest { order_type, price: None, stop_price, ..self.resting() })
    }
}

impl AllOrders {
    fn around(&self, instrument: Instrument, context: &Context<'_>) -> Option<Around> {
        let quote = context.quote(instrument)?;
        let (bid, ask) = (quote.bid?.price, quote.ask?.price);
        let step = context.rules(instrument)?.price_step;
        let quantity = context.quantity_for(instrument, self.notional, ask);
        let sweep = context.quantity_for(instrument, self.sweep, ask);
        let side = if (self.turn / LAP).is_multiple_of(2) { Side::Buy } else { Side::Sell };
        Some(Around { instrument, side, bid, ask, step, quantity, sweep })
    }

    /// What this turn does; `None` where there is nothing to do, or no such price.
    fn act(&self, around: &Around, context: &mut Context<'_>) -> Option<()> {
        match self.turn % LAP {
            2 => self.bracket(around, context),
            7 => self.one_of_two(around, context)?,
            10 => move_what_rests(around, context),
            11 => cancel_the_older_half(context),
            turn => {
                let order = self.order(turn, around, context.position(around.instrument))?;
                context.submit(order);
            }
        }
        Some(())
    }

    /// The order of a turn that places one.
    fn order(&self, turn: u64, around: &Around, held: Quantity) -> Option<OrderRequest> {
        let far = self.distance;
        Some(match turn {
            0 => around.resting(),
            1 => OrderRequest { post_only: true, ..around.resting() },
            3 => around.waiting(OrderType::Stop, far)?,
            4 => OrderRequest { price: around.beyond(2 * far), ..around.waiting(OrderType::StopLimit, far)? },
            5 => around.waiting(OrderType::TakeProfit, -far)?,
            6 => self.trailing(around)?,
            8 => around.taking(around.sweep, TimeInForce::Ioc)?,
            9 => around.taking(around.quantity, TimeInForce::Fok)?,
            _ => closing(around, held)?,
        })
    }

    /// An entry for the day, with an exit on either side.
    fn bracket(&self, around: &Around, context: &mut Context<'_>) {
        let entry = OrderRequest { time_in_force: TimeInForce::Day, ..around.resting() };
        let (take_profit, stop_loss) = (around.beyond(self.distance), around.beyond(-self.distance));
        context.bracket(entry, Exits { take_profit, stop_loss, stop_limit: None });
    }

    fn trailing(&self, around: &Around) -> Option<OrderRequest> {
        let trail_amount = Price::from_raw(around.step.raw().checked_mul(self.distance)?);
        let order_type = OrderType::TrailingStop;
        Some(OrderRequest { order_type, price: None, trail_amount, ..around.resting() })
    }

    fn one_of_two(&self, around: &Around, context: &mut Context<'_>) -> Option<()> {
        context.one_cancels_other(around.resting(), around.waiting(OrderType::Stop, self.distance)?);
        Some(())
    }
}

/// Brings orders that rest away from the market back to it.
fn move_what_rests(around: &Around, context: &mut Context<'_>) {
    let is_away = |o: &&Order| {
        let request = &o.request;
        let rests = request.order_type == OrderType::Limit && request.parent.is_none() && is_working(o);
        rests && request.price != Some(around.touch(request.side))
    };
    let away: Vec<(OrderId, Side)> =
        context.open_orders().filter(is_away).map(|o| (o.order_id, o.request.side)).collect();
    for (order_id, side) in away {
        let price = Some(around.touch(side));
        context.replace(order_id, Replacement { quantity: None, price, stop_price: None });
    }
}

fn cancel_the_older_half(context: &mut Context<'_>) {
    let working = context.open_orders().filter(|o| is_working(o));
    let mut working: Vec<_> = working.map(|o| (o.created_at, o.order_id)).collect();
    working.sort_unstable();
    for (_, order_id) in &working[..working.len().div_ceil(2)] {
        context.cancel(*order_id);
    }
}

/// What makes a position flat, if it is not.
fn closing(around: &Around, held: Quantity) -> Option<OrderRequest> {
    let side = if held.is_negative() { Side::Buy } else { Side::Sell };
    let close = OrderRequest { reduce_only: true, ..OrderRequest::market(around.instrument, side, held.abs()) };
    (!held.is_zero()).then_some(close)
}

fn is_working(order: &Order) -> bool {
    matches!(order.status, Status::Accepted | Status::PartiallyFilled)
}

impl Strategy for AllOrders {
    fn wants(&self) -> Wants {
        Wants { instruments: self.instruments.clone(), ..Wants::default() }
    }

    fn on_start(&mut self, context: &mut Context<'_>) {
        context.set_timer(0, Duration::from_millis(self.every_ms));
    }

    fn on_timer(&mut self, _id: u32, context: &mut Context<'_>) {
        for instrument in self.instruments.clone() {
            if let Some(around) = self.around(instrument, context)
                && self.act(&around, context).is_none()
            {
                context.log(format!("{instrument}: nothing to do in turn {}", self.turn));
            }
        }
        self.turn += 1;
        context.set_timer(0, Duration::from_millis(self.every_ms));
    }

    fn save(&self) -> Vec<u8> {
        self.turn.to_le_bytes().to_vec()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), String> {
        let turn: [u8; 8] = state.try_into().map_err(|_| format!("{} bytes are no number of a turn", state.len()))?;
        self.turn = u64::from_le_bytes(turn);
        Ok(())
    }
}

fn main() -> std::process::ExitCode {
    merganser::App::new()
        .strategy("all_orders", |instruments, parameters: AllOrders| Ok(AllOrders { instruments, ..parameters }))
        .main()
}
