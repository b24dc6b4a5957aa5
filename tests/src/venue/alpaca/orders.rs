//! What changes orders: place with its classes, replace, cancel, close positions. Source: "Orders" and "Positions" of the
//! trading API's reference.

use messages::orders::Side;
use messages::{Price, Quantity, UtcNanos};
use serde_json::{Value, json};

use super::super::exchange::order::{Amount, Order, State, Terms, Trail, Trigger};
use super::super::exchange::rules::Instrument;
use super::super::exchange::{Change, Leg, Shape, account};
use super::AlpacaVenue;
use super::errors::ApiError;
use super::terms::{self, Extras};

/// Longest client order id.
const CLIENT_ID_BYTES: usize = 48;

impl AlpacaVenue {
    pub(super) fn instrument(&self, symbol: &str) -> Result<&Instrument, ApiError> {
        // Crypto pairs are known without their slash as well.
        let found =
            self.exchange.instruments.values().find(|i| i.symbol == symbol || i.symbol.replace('/', "") == symbol);
        found.ok_or_else(|| ApiError::missing(format!("asset not found for {symbol}")))
    }

    pub(super) fn place(&mut self, body: &Value, now: UtcNanos) -> Result<Value, ApiError> {
        let symbol = body["symbol"].as_str().ok_or_else(|| ApiError::invalid("symbol is required"))?;
        let on = self.instrument(symbol)?.clone();
        let client_id = self.client_id(body)?;
        let class = body["order_class"].as_str().unwrap_or_default();
        let id = match class {
            "" | "simple" => {
                let (terms, extras) = terms::read(body, &on)?;
                let id = self.exchange.place(&self.setup.account, &client_id, &terms, now)?;
                self.extras.insert(id, extras);
                id
            }
            "bracket" | "oto" | "oco" => self.place_class(class, body, client_id, &on, now)?,
            other => {
                return Err(ApiError::invalid(format!(
                    "invalid order_class {other}: expected simple, bracket, oco or oto"
                )));
            }
        };
        Ok(self.order_json(&self.exchange.orders[&id], true))
    }

    fn client_id(&mut self, body: &Value) -> Result<String, ApiError> {
        match body["client_order_id"].as_str().filter(|id| !id.is_empty()) {
            Some(id) if id.len() > CLIENT_ID_BYTES => {
                Err(ApiError::invalid(format!("client_order_id must be no more than {CLIENT_ID_BYTES} characters")))
            }
            Some(id) => Ok(id.to_owned()),
            None => Ok(self.made_id()),
        }
    }

    fn made_id(&mut self) -> String {
        self.made_ids += 1;
        terms::uuid("client order", self.made_ids).to_string()
    }

    /// The legs of a class, by what the body says of them: a take-profit, and a stop-loss.
    fn legs(
        &mut self,
        body: &Value,
        first: &Terms,
        class: &str,
        on: &Instrument,
    ) -> Result<Vec<(Leg, Extras)>, ApiError> {
        let exit = if first.side == Side::Buy { Side::Sell } else { Side::Buy };
        let mut legs = Vec::new();
        let mut leg = |kind: &str, limit: Option<Price>, trigger: Option<Trigger>, id: String| {
            let extras = Extras {
                kind: kind.to_owned(),
                class: class.to_owned(),
                time_in_force: body["time_in_force"].as_str().unwrap_or_default().to_owned(),
                ..Extras::default()
            };
            legs.push(((id, Terms { side: exit, limit, trigger, ..first.clone() }), extras));
        };
        let price = |part: &str, name: &str| -> Result<Option<Price>, ApiError> {
            let price: Option<Price> = terms::number(&body[part], name)?;
            price.map(|price| terms::on_step(price, name, on)).transpose()
        };
        if let Some(limit) = price("take_profit", "limit_price")? {
            leg("limit", Some(limit), None, self.made_id());
        }
        if let Some(stop) = price("stop_loss", "stop_price")? {
            let limit = price("stop_loss", "limit_price")?;
            let kind = if limit.is_some() { "stop_limit" } else { "stop" };
            leg(kind, limit, Some(Trigger::Stop(stop)), self.made_id());
        }
        Ok(legs)
    }

