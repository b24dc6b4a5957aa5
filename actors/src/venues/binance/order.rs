//! Orders and fills as answers have them. Source: `rest-api.md`, `web-socket-api.md`, which answer with the same bodies.

use messages::account::{VenueFill, VenueOrder};
use messages::orders::{Fee, Fill, Liquidity, OrderRequest, OrderType, Side, TimeInForce};
use messages::venues::ReportKind;
use messages::{Account, Asset, Cash, Exchange, Instrument, Notional, Price, Quantity, Symbol, UtcNanos};
use serde::Deserialize;
use serde_json::Value;

use super::heard::{Amount, Heard, OrderKey};
use super::report::{expiry, is_conditional, rejection};

/// An order in an answer: to its placing, its cancel, or a question.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderBody {
    /// Its symbol.
    pub symbol: Symbol,
    /// Its number.
    pub order_id: u64,
    /// Its client order id; in the answer to a cancel, that of the cancel.
    pub client_order_id: String,
    /// In the answer to a cancel: the order's.
    #[serde(default)]
    pub orig_client_order_id: String,
    /// Where it stands; absent in an acknowledgement.
    #[serde(default)]
    pub status: String,
    #[serde(default, rename = "type")]
    order_type: String,
    #[serde(default)]
    side: String,
    #[serde(default)]
    time_in_force: String,
    #[serde(default)]
    price: Price,
    #[serde(default)]
    stop_price: Price,
    /// In an amended order it is called `qty`.
    #[serde(default, alias = "qty")]
    orig_qty: Amount,
    #[serde(default)]
    executed_qty: Amount,
    /// Of an order by value: what was to be spent or to be brought in; zero of any other.
    #[serde(default)]
    orig_quote_order_qty: Cash,
    /// Price × quantity of what is filled, rounded to the venue's decimals.
    #[serde(default)]
    cummulative_quote_qty: Option<Cash>,
    trailing_delta: Option<i64>,
    #[serde(default)]
    is_working: bool,
    #[serde(default)]
    expiry_reason: Value,
    transact_time: Option<i64>,
    update_time: Option<i64>,
    time: Option<i64>,
    #[serde(default)]
    fills: Vec<FillBody>,
}

/// A fill in the answer to a placing.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FillBody {
    price: Price,
    qty: Amount,
    commission: Cash,
    commission_asset: Asset,
    trade_id: u64,
}

/// A fill in the answer to `myTrades`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TradeBody {
    symbol: Symbol,
    /// Its number within the symbol.
    pub id: u64,
    /// Its order's.
    pub order_id: u64,
    price: Price,
    qty: Amount,
    commission: Cash,
    commission_asset: Asset,
    time: i64,
    is_maker: bool,
    is_buyer: Option<bool>,
}

impl OrderBody {
    /// The venue's key.
    #[must_use]
    pub fn key(&self) -> OrderKey {
        OrderKey { symbol: self.symbol, number: self.order_id }
    }

    /// The order's own name, also where the answer is that to its cancel.
    #[must_use]
    pub fn name(&self) -> &str {
        if self.orig_client_order_id.is_empty() { &self.client_order_id } else { &self.orig_client_order_id }
    }

    /// When it last changed; `now` where it does not say.
    #[must_use]
    pub fn changed_at(&self, now: UtcNanos) -> UtcNanos {
        let millis = self.transact_time.or(self.update_time).or(self.time);
        millis.and_then(UtcNanos::from_millis).unwrap_or(now)
    }

    /// As a list of open orders has it; `None` where it does not say which way.
    #[must_use]
    pub fn listed(&self) -> Option<VenueOrder> {
        let terms = self.terms();
        let side = side(&self.side)?;
        let by_base = self.quantity().is_positive();
        Some(VenueOrder {
            client_order_id: self.name().to_owned(),
            venue_order_id: self.key().venue_order_id()?,
            instrument: Instrument { exchange: Exchange::Binance, symbol: self.symbol },
            side,
            order_type: terms.as_ref().map(|terms| terms.order_type),
            time_in_force: terms.as_ref().map(|terms| terms.time_in_force),
            quantity: by_base.then(|| self.quantity()),
            price: Some(self.price).filter(|price| price.is_positive()),
            stop_price: Some(self.stop_price).filter(|price| price.is_positive() && self.trailing_delta.is_none()),
            filled: self.executed(),
            filled_notional: self.cummulative_quote_qty.and_then(Notional::from_cash),
            status: self.status.clone(),
        })
    }

