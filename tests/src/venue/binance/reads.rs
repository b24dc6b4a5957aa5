//! What only reads: rules and prices for anybody, orders, trades and balances for an account.
//! Source: `rest-api.md`, "General", "Market data" and "Account endpoints"; `filters.md`.

use messages::Price;
use serde_json::{Value, json};

use super::super::exchange::Execution;
use super::super::exchange::order::Order;
use super::super::exchange::rules::{Fees, Instrument, Refusal};
use super::BinanceVenue;
use super::orders::By;
use super::params::{ApiError, Params};
use super::terms::{self, eight, fee, ms, price};

/// Rows of an answer, when none were asked for, and at most.
const ROWS: [usize; 2] = [500, 1_000];
/// The longest range of time of a question, in milliseconds.
const RANGE_MS: i64 = 86_400_000;

impl BinanceVenue {
    fn instrument(&self, params: &Params) -> Result<&Instrument, ApiError> {
        let symbol = params.need("symbol")?;
        self.exchange.instruments.get(symbol).ok_or_else(|| Refusal::UnknownSymbol.into())
    }

    /// The instruments that a request names by `symbol` or `symbols`; all of them when it names none.
    fn named(&self, params: &Params) -> Result<Vec<&Instrument>, ApiError> {
        let wrong = |_| ApiError::new(-1100, "Illegal characters found in parameter 'symbols'.");
        let names: Vec<String> = match (params.get("symbol"), params.get("symbols")) {
            (Some(one), None) => vec![one.to_owned()],
            (None, Some(list)) => serde_json::from_str(list).map_err(wrong)?,
            (None, None) => return Ok(self.exchange.instruments.values().collect()),
            (Some(_), Some(_)) => return Err(ApiError::new(-1128, "Combination of optional parameters invalid.")),
        };
        let known = |name: &String| self.exchange.instruments.get(name).ok_or_else(|| Refusal::UnknownSymbol.into());
        names.iter().map(known).collect()
    }

    pub(super) fn info(&self, params: &Params, now: i64) -> Result<Value, ApiError> {
        let symbols = self.named(params)?;
        Ok(json!({
            "timezone": "UTC", "serverTime": now, "exchangeFilters": [],
            "rateLimits": self.limits.json(true, true, false),
            "symbols": symbols.into_iter().map(symbol_json).collect::<Value>(),
        }))
    }

    /// One answer for a request that names one symbol, a list of them for any other.
    pub(super) fn quoted(&self, params: &Params, quote: fn(&Instrument) -> Value) -> Result<Value, ApiError> {
        let mut all = self.named(params)?.into_iter().map(quote);
        Ok(match params.get("symbol") {
            Some(_) => all.next().unwrap_or_default(),
            None => all.collect(),
        })
    }

    pub(super) fn depth(&self, params: &Params) -> Result<Value, ApiError> {
        let on = self.instrument(params)?;
        let size = eight(on.available.unwrap_or(on.max_quantity).raw());
        let level = |at: Price| json!([[price(Some(at)), size]]);
        Ok(json!({"lastUpdateId": self.exchange.next_event(), "bids": level(on.bid), "asks": level(on.ask)}))
    }

    pub(super) fn account(&self, by: By) -> Value {
        let rate = match self.exchange.rules.fees {
            Fees::OfReceived(parts) => parts,
            Fees::None => 0,
        };
        let text = eight(i128::from(rate) * 1_000);
        let leaves_out = by.params.get("omitZeroBalances") == Some("true");
        let balances = self.exchange.balances(by.account).into_iter();
        let balances = balances.filter(|b| !leaves_out || !b.free.is_zero() || !b.held.is_zero());
        let basis_points = rate / 100;
        json!({
            "makerCommission": basis_points, "takerCommission": basis_points, "buyerCommission": 0, "sellerCommission": 0,
            "commissionRates": {"maker": text, "taker": text, "buyer": "0.00000000", "seller": "0.00000000"},
            "canTrade": true, "canWithdraw": false, "canDeposit": false, "brokered": false,
            "requireSelfTradePrevention": false, "preventSor": false, "updateTime": ms(by.now), "accountType": "SPOT",
            "balances": balances.map(|b| json!({
                "asset": b.asset, "free": eight(b.free.raw()), "locked": eight(b.held.raw()),
            })).collect::<Value>(),
            "permissions": ["SPOT"], "uid": 1,
        })
    }

