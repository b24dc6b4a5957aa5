//! What only reads: orders, positions, account, fills, clock, calendar and assets. Source: the trading API's reference.

use std::time::Duration;

use messages::{Cash, Price, UtcNanos};
use serde_json::{Value, json};

use super::super::exchange::account;
use super::super::exchange::order::Order;
use super::super::exchange::rules::Instrument;
use super::AlpacaVenue;
use super::errors::ApiError;
use super::terms::{self, time, uuid};

const DAY: Duration = Duration::from_secs(86_400);
/// The session in UTC: 9:30 and 16:00 in New York, by winter time all year.
const SESSION_SECS: [i64; 2] = [52_200, 75_600];

/// The parameters of a query, decoded.
#[must_use]
pub fn query(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes()).map(|(n, v)| (n.to_string(), v.to_string())).collect()
}

fn given<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

fn instant(query: &[(String, String)], name: &str) -> Result<Option<UtcNanos>, ApiError> {
    let wrong = |_| ApiError::invalid(format!("invalid {name}: expected RFC 3339 or a date"));
    given(query, name).map(|text| text.parse().map_err(wrong)).transpose()
}

fn count(query: &[(String, String)], name: &str, usual: usize, most: usize) -> Result<usize, ApiError> {
    let Some(text) = given(query, name) else { return Ok(usual) };
    let found = text.parse().ok().filter(|n| (1..=most).contains(n));
    found.ok_or_else(|| ApiError::invalid(format!("invalid {name} {text}: expected 1 to {most}")))
}

fn is_weekday(day: i64) -> bool {
    // The day zero was a Thursday.
    (day + 3).rem_euclid(7) < 5
}

/// The first time after `now` at which the session has its `part`: 0 opens, 1 closes.
fn next(part: usize, now: UtcNanos) -> UtcNanos {
    let at = |day: i64| UtcNanos(UtcNanos::start_of_day(day).0 + SESSION_SECS[part] * 1_000_000_000);
    let days = now.day()..now.day() + 8;
    days.filter(|day| is_weekday(*day)).map(at).find(|at| *at > now).unwrap_or(now)
}

impl AlpacaVenue {
    pub(super) fn orders(&self, text: &str) -> Result<Value, ApiError> {
        let query = query(text);
        let status = given(&query, "status").unwrap_or("open");
        if !matches!(status, "open" | "closed" | "all") {
            return Err(ApiError::invalid(format!("invalid status {status}: expected open, closed or all")));
        }
        let (after, until) = (instant(&query, "after")?, instant(&query, "until")?);
        let symbols: Option<Vec<&str>> = given(&query, "symbols").map(|list| list.split(',').collect());
        let nested = given(&query, "nested").is_some_and(|v| v.eq_ignore_ascii_case("true"));
        let fits = |order: &&Order| {
            (status == "all" || (status == "closed") == Self::is_ended(order))
                && after.is_none_or(|at| order.created_at > at)
                && until.is_none_or(|at| order.created_at < at)
                && symbols.as_ref().is_none_or(|s| s.contains(&order.terms.symbol.as_str()))
                && given(&query, "side").is_none_or(|side| side == side_of(order))
                && !(nested && order.list.is_some() && self.legs_of(order).is_empty())
        };
        let mut found: Vec<&Order> = self.exchange.orders.values().filter(fits).collect();
        if given(&query, "direction") != Some("asc") {
            found.reverse();
        }
        found.truncate(count(&query, "limit", 50, 500)?);
        Ok(found.into_iter().map(|order| self.order_json(order, nested)).collect())
    }

    pub(super) fn by_client_id(&self, text: &str) -> Result<Value, ApiError> {
        let query = query(text);
        let id = given(&query, "client_order_id").ok_or_else(|| ApiError::invalid("client_order_id is required"))?;
        let order = self.exchange.by_client_id(&self.setup.account, id);
        let missing = || ApiError::missing(format!("order not found for {id}"));
        order.map(|order| self.order_json(order, true)).ok_or_else(missing)
    }

    /// Instruments in which there is a position.
    pub(super) fn held(&self) -> Vec<&Instrument> {
        let account = self.exchange.accounts.get(&self.setup.account);
        let owns = |on: &&Instrument| account.is_some_and(|a| !a.owns(&on.base).is_zero());
        self.exchange.instruments.values().filter(owns).collect()
    }