    /// How much of it is filled.
    #[must_use]
    pub fn executed(&self) -> Quantity {
        self.executed_qty.quantity
    }

    /// Its quantity.
    #[must_use]
    pub fn quantity(&self) -> Quantity {
        self.orig_qty.quantity
    }

    /// That the venue has it, the fills that the answer carries, how much is filled where it carries none, and its end.
    #[must_use]
    pub fn heard(&self, account: Account, now: UtcNanos) -> Vec<Heard> {
        let at = self.changed_at(now);
        let said = |kind| self.key().heard(account, self.name(), at, kind);
        // An answer to a question says where the order stands now, however long ago it last changed.
        let stands_at = self.transact_time.and_then(UtcNanos::from_millis).unwrap_or(now);
        let stands = |kind| self.key().heard(account, self.name(), stands_at, kind);
        let mut out = Vec::new();
        if self.status != "REJECTED" {
            out.push(stands(ReportKind::Accepted));
        }
        if self.is_working && is_conditional(&self.order_type) {
            out.push(stands(ReportKind::Triggered));
        }
        let mut cumulative = Quantity::ZERO;
        for fill in &self.fills {
            match self.fill(fill, &mut cumulative, at) {
                Some(read) => out.push(said(ReportKind::Filled(read))),
                None => out.push(Heard::unreadable("a fill out of range", &format!("{fill:?}"))),
            }
        }
        if let (true, Ok(client_order_id)) = (self.executed() > cumulative, self.name().parse()) {
            out.push(Heard::Executed { client_order_id, order: self.key(), quantity: self.executed() });
        }
        if self.status == "FILLED" && self.orig_quote_order_qty.is_positive() {
            out.push(said(ReportKind::Completed { filled: self.executed() }));
        }
        out.extend(self.end().map(said));
        if !self.is_known() {
            out.push(Heard::unreadable(format!("order status {}", self.status), &format!("{self:?}")));
        }
        if self.executed_qty.is_rounded || self.orig_qty.is_rounded || self.fills.iter().any(|f| f.qty.is_rounded) {
            out.push(Heard::Inexact(format!("quantities of order {} have more than nine decimals", self.name())));
        }
        out
    }

    /// How it ended, if it did; a complete fill is told by the fills.
    #[must_use]
    pub fn end(&self) -> Option<ReportKind> {
        match self.status.as_str() {
            "CANCELED" => Some(ReportKind::Canceled),
            "REJECTED" => Some(ReportKind::Rejected {
                reason: rejection(""),
                text: "the venue says REJECTED and no more".to_owned(),
            }),
            "EXPIRED" | "EXPIRED_IN_MATCH" => {
                Some(ReportKind::Expired { reason: expiry(&self.status, &self.expiry_reason) })
            }
            _ => None,
        }
    }

