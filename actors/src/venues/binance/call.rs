//! Requests: what is asked of the venue over its WebSocket API.
//!
//! Source: `rest-api.md`, `web-socket-api.md`. Weights are those of a failed call: since 2 April 2026 a call that places, cancels or
//! changes an order and succeeds weighs nothing.

use messages::orders::{OrderRequest, Replacement};
use messages::risk::Refusal;
use messages::{ClientOrderId, Symbol};

use super::parameters::Parameters;
use super::terms::{Terms, refuse};

/// A call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What is asked.
    pub method: &'static str,
    /// With what.
    pub parameters: Parameters,
    /// Request weight.
    pub weight: u32,
    /// Orders that it counts as, whether it succeeds or not.
    pub orders: u32,
}

/// Behind the id of a replacement: the id of the cancel that is the first half of it. The cancel's report names it, and so is not
/// taken for the end of the order.
const FIRST_HALF: &str = ".c";
/// Fills of one answer: the venue's limit.
pub const FILLS: u32 = 1_000;

/// The method that cancels an order.
const CANCEL: &str = "order.cancel";
/// The method that asks for the rules of symbols.
const EXCHANGE_INFO: &str = "exchangeInfo";

impl Call {
    fn new(method: &'static str, parameters: Parameters) -> Self {
        Self { method, parameters, weight: 1, orders: 0 }
    }

    pub(super) fn weighs(self, weight: u32) -> Self {
        Self { weight, ..self }
    }

    pub(super) fn counts_as(self, orders: u32) -> Self {
        Self { orders, ..self }
    }

    /// A new order.
    ///
    /// # Errors
    /// The venue has no such order.
    pub fn place(id: ClientOrderId, request: &OrderRequest) -> Result<Self, Refusal> {
        if let Some(contingency) = request.contingency {
            let text =
                format!("Binance is told of single orders; what is tied to another ({contingency}) is held here");
            return refuse("binance.contingency", text);
        }
        let terms = order(symbol(request.instrument.symbol), id, &Terms::of(request)?);
        Ok(Self::new("order.place", terms).counts_as(1))
    }

    /// Cancels an order.
    #[must_use]
    pub fn cancel(id: ClientOrderId, of: Symbol) -> Self {
        let parameters = symbol(of).with("origClientOrderId", id.as_str());
        Self::new(CANCEL, parameters)
    }

    /// Whether it cancels an order: that takes risk away, and goes before all else.
    #[must_use]
    pub fn is_cancel(&self) -> bool {
        self.method == CANCEL
    }

    /// Changes an order whose terms at the venue are `current`.
    ///
    /// A smaller quantity alone keeps the order's place in the queue (`order.amend.keepPriority`). Anything else is a cancel and a new
    /// order, made by the venue as one (`order.cancelReplace`) where nothing of the order was filled; where something was, a fill that
    /// comes in between would be bought twice, and the venue has no word for that, so it refuses (`ONLY_NEW`).
    ///
    /// # Errors
    /// The venue has no such order.
    pub fn replace(names: Names, current: &OrderRequest, terms: Replacement) -> Result<Self, Refusal> {
        let request = with_terms(current, terms);
        let symbol = symbol(request.instrument.symbol);
        let same_prices = (request.price, request.stop_price) == (current.price, current.stop_price);
        if same_prices && request.quantity < current.quantity {
            let parameters = symbol
                .with("origClientOrderId", names.current.as_str())
                .with("newClientOrderId", names.new.as_str())
                .with("newQty", request.quantity.to_string());
            return Ok(Self::new("order.amend.keepPriority", parameters).weighs(4));
        }
        let parameters = symbol
            .with("cancelReplaceMode", "STOP_ON_FAILURE")
            .with("cancelRestrictions", "ONLY_NEW")
            .with("cancelOrigClientOrderId", names.current.as_str())
            .with("cancelNewClientOrderId", format!("{}{FIRST_HALF}", names.new));
        let parameters = order(parameters, names.new, &Terms::of(&request)?);
        Ok(Self::new("order.cancelReplace", parameters).counts_as(1))
    }

    /// Where an order stands.
    #[must_use]
    pub fn order_status(id: ClientOrderId, of: Symbol) -> Self {
        let parameters = symbol(of).with("origClientOrderId", id.as_str());
        Self::new("order.status", parameters).weighs(4)
    }

