//! Requests that arrive at the paper venue.

use super::family::Kinship;
use super::*;

impl Paper {
    pub(super) fn arrive(&mut self, request: VenueRequest, now: UtcNanos, out: &mut Vec<VenueReport>) {
        match request {
            VenueRequest::Submit { client_order_id, order_id, request, .. } => {
                self.submit(client_order_id, order_id, *request, now, out);
            }
            VenueRequest::Cancel { client_order_id, .. } => self.cancel(client_order_id, now, out),
            VenueRequest::Replace { client_order_id, new_client_order_id, replacement, .. } => {
                self.replace(client_order_id, new_client_order_id, replacement, now, out);
            }
            VenueRequest::Query { client_order_id, .. } => {
                let known = self.orders.get(client_order_id).is_some();
                let kind = if known { ReportKind::Accepted } else { ReportKind::Unknown };
                out.push(self.report(client_order_id, now, kind));
            }
            // It keeps no books beside ours, and says so in its capabilities, and has told no rules: it is not asked.
            VenueRequest::Account { .. } | VenueRequest::Rules { .. } => {}
        }
    }

    fn submit(
        &mut self,
        id: ClientOrderId,
        order_id: OrderId,
        request: OrderRequest,
        now: UtcNanos,
        out: &mut Vec<VenueReport>,
    ) {
        let instrument = request.instrument;
        let expires = self.expiry(&request, now);
        let kinship = self.kinship(&request);
        let arrival = self.requests;
        let mut working = Working::new(order_id, request, arrival, expires);
        working.held = matches!(kinship, Kinship::Held);
        working.since = self.events;
        let admitted = match kinship {
            Kinship::Orphan => Err(("paper.orphan", "the order that it belongs to is not open here".to_owned())),
            Kinship::Free | Kinship::Held => self.admit(id, &mut working, now),
        };
        if let Err((code, text)) = admitted {
            return out.push(self.report(id, now, ReportKind::Rejected { reason: Reason::code(code), text }));
        }
        out.push(self.report(id, now, ReportKind::Accepted));
        self.markets.get_or_default(instrument).orders.insert((arrival, id));
        self.requests += 1;
        self.orders.insert(id, working);
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
        let refused = |code| ReportKind::ReplaceRejected { reason: Reason::code(code) };
        let Some(instrument) = self.orders.get(id).map(|w| w.request.instrument) else {
            return out.push(self.report(new_id, now, refused("paper.unknown_order")));
        };
        if self.is_halted(instrument, now) {
            return out.push(self.report(new_id, now, refused("paper.halted")));
        }
        let Some(mut working) = self.orders.remove(id) else { return };
        let before = working.request.clone();
        working.request.quantity = terms.quantity.unwrap_or(before.quantity);
        working.request.price = terms.price.or(before.price);
        working.request.stop_price = terms.stop_price.or(before.stop_price);
        if !working.remaining().is_positive() {
            working.request = before;
            self.orders.insert(id, working);
            return out.push(self.report(new_id, now, refused("paper.already_filled")));
        }
        let keeps_place = working.request.price == before.price && working.request.quantity <= before.quantity;
        let market = self.markets.get_or_default(before.instrument);
        market.orders.remove(&(working.arrival, id));
        if !keeps_place {
            self.requests += 1;
            working.arrival = self.requests;
            working.place = None;
        }
        market.orders.insert((working.arrival, new_id));
        self.orders.insert(new_id, working);
        out.push(self.report(new_id, now, ReportKind::Replaced { replacement: terms }));
        self.work(new_id, now, out);
    }
}