    /// Whether it may still trade, as far as its status is known.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.end().is_none() && self.status != "FILLED"
    }

    fn is_known(&self) -> bool {
        // An acknowledgement has no status.
        let open = ["", "NEW", "PENDING_NEW", "PARTIALLY_FILLED", "PENDING_CANCEL", "FILLED"];
        self.end().is_some() || open.contains(&self.status.as_str())
    }

    /// A fill of the answer to the placing: it met the book at once, so it took.
    fn fill(&self, fill: &FillBody, cumulative: &mut Quantity, at: UtcNanos) -> Option<Fill> {
        *cumulative = cumulative.checked_add(fill.qty.quantity)?;
        Some(Fill {
            execution_id: self.key().execution_id(fill.trade_id)?,
            price: fill.price,
            quantity: fill.qty.quantity,
            cumulative: *cumulative,
            liquidity: Some(Liquidity::Taker),
            fee: Some(Fee { amount: fill.commission, asset: fill.commission_asset }),
            executed_at: at,
        })
    }

    /// Its terms in our words: what a replacement of it starts from. `None` for an order that we have no words for.
    #[must_use]
    pub fn terms(&self) -> Option<OrderRequest> {
        let (order_type, post_only) = match self.order_type.as_str() {
            "LIMIT" => (OrderType::Limit, false),
            "LIMIT_MAKER" => (OrderType::Limit, true),
            // A stop that trails says a share of the price, and we an amount.
            "STOP_LOSS" if self.trailing_delta.is_none() => (OrderType::Stop, false),
            "STOP_LOSS_LIMIT" => (OrderType::StopLimit, false),
            "TAKE_PROFIT" => (OrderType::TakeProfit, false),
            _ => return None,
        };
        let side = side(&self.side)?;
        let time_in_force = match self.time_in_force.as_str() {
            "GTC" => TimeInForce::Gtc,
            "IOC" => TimeInForce::Ioc,
            "FOK" => TimeInForce::Fok,
            _ => return None,
        };
        let instrument = Instrument { exchange: Exchange::Binance, symbol: self.symbol };
        Some(OrderRequest {
            order_type,
            time_in_force,
            price: Some(self.price).filter(|price| price.is_positive()),
            stop_price: Some(self.stop_price).filter(|price| price.is_positive()),
            post_only,
            ..OrderRequest::market(instrument, side, self.orig_qty.quantity)
        })
    }
}

fn side(text: &str) -> Option<Side> {
    match text {
        "BUY" => Some(Side::Buy),
        "SELL" => Some(Side::Sell),
        _ => None,
    }
}

/// The fills of one order as reports under its name, oldest first: the venue numbers them as they happen.
#[must_use]
pub fn fills(order: &OrderBody, trades: &[TradeBody], account: Account) -> Vec<Heard> {
    let mut own: Vec<&TradeBody> =
        trades.iter().filter(|t| (t.symbol, t.order_id) == (order.symbol, order.order_id)).collect();
    own.sort_by_key(|trade| trade.id);
    own.dedup_by_key(|trade| trade.id);
    let mut cumulative = Quantity::ZERO;
    let mut out = Vec::new();
    for trade in own {
        let read = trade.fill(order.key(), &mut cumulative);
        out.push(match read {
            Some(fill) => order.key().heard(account, order.name(), fill.executed_at, ReportKind::Filled(fill)),
            None => Heard::unreadable("a trade out of range", &format!("{trade:?}")),
        });
        if trade.qty.is_rounded {
            out.push(Heard::Inexact(format!("trade {} of {} has more than nine decimals", trade.id, trade.symbol)));
        }
    }
    out
}

impl TradeBody {
    /// As a list of fills has it; `None` where it does not say which way, or is out of range.
    #[must_use]
    pub fn listed(&self) -> Option<VenueFill> {
        let order = OrderKey { symbol: self.symbol, number: self.order_id };
        let fill = self.fill(order, &mut Quantity::default())?;
        Some(VenueFill {
            venue_order_id: order.venue_order_id()?,
            instrument: Instrument { exchange: Exchange::Binance, symbol: self.symbol },
            side: if self.is_buyer? { Side::Buy } else { Side::Sell },
            execution_id: fill.execution_id,
            price: fill.price,
            quantity: fill.quantity,
            cumulative: None,
            liquidity: fill.liquidity,
            fee: fill.fee,
            executed_at: fill.executed_at,
        })
    }

    fn fill(&self, order: OrderKey, cumulative: &mut Quantity) -> Option<Fill> {
        *cumulative = cumulative.checked_add(self.qty.quantity)?;
        let liquidity = if self.is_maker { Liquidity::Maker } else { Liquidity::Taker };
        Some(Fill {
            execution_id: order.execution_id(self.id)?,
            price: self.price,
            quantity: self.qty.quantity,
            cumulative: *cumulative,
            liquidity: Some(liquidity),
            fee: Some(Fee { amount: self.commission, asset: self.commission_asset }),
            executed_at: UtcNanos::from_millis(self.time)?,
        })
    }
}