    pub(super) fn positions(&self) -> Value {
        self.held().into_iter().map(|on| self.position_json(on)).collect()
    }

    pub(super) fn position(&self, symbol: &str) -> Result<Value, ApiError> {
        let on = self.instrument(symbol)?;
        let held = self.held().iter().any(|held| held.symbol == on.symbol);
        if held { Ok(self.position_json(on)) } else { Err(ApiError::missing("position does not exist")) }
    }

    fn position_json(&self, on: &Instrument) -> Value {
        let account = &self.exchange.accounts[&self.setup.account];
        let owned = account.owns(&on.base);
        let quantity = account::quantity(owned);
        let basis = account.basis.get(&on.base).copied().unwrap_or_default();
        let value = on.last().times(quantity).unwrap_or_default();
        let gain = value.checked_sub(basis).unwrap_or_default();
        let crypto = on.symbol.contains('/');
        json!({
            "asset_id": uuid(&on.symbol, 0), "symbol": on.symbol.replace('/', ""),
            "exchange": if crypto { "CRYPTO" } else { "NASDAQ" },
            "asset_class": if crypto { "crypto" } else { "us_equity" }, "asset_marginable": !crypto,
            "qty": quantity.to_string(), "qty_available": self.available(on).to_string(),
            "avg_entry_price": basis.abs().per(account::quantity(owned.abs())).unwrap_or_default().to_string(),
            "side": if owned.is_negative() { "short" } else { "long" }, "market_value": value.to_string(),
            "cost_basis": basis.to_string(), "unrealized_pl": gain.to_string(), "unrealized_plpc": share(gain, basis),
            "unrealized_intraday_pl": gain.to_string(), "unrealized_intraday_plpc": share(gain, basis),
            "current_price": on.last().to_string(), "lastday_price": on.last().to_string(), "change_today": "0",
        })
    }

    fn available(&self, on: &Instrument) -> Cash {
        self.exchange.balance(&self.setup.account, &on.base).free
    }

    pub(super) fn account(&self) -> Value {
        let whose = &self.setup.account;
        let (cash, long, short) = self.exchange.equity(whose);
        let equity =
            [cash, long, short].iter().fold(Cash::ZERO, |sum, c| sum.checked_add(*c).unwrap_or(sum)).to_string();
        let power = self.exchange.buying_power(whose).to_string();
        let multiplier = self.exchange.rules.leverage.unwrap_or(1);
        let free = cash.checked_sub(self.exchange.held(whose, "USD")).unwrap_or_default().max(Cash::ZERO);
        json!({
            "id": uuid("account", 1), "account_number": "PA0000000001", "status": "ACTIVE", "crypto_status": "ACTIVE",
            "currency": "USD", "cash": cash.to_string(), "portfolio_value": equity, "equity": equity, "last_equity": equity,
            "buying_power": power, "regt_buying_power": power, "daytrading_buying_power": "0",
            "non_marginable_buying_power": free.to_string(), "options_buying_power": free.to_string(),
            "long_market_value": long.to_string(), "short_market_value": short.to_string(), "initial_margin": "0",
            "maintenance_margin": "0", "last_maintenance_margin": "0", "sma": "0", "accrued_fees": "0",
            "pending_transfer_in": "0", "pattern_day_trader": false, "trading_blocked": false, "transfers_blocked": false,
            "account_blocked": false, "trade_suspended_by_user": false, "created_at": time(self.setup.since),
            "multiplier": multiplier.to_string(), "shorting_enabled": multiplier > 1, "daytrade_count": 0,
            "options_approved_level": 0, "options_trading_level": 0,
        })
    }