    fn place_class(
        &mut self,
        class: &str,
        body: &Value,
        client_id: String,
        on: &Instrument,
        now: UtcNanos,
    ) -> Result<u64, ApiError> {
        let needs = |what: &str| ApiError::invalid(format!("{class} orders require {what}"));
        if on.symbol.contains('/') {
            return Err(ApiError::invalid("crypto orders not allowed for advanced order_class"));
        }
        // The sides of an OCO's two orders are the body's own: they leave a position that is there.
        let mut plain = body.clone();
        if class == "oco" {
            plain["type"] = json!("limit");
            if body["limit_price"].is_null() {
                plain["limit_price"] = body["take_profit"]["limit_price"].clone();
            }
        }
        let (first, first_extras) = terms::read(&plain, on)?;
        let mut legs = self.legs(body, &first, class, on)?;
        let stop = legs.iter().find(|((_, t), _)| t.trigger.is_some()).map(|((_, t), _)| t.clone());
        let profit = legs.iter().find(|((_, t), _)| t.trigger.is_none()).map(|((_, t), _)| t.clone());
        match class {
            "bracket" if profit.is_none() => return Err(needs("take_profit.limit_price")),
            "bracket" | "oco" if stop.is_none() => return Err(needs("stop_loss.stop_price")),
            "oto" if legs.len() != 1 => return Err(needs("exactly one of take_profit and stop_loss")),
            _ => {}
        }
        if let (Some(profit), Some(stop)) =
            (profit.as_ref().and_then(|t| t.limit), stop.as_ref().and_then(Terms::trigger_price))
        {
            let long = if class == "oco" { first.side == Side::Sell } else { first.side == Side::Buy };
            if (long && profit <= stop) || (!long && profit >= stop) {
                return Err(ApiError::rule("take_profit.limit_price must lie beyond stop_loss.stop_price"));
            }
        }
        let shape = if class == "oco" {
            legs.retain(|((_, t), _)| t.trigger.is_some());
            let ((id, stop), _) = legs[0].clone();
            let stop = Terms { side: first.side, ..stop };
            Shape::Oco([(client_id.clone(), first), (id, stop)])
        } else {
            Shape::Oto((client_id.clone(), first), legs.iter().map(|(leg, _)| leg.clone()).collect())
        };
        let list = self.exchange.place_list(&self.setup.account.clone(), &client_id, &shape, now)?;
        let ids: Vec<u64> = self.exchange.lists[&list].orders().collect();
        self.extras
            .extend(ids.iter().copied().zip(std::iter::once(first_extras).chain(legs.into_iter().map(|(_, e)| e))));
        Ok(ids[0])
    }

    /// The order that a path names.
    pub(super) fn named(&self, id: &str) -> Result<&Order, ApiError> {
        let missing = || ApiError::missing(format!("order not found for {id}"));
        terms::order_of(id).and_then(|id| self.exchange.orders.get(&id)).ok_or_else(missing)
    }

    pub(super) fn replace(&mut self, id: &str, body: &Value, now: UtcNanos) -> Result<Value, ApiError> {
        let order = self.named(id)?.clone();
        let status = self.status(&order);
        if !matches!(status, "new" | "partially_filled" | "held") {
            return Err(ApiError::rule(format!("cannot replace order in {status} status")));
        }
        let on = self.instrument(&order.terms.symbol)?.clone();
        let price = |name: &str| -> Result<Option<Price>, ApiError> {
            terms::number(body, name)?.map(|price| terms::on_step(price, name, &on)).transpose()
        };
        let mut extras = self.extras.get(&order.id).cloned().unwrap_or_default();
        let mut change = Change {
            quantity: terms::number::<Quantity>(body, "qty")?,
            limit: price("limit_price")?,
            ..Change::default()
        };
        change.trigger = price("stop_price")?.map(Trigger::Stop);
        if let (Some(Trigger::Trail { by, extreme, activation }), false) =
            (order.terms.trigger, body["trail"].is_null())
        {
            let name = if matches!(by, Trail::Price(_)) { "trail_price" } else { "trail_percent" };
            let by = terms::trail(&json!({name: body["trail"]}))?;
            change.trigger = Some(Trigger::Trail { by, extreme, activation });
        }
        if let Some(text) = body["time_in_force"].as_str() {
            change.time_in_force = Some(terms::time_in_force(Some(text), on.symbol.contains('/'))?);
            extras.time_in_force = text.to_owned();
        }
        let client_id = self.client_id(body)?;
        let new = self.exchange.replace(order.id, &client_id, &change, now)?;
        self.extras.insert(new, extras);
        Ok(self.order_json(&self.exchange.orders[&new], true))
    }