    /// All orders of a symbol, open or ended, from the order on where its id is known, else the newest: to find what replaced one.
    #[must_use]
    pub fn all_orders(of: Symbol, from: Option<u64>) -> Self {
        let parameters = symbol(of).with_some("orderId", from).with("limit", 1_000);
        Self::new("allOrders", parameters).weighs(20)
    }

    /// The open orders of all symbols.
    #[must_use]
    pub fn open_orders() -> Self {
        Self::new("openOrders.status", Parameters::default()).weighs(80)
    }

    /// The fills of one order, from a trade id on.
    #[must_use]
    pub fn fills_of(of: Symbol, order_id: u64, from: Option<u64>) -> Self {
        let parameters = symbol(of).with("orderId", order_id).with_some("fromId", from).with("limit", FILLS);
        Self::new("myTrades", parameters).weighs(5)
    }

    /// The fills of all orders of a symbol, from a trade id on, else the newest.
    #[must_use]
    pub fn fills(of: Symbol, from: Option<u64>) -> Self {
        let parameters = symbol(of).with_some("fromId", from).with("limit", FILLS);
        Self::new("myTrades", parameters).weighs(20)
    }

    /// The balances of the account that are not zero.
    #[must_use]
    pub fn account() -> Self {
        let parameters = Parameters::default().with("omitZeroBalances", true);
        Self::new("account.status", parameters).weighs(20)
    }

    /// The rules of symbols, without the sets of permissions, which are long and say nothing to us. Not signed.
    #[must_use]
    pub fn exchange_info(of: &[Symbol]) -> Self {
        let symbols: Vec<&str> = of.iter().map(Symbol::as_str).collect();
        let parameters = Parameters::default().with("symbols", symbols).with("showPermissionSets", false);
        Self::new(EXCHANGE_INFO, parameters).weighs(20)
    }

    /// Whether it asks for rules: nothing waits for them, and all else goes before.
    #[must_use]
    pub fn is_of_rules(&self) -> bool {
        self.method == EXCHANGE_INFO
    }

    /// The venue's time. Not signed.
    #[must_use]
    pub fn time() -> Self {
        Self::new("time", Parameters::default())
    }

    /// Logs a connection on, so that nothing else needs a signature: with an Ed25519 key.
    #[must_use]
    pub fn log_on() -> Self {
        Self::new("session.logon", Parameters::default()).weighs(2)
    }

    /// Asks for the user data of a connection that is logged on. Not signed.
    #[must_use]
    pub fn subscribe() -> Self {
        Self::new("userDataStream.subscribe", Parameters::default()).weighs(2)
    }

    /// Asks for the user data with a signature: with any key.
    #[must_use]
    pub fn subscribe_signed() -> Self {
        Self::new("userDataStream.subscribe.signature", Parameters::default()).weighs(2)
    }
}

/// The two names of an order that is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names {
    /// By which the venue knows it now.
    pub current: ClientOrderId,
    /// By which it knows it after the change.
    pub new: ClientOrderId,
}

/// An order with the terms of a replacement.
#[must_use]
pub fn with_terms(current: &OrderRequest, terms: Replacement) -> OrderRequest {
    OrderRequest {
        quantity: terms.quantity.unwrap_or(current.quantity),
        price: terms.price.or(current.price),
        stop_price: terms.stop_price.or(current.stop_price),
        ..current.clone()
    }
}

/// The replacement whose first half a cancel of this id is.
#[must_use]
pub fn replacement_of_cancel(cancel_id: &str) -> Option<ClientOrderId> {
    cancel_id.strip_suffix(FIRST_HALF)?.parse().ok()
}

pub(super) fn symbol(symbol: Symbol) -> Parameters {
    Parameters::default().with("symbol", symbol.as_str())
}

/// The parameters of one order.
fn order(parameters: Parameters, id: ClientOrderId, terms: &Terms) -> Parameters {
    parameters
        .with("side", terms.side)
        .with("type", terms.kind)
        .with_some("timeInForce", terms.time_in_force)
        .with_some("quantity", terms.quantity.map(|q| q.to_string()))
        .with_some("quoteOrderQty", terms.quote_quantity.map(|q| q.to_string()))
        .with_some("price", terms.price.map(|p| p.to_string()))
        .with_some("stopPrice", terms.stop_price.map(|p| p.to_string()))
        .with_some("trailingDelta", terms.trailing_delta)
        .with("newClientOrderId", id.as_str())
        .with("newOrderRespType", "FULL")
}

