//! Our terms of an order in the venue's words. Source: `rest-api.md` (new order), `enums.md`, `faqs/trailing-stop-faq.md`.
//!
//! What the venue has no words for is refused here, before anything is sent.

use messages::orders::{OrderRequest, OrderType, Side, TimeInForce};
use messages::risk::Refusal;
use messages::{Cash, Price, Quantity, Reason};

/// The terms of one order or of one leg of a list, as the venue takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// `BUY` or `SELL`.
    pub side: &'static str,
    /// The venue's name of the order's type.
    pub kind: &'static str,
    /// Where the type has a time in force.
    pub time_in_force: Option<&'static str>,
    /// In base asset; `None` where the quote quantity says it.
    pub quantity: Option<Quantity>,
    /// In quote asset, for market orders.
    pub quote_quantity: Option<Cash>,
    /// Limit price.
    pub price: Option<Price>,
    /// Trigger price.
    pub stop_price: Option<Price>,
    /// Distance of a trailing stop, in hundredths of a percent of the best price since it began.
    pub trailing_delta: Option<i64>,
}

/// Hundredths of a percent in one.
const BASIS_POINTS: i128 = 10_000;

impl Terms {
    /// Of a request.
    ///
    /// # Errors
    /// The venue has no such order; the refusal says what it lacks.
    pub fn of(request: &OrderRequest) -> Result<Self, Refusal> {
        let time_in_force = time_in_force(request)?;
        let (kind, takes_time) = kind(request);
        if !takes_time && request.time_in_force != implied(request.order_type) {
            let (kind, expected) = (request.order_type, implied(request.order_type));
            return refuse(
                "binance.time_in_force",
                format!(
                    "Binance takes no {} on {}{kind} orders; give {expected}",
                    request.time_in_force,
                    post_only(request)
                ),
            );
        }
        if request.quote_quantity.is_some() && request.order_type != OrderType::Market {
            let text = format!(
                "Binance takes a quote quantity on market orders alone, and this is a {} order",
                request.order_type
            );
            return refuse("binance.quote_quantity", text);
        }
        if request.quote_quantity.is_some() && !request.quantity.is_zero() {
            let text = format!("a quote quantity beside quantity {}; give one of the two", request.quantity);
            return refuse("binance.quote_quantity", text);
        }
        let trails = request.order_type == OrderType::TrailingStop;
        Ok(Self {
            side: side(request.side),
            kind,
            time_in_force: takes_time.then_some(time_in_force),
            quantity: request.quote_quantity.is_none().then_some(request.quantity),
            quote_quantity: request.quote_quantity,
            price: request.price.filter(|_| request.order_type.has_limit()),
            stop_price: request.stop_price.filter(|_| request.order_type.is_conditional() && !trails),
            trailing_delta: if trails { Some(trailing_delta(request)?) } else { None },
        })
    }
}

/// A refusal before sending.
pub(super) fn refuse<T>(reason: &'static str, text: String) -> Result<T, Refusal> {
    Err(Refusal { reason: Reason::code(reason), text })
}

/// The venue's word for a side.
pub(super) fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

/// The venue's name of the type, and whether it takes a time in force.
fn kind(request: &OrderRequest) -> (&'static str, bool) {
    match request.order_type {
        OrderType::Market => ("MARKET", false),
        OrderType::Limit if request.post_only => ("LIMIT_MAKER", false),
        OrderType::Limit => ("LIMIT", true),
        OrderType::Stop | OrderType::TrailingStop => ("STOP_LOSS", false),
        OrderType::StopLimit => ("STOP_LOSS_LIMIT", true),
        OrderType::TakeProfit => ("TAKE_PROFIT", false),
    }
}

/// How long an order of this type lives where nothing can say it.
fn implied(order_type: OrderType) -> TimeInForce {
    if order_type == OrderType::Market { TimeInForce::Ioc } else { TimeInForce::Gtc }
}

fn post_only(request: &OrderRequest) -> &'static str {
    if request.post_only { "post-only " } else { "" }
}

fn time_in_force(request: &OrderRequest) -> Result<&'static str, Refusal> {
    match request.time_in_force {
        TimeInForce::Gtc => Ok("GTC"),
        TimeInForce::Ioc => Ok("IOC"),
        TimeInForce::Fok => Ok("FOK"),
        TimeInForce::Day => {
            refuse("binance.time_in_force", "Binance has no orders for a day; give gtc, ioc or fok".to_owned())
        }
    }
}

