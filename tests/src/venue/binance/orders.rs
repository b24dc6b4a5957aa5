//! What changes orders: place, test, cancel, cancel-replace, amend, and lists. Source: `rest-api.md`, "Trading endpoints".

use messages::{Quantity, UtcNanos};
use serde_json::{Value, json};

use super::super::exchange::order::{Order, Terms};
use super::super::exchange::rules::Refusal;
use super::super::exchange::{Leg, List, Shape};
use super::BinanceVenue;
use super::params::{ApiError, Params};
use super::terms::{self, Extras, ms};

/// A request of a known account.
#[derive(Clone, Copy)]
pub(super) struct By<'a> {
    pub account: &'a str,
    pub params: &'a Params,
    pub now: UtcNanos,
}

/// Parameters that all orders of a list share.
const SHARED: [&str; 5] = ["symbol", "side", "quantity", "newOrderRespType", "selfTradePreventionMode"];

impl BinanceVenue {
    pub(super) fn place(&mut self, by: By) -> Result<Value, ApiError> {
        let (terms, extras) = terms::read(by.params)?;
        self.may_order(1, by.now)?;
        let client_id = self.client_id(by.params, "newClientOrderId")?;
        let id = self.exchange.place(by.account, &client_id, &terms, by.now)?;
        self.limits.ordered(1);
        let answer = terms::placed_json(&self.exchange, id, &extras, by.params.get("newOrderRespType"));
        self.extras.insert(id, extras);
        Ok(answer)
    }

    /// Looks at a new order, and does nothing.
    pub(super) fn test(&mut self, by: By) -> Result<Value, ApiError> {
        let (terms, _) = terms::read(by.params)?;
        let client_id = self.client_id(by.params, "newClientOrderId")?;
        self.exchange.check(by.account, &client_id, &terms, by.now)?;
        Ok(json!({}))
    }

    fn may_order(&mut self, many: u32, now: UtcNanos) -> Result<(), ApiError> {
        self.limits.order(many, now).map_err(|limit| ApiError {
            status: 429,
            ..ApiError::new(-1015, format!("Too many new orders; current limit is {limit}."))
        })
    }

    /// The client's id, or one of ours.
    fn client_id(&mut self, params: &Params, name: &str) -> Result<String, ApiError> {
        let Some(id) = params.get(name) else {
            self.made_ids += 1;
            return Ok(format!("venue{:017}", self.made_ids));
        };
        let legal = |b: u8| b.is_ascii_alphanumeric() || b".:/_-".contains(&b);
        if (1..=36).contains(&id.len()) && id.bytes().all(legal) {
            return Ok(id.to_owned());
        }
        Err(ApiError::new(
            -1100,
            format!("Illegal characters found in parameter '{name}'; legal range is '^[\\.A-Z\\:/a-z0-9_-]{{1,36}}$'."),
        ))
    }

    /// The order that is meant by id, by client id, or by both.
    pub(super) fn meant(&self, by: By, id: &str, client_id: &str, unknown: ApiError) -> Result<&Order, ApiError> {
        let symbol = by.params.need("symbol")?;
        if !self.exchange.instruments.contains_key(symbol) {
            return Err(Refusal::UnknownSymbol.into());
        }
        let found = match (by.params.parsed::<u64>(id)?, by.params.get(client_id)) {
            (Some(id), client_id) => {
                let order = self.exchange.orders.get(&id);
                if client_id.is_some_and(|c| order.is_some_and(|o| o.client_id != c)) {
                    return Err(ApiError::new(-2039, "Client order ID is not correct for this order ID."));
                }
                order
            }
            (None, Some(client_id)) => self.exchange.by_client_id(by.account, client_id),
            (None, None) => {
                let text = format!("Param '{client_id}' or '{id}' must be sent, but both were empty/null!");
                return Err(ApiError::new(-1102, text));
            }
        };
        found.filter(|o| o.account == by.account && o.terms.symbol == symbol).ok_or(unknown)
    }

    pub(super) fn cancel(&mut self, by: By) -> Result<Value, ApiError> {
        self.cancel_named(by, "orderId", "origClientOrderId", "newClientOrderId")
    }

    fn cancel_named(&mut self, by: By, id: &str, client_id: &str, request: &str) -> Result<Value, ApiError> {
        let unknown = || ApiError::new(-2011, "Unknown order sent.");
        let order = self.meant(by, id, client_id, unknown())?;
        let (id, whole) = (order.id, !order.filled.is_positive());
        match by.params.get("cancelRestrictions") {
            None => {}
            Some("ONLY_NEW") if whole => {}
            Some("ONLY_PARTIALLY_FILLED") if !whole => {}
            Some(_) => return Err(ApiError::new(-2011, "Order was not canceled due to cancel restrictions.")),
        }
        if !order.lives() {
            return Err(unknown());
        }
        let request = self.client_id(by.params, request)?;
        self.exchange.cancel(id, Some(&request), by.now)?;
        Ok(self.canceled_json(id))
    }

