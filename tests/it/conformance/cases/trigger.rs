//! Orders that wait for a price: each rests, is triggered, and fills.

use messages::Price;
use messages::orders::{OrderRequest, OrderType, Side, Status, TimeInForce};

use super::super::bench::{Bench, Cell};

fn waits(b: &mut Bench, order_type: OrderType, stop: i64, limit: Option<i64>, then: &[i64]) -> Cell {
    let market = OrderRequest::market(b.goods.instrument, Side::Buy, b.goods.quantity);
    let id = b.place(OrderRequest {
        order_type,
        time_in_force: TimeInForce::Gtc,
        price: limit.map(|limit| b.price(limit)),
        stop_price: Some(b.price(stop)),
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

/// Binance follows at a share of the price, which is found from where the stop begins.
pub fn trailing_stop(b: &mut Bench) -> Cell {
    waits(b, OrderType::TrailingStop, 101, None, &[95, 98])
}