#[cfg(test)]
mod tests {
    use messages::orders::{Contingency, OrderType, Side, TimeInForce};
    use messages::{Exchange, Instrument, Quantity};

    use super::*;

    fn btc() -> Symbol {
        "BTCUSDT".parse().unwrap()
    }

    fn limit() -> OrderRequest {
        let instrument = Instrument { exchange: Exchange::Binance, symbol: btc() };
        OrderRequest::limit(instrument, Side::Buy, Quantity::ONE, "61000.5".parse().unwrap())
    }

    fn names() -> Names {
        Names { current: "me-1-a".parse().unwrap(), new: "me-1-a-r1".parse().unwrap() }
    }

    fn check(call: &Call, method: &str, query: &str) {
        assert_eq!((call.method, call.parameters.query().as_str()), (method, query));
    }

    #[test]
    fn orders_are_placed_with_their_id_and_asked_for_in_full() {
        let id = names().current;
        check(
            &Call::place(id, &limit()).unwrap(),
            "order.place",
            "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=61000.5&newClientOrderId=me-1-a&newOrderRespType=FULL",
        );
        let by_quote = OrderRequest {
            order_type: OrderType::Market,
            time_in_force: TimeInForce::Ioc,
            quantity: Quantity::ZERO,
            quote_quantity: Some("250.5".parse().unwrap()),
            price: None,
            ..limit()
        };
        check(
            &Call::place(id, &by_quote).unwrap(),
            "order.place",
            "symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=250.5&newClientOrderId=me-1-a&newOrderRespType=FULL",
        );
        let tied = OrderRequest { contingency: Some(Contingency::Oco), ..limit() };
        assert_eq!(Call::place(id, &tied).unwrap_err().reason.as_str(), "binance.contingency");
    }

    #[test]
    fn a_smaller_quantity_alone_keeps_the_place_and_anything_else_is_one_cancel_and_one_order() {
        let change = |quantity: Option<&str>, price: Option<&str>| Replacement {
            quantity: quantity.map(|q| q.parse().unwrap()),
            price: price.map(|p| p.parse().unwrap()),
            stop_price: None,
        };
        check(
            &Call::replace(names(), &limit(), change(Some("0.5"), None)).unwrap(),
            "order.amend.keepPriority",
            "symbol=BTCUSDT&origClientOrderId=me-1-a&newClientOrderId=me-1-a-r1&newQty=0.5",
        );
        for (quantity, price) in [(Some("2"), None), (Some("0.5"), Some("60000")), (None, Some("60000"))] {
            let call = Call::replace(names(), &limit(), change(quantity, price)).unwrap();
            let expected = format!(
                "symbol=BTCUSDT&cancelReplaceMode=STOP_ON_FAILURE&cancelRestrictions=ONLY_NEW&cancelOrigClientOrderId=me-1-a\
                 &cancelNewClientOrderId=me-1-a-r1.c&side=BUY&type=LIMIT&timeInForce=GTC&quantity={}&price={}\
                 &newClientOrderId=me-1-a-r1&newOrderRespType=FULL",
                quantity.unwrap_or("1"),
                price.unwrap_or("61000.5"),
            );
            check(&call, "order.cancelReplace", &expected);
            assert_eq!(call.orders, 1);
        }
        assert_eq!(replacement_of_cancel("me-1-a-r1.c"), Some(names().new));
        assert_eq!(replacement_of_cancel("me-1-a-r1"), None);
    }

    #[test]
    fn questions_name_what_they_ask_about() {
        let id = names().current;
        check(&Call::cancel(id, btc()), "order.cancel", "symbol=BTCUSDT&origClientOrderId=me-1-a");
        check(&Call::order_status(id, btc()), "order.status", "symbol=BTCUSDT&origClientOrderId=me-1-a");
        check(&Call::fills_of(btc(), 7, Some(9)), "myTrades", "symbol=BTCUSDT&orderId=7&fromId=9&limit=1000");
        check(&Call::all_orders(btc(), None), "allOrders", "symbol=BTCUSDT&limit=1000");
        check(&Call::open_orders(), "openOrders.status", "");
        assert_eq!(Call::open_orders().weight, 80);
        let query = "symbols=%5B%22BTCUSDT%22%5D&showPermissionSets=false";
        check(&Call::exchange_info(&[btc()]), "exchangeInfo", query);
    }
}