    fn canceled_json(&self, id: u64) -> Value {
        let order = &self.exchange.orders[&id];
        let mut json = terms::order_json(order, &self.extras_of(id));
        json["origClientOrderId"] = json!(order.client_id);
        json["clientOrderId"] = json!(order.canceled_by.as_ref().unwrap_or(&order.client_id));
        json["transactTime"] = json!(ms(order.updated_at));
        json
    }

    pub(super) fn extras_of(&self, id: u64) -> Extras {
        self.extras.get(&id).cloned().unwrap_or_default()
    }

    /// Cancels all that is open in a symbol; lists as lists.
    pub(super) fn cancel_all(&mut self, by: By) -> Result<Value, ApiError> {
        let symbol = by.params.need("symbol")?.to_owned();
        let open: Vec<(u64, Option<u64>)> = self
            .exchange
            .open(by.account)
            .filter(|order| order.terms.symbol == symbol)
            .map(|order| (order.id, order.list))
            .collect();
        if open.is_empty() {
            return Err(ApiError::new(-2011, "Unknown order sent."));
        }
        let request = self.client_id(&Params::default(), "")?;
        let mut answers = Vec::new();
        for (id, list) in open {
            if !self.exchange.orders[&id].lives() {
                continue; // It ended with its partner.
            }
            self.exchange.cancel(id, Some(&request), by.now)?;
            answers.push(match list {
                Some(list) => self.list_json(&self.exchange.lists[&list], true),
                None => self.canceled_json(id),
            });
        }
        Ok(Value::Array(answers))
    }

    pub(super) fn cancel_replace(&mut self, by: By) -> Result<Value, ApiError> {
        let mode = by.params.need("cancelReplaceMode")?;
        let goes_on = match mode {
            "STOP_ON_FAILURE" => false,
            "ALLOW_FAILURE" => true,
            _ => return Err(ApiError::new(-1100, "Illegal characters found in parameter 'cancelReplaceMode'.")),
        };
        terms::read(by.params)?;
        let canceled = self.cancel_named(by, "cancelOrderId", "cancelOrigClientOrderId", "cancelNewClientOrderId");
        let placed = if canceled.is_ok() || goes_on { Some(self.place(by)) } else { None };
        let word = |outcome: &Result<Value, ApiError>| if outcome.is_ok() { "SUCCESS" } else { "FAILURE" };
        let told = |outcome: &Result<Value, ApiError>| outcome.clone().unwrap_or_else(|e| e.json());
        let data = json!({
            "cancelResult": word(&canceled), "newOrderResult": placed.as_ref().map_or("NOT_ATTEMPTED", word),
            "cancelResponse": told(&canceled), "newOrderResponse": placed.as_ref().map_or(Value::Null, told),
        });
        match (canceled.is_ok(), placed.is_some_and(|p| p.is_ok())) {
            (true, true) => Ok(data),
            (false, false) => {
                Err(ApiError { data: Some(data), ..ApiError::new(-2022, "Order cancel-replace failed.") })
            }
            _ => {
                let error = ApiError::new(-2021, "Order cancel-replace partially failed.");
                Err(ApiError { status: 409, data: Some(data), ..error })
            }
        }
    }

    pub(super) fn amend(&mut self, by: By) -> Result<Value, ApiError> {
        let order = self.meant(by, "orderId", "origClientOrderId", ApiError::new(-2013, "Order does not exist."))?;
        let (id, before) = (order.id, order.client_id.clone());
        let to: Quantity = by.params.need_parsed("newQty")?;
        let client_id = by.params.get("newClientOrderId").map(str::to_owned);
        let wrong = |refusal| match refusal {
            Refusal::UnknownOrder => ApiError::new(-2038, "Order was not amended: it is not open."),
            other => other.into(),
        };
        self.exchange.amend(id, client_id.as_deref(), to, by.now).map_err(wrong)?;
        let order = &self.exchange.orders[&id];
        let mut amended = terms::order_json(order, &self.extras_of(id));
        amended["origClientOrderId"] = json!(before);
        amended["preventedQty"] = json!("0.00000000");
        // An amended order has other names for them.
        let names =
            [("origQty", "qty"), ("origQuoteOrderQty", "quoteOrderQty"), ("cummulativeQuoteQty", "cumulativeQuoteQty")];
        if let Some(fields) = amended.as_object_mut() {
            for (elsewhere, here) in names {
                let value = fields.remove(elsewhere);
                fields.insert(here.to_owned(), value.into());
            }
        }
        Ok(json!({"transactTime": ms(by.now), "executionId": self.exchange.next_event(), "amendedOrder": amended}))
    }

    pub(super) fn place_oco(&mut self, by: By) -> Result<Value, ApiError> {
        let (pair, extras) = self.pair(by.params)?;
        self.place_list(by, &Shape::Oco(pair), extras)
    }

    pub(super) fn place_oto(&mut self, by: By) -> Result<Value, ApiError> {
        let (first, mut extras) = self.leg(by.params, "working", &SHARED[..1])?;
        let (second, more) = self.leg(by.params, "pending", &SHARED[..1])?;
        extras.extend(more);
        self.place_list(by, &Shape::Oto(first, vec![second]), extras)
    }