/// The venue follows the price at a share of it, we say an amount: the share that the amount has of the price at which the
/// stop begins, rounded half to even. The stop begins `trail_amount` away from that price, at `stop_price`.
fn trailing_delta(request: &OrderRequest) -> Result<i64, Refusal> {
    let (Some(amount), Some(stop)) = (request.trail_amount, request.stop_price) else {
        return refuse(
            "order.trail_amount",
            "a trailing stop needs `trail_amount` and the `stop_price` it begins at".to_owned(),
        );
    };
    let begins = match request.side {
        Side::Sell => stop.checked_add(amount),
        Side::Buy => stop.checked_sub(amount),
    };
    let Some(begins) = begins.filter(|price| price.is_positive() && amount.is_positive()) else {
        return refuse(
            "order.trail_amount",
            format!("a trailing stop at {stop} that follows at {amount} begins at no price"),
        );
    };
    let share = messages::number::div_half_even(i128::from(amount.raw()) * BASIS_POINTS, i128::from(begins.raw()));
    match i64::try_from(share) {
        Ok(share) if share > 0 => Ok(share),
        _ => refuse(
            "order.trail_amount",
            format!(
                "trail amount {amount} is below half a hundredth of a percent of {begins}, the least that Binance follows at"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use messages::{Exchange, Instrument};

    use super::*;

    fn request(order_type: OrderType) -> OrderRequest {
        let instrument = Instrument { exchange: Exchange::Binance, symbol: "BTCUSDT".parse().unwrap() };
        let number = |text: &str| Some(text.parse::<Price>().unwrap());
        OrderRequest {
            order_type,
            time_in_force: implied(order_type),
            price: number("100").filter(|_| order_type.has_limit()),
            stop_price: number("95").filter(|_| order_type.is_conditional()),
            ..OrderRequest::market(instrument, Side::Sell, Quantity::ONE)
        }
    }

    #[test]
    fn every_type_has_its_name_and_its_prices() {
        let check = |request: &OrderRequest, expected: &str| {
            let t = Terms::of(request).unwrap();
            let shown =
                format!("{} {:?} {:?} {:?} {:?}", t.kind, t.time_in_force, t.price, t.stop_price, t.trailing_delta);
            assert_eq!(shown, expected);
        };
        check(&request(OrderType::Market), "MARKET None None None None");
        check(&request(OrderType::Limit), "LIMIT Some(\"GTC\") Some(100) None None");
        check(&OrderRequest { post_only: true, ..request(OrderType::Limit) }, "LIMIT_MAKER None Some(100) None None");
        check(&request(OrderType::Stop), "STOP_LOSS None None Some(95) None");
        check(&request(OrderType::StopLimit), "STOP_LOSS_LIMIT Some(\"GTC\") Some(100) Some(95) None");
        check(&request(OrderType::TakeProfit), "TAKE_PROFIT None None Some(95) None");
        let trailing = OrderRequest { trail_amount: Some("5".parse().unwrap()), ..request(OrderType::TrailingStop) };
        check(&trailing, "STOP_LOSS None None None Some(500)");
        // 5 of 90, and 0.25 of 95.25 is 26.2…
        check(&OrderRequest { side: Side::Buy, ..trailing.clone() }, "STOP_LOSS None None None Some(556)");
        check(
            &OrderRequest { trail_amount: Some("0.25".parse().unwrap()), ..trailing },
            "STOP_LOSS None None None Some(26)",
        );
    }

    #[test]
    fn what_the_venue_has_no_words_for_is_refused_with_a_name() {
        let check = |request: OrderRequest, expected: &str| {
            let refusal = Terms::of(&request).unwrap_err();
            assert_eq!(refusal.reason.as_str(), expected, "{}", refusal.text);
        };
        for order_type in OrderType::ALL {
            let day = OrderRequest { time_in_force: TimeInForce::Day, ..request(*order_type) };
            check(day, "binance.time_in_force");
        }
        check(OrderRequest { time_in_force: TimeInForce::Fok, ..request(OrderType::Market) }, "binance.time_in_force");
        check(OrderRequest { time_in_force: TimeInForce::Ioc, ..request(OrderType::Stop) }, "binance.time_in_force");
        let post_only = OrderRequest { post_only: true, time_in_force: TimeInForce::Ioc, ..request(OrderType::Limit) };
        check(post_only, "binance.time_in_force");
        let quote = Some("10".parse().unwrap());
        check(OrderRequest { quote_quantity: quote, ..request(OrderType::Limit) }, "binance.quote_quantity");
        check(OrderRequest { quote_quantity: quote, ..request(OrderType::Market) }, "binance.quote_quantity");
        check(request(OrderType::TrailingStop), "order.trail_amount");
        let tiny =
            OrderRequest { trail_amount: Some("0.00000001".parse().unwrap()), ..request(OrderType::TrailingStop) };
        check(tiny, "order.trail_amount");
    }
}