    pub(super) fn commission(&self, by: By) -> Result<Value, ApiError> {
        let on = self.instrument(by.params)?;
        let rates = self.account(by)["commissionRates"].clone();
        let none = json!({"maker": "0.00000000", "taker": "0.00000000", "buyer": "0.00000000", "seller": "0.00000000"});
        Ok(json!({
            "symbol": on.symbol, "standardCommission": rates, "specialCommission": none, "taxCommission": none,
            "discount": {"enabledForAccount": false, "enabledForSymbol": false, "discountAsset": "BNB", "discount": "0.75000000"},
        }))
    }

    fn asked_json(&self, order: &Order) -> Value {
        terms::asked_json(order, &self.extras_of(order.id))
    }

    pub(super) fn status(&self, by: By) -> Result<Value, ApiError> {
        let unknown = ApiError::new(-2013, "Order does not exist.");
        self.meant(by, "orderId", "origClientOrderId", unknown).map(|order| self.asked_json(order))
    }

    pub(super) fn open_orders(&self, by: By) -> Result<Value, ApiError> {
        let symbol = by.params.get("symbol");
        if symbol.is_some() {
            self.instrument(by.params)?;
        }
        let open = self.exchange.open(by.account).filter(|o| symbol.is_none_or(|s| o.terms.symbol == s));
        Ok(open.map(|order| self.asked_json(order)).collect())
    }

    pub(super) fn all_orders(&self, by: By) -> Result<Value, ApiError> {
        let on = self.instrument(by.params)?;
        let (from, until) = range(by.params)?;
        let first: Option<u64> = by.params.parsed("orderId")?;
        let mine = self.exchange.orders.values().filter(|o| o.account == by.account && o.terms.symbol == on.symbol);
        let fits = mine.filter(|o| first.is_none_or(|id| o.id >= id) && (from..=until).contains(&ms(o.created_at)));
        let forward = first.is_some() || by.params.get("startTime").is_some();
        page(fits.map(|o| self.asked_json(o)).collect(), by.params, forward)
    }

    pub(super) fn trades(&self, by: By) -> Result<Value, ApiError> {
        let on = self.instrument(by.params)?;
        let (from, until) = range(by.params)?;
        let (first, order): (Option<u64>, Option<u64>) = (by.params.parsed("fromId")?, by.params.parsed("orderId")?);
        let mine =
            self.exchange.executions.iter().filter(|e| e.account == by.account && e.symbol == on.symbol && !e.busted);
        let fits = mine.filter(|e| {
            first.is_none_or(|id| e.trade >= id)
                && order.is_none_or(|id| e.order == id)
                && (from..=until).contains(&ms(e.at))
        });
        let forward = first.is_some() || by.params.get("startTime").is_some();
        page(fits.map(|e| self.trade_json(e)).collect(), by.params, forward)
    }

    fn trade_json(&self, fill: &Execution) -> Value {
        let (asset, fee) = fee(fill);
        let list = self.exchange.orders.get(&fill.order).and_then(|o| o.list);
        json!({
            "symbol": fill.symbol, "id": fill.trade, "orderId": fill.order, "orderListId": list.map_or(json!(-1), |l| json!(l)),
            "price": price(Some(fill.price)), "qty": eight(fill.quantity.raw()), "quoteQty": eight(fill.quote.raw()),
            "commission": fee, "commissionAsset": asset, "time": ms(fill.at),
            "isBuyer": fill.side == messages::orders::Side::Buy, "isMaker": fill.maker, "isBestMatch": true,
        })
    }

    pub(super) fn list_status(&self, by: By) -> Result<Value, ApiError> {
        let unknown = ApiError::new(-2018, "Order list does not exist.");
        self.meant_list(by, "origClientOrderId", unknown).map(|list| self.list_json(list, false))
    }

    pub(super) fn lists(&self, by: By, only_open: bool) -> Value {
        let mine = self.exchange.lists.values().filter(|l| l.account == by.account);
        let open = mine.filter(|l| !only_open || l.orders().any(|id| self.exchange.orders[&id].lives()));
        open.map(|list| self.list_json(list, false)).collect()
    }
}