    pub(super) fn place_otoco(&mut self, by: By) -> Result<Value, ApiError> {
        let (first, mut extras) = self.leg(by.params, "working", &SHARED[..1])?;
        let pending = by.params.part("pending", &SHARED[..1]);
        let (above, more) = self.leg(&pending, "above", &SHARED)?;
        extras.extend(more);
        let (below, more) = self.leg(&pending, "below", &SHARED)?;
        extras.extend(more);
        self.place_list(by, &Shape::Oto(first, vec![above, below]), extras)
    }

    fn leg(&mut self, params: &Params, prefix: &str, shared: &[&str]) -> Result<(Leg, Vec<Extras>), ApiError> {
        let part = params.part(prefix, shared).renamed("clientOrderId", "newClientOrderId");
        part.need("type").map_err(|_| {
            params.need(&format!("{prefix}Type")).err().unwrap_or_else(|| {
                ApiError::new(
                    -1102,
                    format!("Mandatory parameter '{prefix}Type' was not sent, was empty/null, or malformed."),
                )
            })
        })?;
        let (terms, extras) = terms::read(&part)?;
        Ok(((self.client_id(&part, "newClientOrderId")?, terms), vec![extras]))
    }

    /// The two orders of an OCO, whose prices lie around the market.
    fn pair(&mut self, params: &Params) -> Result<([Leg; 2], Vec<Extras>), ApiError> {
        let (above, mut extras) = self.leg(params, "above", &SHARED)?;
        let (below, more) = self.leg(params, "below", &SHARED)?;
        extras.extend(more);
        let on = self.exchange.instruments.get(&above.1.symbol).ok_or(Refusal::UnknownSymbol)?;
        let at = |terms: &Terms| terms.trigger_price().or(terms.limit);
        let around = at(&above.1).is_none_or(|p| p > on.last()) && at(&below.1).is_none_or(|p| p < on.last());
        if around { Ok(([above, below], extras)) } else { Err(Refusal::ListPrices.into()) }
    }

    fn place_list(&mut self, by: By, shape: &Shape, extras: Vec<Extras>) -> Result<Value, ApiError> {
        let many = u32::try_from(extras.len()).unwrap_or(u32::MAX);
        self.may_order(many, by.now)?;
        let client_id = self.client_id(by.params, "listClientOrderId")?;
        let list = self.exchange.place_list(by.account, &client_id, shape, by.now)?;
        self.limits.ordered(many);
        let list = self.exchange.lists[&list].clone();
        self.extras.extend(list.orders().zip(extras));
        Ok(self.list_json(&list, true))
    }

    pub(super) fn cancel_list(&mut self, by: By) -> Result<Value, ApiError> {
        let list = self.meant_list(by, "listClientOrderId", ApiError::new(-2011, "Unknown order list sent."))?.clone();
        let living = list.orders().find(|id| self.exchange.orders[id].lives());
        let first = living.ok_or_else(|| ApiError::new(-2011, "Unknown order list sent."))?;
        let request = self.client_id(by.params, "newClientOrderId")?;
        self.exchange.cancel(first, Some(&request), by.now)?;
        Ok(self.list_json(&list, true))
    }

    pub(super) fn meant_list(&self, by: By, client_id: &str, unknown: ApiError) -> Result<&List, ApiError> {
        let mut lists = self.exchange.lists.values().filter(|l| l.account == by.account);
        let found = match (by.params.parsed::<u64>("orderListId")?, by.params.get(client_id)) {
            (Some(id), _) => lists.find(|l| l.id == id),
            (None, Some(id)) => lists.rfind(|l| l.client_id == id),
            (None, None) => return Err(ApiError::new(-1102, "Param 'orderListId' must be sent, but was empty/null!")),
        };
        found.ok_or(unknown)
    }

    /// A list, with the reports of its orders or without.
    pub(super) fn list_json(&self, list: &List, reports: bool) -> Value {
        let orders: Vec<&Order> = list.orders().filter_map(|id| self.exchange.orders.get(&id)).collect();
        let name = |o: &&Order| json!({"symbol": o.terms.symbol, "orderId": o.id, "clientOrderId": o.client_id});
        let done = orders.iter().all(|o| !o.lives());
        let mut json = json!({
            "orderListId": list.id, "contingencyType": if list.working.is_some() { "OTO" } else { "OCO" },
            "listStatusType": if done { "ALL_DONE" } else { "EXEC_STARTED" },
            "listOrderStatus": if done { "ALL_DONE" } else { "EXECUTING" },
            "listClientOrderId": list.client_id, "transactionTime": ms(list.at),
            "symbol": orders.first().map_or("", |o| o.terms.symbol.as_str()),
            "orders": orders.iter().map(name).collect::<Value>(),
        });
        if reports {
            let report = |o: &&Order| {
                let mut report = terms::order_json(o, &self.extras_of(o.id));
                report["transactTime"] = json!(ms(o.updated_at));
                report
            };
            json["orderReports"] = orders.iter().map(report).collect();
        }
        json
    }
}
