//! Order lists: orders that the venue itself ties together. Source: `rest-api.md` (order lists), `web-socket-api.md`.
//!
//! OCO: of two legs around the price one cancels the other. OTO: a working order that is filled sets off a pending one. OTOCO: it
//! sets off an OCO. The limit leg of an OCO is post-only at this venue whatever was asked: it rests on the far side of the price.

use messages::orders::{OrderRequest, OrderType, Side};
use messages::risk::Refusal;
use messages::{ClientOrderId, Quantity};

use super::call::{Call, Verb, symbol};
use super::parameters::Parameters;
use super::terms::{Terms, refuse};

/// One order of a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Leg<'a> {
    /// Its id.
    pub id: ClientOrderId,
    /// Its terms.
    pub request: &'a OrderRequest,
}

/// The two legs of an OCO, by what they wait for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair<'a> {
    /// A limit or take-profit order: the price moves for us.
    pub profit: Leg<'a>,
    /// A stop, stop-limit or trailing stop: it moves against us.
    pub stop: Leg<'a>,
}

/// A list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum List<'a> {
    /// One cancels the other.
    Oco(Pair<'a>),
    /// One triggers the other.
    Oto {
        /// It goes into the book at once.
        working: Leg<'a>,
        /// It goes there when the other is filled.
        pending: Leg<'a>,
    },
    /// One triggers two that cancel each other: a bracket.
    Otoco {
        /// It goes into the book at once.
        working: Leg<'a>,
        /// They go there when it is filled.
        pending: Pair<'a>,
    },
}

/// What the parameters of a leg are called.
struct Prefix {
    kind: &'static str,
    id: &'static str,
    price: &'static str,
    stop_price: &'static str,
    trailing_delta: &'static str,
    time_in_force: &'static str,
}

/// The names of the parameters of a leg, made from its prefix.
macro_rules! prefix {
    ($prefix:literal) => {
        Prefix {
            kind: concat!($prefix, "Type"),
            id: concat!($prefix, "ClientOrderId"),
            price: concat!($prefix, "Price"),
            stop_price: concat!($prefix, "StopPrice"),
            trailing_delta: concat!($prefix, "TrailingDelta"),
            time_in_force: concat!($prefix, "TimeInForce"),
        }
    };
}

impl List<'_> {
    /// The call that places the list under an id of its own.
    ///
    /// # Errors
    /// The venue has no such list, or no such order in one.
    pub fn place(&self, list_id: ClientOrderId) -> Result<Call, Refusal> {
        let parameters = |leg: &Leg<'_>| {
            symbol(leg.request.instrument.symbol)
                .with("listClientOrderId", list_id.as_str())
                .with("newOrderRespType", "FULL")
        };
        let (path, method, parameters, orders) = match self {
            Self::Oco(pair) => {
                let all = parameters(&pair.profit)
                    .with("side", pair.check()?.side)
                    .with("quantity", pair.profit.request.quantity.to_string());
                let all = pair.legs(all, &prefix!("above"), &prefix!("below"))?;
                ("/api/v3/orderList/oco", "orderList.place.oco", all, 2)
            }
            Self::Oto { working, pending } => {
                check_pending(working, pending.request)?;
                let all = working.working(parameters(working))?;
                let terms = Terms::of(pending.request)?;
                let all =
                    all.with("pendingSide", terms.side).with("pendingQuantity", pending.request.quantity.to_string());
                let all = leg(all, &prefix!("pending"), pending.id, &terms);
                ("/api/v3/orderList/oto", "orderList.place.oto", all, 2)
            }
            Self::Otoco { working, pending } => {
                check_pending(working, pending.profit.request)?;
                let all = working
                    .working(parameters(working))?
                    .with("pendingSide", pending.check()?.side)
                    .with("pendingQuantity", pending.profit.request.quantity.to_string());
                let all = pending.legs(all, &prefix!("pendingAbove"), &prefix!("pendingBelow"))?;
                ("/api/v3/orderList/otoco", "orderList.place.otoco", all, 3)
            }
        };
        Ok(Call::new(Verb::Post, path, method, parameters).counts_as(orders))
    }
}

