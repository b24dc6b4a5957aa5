//! The cases that need no interruption, by the parts of an order's life. Each says what it ends with.

use std::time::Duration;

use messages::orders::{OrderRequest, OrderType, Side, Status, TimeInForce};
use messages::{OrderId, Price, Quantity};
use testkit::venue::faults::Fault;

use super::bench::{Bench, Cell, SLOW};
use super::house::Ask;

/// How long a report is late that comes too late.
const LATE: Duration = Duration::from_millis(400);
const HALTED: &[&str] =
    &[r#"paper.halts=[{instrument="alpaca:AAPL",from="2020-01-01T00:00:00Z",to="2100-01-01T00:00:00Z"}]"#];

pub mod place {
    use super::*;

    pub fn market(b: &mut Bench) -> Cell {
        let id = b.place(OrderRequest::market(b.goods.instrument, Side::Buy, b.goods.quantity));
        b.settles(id, Status::Filled)
    }

    pub fn quote_quantity(b: &mut Bench) -> Cell {
        let whole = OrderRequest::market(b.goods.instrument, Side::Buy, Quantity::ZERO);
        let id = b.place(OrderRequest { quote_quantity: Some("600".parse().unwrap()), ..whole });
        b.settles(id, Status::Filled)
    }

    pub fn limit(b: &mut Bench) -> Cell {
        let id = b.place(b.buy(99));
        b.settles(id, Status::Accepted)
    }

    pub fn post_only(b: &mut Bench) -> Cell {
        let id = b.place(OrderRequest { post_only: true, ..b.buy(99) });
        b.settles(id, Status::Accepted)
    }
}

/// Orders that wait for a price: each rests, is triggered, and fills.
pub mod trigger {
    use super::*;

    fn waits(b: &mut Bench, order_type: OrderType, stop: i64, limit: Option<i64>, then: &[i64]) -> Cell {
        let market = OrderRequest::market(b.goods.instrument, Side::Buy, b.goods.quantity);
        let id = b.place(OrderRequest {
            order_type,
            time_in_force: TimeInForce::Gtc,
            price: limit.map(|limit| b.price(limit)),
            stop_price: (order_type != OrderType::TrailingStop).then(|| b.price(stop)),
            trail_amount: (order_type == OrderType::TrailingStop).then(|| one_percent(b)),
            ..market
        });
        let rests = b.settles(id, Status::Accepted);
        if rests.as_deref() != Some(Status::Accepted.as_str()) {
            return rests;
        }
        for percent in then {
            b.market(*percent, None);
        }
        b.settles(id, Status::Filled)
    }

    fn one_percent(b: &Bench) -> Price {
        b.price(1)
    }

    pub fn stop(b: &mut Bench) -> Cell {
        waits(b, OrderType::Stop, 102, None, &[102])
    }

    pub fn stop_limit(b: &mut Bench) -> Cell {
        waits(b, OrderType::StopLimit, 102, Some(103), &[102])
    }

    pub fn take_profit(b: &mut Bench) -> Cell {
        waits(b, OrderType::TakeProfit, 98, None, &[97])
    }

    pub fn trailing_stop(b: &mut Bench) -> Cell {
        waits(b, OrderType::TrailingStop, 0, None, &[95, 98])
    }
}

pub mod fill {
    use super::*;

    pub fn resting(b: &mut Bench) -> Cell {
        let id = b.rest(b.buy(99));
        b.market(98, None);
        b.settles(id, Status::Filled)
    }

    /// An order of which a part is filled.
    pub fn part(b: &mut Bench) -> OrderId {
        let id = b.rest(b.buy(99));
        b.market(98, Some(b.goods.part));
        b.reaches(id, Status::PartiallyFilled)
    }

    pub fn partial(b: &mut Bench) -> Cell {
        let id = part(b);
        b.settles(id, Status::PartiallyFilled)
    }

    pub fn completed(b: &mut Bench) -> Cell {
        let id = part(b);
        b.market(97, None);
        b.settles(id, Status::Filled)
    }

    /// The fill comes before the cancel, which is on its way.
    pub fn while_canceling(b: &mut Bench) -> Cell {
        if b.house.is_paper() {
            let id = b.rest(b.buy(99));
            b.restart(SLOW);
            b.cancel(id);
            b.reaches(id, Status::PendingCancel);
            b.market(98, None);
            return b.settles(id, Status::Filled);
        }
        let (id, point) = (b.rest(b.buy(99)), b.house.point(Ask::Cancel));
        b.house.once(point, Fault::Lose);
        b.cancel(id);
        b.has_failed(point);
        b.market(98, None);
        b.settles(id, Status::Filled)
    }

    pub fn told_twice(b: &mut Bench) -> Cell {
        told_with(b, Fault::Duplicate)
    }

    pub fn told_with_unknown(b: &mut Bench) -> Cell {
        told_with(b, Fault::Unknown)
    }

    fn told_with(b: &mut Bench, fault: Fault) -> Cell {
        if b.house.is_paper() {
            return None;
        }
        let id = b.rest(b.buy(99));
        b.house.once(b.house.told_fill(false), fault);
        b.market(98, None);
        b.settles(id, Status::Filled)
    }

    /// The second fill is told before the first.
    pub fn told_out_of_order(b: &mut Bench) -> Cell {
        if b.house.is_paper() {
            return None;
        }
        let id = b.rest(b.buy(99));
        b.house.once(b.house.told_fill(true), Fault::Reorder(LATE));
        b.market(98, Some(b.goods.part));
        b.market(97, None);
        b.settles(id, Status::Filled)
    }

    pub fn never_told(b: &mut Bench) -> Cell {
        not_told(b, Fault::Lose)
    }

    pub fn told_unreadably(b: &mut Bench) -> Cell {
        not_told(b, Fault::Malformed)
    }

    /// What nobody heard is found when the connection is made again.
    fn not_told(b: &mut Bench, fault: Fault) -> Cell {
        if b.house.is_paper() {
            return None;
        }
        let (id, point) = (b.rest(b.buy(99)), b.house.told_fill(false));
        b.house.once(point, fault);
        b.market(98, None);
        b.has_failed(point);
        b.house.cut();
        b.settles(id, Status::Filled)
    }
}

pub mod cancel {
    use super::*;

    pub fn open(b: &mut Bench) -> Cell {
        let id = b.rest(b.buy(99));
        b.cancel(id);
        b.settles(id, Status::Canceled)
    }

    pub fn partly_filled(b: &mut Bench) -> Cell {
        let id = fill::part(b);
        b.cancel(id);
        b.settles(id, Status::Canceled)
    }

    pub fn ended(b: &mut Bench) -> Cell {
        let id = b.rest(b.buy(99));
        b.market(98, None);
        b.reaches(id, Status::Filled);
        b.cancel(id);
        b.settles(id, Status::Filled)
    }

    pub fn answer_lost(b: &mut Bench) -> Cell {
        failing(b, Fault::LoseAnswer)
    }

    pub fn failed_before(b: &mut Bench) -> Cell {
        failing(b, Fault::FailBefore(503))
    }

    pub fn failed_after(b: &mut Bench) -> Cell {
        failing(b, Fault::FailAfter(504))
    }

    fn failing(b: &mut Bench, fault: Fault) -> Cell {
        if b.house.is_paper() {
            return None;
        }
        let id = b.rest(b.buy(99));
        b.house.once(b.house.point(Ask::Cancel), fault);
        b.cancel(id);
        b.settles(id, Status::Canceled)
    }
}

/// What the cell adds to the order's state: whether the new terms are in force.
pub mod replace {
    use super::*;

    fn replaced(b: &mut Bench, id: OrderId, quantity: Option<Quantity>, price: Option<Price>) -> Cell {
        let before = b.wait(id, "an order", |_| true);
        b.replace(id, quantity, price);
        let after = b.wait(id, "an answer to the replacement", |order| {
            order.replacing.is_none() && order.status != Status::PendingReplace && order.updated_at > before.updated_at
        });
        let asked = (quantity.unwrap_or(before.request.quantity), price.or(before.request.price));
        let took = (after.request.quantity, after.request.price) == asked;
        Some(format!("{}, {}", after.status, if took { "replaced" } else { "unchanged" }))
    }

    pub fn price(b: &mut Bench) -> Cell {
        let id = b.rest(b.buy(99));
        let price = b.price(98);
        replaced(b, id, None, Some(price))
    }

    pub fn smaller(b: &mut Bench) -> Cell {
        let id = b.rest(b.buy(99));
        let part = b.goods.part;
        replaced(b, id, Some(part), None)
    }

    pub fn larger(b: &mut Bench) -> Cell {
        let id = b.rest(b.buy(99));
        let more = b.goods.quantity.checked_add(b.goods.part);
        replaced(b, id, more, None)
    }

    pub fn partly_filled(b: &mut Bench) -> Cell {
        let id = fill::part(b);
        let price = b.price(97);
        replaced(b, id, None, Some(price))
    }

    pub fn answer_lost(b: &mut Bench) -> Cell {
        if b.house.is_paper() {
            return None;
        }
        let (id, price) = (b.rest(b.buy(99)), b.price(98));
        b.house.once(b.house.point(Ask::Replace), Fault::LoseAnswer);
        replaced(b, id, None, Some(price))
    }

    /// The order is filled before the replacement arrives.
    pub fn too_late(b: &mut Bench) -> Cell {
        let (id, price) = (b.rest(b.buy(99)), b.price(97));
        if b.house.is_paper() {
            b.restart(SLOW);
            b.replace(id, None, Some(price));
            b.reaches(id, Status::PendingReplace);
            b.market(98, None);
        } else {
            let point = b.house.told_fill(false);
            b.house.once(point, Fault::Reorder(LATE));
            b.market(98, None);
            b.has_failed(point);
            b.replace(id, None, Some(price));
        }
        b.settles(id, Status::Filled)
    }
}

pub mod reject {
    use super::*;

    pub fn funds(b: &mut Bench) -> Cell {
        let quantity = Quantity::from_raw(b.goods.quantity.raw() * 150).unwrap();
        let id = b.place(OrderRequest { quantity, ..b.buy(99) });
        b.settles(id, Status::Rejected)
    }

    pub fn post_only(b: &mut Bench) -> Cell {
        let id = b.place(OrderRequest { post_only: true, ..b.buy(101) });
        b.settles(id, Status::Rejected)
    }

    pub fn halted(b: &mut Bench) -> Cell {
        let symbol = b.goods.instrument.symbol;
        let halt = |b: &Bench, halted| {
            b.house.outside(|books, _| books.instruments.get_mut(symbol.as_str()).unwrap().halted = halted);
        };
        if b.house.is_paper() {
            b.restart(HALTED);
        } else {
            halt(b, true);
        }
        let request = b.buy(99);
        let id = b.place_priced(&request);
        let cell = b.settles(id, Status::Accepted);
        halt(b, false);
        cell
    }

    pub fn rate(b: &mut Bench) -> Cell {
        failing(b, Fault::TooMany(1))
    }

    pub fn banned(b: &mut Bench) -> Cell {
        failing(b, Fault::Banned(1))
    }

    fn failing(b: &mut Bench, fault: Fault) -> Cell {
        if b.house.is_paper() {
            return None;
        }
        b.house.once(b.house.point(Ask::Place), fault);
        let id = b.place(b.buy(99));
        b.settles(id, Status::Accepted)
    }

    /// What is wrong with the clock costs one order; the next one goes through.
    pub fn clock(b: &mut Bench) -> Cell {
        if b.house.is_paper() {
            return None;
        }
        b.house.set_clock(-5_000);
        let id = b.place(b.buy(99));
        let cell = b.settles(id, Status::Accepted);
        b.ready();
        cell
    }
}

/// What is refused here, before anybody else sees it.
pub mod deny {
    use super::*;

    pub fn price_step(b: &mut Bench) -> Cell {
        let off = Price::from_raw(b.price(99).raw() + 100_000).unwrap();
        let id = b.place(OrderRequest { price: Some(off), ..b.buy(99) });
        b.settles(id, Status::Denied)
    }

    pub fn least_value(b: &mut Bench) -> Cell {
        let id = b.place(OrderRequest { quantity: b.goods.too_little, ..b.buy(99) });
        b.settles(id, Status::Denied)
    }
}

pub mod expire {
    use super::*;

    pub fn ioc(b: &mut Bench) -> Cell {
        let id = b.place(b.buy_for(99, TimeInForce::Ioc));
        b.settles(id, Status::Expired)
    }

    pub fn ioc_partly_filled(b: &mut Bench) -> Cell {
        b.market(100, Some(b.goods.part));
        b.ready();
        let id = b.place(b.buy_for(101, TimeInForce::Ioc));
        b.settles(id, Status::Expired)
    }

    pub fn fok(b: &mut Bench) -> Cell {
        b.market(100, Some(b.goods.part));
        b.ready();
        let id = b.place(b.buy_for(101, TimeInForce::Fok));
        b.settles(id, Status::Expired)
    }

    pub fn day(b: &mut Bench) -> Cell {
        if b.house.is_paper() {
            // The calendar says when the day of a US stock ends.
            let end = testkit::feeds::serve::now().after(Duration::from_secs(3));
            b.restart(&[&format!("calendar.us_equities_close=[\"{end}\"]")]);
            b.ready();
        }
        let id = b.place(b.buy_for(99, TimeInForce::Day));
        let rests = b.settles(id, Status::Accepted);
        if rests.as_deref() != Some(Status::Accepted.as_str()) {
            return rests;
        }
        b.house.outside(|books, _| books.end_day(testkit::feeds::serve::now()));
        b.settles(id, Status::Expired)
    }
}

/// New orders of which nobody knows at first what became of them.
pub mod unclear {
    use super::*;

    fn placed(b: &mut Bench, fault: Fault) -> Cell {
        if b.house.is_paper() {
            return None;
        }
        b.house.once(b.house.point(Ask::Place), fault);
        let id = b.place(b.buy(99));
        b.settles(id, Status::Accepted)
    }

    pub fn answer_lost(b: &mut Bench) -> Cell {
        placed(b, Fault::LoseAnswer)
    }

    pub fn answer_unreadable(b: &mut Bench) -> Cell {
        placed(b, Fault::Malformed)
    }

    pub fn failed_before(b: &mut Bench) -> Cell {
        placed(b, Fault::FailBefore(503))
    }

    pub fn failed_after(b: &mut Bench) -> Cell {
        placed(b, Fault::FailAfter(504))
    }

    pub fn never_arrived(b: &mut Bench) -> Cell {
        placed(b, Fault::Lose)
    }

    pub fn answer_late(b: &mut Bench) -> Cell {
        placed(b, Fault::Delay(LATE))
    }
}