    pub(super) fn fills(&self, text: &str) -> Result<Value, ApiError> {
        let query = query(text);
        let (after, until) = (instant(&query, "after")?, instant(&query, "until")?);
        let mut rows = Vec::new();
        let mut sums = std::collections::BTreeMap::new();
        for fill in self.exchange.executions.iter().filter(|f| !f.busted) {
            let sum = sums.entry(fill.order).or_insert(messages::Quantity::ZERO);
            *sum = sum.checked_add(fill.quantity).unwrap_or(*sum);
            if after.is_some_and(|at| fill.at <= at) || until.is_some_and(|at| fill.at >= at) {
                continue;
            }
            let order = &self.exchange.orders[&fill.order];
            let leaves = Self::leaves(order, *sum);
            let digits: String = time(fill.at).bytes().filter(u8::is_ascii_digit).map(char::from).take(17).collect();
            rows.push(json!({
                "id": format!("{digits}::{}", uuid("fill", fill.trade)), "activity_type": "FILL",
                "transaction_time": time(fill.at), "type": if leaves.is_zero() { "fill" } else { "partial_fill" },
                "price": fill.price.to_string(), "qty": fill.quantity.to_string(), "side": side_of(order),
                "symbol": fill.symbol, "leaves_qty": leaves.to_string(), "order_id": terms::order_uuid(fill.order),
                "cum_qty": sum.to_string(), "order_status": self.status(order),
            }));
        }
        if given(&query, "direction") != Some("asc") {
            rows.reverse();
        }
        // The token of a page is the id of the last row of the one before.
        let skipped = match given(&query, "page_token") {
            Some(token) => rows.iter().position(|row| row["id"] == token).map_or(rows.len(), |at| at + 1),
            None => 0,
        };
        Ok(rows.into_iter().skip(skipped).take(count(&query, "page_size", 100, 100)?).collect())
    }

    pub(super) fn clock(&self, now: UtcNanos) -> Value {
        let open = self.exchange.instruments.values().any(|on| !on.halted);
        json!({
            "timestamp": time(now), "is_open": open, "next_open": time(next(0, now)), "next_close": time(next(1, now)),
        })
    }

    pub(super) fn calendar(&self, text: &str, now: UtcNanos) -> Result<Value, ApiError> {
        let query = query(text);
        let from = instant(&query, "start")?.unwrap_or(now).day();
        let until = instant(&query, "end")?.unwrap_or(now.after(30 * DAY)).day().min(from + 3_660);
        let date = |day: i64| time(UtcNanos::start_of_day(day)).chars().take(10).collect::<String>();
        let row = |day: i64| {
            json!({
                "date": date(day), "open": "09:30", "close": "16:00", "session_open": "0400", "session_close": "2000",
                "settlement_date": date(day + 1),
            })
        };
        Ok((from..=until).filter(|day| is_weekday(*day)).map(row).collect())
    }

    pub(super) fn assets(&self, text: &str) -> Value {
        let query = query(text);
        let class = given(&query, "asset_class");
        let all = self.exchange.instruments.values().map(asset_json);
        all.filter(|asset| class.is_none_or(|class| asset["class"] == class)).collect()
    }

    pub(super) fn asset(&self, name: &str) -> Result<Value, ApiError> {
        let by_id = self.exchange.instruments.values().find(|on| uuid(&on.symbol, 0).to_string() == name);
        by_id.map_or_else(|| self.instrument(name), Ok).map(asset_json)
    }
}

fn side_of(order: &Order) -> &'static str {
    if order.terms.side == messages::orders::Side::Buy { "buy" } else { "sell" }
}

/// A gain as part of what it cost.
fn share(gain: Cash, basis: Cash) -> String {
    match gain.raw().checked_mul(100_000_000).and_then(|raw| raw.checked_div(basis.raw().abs())) {
        Some(part) => i64::try_from(part).ok().and_then(Price::from_raw).unwrap_or_default().to_string(),
        None => "0".to_owned(),
    }
}

fn asset_json(on: &Instrument) -> Value {
    let crypto = on.symbol.contains('/');
    let mut json = json!({
        "id": uuid(&on.symbol, 0), "class": if crypto { "crypto" } else { "us_equity" },
        "exchange": if crypto { "CRYPTO" } else { "NASDAQ" }, "symbol": on.symbol, "name": on.symbol, "status": "active",
        "tradable": !on.halted || !crypto, "marginable": !crypto, "shortable": !crypto, "easy_to_borrow": !crypto,
        "fractionable": true, "maintenance_margin_requirement": 30, "attributes": [],
    });
    if crypto {
        json["min_order_size"] = json!(on.min_quantity.to_string());
        json["min_trade_increment"] = json!(on.step.to_string());
        json["price_increment"] = json!(on.tick.to_string());
    }
    json
}