impl Pair<'_> {
    /// Both legs are of one order's worth; returns the terms of the leg that takes the profit.
    fn check(&self) -> Result<Terms, Refusal> {
        let (profit, stop) = (self.profit.request, self.stop.request);
        let same = |r: &OrderRequest| (r.instrument, r.side, r.quantity);
        if same(profit) != same(stop) {
            let text = format!(
                "the legs of an OCO differ: {} {} {} and {} {} {}",
                profit.side, profit.quantity, profit.instrument, stop.side, stop.quantity, stop.instrument
            );
            return refuse("binance.list_legs", text);
        }
        let is_pair = matches!(profit.order_type, OrderType::Limit | OrderType::TakeProfit)
            && matches!(stop.order_type, OrderType::Stop | OrderType::StopLimit | OrderType::TrailingStop);
        if !is_pair {
            let text = format!(
                "an OCO of a {} and a {} order; expected a limit or take_profit order and a stop, stop_limit or trailing_stop order",
                profit.order_type, stop.order_type
            );
            return refuse("binance.list_legs", text);
        }
        Terms::of(&OrderRequest { post_only: profit.order_type == OrderType::Limit, ..profit.clone() })
    }

    /// Who sells takes the profit above the price, who buys below it.
    fn legs(&self, all: Parameters, above: &Prefix, below: &Prefix) -> Result<Parameters, Refusal> {
        let (profit, stop) = (self.check()?, Terms::of(self.stop.request)?);
        let (profit, stop) = ((self.profit.id, profit), (self.stop.id, stop));
        let (upper, lower) = if self.profit.request.side == Side::Sell { (profit, stop) } else { (stop, profit) };
        Ok(leg(leg(all, above, upper.0, &upper.1), below, lower.0, &lower.1))
    }
}

impl Leg<'_> {
    fn working(&self, all: Parameters) -> Result<Parameters, Refusal> {
        let terms = Terms::of(self.request)?;
        if self.request.order_type != OrderType::Limit {
            let text =
                format!("a {} order sets off no other at Binance; expected a limit order", self.request.order_type);
            return refuse("binance.list_legs", text);
        }
        let all = all.with("workingSide", terms.side).with("workingQuantity", self.request.quantity.to_string());
        Ok(leg(all, &prefix!("working"), self.id, &terms))
    }
}

/// What is set off is of the same instrument, and has a quantity of its own.
fn check_pending(working: &Leg<'_>, pending: &OrderRequest) -> Result<(), Refusal> {
    if working.request.instrument != pending.instrument {
        let text =
            format!("a list of {} and {}; expected one instrument", working.request.instrument, pending.instrument);
        return refuse("binance.list_legs", text);
    }
    if [working.request.quantity, pending.quantity].contains(&Quantity::ZERO) {
        return refuse("binance.list_legs", "an order of a list without a quantity in base asset".to_owned());
    }
    Ok(())
}

fn leg(all: Parameters, names: &Prefix, id: ClientOrderId, terms: &Terms) -> Parameters {
    all.with(names.kind, terms.kind)
        .with(names.id, id.as_str())
        .with_some(names.price, terms.price.map(|p| p.to_string()))
        .with_some(names.stop_price, terms.stop_price.map(|p| p.to_string()))
        .with_some(names.trailing_delta, terms.trailing_delta)
        .with_some(names.time_in_force, terms.time_in_force)
}

#[cfg(test)]
mod tests {
    use messages::{Exchange, Instrument, Price};

    use super::*;

    fn order(order_type: OrderType, side: Side, price: Option<&str>, stop: Option<&str>) -> OrderRequest {
        let instrument = Instrument { exchange: Exchange::Binance, symbol: "BTCUSDT".parse().unwrap() };
        let number = |text: Option<&str>| text.map(|text| text.parse::<Price>().unwrap());
        OrderRequest {
            order_type,
            price: number(price),
            stop_price: number(stop),
            ..OrderRequest::limit(instrument, side, Quantity::ONE, Price::ONE)
        }
    }

