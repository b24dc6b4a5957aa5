//! Requests that arrive at the paper venue.

use super::*;

impl Paper {
    pub(super) fn arrive(&mut self, request: VenueRequest, now: UtcNanos, out: &mut Vec<VenueReport>) {
        match request {
            VenueRequest::Submit { client_order_id, request, .. } => self.submit(client_order_id, *request, now, out),
            VenueRequest::Cancel { client_order_id, .. } => self.cancel(client_order_id, now, out),
            VenueRequest::Replace { client_order_id, new_client_order_id, replacement, .. } => {
                self.replace(client_order_id, new_client_order_id, replacement, now, out);
            }
            VenueRequest::Query { client_order_id, .. } => {
                let known = self.orders.get(client_order_id).is_some();
                let kind = if known { ReportKind::Accepted } else { ReportKind::Unknown };
                out.push(self.report(client_order_id, now, kind));
            }
        }
    }

    fn submit(&mut self, id: ClientOrderId, request: OrderRequest, now: UtcNanos, out: &mut Vec<VenueReport>) {
        let reject = |code, text: &str| ReportKind::Rejected { reason: Reason::code(code), text: text.to_owned() };
        if self.orders.get(id).is_some() {
            return out.push(self.report(id, now, reject("paper.duplicate", "this client order id is in use")));
        }
        let crosses = self.markets.get(request.instrument).is_some_and(|m| m.crosses(&request));
        if request.post_only && crosses {
            return out.push(self.report(id, now, reject("paper.would_match", "a post-only order would have matched")));
        }
        out.push(self.report(id, now, ReportKind::Accepted));
        let market = self.markets.get_or_default(request.instrument);
        market.orders.insert((self.requests, id));
        let arrival = self.requests;
        self.requests += 1;
        let expires = self.expiry(&request, now);
        self.orders.insert(id, Working::new(request, arrival, expires));
        self.work(id, now, out);
    }

    fn cancel(&mut self, id: ClientOrderId, now: UtcNanos, out: &mut Vec<VenueReport>) {
        if self.orders.get(id).is_some() {
            self.end(id, now, ReportKind::Canceled, out);
        } else {
            let reason = Reason::code("paper.unknown_order");
            out.push(self.report(id, now, ReportKind::CancelRejected { reason }));
        }
    }

    /// A replacement loses its place in the queue, unless it only makes the order smaller.
    fn replace(
        &mut self,
        id: ClientOrderId,
        new_id: ClientOrderId,
        terms: Replacement,
        now: UtcNanos,
        out: &mut Vec<VenueReport>,
    ) {
        let Some(mut working) = self.orders.remove(id) else {
            let reason = Reason::code("paper.unknown_order");
            return out.push(self.report(new_id, now, ReportKind::ReplaceRejected { reason }));
        };
        let before = working.request.clone();
        working.request.quantity = terms.quantity.unwrap_or(before.quantity);
        working.request.price = terms.price.or(before.price);
        working.request.stop_price = terms.stop_price.or(before.stop_price);
        if !working.remaining().is_positive() {
            working.request = before;
            self.orders.insert(id, working);
            let reason = Reason::code("paper.already_filled");
            return out.push(self.report(new_id, now, ReportKind::ReplaceRejected { reason }));
        }
        let keeps_place = working.request.price == before.price && working.request.quantity <= before.quantity;
        let market = self.markets.get_or_default(before.instrument);
        market.orders.remove(&(working.arrival, id));
        if !keeps_place {
            self.requests += 1;
            working.arrival = self.requests;
            working.queue = None;
        }
        market.orders.insert((working.arrival, new_id));
        self.orders.insert(new_id, working);
        out.push(self.report(new_id, now, ReportKind::Replaced { replacement: terms }));
        self.work(new_id, now, out);
    }
}