    pub(super) fn cancel(&mut self, id: &str, now: UtcNanos) -> Result<(), ApiError> {
        let order = self.named(id)?;
        let (id, status) = (order.id, self.status(order));
        let ended = |_| ApiError::rule(format!("order is already in \"{status}\" state"));
        self.exchange.cancel(id, None, now).map_err(ended)
    }

    /// Cancels all that is open: what became of each.
    pub(super) fn cancel_all(&mut self, now: UtcNanos) -> Value {
        let open: Vec<u64> = self.exchange.open(&self.setup.account).map(|o| o.id).collect();
        let mut told = Vec::new();
        for id in open {
            // A leg may have ended with its partner.
            let _ = self.exchange.cancel(id, None, now);
            told.push(json!({"id": terms::order_uuid(id), "status": 200, "body": self.order_json(&self.exchange.orders[&id], false)}));
        }
        Value::Array(told)
    }

    /// Closes a position, or part of it, by a market order.
    pub(super) fn close(&mut self, symbol: &str, query: &[(String, String)], now: UtcNanos) -> Result<Value, ApiError> {
        let on = self.instrument(symbol)?.clone();
        let owned = self.exchange.accounts.get(&self.setup.account).map(|a| a.owns(&on.base)).unwrap_or_default();
        if owned.is_zero() {
            return Err(ApiError::missing("position does not exist"));
        }
        let given = |name: &str| query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        let all = account::quantity(owned.abs());
        let part = match (given("qty"), given("percentage")) {
            (Some(quantity), _) => quantity.parse().map_err(|_| ApiError::invalid("invalid qty"))?,
            (None, Some(percent)) => {
                let percent: Price = percent.parse().map_err(|_| ApiError::invalid("invalid percentage"))?;
                let raw = all.raw() * i128::from(percent.raw()) / 10_000_000_000;
                Quantity::from_raw(raw).unwrap_or_default().floor_to(on.step)
            }
            (None, None) => all,
        };
        let side = if owned.is_negative() { "buy" } else { "sell" };
        let time_in_force = if symbol.contains('/') || on.symbol.contains('/') { "gtc" } else { "day" };
        let body = json!({
            "symbol": on.symbol, "qty": part.to_string(), "side": side, "type": "market", "time_in_force": time_in_force,
        });
        self.place(&body, now)
    }

    pub(super) fn status(&self, order: &Order) -> &'static str {
        let closed = self.exchange.instruments.get(&order.terms.symbol).is_some_and(|on| on.halted);
        let list = order.list.and_then(|list| self.exchange.lists.get(&list));
        let partner = list.filter(|l| l.others.len() == 2 && l.others[1] == order.id).map(|l| l.others[0]);
        let held = partner.is_some_and(|p| self.exchange.orders[&p].lives()) && !order.triggered;
        terms::status(order, held, closed)
    }

    /// An order, with its legs or without.
    pub(super) fn order_json(&self, order: &Order, nested: bool) -> Value {
        let legs: Vec<Value> = self.legs_of(order).iter().map(|leg| self.order_json(leg, false)).collect();
        let legs = if nested && !legs.is_empty() { Value::Array(legs) } else { Value::Null };
        let extras = self.extras.get(&order.id).cloned().unwrap_or_default();
        terms::order_json(order, &extras, self.status(order), legs)
    }

    /// The orders that hang on this one: all others of its list if it is the first of it.
    pub(super) fn legs_of(&self, order: &Order) -> Vec<&Order> {
        let list = order.list.and_then(|list| self.exchange.lists.get(&list));
        let mut all = list.into_iter().flat_map(|list| list.orders());
        if all.next() != Some(order.id) {
            return Vec::new();
        }
        all.filter_map(|id| self.exchange.orders.get(&id)).collect()
    }

    /// True for an order that has ended.
    pub(super) const fn is_ended(order: &Order) -> bool {
        !matches!(order.state, State::Held | State::Open)
    }

    /// A quantity that is left of an order, as activities tell it.
    pub(super) fn leaves(order: &Order, cumulative: Quantity) -> Quantity {
        match order.first_amount {
            Amount::Base(all) => all.checked_sub(cumulative).unwrap_or_default(),
            Amount::Quote(_) => Quantity::ZERO,
        }
    }
}