    fn leg<'a>(id: &str, request: &'a OrderRequest) -> Leg<'a> {
        Leg { id: id.parse().unwrap(), request }
    }

    fn query(list: &List<'_>) -> String {
        list.place("l".parse().unwrap()).unwrap().parameters.query()
    }

    #[test]
    fn who_sells_takes_the_profit_above_the_price_and_who_buys_below() {
        let legs = |side| {
            (
                order(OrderType::Limit, side, Some("110"), None),
                order(OrderType::StopLimit, side, Some("89"), Some("90")),
            )
        };
        let head = "symbol=BTCUSDT&listClientOrderId=l&newOrderRespType=FULL";
        let (profit, stop) = legs(Side::Sell);
        let pair = Pair { profit: leg("p", &profit), stop: leg("s", &stop) };
        assert_eq!(
            query(&List::Oco(pair)),
            format!(
                "{head}&side=SELL&quantity=1&aboveType=LIMIT_MAKER&aboveClientOrderId=p&abovePrice=110&belowType=STOP_LOSS_LIMIT\
                 &belowClientOrderId=s&belowPrice=89&belowStopPrice=90&belowTimeInForce=GTC"
            )
        );
        let (profit, stop) = legs(Side::Buy);
        let pair = Pair { profit: leg("p", &profit), stop: leg("s", &stop) };
        let bought = query(&List::Oco(pair));
        assert!(bought.contains("&aboveType=STOP_LOSS_LIMIT&aboveClientOrderId=s"), "{bought}");
        assert!(bought.contains("&belowType=LIMIT_MAKER&belowClientOrderId=p"), "{bought}");
    }

    #[test]
    fn a_bracket_is_a_working_order_and_a_pair() {
        let entry = order(OrderType::Limit, Side::Buy, Some("100"), None);
        let profit = order(OrderType::TakeProfit, Side::Sell, None, Some("110"));
        let stop = order(OrderType::Stop, Side::Sell, None, Some("90"));
        let pending = Pair { profit: leg("p", &profit), stop: leg("s", &stop) };
        let working = leg("w", &entry);
        let tail = "workingSide=BUY&workingQuantity=1&workingType=LIMIT&workingClientOrderId=w&workingPrice=100&workingTimeInForce=GTC\
                    &pendingSide=SELL&pendingQuantity=1";
        assert!(
            query(&List::Otoco { working, pending }).ends_with(&format!(
                "{tail}&pendingAboveType=TAKE_PROFIT&pendingAboveClientOrderId=p&pendingAboveStopPrice=110&pendingBelowType=STOP_LOSS\
                 &pendingBelowClientOrderId=s&pendingBelowStopPrice=90"
            )),
        );
        assert!(
            query(&List::Oto { working, pending: pending.stop })
                .ends_with(&format!("{tail}&pendingType=STOP_LOSS&pendingClientOrderId=s&pendingStopPrice=90")),
        );
        let call = List::Otoco { working, pending }.place("l".parse().unwrap()).unwrap();
        assert_eq!((call.orders, call.method), (3, "orderList.place.otoco"));
    }

    #[test]
    fn legs_that_do_not_fit_are_refused() {
        let check = |list: List<'_>| {
            assert_eq!(list.place("l".parse().unwrap()).unwrap_err().reason.as_str(), "binance.list_legs", "{list:?}");
        };
        let limit = order(OrderType::Limit, Side::Sell, Some("110"), None);
        let stop = order(OrderType::Stop, Side::Sell, None, Some("90"));
        let twice = OrderRequest { quantity: "2".parse().unwrap(), ..stop.clone() };
        check(List::Oco(Pair { profit: leg("p", &limit), stop: leg("s", &twice) }));
        check(List::Oco(Pair { profit: leg("p", &limit), stop: leg("s", &limit) }));
        check(List::Oto { working: leg("w", &stop), pending: leg("p", &limit) });
        let none = OrderRequest { quantity: Quantity::ZERO, ..stop.clone() };
        check(List::Oto { working: leg("w", &limit), pending: leg("p", &none) });
    }
}