fn range(params: &Params) -> Result<(i64, i64), ApiError> {
    let (from, until): (Option<i64>, Option<i64>) = (params.parsed("startTime")?, params.parsed("endTime")?);
    if let (Some(from), Some(until)) = (from, until)
        && until - from > RANGE_MS
    {
        return Err(ApiError::new(-1127, "More than 24 hours between startTime and endTime."));
    }
    let until = until.or(from.map(|from| from.saturating_add(RANGE_MS))).unwrap_or(i64::MAX);
    Ok((from.unwrap_or(0), until))
}

/// The first rows from where was asked, or else the newest.
fn page(rows: Vec<Value>, params: &Params, forward: bool) -> Result<Value, ApiError> {
    let limit = params.parsed::<usize>("limit")?.unwrap_or(ROWS[0]).min(ROWS[1]);
    let skipped = if forward { 0 } else { rows.len().saturating_sub(limit) };
    Ok(rows.into_iter().skip(skipped).take(limit).collect())
}

/// The last price.
pub(super) fn last_json(on: &Instrument) -> Value {
    json!({"symbol": on.symbol, "price": price(Some(on.last()))})
}

/// The best bid and ask.
pub(super) fn best_json(on: &Instrument) -> Value {
    let size = eight(on.available.unwrap_or(on.max_quantity).raw());
    json!({
        "symbol": on.symbol, "bidPrice": price(Some(on.bid)), "bidQty": size,
        "askPrice": price(Some(on.ask)), "askQty": size,
    })
}

/// The average price: this market has one price at a time.
pub(super) fn average_json(on: &Instrument) -> Value {
    json!({"mins": 5, "price": price(Some(on.last()))})
}

fn symbol_json(on: &Instrument) -> Value {
    let quantity = |kind: &str| {
        json!({
            "filterType": kind, "minQty": eight(on.min_quantity.raw()), "maxQty": eight(on.max_quantity.raw()),
            "stepSize": eight(on.step.raw()),
        })
    };
    let mut filters = vec![
        json!({
            "filterType": "PRICE_FILTER", "minPrice": price(Some(on.tick)), "maxPrice": "1000000.00000000",
            "tickSize": price(Some(on.tick)),
        }),
        quantity("LOT_SIZE"),
        json!({"filterType": "ICEBERG_PARTS", "limit": 10}),
        quantity("MARKET_LOT_SIZE"),
        json!({
            "filterType": "TRAILING_DELTA", "minTrailingAboveDelta": 10, "maxTrailingAboveDelta": 2000,
            "minTrailingBelowDelta": 10, "maxTrailingBelowDelta": 2000,
        }),
        json!({
            "filterType": "NOTIONAL", "minNotional": eight(on.min_notional.raw()), "applyMinToMarket": true,
            "maxNotional": eight(on.max_notional.raw()), "applyMaxToMarket": true, "avgPriceMins": 5,
        }),
        json!({"filterType": "MAX_NUM_ORDERS", "maxNumOrders": on.max_orders}),
        json!({"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": on.max_conditional}),
    ];
    if let Some((low, high)) = on.percent {
        let part = |percent: i64| format!("{}.{:02}", percent / 100, percent % 100);
        filters.push(json!({
            "filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": part(high), "bidMultiplierDown": part(low),
            "askMultiplierUp": part(high), "askMultiplierDown": part(low), "avgPriceMins": 5,
        }));
    }
    json!({
        "symbol": on.symbol, "status": if on.halted { "HALT" } else { "TRADING" },
        "baseAsset": on.base, "baseAssetPrecision": 8, "quoteAsset": on.quote, "quotePrecision": 8,
        "quoteAssetPrecision": 8, "baseCommissionPrecision": 8, "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"],
        "icebergAllowed": true, "ocoAllowed": true, "otoAllowed": true, "quoteOrderQtyMarketAllowed": true,
        "allowTrailingStop": true, "cancelReplaceAllowed": true, "amendAllowed": true,
        "isSpotTradingAllowed": true, "isMarginTradingAllowed": false, "filters": filters,
        "permissions": [], "permissionSets": [["SPOT"]], "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    })
}
